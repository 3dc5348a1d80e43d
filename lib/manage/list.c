/*
 * list.c - tell what messages a queue has, and whose dead letters it takes
 */
#include "manage/walk.h"
#include "receive/lease.h"
#include "receive/show.h"
#include "receive/sweep.h"
#include "spool/death.h"
#include "spool/line.h"
#include "spool/sources.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct listing {
	int (*each)(void *ctx, const struct mq_message *);
	void *ctx;
	unsigned states; /* that are wanted */
	enum mq_state state;
	const char *died_in;     /* only those that last failed in this queue, */
	const char *not_died_in; /* or in another one than this */
	int ended;
	int refused; /* the status of a queue that could not be opened, which is told */
};

static mq_time deadline_of(mq_queue *q, const char *path, const struct entry *e)
{
	char bucket[STRIP_PATH], clock[ENTRY_PATH];
	struct stat st;

	bucket_of(path, bucket);
	lease_clock_path(bucket, e->nonce, e->key, clock);
	if (e->lease != LEASE_OWN && fs_stat(q->fd, clock, &st) == 0)
		return fs_mtime(&st);
	lease_clock_path(bucket, e->nonce, NULL, clock);
	return fs_stat(q->fd, clock, &st) == 0 ? fs_mtime(&st) : 0;
}

/* Whether a dead letter died where it is asked for, by its last event: 1, 0, -1. */
static int died_there(mq_queue *q, const struct entry *e, const struct listing *l)
{
	struct death *d = malloc(sizeof(*d));
	int r = d ? death_read(q->fd, e, d) : -1;
	const char *last;

	if (r == 0 && d->n > 0) {
		last = d->event[d->n - 1].queue;
		r = l->died_in ? !strcmp(last, l->died_in) : strcmp(last, l->not_died_in) != 0;
	}
	free(d);
	return r;
}

static int show(void *ctx, mq_queue *q, const char *path, const struct entry *e)
{
	struct listing *l = ctx;
	struct mq_message m;
	char *full;
	int ours;

	if ((l->died_in || l->not_died_in) && (ours = died_there(q, e, l)) != 1)
		return ours;
	if (asprintf(&full, "%s/%s", q->path, path) == -1)
		return -1;
	show_entry(q, e, l->state, full, &m);
	if (l->state == MQ_LEASED)
		m.deadline = deadline_of(q, path, e);
	if (l->state != MQ_LEASED && m.expires && m.expires <= queue_now(q))
		l->ended = 0; /* as good as gone */
	else
		l->ended = l->each(l->ctx, &m);
	free(full);
	return l->ended;
}

/* What is in lanes is in order there, be it visible or not yet. */
static int show_in_lane(void *ctx, mq_queue *q, const char *path, const struct entry *e)
{
	struct listing *l = ctx;

	l->state = e->visible * MILLISECOND > queue_now(q) ? MQ_DELAYED : MQ_READY;
	return l->states & l->state ? show(l, q, path, e) : 0;
}

static int list_part(mq_queue *q, struct listing *l, enum mq_state state)
{
	int r = 0;

	l->state = state;
	switch (state) {
	case MQ_READY:
		r = walk_lines(q, TO_LOOK, show, l);
		break;
	case MQ_DELAYED:
		r = walk_delayed(q, show, l);
		break;
	case MQ_LEASED:
		return walk_buckets(q, "leased", show, l);
	case MQ_DEAD:
		break;
	}
	/* Once, after the last of the two. */
	if (r == 0 && (state == MQ_DELAYED || !(l->states & MQ_DELAYED)))
		r = lanes_walk(q, LANES_WAITING, show_in_lane, l);
	return r;
}

/* What waits in a queue of dead letters, shown as dead. */
static int list_waiting(mq_queue *q, struct listing *l)
{
	int r;

	sweep_all(q);
	l->state = MQ_DEAD;
	if ((r = walk_lines(q, TO_LOOK, show, l)) == 0 && (r = walk_delayed(q, show, l)) == 0)
		r = lanes_walk(q, LANES_WAITING, show, l);
	return r;
}

static int list_queue_of_dead(mq_queue *q, const char *name, struct listing *l)
{
	mq_queue *dead;
	int r;

	if ((r = queue_open(q->mq, q->spool, name, &dead)) != MQ_OK) {
		l->refused = r == MQ_NOTFOUND ? 0 : r;
		return l->refused ? -1 : 0;
	}
	r = list_waiting(dead, l);
	mq_queue_close(dead);
	return r;
}

struct source_listing {
	int (*each)(void *ctx, const char *name);
	void *ctx;
};

static int list_dead(mq_queue *q, struct listing *l)
{
	char name[QUEUE_NAME_SIZE];
	int r;

	if (q->is_dlq)
		return 0;
	queue_dlq_name(q, name);
	if ((r = fs_exists(q->fd, "dlq")) == 1)
		r = list_queue_of_dead(q, name, l);
	if (r == 0 && q->conf.dead_letter_to[0]) {
		l->died_in = q->name;
		r = list_queue_of_dead(q, q->conf.dead_letter_to, l);
	}
	/* What others' dead letters are to them is ready here, and not told twice. */
	if (r == 0 && l->states == MQ_DEAD && fs_exists(q->fd, "sources") == 1) {
		l->died_in = NULL;
		l->not_died_in = q->name;
		r = list_waiting(q, l);
	}
	return r;
}

static int tell_source(void *ctx, mq_queue *source)
{
	struct source_listing *l = ctx;

	return l->each(l->ctx, source->name);
}

int mq_sources(mq_queue *q, int (*each)(void *ctx, const char *name), void *ctx)
{
	struct source_listing l = { each, ctx };

	return source_walk(q, tell_source, &l) == -1 ?
	    queue_fail(q, "cannot list whose dead letters it takes") :
	    MQ_OK;
}

int mq_list(mq_queue *q, unsigned states, int (*each)(void *ctx, const struct mq_message *),
    void *ctx)
{
	static const enum mq_state order[] = { MQ_READY, MQ_DELAYED, MQ_LEASED };
	struct listing l = { .each = each, .ctx = ctx, .states = states };
	size_t i;
	int r;

	if ((r = queue_refresh(q)) != MQ_OK)
		return r;
	sweep_all(q);
	for (i = 0, r = 0; r == 0 && i < sizeof(order) / sizeof(order[0]); i++)
		if (states & order[i])
			r = list_part(q, &l, order[i]);
	if (r == 0 && states & MQ_DEAD)
		r = list_dead(q, &l);
	if (l.refused)
		return l.refused;
	return r && !l.ended ? queue_fail(q, "cannot list") : MQ_OK;
}
