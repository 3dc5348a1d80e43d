/*
 * advice.c - from a workload to workers, settings, cost and warnings
 *
 * Each step takes what the steps before it have found:
 *
 *	retries    how often a message is delivered, how long backoff holds it
 *	workers    the fewest that keep the mean wait within its target
 *	settings   what follows for the queue, each with its reason
 *	cost       of the messages that the queue holds at its limit
 *	tool       whether it should be a queue at all
 *
 * The formulas and their sources are in mq-advise(1).
 */
#include "advise/advice.h"

#include "share/amount.h"
#include "share/words.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUSY          0.9  /* workers are to be busy for no more than that share */
#define GOOD_DEAD     1e-6 /* the chance that is taken for a good message */
#define RECEIVES_MIN  5    /* the default of the setting */
#define RECEIVES_MAX  100
#define BACKOFF_MAX   300.0 /* seconds, the default */
#define ORDERED_MAX   10.0  /* seconds: others wait behind it */
#define DRAWN         0.75  /* a delay is drawn from its upper half, evenly */
#define HEARTBEAT_MIN 10.0  /* seconds */
#define HEARTBEAT_MAX 900.0
#define FROZEN        120.0  /* seconds: longer than a host that died freezes the others */
#define NAME_BYTES    100    /* of a directory, a message's name */
#define BULK          1000.0 /* messages that mq-send -l syncs at once */

/* ---- words -------------------------------------------------------------- */

static char *text_of(struct cmd *c, const char *fmt, va_list args)
{
	char *text;

	if (vasprintf(&text, fmt, args) < 0) {
		cmd_error(c, MQ_IO, "out of memory");
		exit(cmd_end(c));
	}
	return text;
}

void advice_warn(struct cmd *c, struct advice *a, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	if (a->nwarnings < WARNINGS_MAX)
		a->warnings[a->nwarnings++] = text_of(c, fmt, args);
	va_end(args);
}

/* A setting, and why. */
__attribute__((format(printf, 5, 6))) static void suggest(struct cmd *c, struct advice *a,
    const char *key, const char *value, const char *fmt, ...)
{
	struct suggestion *s = &a->settings[a->nsettings++];
	va_list args;

	s->key = key;
	snprintf(s->value, sizeof(s->value), "%s", value);
	va_start(args, fmt);
	s->why = text_of(c, fmt, args);
	va_end(args);
}

void advice_free(struct advice *a)
{
	for (size_t i = 0; i < a->nsettings; i++)
		free(a->settings[i].why);
	for (size_t i = 0; i < a->nwarnings; i++)
		free(a->warnings[i]);
}

/* ---- what was not said -------------------------------------------------- */

static double otherwise(double given, double value)
{
	return isnan(given) ? value : given;
}

static struct workload complete(const struct workload *given)
{
	struct workload w = *given;

	w.burst = otherwise(w.burst, 0);
	w.drain = otherwise(w.drain, 60);
	w.spread = otherwise(w.spread, w.service);
	w.failures = otherwise(w.failures, 0);
	w.target = otherwise(w.target, w.service);
	w.outage = otherwise(w.outage, 60);
	w.size = w.size ? w.size : SIZE_DEFAULT;
	w.fanout = w.fanout ? w.fanout : 1;
	w.hosts = w.hosts ? w.hosts : 1;
	w.copies = w.copies ? w.copies : 1;
	if (w.order < 0)
		w.order = w.keys ? ORDER_KEY : ORDER_NONE;
	return w;
}

/* ---- retries ------------------------------------------------------------ */

/* The delay after so many deliveries, before it is drawn. */
static double delay_after(const struct advice *a, unsigned receives)
{
	double delay = a->backoff * exp2(receives - 1);

	return delay < a->backoff_max ? delay : a->backoff_max;
}

/* From the first delivery to the last one, for a message that always fails. */
static double retry_span(const struct advice *a)
{
	double sum = 0;

	for (unsigned n = 1; n < a->receives; n++)
		sum += DRAWN * delay_after(a, n);
	return sum;
}

/* Make it longer, when that can be. */
static int extend_span(struct advice *a)
{
	if (a->w.order == ORDER_NONE && a->backoff < a->backoff_max) {
		a->backoff *= 1.01;
		round_duration(&a->backoff);
		return 1;
	}
	return a->receives < RECEIVES_MAX && ++a->receives;
}

