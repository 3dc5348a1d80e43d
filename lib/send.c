/*
 * send.c - verb: send, one message or many with one durable commit
 *
 * A batch is one file in tmp/ that grows as messages are written, and a name
 * for each to come.  The commit gives the messages keys, links the file into
 * the line once for each but the last, renames it there for the last, and syncs
 * the file: on the file systems known that makes data and names durable at
 * once; on others the file is synced before and the directories after.
 *
 * A kill at any point leaves a file in tmp/ (litter, removed after a day), or
 * some of the messages sent that nobody was told were accepted.
 */
#include "dedup.h"
#include "limit.h"
#include "message.h"
#include "place.h"
#include "sweep.h"
#include "wait.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUFFER      (64 * 1024)
#define BATCH_COUNT 1000
#define BATCH_BYTES (1024 * 1024)

struct mq_batch {
	mq_queue *q;
	int fd; /* -1: no file yet */
	char path[ENTRY_PATH];
	char *buffer;
	size_t buffered;
	uint64_t flushed; /* bytes in the file */
	struct entry entries[BATCH_COUNT];
	size_t n;
	int begun; /* entries[n] is being written */
	int too_large;
	char *dedup_id;
	mq_wait *wait; /* for room; NULL until there was none */
};

/* ---- collecting -------------------------------------------------------- */

int mq_batch_open(mq_queue *q, mq_batch **out)
{
	mq_batch *b = calloc(1, sizeof(*b));

	*out = NULL;
	if (b == NULL || (b->buffer = malloc(BUFFER)) == NULL) {
		free(b);
		return fail_errno(q->mq, q->name, "cannot begin a batch");
	}
	b->q = queue_ref(q);
	b->fd = -1;
	*out = b;
	return MQ_OK;
}

/* Forget all that was collected. */
static void reset(mq_batch *b)
{
	if (b->fd != -1) {
		fs_close(b->fd);
		fs_unlink(b->q->fd, b->path); /* ENOENT when it was renamed */
	}
	free(b->dedup_id);
	b->dedup_id = NULL;
	b->fd = -1;
	b->n = b->buffered = 0;
	b->flushed = 0;
	b->begun = b->too_large = 0;
}

void mq_batch_close(mq_batch *b)
{
	if (b == NULL)
		return;
	reset(b);
	mq_wait_close(b->wait);
	mq_queue_close(b->q);
	free(b->buffer);
	free(b);
}

size_t mq_batch_count(const mq_batch *b)
{
	return b->n;
}

int mq_batch_full(const mq_batch *b)
{
	return b->n >= BATCH_COUNT || b->flushed + b->buffered >= BATCH_BYTES;
}

static int flush(mq_batch *b)
{
	if (b->fd == -1) {
		queue_scratch(b->q, b->path);
		if ((b->fd = fs_create(b->q->fd, b->path)) == -1)
			return -1;
	}
	if (fs_write(b->fd, b->buffer, b->buffered) == -1)
		return -1;
	b->flushed += b->buffered;
	b->buffered = 0;
	return 0;
}

static int append(mq_batch *b, const void *data, size_t n)
{
	const char *p = data;
	size_t part;

	while (n > 0) {
		if (b->buffered == BUFFER && flush(b) == -1)
			return -1;
		part = n < BUFFER - b->buffered ? n : BUFFER - b->buffered;
		memcpy(b->buffer + b->buffered, p, part);
		b->buffered += part;
		p += part;
		n -= part;
	}
	return 0;
}

/* A write that failed may have been short: nothing after it can be trusted,
 * so the message begun is forgotten and the file cut to those before it. */
static int write_failed(mq_batch *b)
{
	int r = queue_fail(b->q, "cannot write the message");

	mq_batch_abort(b);
	return r;
}

