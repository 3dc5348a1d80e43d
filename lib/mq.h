/*
 * mq.h - a durable message queue made of files
 *
 * The one public header of libmq.  A queue is a directory in a spool; a
 * message is a name in it; a lease is a rename; a deadline is a file's mtime.
 * mq-spool(5) documents every name on disk, mq(7) the guarantees.
 *
 * Conventions
 *   - Every function that can fail returns an enum mq_status.  The handle
 *     keeps one line of text for the last failure: mq_error().
 *   - The library never prints, exits, reads the environment or changes the
 *     process (signals, umask, working directory).  In a spool that users share,
 *     what it makes is open to the group whatever the umask is; but only with
 *     one like 007 it is so from the first moment.
 *   - Times are nanoseconds since 1970-01-01 UTC; durations are nanoseconds.
 *   - Strings handed in are copied.  Strings handed out belong to the object
 *     they came from and live as long as it does, or, in a callback, until
 *     the callback returns.
 *   - A handle and what was made from it belong to one thread at a time.
 *     Any number of processes may use one spool.  After a fork both may go on
 *     with the handle and its queues, but only one of them with a batch, a
 *     reader, a wait, a hold or a private queue that was open.
 */
#ifndef MQ_H
#define MQ_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

typedef int64_t mq_time;
#define MQ_SECOND ((mq_time)1000000000)

/* What a call came to.  The commands' exit codes follow from these, in
 * cmd/share/common.c and nowhere else. */
enum mq_status {
	MQ_OK,
	MQ_EMPTY,    /* nothing there: nothing to receive, nothing matched */
	MQ_LAPSED,   /* the lease is over: the receipt is valid no more */
	MQ_USAGE,    /* the caller's arguments make no sense together */
	MQ_DATA,     /* malformed input: a header, a receipt, a torn message */
	MQ_NOTFOUND, /* no such queue or message */
	MQ_CREATE,   /* cannot be created: a bad name, not a spool */
	MQ_IO,       /* the system failed: see the text */
	MQ_BUSY,     /* refused for now: queue full, disk full, over quota, or a lock held */
	MQ_DENIED,   /* permission denied, or a read-only file system */
	MQ_SETTING,  /* an unknown setting, or a bad value */
};

/* ---- the spool --------------------------------------------------------- */

typedef struct mq mq;

/* A handle on the spool at path.  Touches no file: the spool is looked at
 * when first needed, and made by the first mq_create().  NULL: no memory. */
mq *mq_open(const char *path);
void mq_close(mq *);

/* The last failure as "OBJECT: what failed: why", without a newline. */
const char *mq_error(const mq *);

/* The same for a line that names this object already: without it, if it is the OBJECT. */
const char *mq_error_of(const mq *, const char *object);

/* Now, as the handle sees it. */
mq_time mq_now(const mq *);

/* Never rely on the kernel's notifications: whatever waits looks now and then.
 * Without this, that is done where they cannot tell of all changes (network
 * and FUSE file systems) or have run out. */
void mq_poll(mq *);

/* Shift the handle's clocks, for tests: as if `passed` had gone by, and as
 * if the wall clock had then been stepped by `stepped`. */
void mq_clock_shift(mq *, mq_time passed, mq_time stepped);

/* ---- queues ------------------------------------------------------------ */

/* Names are [A-Za-z0-9_.-]{1,64} without a leading dot or dash.  The
 * dead-letter queue of NAME is the queue NAME/dlq. */

struct mq_setting {
	const char *key;
	const char *value;
};

/* Make the queue (and the spool) if it is not there; change the settings
 * named.  MQ_CREATE: bad name; MQ_SETTING: nothing was changed or made. */
int mq_create(mq *, const char *name, const struct mq_setting *, size_t n);

/* Change settings, all or none. */
int mq_configure(mq *, const char *name, const struct mq_setting *, size_t n);

/* All settings in their documented order, durations and sizes as given. */
int mq_settings(mq *, const char *name, void (*each)(void *ctx, const char *key, const char *value),
    void *ctx);

/* Remove a queue with all that is in it. */
int mq_delete(mq *, const char *name);

/* Every queue's name, sorted.  A callback that returns non-zero ends it. */
int mq_queues(mq *, int (*each)(void *ctx, const char *name), void *ctx);

typedef struct mq_queue mq_queue;

/* An open queue.  Leases and batches made from it keep it alive. */
int mq_queue_open(mq *, const char *name, mq_queue **);
void mq_queue_close(mq_queue *);
const char *mq_queue_name(const mq_queue *);

