/*
 * view.h - what the live view shows, and where
 *
 * From top to bottom: two lines about all queues, the table, the graphs of the queue
 * that is selected, the keys.  view.c has the state, the keys and the layout,
 * viewtable.c the table, viewgraphs.c the graphs.
 */
#ifndef MQ_CMD_VIEW_H
#define MQ_CMD_VIEW_H

#include "live/watched.h"

#define VIEW_COLUMNS 8 /* of the table */

struct view {
	const struct watched_all *all;
	int braille;
	mq_time interval; /* as asked for */

	/* the table: the queues in its order, and the line that is selected */
	struct watched **rows;
	size_t n, at, top;
	char *selected; /* its name, which it goes by when the order changes */
	int column;     /* that it is sorted by */
	int reverse;
	int widths[VIEW_COLUMNS]; /* as it is drawn; 0: not there */
	int graphs;
};

void view_open(struct view *, const struct watched_all *, mq_time interval, int braille);
void view_close(struct view *);

/* The queues have been looked at. */
void view_update(struct view *);

/* 1: to quit. */
int view_key(struct view *, int key);

/* On the standard screen of curses. */
void view_draw(struct view *);

/* ---- for its parts ---------------------------------------------------------- */

/* By the column of the view; of equals, by name. */
void view_sort(struct view *);
void view_table(struct view *, int y, int height);

/* How many lines the graphs take, of so many that there are; 0: too few. */
int view_graphs_height(int lines);
void view_graphs(const struct view *, int y, int height);

#endif