int mq_batch_begin(mq_batch *b, const struct mq_properties *p)
{
	mq_time now = queue_now(b->q);
	struct entry *e;
	const char *why;
	size_t size;
	char *block;
	int r;

	if (b->begun || b->n == BATCH_COUNT || b->dedup_id || (p->dedup_id && b->n) ||
	    p->priority > MQ_PRIORITY_MAX)
		return fail(b->q->mq, MQ_USAGE, b->q->name, "this message does not fit the batch");
	if ((block = message_block(p, &size, &why)) == NULL)
		return why ? fail(b->q->mq, MQ_DATA, b->q->name, why) :
			     fail_errno(b->q->mq, b->q->name, "cannot begin a message");
	e = &b->entries[b->n];
	memset(e, 0, sizeof(*e));
	e->priority = p->priority;
	e->offset = b->flushed + b->buffered;
	e->header = size;
	e->visible = p->visible_at > now ? (p->visible_at + MILLISECOND - 1) / MILLISECOND : 0;
	e->expires = p->ttl > 0 ? (now + p->ttl + MILLISECOND - 1) / MILLISECOND : 0;
	b->begun = 1;
	b->too_large = 0;
	if (p->dedup_id && (b->dedup_id = strdup(p->dedup_id)) == NULL)
		r = -1;
	else
		r = append(b, block, size);
	free(block);
	return r == -1 ? write_failed(b) : MQ_OK;
}

int mq_batch_write(mq_batch *b, const void *data, size_t n)
{
	const struct conf *c = &b->q->conf;
	struct entry *e;

	if (!b->begun)
		return fail(b->q->mq, MQ_USAGE, b->q->name, "no message was begun");
	e = &b->entries[b->n];
	e->body += n;
	if ((c->max_message && e->body > c->max_message) ||
	    (c->max_bytes && e->body > c->max_bytes))
		b->too_large = 1;
	if (b->too_large)
		return MQ_OK; /* told at its end, when all of it was read */
	return append(b, data, n) == -1 ? write_failed(b) : MQ_OK;
}

int mq_batch_end(mq_batch *b)
{
	if (!b->begun)
		return fail(b->q->mq, MQ_USAGE, b->q->name, "no message was begun");
	if (b->too_large) {
		mq_batch_abort(b);
		return fail(b->q->mq, MQ_DATA, b->q->name,
		    "the message is larger than max-message or max-bytes");
	}
	b->begun = 0;
	b->n++;
	return MQ_OK;
}

void mq_batch_abort(mq_batch *b)
{
	uint64_t start;

	if (!b->begun)
		return;
	start = b->entries[b->n].offset;
	b->begun = 0;
	free(b->dedup_id);
	b->dedup_id = NULL;
	if (start >= b->flushed) {
		b->buffered = (size_t)(start - b->flushed);
		return;
	}
	/* Cut off or not, the bytes belong to no message: should the cut fail,
	 * what comes stands after them. */
	b->buffered = 0;
	if (b->fd != -1 && fs_truncate(b->fd, start) == 0)
		b->flushed = start;
}

/* ---- committing -------------------------------------------------------- */

struct commit {
	mq_batch *b;
	mq_queue *q;
	struct tails tails;
	size_t placed;   /* messages that have left the batch */
	size_t reported; /* of those, synced and told */
	mq_time give_up; /* up clock; when to stop waiting for room */
	int armed;       /* in line for it, */
	mq_time within;  /* to look again at the latest after that */
	int by_setting;  /* wait if overflow=block, for as long as that is set */
	void (*each)(void *ctx, const char *id);
	void *ctx;
};

/* Make durable what was placed since, and tell. */
static int settle_placed(struct commit *c)
{
	if (c->placed == c->reported)
		return MQ_OK;
	if (c->q->conf.sync) {
		if (fs_sync(c->b->fd) == -1 ||
		    (!c->q->sync_covers_name && place_sync(c->q, &c->tails) == -1))
			return queue_fail(c->q,
			    "cannot sync: whether messages were kept is unknown");
	}
	/* A private queue goes as soon as its process has what it waited for. */
	if (!c->q->is_private && !queue_is_there(c->q))
		return queue_removed(c->q);
	atomic_fetch_add(&queue_page(c->q)->sent, c->placed - c->reported);
	for (; c->reported < c->placed; c->reported++)
		if (c->each)
			c->each(c->ctx, c->b->entries[c->reported].id);
	return MQ_OK;
}

