/*
 * view.c - the live view: its state, its keys and its layout
 */
#include "live/view.h"

#include "live/screen.h"
#include "share/amount.h"
#include "share/scale.h"

#include <curses.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LEAST_COLUMNS 40
#define LEAST_LINES   8

/* ---- the state --------------------------------------------------------------------- */

void view_open(struct view *v, const struct watched_all *all, mq_time interval, int braille)
{
	*v = (struct view){ .all = all, .braille = braille, .interval = interval, .graphs = 1 };
}

void view_close(struct view *v)
{
	free(v->rows);
	free(v->selected);
}

/* The line at becomes the one that is selected. */
static void select_line(struct view *v, size_t at)
{
	const char *name;

	if (v->n == 0)
		return;
	v->at = at < v->n ? at : v->n - 1;
	name = v->rows[v->at]->name;
	v->selected = cmd_realloc(v->all->c, v->selected, strlen(name) + 1);
	strcpy(v->selected, name);
}

/* The lines in their order; the queue that was selected stays so, or if it is gone, the
 * line. */
static void arrange(struct view *v)
{
	view_sort(v);
	for (size_t i = 0; v->selected && i < v->n; i++)
		if (strcmp(v->rows[i]->name, v->selected) == 0) {
			v->at = i;
			return;
		}
	select_line(v, v->at);
}

void view_update(struct view *v)
{
	const struct watched_all *all = v->all;

	v->n = all->n;
	v->rows = cmd_realloc(all->c, v->rows, all->n * sizeof(struct watched *));
	for (size_t i = 0; i < all->n; i++)
		v->rows[i] = all->list[i];
	arrange(v);
}

static void sort_by(struct view *v, int step)
{
	v->column = (v->column + VIEW_COLUMNS + step) % VIEW_COLUMNS;
	v->reverse = 0;
	arrange(v);
}

static void move_to(struct view *v, int key)
{
	size_t page = LINES > 12 ? LINES / 3 : 4;

	switch (key) {
	case 'j':
	case KEY_DOWN:
		select_line(v, v->at + 1);
		break;
	case 'k':
	case KEY_UP:
		select_line(v, v->at > 0 ? v->at - 1 : 0);
		break;
	case ' ':
	case KEY_NPAGE:
		select_line(v, v->at + page);
		break;
	case 'b':
	case KEY_PPAGE:
		select_line(v, v->at > page ? v->at - page : 0);
		break;
	case KEY_HOME:
		select_line(v, 0);
		break;
	case KEY_END:
		select_line(v, SIZE_MAX);
		break;
	}
}

int view_key(struct view *v, int key)
{
	switch (key) {
	case 'q':
	case 'Q':
		return 1;
	case 's':
	case KEY_RIGHT:
		sort_by(v, 1);
		break;
	case 'S':
	case KEY_LEFT:
		sort_by(v, -1);
		break;
	case 'r':
		v->reverse = !v->reverse;
		arrange(v);
		break;
	case 'g':
	case '\r':
	case '\n':
	case KEY_ENTER:
		v->graphs = !v->graphs;
		break;
	case 'L' & 0x1f:
		clearok(stdscr, TRUE);
		break;
	default:
		move_to(v, key);
	}
	return 0;
}

/* ---- the lines about all -------------------------------------------------------------- */

/* How far apart the last two looks were. */
static mq_time actual_interval(const struct watched_all *all)
{
	uint64_t i = all->looks;

	return i < 2 ? 0 : all->at[(i - 1) % WATCHED_PAST] - all->at[(i - 2) % WATCHED_PAST];
}