/* Drop every message that is visible or delayed; leased ones stay.
 * *dropped counts up as it goes; progress may be NULL. */
int mq_purge(mq_queue *, uint64_t *dropped, void (*progress)(void *ctx, uint64_t dropped),
    void *ctx);

/* ---- messages ---------------------------------------------------------- */

#define MQ_PRIORITY_DEFAULT 4
#define MQ_PRIORITY_MAX     9

enum mq_state {
	MQ_READY = 1,   /* can be taken now */
	MQ_DELAYED = 2, /* not yet visible */
	MQ_LEASED = 4,  /* in flight */
	MQ_DEAD = 8,    /* in the dead-letter queue */
};

/* What a message's name tells, without opening it. */
struct mq_message {
	const char *id;
	const char *queue;
	const char *path; /* absolute; for a leased message, its receipt */
	enum mq_state state;
	unsigned priority;
	unsigned receives; /* deliveries so far */
	uint64_t size;     /* of the payload, bytes */
	mq_time sent;      /* when it was first sent */
	mq_time since;     /* when it came to this queue: sent, dead-lettered, redriven */
	mq_time due;       /* delayed: when it becomes visible; else 0 */
	mq_time deadline;  /* leased: when the lease lapses; else 0 */
	mq_time expires;   /* 0: never */
	mq_time ttl_ends;  /* as expires, but by its TTL alone, whatever the queue's retention */
	const char *tag;   /* of its history, for mq_reader_at; "": it has none */
};

/* Call each for the messages in the states given (a mask), in the order in
 * which they would be taken.  A callback that returns non-zero ends it; it
 * may ack, redrive or remove the message it is shown. */
int mq_list(mq_queue *, unsigned states, int (*each)(void *ctx, const struct mq_message *),
    void *ctx);

/* The queues whose dead letters come to this one, sorted.  For MQ_DEAD alone, mq_list
 * shows what came from them, too.  A callback that returns non-zero ends it. */
int mq_sources(mq_queue *, int (*each)(void *ctx, const char *name), void *ctx);

typedef struct mq_lease mq_lease;

/* A message opened for reading: its properties, payload and history.
 * path is that of struct mq_message, a receipt, or relative to the working
 * directory.  MQ_LAPSED: a receipt that is valid no more; MQ_NOTFOUND: no
 * such message; MQ_DATA: not a message's path. */
typedef struct mq_reader mq_reader;

int mq_reader_open(mq *, const char *path, mq_reader **);
/* The same for a lease at hand, with fewer steps.  That the lease is over may go
 * unnoticed. */
int mq_reader_of(mq_lease *, mq_reader **);
/* The same for a message as mq_list shows it, in the open queue that it names; *reader
 * is NULL, or one to be used again, which is closed on failure. */
int mq_reader_at(mq_queue *, const struct mq_message *, mq_reader **reader);
void mq_reader_close(mq_reader *);
const struct mq_message *mq_reader_message(const mq_reader *);
const char *mq_reader_reply_to(const mq_reader *);       /* NULL: none */
const char *mq_reader_correlation_id(const mq_reader *); /* NULL: none */
const char *mq_reader_group(const mq_reader *);          /* message group; NULL: none */
const char *mq_reader_key(const mq_reader *);            /* routing key; NULL: none */

/* The i-th header as the sender gave it; 0 when there are no more. */
int mq_reader_header(const mq_reader *, size_t i, const char **name, const char **value);

/* The next bytes of the payload: the count, 0 at its end, -1 for an error. */
ssize_t mq_reader_read(mq_reader *, void *, size_t);
int mq_reader_rewind(mq_reader *);

/* The open file and the payload's place in it, for splice or pread.  Where the payload
 * is all of the file, its offset is at the start, and nobody else moves it. */
int mq_reader_fd(const mq_reader *, off_t *offset, uint64_t *size);

/* A private copy of the payload: a file of its own in the queue, with mode 0600, made by a
 * clone where the file system can.  *path is for the caller to free, and the file to be
 * removed by the caller; what has not been touched for a day is litter, and goes.  progress,
 * which may be NULL, is called while the copy grows.  MQ_DATA: the payload cannot be read,
 * or is larger than a file may be. */
int mq_reader_copy(mq_reader *, char **path, void (*progress)(void *ctx), void *ctx);

