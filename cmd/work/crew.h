/*
 * crew.h - who works on the messages: so many slots, each with a process
 *
 * There are two kinds of slots: with a process for each message (job.c), and
 * with one that stays and takes them as lines (lines.c).  Here is what they
 * have in common: the process is a group of its own, works on its tasks in
 * turn, is killed for several reasons, and ends.
 */
#ifndef MQ_CMD_CREW_H
#define MQ_CMD_CREW_H

#include <poll.h>

#include "work/feed.h"
#include "work/process.h"

/* Why a process is being killed. */
enum killed {
	NOT_KILLED,
	TIMED_OUT,   /* a message took too long */
	LEASE_LOST,  /* that of one of its messages */
	ABORTED,     /* we were told to end at once */
	BAD_VERDICT, /* it does not keep to the protocol */
	DISMISSED,   /* there is no work any more, and it did not end by itself */
};

struct slot {
	struct crew *crew;
	pid_t pid; /* 0: no process */
	enum killed killed;
	mq_time term_at, kill_at; /* when it is to be sent these signals; NEVER */
	struct fifo tasks;        /* that it works on, in turn */
	mq_time turn;             /* since when on the first of them */
};

#define SLOT_FDS 2

struct slot_kind {
	size_t size; /* of what begins with a struct slot */
	int answers; /* what its process prints is for us, and goes nowhere else */
	void (*open)(struct slot *);
	/* how many tasks it could take */
	size_t (*room)(const struct slot *);
	/* take this one */
	void (*take)(struct slot *, struct task *);
	/* the process has ended */
	void (*ended)(struct slot *, const siginfo_t *);

	/* the rest may be NULL: what to poll for, that something is ready, and
	 * that no more tasks will come */
	size_t (*poll)(struct slot *, struct pollfd fds[SLOT_FDS]);
	void (*ready)(struct slot *, const struct pollfd *);
	void (*dismiss)(struct slot *);
	/* when it could take tasks again, or has something to do; and do it if it is due */
	mq_time (*due)(const struct slot *);
	void (*check)(struct slot *);
	void (*close)(struct slot *);
};

extern const struct slot_kind slot_job, slot_lines;

struct crew {
	/* for the caller to set */
	struct command command;
	const struct slot_kind *kind;
	mq_time timeout;  /* for a task; NEVER */
	int64_t prefetch; /* < 0: by the pace */
	int reply;        /* standard output is the reply */
	int in_place;     /* {} is the message's own file where there is one */

	struct cmd *c;
	struct feed *feed;
	char *slots; /* n of them, each of kind->size */
	size_t n;
	int no_input;      /* /dev/null */
	int no_output;     /* the same, for writing */
	mq_time pace;      /* what a job takes, of late; 0: not known */
	int stop;          /* the command cannot be run: take no more */
	mq_time start_at;  /* no process can be made for now: not before this */
	unsigned refusals; /* so often in a row */
};

void crew_open(struct crew *, struct cmd *, struct feed *, size_t n);
void crew_close(struct crew *);
struct slot *crew_slot(const struct crew *, size_t i);

/* How many tasks the slots could take; how many it is time to receive for them,
 * as those that take many are filled up when half is done; and how many to
 * receive ahead of these. */
size_t crew_room(const struct crew *);
size_t crew_hunger(const struct crew *);
size_t crew_ahead(const struct crew *);

/* Give the task to the slot that is the least busy. */
void crew_take(struct crew *, struct task *);

/* See to whose time is over; when the next one's will be. */
void crew_check(struct crew *);
mq_time crew_due(const struct crew *);

/* Children have ended. */
void crew_reap(struct crew *);

/* No more tasks will come: let go who has none. */
void crew_dismiss(struct crew *);
/* Kill them all; their tasks are given back. */
void crew_abort(struct crew *);
int crew_running(const struct crew *); /* processes */

/* ---- for the kinds ------------------------------------------------------ */

/* Whether processes may be started now, as far as the last tries tell. */
int crew_may_start(const struct crew *);

/* Whether a signal waits that tells us to take no more. */
int crew_is_told(void);

/* Start the slot's process: 0, or -1 when that failed, and was reported.  Then
 * *v is what becomes of the message that it was to work on. */
int slot_start(struct slot *, int in, int out, const char *path, struct verdict *v);

void slot_kill(struct slot *, enum killed);

/* The task's message cannot be read: a failed delivery, unless that is for want
 * of descriptors or memory. */
void crew_unreadable(struct crew *, struct task *, int status);

/* The machine fails, as the status tells: nothing more is taken.  MQ_BUSY is a disk that
 * is full, which ends us like MQ_IO.  text says how; only the first time is reported. */
void crew_broken(struct crew *, enum mq_status, const char *text);

/* A process has failed.  Whether what it writes to is broken, which is not the
 * fault of the message that it worked on: the reader of our standard output or
 * error is gone, or there is no room; own is a file that it wrote to in place
 * of our standard output, or -1.  Once the machine has failed it gets all the
 * blame. */
int crew_blames_output(struct crew *, int own);

/* A mean that follows the last few of its values. */
mq_time follow(mq_time mean, mq_time value);

/* How many tasks that take so long, so many at a time, are done in the next
 * moment, for which it pays to have them at hand: most at most, and none of
 * those that take long. */
size_t in_a_moment(mq_time pace, size_t at_a_time, size_t most);

#endif
