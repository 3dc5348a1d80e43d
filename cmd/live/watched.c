/*
 * watched.c - the queues of the live view: what they are, and were
 *
 * Rates are what the totals have grown by from look to look; at the first one, what
 * the queue itself counted of the last minute.  mq_queues() tells the names in order,
 * so those of two looks are merged.
 */
#include "live/watched.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void watched_open(struct watched_all *all, struct cmd *c)
{
	*all = (struct watched_all){ .c = c };
}

static void forget(struct watched *w)
{
	free(w->name);
	free(w->error);
	free(w->past);
	free(w);
}

void watched_close(struct watched_all *all)
{
	for (size_t i = 0; i < all->n; i++)
		forget(all->list[i]);
	free(all->list);
	free(all->error);
}

static char *copy(struct cmd *c, const char *text)
{
	char *p = cmd_realloc(c, NULL, strlen(text) + 1);

	return strcpy(p, text);
}

/* ---- a queue ------------------------------------------------------------- */

static double rate(uint64_t now, uint64_t before, mq_time span)
{
	/* a count may have been begun anew */
	return span > 0 && now > before ? (double)(now - before) * MQ_SECOND / span : 0;
}

static void set_figures(struct watched *w, const struct mq_stats *s, mq_time now)
{
	if (w->looked) {
		w->in = rate(s->total.sent, w->stats.total.sent, now - w->looked);
		w->out = rate(s->total.acked, w->stats.total.acked, now - w->looked);
	} else {
		w->in = rate(s->lately.sent, 0, s->span);
		w->out = rate(s->lately.acked, 0, s->span);
	}
	w->stats = *s;
	w->looked = now;
}

static void remember(const struct watched_all *all, struct watched *w)
{
	float *past = w->past[all->looks % WATCHED_PAST];

	past[SERIES_DEPTH] = (float)w->stats.visible;
	past[SERIES_IN_FLIGHT] = (float)w->stats.in_flight;
	past[SERIES_IN] = (float)w->in;
	past[SERIES_OUT] = (float)w->out;
	past[SERIES_AGE] = (float)w->stats.oldest_age / MQ_SECOND;
	for (int i = 0; w->error && i < SERIES; i++)
		past[i] = NAN;
}

/* Returns what mq_queue_open or mq_stat did. */
static int look_at(struct watched_all *all, struct watched *w)
{
	struct mq_stats stats;
	mq_queue *q;
	int status = mq_queue_open(all->c->mq, w->name, &q);

	if (!status) {
		status = mq_stat(q, &stats);
		mq_queue_close(q);
	}
	free(w->error);
	w->error = NULL;
	if (status)
		w->error = copy(all->c, mq_error_of(all->c->mq, w->name));
	else
		set_figures(w, &stats, monotonic());
	remember(all, w);
	return status;
}

/* ---- all ------------------------------------------------------------------ */

static struct watched *meet(struct watched_all *all, const char *name)
{
	struct watched *w = cmd_realloc(all->c, NULL, sizeof(*w));

	*w = (struct watched){ .name = copy(all->c, name), .since = all->looks };
	w->past = cmd_realloc(all->c, NULL, WATCHED_PAST * sizeof(*w->past));
	return w;
}

static void append(struct watched_all *all, struct watched *w)
{
	if (all->n == all->room) {
		all->room = 2 * all->room + 64;
		all->list = cmd_realloc(all->c, all->list, all->room * sizeof(struct watched *));
	}
	all->list[all->n++] = w;
}

/* The one of that name of the look before, without those that come before it. */
static struct watched *known(struct watched_all *all, const char *name)
{
	int order = -1;

	while (all->old_at < all->nold && (order = strcmp(all->old[all->old_at]->name, name)) < 0)
		forget(all->old[all->old_at++]);
	return all->old_at < all->nold && order == 0 ? all->old[all->old_at++] : NULL;
}

static int follow(void *ctx, const char *name)
{
	struct watched_all *all = ctx;
	struct watched *w = known(all, name);

	if (!w)
		w = meet(all, name);
	if (look_at(all, w) == MQ_NOTFOUND)
		forget(w); /* deleted since it was listed */
	else
		append(all, w);
	return 0;
}

static void look_at_all(struct watched_all *all)
{
	int status;

	all->old = all->list;
	all->nold = all->n;
	all->old_at = 0;
	all->list = NULL;
	all->n = all->room = 0;
	status = mq_queues(all->c->mq, follow, all);
	free(all->error);
	all->error = status ? copy(all->c, mq_error(all->c->mq)) : NULL;
	while (all->old_at < all->nold)
		forget(all->old[all->old_at++]);
	free(all->old);
}

void watched_look(struct watched_all *all)
{
	if (all->c->argc == 0) {
		look_at_all(all);
	} else {
		for (int i = (int)all->n; i < all->c->argc; i++)
			append(all, meet(all, all->c->argv[i]));
		for (size_t i = 0; i < all->n; i++)
			look_at(all, all->list[i]);
	}
	all->at[all->looks++ % WATCHED_PAST] = monotonic();
}

void watched_series(const struct watched_all *all, const struct watched *w, enum series series,
    float *values, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t back = n - i; /* looks */

		if (back > WATCHED_PAST || back > all->looks - w->since)
			values[i] = NAN;
		else
			values[i] = w->past[(all->looks - back) % WATCHED_PAST][series];
	}
}