/* Why a message failed before: one event per reason and queue. */
struct mq_event {
	const char *reason; /* max-receives, rejected, overflow, or a consumer's words */
	const char *queue;
	unsigned count;
	mq_time first;
	mq_time last;
};

/* The i-th event, oldest first; 0 when there are no more. */
int mq_reader_event(const mq_reader *, size_t i, struct mq_event *);

/* ---- sending ----------------------------------------------------------- */

struct mq_header {
	const char *name;
	const char *value;
};

struct mq_properties {
	unsigned priority;
	mq_time visible_at;   /* 0 or past: at once */
	mq_time ttl;          /* 0: none */
	const char *reply_to; /* of this and the next four, NULL: none; only key may be "" */
	const char *correlation_id;
	const char *dedup_id;
	const char *group; /* message group: any bytes, 1 to 4096 */
	const char *key;   /* routing key: UTF-8, at most 255 bytes */
	const struct mq_header *headers;
	size_t nheaders;
};

#define MQ_GROUP_MAX 4096
#define MQ_KEY_MAX   255
#define MQ_VALUE_MAX 65536 /* of a header, reply-to or correlation id; in bytes */

/* A batch collects messages in one file and publishes them with one durable
 * commit:
 *
 *	mq_batch_begin(b, &props); mq_batch_write(b, data, n)...; mq_batch_end(b);
 *	mq_batch_commit(b, ...);
 *
 * Payload is streamed to disk, never held.  A message with a dedup_id must
 * be the only one of its batch. */
typedef struct mq_batch mq_batch;
typedef struct mq_exchange mq_exchange;

int mq_batch_open(mq_queue *, mq_batch **);
/* The same for an exchange: the commit routes each message by its key or its
 * headers, commits once for all queues, and places the copies. */
int mq_batch_open_exchange(mq_exchange *, mq_batch **);
void mq_batch_close(mq_batch *); /* what was not committed is dropped */

/* MQ_DATA: a header is malformed (bad name, control byte, not UTF-8, too long, named
 * twice, reserved "Mq-" name), or another property is, or is empty. */
int mq_batch_begin(mq_batch *, const struct mq_properties *);
int mq_batch_write(mq_batch *, const void *, size_t);
int mq_batch_end(mq_batch *);    /* MQ_DATA: larger than max-message; dropped */
void mq_batch_abort(mq_batch *); /* forget the message begun */

size_t mq_batch_count(const mq_batch *);
int mq_batch_full(const mq_batch *); /* time to commit: about 1,000 messages or 1 MiB */

/* To an exchange: MQ_EMPTY: some messages matched no binding and were dropped
 * (how many: mq_batch_unrouted); MQ_BUSY: the text names a queue that was full
 * and refused; other queues have the message nevertheless.
 *
 * Publish what the batch holds, in order.  each is called with the id of
 * every message once it is kept (sync=full: durable); a duplicate yields the
 * first one's id.  At a limit the queue's overflow setting decides; wait is
 * how long to wait for room under overflow=reject and block (0: not at all;
 * < 0: block for ever, else not at all).  On failure *accepted messages are
 * kept and the rest were not sent; the batch is empty either way. */
int mq_batch_commit(mq_batch *, mq_time wait, size_t *accepted,
    void (*each)(void *ctx, const char *id), void *ctx);

/* Of the last commit: messages that matched no binding. */
size_t mq_batch_unrouted(const mq_batch *);

/* ---- sending what was in a queue before -------------------------------- */

/* What a message brings along from there, besides its properties. */
struct mq_past {
	const char *id;
	enum mq_state
	    state; /* MQ_DEAD: it goes to the dead letters; of others, a leased one is ready */
	unsigned receives;
	mq_time since;   /* its age in the queue counts from then; 0: from when it was sent */
	mq_time expires; /* 0: never */
	const struct mq_event *events; /* its history, oldest first */
	size_t nevents;                /* at most MQ_EVENTS_MAX */
};

#define MQ_EVENTS_MAX 64

/* An import puts such messages at the end of the queue, in the order in which
 * they come, and those that are dead into its dead-letter queue:
 *
 *	if ((r = mq_import_begin(i, &props, &past)) == MQ_OK) {
 *		mq_import_write(i, data, n)...; mq_import_end(i);
 *		if (mq_import_full(i))
 *			mq_import_commit(i);
 *	}
 *
 * Their ids are written down, so that an import that was not finished can be
 * done again from its start: what is in the queue or among its dead letters when
 * the import is opened, and what was imported since the last one that was
 * finished, is passed over.  Only of a commit that was killed half way can a
 * message be imported twice: one that it placed, when that and all that it placed
 * after it were taken and acked before the import is done again. */