/* So many deliveries that failing by chance is rare; delays such that the last
 * one comes after an outage of what the jobs need.  What is in order waits behind
 * a message that failed: there the delays are short, and the deliveries more. */
static void plan_retries(struct advice *a)
{
	const struct workload *w = &a->w;
	double rare = w->failures > 0 ? ceil(log(GOOD_DEAD) / log(w->failures)) : 0;

	a->receives = fmin(fmax(rare, RECEIVES_MIN), RECEIVES_MAX);
	if (w->order == ORDER_NONE) {
		a->backoff = 1;
		a->backoff_max = fmax(BACKOFF_MAX, w->outage / 5);
	} else {
		a->backoff = fmin(otherwise(w->service, 1), 1);
		a->backoff_max = ORDERED_MAX;
	}
	round_duration(&a->backoff);
	round_duration(&a->backoff_max);
	while (retry_span(a) < w->outage && extend_span(a))
		;
}

/* The mean number of deliveries, and what failures hold a message up. */
static void count_retries(struct advice *a)
{
	double p = a->w.failures, reached = 1;

	a->deliveries = a->held = 0;
	for (unsigned n = 1; n <= a->receives; n++) {
		a->deliveries += reached;
		reached *= p;
		if (n < a->receives)
			a->held += reached * DRAWN * delay_after(a, n);
	}
	a->good_dead = reached;
}

/* From the first delivery of a message to its last verdict, as one service: its
 * mean and variance, over how many deliveries it takes. */
static struct station whole_message(const struct advice *a, double rate)
{
	const struct workload *w = &a->w;
	double p = w->failures, reached = 1, delays = 0, spread = 0, mean = 0, square = 0;

	for (unsigned n = 1; n <= a->receives; n++) {
		double ends = n < a->receives ? reached * (1 - p) : reached;
		double m = n * w->service + delays, v = n * w->spread * w->spread + spread;
		double delay = delay_after(a, n);

		mean += ends * m;
		square += ends * (v + m * m);
		delays += DRAWN * delay;
		spread += delay * delay / 48; /* even between a half and all of it */
		reached *= p;
	}
	return (struct station){ rate, mean, square / (mean * mean) - 1 };
}

/* ---- workers ------------------------------------------------------------ */

double advice_wait(const struct advice *a, uint64_t workers)
{
	return station_wait(&a->station, workers) + a->key_wait;
}

/* What arrives at the workers, and how many of them can work at once. */
static void find_station(struct advice *a)
{
	const struct workload *w = &a->w;
	double cv = w->spread / w->service;
	struct station key;

	a->station = (struct station){ w->rate * a->deliveries, w->service, cv * cv };
	a->most = WORKERS_MAX;
	a->key_busy = a->key_wait = 0;
	if (w->order == ORDER_STRICT) {
		a->station = whole_message(a, w->rate);
		a->most = 1;
	} else if (w->order == ORDER_KEY && w->keys) {
		key = whole_message(a, w->rate / w->keys);
		a->key_busy = key.rate * key.service;
		a->key_wait = station_wait(&key, 1);
		a->most = w->keys < WORKERS_MAX ? w->keys : WORKERS_MAX;
	}
}

static void find_workers(struct advice *a)
{
	const struct workload *w = &a->w;
	double load, left, for_burst;

	find_station(a);
	load = a->station.rate * a->station.service;
	left = a->key_wait < w->target ? w->target - a->key_wait : w->target;
	a->workers = station_servers(&a->station, left, BUSY, a->most);
	if (w->order == ORDER_STRICT)
		a->decided = "strict order is one at a time";
	else if (a->workers == a->most)
		a->decided = "no more can work than there are keys";
	else if (a->workers > ceil(load / BUSY))
		a->decided = "fewer would miss the target wait";
	else
		a->decided = "fewer would be busy for more than 90%";
	for_burst = ceil(load + w->burst * a->deliveries * w->service / w->drain);
	if (w->burst > 0 && for_burst > a->workers && a->workers < a->most) {
		a->workers = for_burst < a->most ? for_burst : a->most;
		a->decided = "fewer would take too long over a burst";
	}
	a->busy = load / a->workers;
	a->stable = a->busy < 1 && a->key_busy < 1;
	a->wait = advice_wait(a, a->workers);
	a->wait95 = station_wait_of(&a->station, a->workers, 0.95) + 3 * a->key_wait;
	a->burst_time = a->busy < 1 ? w->burst * (w->order == ORDER_STRICT ? 1 : a->deliveries) /
		(a->workers / a->station.service - a->station.rate) :
				      INFINITY;
}

