/*
 * diagnosis.c - what the figures of a queue point at, in words
 *
 *	sources		it takes the dead letters of other queues
 *	paused		messages wait, and the queue is paused
 *	no-consumers	messages have waited for a minute, and none was received
 *	growing		more come than go
 *	stuck		the oldest message is much older than so few should be: those
 *			of one group, or of a low priority, or a head that fails
 *	short-timeout	leases lapse: the visibility timeout is shorter than the work
 *	failing		consumers return much of what they get
 *	dying		messages become dead letters: their most frequent reasons
 *
 * What was counted is that of the last minute; a few failures are no finding.
 */
#include "stat/diagnosis.h"

#include "share/amount.h"
#include "share/figures.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FEW      5    /* of what may just be chance */
#define LONG     60.0 /* seconds: for messages to wait where nobody receives */
#define LOOKED   500  /* dead letters, for their reasons */
#define REASONS  32
#define FREQUENT 3

struct diagnosis {
	struct cmd *c;
	mq_queue *q;
	const struct mq_stats *s;
	double in, out, age; /* a second; seconds */
	finding_fn *each;
	void *ctx;
};

static void __attribute__((format(printf, 3, 4)))
tell(struct diagnosis *d, const char *code, const char *fmt, ...)
{
	char words[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(words, sizeof(words), fmt, ap);
	va_end(ap);
	d->each(d->ctx, code, words);
}

static unsigned long long number(uint64_t n)
{
	return n;
}

/* ---- too few consumers --------------------------------------------------- */

static void find_paused(struct diagnosis *d)
{
	if (d->s->paused && d->s->visible)
		tell(d, "paused", "paused, and %llu wait", number(d->s->visible));
}

static int nobody_receives(const struct diagnosis *d)
{
	return !d->s->paused && d->s->visible && d->age >= LONG && !d->s->lately.received &&
	    !d->s->in_flight;
}

static void find_no_consumers(struct diagnosis *d)
{
	if (nobody_receives(d))
		tell(d, "no-consumers", "%llu wait, the oldest for %s, and nobody receives",
		    number(d->s->visible), amount_seconds(d->age).text);
}

static int is_growing(const struct diagnosis *d)
{
	return !d->s->paused && !nobody_receives(d) && d->s->visible > FEW &&
	    d->s->lately.sent > d->s->lately.acked + d->s->lately.acked / 10 + FEW;
}

static void find_growing(struct diagnosis *d)
{
	if (is_growing(d))
		tell(d, "growing", "%llu wait; %s come, %s go: too few consumers, or slow ones",
		    number(d->s->visible), amount_rate(d->in).text, amount_rate(d->out).text);
}

/* At the rate at which messages go, that what waits would have come in a tenth of
 * the age of its oldest, tells that the oldest was passed by. */
static void find_stuck(struct diagnosis *d)
{
	if (d->s->paused || is_growing(d) || d->s->lately.acked < FEW || d->age < LONG ||
	    (double)d->s->visible / d->out * 10 > d->age)
		return;
	tell(d, "stuck",
	    "the oldest waits for %s though only %llu wait and %s go: a group that is "
	    "stuck, a low priority that is passed by, or a message that fails at the head",
	    amount_seconds(d->age).text, number(d->s->visible), amount_rate(d->out).text);
}

/* ---- failures ------------------------------------------------------------ */

static void find_short_timeout(struct diagnosis *d)
{
	const struct mq_flow *f = &d->s->lately;

	if (f->lapsed > FEW && f->lapsed > f->received / 20)
		tell(d, "short-timeout",
		    "%llu leases lapsed, of %llu deliveries, %llu of which were acked: the "
		    "visibility timeout is too short, or consumers die",
		    number(f->lapsed), number(f->received), number(f->acked));
}

static void find_failing(struct diagnosis *d)
{
	const struct mq_flow *f = &d->s->lately;

	if (f->nacked > FEW && f->nacked > f->received / 10)
		tell(d, "failing", "%llu of %llu deliveries were returned by their consumers",
		    number(f->nacked), number(f->received));
}

struct reasons {
	struct diagnosis *d;
	unsigned looked, n;
	struct reason {
		char text[64];
		unsigned count;
	} of[REASONS];
};

static void note(struct reasons *r, const char *text)
{
	unsigned i;

	for (i = 0; i < r->n && strncmp(r->of[i].text, text, sizeof(r->of[i].text) - 1) != 0; i++)
		;
	if (i == REASONS)
		return;
	if (i == r->n)
		snprintf(r->of[r->n++].text, sizeof(r->of[i].text), "%s", text);
	r->of[i].count++;
}

/* The last thing that befell it. */
static int note_reason(void *ctx, const struct mq_message *m)
{
	struct mq_event event, last = { 0 };
	struct reasons *r = ctx;
	mq_reader *reader;

	if (mq_reader_open(r->d->c->mq, m->path, &reader) != MQ_OK)
		return 0;
	for (size_t i = 0; mq_reader_event(reader, i, &event); i++)
		last = event;
	if (last.reason)
		note(r, last.reason);
	mq_reader_close(reader);
	return ++r->looked == LOOKED;
}

static int more_frequent(const void *a, const void *b)
{
	const struct reason *x = a, *y = b;

	return x->count != y->count ? (x->count < y->count ? 1 : -1) : strcmp(x->text, y->text);
}

static void find_dying(struct diagnosis *d)
{
	struct reasons r = { .d = d };
	char words[300] = "";
	size_t at = 0;

	if (!d->s->lately.died)
		return;
	mq_list(d->q, MQ_DEAD, note_reason, &r);
	qsort(r.of, r.n, sizeof(r.of[0]), more_frequent);
	for (unsigned i = 0; i < r.n && i < FREQUENT && at < sizeof(words); i++)
		at += (size_t)snprintf(words + at, sizeof(words) - at, "%s%s (%u)",
		    i ? ", " : ", mostly by: ", r.of[i].text, r.of[i].count);
	tell(d, "dying", "%llu died in the last minute, %llu dead letter%s here%s",
	    number(d->s->lately.died), number(d->s->dead), d->s->dead == 1 ? " is" : "s are",
	    words);
}

struct sources {
	char text[200];
	size_t at;
	int more;
};

static int note_source(void *ctx, const char *name)
{
	struct sources *s = ctx;
	size_t room = sizeof(s->text) - s->at;
	int n = snprintf(s->text + s->at, room, "%s%s", s->at ? ", " : "", name);

	s->more = (size_t)n >= room;
	s->at += s->more ? 0 : (size_t)n;
	s->text[s->at] = '\0';
	return s->more;
}

/* Of a queue's own dead letters its name tells. */
static void find_sources(struct diagnosis *d)
{
	struct sources s = { .at = 0 };

	if (strchr(mq_queue_name(d->q), '/') != NULL ||
	    mq_sources(d->q, note_source, &s) != MQ_OK || !s.at)
		return;
	tell(d, "sources", "takes the dead letters of %s%s", s.text, s.more ? ", ..." : "");
}

void diagnose(struct cmd *c, mq_queue *q, const struct mq_stats *s, finding_fn *each, void *ctx)
{
	struct diagnosis d = { c, q, s, figure_value(s, IN_RATE), figure_value(s, OUT_RATE),
		figure_value(s, OLDEST_AGE), each, ctx };

	find_paused(&d);
	find_no_consumers(&d);
	find_growing(&d);
	find_stuck(&d);
	find_short_timeout(&d);
	find_failing(&d);
	find_dying(&d);
	find_sources(&d);
}
