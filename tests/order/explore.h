/*
 * explore.h - which schedules of a cast are played
 *
 * All with up to two forced switches; one of these may be a kill, or a stop for long,
 * after which the others go on.  Who goes first, and who goes on after somebody has
 * ended, is free.
 *
 * Of schedules that differ only by the order of calls that commute, one is enough: when a
 * switch or a stop comes before a call X, and X commutes with all that is done until who was
 * stopped goes on, then the one right after X shows the same, and so do all schedules that
 * begin with it; but not while there is a third, who may come in between.  A kill counts
 * before calls that change something.
 */
#ifndef EXPLORE_H
#define EXPLORE_H

#include "judge.h"

struct figures {
	uint64_t schedules, steps, judged, pruned;
};

struct wish {
	unsigned switches; /* at most */
	unsigned
	    every; /* of the schedules with that many: one in so many, which the seed chooses */
	unsigned random; /* besides, so many by chance */
	uint64_t seed;
};

/* All that is wished for.  What fails is printed, the first of the cast only; 0, or -1. */
int explore(struct stage *, const struct cast *, struct judge *, const struct wish *,
    struct figures *);

/* As text and back: 0, or -1. */
void schedule_print(const struct schedule *, FILE *);
int schedule_parse(struct schedule *, const char *);

#endif