static void warn_of_overload(struct cmd *c, struct advice *a)
{
	const struct workload *w = &a->w;
	double each = w->order == ORDER_STRICT ? 1 : a->deliveries;
	double most = a->workers / a->station.service / each;

	if (a->busy >= 1)
		advice_warn(c, a,
		    "%s: at most %s can be worked off, %s come: the queue grows by %s, without "
		    "end%s",
		    w->order == ORDER_STRICT ? "order=strict is one at a time" :
					       "no more can work at once than there are keys",
		    amount_rate(most).text, amount_rate(w->rate).text,
		    amount_rate(w->rate - most).text,
		    w->order == ORDER_STRICT ? "; is order=key enough?" : "");
	else if (a->key_busy >= 1)
		advice_warn(c, a,
		    "each of %s keys gets %s and holds every message for %s, retries and all: "
		    "the queue grows without end",
		    amount_count(w->keys).text, amount_rate(w->rate / w->keys).text,
		    amount_seconds(a->key_busy * w->keys / w->rate).text);
	else if (a->wait > w->target * 1.0001)
		advice_warn(c, a, "the mean wait, %s, cannot be brought below the target of %s",
		    amount_seconds(a->wait).text, amount_seconds(w->target).text);
}

static void warn_of_workers(struct cmd *c, struct advice *a)
{
	const struct workload *w = &a->w;

	warn_of_overload(c, a);
	if (w->order == ORDER_KEY && !w->keys)
		advice_warn(c, a,
		    "keys= is not given: reckoned as if there were many more keys than workers");
	else if (a->key_busy >= 0.5 && a->key_busy < 1)
		advice_warn(c, a,
		    "each key is held for %s of the time: one that is only somewhat more "
		    "frequent than the others falls behind",
		    amount_share(a->key_busy).text);
	if (w->spread > 3 * w->service)
		advice_warn(c, a,
		    "service times differ so much that the wait is only roughly known; give long "
		    "jobs a queue of their own");
	if (w->service < 0.005)
		advice_warn(c, a,
		    "a process for each message costs about as much as such a job: let the "
		    "command stay, with mq-work -L");
	if (a->burst_time > w->drain * 1.0001 && a->stable)
		advice_warn(c, a, "a burst of %s takes %s to work off, not %s",
		    amount_count(w->burst).text, amount_seconds(a->burst_time).text,
		    amount_seconds(w->drain).text);
}

/* ---- settings ----------------------------------------------------------- */

/* How soon the messages of a dead worker come back; it has to outlive a job that
 * nobody extends: by Cantelli's inequality, 99 of 100 of whatever distribution. */
static void suggest_visibility(struct cmd *c, struct advice *a)
{
	const struct workload *w = &a->w;
	double longest = w->service + 10 * w->spread, least = w->hosts > 1 ? FROZEN : HEARTBEAT_MIN;
	double visibility = fmin(fmax(longest, least), HEARTBEAT_MAX);
	const char *value = round_duration(&visibility);

	if (longest > visibility)
		suggest(c, a, "visibility", value,
		    "when a worker dies, its messages come back after that; jobs take longer: "
		    "mq-work extends their leases, others need mq-extend");
	else
		suggest(c, a, "visibility", value,
		    "when a worker dies, its messages come back after that; longer than %s, the "
		    "mean job and ten times its spread",
		    amount_seconds(longest).text);
}

static void suggest_receives(struct cmd *c, struct advice *a)
{
	const struct workload *w = &a->w;
	char value[40];

	snprintf(value, sizeof(value), "%u", a->receives);
	if (w->failures > 0)
		suggest(c, a, "max-receives", value,
		    "with %s of deliveries failing by chance, a good message becomes a dead letter "
		    "with a probability of %.1e",
		    amount_share(w->failures).text, a->good_dead);
	else
		suggest(c, a, "max-receives", value, "what fails that often will always fail");
	if (a->good_dead > GOOD_DEAD)
		advice_warn(c, a,
		    "of the good messages %s become dead letters: mend the jobs, a queue cannot",
		    amount_share(a->good_dead).text);
	else if (w->failures > 0.2)
		advice_warn(c, a, "%s of deliveries fail: so much of the workers' time is lost",
		    amount_share(w->failures).text);
}

