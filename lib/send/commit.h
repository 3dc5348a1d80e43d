/*
 * commit.h - a batch on its way to the queues of an exchange
 *
 * The parts of publish.c: publisher.c, admit.c, copies.c and several.c.
 */
#ifndef COMMIT_H
#define COMMIT_H

#include "place/limit.h"
#include "place/place.h"
#include "send/publish.h"
#include "spool/exchange.h"

#define COPIES_MAX 64 /* of a file that can have no more links */

struct copy {
	uint32_t message; /* of the batch */
	int dead;         /* to the dead letters */
};

/* A queue of the router's, and what is for it of this batch. */
struct target {
	const char *name;
	mq_queue *q; /* NULL: not open */
	struct copy *copies;
	size_t n, room;
	size_t admitted;        /* of the copies; the rest waits */
	struct limit_held held; /* their room */
};

struct block {
	char *text;
	size_t size;
};

/* Another copy of the batch's file. */
struct extra {
	int fd;
	char path[ENTRY_PATH];
};

struct publisher {
	mq_exchange *x;
	struct router *router;
	struct target *targets; /* of the router, under the same numbers */
	uint32_t *used;         /* the targets of this batch */
	size_t nused, cursor;
	size_t open, evict;               /* queues */
	struct block blocks[BATCH_COUNT]; /* each stands for messages in a row */
	size_t block_of[BATCH_COUNT], nblocks;
	struct entry copies[BATCH_COUNT]; /* of one target */
	struct extra extras[COPIES_MAX];
	size_t nextras;
};

struct commit {
	mq_batch *b;
	mq *mq;
	struct publisher *p;
	size_t routed[BATCH_COUNT]; /* to how many queues that are there */
	unsigned char kept[BATCH_COUNT];
	size_t put_off[BATCH_COUNT]; /* copies that wait for room */
	size_t told, accepted;
	int refused; /* the first refusal's status, or MQ_OK, and its text: */
	char error[ERROR_SIZE];
	struct target *waiting; /* of which copies are sent one by one, */
	size_t sent, synced;    /* up to here, and this is durable */
	void (*each)(void *ctx, const char *id);
	void *ctx;
};

/* ---- publisher.c: what lives as long as the batch's handle ----------------- */

/* The bindings as they are now: a status. */
int publisher_refresh(struct publisher *);

/* Its open queue; to be asked for anew after another one was: a status. */
int target_open(struct publisher *, struct target *);

/* The same, after others may have removed or changed it. */
int target_reopen(struct publisher *, struct target *);

/* ---- admit.c: which queues get what ------------------------------------- */

/* The queues of all messages: a status. */
int commit_route(struct commit *);

/* Reserve room in the target's queue for what is for it; what it refuses is left out,
 * what may wait is put off. */
void commit_admit(struct commit *, struct target *);

/* The first refusal is what the publisher is told in the end. */
void commit_refuse(struct commit *, int status);

/* The target gets no copy from number i on. */
void target_cut(struct target *, size_t i);

/* Take back the room of the copies from number i to those admitted.  Of a queue that had
 * to be closed for others it stays taken until the next count, as after a kill. */
void commit_release(struct commit *, struct target *, size_t i);

/* The queue was removed: of its copies, from number i on, it is as if it had not been
 * bound. */
void commit_unroute(struct commit *, const struct target *, size_t i);

/* ---- copies.c: the file under its names ----------------------------------- */

/* To one queue, as a batch to a queue goes: no journal.  A status. */
int copies_send(struct commit *, struct target *);

/* One more name of the batch's file. */
int copies_link(struct commit *, int dir, const char *name);
int copies_sync(struct commit *);
int copies_sync_failed(struct commit *);
void copies_drop_extras(struct commit *);

/* Copy i of the target as an entry of its queue, but for the key; and put it there. */
void copy_entry(struct commit *, const struct target *, size_t i, struct entry *);
int copy_place(struct commit *, struct target *, size_t i, struct entry *, struct tails *);

/* Those that were sent have their names even if the last ones do not. */
void copies_kept(struct commit *, const struct target *, size_t from, size_t to);

/* Copies from number i on could not be placed, and why: mostly, the queue was removed
 * meanwhile. */
void copies_failed(struct commit *, struct target *, size_t i, int status);

/* ---- several.c: one commit for several queues ------------------------------ */

/* Link all copies into a directory, commit that, deliver it: a status. */
int several_send(struct commit *);

/* The targets that get something: how many, and the last of them unless it is NULL. */
size_t several_count(struct publisher *, struct target **last);

#endif
