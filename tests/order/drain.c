/*
 * drain.c - receive all, look for what is left: see verdict.h
 */
#include "verdict.h"

#include "mq.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define HOUR ((mq_time)3600 * MQ_SECOND)

/* ---- receive all ----------------------------------------------------------------------- */

struct drain {
	struct judge *j;
	mq *mq;
	mq_time passed;
	char name[140];
};

static void let_pass(struct drain *d, mq_time time)
{
	d->passed += time;
	mq_clock_shift(d->mq, d->passed, 0);
}

static void keep(struct drain *d, mq_lease *lease)
{
	struct judge *j = d->j;
	struct found *f = &j->found[j->nfound];
	mq_reader *reader;
	char letter = '?';

	assert(j->nfound < FOUND_MAX);
	if (mq_reader_of(lease, &reader) == MQ_OK) {
		mq_reader_read(reader, &letter, 1);
		mq_reader_close(reader);
	} else {
		blame(j, "%s: a message cannot be read: %s", d->name, mq_error(d->mq));
	}
	snprintf(f->queue, sizeof(f->queue), "%s", d->name);
	f->letter = (unsigned char)letter & 0x7f;
	f->receives = mq_lease_message(lease)->receives;
	f->now = d->passed == 0;
	j->nfound++;
	if (mq_ack(lease))
		blame(j, "%s: %c cannot be acked: %s", d->name, letter, mq_error(d->mq));
	mq_lease_free(lease);
}

/* All that can be received from the queue of that name, if there is one. */
static void take(struct drain *d)
{
	mq_queue *q = NULL;
	mq_lease *lease;
	size_t n = 0;
	int status = mq_queue_open(d->mq, d->name, &q);

	while (status == MQ_OK && (status = mq_recv(q, 1, 0, &lease, &n)) == MQ_OK)
		keep(d, lease);
	if (status == MQ_EMPTY && (status = mq_recv(q, 1, 0, &lease, &n)) == MQ_OK) {
		keep(d, lease);
		blame(d->j, "%s: said to be empty, but %c is there", d->name,
		    d->j->found[d->j->nfound - 1].letter);
	}
	if (status != MQ_OK && status != MQ_EMPTY && status != MQ_NOTFOUND)
		blame(d->j, "%s: cannot receive: %s", d->name, mq_error(d->mq));
	if (q)
		mq_queue_close(q);
}

static int take_all(void *ctx, const char *name)
{
	struct drain *d = ctx;
	static const char *const suffixes[] = { "", "/dlq" };

	for (int i = 0; i < 2; i++) {
		snprintf(d->name, sizeof(d->name), "%s%s", name, suffixes[i]);
		take(d);
	}
	return 0;
}

/* What waits for somebody to say so. */
static int let_go(void *ctx, const char *name)
{
	static const struct mq_setting settings[] = { { "group-on-dead", "skip" },
		{ "paused", "no" } };
	struct drain *d = ctx;

	if (mq_configure(d->mq, name, settings, 2))
		blame(d->j, "%s: cannot be configured: %s", name, mq_error(d->mq));
	return 0;
}

/* ---- nothing is left ------------------------------------------------------------------- */

static int fault(void *ctx, const struct mq_fault *f)
{
	struct judge *j = ctx;

	if (!f->litter)
		blame(j, "mq-fsck: %s: %s: %s", f->queue ? f->queue : "spool", f->path, f->what);
	return 0;
}

static int look(void *ctx, const char *name)
{
	struct drain *d = ctx;
	mq_exchange *x;
	mq_queue *q;
	struct mq_stats s;

	if (mq_exchange_open(d->mq, name, &x) == MQ_OK) {
		blame(d->j, "%s: a queue and an exchange", name);
		mq_exchange_close(x);
	}
	if (mq_queue_open(d->mq, name, &q) == MQ_OK) {
		if (mq_stat(q, &s))
			blame(d->j, "%s: cannot be counted: %s", name, mq_error(d->mq));
		else if (s.visible || s.in_flight || s.delayed || s.dead)
			blame(d->j, "%s: stuck: %u visible, %u in flight, %u delayed, %u dead",
			    name, (unsigned)s.visible, (unsigned)s.in_flight, (unsigned)s.delayed,
			    (unsigned)s.dead);
		mq_queue_close(q);
	}
	if (mq_check_queue(d->mq, name, 0, fault, d->j))
		blame(d->j, "%s: cannot be checked: %s", name, mq_error(d->mq));
	return 0;
}

static void each_queue(struct drain *d, int (*each)(void *ctx, const char *name))
{
	if (mq_queues(d->mq, each, d))
		blame(d->j, "queues: %s", mq_error(d->mq));
}

void drain(struct judge *j, struct stage *s)
{
	struct drain d = { .j = j, .mq = mq_open(s->root) };
	unsigned before;

	if (!d.mq)
		abort();
	j->nfound = 0;
	each_queue(&d, take_all);
	each_queue(&d, let_go);
	do {
		before = j->nfound;
		let_pass(&d, s->scene->until * HOUR);
		each_queue(&d, take_all);
	} while (j->nfound != before && d.passed < 4 * s->scene->until * HOUR);
	each_queue(&d, look);
	if (mq_check_spool(d.mq, 0, fault, j))
		blame(j, "spool: cannot be checked: %s", mq_error(d.mq));
	mq_close(d.mq);
}
