/*
 * canvas.c - advice as text, for 80 columns
 *
 * The picture has a row for a number of workers, from the fewest that can do the
 * work on, and a bar as long as the mean wait then.  Bars are in eighths of a
 * column where the locale has such characters.  The longest is cut, so that the
 * others can be told apart: next to the limit waits grow without bounds.
 */
#include "advise/canvas.h"

#include "share/amount.h"

#include <langinfo.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define WIDTH 78
#define BAR   48 /* columns */
#define ROWS  9

/* ---- words -------------------------------------------------------------- */

/* A text in lines of WIDTH, the first one begun already and at a column. */
static void put_wrapped(struct out *o, const char *text, int column, int indent)
{
	while (*text) {
		int n = strcspn(text, " ");

		if (column > indent && column + 1 + n > WIDTH) {
			out_format(o, "\n%*s", indent, "");
			column = indent;
		} else if (column > indent) {
			out_char(o, ' ');
			column++;
		}
		out_write(o, text, n);
		column += n;
		text += n + (text[n] == ' ');
	}
	out_char(o, '\n');
}

static void heading(struct out *o, const char *text)
{
	out_format(o, "%s%s\n", o->put ? "\n" : "", text);
}

/* ---- the picture -------------------------------------------------------- */

static int has_blocks(void)
{
	return setlocale(LC_CTYPE, "") && strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

static void put_bar(struct out *o, double columns, int blocks)
{
	static const char *const eighths[] = { "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█" };
	int cut = columns > BAR;
	int n = lround(fmin(columns, BAR) * 8);

	if (!blocks)
		n = (n + 4) / 8 * 8;
	if (n > 0)
		out_text(o, "  ");
	for (; n >= 8; n -= 8)
		out_text(o, blocks ? eighths[7] : "#");
	if (n > 0)
		out_text(o, eighths[n - 1]);
	if (cut)
		out_text(o, blocks ? "▶" : ">");
}

/* The rows: from the fewest workers on, and past those advised. */
static uint64_t first_row(const struct advice *a, uint64_t *step)
{
	uint64_t low = floor(a->station.rate * a->station.service) + 1;
	uint64_t span = a->workers > low ? (a->workers - low) * 2 : 0;

	*step = span < ROWS ? 1 : (span + ROWS - 1) / ROWS;
	return a->workers - (a->workers - low) / *step * *step; /* so that it is one of them */
}

static void put_picture(struct out *o, const struct advice *a)
{
	uint64_t step, from = first_row(a, &step), n = from;
	double full = fmin(advice_wait(a, from), 4 * fmax(a->wait, a->w.target));
	int blocks = has_blocks();

	out_text(o, "\n  workers   busy  mean wait\n");
	for (int row = 0; row < ROWS && n <= a->most; row++, n += step) {
		double wait = advice_wait(a, n);

		out_format(o, "%c %7llu  %4.0f%%  %9s", n == a->workers ? '>' : ' ',
		    (unsigned long long)n, 100 * a->station.rate * a->station.service / n,
		    amount_seconds(wait).text);
		put_bar(o, full > 0 ? wait / full * BAR : 0, blocks);
		out_char(o, '\n');
	}
}

/* ---- sections ----------------------------------------------------------- */

static void put_figures(struct out *o, const struct advice *a, const struct live *l)
{
	const struct mq_stats *s = &l->stats;

	heading(o, "QUEUE");
	out_format(o, "  %s: %llu visible, %llu in flight, %llu delayed, %llu dead", l->queue,
	    (unsigned long long)s->visible, (unsigned long long)s->in_flight,
	    (unsigned long long)s->delayed, (unsigned long long)s->dead);
	out_format(o, "; oldest %s\n", amount_seconds((double)s->oldest_age / MQ_SECOND).text);
	if (l->rate)
		out_format(o, "  rate: %s, by what %s\n", amount_rate(a->w.rate).text,
		    l->rate == BY_WAITING ? "waits" : "was sent in the last minute");
	if (l->failures)
		out_format(o, "  failures: %s, of the deliveries of the last minute\n",
		    amount_share(a->w.failures).text);
	if (l->service)
		out_format(o, "  service: %s, by what is in flight (Little's law)\n",
		    amount_seconds(a->w.service).text);
	if (l->size)
		out_format(o, "  size: %s, the mean\n", amount_bytes(a->w.size).text);
}

static void put_workload(struct out *o, const struct advice *a)
{
	const struct workload *w = &a->w;

	heading(o, "WORKLOAD");
	out_format(o, "  %s messages of %s, jobs of %s (spread %s)", amount_rate(w->rate).text,
	    amount_bytes(w->size).text, amount_seconds(w->service).text,
	    amount_seconds(w->spread).text);
	if (w->order != ORDER_NONE)
		out_format(o, ", order=%s", order_names[w->order]);
	out_format(o, "\n  %s of deliveries fail: %s deliveries, %s jobs at work at a time\n",
	    amount_share(w->failures).text, amount_rate(w->rate * a->deliveries).text,
	    amount_number(w->rate * a->deliveries * w->service).text);
}

static void put_workers(struct out *o, const struct advice *a)
{
	const struct workload *w = &a->w;

	heading(o, "WORKERS");
	out_format(o, "  %llu, busy %s of the time: %s\n", (unsigned long long)a->workers,
	    amount_share(a->busy).text, a->decided);
	if (!a->stable) {
		out_text(o, "  not enough: the backlog grows without end\n");
		return;
	}
	out_format(o, "  mean wait %s (target %s); 95%% begin ", amount_seconds(a->wait).text,
	    amount_seconds(w->target).text);
	out_format(o, a->wait95 > 0 ? "within %s\n" : "at once\n", amount_seconds(a->wait95).text);
	if (w->burst > 0)
		out_format(o, "  a burst of %s is worked off in %s\n", amount_count(w->burst).text,
		    amount_seconds(a->burst_time).text);
	put_picture(o, a);
}

/* What to type, for senders and workers. */
static void put_commands(struct out *o, const struct advice *a, const char *queue)
{
	static const char *const groups[] = { "", " -g KEY", " -g all" }; /* by enum order */
	const struct workload *w = &a->w;
	uint64_t each = (a->workers + w->hosts - 1) / w->hosts;

	if (!a->workers && w->order == ORDER_NONE && w->fanout == 1)
		return;
	heading(o, "COMMANDS");
	out_format(o, "  mq-send%s %s\n", groups[w->order], w->fanout > 1 ? "-x EXCHANGE" : queue);
	if (a->workers) {
		out_format(o, "  mq-work -j %llu %s -- COMMAND\n", (unsigned long long)each, queue);
		if (w->hosts > 1)
			out_format(o, "  on each of %llu hosts\n", (unsigned long long)w->hosts);
		out_format(o, "  prefetch: %u, as mq-work by itself reads ahead\n", a->prefetch);
	}
	if (w->order == ORDER_KEY)
		out_text(o,
		    "  groups: the messages of a KEY are worked on in order, one at a time\n");
	if (w->order == ORDER_STRICT)
		out_text(o, "  groups: one for all messages, so that one at a time is worked on\n");
	if (w->fanout > 1)
		out_format(o, "  workers and settings are for each of the %llu queues\n",
		    (unsigned long long)w->fanout);
}

/* The mq-config line: all settings, or those of the live queue that will not do; 0
 * when there are none. */
static int put_config(struct out *o, const struct advice *a, const struct live *l)
{
	int n = 0, column = 0;

	for (size_t i = 0; i < a->nsettings; i++) {
		const struct suggestion *s = &a->settings[i];
		int length = strlen(s->key) + strlen(s->value) + 2;

		if (l && live_will_do(l, s->key, s->value))
			continue;
		if (n++ == 0) {
			const char *queue = l ? l->queue : "QUEUE";

			out_format(o, "  mq-config %s", queue);
			column = 12 + strlen(queue);
		} else if (column + length + 2 > WIDTH) {
			out_text(o, " \\\n     ");
			column = 5;
		}
		out_format(o, " %s=%s", s->key, s->value);
		column += length;
	}
	out_text(o, n ? "\n" : "");
	return n;
}

static void put_settings(struct out *o, const struct advice *a, const struct live *l)
{
	heading(o, l ? "CHANGES" : "SETTINGS");
	for (size_t i = 0; i < a->nsettings; i++) {
		const struct suggestion *s = &a->settings[i];
		char text[100];

		if (l && live_will_do(l, s->key, s->value))
			continue;
		snprintf(text, sizeof(text), "%s=%s", s->key, s->value);
		out_format(o, "  %-22s ", text);
		put_wrapped(o, s->why, 25, 25);
	}
	if (!put_config(o, a, l))
		out_text(o, "  nothing to change\n");
}

static void put_cost(struct out *o, const struct advice *a, const struct disk *d)
{
	heading(o, "COST");
	out_format(o, "  a message takes %s on disk and an inode", amount_bytes(a->each).text);
	if (!isnan(a->depth))
		out_format(o, "; at max-depth %s and %s inodes", amount_bytes(a->bytes).text,
		    amount_count(a->inodes).text);
	out_char(o, '\n');
	if (a->syncs > 0)
		out_format(o, "  %s fsync/s when sent one by one, %s in bulk\n",
		    amount_number(a->syncs).text, amount_number(a->syncs / 1000).text);
	if (!d->measured)
		return;
	out_format(o, "  this disk (%s): fsync %s, link %s, rename %s, unlink %s\n", d->type,
	    amount_seconds(d->sync).text, amount_seconds(d->link).text,
	    amount_seconds(d->rename).text, amount_seconds(d->unlink).text);
	out_format(o, "  it takes %s from one sender, %s in bulk\n",
	    amount_rate(a->rate_single).text, amount_rate(a->rate_bulk).text);
}

void canvas_print(struct out *o, const struct advice *a, const struct disk *d, const struct live *l)
{
	if (a->nwarnings > 0) {
		heading(o, "WARNINGS");
		for (size_t i = 0; i < a->nwarnings; i++) {
			out_text(o, "  ! ");
			put_wrapped(o, a->warnings[i], 4, 4);
		}
	}
	if (l)
		put_figures(o, a, l);
	if (a->workers) {
		put_workload(o, a);
		put_workers(o, a);
	}
	if (a->nsettings > 0)
		put_settings(o, a, l);
	put_commands(o, a, l ? l->queue : "QUEUE");
	put_cost(o, a, d);
}
