/*
 * lease.h - what a consumer holds
 *
 * leased/DUE/ENTRY is the lease, its path the receipt, or of what was leased with
 * its bundle leased/DUE/BUNDLE/ENTRY; in leased/DUE stands its clock, an empty
 * file whose mtime is the deadline:
 *
 *	NONCE       the clock of this lease (,lNONCE) or of all that one call
 *	            received (,sNONCE)
 *	NONCE.KEY   of one message of a shared lease that was extended alone;
 *	            it then counts instead.  The shared clock is made executable
 *	            first: without that, nobody needs to look for others.
 *	            A clock that is not empty is nobody's: it was made for an entry
 *	            that had none, and who held that has lost it.
 *	@DUE        a lease in that later bucket was cut short: look there too
 */
#ifndef LEASE_H
#define LEASE_H

#include "spool/queue.h"

struct mq_lease {
	mq_queue *queue;
	struct entry entry;
	mq_time deadline;
	int held;                /* its clock is that of a mq_hold */
	uint64_t inode;          /* of its file, if that is known, or 0 */
	char bucket[STRIP_PATH]; /* where the clock is */
	struct mq_message message;
	const char *receipt; /* the end of the path: below the queue */
	char path[];         /* absolute */
};

/* A lease object for an entry that is leased in that directory, a bucket or a
 * bundle in one.  NULL: no memory. */
mq_lease *lease_new(mq_queue *, const struct entry *, const char *dir, mq_time deadline);

/* key NULL: the lease's clock, else the one of that message's own. */
void lease_clock_path(const char *bucket, uint64_t nonce, const char *key, char path[ENTRY_PATH]);

/* Make a clock.  Its time is set before it has its name, or a reaper that saw it in between,
 * and is slow, would claim it later: its holder would be told that the lease is over.  home
 * is made when it is missing; NULL: then this fails with ENOENT.  0, or -1 with errno. */
int lease_clock_make(mq_queue *, const char *path, mq_time deadline, const char *home);

/* Having set a clock's time: whether it was that of a lease.  0: it is nobody's,
 * or gone; -1 with errno. */
int lease_clock_is_held(mq_queue *, const char *path);

#endif