static int full(mq_queue *q)
{
	return fail(q->mq, MQ_BUSY, q->name, "the queue is full");
}

/* How long to go on waiting, ns; < 0: for ever, 0: no longer. */
static mq_time patience(const struct commit *c)
{
	mq_time left = c->give_up - clock_up(&c->q->mq->clock);

	if (c->by_setting && c->q->conf.overflow == OVERFLOW_BLOCK)
		return -1;
	return left > 0 ? left : 0;
}

/* Sleep, unless this is the first time, until it is our turn to look for room. */
static int wait_for_look(struct commit *c)
{
	mq_batch *b = c->b;
	mq_time left;
	int r, look = 0;

	if (b->wait == NULL && (r = wait_open_for_room(c->q, &b->wait)) != MQ_OK)
		return r;
	while (!look) {
		left = patience(c);
		if (left == 0)
			return full(c->q);
		if (c->armed)
			wait_sleep(b->wait,
			    c->within < 0 || (left > 0 && left < c->within) ? left : c->within);
		mq_wait_arm(b->wait, &look, &c->within);
		c->armed = 1;
	}
	if (!queue_is_there(c->q))
		return queue_removed(c->q);
	sweep(c->q, SWEEP_IF_DUE);
	return queue_refresh(c->q);
}

static void end_wait(struct commit *c)
{
	if (c->armed)
		mq_wait_leave(c->b->wait);
	c->armed = 0;
}

/* Drop the oldest message of the least urgent level that has one: 1, or 0
 * when there is nothing that could be dropped. */
static int drop_head(mq_queue *q)
{
	struct segment g = { 0 };
	char path[ENTRY_PATH];
	struct entry e;
	unsigned i, mask, dropped = 0;
	size_t k;

	for (i = 0; i < 2 * LEVELS && !dropped; i++) {
		enum line line = i % 2 ? LINE_READY : LINE_BACK;
		struct strip s = queue_strip(q, line, i / 2);

		if (queue_levels(q, line, &mask) == -1 || !(mask & 1u << i / 2) ||
		    strip_head(&s, &g, queue_scratch, q) != 1)
			continue;
		for (k = 0; k < g.n && !dropped; k++) {
			strip_entry_path(&s, g.number, g.names[k].name, path);
			dropped = entry_parse(g.names[k].name, &e) == 0 &&
			    place_drop(q, q->fd, path, &e) == 0;
		}
	}
	segment_free(&g);
	return (int)dropped;
}

/* See that the entry is counted in, at the limit by the overflow setting, which
 * may change meanwhile; *dead is set when it goes to the dead letters instead. */
static int try_room(struct commit *c, const struct entry *e, int *dead)
{
	mq_queue *q = c->q;
	int r;

	while (!limit_reserve(q, e->body)) {
		switch (q->conf.overflow) {
		case OVERFLOW_DROP_HEAD:
			if (!drop_head(q))
				return full(q);
			break;
		case OVERFLOW_DEAD_LETTER:
			*dead = 1;
			limit_add(q, 1, e->body);
			return MQ_OK;
		case OVERFLOW_REJECT:
		case OVERFLOW_BLOCK:
			/* What was sent so far is not held back meanwhile. */
			if ((r = settle_placed(c)) != MQ_OK || (r = wait_for_look(c)) != MQ_OK)
				return r;
		}
	}
	return MQ_OK;
}

static int make_room(struct commit *c, const struct entry *e, int *dead)
{
	int r;

	*dead = 0;
	r = try_room(c, e, dead);
	end_wait(c);
	return r;
}

