/*
 * count.h - what is in a queue, counted
 */
#ifndef COUNT_H
#define COUNT_H

#include "base/known.h"
#include "spool/queue.h"

#define COUNTS "counts" /* the file that remembers, in the queue's directory */

/* Messages that have expired count nowhere; delayed ones that are due count as
 * visible.  0, or -1 with errno.  Memory does not grow with the queue. */
int count_queue(mq_queue *, struct tally *visible, struct tally *delayed, struct tally *leased);

#endif
