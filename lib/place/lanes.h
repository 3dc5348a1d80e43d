/*
 * lanes.h - what waits in the lanes of message groups
 *
 * For those who look at a whole queue.  How often a lane's first message was
 * delivered, and whether it is delayed, its group's token says; tokens that say
 * something are read first, so memory grows with what is in flight, delayed or
 * returned, not with the backlog.
 */
#ifndef LANES_H
#define LANES_H

#include "spool/queue.h"

enum lanes_which {
	LANES_WAITING, /* not those in flight */
	LANES_ALL,     /* whatever stands in a lane */
};

/* Visit the messages, lane by lane, in their order; receives and visible are what the
 * token says.  What visit returned when that was not 0; -1 with errno; 0. */
int lanes_walk(mq_queue *, enum lanes_which, visit_fn *, void *ctx);

#endif
