/*
 * count.h - spool: what is in a queue, counted
 */
#ifndef COUNT_H
#define COUNT_H

#include "queue.h"

struct tally {
	uint64_t n;
	uint64_t bytes;
	mq_time oldest; /* the earliest key; 0: none */
};

/* Messages that have expired count nowhere; delayed ones that are due count as
 * visible.  0, or -1 with errno.  Memory does not grow with the queue. */
int count_queue(mq_queue *, struct tally *visible, struct tally *delayed, struct tally *leased);

#endif
