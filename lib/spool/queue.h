/*
 * queue.h - an open queue
 *
 *	QUEUE/conf  lock  tmp/  ready/  back/  delayed/  leased/  dlq/  and,
 *	when needed, groups/  turns/  why/  dedup/  bad/  stat/
 */
#ifndef QUEUE_H
#define QUEUE_H

#include "base/fs.h"
#include "base/page.h"
#include "format/conf.h"
#include "format/name.h"
#include "format/whereabouts.h"
#include "spool/spool.h"
#include "spool/strip.h"

#define LEVELS 10

struct mq_queue {
	int refs;
	mq *mq;
	struct spool *spool;
	char name[QUEUE_NAME_SIZE];
	char *path; /* absolute */
	int fd;
	struct stat self; /* to tell whether the name is still this directory */
	int is_dlq;
	int is_private;
	int owner;      /* the lock of a private queue that is ours */
	int covers;     /* queue_sync_covers_name, or -1: not known yet */
	mq_time opened; /* by the clock from boot; conf was read then */
	struct conf conf;
	struct conf_text conf_text;
	struct stat conf_stat; /* the file that conf was read from, */
	int conf_young;        /* which may look the same after the next change */
	struct page *page;     /* NULL until queue_page() */
	struct page_use page_use;
	mq_queue *dead;             /* where dead letters go, once known */
	struct memory *memory;      /* of receive/memory.h, */
	void (*forget)(mq_queue *); /* which frees it, unless it is NULL */
	int repaired;               /* the look after a boot was done here (repair.h); */
	int unrepaired;             /* errno of what went wrong then, or 0; */
	int repair_again; /* it was not done to the end, if only as others had the locks */
};

/* Open a queue of this spool.  MQ_NOTFOUND: no such queue.  A dead-letter
 * queue is made when its queue is there. */
int queue_open(mq *, struct spool *, const char *name, mq_queue **);
/* The same in the spool at a path; where that is nothing here, as the spool was mounted
 * elsewhere when it was printed, in the handle's.  MQ_DATA: there is none. */
int queue_open_in(mq *, const char *spool, const char *name, mq_queue **);
/* As whereabouts_parse, for a path that may be relative to where we are. */
int queue_parse_path(const char *path, struct whereabouts *);
mq_queue *queue_ref(mq_queue *);

/* Make a queue with this conf (text; "" for the defaults): MQ_OK also when it
 * is there, with whatever conf it has. */
int queue_make(mq *, struct spool *, const char *name, const char *conf);

/* The same for a private queue, which is not to outlive its process and so is
 * not synced.  *owner is the lock on the file that tells. */
#define QUEUE_PRIVATE "reply-" /* what its name begins with */
#define QUEUE_OWNER   "owner"
int queue_make_private(mq *, struct spool *, const char *name, int *owner);

/* Write text to path, by way of a scratch name below dir, durably if sync. */
int queue_write_file(mq *, int dir, const char *path, const char *text, int sync);

/* q/NAME, or q/NAME/dlq. */
void queue_path(const char *name, char path[2 * QUEUE_NAME_SIZE]);

/* Whether there is such a queue: 1, 0, -1 with errno.  A dead-letter queue is
 * when its queue is: it is made when needed. */
int queue_exists(const struct spool *, const char *name);

/* The name of a queue's own dead-letter queue. */
void queue_dlq_name(const mq_queue *, char name[QUEUE_NAME_SIZE]);

/* Whether to sync a message's file makes its names durable, too. */
int queue_sync_covers_name(mq_queue *);

/* Read conf again if the file was replaced: at once, or, which will do to work by
 * it, not for a moment after the queue was opened. */
int queue_reread(mq_queue *);
int queue_refresh(mq_queue *);

/* Whether the name still leads to this directory. */
int queue_is_there(mq_queue *);

/* MQ_NOTFOUND, since it does not. */
int queue_removed(mq_queue *);

/* Lost races over a deleted queue look like missing files: this turns ENOENT
 * into MQ_NOTFOUND when the queue is gone. */
int queue_fail(mq_queue *, const char *what);

/* The host's page of this queue. */
struct page *queue_page(mq_queue *);

/* Something has come to the queue: if somebody had asked to be told of the next
 * arrival, touch QUEUE/bell.  Else this is a look at the page. */
void queue_ring(mq_queue *);

/* So many messages were sent, received or acked, or failed, as of now. */
void queue_count(mq_queue *, enum meter_kind, uint64_t n);

void queue_scratch(void *queue, char path[ENTRY_PATH]);

mq_time queue_now(const mq_queue *);

/* Now, by both clocks; a step of the wall clock is noticed. */
struct clock_moment queue_moment(mq_queue *);

/* The deadline of a lease that is taken or extended now.  Every deadline comes
 * from here: a step of the clock has been noticed before there is a lease that
 * the next step could end too early; and it is one that a clock's mtime can be. */
mq_time queue_deadline(mq_queue *, mq_time visibility);

/* Whether a lease with this deadline is over.  After a forward step of the
 * wall clock none lapses for one visibility timeout, so that those who still
 * hold one can extend it. */
int queue_lapsed(mq_queue *, mq_time deadline);

/* Whether it was at that moment, which is one of queue_moment(). */
int queue_lapsed_at(const mq_queue *, const struct clock_moment *, mq_time deadline);

/* Note that something becomes due then: a delay or a lease ends.  To be called after
 * that can be found, for a sweep may just be looking.  INT64_MAX: nothing. */
void queue_due(mq_queue *, mq_time at);

/* Fresh keys, above all others of the queue, for entries[0..n) . */
void queue_new_keys(mq_queue *, struct entry *, size_t n);

/* When an entry expires by its TTL or the queue's retention; 0: never. */
mq_time queue_expiry(const mq_queue *, const struct entry *);

/* LINE_TURNS has no messages, but tokens: see lane.h. */
enum line { LINE_READY, LINE_BACK, LINE_TURNS };
#define LINES 3

struct strip queue_strip(const mq_queue *, enum line, unsigned level);
const char *queue_line_dir(enum line);
/* The levels that have a strip, as a mask of bits. */
int queue_levels(mq_queue *, enum line, unsigned *mask);

/* What a walk does with an entry, whose path is below the queue; non-zero ends it. */
typedef int visit_fn(void *ctx, mq_queue *, const char *path, const struct entry *);

#endif