typedef struct mq_import mq_import;

/* MQ_BUSY: there is another import into this queue. */
int mq_import_open(mq_queue *, mq_import **);
/* What was not committed is dropped. */
void mq_import_close(mq_import *);

/* As mq_batch_begin, but neither ttl nor dedup_id counts.  MQ_EMPTY: the message
 * is there already, pass it over.  MQ_DATA: also when its past is malformed.  One
 * of another state than the one before it commits those: or fails as that does. */
int mq_import_begin(mq_import *, const struct mq_properties *, const struct mq_past *);
int mq_import_write(mq_import *, const void *, size_t);
int mq_import_end(mq_import *);        /* MQ_DATA: larger than max-message; dropped */
void mq_import_abort(mq_import *);     /* forget the message begun */
int mq_import_full(const mq_import *); /* time to commit */

/* As mq_batch_commit, waiting for room under overflow=block alone. */
int mq_import_commit(mq_import *);
/* How many messages are kept, also after a failure. */
uint64_t mq_import_count(const mq_import *);

/* All was imported and committed: forget the ids. */
int mq_import_finish(mq_import *);

/* ---- exchanges --------------------------------------------------------- */

/* An exchange passes what is published to it on to the queues and exchanges
 * that are bound to it.  Its name is no queue's; mq_settings, mq_configure and
 * mq_delete take it as they take a queue's.  Settings: type (cannot be changed),
 * alternate (an exchange for what matches no binding; "": none). */

/* type: fanout, direct, topic or headers.  MQ_CREATE: bad name, or it is there
 * with another type or as a queue; MQ_SETTING: as mq_create. */
int mq_exchange_create(mq *, const char *name, const char *type, const struct mq_setting *,
    size_t n);
/* Every exchange's name, sorted.  A callback that returns non-zero ends it. */
int mq_exchanges(mq *, int (*each)(void *ctx, const char *name), void *ctx);

int mq_exchange_open(mq *, const char *name, mq_exchange **);
void mq_exchange_close(mq_exchange *);
const char *mq_exchange_type(const mq_exchange *);

/* What a binding wants: key for direct and topic, headers for headers. */
struct mq_binding {
	const char *key; /* or NULL */
	const struct mq_header *headers;
	size_t nheaders;
	int any; /* one header is enough */
};

/* Bind a queue or an exchange, from the next publish on; once only.  MQ_NOTFOUND:
 * no such target; MQ_DATA: a bad key, pattern or header; MQ_USAGE: not what this
 * type of exchange goes by; MQ_CREATE: it would come back to itself. */
int mq_bind(mq_exchange *, const char *target, const struct mq_binding *);
/* binding NULL: all of that target.  MQ_EMPTY: it was not bound. */
int mq_unbind(mq_exchange *, const char *target, const struct mq_binding *);
/* Every binding, sorted by target and key. */
int mq_bindings(mq_exchange *,
    int (*each)(void *ctx, const char *target, const struct mq_binding *), void *ctx);

/* ---- receiving --------------------------------------------------------- */

#define MQ_RECV_MAX 1000

/* Lease up to max (at most MQ_RECV_MAX) messages for so long (0: the queue's
 * setting).  Fills leases[0..*n); MQ_EMPTY: none.  Free each with
 * mq_lease_free, which neither acks nor returns it. */
int mq_recv(mq_queue *, size_t max, mq_time visibility, mq_lease **leases, size_t *n);

/* The same for a named consumer (a name like a queue's), which is to have at
 * most prefetch unacked messages of this queue at a time (0: no limit).
 * MQ_BUSY: it has.  Several processes may use one name. */
int mq_recv_for(mq_queue *, const char *consumer, size_t prefetch, size_t max, mq_time visibility,
    mq_lease **leases, size_t *n);

/* The lease that a receipt names, to give a verdict on.  Needs no particular
 * spool in the handle: a receipt says where it is, and the handle's counts only
 * where that path leads to no spool.  MQ_DATA: not a receipt;
 * MQ_NOTFOUND: its queue is gone.  Whether it is still valid, the verdict
 * tells. */
int mq_lease_of(mq *, const char *receipt, mq_lease **);
void mq_lease_free(mq_lease *);

