/*
 * memory.h - what was seen of an open queue, and spares the next look
 *
 * Nothing here counts: without it, it is looked again.
 */
#ifndef MEMORY_H
#define MEMORY_H

#include "spool/queue.h"

struct memory {
	char dir[STRIP_PATH];    /* of the last receipt: it is a directory; or "" */
	char bundle[STRIP_PATH]; /* that of the last verdict, if it was a bundle; or "" */
	int bundle_dir;          /* open, or -1 */
	struct {
		uint64_t nonce;
		mq_time deadline, at;
	} clock;           /* a shared clock that ran at that time, by the clock from boot */
	struct file *file; /* of the message read last, or NULL */
};

/* That of the queue, which frees it when it is closed.  NULL: no room. */
struct memory *memory_of(mq_queue *);

/* Have the bundle at path open.  It goes when it is empty; that is tried when the next
 * verdict is about another one, not for each. */
void memory_enter_bundle(mq_queue *, const char *path, size_t length);

#endif
