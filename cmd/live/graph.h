/*
 * graph.h - values over time, drawn with characters
 */
#ifndef MQ_CMD_GRAPH_H
#define MQ_CMD_GRAPH_H

#include <stddef.h>
#include <wchar.h>

struct graph {
	const float *values; /* graph_samples() of them, the newest last; not a number: none */
	int width, height;   /* characters */
	double top;          /* the value at the upper edge */
	int braille;         /* which has two samples in a column, or else ASCII: one */
};

size_t graph_samples(int width, int braille);

/* Line y of the graph, 0 being the upper one: width characters. */
void graph_line(const struct graph *, int y, wchar_t *line);

#endif
