/*
 * send.c - send, one message or many with one durable commit
 *
 * The commit gives the messages of a batch keys, links its file into the line
 * once for each but the last, renames it there for the last, and syncs the
 * file: on the file systems known that makes data and names durable at once;
 * on others the file is synced before and the directories after.  Many messages
 * for one line go there as bundles (bundle.h).
 *
 * A kill at any point leaves some of the messages sent that nobody was told
 * were accepted.
 */
#include "send/send.h"

#include "place/dedup.h"
#include "place/place.h"
#include "place/repair.h"
#include "receive/sweep.h"
#include "send/bundle.h"
#include "spool/depth.h"

#include <errno.h>
#include <string.h>

int mq_batch_open(mq_queue *q, mq_batch **out)
{
	mq_batch *b = batch_new(q->mq, q->name, q->fd);

	*out = b;
	if (b == NULL)
		return fail_errno(q->mq, q->name, "cannot begin a batch");
	b->q = queue_ref(q);
	return MQ_OK;
}

/* ---- committing -------------------------------------------------------- */

struct commit {
	mq_batch *b;
	mq_queue *q;
	struct tails tails;
	size_t placed;   /* messages that have left the batch */
	size_t reported; /* of those, synced and told */
	void (*each)(void *ctx, const char *id);
	void *ctx;
};

/* Make durable what was placed since, and tell. */
static int sync_placed(struct commit *c)
{
	if (c->placed == c->reported)
		return MQ_OK;
	if (c->q->conf.sync) {
		if (fs_sync(c->b->fd) == -1 ||
		    (!queue_sync_covers_name(c->q) && line_sync(c->q, &c->tails) == -1))
			return queue_fail(c->q,
			    "cannot sync: whether messages were kept is unknown");
	}
	/* A private queue goes as soon as its process has what it waited for. */
	if (!c->q->is_private && !queue_is_there(c->q))
		return queue_removed(c->q);
	queue_count(c->q, METER_SENT, c->placed - c->reported);
	for (; c->reported < c->placed; c->reported++)
		if (c->each)
			c->each(c->ctx, c->b->entries[c->reported].id);
	return MQ_OK;
}

/* What was sent so far is not held back while one waits for room. */
static int sync_first(void *commit)
{
	return sync_placed(commit);
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

		depth_release(c->q, 1, e->body);
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
	if ((r = room_get(&c->b->room, c->q, e->body, &dead, sync_first, c)) != MQ_OK)
		return r;
	/* What does not get in is not remembered as sent. */
	if (c->b->dedup_id && !dead)
		return commit_dedup(c);
	if (place(c, e, dead, last ? STRIP_RENAME : STRIP_LINK) == -1) {
		int saved = errno;

		depth_release(c->q, 1, e->body);
		errno = saved;
		return queue_fail(c->q, "cannot send");
	}
	c->placed++;
	return MQ_OK;
}

/* Behind a tail that is not the last, messages would come before older ones.  A
 * sender who may not look leaves that to those who may. */
static int is_unrepaired(mq_queue *q)
{
	repair(q);
	errno = q->unrepaired;
	return errno != 0 && errno != EACCES && errno != EPERM;
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
	sweep(c->q, SWEEP_IF_DUE, NULL);
	if (is_unrepaired(c->q))
		return queue_fail(c->q, "cannot put right what a crash of the machine left");
	if (batch_flush(b) == -1 ||
	    (c->q->conf.sync && !queue_sync_covers_name(c->q) && fs_sync(b->fd) == -1))
		return queue_fail(c->q, "cannot write the message");
	if (b->keyed)
		return MQ_OK;
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
	if (bundle_fits(c->b) && bundle_send(c->b, &c->placed) == -1)
		r = queue_fail(c->q, "cannot send");
	while (r == MQ_OK && c->placed < c->b->n)
		r = place_one(c, &c->b->entries[c->placed]);
	/* After a failure too: those that have their names are sent. */
	if (r != MQ_OK) {
		char error[sizeof(c->q->mq->error)];

		memcpy(error, c->q->mq->error, sizeof(error));
		if ((told = sync_placed(c)) != MQ_OK)
			return told;
		memcpy(c->q->mq->error, error, sizeof(error));
		return r;
	}
	return sync_placed(c);
}

int send_commit(mq_batch *b, size_t *accepted, void (*each)(void *ctx, const char *id), void *ctx)
{
	struct commit c = { .b = b, .q = b->q, .each = each, .ctx = ctx };
	int r;

	tails_reset(c.q, &c.tails);
	r = commit_all(&c);
	*accepted = c.reported;
	return r;
}
