/*
 * workload.h - what is known of a queue's work, as key=value words
 */
#ifndef MQ_CMD_WORKLOAD_H
#define MQ_CMD_WORKLOAD_H

#include "share/common.h"

#define SIZE_DEFAULT 1024 /* bytes */

/* A figure that was not given is NAN, a count that was not given 0. */
struct workload {
	double rate;       /* messages per second */
	double burst;      /* messages that come at once */
	double drain;      /* seconds in which a burst is to be worked off */
	double service;    /* seconds of a job, the mean */
	double spread;     /* its standard deviation */
	double failures;   /* the share of deliveries that fail, 0 to 1 */
	double target;     /* seconds: the mean wait that is wanted */
	double outage;     /* seconds that workers, or what they need, may be away */
	double retention;  /* seconds after which a message is of no use */
	uint64_t size;     /* bytes of a payload */
	uint64_t keys;     /* how many differ, at a time */
	uint64_t fanout;   /* queues that get each message */
	uint64_t hosts;    /* machines that send or work */
	uint64_t copies;   /* machines whose disks have each message */
	int order;         /* enum order, or -1 */
	int durability;    /* enum durability, or -1 */
	int replay, reply; /* 1, 0, or -1 */
	unsigned given;    /* which keys were; private to workload.c */
};

enum order { ORDER_NONE, ORDER_KEY, ORDER_STRICT };
enum durability { DURABILITY_NONE, DURABILITY_FULL };

extern const char *const order_names[]; /* by enum order */

/* Nothing is known. */
void workload_begin(struct workload *);

/* Take in "key=value".  What is wrong with it is reported: 78, an unknown key or
 * a bad value; 64, a key given twice. */
void workload_read(struct cmd *, struct workload *, char *operand);

/* What was given must not be at odds with itself: else 64. */
void workload_check(struct cmd *, const struct workload *);

#endif