static void draw_title(const struct view *v)
{
	time_t now = mq_now(v->all->c->mq) / MQ_SECOND;
	mq_time actual = actual_interval(v->all);
	const char *spool = v->all->c->spool;
	char clock[16] = "", right[80];
	struct tm tm;
	int width, left;

	if (localtime_r(&now, &tm))
		strftime(clock, sizeof(clock), "%H:%M:%S", &tm);
	if (actual <= v->interval + v->interval / 5)
		actual = v->interval;
	snprintf(right, sizeof(right), "%s  every %s ", clock,
	    scale_duration((double)(actual / 1000000) / 1000).text);
	width = screen_width(right);
	mvhline(0, 0, ' ' | A_REVERSE, COLS);
	left = screen_put(0, 0, COLS, A_REVERSE | A_BOLD, " mq-stat  ");
	screen_put(0, COLS - width, width, A_REVERSE, "%s", right);
	/* of a long path the end says more */
	width = COLS - width - left - 1;
	if (screen_width(spool) > width) {
		spool = screen_end(spool, width - 3);
		left += screen_put(0, left, width, A_REVERSE, "...");
	}
	screen_put(0, left, width, A_REVERSE, "%s", spool);
}

static void draw_totals(const struct view *v)
{
	uint64_t visible = 0, in_flight = 0, delayed = 0, dead = 0;
	double in = 0, out = 0;

	if (v->all->error) {
		screen_put(1, 1, COLS - 1, screen_colour(COLOR_RED), "%s", v->all->error);
		return;
	}
	for (size_t i = 0; i < v->n; i++) {
		const struct watched *w = v->rows[i];

		if (w->error)
			continue;
		visible += w->stats.visible;
		in_flight += w->stats.in_flight;
		delayed += w->stats.delayed;
		dead += w->stats.dead;
		in += w->in;
		out += w->out;
	}
	screen_put(1, 1, COLS - 1, A_NORMAL,
	    "%zu queue%s: %s visible, %s in flight, %s delayed, %s dead; %s in, %s out", v->n,
	    v->n == 1 ? "" : "s", scale_number(visible).text, scale_number(in_flight).text,
	    scale_number(delayed).text, scale_number(dead).text, amount_rate(in).text,
	    amount_rate(out).text);
}

static void draw_keys(const struct view *v, int no_room)
{
	static const char *const keys[][2] = { { "q", "quit" }, { "s/S", "sort" },
		{ "r", "reverse" }, { NULL, "select" }, { "g", "graphs" } };
	int x = 1, y = LINES - 1;

	for (size_t i = 0; i < NELEMS(keys); i++) {
		const char *key = keys[i][0] ? keys[i][0] : v->braille ? "\u2191\u2193" : "j/k";

		if (x + screen_width(key) + 1 + (int)strlen(keys[i][1]) >= COLS)
			break;
		x += screen_put(y, x, COLS - x - 1, A_BOLD, "%s", key) + 1;
		x += screen_put(y, x, COLS - x - 1, A_NORMAL, "%s", keys[i][1]) + 2;
	}
	if (no_room)
		screen_put(y, x, COLS - x - 1, A_DIM, "(no room)");
}

/* ---- all ------------------------------------------------------------------------------ */

static void draw_too_small(void)
{
	screen_put(0, 0, COLS, A_BOLD, "Too small:");
	if (LINES > 1)
		screen_put(1, 0, COLS, A_NORMAL, "%dx%d; at least", COLS, LINES);
	if (LINES > 2)
		screen_put(2, 0, COLS, A_NORMAL, "%dx%d is needed", LEAST_COLUMNS, LEAST_LINES);
}

/* The table gets the lines that its queues need, up to a share; graphs the others. */
static void draw_body(struct view *v)
{
	int lines = LINES - 3, table = lines * 3 / 8, graphs = 0;

	if (v->n + 1 < (size_t)table)
		table = v->n < 4 ? 5 : (int)v->n + 1;
	if (table < 4)
		table = 4;
	if (v->graphs && v->n > 0)
		graphs = view_graphs_height(lines - table);
	view_table(v, 2, lines - graphs);
	if (graphs > 0)
		view_graphs(v, LINES - 1 - graphs, graphs);
	draw_keys(v, v->graphs && v->n > 0 && graphs == 0);
}

void view_draw(struct view *v)
{
	erase();
	if (COLS < LEAST_COLUMNS || LINES < LEAST_LINES) {
		draw_too_small();
	} else {
		draw_title(v);
		draw_totals(v);
		draw_body(v);
	}
	refresh();
}