/* path is the receipt. */
const struct mq_message *mq_lease_message(const mq_lease *);

/* The verdicts.  MQ_LAPSED: the lease is over, nothing was changed. */
int mq_ack(mq_lease *);
int mq_nack(mq_lease *, mq_time delay, const char *reason); /* delay < 0: the backoff */
int mq_reject(mq_lease *, const char *reason);              /* to the dead letters now */
int mq_giveback(mq_lease *);                                /* at once, uncounted */
int mq_extend(mq_lease *, mq_time visibility); /* deadline = now + visibility (0: the setting) */

/* Whether it is still held: MQ_OK; MQ_LAPSED: the lease is over; MQ_EMPTY:
 * someone else who has the receipt gave a verdict. */
int mq_lease_check(mq_lease *);

/* What one process holds of a queue: its leases hang on one clock, so that one
 * call keeps them all, and a process that dies leaves one clock to lapse. */
typedef struct mq_hold mq_hold;

/* visibility 0: the queue's setting. */
int mq_hold_open(mq_queue *, mq_time visibility, mq_hold **);
/* Its leases should have had their verdicts, or they lapse in time. */
void mq_hold_close(mq_hold *);
/* As mq_recv. */
int mq_hold_recv(mq_hold *, size_t max, mq_lease **leases, size_t *n);
/* The deadline of every lease becomes now + visibility.  *again is how long
 * from now to call this next, at the latest.  MQ_LAPSED: that came too late,
 * all leases received before are over. */
int mq_hold_keep(mq_hold *, mq_time *again);

/* ---- waiting ----------------------------------------------------------- */

/* Wait until there may be something to receive from any of some queues:
 *
 *	r = mq_recv(q, ...);
 *	while (r == MQ_EMPTY) {
 *		mq_wait_arm(w, &look, &within);
 *		if (look && (r = mq_recv(q, ...)) != MQ_EMPTY)
 *			break;
 *		mq_wait_sleep(w, within);
 *	}
 *	mq_wait_leave(w);
 *
 * Those who wait for a queue stand in line: one at a time is told to look, so
 * that a message wakes one of them; who leaves lets the next one up.  Nothing
 * that comes between a look and the sleep after it is missed. */
typedef struct mq_wait mq_wait;

/* n may be 0: to wait for mq_wait_gone alone. */
int mq_wait_open(mq *, mq_queue *const *queues, size_t n, mq_wait **);
void mq_wait_close(mq_wait *);

/* Poll for reading, to wait for other things besides.  The same for the life of
 * w; -1 where there is nothing to poll but time. */
int mq_wait_fd(const mq_wait *);

/* Sleep until told, for so long at most (ns; < 0: for ever), or a signal. */
void mq_wait_sleep(const mq_wait *, mq_time within);

/* Take a place in line, or keep it, and ask to be told.  *look: 1 when the
 * queues are to be looked at (received from) after this.  *within: how long
 * to sleep at most before the next call, ns; < 0: for ever. */
int mq_wait_arm(mq_wait *, int *look, mq_time *within);

/* Besides, be told once when the message at path (as mq_pending tells it) has
 * gone from there.  MQ_EMPTY: it has already. */
int mq_wait_gone(mq_wait *, const char *path);

/* Let others look: after having received something, or to give up. */
void mq_wait_leave(mq_wait *);

/* The path of some message that is visible, delayed or in flight; the caller
 * frees it.  MQ_EMPTY: there is none, the queue is drained. */
int mq_pending(mq_queue *, char **path);

/* For who watches files, and does not run until there is something to do: have the next
 * arrival touch QUEUE/bell, once.  That is one to be received now or later, and one that is
 * sent, returned or moved on this host; not that a time has come which nobody looks at.  What
 * is there already rings no bell: look after this. */
int mq_bell(mq_queue *);

/* How many deliveries there were so far.  Who looks for messages with mq_list, leased,
 * delayed and ready ones and once more the leased, and finds none, can be sure of that
 * only if this is the same before and after: one that was received and given back
 * meanwhile may have passed the look by. */
int mq_receives(mq_queue *, uint64_t *n);

/* ---- for one process, for once ----------------------------------------- */

/* A queue for replies: named "reply-" and a number, removed when it is closed
 * or, should the process die, by a later call of this. */
int mq_private_open(mq *, mq_queue **);
void mq_private_close(mq_queue *);

