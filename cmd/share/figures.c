/*
 * figures.c - the figures of a queue, as mq-stat names, prints and tests them
 */
#include "share/figures.h"

#include "share/amount.h"
#include "share/words.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum kind { COUNT, SIZE, RATE, SPAN };

const char *const figure_names[FIGURES] = {
	"visible",
	"in_flight",
	"delayed",
	"dead",
	"oldest_age",
	"bytes",
	"in_rate",
	"out_rate",
	"latency_p50",
	"latency_p95",
	"latency_p99",
	"failed",
	"lag",
};

/* In the table's order.  Where that is too wide, those of the greatest haste to
 * leave are left out first; 0: never. */
static const struct {
	const char *title; /* NULL: not in the table */
	int width;
	enum kind kind;
	int leaves;
} figures[FIGURES] = {
	[VISIBLE] = { "VISIBLE", 9, COUNT, 0 },
	[IN_FLIGHT] = { "IN_FLIGHT", 9, COUNT, 0 },
	[DELAYED] = { "DELAYED", 9, COUNT, 4 },
	[DEAD] = { "DEAD", 7, COUNT, 0 },
	[OLDEST_AGE] = { "OLDEST_AGE", 10, SPAN, 0 },
	[BYTES] = { "BYTES", 7, SIZE, 5 },
	[IN_RATE] = { "IN/S", 6, RATE, 0 },
	[OUT_RATE] = { "OUT/S", 6, RATE, 0 },
	[LATENCY_P50] = { "P50", 6, SPAN, 7 },
	[LATENCY_P95] = { "P95", 6, SPAN, 3 },
	[LATENCY_P99] = { "P99", 6, SPAN, 6 },
	[FAILED] = { "FAILED", 6, COUNT, 2 },
	[LAG] = { NULL, 0, SPAN, 0 },
};

const struct counter counters[COUNTERS] = {
	{ "sent", offsetof(struct mq_flow, sent), "Messages accepted." },
	{ "received", offsetof(struct mq_flow, received), "Deliveries." },
	{ "acked", offsetof(struct mq_flow, acked), "Messages acknowledged." },
	{ "nacked", offsetof(struct mq_flow, nacked),
	    "Deliveries returned or rejected by their consumers." },
	{ "lapsed", offsetof(struct mq_flow, lapsed), "Leases that ran out." },
	{ "died", offsetof(struct mq_flow, died), "Messages dead-lettered." },
	{ "expired", offsetof(struct mq_flow, expired), "Messages that outlived their time." },
};

uint64_t counter_value(const struct mq_flow *flow, const struct counter *c)
{
	uint64_t n;

	memcpy(&n, (const char *)flow + c->at, sizeof(n));
	return n;
}

static double rate(uint64_t n, const struct mq_stats *s)
{
	return s->span ? (double)n * MQ_SECOND / (double)s->span : 0;
}

static double latency(mq_time t)
{
	return t ? (double)t / MQ_SECOND : NAN;
}

double figure_value(const struct mq_stats *s, enum figure f)
{
	switch (f) {
	case VISIBLE:
		return (double)s->visible;
	case IN_FLIGHT:
		return (double)s->in_flight;
	case DELAYED:
		return (double)s->delayed;
	case DEAD:
		return (double)s->dead;
	case OLDEST_AGE:
		return (double)s->oldest_age / MQ_SECOND;
	case BYTES:
		return (double)s->bytes;
	case IN_RATE:
		return rate(s->lately.sent, s);
	case OUT_RATE:
		return rate(s->lately.acked, s);
	case LATENCY_P50:
	case LATENCY_P95:
	case LATENCY_P99:
		return latency(s->latency[f - LATENCY_P50]);
	case FAILED:
		return (double)(s->lately.nacked + s->lately.lapsed);
	case LAG:
		return s->visible ? (double)s->visible / rate(s->lately.acked, s) : 0;
	case FIGURES:
		break;
	}
	return NAN;
}