static int place(struct commit *c, struct entry *e, int dead, enum strip_how how)
{
	struct source from = { c->q->fd, c->b->path, how };

	if (dead)
		return place_dead(c->q, &from, e, "overflow");
	return e->visible ? place_delayed(c->q, &from, e) : place_ready(c->q, &from, e, &c->tails);
}

/* A message that has its room, with its deduplication id. */
static int commit_dedup(struct commit *c)
{
	mq_batch *b = c->b;
	struct entry *e = &b->entries[0];
	int first = 0, r;

	r = dedup_send(c->q, b->fd, b->path, e, b->dedup_id, &first);
	if (r == -1 || !first) {
		int saved = errno;

		limit_release(c->q, 1, e->body);
		errno = saved;
	}
	if (r == -1)
		return queue_fail(c->q, "cannot send");
	c->placed = 1;
	return MQ_OK;
}

static int place_one(struct commit *c, struct entry *e)
{
	int last = c->placed == c->b->n - 1, dead, r;

	if (c->b->dedup_id && (r = dedup_find(c->q, c->b->dedup_id, e)) != 0) {
		if (r == -1)
			return queue_fail(c->q, "cannot send");
		c->placed++; /* a duplicate needs no room */
		return MQ_OK;
	}
	if ((r = make_room(c, e, &dead)) != MQ_OK)
		return r;
	/* What does not get in is not remembered as sent. */
	if (c->b->dedup_id && !dead)
		return commit_dedup(c);
	if (place(c, e, dead, last ? STRIP_RENAME : STRIP_LINK) == -1) {
		int saved = errno;

		limit_release(c->q, 1, e->body);
		errno = saved;
		return queue_fail(c->q, "cannot send");
	}
	c->placed++;
	return MQ_OK;
}

/* All but the last steps: what the messages stand in is whole and has names. */
static int prepare(struct commit *c)
{
	mq_batch *b = c->b;
	size_t i;
	int r;

	if ((r = queue_refresh(c->q)) != MQ_OK)
		return r;
	if (!spool_has_room(c->q->spool))
		return fail(c->q->mq, MQ_BUSY, c->q->name, "the disk is full");
	sweep(c->q, SWEEP_IF_DUE);
	if (flush(b) == -1 || (c->q->conf.sync && !c->q->sync_covers_name && fs_sync(b->fd) == -1))
		return queue_fail(c->q, "cannot write the message");
	queue_new_keys(c->q, b->entries, b->n);
	for (i = 0; i < b->n; i++)
		memcpy(b->entries[i].id, b->entries[i].key, KEY_SIZE);
	return MQ_OK;
}

static int commit_all(struct commit *c)
{
	int r, told;

	if ((r = prepare(c)) != MQ_OK)
		return r;
	while (r == MQ_OK && c->placed < c->b->n)
		r = place_one(c, &c->b->entries[c->placed]);
	/* After a failure too: those that have their names are sent. */
	if (r != MQ_OK) {
		char error[sizeof(c->q->mq->error)];

		memcpy(error, c->q->mq->error, sizeof(error));
		if ((told = settle_placed(c)) != MQ_OK)
			return told;
		memcpy(c->q->mq->error, error, sizeof(error));
		return r;
	}
	return settle_placed(c);
}

int mq_batch_commit(mq_batch *b, mq_time wait, size_t *accepted,
    void (*each)(void *ctx, const char *id), void *ctx)
{
	struct commit c = { .b = b, .q = b->q, .each = each, .ctx = ctx };
	int r = MQ_OK;

	mq_batch_abort(b);
	c.by_setting = wait < 0;
	c.give_up = wait > 0 ? clock_up(&b->q->mq->clock) + wait : 0;
	tails_reset(&c.tails);
	if (b->n > 0)
		r = commit_all(&c);
	*accepted = c.reported;
	reset(b);
	return r;
}
