/*
 * advice.h - from a workload to workers, settings, cost and warnings
 */
#ifndef MQ_CMD_ADVICE_H
#define MQ_CMD_ADVICE_H

#include "advise/erlang.h"
#include "advise/measure.h"
#include "advise/workload.h"

struct suggestion {
	const char *key; /* a queue's setting */
	char value[40];  /* as mq-config takes it */
	char *why;
};

#define SUGGESTIONS_MAX 8
#define WARNINGS_MAX    32
#define WORKERS_MAX     100000 /* twice the load that workload.c takes */

/* What is not known is NAN, or 0 for a count. */
struct advice {
	struct workload w; /* as taken: what was not given has its default */

	/* the workers; none when rate and service are not both known */
	uint64_t workers, most; /* most: that can be at work at once */
	struct station station; /* what they see: deliveries, retries among them */
	double deliveries;      /* of a message, the mean */
	double busy;            /* the share of their time */
	double wait, wait95;    /* seconds until a job begins: the mean, and that of 95 % */
	double burst_time;      /* seconds until a burst is worked off */
	double key_busy;        /* the share of its time that a message group is held */
	double key_wait;        /* seconds that a message waits for those of its key */
	int stable;             /* the backlog does not grow without end */
	const char *decided;    /* what the number of workers comes from */

	/* the settings, and what some of them rest on */
	struct suggestion settings[SUGGESTIONS_MAX];
	size_t nsettings;
	unsigned receives;
	double backoff, backoff_max; /* seconds */
	double held;                 /* seconds that a message is delayed by backoff, the mean */
	double good_dead;            /* the chance of a good message to be dead-lettered */
	unsigned prefetch;           /* what a worker process receives ahead */

	/* the cost */
	double depth;                  /* messages, at the limit */
	double each;                   /* bytes on disk of one */
	double bytes, inodes, syncs;   /* at the limit; syncs per second */
	double rate_single, rate_bulk; /* of one sender, the highest: when measured */

	const char *tool; /* queue, log, call, broker */
	char *warnings[WARNINGS_MAX];
	size_t nwarnings;
};

/* live: settings without a reason in the workload are left alone. */
void advise(struct cmd *, const struct workload *, const struct disk *, int live, struct advice *);
void advice_free(struct advice *);

void advice_warn(struct cmd *, struct advice *, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The mean wait with so many workers. */
double advice_wait(const struct advice *, uint64_t workers);

#endif
