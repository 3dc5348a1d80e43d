/*
 * marks.h - the deduplication marks of messages that are dropped
 *
 * A mark (dedup.h) is found by the deduplication id, which its message does not tell;
 * its link tells the message.  So who drops messages on purpose reads all marks once:
 * that costs time and memory by their number, which the window bounds, not by that of
 * the messages.  The mark of a message goes right after it: a kill in between swallows
 * the retry of one message at most.
 */
#ifndef MARKS_H
#define MARKS_H

#include "spool/queue.h"

struct marks {
	mq_queue *q; /* that has them */
	struct mark *of;
	size_t n, room;
};

/* Those of a queue; of a dead-letter queue's, those of the queue that it belongs to:
 * 0, or -1 with errno.  All zeros is a good start. */
int marks_read(struct marks *, mq_queue *);
/* The message was dropped, by us: its mark goes, if it has one. */
void marks_forget(const struct marks *, const struct entry *);
void marks_free(struct marks *);

#endif