int figure_parse(enum figure f, const char *text, double *value)
{
	uint64_t size;
	mq_time span;
	char *end;

	switch (figures[f].kind) {
	case SPAN:
		if (mq_parse_duration(text, &span))
			return -1;
		*value = (double)span / MQ_SECOND;
		return 0;
	case RATE:
		if (text[0] < '0' || text[0] > '9')
			return -1;
		*value = strtod(text, &end);
		return *end ? -1 : 0;
	case COUNT:
	case SIZE:
		break;
	}
	if (mq_parse_size(text, &size))
		return -1;
	*value = (double)size;
	return 0;
}

static mq_time time_of(double seconds)
{
	return (mq_time)(seconds * MQ_SECOND + 0.5);
}

/* Seconds, to the thousandth: those of an age that was measured to it stay equal. */
static struct word seconds(double value)
{
	if (isfinite(value))
		return word_seconds(time_of(value));
	return (struct word){ "inf" };
}

struct word figure_word(enum figure f, double value)
{
	struct word w;

	switch (figures[f].kind) {
	case SPAN:
		w = seconds(value);
		strcat(w.text, "s");
		break;
	case RATE:
		snprintf(w.text, sizeof(w.text), "%.2f", value);
		break;
	default:
		snprintf(w.text, sizeof(w.text), "%.0f", value);
	}
	return w;
}

/* ---- the table --------------------------------------------------------- */

static int full_width(int haste)
{
	int width = 0;

	for (int f = 0; f < FIGURES; f++)
		if (figures[f].title && figures[f].leaves < haste)
			width += 2 + figures[f].width;
	return width;
}

void figure_columns(struct column *columns, enum figure *of, int name_width, int width)
{
	int haste = 8;
	size_t n = 0;

	while (haste > 1 && name_width + full_width(haste) > width)
		haste--;
	columns[n++] = (struct column){ "QUEUE", -name_width };
	for (int f = 0; f < FIGURES; f++) {
		if (!figures[f].title || figures[f].leaves >= haste)
			continue;
		of[n] = f;
		columns[n++] = (struct column){ figures[f].title, figures[f].width };
	}
	columns[n] = (struct column){ NULL, 0 };
}

static void latency_cell(struct table *t, double value)
{
	if (isnan(value))
		table_text(t, "-");
	else
		table_text(t, t->human ? amount_seconds(value).text : seconds(value).text);
}

static void rate_cell(struct table *t, double value)
{
	struct word w;

	snprintf(w.text, sizeof(w.text), value < 99.5 ? "%.1f" : "%.0f", value);
	if (!t->human)
		snprintf(w.text, sizeof(w.text), "%.3f", value);
	table_text(t, value ? w.text : "0");
}

void figure_row(struct table *t, const struct column *columns, const enum figure *of,
    const char *queue, const struct mq_stats *s)
{
	table_text(t, queue);
	for (size_t i = 1; columns[i].title; i++) {
		double value = figure_value(s, of[i]);

		if (of[i] == OLDEST_AGE)
			table_age(t, s->oldest_age);
		else if (figures[of[i]].kind == SPAN)
			latency_cell(t, value);
		else if (figures[of[i]].kind == RATE)
			rate_cell(t, value);
		else if (figures[of[i]].kind == SIZE)
			table_size(t, s->bytes);
		else
			table_count(t, (uint64_t)value);
	}
}

/* ---- JSON -------------------------------------------------------------- */

void figure_members(struct json *j, const struct mq_stats *s)
{
	for (int f = 0; f < FIGURES; f++) {
		double value = figure_value(s, f);

		if (figures[f].kind == COUNT || figures[f].kind == SIZE)
			json_count(j, figure_names[f], (uint64_t)value);
		else if (figures[f].kind == SPAN && isfinite(value))
			json_seconds(j, figure_names[f], time_of(value));
		else
			json_number(j, figure_names[f], value);
	}
	for (size_t i = 0; i < COUNTERS; i++)
		json_count(j, counters[i].name, counter_value(&s->total, &counters[i]));
}
