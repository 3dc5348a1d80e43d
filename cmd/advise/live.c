/*
 * live.c - the figures of a queue that is at work
 *
 * What a queue tells of itself are counts, ages, and what was counted in the last
 * minute.  From them follow
 *
 *	size      the mean of the messages that are there
 *	rate      what was sent in the last minute.  When that was little, and messages
 *		  wait: those that nobody has taken yet were sent one after the other,
 *		  and the time from the first to the last of them is how long it took
 *		  so many to come
 *	failures  of the deliveries of the last minute
 *	service   when none wait: by Little's law, what is in flight is the rate
 *		  times the time in flight.  It is one look, not a mean.
 */
#include "advise/live.h"

#include "share/figures.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define ENOUGH        20   /* messages, to reckon a rate from */
#define FAILURES_MOST 0.95 /* lapses of older deliveries may make it more than all */

struct tally {
	uint64_t n, bytes, retried;
	uint64_t fresh; /* never delivered */
	mq_time first, last;
};

static int count(void *ctx, const struct mq_message *m)
{
	struct tally *t = ctx;

	t->n++;
	t->bytes += m->size;
	if (m->state == MQ_LEASED)
		return 0;
	if (m->receives > 0) {
		t->retried++;
	} else if (m->state == MQ_READY) {
		t->first = t->fresh == 0 || m->since < t->first ? m->since : t->first;
		t->last = t->fresh == 0 || m->since > t->last ? m->since : t->last;
		t->fresh++;
	}
	return 0;
}

/* What the last minute tells. */
static void infer_flow(struct live *l, struct workload *w)
{
	const struct mq_flow *f = &l->stats.lately;
	double failed;

	if (isnan(w->rate) && f->sent >= ENOUGH) {
		w->rate = figure_value(&l->stats, IN_RATE);
		l->rate = BY_COUNTERS;
	}
	if (isnan(w->failures) && f->received >= ENOUGH) {
		failed = (double)(f->nacked + f->lapsed) / (double)f->received;
		w->failures = failed < FAILURES_MOST ? failed : FAILURES_MOST;
		l->failures = failed > 0;
	}
}

static void infer(struct live *l, struct workload *w, const struct tally *t)
{
	mq_time span = t->last - t->first;

	l->retried = t->retried;
	if (!w->size && t->bytes > 0) {
		w->size = t->bytes / t->n > 0 ? t->bytes / t->n : 1;
		l->size = 1;
	}
	infer_flow(l, w);
	if (isnan(w->rate) && t->fresh >= ENOUGH && span >= MQ_SECOND) {
		w->rate = (t->fresh - 1) / ((double)span / MQ_SECOND);
		l->rate = BY_WAITING;
	}
	if (isnan(w->service) && !isnan(w->rate) && l->stats.in_flight > 0 &&
	    l->stats.visible <= l->stats.in_flight) {
		w->service = l->stats.in_flight / w->rate;
		l->service = 1;
	}
}

static void keep_setting(void *ctx, const char *key, const char *value)
{
	struct live *l = ctx;
	struct live_setting *s = &l->settings[l->nsettings];

	if (l->nsettings < NELEMS(l->settings)) {
		snprintf(s->key, sizeof(s->key), "%s", key);
		snprintf(s->value, sizeof(s->value), "%s", value);
		l->nsettings++;
	}
}

/* The setting's value; "" when there is no such one. */
static const char *live_setting(const struct live *l, const char *key)
{
	for (size_t i = 0; i < l->nsettings; i++)
		if (strcmp(l->settings[i].key, key) == 0)
			return l->settings[i].value;
	return "";
}

/* Of the workload, the settings say some of it. */
static void take_settings(const struct live *l, struct workload *w)
{
	mq_time retention;

	if (w->durability < 0)
		w->durability = strcmp(live_setting(l, "sync"), "none") == 0 ? DURABILITY_NONE :
									       DURABILITY_FULL;
	if (isnan(w->retention) && !mq_parse_duration(live_setting(l, "retention"), &retention))
		w->retention = (double)retention / MQ_SECOND;
}

int live_look(struct cmd *c, const char *queue, struct live *l, struct workload *w)
{
	mq_queue *q = cmd_queue(c, queue);
	struct tally t = { 0 };
	int status;

	*l = (struct live){ .queue = queue };
	if (!q)
		return -1;
	status = cmd_check(c, mq_settings(c->mq, queue, keep_setting, l));
	if (status == MQ_OK)
		status = cmd_check(c, mq_stat(q, &l->stats));
	if (status == MQ_OK) {
		status = mq_list(q, MQ_READY | MQ_DELAYED | MQ_LEASED, count, &t);
		status = status == MQ_EMPTY ? MQ_OK : cmd_check(c, status);
	}
	mq_queue_close(q);
	infer(l, w, &t);
	take_settings(l, w);
	return status == MQ_OK ? 0 : -1;
}

/* A number, a duration, or the first one of a range; -1 when it is none. */
static double figure(const char *text)
{
	char first[40];
	const char *dots = strstr(text, "..");
	size_t n = dots ? (size_t)(dots - text) : strlen(text);
	mq_time t;

	if (n >= sizeof(first))
		return -1;
	memcpy(first, text, n);
	first[n] = '\0';
	return mq_parse_duration(first, &t) ? -1 : (double)t;
}

int live_will_do(const struct live *l, const char *key, const char *advised)
{
	const char *is = live_setting(l, key);
	double have = figure(is), want = figure(advised);

	if (strcmp(is, advised) == 0)
		return 1;
	return have >= 0 && want >= 0 && have >= want && have <= 4 * want;
}
