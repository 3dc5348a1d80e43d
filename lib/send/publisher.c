/*
 * publisher.c - an exchange that is open to be published to, and its queues
 */
#include "send/commit.h"

#include "place/repair.h"
#include "send/route.h"

#include <stdlib.h>
#include <string.h>

#define QUEUES_OPEN 128 /* at a time */

int mq_batch_open_exchange(mq_exchange *x, mq_batch **out)
{
	struct publisher *p = calloc(1, sizeof(*p));
	mq_batch *b = p ? batch_new(x->mq, x->name, x->spool->fd) : NULL;

	*out = b;
	if (b == NULL) {
		free(p);
		return fail_errno(x->mq, x->name, "cannot begin a batch");
	}
	p->x = exchange_ref(x);
	b->publisher = p;
	return MQ_OK;
}

static void drop_router(struct publisher *p)
{
	size_t i, n = p->targets ? router_queues(p->router) : 0;

	for (i = 0; i < n; i++) {
		mq_queue_close(p->targets[i].q);
		free(p->targets[i].copies);
	}
	free(p->targets);
	free(p->used);
	router_close(p->router);
	p->router = NULL;
	p->targets = NULL;
	p->used = NULL;
	p->nused = p->open = p->evict = 0;
}

static void drop_blocks(struct publisher *p, size_t from)
{
	while (p->nblocks > from)
		free(p->blocks[--p->nblocks].text);
}

void publisher_free(struct publisher *p)
{
	if (p == NULL)
		return;
	drop_blocks(p, 0);
	drop_router(p);
	mq_exchange_close(p->x);
	free(p);
}

int publisher_keep(struct publisher *p, size_t i, const char *block, size_t size)
{
	struct block *last;
	char *text;

	/* Without those of messages that were begun and forgotten. */
	drop_blocks(p, i > 0 ? p->block_of[i - 1] + 1 : 0);
	last = p->nblocks ? &p->blocks[p->nblocks - 1] : NULL;
	if (last == NULL || last->size != size || memcmp(last->text, block, size) != 0) {
		if ((text = malloc(size + 1)) == NULL)
			return -1;
		memcpy(text, block, size);
		p->blocks[p->nblocks].text = text;
		p->blocks[p->nblocks++].size = size;
	}
	p->block_of[i] = p->nblocks - 1;
	return 0;
}

int publisher_refresh(struct publisher *p)
{
	size_t i, n;
	int r;

	if (p->router && router_holds(p->router))
		return MQ_OK;
	drop_router(p);
	if ((p->router = router_open(p->x->mq, p->x->spool, p->x->name, &r)) == NULL)
		return r;
	n = router_queues(p->router);
	p->targets = calloc(n + 1, sizeof(*p->targets));
	p->used = calloc(n + 1, sizeof(*p->used));
	if (p->targets == NULL || p->used == NULL) {
		drop_router(p);
		return fail_errno(p->x->mq, p->x->name, "cannot route");
	}
	for (i = 0; i < n; i++)
		p->targets[i].name = router_queue(p->router, i);
	return MQ_OK;
}

static void close_target(struct publisher *p, struct target *t)
{
	if (t->q == NULL)
		return;
	mq_queue_close(t->q);
	t->q = NULL;
	p->open--;
}

/* Of many queues few are open: make room for one more. */
static void close_one(struct publisher *p)
{
	size_t n = router_queues(p->router);

	while (p->open >= QUEUES_OPEN)
		close_target(p, &p->targets[p->evict++ % n]);
}

int target_open(struct publisher *p, struct target *t)
{
	int r;

	if (t->q)
		return MQ_OK;
	close_one(p);
	if ((r = queue_open(p->x->mq, p->x->spool, t->name, &t->q)) != MQ_OK)
		return r;
	p->open++;
	repair(t->q);
	return MQ_OK;
}

int target_reopen(struct publisher *p, struct target *t)
{
	if (t->q && queue_is_there(t->q))
		return queue_refresh(t->q);
	close_target(p, t);
	return target_open(p, t);
}
