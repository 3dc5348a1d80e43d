/*
 * limit.h - max-depth and max-bytes
 *
 * Only when the depth (depth.h) stands at the limit is the queue counted, and that at
 * most for a hundredth of the time: sending costs the same whatever the depth.
 *
 * What a count finds is put beside the depth, as the difference to what the depth
 * was when it began.  So what others place and remove meanwhile stays in; and of
 * several counts at once, or of one that was stopped for long, each is right by
 * itself: the last one stands, and nothing adds up.
 *
 * A count can come out too low by the messages that others are placing or removing
 * at that moment, so that the limit may be passed by as many until the next one.
 * Several hosts on one spool each keep their own depth.
 */
#ifndef LIMIT_H
#define LIMIT_H

#include "spool/queue.h"

struct limit_held {
	uint64_t n, bytes;
};

/* Room for one more message of this size: 1 and it is counted in, 0, or -1 with errno:
 * what is there cannot be counted.  held is what the caller has room for and has not
 * placed yet, which a count of the queue does not find; or NULL. */
int limit_reserve(mq_queue *, uint64_t bytes, const struct limit_held *held);

#endif
