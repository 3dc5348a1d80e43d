/*
 * play.h - a cast of real processes, of which one at a time makes its steps
 *
 * Whoever goes, goes on (inside.h) until it has ended or would have to wait for somebody
 * else; then the one that went last before it goes on.  A schedule is the choices that
 * differ from that.  When all wait, time passes to where the first of those who sleep wakes
 * up.  Who was stopped for long goes on when no other can.
 */
#ifndef PLAY_H
#define PLAY_H

#include "inside.h"
#include "scene.h"
#include "snap.h"

#define CHOICES_MAX 64
#define OUTPUT_MAX  4096

struct choice {
	unsigned at;                                        /* before the step of this number */
	enum { SWITCH = '-', KILL = '!', PAUSE = '~' } how; /* what becomes of who was to make it */
	int next;    /* who goes on; KILL: -1: who it is by default */
	int is_free; /* who went before has ended or would have to wait */
};

struct schedule {
	int first; /* who goes first */
	struct choice choices[CHOICES_MAX];
	unsigned n;
	int is_random; /* choices that cannot be made are passed over */
};

struct ending {
	enum { ENDED, KILLED, STUCK, SICK } how;
	int status; /* ENDED; SICK: the signal */
	int paused;
	int late; /* somebody was stopped for long while it went on */
	char output[OUTPUT_MAX];
	char errors[OUTPUT_MAX];
};

struct record {
	struct step *steps; /* STEPS_MAX */
	unsigned n;
	struct ending endings[SEATS];
	int time_passed; /* somebody was stopped for long */
	int waited;      /* nobody went on before some time was over */
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
	const struct cast *cast;
	struct actor *hired; /* SEATS of each role, if they were wanted once */
	struct actor *actors[SEATS];
	int n;
};

/* The spool of a scene, and the words of its roles.  Ends the process when the scene's
 * commands fail. */
void stage_open(struct stage *, const char *dir, const struct scene *);
void stage_close(struct stage *);

/* Who acts next. */
void stage_cast(struct stage *, const struct cast *);

/* The spool as it was, at the time that it was. */
void stage_reset(struct stage *);

/* 0; 1: a choice cannot be made, as who is to go on would have to wait; -1: there is no such
 * step. */
int play(struct stage *, const struct schedule *, struct record *);

#endif
