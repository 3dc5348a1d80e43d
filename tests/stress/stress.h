/*
 * stress.h - what the parts of check-stress share
 *
 * stress.c tells what is checked, and how.  All processes map one struct
 * shared; what is written there is atomic and survives whoever wrote it.
 */
#ifndef STRESS_H
#define STRESS_H

#include "mq.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define WORKERS_MAX 32
#define GROUPS_EACH 40 /* groups that one worker sends to */
#define GROUPS      (WORKERS_MAX * GROUPS_EACH)
#define ROWS        (16u << 20) /* messages in a round, at most */
#define EVENTS      (4u << 20)  /* the last of them are kept, to show */
#define STEPS       64
#define BATCH_MAX   1000

/* ---- queues -------------------------------------------------------------- */

enum {
	Q_BULK,
	Q_FULL,
	Q_GROUPS,
	Q_MIXED,
	Q_DEDUP,
	Q_REJECT,
	Q_BLOCK,
	Q_DROP,
	Q_OVERFLOW,
	Q_PURGED,
	Q_LEFT, /* these three are bound to the exchange, */
	Q_RIGHT,
	Q_SIDE, /* and this one comes and goes */
	QUEUES
};

#define FAN      (QUEUES - Q_LEFT)
#define EXCHANGE "fan"

enum {
	GROUPED = 1,
	PRIORITIES = 2,
	DELAYS = 4,
	LIVES = 8, /* some messages have a time to live */
	DEDUP = 16,
	DROPS = 32,     /* what was accepted may be dropped for what comes after */
	PURGED = 64,    /* and here by a purge */
	FLEETING = 128, /* the queue comes and goes */
	REJECTS = 256,
	SMALL = 512, /* messages, as there is a limit in bytes */
};

struct queue {
	const char *name;
	unsigned share; /* of the sends, relative */
	unsigned batch; /* messages in one, at most */
	unsigned traits;
	unsigned receives; /* max-receives, at most; 0: no limit */
	const char *settings;
};

extern const struct queue queues[QUEUES];

/* No queue's visibility is ever less: after a step forward, leases are held for
 * so long. */
#define VISIBILITY_LEAST (300 * MQ_SECOND / 1000)

/* ---- what is known of a message ------------------------------------------ */

/* Moments since the start, in units of 100 us, by the clock that is never
 * stepped. */
typedef uint32_t stamp;
#define UNIT (MQ_SECOND / 10000)

struct row {
	/* Who held it last, for sure: see word.c.  0: nobody. */
	_Atomic uint64_t word;
	_Atomic uint32_t flags;
	_Atomic uint32_t deliveries;
};

enum {
	QUEUE_MASK = 15,
	KNOWN = 16,     /* its number was given out */
	ACCEPTED = 32,  /* mq_batch_commit told so */
	REFUSED = 64,   /* it told that this was not sent */
	MORTAL = 128,   /* it has a time to live */
	OPTIONAL = 256, /* it may never come */
	DEAD = 512,     /* a reject told so */
	/* Acks and rejects that began and whose end nobody knows yet; of who was
	 * killed meanwhile, nobody will. */
	DOUBT = 1 << 16,
	DOUBTS = 0xff << 16,
};

/* ---- what went wrong ------------------------------------------------------- */

enum wrong {
	LOST,
	TORN,
	DOUBLE, /* held by two */
	AGAIN,  /* delivered or acked after an ack */
	ORDER,
	EARLY, /* a lease that lapsed before its deadline */
	GHOST, /* one that was not sent, or elsewhere */
	TWICE, /* a duplicate that was not recognised */
	OFTEN, /* delivered more than max-receives times */
	LATE,  /* delivered after it had expired */
	ERROR, /* a call that should not have failed */
	STUCK,
	LEFT,
	WRONGS
};

enum count {
	SENT,
	TAKEN, /* accepted */
	DENIED,
	DELIVERED,
	ACKED,
	NACKED,
	REJECTED,
	GIVEN_BACK,
	EXTENDED,
	KEPT,
	FORGOTTEN,
	LAPSED,
	UNDONE, /* leases that were told to be over, but were extended too late */
	KILLS,
	STOPS,
	FORWARD,
	BACKWARD,
	PURGES,
	DROPPED_BY_PURGE,
	REDRIVEN,
	RESET,
	REMADE,
	UNCERTAIN, /* of those that were killed in sending, or in an ack */
	EXPIRED,
	DROPPED,
	PURGED_AWAY,
	LITTER,
	COUNTS
};

