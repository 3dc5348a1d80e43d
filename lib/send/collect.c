/*
 * collect.c - messages collected in a batch, and committed
 */
#include "format/message.h"
#include "send/publish.h"
#include "send/send.h"

#include <stdlib.h>
#include <string.h>

#define BATCH_BYTES (1024 * 1024)

void mq_batch_close(mq_batch *b)
{
	if (b == NULL)
		return;
	batch_reset(b);
	room_close(&b->room);
	publisher_free(b->publisher);
	mq_queue_close(b->q);
	free(b->buffer);
	free(b);
}

size_t mq_batch_count(const mq_batch *b)
{
	return b->n;
}

size_t mq_batch_unrouted(const mq_batch *b)
{
	return b->unrouted;
}

int mq_batch_full(const mq_batch *b)
{
	return b->n >= BATCH_COUNT || b->flushed + b->buffered >= BATCH_BYTES;
}

/* A write that failed may have been short: nothing after it can be trusted,
 * so the message begun is forgotten and the file cut to those before it. */
static int write_failed(mq_batch *b)
{
	static const char what[] = "cannot write the message";
	int r = b->q ? queue_fail(b->q, what) : fail_errno(b->mq, b->name, what);

	mq_batch_abort(b);
	return r;
}

/* ---- messages ---------------------------------------------------------- */

static int check_begin(mq_batch *b, const struct mq_properties *p)
{
	if (b->publisher && p->dedup_id)
		return fail(b->mq, MQ_USAGE, b->name, "an exchange takes no deduplication id");
	if (b->begun || b->n == BATCH_COUNT || b->dedup_id || (p->dedup_id && b->n) ||
	    p->priority > MQ_PRIORITY_MAX)
		return fail(b->mq, MQ_USAGE, b->name, "this message does not fit the batch");
	return MQ_OK;
}

/* The entry, but for what the commit and the payload give it. */
static void begin_entry(mq_batch *b, const struct mq_properties *p, size_t header)
{
	mq_time now = mq_now(b->mq);
	struct entry *e = &b->entries[b->n];

	memset(e, 0, sizeof(*e));
	e->priority = p->priority;
	e->offset = b->flushed + b->buffered;
	e->header = header;
	e->visible = p->visible_at > now ? (p->visible_at + MILLISECOND - 1) / MILLISECOND : 0;
	e->expires = p->ttl > 0 ? (now + p->ttl + MILLISECOND - 1) / MILLISECOND : 0;
	if (p->group)
		hash_text(p->group, e->group);
}

int mq_batch_begin(mq_batch *b, const struct mq_properties *p)
{
	const char *why;
	size_t size;
	char *block;
	int r;

	if ((r = check_begin(b, p)) != MQ_OK)
		return r;
	if ((block = message_block(p, &size, &why)) == NULL)
		return why ? fail(b->mq, MQ_DATA, b->name, why) :
			     fail_errno(b->mq, b->name, "cannot begin a message");
	begin_entry(b, p, size);
	b->begun = 1;
	b->too_large = 0;
	if (p->dedup_id && (b->dedup_id = strdup(p->dedup_id)) == NULL)
		r = -1;
	else
		r = batch_append(b, block, size);
	if (r == 0 && b->publisher)
		r = publisher_keep(b->publisher, b->n, block, size);
	free(block);
	return r == -1 ? write_failed(b) : MQ_OK;
}

/* An exchange has no limit, but its queues may. */
static int is_too_large(const mq_batch *b, uint64_t body)
{
	return b->q && room_excludes(b->q, body);
}

int mq_batch_write(mq_batch *b, const void *data, size_t n)
{
	struct entry *e;

	if (!b->begun)
		return fail(b->mq, MQ_USAGE, b->name, "no message was begun");
	e = &b->entries[b->n];
	e->body += n;
	if (is_too_large(b, e->body))
		b->too_large = 1;
	if (b->too_large)
		return MQ_OK; /* told at its end, when all of it was read */
	return batch_append(b, data, n) == -1 ? write_failed(b) : MQ_OK;
}

int mq_batch_end(mq_batch *b)
{
	if (!b->begun)
		return fail(b->mq, MQ_USAGE, b->name, "no message was begun");
	if (b->too_large) {
		mq_batch_abort(b);
		return room_too_large(b->q);
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

int mq_batch_commit(mq_batch *b, mq_time wait, size_t *accepted,
    void (*each)(void *ctx, const char *id), void *ctx)
{
	int r = MQ_OK;

	mq_batch_abort(b);
	*accepted = 0;
	b->unrouted = 0;
	room_begin(&b->room, b->mq, wait);
	if (b->n > 0)
		r = b->q ? send_commit(b, accepted, each, ctx) :
			   publish_commit(b, accepted, each, ctx);
	batch_reset(b);
	return r;
}