static void suggest_backoff(struct cmd *c, struct advice *a)
{
	const struct workload *w = &a->w;
	double low = a->backoff, high = a->backoff_max, span = retry_span(a);
	char value[40];

	snprintf(value, sizeof(value), "%s", round_duration(&low));
	if (low < high)
		snprintf(value + strlen(value), sizeof(value) - strlen(value), "..%s",
		    round_duration(&high));
	suggest(c, a, "backoff", value,
	    "the last of %u deliveries comes about %s after the first, %s an outage of %s%s",
	    a->receives, amount_seconds(span).text, span < w->outage ? "too soon for" : "after",
	    amount_seconds(w->outage).text,
	    w->order != ORDER_NONE ? "; short, as others wait behind" : "");
}

/* Room for twice what may come while nobody works on it. */
static void suggest_depth(struct cmd *c, struct advice *a)
{
	const struct workload *w = &a->w;
	double rate = otherwise(w->rate, 0), away = rate * w->outage;
	double usual = isfinite(a->wait) ? rate * (a->wait + w->service + a->held) : 0;
	struct word value;

	a->depth = round_up(fmax(2 * fmax(w->burst, away) + usual, 100));
	snprintf(value.text, sizeof(value.text), "%.0f", a->depth);
	suggest(c, a, "max-depth", value.text,
	    "room for twice %s; then mq-send exits with 75, or waits with overflow=block",
	    w->burst >= away ? "a burst" : "what comes while the workers are away");
}

/* As it was given, in the largest unit that it is a multiple of. */
static struct word exact_duration(double seconds)
{
	static const struct {
		double seconds;
		const char *name;
	} units[] = { { 86400, "d" }, { 3600, "h" }, { 60, "m" }, { 1, "s" } };
	struct word w;

	for (size_t i = 0; i < NELEMS(units); i++)
		if (fmod(seconds, units[i].seconds) == 0) {
			snprintf(w.text, sizeof(w.text), "%.0f%s", seconds / units[i].seconds,
			    units[i].name);
			return w;
		}
	snprintf(w.text, sizeof(w.text), "%.0fms", seconds * 1000);
	return w;
}

static void suggest_rest(struct cmd *c, struct advice *a)
{
	const struct workload *w = &a->w;

	if (w->order == ORDER_STRICT)
		suggest(c, a, "group-on-dead", "block",
		    "in strict order nothing may overtake a dead letter; mq-redrive lets it go on");
	if (w->retention > 0)
		suggest(c, a, "retention", exact_duration(w->retention).text,
		    "older messages are dropped");
	if (w->durability == DURABILITY_FULL)
		suggest(c, a, "sync", "full", "a message that mq-send has accepted is on the disk");
	if (w->durability == DURABILITY_NONE)
		suggest(c, a, "sync", "none",
		    "a crash of the machine may lose what was sent shortly before");
	if (w->retention > 0 && w->retention < w->outage)
		advice_warn(c, a, "messages expire after %s, while workers may be away for %s",
		    amount_seconds(w->retention).text, amount_seconds(w->outage).text);
}

/* Each with its reason in the workload; without one, a setting of a live queue is
 * left alone. */
static void suggest_all(struct cmd *c, struct advice *a, const struct workload *given, int live)
{
	int come = !isnan(given->rate) || !isnan(given->burst), work = !isnan(given->service);
	int fail = !isnan(given->failures) || !isnan(given->outage) || given->order > ORDER_NONE;

	if (work)
		suggest_visibility(c, a);
	if (fail || (!live && (come || work))) {
		suggest_receives(c, a);
		suggest_backoff(c, a);
	}
	if (come)
		suggest_depth(c, a);
	suggest_rest(c, a);
}

/* As mq-work reads ahead by itself: what begins within 20 ms, when jobs are short. */
static void find_prefetch(struct advice *a)
{
	double ahead = ceil((double)a->workers / a->w.hosts) * 0.02 / a->w.service;

	a->prefetch = a->w.service >= 0.05 ? 0 : ahead > 64 ? 64 : (unsigned)ahead;
}

/* ---- cost --------------------------------------------------------------- */

