/*
 * actor.h - one process of a cast, from call to call
 */
#ifndef ACTOR_H
#define ACTOR_H

#include "play.h"

#define NEVER INT64_MAX

struct actor {
	const struct role *role;
	uint64_t seed;
	pid_t origin; /* which forks for each play, */
	int socket;   /* when asked here */
	int in, out, err;
	struct trace t; /* this play's; at a call, or ended */
	int waits;      /* whether the call may have to wait, */
	int64_t wakes;  /* at most until then */
	int paused;     /* stopped for long, up to now */
	uint64_t turn;  /* when it went last; 0: never */
	int killed;
};

/* A file in memory; its descriptor is inherited. */
int stage_memory(const struct stage *);

/* nth: of those of this role, who must not have the same random numbers. */
void actor_hire(struct actor *, const struct stage *, int role, int nth);
void actor_dismiss(struct actor *);

/* Before its first call, at which it is to be looked.  All of its files are as at first. */
void actor_enter(struct actor *);

/* Whether it has a call to make that comes back at once. */
int actor_can_go(const struct actor *);

/* The same, without a look at the next call: that is to be made before anything else is
 * asked. */
void actor_repeat(struct actor *);
void actor_look(struct actor *, const struct stage *);

/* Make the call, and stop right after it: 1, or 0 when it has ended. */
int actor_make_call(struct actor *);

/* Make the call, if it was not, and go on up to the next. */
void actor_go(struct actor *, const struct stage *);

/* The call, which waits, comes back as its time is over. */
void actor_wake(struct actor *, const struct stage *);

/* It waits for what it started, which runs. */
int actor_has_jobs(const struct actor *);

/* Dead, with all that it started. */
void actor_kill(struct actor *);

/* How it ended, and what it printed; of who has not, stuck. */
void actor_ending(struct actor *, struct ending *);

#endif
