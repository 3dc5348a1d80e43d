/*
 * live.h - the figures of a queue that is at work
 */
#ifndef MQ_CMD_LIVE_H
#define MQ_CMD_LIVE_H

#include "advise/workload.h"

struct live {
	const char *queue;
	struct mq_stats stats;
	struct live_setting { /* as it is */
		char key[40];
		char value[128];
	} settings[32];
	size_t nsettings;
	uint64_t retried; /* visible or delayed, and delivered before */

	/* of these, what the workload had not said, and was taken from here */
	enum { NOT_LIVE, BY_COUNTERS, BY_WAITING } rate;
	int service, size, failures;
};

/* Look at the queue, and fill in what the workload does not say and the queue
 * tells.  -1: the failure has been reported. */
int live_look(struct cmd *, const char *queue, struct live *, struct workload *);

/* Whether its value will do where another one is advised: the same, or for numbers
 * and durations as much to four times as much. */
int live_will_do(const struct live *, const char *key, const char *advised);

#endif