enum event_kind {
	E_SEND,
	E_ACCEPTED,
	E_REFUSED,
	E_RECEIVED,
	E_ACK,
	E_NACK,
	E_REJECT,
	E_GIVEBACK,
	E_EXTEND,
	E_KEEP,
	E_FORGET,
	E_LAPSED,
	E_REDRIVE,
	E_SETTING, /* from here on of a queue, or all */
	E_DELETE,
	E_CREATE,
	E_PURGE,
	E_KILL,
	E_STEP,
};

struct event {
	uint64_t number;
	stamp at;
	int16_t status;
	uint16_t kind : 5, worker : 5, queue : 4;
};

/* ---- the shared memory --------------------------------------------------- */

struct step {
	_Atomic stamp begin, end;
};

struct shared {
	int64_t start; /* of all stamps */
	uint64_t seed;
	char spool[300];
	_Atomic int64_t stepped, passed; /* the clocks of all */
	_Atomic uint64_t base, next;     /* numbers of this round */
	_Atomic int64_t want;            /* backlog to aim at */
	_Atomic unsigned neglected;      /* a queue that nobody takes from */
	_Atomic int64_t fill[QUEUES];    /* backlog, about */
	_Atomic uint64_t purged_below[QUEUES];
	_Atomic stamp removed;               /* when the queue that comes and goes last went */
	uint64_t dropping;                   /* by the purge that runs */
	_Atomic uint64_t retry[WORKERS_MAX]; /* a send that may have to be repeated */
	_Atomic uint64_t last[GROUPS];       /* accepted in it */
	_Atomic uint64_t held[GROUPS];       /* a word, as a message has one */
	_Atomic uint64_t count[COUNTS], wrong[WRONGS];
	_Atomic unsigned nsteps;
	struct step steps[STEPS]; /* forward */
	_Atomic uint64_t nevents;
	struct event events[EVENTS];
	struct row rows[ROWS];
};

extern struct shared *shared;
extern unsigned self; /* the worker's number */

/* ---- time and chance ------------------------------------------------------- */

stamp now_stamp(void);
void nap(long us);
void dice_seed(uint64_t seed);
uint64_t dice_next(void);
unsigned dice(unsigned sides);
static inline int chance(unsigned percent)
{
	return dice(100) < percent;
}

/* ---- telling --------------------------------------------------------------- */

void add(enum count, uint64_t n);
void tell(enum event_kind, uint64_t number, unsigned queue, int status);
/* Count it, and say it when it is one of the first. */
void wrong(enum wrong, uint64_t number, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
struct row *row_of(uint64_t number); /* NULL: not of this round */

/* ---- word.c ---------------------------------------------------------------- */

stamp word_start(uint64_t word);
stamp word_end(uint64_t word); /* of what is sure, with all that was stepped */
int word_acked(uint64_t word);
uint64_t word_of(stamp start, stamp end);
int word_put(_Atomic uint64_t *, uint64_t *mine, stamp start, stamp end);
void word_release(_Atomic uint64_t *, uint64_t *mine, stamp at);
int word_ack(_Atomic uint64_t *, uint64_t mine, stamp start, stamp at);

/* ---- letter.c -------------------------------------------------------------- */

/* A message: all but prev and group follow from its number. */
struct letter {
	uint32_t magic, size;
	uint64_t number, prev;
	uint32_t group;
	uint16_t queue;
	uint8_t priority, mortal;
	uint64_t sum;
};

#define NO_GROUP   UINT32_MAX
#define TO_ALL     0xffff /* the queue of what is published to the exchange */
#define LETTER_MAX (128 * 1024)

void letter_make(struct letter *, uint64_t number, unsigned queue);
int letter_write(const struct letter *, mq_batch *);
/* 0; -1: torn; an mq_status: it could not be read. */
int letter_read(struct letter *, mq_lease *);

/* ---- the processes --------------------------------------------------------- */

mq *open_handle(void); /* that follows the clocks */
void produce(mq *);
void repeat_send(mq *); /* what a killed one may have left */
void consume(mq *);
void drain(mq *);
void clerk(mq *);
void end_purge(void);
void audit(void);

mq_queue *queue_at(mq *, unsigned queue, int dlq); /* open; NULL: fleeting and gone */
int expected(mq *, int status, unsigned allowed, const char *what, uint64_t number);
#define MAY(status) (1u << (status))

#endif
