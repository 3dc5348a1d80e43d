/*
 * plot.c - recorded samples, brought down to the width of a picture
 *
 * The file is read twice, so that of any number of samples only the columns are kept.
 * The first time, the times that it covers and the queues are found, and for each
 * queue how far apart its samples commonly are: they are counted by the size of the
 * interval, in powers of two, and the middle one counts.  The second time, samples go
 * to their columns.  Where the interval is longer than three common ones there is a
 * gap.  A count that has gone down was begun anew: how much came meanwhile nobody
 * knows, so there is no rate.
 */
#include "stat/plot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Runs record queues in one order: the next sample is that of the next queue. */
static struct plot *find(struct plots *p, const char *queue)
{
	for (size_t i = 0; i < p->n; i++) {
		struct plot *each = &p->list[(p->hint + i) % p->n];

		if (strcmp(each->queue, queue) == 0) {
			p->hint = (p->hint + i + 1) % p->n;
			return each;
		}
	}
	return NULL;
}

static struct plot *add(struct plots *p, const char *queue)
{
	struct plot *plot;

	if (p->n == p->room) {
		p->room = 2 * p->room + 16;
		p->list = cmd_realloc(p->c, p->list, p->room * sizeof(*p->list));
	}
	plot = &p->list[p->n++];
	*plot = (struct plot){ 0 };
	plot->queue = cmd_realloc(p->c, NULL, strlen(queue) + 1);
	strcpy(plot->queue, queue);
	return plot;
}

/* ---- the first time ------------------------------------------------------ */

static void note_interval(struct plot *plot, mq_time interval)
{
	size_t bin = 0;

	while (bin + 1 < NELEMS(plot->intervals) && interval >> bin >= MQ_SECOND)
		bin++;
	plot->intervals[bin].n++;
	plot->intervals[bin].seconds += (double)interval / MQ_SECOND;
}

static void survey(void *ctx, const struct sample *s)
{
	struct plots *p = ctx;
	struct plot *plot = find(p, s->queue);

	if (!plot && p->c->argc > 0)
		return;
	plot = plot ? plot : add(p, s->queue);
	if (plot->n > 0 && s->at > plot->at)
		note_interval(plot, s->at - plot->at);
	if (!plot->n || s->at < plot->first)
		plot->first = s->at;
	if (!plot->n || s->at > plot->last)
		plot->last = s->at;
	plot->at = s->at;
	plot->n++;
}

/* Three times the interval that is common. */
static mq_time longest_interval(const struct plot *plot)
{
	uint64_t all = 0, sum = 0;
	size_t i;

	for (i = 0; i < NELEMS(plot->intervals); i++)
		all += plot->intervals[i].n;
	for (i = 0; i + 1 < NELEMS(plot->intervals); i++) {
		sum += plot->intervals[i].n;
		if (2 * sum >= all)
			break;
	}
	if (!plot->intervals[i].n)
		return INT64_MAX;
	return 3 * plot->intervals[i].seconds / plot->intervals[i].n * MQ_SECOND;
}

static void prepare(struct plots *p)
{
	int any = 0;

	for (size_t i = 0; i < p->n; i++) {
		struct plot *plot = &p->list[i];

		if (!plot->n)
			continue;
		plot->gap = longest_interval(plot);
		plot->columns = cmd_realloc(p->c, NULL, PLOT_COLUMNS * sizeof(*plot->columns));
		memset(plot->columns, 0, PLOT_COLUMNS * sizeof(*plot->columns));
		p->first = any && p->first < plot->first ? p->first : plot->first;
		p->last = any && p->last > plot->last ? p->last : plot->last;
		plot->at = 0;
		any = 1;
	}
	if (p->last - p->first < 60 * MQ_SECOND) /* it ends with the samples */
		p->first = p->last - 60 * MQ_SECOND;
}

/* ---- the second time ------------------------------------------------------ */

static void raise_to(float *highest, double value)
{
	if (value > *highest)
		*highest = (float)value;
}

static void add_rates(struct plot_column *column, const struct plot *plot, const struct sample *s)
{
	const struct mq_flow *total = &s->stats.total;

	if (!plot->at)
		return;
	if (s->at <= plot->at || s->at - plot->at > plot->gap || total->sent < plot->sent ||
	    total->acked < plot->acked) {
		column->rate_gap = 1;
		return;
	}
	column->sent += (float)(total->sent - plot->sent);
	column->acked += (float)(total->acked - plot->acked);
	column->seconds += (float)(s->at - plot->at) / MQ_SECOND;
}

static void place(void *ctx, const struct sample *s)
{
	struct plots *p = ctx;
	struct plot *plot = find(p, s->queue);
	struct plot_column *column;

	/* the file may have grown */
	if (!plot || !plot->columns || s->at < p->first || s->at > p->last)
		return;
	column = &plot->columns[(
	    size_t)((double)(s->at - p->first) / (p->last - p->first) * (PLOT_COLUMNS - 1))];
	column->gap |= plot->at && s->at - plot->at > plot->gap;
	raise_to(&column->visible, s->stats.visible);
	raise_to(&column->in_flight, s->stats.in_flight);
	raise_to(&column->age, (double)s->stats.oldest_age / MQ_SECOND);
	add_rates(column, plot, s);
	column->n++;
	plot->at = s->at;
	plot->sent = s->stats.total.sent;
	plot->acked = s->stats.total.acked;
}

/* ---- both ----------------------------------------------------------------- */

static int read_twice(struct plots *p, FILE *f, const char *file)
{
	if (samples_read(p->c, f, file, 1, survey, p))
		return -1;
	for (size_t i = 0; i < p->n; i++)
		if (!p->list[i].n)
			cmd_error(p->c, MQ_NOTFOUND, "%s: no samples in %s", p->list[i].queue,
			    file);
	prepare(p);
	return samples_read(p->c, f, file, 0, place, p);
}

int plots_read(struct plots *p, struct cmd *c, const char *file)
{
	int fd = cmd_open(file, O_RDONLY);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "r");
	int failed;

	*p = (struct plots){ .c = c };
	if (!f) {
		cmd_errno(c, file, "open");
		return -1;
	}
	for (int i = 0; i < c->argc; i++)
		if (!find(p, c->argv[i]))
			add(p, c->argv[i]);
	failed = read_twice(p, f, file);
	fclose(f);
	return failed;
}

void plots_free(struct plots *p)
{
	for (size_t i = 0; i < p->n; i++) {
		free(p->list[i].columns);
		free(p->list[i].queue);
	}
	free(p->list);
}
