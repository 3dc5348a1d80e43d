/*
 * admit.c - which queues get which messages of a batch, and have room for them
 */
#include "send/commit.h"

#include "format/message.h"
#include "receive/sweep.h"
#include "send/route.h"
#include "spool/depth.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

void commit_refuse(struct commit *c, int status)
{
	if (c->refused != MQ_OK)
		return;
	c->refused = status;
	memcpy(c->error, c->mq->error, sizeof(c->error));
}

void target_cut(struct target *t, size_t i)
{
	t->n = i;
	if (t->admitted > i)
		t->admitted = i;
}

void commit_release(struct commit *c, struct target *t, size_t i)
{
	int saved = errno;

	for (; i < t->admitted && t->q; i++)
		depth_release(t->q, 1, c->b->entries[t->copies[i].message].body);
	errno = saved;
}

void commit_unroute(struct commit *c, const struct target *t, size_t i)
{
	for (; i < t->n; i++)
		c->routed[t->copies[i].message]--;
}

static int add_copy(struct publisher *p, uint32_t queue, size_t message)
{
	struct target *t = &p->targets[queue];
	size_t room = t->room ? 2 * t->room : 16;
	struct copy *grown;

	if (t->n == t->room) {
		if ((grown = realloc(t->copies, room * sizeof(*grown))) == NULL)
			return -1;
		t->copies = grown;
		t->room = room;
	}
	if (t->n == 0)
		p->used[p->nused++] = queue;
	t->copies[t->n++] = (struct copy){ (uint32_t)message, 0 };
	return 0;
}

/* The queues of the messages that share this block. */
static int route_block(struct publisher *p, const struct block *block, const uint32_t **queues,
    size_t *n)
{
	struct message_block m = { 0 };
	char *text = malloc(block->size + 1);
	const char *key = "";
	size_t first = 0;

	if (text == NULL)
		return -1;
	memcpy(text, block->text, block->size);
	if (message_parse(text, block->size, &m) == -1) {
		message_free(&m);
		return -1;
	}
	/* The queue's own properties come first. */
	for (; first < m.n && !strncasecmp(m.headers[first].name, "Mq-", 3); first++)
		if (!strcmp(m.headers[first].name, MESSAGE_KEY))
			key = m.headers[first].value;
	*n =
	    router_route(p->router, key, m.headers ? m.headers + first : NULL, m.n - first, queues);
	message_free(&m);
	return 0;
}

int commit_route(struct commit *c)
{
	struct publisher *p = c->p;
	const uint32_t *queues = NULL;
	size_t i, k, n = 0;

	for (i = 0; i < p->nused; i++)
		p->targets[p->used[i]].n = p->targets[p->used[i]].admitted = 0;
	p->nused = 0;
	for (i = 0; i < c->b->n; i++) {
		if ((i == 0 || p->block_of[i] != p->block_of[i - 1]) &&
		    route_block(p, &p->blocks[p->block_of[i]], &queues, &n) == -1)
			return fail_errno(c->mq, c->b->name, "cannot route");
		c->routed[i] = n;
		for (k = 0; k < n; k++)
			if (add_copy(p, queues[k], i) == -1)
				return fail_errno(c->mq, c->b->name, "cannot route");
	}
	return MQ_OK;
}

/* Under overflow=drop-head a batch may be more than the queue holds: what is
 * dropped then is the oldest of its own least urgent messages, sent and gone. */
static int drop_admitted(struct commit *c, struct target *t)
{
	const struct entry *entries = c->b->entries;
	size_t i, first = 0;

	if (t->admitted == 0)
		return 0;
	for (i = 1; i < t->admitted; i++)
		if (entries[t->copies[i].message].priority <
		    entries[t->copies[first].message].priority)
			first = i;
	c->kept[t->copies[first].message] = 1;
	depth_release(t->q, 1, entries[t->copies[first].message].body);
	t->held.n--;
	t->held.bytes -= entries[t->copies[first].message].body;
	t->n--;
	t->admitted--;
	memmove(&t->copies[first], &t->copies[first + 1], (t->n - first) * sizeof(*t->copies));
	return 1;
}

/* Reserve room for the next copy: 1; 0 when it is refused with all that follow
 * it; -1 when it is to wait. */
static int admit_next(struct commit *c, struct target *t)
{
	struct copy *copy = &t->copies[t->admitted];
	uint64_t body = c->b->entries[copy->message].body;
	enum room_found found = room_look(t->q, body, &t->held);

	switch (found) {
	case ROOM_DEAD:
	case ROOM_FOUND:
		copy->dead = found == ROOM_DEAD;
		t->held.n++;
		t->held.bytes += body;
		t->admitted++;
		return 1;
	case ROOM_FULL:
		if (room_may_wait(&c->b->room, t->q))
			return -1;
		break;
	case ROOM_NEVER:
		if (drop_admitted(c, t))
			return 1;
		break;
	case ROOM_ERROR:
		commit_refuse(c, queue_fail(t->q, "cannot make room"));
		return 0;
	}
	commit_refuse(c, room_full(t->q));
	return 0;
}

/* Leave out the copies that are too large for this queue. */
static void drop_too_large(struct commit *c, struct target *t)
{
	size_t i, n = 0;

	for (i = 0; i < t->n; i++) {
		if (room_excludes(t->q, c->b->entries[t->copies[i].message].body))
			commit_refuse(c, room_too_large(t->q));
		else
			t->copies[n++] = t->copies[i];
	}
	t->n = n;
}

void commit_admit(struct commit *c, struct target *t)
{
	int r = target_reopen(c->p, t), found = 1;
	size_t i;

	if (r != MQ_OK) {
		if (r == MQ_NOTFOUND)
			commit_unroute(c, t, 0);
		else
			commit_refuse(c, r);
		target_cut(t, 0);
		return;
	}
	sweep(t->q, SWEEP_IF_DUE, NULL);
	drop_too_large(c, t);
	t->held = (struct limit_held){ 0, 0 };
	while (found == 1 && t->admitted < t->n)
		found = admit_next(c, t);
	if (found == 0)
		target_cut(t, t->admitted);
	for (i = t->admitted; i < t->n; i++)
		c->put_off[t->copies[i].message]++;
}
