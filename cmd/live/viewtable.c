/*
 * viewtable.c - the table of the live view
 *
 * The narrower the terminal, the fewer columns there are.
 */
#include "live/view.h"

#include "live/screen.h"
#include "share/amount.h"
#include "share/scale.h"
#include "share/words.h"

#include <curses.h>
#include <stdlib.h>
#include <string.h>

enum column { QUEUE, VISIBLE, IN_FLIGHT, DELAYED, DEAD, IN, OUT, OLDEST, COLUMNS_ };

_Static_assert(COLUMNS_ == VIEW_COLUMNS, "each column of the table");

static const struct {
	const char *title;
	int width; /* with a blank before it */
	int from;  /* the width of terminals that show it */
} columns[VIEW_COLUMNS] = {
	[QUEUE] = { "QUEUE", 0, 0 },
	[VISIBLE] = { "VISIBLE", 9, 0 },
	[IN_FLIGHT] = { "IN FLIGHT", 11, 0 },
	[DELAYED] = { "DELAYED", 9, 80 },
	[DEAD] = { "DEAD", 7, 48 },
	[IN] = { "IN/S", 8, 56 },
	[OUT] = { "OUT/S", 8, 64 },
	[OLDEST] = { "OLDEST", 8, 72 },
};

static double value(const struct watched *w, int column)
{
	switch (column) {
	case VISIBLE:
		return w->stats.visible;
	case IN_FLIGHT:
		return w->stats.in_flight;
	case DELAYED:
		return w->stats.delayed;
	case DEAD:
		return w->stats.dead;
	case IN:
		return w->in;
	case OUT:
		return w->out;
	default:
		return (double)w->stats.oldest_age / MQ_SECOND;
	}
}

/* ---- the order -------------------------------------------------------------------- */

static int by_column(const void *a, const void *b, void *view)
{
	const struct watched *one = *(struct watched *const *)a;
	const struct watched *other = *(struct watched *const *)b;
	const struct view *v = view;
	int order = strcmp(one->name, other->name);

	if (v->column != QUEUE) { /* the largest first; what cannot be read, last */
		double x = one->error ? -1 : value(one, v->column);
		double y = other->error ? -1 : value(other, v->column);

		if (x == y)
			return order;
		order = x < y ? 1 : -1;
	}
	return v->reverse ? -order : order;
}

void view_sort(struct view *v)
{
	if (v->n > 1)
		qsort_r(v->rows, v->n, sizeof(struct watched *), by_column, v);
}

/* ---- the lines --------------------------------------------------------------------- */

/* The widths for this terminal: what the columns leave is the name's, but no more than
 * it needs; of what it does not, each column gets some, and some stays blank. */
static void set_widths(struct view *v)
{
	int left = COLS - 1, need = 24, shown = 0, more;

	for (int i = VISIBLE; i < VIEW_COLUMNS; i++) {
		v->widths[i] = COLS >= columns[i].from ? columns[i].width : 0;
		left -= v->widths[i];
		shown += v->widths[i] > 0;
	}
	for (size_t i = 0; i < v->n; i++)
		if (need < (int)strlen(v->rows[i]->name) + 2)
			need = (int)strlen(v->rows[i]->name) + 2;
	v->widths[QUEUE] = left < need ? left : need;
	more = (left - v->widths[QUEUE]) / shown;
	for (int i = VISIBLE; i < VIEW_COLUMNS; i++)
		if (v->widths[i] > 0)
			v->widths[i] += more < 5 ? more : 5;
}

/* The figure in a column, as wide as it at most. */
static struct word figure(const struct watched *w, int column)
{
	double n = value(w, column);
	struct word text = { "-" };

	if (column == OLDEST)
		return n > 0 ? amount_seconds(n) : text;
	if (column == IN || column == OUT)
		return n < 9999.5 ? amount_number(n) : scale_number(n);
	text = amount_count(n);
	return (int)strlen(text.text) < columns[column].width ? text : scale_number(n);
}

static void draw_heads(const struct view *v, int y)
{
	int downward = (v->column == QUEUE) == !!v->reverse;
	const char *mark = v->braille ? (downward ? "\u25bc" : "\u25b2") : (downward ? "v" : "^");
	int x = 1, end = 1;

	for (int i = 0; i < VIEW_COLUMNS; i++) {
		char text[32];

		if (v->widths[i] == 0)
			continue;
		end += v->widths[i];
		snprintf(text, sizeof(text), i == QUEUE ? "%s%s" : "%2$s%1$s", columns[i].title,
		    i == v->column ? mark : "");
		if (i != QUEUE)
			x = end - screen_width(text);
		screen_put(y, x, end - x, A_BOLD | (i == v->column ? screen_colour(COLOR_CYAN) : 0),
		    "%s", text);
	}
}

static void draw_queue(const struct view *v, const struct watched *w, int y,
    unsigned long attributes)
{
	int width = v->widths[QUEUE], end = 1 + width, at;

	if (attributes)
		mvhline(y, 0, ' ' | attributes, COLS);
	at = screen_put(y, 1, width - 1, attributes | A_BOLD, "%s", w->name);
	if (w->error) {
		screen_put(y, end + 1, COLS - end - 2, attributes | screen_colour(COLOR_RED), "%s",
		    w->error);
		return;
	}
	if (w->stats.paused)
		screen_put(y, at + 2, width - at - 2, attributes, "(paused)");
	for (int i = VISIBLE; i < VIEW_COLUMNS; i++) {
		struct word text = figure(w, i);
		int bad = i == DEAD && w->stats.dead > 0;

		if (v->widths[i] == 0)
			continue;
		end += v->widths[i];
		at = end - (int)strlen(text.text);
		screen_put(y, at, end - at, attributes | (bad ? screen_colour(COLOR_RED) : 0), "%s",
		    text.text);
	}
}

void view_table(struct view *v, int y, int height)
{
	size_t lines = height - 1;

	set_widths(v);
	draw_heads(v, y++);
	if (v->n == 0 && !v->all->error)
		screen_put(y, 1, COLS - 1, A_NORMAL, "There are no queues yet.");
	if (v->n < v->top + lines)
		v->top = v->n > lines ? v->n - lines : 0;
	if (v->at < v->top)
		v->top = v->at;
	if (v->at >= v->top + lines)
		v->top = v->at - lines + 1;
	for (size_t i = v->top; i < v->n && i < v->top + lines; i++)
		draw_queue(v, v->rows[i], y++, i == v->at ? A_REVERSE : 0);
}