/* Work that is to be done once in a while under a key (any text, not empty):
 * MQ_OK: it was not done; nobody else begins it before mq_once_end.  MQ_EMPTY:
 * it was done, and its window is not over.  Waits for whoever is at it. */
typedef struct mq_once mq_once;

int mq_once_begin(mq *, const char *key, mq_once **);
/* Durably: it is done, and remembered for so long. */
int mq_once_done(mq_once *, mq_time window);
void mq_once_end(mq_once *);
/* Should this process be killed, nobody else begins as long as a copy of this
 * descriptor is open. */
int mq_once_fd(const mq_once *);

/* ---- dead letters ------------------------------------------------------ */

/* Put one dead letter (a path from mq_list with MQ_DEAD) back to where it
 * came from, or to target, its receive count reset.  MQ_NOTFOUND: gone, or
 * no such target; MQ_BUSY: a limit of the target's is reached, it stays. */
int mq_redrive(mq *, const char *path, const char *target);

/* Where that would be. */
int mq_redrive_target(mq *, const char *path, char *name, size_t size);

/* ---- figures ----------------------------------------------------------- */

/* What happens to messages, as it was counted on each host.  Of these a few may be
 * missing, or all that were counted before a file of the host was lost. */
struct mq_flow {
	uint64_t sent;
	uint64_t received; /* each delivery of a message */
	uint64_t acked;
	uint64_t nacked; /* each that its consumer returned or rejected */
	uint64_t lapsed; /* each lease that ran out */
	uint64_t died;
	uint64_t expired;
};

struct mq_stats {
	uint64_t visible;
	uint64_t in_flight;
	uint64_t delayed;
	uint64_t dead;
	uint64_t bytes;     /* payload of visible, in flight and delayed */
	mq_time oldest_age; /* of what could be taken now; 0 when nothing can */
	int paused;
	struct mq_flow total;  /* since the queue was made */
	struct mq_flow lately; /* in the last minute and up to 4 seconds more, */
	mq_time span;          /* which is so long */
	mq_time latency[3];    /* from send to ack, of what was acked in the last 5 to 10
				* minutes: half, 95 and 99 in 100 took no longer; 0: none was */
	mq_time waited;        /* from send to ack, of all that were acked, added up */
};

/* What is in the queue is counted, not estimated. */
int mq_stat(mq_queue *, struct mq_stats *);

/* ---- checking ---------------------------------------------------------- */

/* What no command puts right by itself: what disks, people and bugs break. */
struct mq_fault {
	const char *queue; /* NULL: of the spool itself */
	const char *path;  /* below the spool; names there may hold any bytes */
	const char *what;  /* is wrong, in words */
	const char *done;  /* about it; NULL: nothing */
	int litter;        /* nothing is broken: a kill may leave it, and it takes room */
};

/* Call each for every fault of a queue and its dead-letter queue, or of the spool,
 * its exchanges and its journal; non-zero ends it.  With repair, put right what can be, without ever
 * removing a payload: what cannot be a message goes to the queue's bad/.  Others
 * may go on working.  MQ_OK also when there are faults. */
int mq_check_queue(mq *, const char *name, int repair,
    int (*each)(void *ctx, const struct mq_fault *), void *ctx);
int mq_check_spool(mq *, int repair, int (*each)(void *ctx, const struct mq_fault *), void *ctx);

/* How many files are in the bad/ of the queue and of its dead-letter queue. */
int mq_count_bad(mq_queue *, uint64_t *n);

/* ---- words and numbers ------------------------------------------------- */

/* 0 when the text is well formed, -1 when not.
 * Durations: 250ms, 30s, 5m, 2h, 1d, 1w, 1.5h, 1h30m; a bare number is seconds.
 * Sizes: 100, 64K, 10M, 1G, 1T (powers of 1024).
 * Times: 2026-11-20T12:00:00Z (or a zone, or local time without), date alone, @EPOCH. */
int mq_parse_duration(const char *, mq_time *);
int mq_parse_size(const char *, uint64_t *);
int mq_parse_time(const char *, mq_time *);
int mq_valid_name(const char *); /* a queue's name, without /dlq */
int mq_valid_utf8(const void *, size_t);

/* The text as a part of one line: control characters, '%' and, unless all of it is
 * UTF-8, the bytes above 127 as %XX.  To be freed; NULL: no memory. */
char *mq_encode_line(const char *);

/* The status that a failed system call comes to: MQ_BUSY, MQ_DENIED or MQ_IO. */
int mq_status_of_errno(int error);

#endif
