/*
 * inside.h - what the commands share with the scheduler
 *
 * The commands are the real ones, linked with these besides (--wrap): their clock and their
 * random numbers come from a page that the scheduler sets, so that a schedule that is played
 * again goes the same way; and each call that names something in the spool, or waits, is a
 * step, which is written down in that page.
 *
 * One process runs at a time, and nobody looks at it.  It stops itself (SIGSTOP)
 *
 *	- before the step whose number is in stop_at: the scheduler wants to choose;
 *	- when it would have to wait, for a lock, an event or some time; when it is continued
 *	  it tries again, or is told that the time is over.
 *
 * So a schedule costs as many switches of context as it has choices, however many steps.
 *
 * One that was started for a role of a scene stands before its main, and after its end stands
 * there again (rewind.h); it is told to begin each time.
 */
#ifndef INSIDE_H
#define INSIDE_H

#include "access.h"

#include <sys/types.h>

/* The number of the descriptor of the page, in the environment. */
#define INSIDE_PAGE "MQ_ORDER_PAGE"

/* Which of the players in that page the process is, if it plays a role. */
#define INSIDE_PLAYER "MQ_ORDER_PLAYER"

#define INSIDE_UP 1000000000 /* seconds since 1970, when this machine was started */

#define SEATS       3
#define PLAYERS_MAX 120 /* SEATS of each role */
#define STEPS_MAX   8000
#define TEXT_SIZE   300

struct step {
	int who;
	enum {
		CALL,
		WAKE,
		JOBS
	} how;           /* WAKE: its time was over; JOBS: it waited for what it started */
	int call;        /* of access_calls */
	unsigned others; /* bits: who had not ended */
	int is_free;     /* who went before has ended or waits: another is no forced switch */
	struct access access;
};

struct seat {
	int waits;     /* it stopped as it would have to wait, */
	int64_t wakes; /* at most until then; INT64_MAX: for ever */
	int for_jobs;  /* and has some running */
	enum {
		AGAIN,
		OVER,
		REALLY,
		GONE
	} told;        /* when it is continued: try again; the time is over; wait; it was killed */
	int has_ended; /* with that status: it stands before its main again */
	int status;
};

/* Before its main: what it is to be in the play that begins. */
struct player {
	int seat;
	uint64_t seed; /* where its random numbers begin */
};

struct inside {
	int64_t time;    /* ns since 1970; each look at a clock lets a microsecond pass */
	uint64_t random; /* where those of the next process begin */
	char root[200];  /* the spool */
	unsigned moves;  /* of directories, so far: paths of descriptors are looked for again */

	unsigned stop_at, free_at;
	unsigned others;
	int is_watched; /* texts are wanted */
	struct seat seats[SEATS];
	struct player players[PLAYERS_MAX];
	unsigned n;
	struct step steps[STEPS_MAX];
	char texts[STEPS_MAX][TEXT_SIZE]; /* is_watched */
};

/* Map the page of that descriptor; NULL with errno. */
struct inside *inside_map(int fd);

/* Where this process's random numbers begin. */
void inside_seed(uint64_t);

/* The page, if this process has a seat; else NULL. */
struct inside *inside_seated(int *seat);
void inside_sit(int seat);

/* Of this process; nothing is waited for. */
enum { NO_CHILDREN, CHILDREN_RUN, CHILD_ENDED };
int inside_children(void);

/* Stop this process, until it is continued; it does not return to one that is to be gone. */
void inside_stop(struct inside *, int seat);

#endif
