/*
 * play.h - a cast of real processes, of which one at a time makes one call
 *
 * Each role of a cast stands before its main (inside.h) and forks for each schedule.  The
 * children are stopped before every call that names something in the spool; one of them
 * makes its call, and runs on to its next.  So which of them goes on is a choice, and a
 * schedule is the choices that differ from the default: whoever goes, goes on until it has
 * ended or waits for somebody else; then the one that was stopped last goes on.
 *
 * Who waits for a lock, for an event or for some time is not run, but asked about: a lock is
 * tried, a descriptor polled.  When nobody can go on, time passes to where the first of
 * those who sleep wakes up.
 */
#ifndef PLAY_H
#define PLAY_H

#include "access.h"
#include "inside.h"
#include "scene.h"
#include "snap.h"

#define CHOICES_MAX 64
#define STEPS_MAX   4000
#define OUTPUT_MAX  4096

struct choice {
	unsigned at;                                        /* before the step of this number */
	enum { SWITCH = '-', KILL = '!', PAUSE = '~' } how; /* what becomes of who was to make it */
	int next; /* who goes on; KILL: -1: who it is by default */
};

struct schedule {
	int first; /* who goes first */
	struct choice choices[CHOICES_MAX];
	unsigned n;
	int is_random; /* choices that cannot be made are passed over */
};

struct step {
	int who;
	enum { CALL, WAKE, JOBS } how; /* it wakes up as its time is over; it waits for its jobs */
	int64_t time;                  /* WAKE: then */
	long call;
	unsigned runnable; /* bits: who could have gone */
	int is_free;       /* who was to go has ended or waits: another is no forced switch */
	struct access access;
};

enum { ENDED, KILLED, STUCK, SICK };

struct ending {
	int how;
	int status; /* ENDED; SICK: the signal */
	int paused;
	char output[OUTPUT_MAX];
	char errors[OUTPUT_MAX];
};

struct record {
	struct step *steps; /* STEPS_MAX */
	unsigned n;
	struct ending endings[AT_ONCE_MAX];
	int time_passed; /* somebody was stopped for long */
};

struct stage {
	const char *dir; /* of this process alone */
	char *root;      /* the spool, below it */
	int page_fd;
	struct inside *page;
	int64_t time; /* in which each play begins */
	const struct scene *scene;
	struct snap *snap; /* of the spool as the scene makes it */
	char **words[ROLES_MAX];
	const struct cast *casting;
	struct actor *actors;
	int n;
	/* NULL, or called at each step, before the call and when it was made */
	void (*watch)(const struct stage *, const struct record *, int who, const struct trace *);
};

/* The spool of a scene, and the words of its roles.  Ends the process when the scene's
 * commands fail. */
void stage_open(struct stage *, const char *dir, const struct scene *);
void stage_close(struct stage *);

/* Who acts next. */
void stage_cast(struct stage *, const struct cast *);
void stage_dismiss(struct stage *);

/* The spool as it was, at the time that it was. */
void stage_reset(struct stage *);

/* 0; -1: the schedule cannot be played, as who was to go on could not, or what went before
 * was not the same.  before: of a play that had all but the last choice; or NULL. */
int play(struct stage *, const struct schedule *, const struct record *before, struct record *);

#endif
