/*
 * lanerepair.h - lanes whose token a crash has lost
 */
#ifndef LANEREPAIR_H
#define LANEREPAIR_H

#include "base/names.h"
#include "spool/queue.h"

/* The tokens that were somewhere, for those who look at many lanes. */
struct tokens_seen {
	struct names names; /* "GROUP TARGET" */
	int known;
};

/* Whether the lane has no token that moves, and nobody is making one: 1, 0. */
int lane_is_stuck(mq_queue *, const char *group, struct tokens_seen *);

/* Such a lane gets one. */
int lane_mend(mq_queue *, const char *group);

/* After a crash of the machine.  EWOULDBLOCK: others had locks at that time, of the
 * clock from boot; some lanes are as they were. */
int lane_repair(mq_queue *, mq_time until);

#endif
