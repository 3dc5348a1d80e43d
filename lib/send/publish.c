/*
 * publish.c - publish, a batch to an exchange
 *
 * The commit of a batch:
 *
 *	route   every message, by its block of properties, to queues
 *	admit   see that each queue has room, by its overflow setting.  A queue
 *	        that refuses one message gets none after it; what may wait for
 *	        room is put off, with all that comes after it for that queue.
 *	commit  one queue: send it there.  More: link all copies into a directory
 *	        and commit that (journal.h), then deliver it.
 *	wait    for room for what was put off, and send it there.
 *
 * A message's id is the exchange's; its key in each queue is that queue's.
 */
#include "send/commit.h"

#include "spool/depth.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Tell of messages in order, up to the first of which a copy waits. */
static void tell(struct commit *c)
{
	for (; c->told < c->b->n && !c->put_off[c->told]; c->told++) {
		if (!c->kept[c->told])
			continue;
		c->accepted++;
		if (c->each)
			c->each(c->ctx, c->b->entries[c->told].id);
	}
}

/* Make durable what was sent of it, and tell, before waiting again. */
static int sync_sent(void *commit)
{
	struct commit *c = commit;
	struct target *t = c->waiting;

	if (c->sent == c->synced)
		return MQ_OK;
	if (t->q->conf.sync && copies_sync(c) == -1)
		return copies_sync_failed(c);
	queue_count(t->q, METER_SENT, c->sent - c->synced);
	copies_kept(c, t, c->synced, c->sent);
	for (; c->synced < c->sent; c->synced++)
		c->put_off[t->copies[c->synced].message]--;
	tell(c);
	return MQ_OK;
}

static int send_late(struct commit *c, struct target *t)
{
	struct copy *copy = &t->copies[c->sent];
	struct entry e;
	int r;

	copy_entry(c, t, c->sent, &e);
	if ((r = room_get(&c->b->room, t->q, e.body, &copy->dead, sync_sent, c)) != MQ_OK)
		return r;
	queue_new_keys(t->q, &e, 1);
	/* Names are made durable one by one: this has waited anyway. */
	if ((t->q->conf.sync && !queue_sync_covers_name(t->q) && copies_sync(c) == -1) ||
	    copy_place(c, t, c->sent, &e, NULL) == -1) {
		depth_release(t->q, 1, e.body);
		return queue_fail(t->q, "cannot send");
	}
	c->sent++;
	return MQ_OK;
}

/* Of each message one queue or more may have waited. */
static int send_rest_to(struct commit *c, struct target *t)
{
	size_t i;
	int r = MQ_OK, synced;

	c->waiting = t;
	c->sent = c->synced = t->admitted;
	if ((r = target_open(c->p, t)) == MQ_OK) {
		while (r == MQ_OK && c->sent < t->n)
			r = send_late(c, t);
		if (r != MQ_OK && r != MQ_NOTFOUND)
			commit_refuse(c, r);
		if ((synced = sync_sent(c)) != MQ_OK)
			return synced;
	} else if (r != MQ_NOTFOUND) {
		commit_refuse(c, r);
	}
	if (r == MQ_NOTFOUND)
		commit_unroute(c, t, c->synced);
	for (i = c->synced; i < t->n; i++)
		c->put_off[t->copies[i].message]--;
	return MQ_OK;
}

static int send_rest(struct commit *c)
{
	struct publisher *p = c->p;
	size_t i;
	int r = MQ_OK;

	for (i = 0; r == MQ_OK && i < p->nused; i++) {
		struct target *t = &p->targets[p->used[i]];

		if (t->admitted < t->n)
			r = send_rest_to(c, t);
	}
	return r;
}

static void new_ids(struct commit *c)
{
	mq_batch *b = c->b;
	int64_t first = page_reserve_ids(exchange_page(c->p->x), mq_now(c->mq), (int64_t)b->n);
	uint32_t nonce = (uint32_t)nonce_next(&c->mq->nonce);
	size_t i;

	for (i = 0; i < b->n; i++)
		key_format(b->entries[i].id, first + (int64_t)i, nonce);
}

static int prepare(struct commit *c)
{
	size_t i;
	int r;

	if ((r = publisher_refresh(c->p)) != MQ_OK)
		return r;
	if (!spool_has_room(c->p->x->spool))
		return fail(c->mq, MQ_BUSY, c->b->name, "the disk is full");
	if (batch_flush(c->b) == -1)
		return fail_errno(c->mq, c->b->name, "cannot write the message");
	new_ids(c);
	if ((r = commit_route(c)) != MQ_OK)
		return r;
	for (i = 0; i < c->p->nused; i++)
		commit_admit(c, &c->p->targets[c->p->used[i]]);
	return MQ_OK;
}

static int send_admitted(struct commit *c)
{
	struct target *one = NULL;
	size_t n = several_count(c->p, &one);

	if (n == 0)
		return MQ_OK;
	return n == 1 ? copies_send(c, one) : several_send(c);
}

/* What the publisher is told of a commit that did not fail. */
static int verdict(struct commit *c)
{
	char why[64];
	size_t i;

	for (i = 0; i < c->b->n; i++)
		c->b->unrouted += c->routed[i] == 0;
	if (c->refused != MQ_OK) {
		memcpy(c->mq->error, c->error, sizeof(c->error));
		return c->refused;
	}
	if (c->b->unrouted == 0)
		return MQ_OK;
	snprintf(why, sizeof(why), "%zu of %zu messages matched no binding", c->b->unrouted,
	    c->b->n);
	return fail(c->mq, MQ_EMPTY, c->b->name, why);
}

static int commit_all(struct commit *c)
{
	int r;

	if ((r = prepare(c)) != MQ_OK || (r = send_admitted(c)) != MQ_OK)
		return r;
	tell(c);
	if ((r = send_rest(c)) != MQ_OK)
		return r;
	tell(c);
	return verdict(c);
}

int publish_commit(mq_batch *b, size_t *accepted, void (*each)(void *ctx, const char *id),
    void *ctx)
{
	struct commit *c = calloc(1, sizeof(*c));
	int r;

	if (c == NULL)
		return fail_errno(b->mq, b->name, "cannot publish");
	c->b = b;
	c->mq = b->mq;
	c->p = b->publisher;
	c->each = each;
	c->ctx = ctx;
	r = commit_all(c);
	copies_drop_extras(c);
	*accepted = c->accepted;
	free(c);
	return r;
}