/* The highest rate of one sender, and of the names of a message from then on. */
static void find_rates(struct advice *a, const struct disk *d)
{
	const struct workload *w = &a->w;
	double names = w->fanout * (d->link + (d->rename + d->unlink) * a->deliveries);
	double sync = w->durability == DURABILITY_NONE ? 0 : d->syncs * d->sync;

	a->rate_single = d->measured ? 1 / (d->create + sync + names) : NAN;
	a->rate_bulk = d->measured ? 1 / (sync / BULK + names) : NAN;
	a->syncs = w->durability == DURABILITY_NONE ? 0 : w->rate * d->syncs;
}

static void find_cost(struct advice *a, const struct disk *d)
{
	const struct workload *w = &a->w;
	double allocated = d->measured ? (double)d->allocated : ceil(w->size / 4096.0) * 4096;

	a->each = allocated + (double)NAME_BYTES * w->fanout;
	a->bytes = a->depth * a->each;
	a->inodes = a->depth + 2.0 * w->keys; /* a lane and a token */
}

static void warn_of_cost(struct cmd *c, struct advice *a, const struct disk *d)
{
	const struct workload *w = &a->w;

	if (a->bytes > d->free_bytes)
		advice_warn(c, a, "at max-depth the queue takes %s, and %s are free",
		    amount_bytes(a->bytes).text, amount_bytes(d->free_bytes).text);
	if (a->inodes > d->free_inodes)
		advice_warn(c, a, "at max-depth the queue takes %s inodes, and %s are free",
		    amount_count(a->inodes).text, amount_count(d->free_inodes).text);
	if (d->volatile_ && w->durability == DURABILITY_FULL)
		advice_warn(c, a, "%s is main memory: nothing in it outlives a reboot", d->type);
	if (w->rate > a->rate_single && w->rate <= a->rate_bulk)
		advice_warn(c, a,
		    "one message at a time, this disk takes %s: send in bulk (mq-send -l), which "
		    "syncs once for a thousand, or from several senders at once",
		    amount_rate(a->rate_single).text);
}

/* ---- the tool ----------------------------------------------------------- */

/* Where a queue of files is the wrong one, say so, first of all. */
static void find_tool(struct cmd *c, struct advice *a, const struct disk *d)
{
	const struct workload *w = &a->w;

	a->tool = "queue";
	if (w->reply == 1) {
		a->tool = "call";
		advice_warn(c, a,
		    "not a queue: who waits for the answer wants a call (HTTP, RPC); mq-call is "
		    "for the few that can wait");
	}
	if (w->replay == 1) {
		a->tool = "log";
		advice_warn(c, a,
		    "not a queue: to read deletes, and new readers get no history; use a log such "
		    "as Kafka");
	}
	if (w->hosts > 1 && !d->shared) {
		a->tool = "broker";
		advice_warn(c, a,
		    "not this queue: other hosts do not have the file system of the spool; use a "
		    "broker such as RabbitMQ, or put the spool on a shared one");
	}
	if (w->copies > 1) {
		a->tool = "broker";
		advice_warn(c, a,
		    "not this queue: it is as safe as one file system; for the disks of several "
		    "machines use a broker that replicates, such as RabbitMQ's quorum queues");
	}
	if (w->rate > a->rate_bulk) {
		a->tool = "log";
		advice_warn(c, a,
		    "not this disk: even in bulk it takes %s of %s; use several spools on several "
		    "disks, or a log such as Kafka",
		    amount_rate(a->rate_bulk).text, amount_rate(w->rate).text);
	}
	if (w->hosts > 1 && d->shared)
		advice_warn(c, a,
		    "over a shared file system (%s) receivers are not woken: they look, with "
		    "pauses of up to half a second",
		    d->type);
}

void advise(struct cmd *c, const struct workload *given, const struct disk *d, int live,
    struct advice *a)
{
	*a = (struct advice){ .w = complete(given),
		.busy = NAN,
		.wait = NAN,
		.wait95 = NAN,
		.burst_time = NAN,
		.stable = 1,
		.depth = NAN };
	plan_retries(a);
	count_retries(a);
	if (!isnan(a->w.rate) && !isnan(a->w.service)) {
		find_workers(a);
		find_prefetch(a);
	}
	find_rates(a, d);
	find_tool(c, a, d);
	if (a->workers)
		warn_of_workers(c, a);
	suggest_all(c, a, given, live);
	find_cost(a, d);
	warn_of_cost(c, a, d);
}
