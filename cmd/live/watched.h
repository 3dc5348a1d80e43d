/*
 * watched.h - the queues of the live view: what they are, and were
 */
#ifndef MQ_CMD_WATCHED_H
#define MQ_CMD_WATCHED_H

#include "share/common.h"

/* Looks that are remembered: two for each column of a graph, which at that width are
 * three beside each other, on a terminal of 768 columns. */
#define WATCHED_PAST 512

enum series { SERIES_DEPTH, SERIES_IN_FLIGHT, SERIES_IN, SERIES_OUT, SERIES_AGE, SERIES };

struct watched {
	char *name;
	char *error;           /* why there are no figures now; NULL: there are */
	struct mq_stats stats; /* as of the last look that succeeded */
	double in, out;        /* messages a second: sent, and acked */
	mq_time looked;        /* monotonic, when that was; 0: never */

	/* private to watched.c */
	uint64_t since;        /* the look at which it appeared */
	float (*past)[SERIES]; /* a ring, by the number of the look */
};

struct watched_all {
	struct cmd *c;
	struct watched **list; /* by name, or as the operands are given */
	size_t n;
	uint64_t looks;
	mq_time at[WATCHED_PAST]; /* monotonic, when the looks were; a ring */
	char *error;              /* why the queues cannot be listed; NULL: they were */

	/* private to watched.c */
	size_t room;
	struct watched **old; /* those of the look before, in a look */
	size_t nold, old_at;
};

void watched_open(struct watched_all *, struct cmd *);
void watched_close(struct watched_all *);

/* Look at all queues.  Those that are gone are forgotten, and named ones kept. */
void watched_look(struct watched_all *);

/* The last n values, the newest last; where there are none, not a number. */
void watched_series(const struct watched_all *, const struct watched *, enum series, float *values,
    size_t n);

#endif
