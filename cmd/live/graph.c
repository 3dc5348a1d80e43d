/*
 * graph.c - values over time, drawn with characters
 *
 * The area below the values is filled, in steps of a fourth of a line with braille,
 * of a third with ASCII.  The lowest step is the axis: it shows wherever there is a
 * value, so that nothing can be told from none.
 */
#include "live/graph.h"

#include <math.h>

size_t graph_samples(int width, int braille)
{
	return (size_t)width * (braille ? 2 : 1);
}

/* How many of the steps of a column are filled. */
static int level(double value, double top, int steps)
{
	double l;

	if (isnan(value))
		return 0;
	l = top > 0 ? 1 + ceil(value / top * (steps - 1)) : 1;
	return l < 1 ? 1 : l > steps ? steps : (int)l;
}

/* Of so many steps those that fall into the character y, which has each of them. */
static int part(const struct graph *g, float value, int y, int each)
{
	int above = level(value, g->top, g->height * each) - (g->height - 1 - y) * each;

	return above < 0 ? 0 : above > each ? each : above;
}

void graph_line(const struct graph *g, int y, wchar_t *line)
{
	static const unsigned left[] = { 0, 0x40, 0x44, 0x46, 0x47 };
	static const unsigned right[] = { 0, 0x80, 0xa0, 0xb0, 0xb8 };
	static const wchar_t ascii[] = { L' ', L'.', L':', L'#' };

	for (int x = 0; x < g->width; x++)
		if (g->braille) {
			unsigned dots = left[part(g, g->values[2 * x], y, 4)] |
			    right[part(g, g->values[2 * x + 1], y, 4)];

			line[x] = dots ? (wchar_t)(0x2800 + dots) : L' ';
		} else {
			line[x] = ascii[part(g, g->values[x], y, 3)];
		}
}
