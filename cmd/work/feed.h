/*
 * feed.h - the messages that mq-work takes from its queues
 *
 * A message that was received is a struct task until its verdict.  At first it
 * is one of those read ahead, from which feed_next() takes it; then somebody
 * works on it, and at last it is settled.
 */
#ifndef MQ_CMD_FEED_H
#define MQ_CMD_FEED_H

#include "work/worklog.h"

#define NEVER       INT64_MAX
#define MILLISECOND (MQ_SECOND / 1000)

/* What has become of a lease without our doing. */
enum fate {
	HELD,
	LAPSED,  /* the message is not ours any more */
	SETTLED, /* whoever works on it gave the verdict */
	REMOVED, /* with its queue */
};

struct task {
	struct task *next; /* in a fifo */
	struct source *source;
	struct task *next_held, **held_at; /* in the list of its source */
	mq_lease *lease;
	enum fate fate;
	mq_time taken;   /* when it was received; monotonic */
	mq_time started; /* when work on it began, by the wall clock; 0: not yet */
};

/* Tasks, first come, first served. */
struct fifo {
	struct task *first, *last;
	size_t n;
};

void fifo_put(struct fifo *, struct task *);
struct task *fifo_take(struct fifo *); /* NULL: none is left */

struct verdict {
	enum { ACK, NACK, REJECT, GIVEBACK } kind;
	mq_time delay;      /* of a nack; < 0: the backoff */
	const char *reason; /* or NULL */
	const char *status; /* for the log */
};

/* A queue. */
struct source {
	mq_queue *queue;
	mq_hold *hold;
	struct task *held;
	mq_time keep_at; /* when the leases are to be kept next */
	unsigned weight;
	int credit;  /* see next_turn() in feed.c */
	int removed; /* the queue is no more */
	int paused;  /* it was said that it is */
	int dry;     /* it had nothing (more) in this round */
	size_t share;
};

struct feed {
	struct cmd *c;
	struct worklog *log;
	mq_time now; /* of this round of the loop; monotonic */
	int failed;  /* it makes no sense to go on */

	struct source *sources;
	size_t n, present; /* queues, and those of them that are not removed */
	int weighted;

	struct fifo ahead;
	size_t held;       /* messages held in all, ahead or at work */
	mq_time active;    /* when one was received or let go last */
	uint64_t finished; /* messages that had their verdict, but for those given back */

	mq_wait *wait;
	int in_line; /* others wait for us to look, or we for them */
	int armed;   /* there is nothing to receive until we are told */
	int hurry;   /* the line was left to stand in another one: no time to sleep */
	mq_time wait_until;
	mq_time retry_at, pause; /* after a refusal */

	int clear;                   /* so often in a row were the queues seen drained */
	int look;                    /* look again, */
	mq_time look_at, look_pause; /* but not before this */

	uint64_t left;    /* messages, with those that were finished, */
	mq_time count_at; /* to be counted anew then */
};

/* names are QUEUE or QUEUE=WEIGHT.  Those that cannot be opened are reported. */
void feed_open(struct feed *, struct cmd *, struct worklog *, char **names, size_t n,
    mq_time visibility);
void feed_close(struct feed *);

/* Receive up to want messages, and put them with those read ahead; how many.
 * When wait is not zero and there are none, stand in line for the next one:
 * feed_poll() and feed_due() tell when to call this again. */
size_t feed_receive(struct feed *, size_t want, int wait);

/* The next task to work on, from those read ahead; NULL: none. */
struct task *feed_next(struct feed *);

/* Settle a task and free it.  When its fate is not HELD, that is its end. */
void feed_settle(struct feed *, struct task *, struct verdict);

/* Give back what was read ahead before that time; how many. */
size_t feed_giveback(struct feed *, mq_time before);

/* Set now; keep the leases alive when it is time to, and learn of those that
 * ended.  Whatever takes long calls this meanwhile. */
void feed_tick(struct feed *);

/* What cannot be done for now, with the library's last error as the reason: it
 * is reported, and no more is received for a while, or ever. */
void feed_refused(struct feed *, enum mq_status, const char *text);

/* With nothing held: whether the queues are drained. */
int feed_drained(struct feed *);

/* How many messages are left, now and then counted anew. */
uint64_t feed_left(struct feed *);

/* The descriptor to poll, or -1; feed_told() is to be called when it is ready. */
int feed_poll(const struct feed *);
void feed_told(struct feed *);

/* When to call again even if nothing happens. */
mq_time feed_due(const struct feed *);

/* Stand in line no more. */
void feed_leave(struct feed *);

#endif
