/*
 * clerk.c - a worker that does what else is done to queues
 *
 * It counts, lists, purges, redrives, changes settings, and makes and removes
 * the queue that comes and goes.
 */
#include "stress.h"

#include <stdio.h>
#include <string.h>

static unsigned choose_queue(unsigned trait)
{
	unsigned i;

	do
		i = dice(QUEUES);
	while (trait && !(queues[i].traits & trait));
	return i;
}

static void count(mq *h)
{
	struct mq_stats s;
	mq_queue *q;
	unsigned i;

	for (i = 0; i < QUEUES; i++) {
		if ((q = queue_at(h, i, 0)) == NULL)
			continue;
		if (expected(h, mq_stat(q, &s),
			MAY(MQ_OK) | (queues[i].traits & FLEETING ? MAY(MQ_NOTFOUND) : 0), "stat",
			0) == MQ_OK)
			atomic_store(&shared->fill[i],
			    (int64_t)(s.visible + s.delayed + s.in_flight));
		mq_queue_close(q);
	}
}

static int look(void *ctx, const struct mq_message *m)
{
	unsigned *n = ctx;

	return m->id[0] == '\0' || ++*n == 2000;
}

static void list(mq *h)
{
	unsigned i = choose_queue(0), n = 0;
	mq_queue *q = queue_at(h, i, 0);

	if (q == NULL)
		return;
	expected(h, mq_list(q, MQ_READY | MQ_DELAYED | MQ_LEASED | MQ_DEAD, look, &n),
	    MAY(MQ_OK) | (queues[i].traits & FLEETING ? MAY(MQ_NOTFOUND) : 0), "list", 0);
	mq_queue_close(q);
}

/* Also for one that was killed, by whoever buries it. */
void end_purge(void)
{
	unsigned i;

	for (i = 0; i < QUEUES; i++) {
		if (atomic_load(&shared->purged_below[i]) != UINT64_MAX)
			continue;
		atomic_store(&shared->purged_below[i], atomic_load(&shared->next));
		tell(E_PURGE, 0, i, (int)shared->dropping);
		add(DROPPED_BY_PURGE, shared->dropping);
	}
}

/* What was sent before it ends may go, and no more than it says. */
static void purge(mq *h)
{
	unsigned i = choose_queue(PURGED);
	mq_queue *q = queue_at(h, i, 0);

	if (q == NULL)
		return;
	shared->dropping = 0;
	atomic_store(&shared->purged_below[i], UINT64_MAX);
	expected(h, mq_purge(q, &shared->dropping, NULL, NULL), MAY(MQ_OK), "purge", 0);
	end_purge();
	add(PURGES, 1);
	mq_queue_close(q);
}

static int redrive_one(void *ctx, const struct mq_message *m)
{
	mq *h = ctx;

	/* A queue that is full takes none back. */
	if (chance(70) &&
	    expected(h, mq_redrive(h, m->path, NULL), MAY(MQ_OK) | MAY(MQ_NOTFOUND) | MAY(MQ_BUSY),
		"redrive", 0) == MQ_OK)
		add(REDRIVEN, 1);
	return 0;
}

static void redrive(mq *h)
{
	mq_queue *q = queue_at(h, choose_queue(0), 0);

	if (q == NULL)
		return;
	mq_list(q, MQ_DEAD, redrive_one, h);
	mq_queue_close(q);
}

static void set(mq *h, unsigned queue, const char *key, const char *value)
{
	struct mq_setting s = { key, value };

	expected(h, mq_configure(h, queues[queue].name, &s, 1),
	    MAY(MQ_OK) | (queues[queue].traits & FLEETING ? MAY(MQ_NOTFOUND) : 0), "configure", 0);
	tell(E_SETTING, 0, queue, value[0]);
	add(RESET, 1);
}

static void configure(mq *h)
{
	static const char *const depth[] = { "100", "300", "1000" };
	static const char *const visibility[] = { "300ms", "400ms", "1s" };
	static const char *const backoff[] = { "0", "10ms..100ms", "50ms" };
	unsigned i = choose_queue(0);

	switch (dice(4)) {
	case 0:
		set(h, i, "visibility", visibility[dice(3)]);
		break;
	case 1:
		set(h, i, "backoff", backoff[dice(3)]);
		break;
	case 2:
		i = Q_REJECT + dice(4);
		set(h, i, i == Q_OVERFLOW ? "max-bytes" : "max-depth",
		    i == Q_OVERFLOW ? "64K" : depth[dice(3)]);
		break;
	case 3:
		set(h, i, "paused", "yes");
		nap((long)dice(300000));
		set(h, i, "paused", "no");
		break;
	}
}

static void bind(mq *h, int bound)
{
	const char *side = queues[Q_SIDE].name;
	mq_exchange *x;
	int r;

	if (expected(h, mq_exchange_open(h, EXCHANGE, &x), MAY(MQ_OK), "open the exchange", 0) !=
	    MQ_OK)
		return;
	r = bound ? mq_bind(x, side, &(struct mq_binding){ 0 }) : mq_unbind(x, side, NULL);
	expected(h, r, MAY(MQ_OK) | MAY(MQ_NOTFOUND) | MAY(MQ_EMPTY), "bind", 0);
	mq_exchange_close(x);
}

static void remake(mq *h)
{
	const char *side = queues[Q_SIDE].name;
	struct mq_setting s = { "visibility", "300ms" };

	if (chance(50)) {
		bind(h, chance(50));
		return;
	}
	atomic_store(&shared->removed, now_stamp());
	if (chance(70))
		expected(h, mq_delete(h, side), MAY(MQ_OK) | MAY(MQ_NOTFOUND), "delete", 0);
	tell(E_DELETE, 0, Q_SIDE, 0);
	expected(h, mq_create(h, side, &s, 1), MAY(MQ_OK), "create", 0);
	tell(E_CREATE, 0, Q_SIDE, 0);
	bind(h, 1);
	add(REMADE, 1);
}

void clerk(mq *h)
{
	unsigned i;

	count(h);
	switch (dice(8)) {
	case 0:
		for (i = 0; i < QUEUES; i++) /* who was killed in between left one */
			set(h, i, "paused", "no");
		break;
	case 1:
		list(h);
		break;
	case 2:
		if (chance(40))
			purge(h);
		break;
	case 3:
		redrive(h);
		break;
	case 4:
	case 5:
		configure(h);
		break;
	case 6:
		remake(h);
		break;
	}
	nap((long)dice(60000));
}
