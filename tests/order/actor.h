/*
 * actor.h - one process of a cast
 *
 * The role's command stands before its main, and after its end stands there again (inside.h).
 * It goes until it stops itself, or ends.  If it really does, it is started anew when it is
 * wanted.
 */
#ifndef ACTOR_H
#define ACTOR_H

#include "play.h"

struct actor {
	const struct role *role;
	int player; /* its number in the page */
	uint64_t seed;
	int in, out, err; /* files in memory */
	pid_t pid;        /* 0: to be started */

	int seat;  /* in this cast */
	int began; /* in this play */
	enum { WAITING, STOPPED, OVER_AND_DONE } is;
	int status; /* OVER_AND_DONE: as of waitpid(2) */
	int paused; /* stopped for long, up to now */
	int killed;
	unsigned turn;    /* when it went last; 0: never */
	unsigned blocked; /* it had to wait when so many turns had been taken; 0: it has not */
};

/* A file in memory; its descriptor is inherited. */
int stage_memory(const struct stage *);

/* nth: of those of this role, who must not have the same random numbers. */
void actor_hire(struct actor *, const struct stage *, int role, int nth);
void actor_dismiss(struct actor *);

/* All of its files are as at first. */
void actor_reset(struct actor *, struct stage *);

/* On, up to its next stop or its end.  told: what it is told if it waits. */
void actor_go(struct actor *, struct stage *, int told);

/* Dead, with all that it started. */
void actor_kill(struct actor *, struct stage *);

/* How it ended, and what it printed; of who has not, stuck. */
void actor_ending(struct actor *, struct stage *, struct ending *);

#endif
