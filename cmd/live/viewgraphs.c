/*
 * viewgraphs.c - the graphs of the live view
 *
 * Six cells in a grid: five graphs, and figures that are not in the table.  A cell has
 * a line of text, and below it the graph.
 */
#include "live/view.h"

#include "live/graph.h"
#include "live/screen.h"
#include "share/amount.h"
#include "share/scale.h"
#include "share/words.h"

#include <curses.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define CELLS   6
#define TALLEST 16 /* lines of a cell */
#define WIDEST  (WATCHED_PAST / 2)

static const struct cell {
	const char *title;
	enum series series;
	int colour;
	int steps;                   /* of the scale */
	double least;                /* step */
	struct word (*word)(double); /* for its values */
	struct word (*mark)(double); /* for the scale */
} cells[] = {
	{ "visible", SERIES_DEPTH, COLOR_CYAN, 4, 1, amount_count, scale_number },
	{ "in", SERIES_IN, COLOR_GREEN, 4, 0.01, amount_rate, scale_number },
	{ "out", SERIES_OUT, COLOR_MAGENTA, 4, 0.01, amount_rate, scale_number },
	{ "in flight", SERIES_IN_FLIGHT, COLOR_BLUE, 4, 1, amount_count, scale_number },
	{ "oldest", SERIES_AGE, COLOR_YELLOW, 4, 0, amount_seconds, scale_duration },
};

/* How many cells stand beside each other. */
static int across(void)
{
	return COLS >= 120 ? 3 : COLS >= 60 ? 2 : 1;
}

/* On a narrow terminal, one below the other, only the first ones. */
static int down(void)
{
	return across() == 1 ? 3 : CELLS / across();
}

int view_graphs_height(int lines)
{
	int height = (lines - 1) / down();

	if (height < 2)
		return 0;
	return 1 + down() * (height < TALLEST ? height : TALLEST);
}

/* ---- a cell -------------------------------------------------------------------------- */

static double top_of(const struct cell *cell, const float *values, size_t n)
{
	double max = 0, step;

	for (size_t i = 0; i < n; i++)
		if (values[i] > max) /* not so if it is not a number */
			max = values[i];
	if (max <= 0)
		return 1;
	step = cell->least > 0 ? scale_step(max, cell->steps, cell->least) :
				 scale_seconds(max, cell->steps);
	return step * ceil(max / step);
}

static void draw_graph(const struct view *v, const struct watched *w, const struct cell *cell,
    int y, int x, int width, int height)
{
	float values[2 * WIDEST];
	wchar_t line[WIDEST];
	struct graph g = { values, width, height - 1, 0, v->braille };
	size_t n = graph_samples(width, v->braille);
	struct word mark;
	int at;

	watched_series(v->all, w, cell->series, values, n);
	g.top = top_of(cell, values, n);
	at = screen_put(y, x, width, A_NORMAL, "%s ", cell->title);
	at += screen_put(y, x + at, width - at, A_BOLD, "%s",
	    isnan(values[n - 1]) ? "?" : cell->word(values[n - 1]).text);
	mark = cell->mark(g.top);
	if (at + 4 + (int)strlen(mark.text) < width)
		screen_put(y, x + width - 3 - (int)strlen(mark.text), width, A_DIM, "0..%s",
		    mark.text);
	attrset(screen_colour(cell->colour));
	for (int i = 0; i < g.height; i++) {
		graph_line(&g, i, line);
		mvaddnwstr(y + 1 + i, x, line, width);
	}
	attrset(A_NORMAL);
}

/* What is not in the table, in as many lines as there are, a blank line before them. */
static void draw_figures(const struct watched *w, int y, int x, int width, int height)
{
	const struct mq_stats *s = &w->stats;
	const struct {
		const char *name;
		struct word word;
	} figures[] = {
		{ "sent", amount_count(s->total.sent) },
		{ "acked", amount_count(s->total.acked) },
		{ "nacked", amount_count(s->total.nacked) },
		{ "lapsed", amount_count(s->total.lapsed) },
		{ "died", amount_count(s->total.died) },
		{ "expired", amount_count(s->total.expired) },
		{ "bytes", scale_number(s->bytes) },
		{ "p50", amount_seconds((double)s->latency[0] / MQ_SECOND) },
		{ "p95", amount_seconds((double)s->latency[1] / MQ_SECOND) },
		{ "p99", amount_seconds((double)s->latency[2] / MQ_SECOND) },
	};
	int at = 0, end = y + height;

	for (size_t i = 0; i < NELEMS(figures) && y < end; i++) {
		int wide = (int)(strlen(figures[i].name) + 1 + strlen(figures[i].word.text));

		if (at > 0 && at + wide > width) {
			at = 0;
			y++;
		}
		if (y >= end)
			break;
		at += screen_put(y, x + at, width - at, A_NORMAL, "%s ", figures[i].name);
		at += screen_put(y, x + at, width - at, A_BOLD, "%s", figures[i].word.text) + 2;
	}
}

/* ---- all ------------------------------------------------------------------------------- */

/* How long ago what stands at the left edge was. */
static double seconds_across(const struct watched_all *all, size_t samples)
{
	uint64_t n = all->looks < WATCHED_PAST ? all->looks : WATCHED_PAST;

	if (n < 2)
		return 0;
	return (double)(all->at[(all->looks - 1) % WATCHED_PAST] -
		   all->at[(all->looks - n) % WATCHED_PAST]) /
	    MQ_SECOND / (n - 1) * samples;
}

static void draw_rule(const struct view *v, const struct watched *w, int y, size_t samples)
{
	double seconds = seconds_across(v->all, samples);
	char text[64] = "";

	if (seconds > 0)
		snprintf(text, sizeof(text), " the last %s ", amount_seconds(seconds).text);
	mvhline(y, 0, 0, COLS);
	screen_put(y, 2, COLS - 4, A_BOLD, " %s ", w->name);
	if (screen_width(w->name) + screen_width(text) + 8 < COLS)
		screen_put(y, COLS - 2 - screen_width(text), COLS, A_NORMAL, "%s", text);
}

void view_graphs(const struct view *v, int y, int height)
{
	const struct watched *w = v->rows[v->at];
	int columns = across(), rows = down(), each = (height - 1) / rows;
	int pitch = COLS / columns, width = pitch - 2 < WIDEST ? pitch - 2 : WIDEST;

	draw_rule(v, w, y++, graph_samples(width, v->braille));
	for (int i = 0; i < columns * rows; i++) {
		int at = y + i / columns * each, x = 1 + i % columns * pitch;

		if (i < (int)NELEMS(cells))
			draw_graph(v, w, &cells[i], at, x, width, each);
		else
			draw_figures(w, at, x, width, each);
	}
}
