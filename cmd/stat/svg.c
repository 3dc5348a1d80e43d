/*
 * svg.c - recorded samples as a picture
 *
 * A panel is a queue: three graphs, one below the other, over one axis of time.  The
 * picture has no background and no style sheet; its colours are of middle lightness,
 * which can be read on white and on black, and by every program that shows SVG.
 */
#include "stat/svg.h"

#include "share/scale.h"
#include "share/words.h"
#include "stat/plot.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LEFT   64
#define RIGHT  24
#define WIDTH  (LEFT + PLOT_COLUMNS + RIGHT)
#define HEAD   40 /* above the graphs of a panel */
#define LEGEND 20 /* above each graph */
#define SPACE  10 /* below it */
#define FOOT   34 /* below the last one */

#define GREY "#777"

/* ---- what is drawn -------------------------------------------------------- */

static double visible(const struct plot_column *c)
{
	return c->visible;
}

static double in_flight(const struct plot_column *c)
{
	return c->in_flight;
}

static double sent(const struct plot_column *c)
{
	return c->seconds > 0 ? c->sent / c->seconds : NAN;
}

static double acked(const struct plot_column *c)
{
	return c->seconds > 0 ? c->acked / c->seconds : NAN;
}

static double age(const struct plot_column *c)
{
	return c->age;
}

struct line {
	const char *name, *colour;
	double (*value)(const struct plot_column *); /* not a number: there is none */
};

static const struct graph {
	int height, steps;
	int rate, time;
	struct line lines[2];
} graphs[] = {
	{ 120, 4, 0, 0,
	    { { "visible", "#3b82d6", visible }, { "in flight", "#d9792b", in_flight } } },
	{ 80, 3, 1, 0,
	    { { "in, a second", "#2f9e5b", sent }, { "out, a second", "#a463d0", acked } } },
	{ 60, 2, 0, 1, { { "age of the oldest", "#d0527f", age }, { 0 } } },
};

struct picture {
	struct out *out;
	const struct plots *plots;
	const struct plot *plot;
	double y; /* of the top of what is drawn next */
};

/* ---- text ------------------------------------------------------------------ */

static void put_escaped(struct out *o, const char *text)
{
	for (; *text; text++)
		if (*text == '&')
			out_text(o, "&amp;");
		else if (*text == '<')
			out_text(o, "&lt;");
		else if (*text == '>')
			out_text(o, "&gt;");
		else
			out_char(o, *text);
}

/* attributes: those of the element besides its place */
static void put_text(struct picture *p, double x, double y, const char *attributes,
    const char *text)
{
	out_format(p->out, "<text x=\"%.1f\" y=\"%.1f\"%s>", x, y, attributes);
	put_escaped(p->out, text);
	out_text(p->out, "</text>\n");
}

/* In local time; *format is of strftime. */
static struct word clock_word(double seconds, const char *format)
{
	time_t t = (time_t)floor(seconds + 0.5);
	struct word w;
	struct tm tm;

	if (!localtime_r(&t, &tm) || !strftime(w.text, sizeof(w.text), format, &tm))
		*w.text = '\0';
	return w;
}

/* ---- the axes --------------------------------------------------------------- */

static double place_of(const struct picture *p, double seconds)
{
	double first = (double)p->plots->first / MQ_SECOND;
	double last = (double)p->plots->last / MQ_SECOND;

	return LEFT + (seconds - first) / (last - first) * (PLOT_COLUMNS - 1);
}

/* The first round time, and how far apart they are: round where we are, that is. */
static double round_time(const struct picture *p, double *step)
{
	double first = (double)p->plots->first / MQ_SECOND;
	time_t t = (time_t)first;
	struct tm tm = { 0 };

	*step = scale_seconds((double)(p->plots->last - p->plots->first) / MQ_SECOND, 9);
	localtime_r(&t, &tm);
	return ceil((first + tm.tm_gmtoff) / *step) * *step - tm.tm_gmtoff;
}

static void draw_times(struct picture *p, double height)
{
	double step, t = round_time(p, &step);

	out_format(p->out, "<path d=\"");
	for (; place_of(p, t) <= LEFT + PLOT_COLUMNS - 1; t += step)
		out_format(p->out, "M%.1f %.1fv%.1f", place_of(p, t), p->y, height);
	out_text(p->out, "\" stroke=\"" GREY "\" stroke-opacity=\".2\"/>\n");
}

static void label_times(struct picture *p)
{
	double step, t = round_time(p, &step);

	for (; place_of(p, t) <= LEFT + PLOT_COLUMNS - 1; t += step) {
		int midnight = strcmp(clock_word(t, "%H%M%S").text, "000000") == 0;
		const char *format = midnight || step >= 86400 ? "%d %b" :
		    step < 60                                  ? "%H:%M:%S" :
								 "%H:%M";

		put_text(p, place_of(p, t), p->y + 16, " text-anchor=\"middle\"",
		    clock_word(t, format).text);
	}
}

static void draw_scale(struct picture *p, const struct graph *g, double step, int steps)
{
	for (int i = 0; i <= steps; i++) {
		double y = p->y + g->height - (double)g->height * i / steps;
		struct word w = g->time ? scale_duration(i * step) : scale_number(i * step);

		out_format(p->out,
		    "<path d=\"M%d %.1fh%d\" stroke=\"" GREY "\" stroke-opacity=\"%s\"/>\n", LEFT,
		    y, PLOT_COLUMNS - 1, i ? ".2" : ".7");
		put_text(p, LEFT - 8, y + 4, " text-anchor=\"end\"", w.text);
	}
}

/* ---- the lines --------------------------------------------------------------- */

static double highest(const struct plot *plot, const struct graph *g)
{
	double max = 0, value;

	for (size_t i = 0; i < NELEMS(g->lines) && g->lines[i].value; i++)
		for (size_t x = 0; x < PLOT_COLUMNS; x++)
			if (plot->columns[x].n &&
			    (value = g->lines[i].value(&plot->columns[x])) > max)
				max = value;
	return max;
}

/* The stretches of a line that have no gaps.  With area, each goes down to the axis
 * and back. */
static void draw_stretches(struct picture *p, const struct graph *g, const struct line *line,
    double top, int area)
{
	double bottom = p->y + g->height, last = -1;
	int broken = 1;

	for (int x = 0; x < PLOT_COLUMNS; x++) {
		const struct plot_column *column = &p->plot->columns[x];
		double value = column->n ? line->value(column) : NAN;
		double y = bottom - value / top * g->height;

		broken |= column->gap || (g->rate && column->rate_gap);
		if (isnan(value))
			continue;
		if (broken && last >= 0 && area)
			out_format(p->out, "L%.0f %.1fZ", last, bottom);
		if (broken && area)
			out_format(p->out, "M%d %.1fL%d %.1f", LEFT + x, bottom, LEFT + x, y);
		else if (broken)
			out_format(p->out, "M%d %.1fh.1", LEFT + x, y); /* a point shows, too */
		else
			out_format(p->out, "L%d %.1f", LEFT + x, y);
		broken = 0;
		last = LEFT + x;
	}
	if (last >= 0 && area)
		out_format(p->out, "L%.0f %.1fZ", last, bottom);
}

static void draw_line(struct picture *p, const struct graph *g, const struct line *line, double top)
{
	if (line == g->lines) { /* two would hide each other */
		out_text(p->out, "<path d=\"");
		draw_stretches(p, g, line, top, 1);
		out_format(p->out, "\" fill=\"%s\" fill-opacity=\".18\"/>\n", line->colour);
	}
	out_text(p->out, "<path d=\"");
	draw_stretches(p, g, line, top, 0);
	out_format(p->out,
	    "\" fill=\"none\" stroke=\"%s\" stroke-width=\"1.5\" stroke-linejoin=\"round\" "
	    "stroke-linecap=\"round\"/>\n",
	    line->colour);
}

/* ---- graphs and panels ---------------------------------------------------------- */

static void draw_legend(struct picture *p, const struct graph *g)
{
	double x = LEFT;

	for (size_t i = 0; i < NELEMS(g->lines) && g->lines[i].name; i++) {
		out_format(p->out, "<path d=\"M%.0f %.1fh12\" stroke=\"%s\" stroke-width=\"3\"/>\n",
		    x, p->y + 9, g->lines[i].colour);
		put_text(p, x + 17, p->y + 13, "", g->lines[i].name);
		x += 120;
	}
	p->y += LEGEND;
}

static void draw_graph(struct picture *p, const struct graph *g)
{
	double max = highest(p->plot, g);
	double step =
	    g->time ? scale_seconds(max, g->steps) : scale_step(max, g->steps, g->rate ? 0.001 : 1);
	int steps = 1;

	if (max > 0)
		steps = (int)ceil(max / step);
	else
		step = 1;
	draw_legend(p, g);
	draw_scale(p, g, step, steps);
	draw_times(p, g->height);
	for (size_t i = 0; i < NELEMS(g->lines) && g->lines[i].value; i++)
		draw_line(p, g, &g->lines[i], steps * step);
	p->y += g->height + SPACE;
}

static void draw_panel(struct picture *p)
{
	double first = (double)p->plot->first / MQ_SECOND;
	double last = (double)p->plot->last / MQ_SECOND;
	char text[160];

	put_text(p, LEFT, p->y + 26, " font-size=\"16\" font-weight=\"bold\"", p->plot->queue);
	snprintf(text, sizeof(text), "%llu sample%s, %s to %s", (unsigned long long)p->plot->n,
	    p->plot->n == 1 ? "" : "s", clock_word(first, "%Y-%m-%d %H:%M").text,
	    clock_word(last, "%Y-%m-%d %H:%M %Z").text);
	put_text(p, LEFT + PLOT_COLUMNS - 1, p->y + 26, " text-anchor=\"end\"", text);
	p->y += HEAD;
	for (size_t i = 0; i < NELEMS(graphs); i++)
		draw_graph(p, &graphs[i]);
	p->y -= SPACE;
	label_times(p);
	p->y += FOOT;
}

static int panel_height(void)
{
	int height = HEAD - SPACE + FOOT;

	for (size_t i = 0; i < NELEMS(graphs); i++)
		height += LEGEND + graphs[i].height + SPACE;
	return height;
}

static void draw_panels(struct picture *p, const struct plots *plots)
{
	long long panels = 0;

	for (size_t i = 0; i < plots->n; i++)
		panels += plots->list[i].n > 0;
	out_format(p->out,
	    "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%lld\" "
	    "viewBox=\"0 0 %d %lld\" font-family=\"system-ui, sans-serif\" font-size=\"12\" "
	    "fill=\"" GREY "\">\n<title>Queues over time</title>\n",
	    WIDTH, panels * panel_height(), WIDTH, panels * panel_height());
	for (size_t i = 0; i < plots->n && !p->out->error; i++)
		if ((p->plot = &plots->list[i])->n > 0)
			draw_panel(p);
	out_text(p->out, "</svg>\n");
}

void svg_write(struct cmd *c, const char *file)
{
	struct plots plots;
	struct picture p = { .out = &c->out, .plots = &plots };
	int failed = plots_read(&plots, c, file);
	size_t n = 0;

	tzset();
	for (size_t i = 0; i < plots.n; i++)
		n += plots.list[i].n > 0;
	if (!failed && n > 0)
		draw_panels(&p, &plots);
	else if (!failed)
		cmd_check(c, MQ_EMPTY);
	plots_free(&plots);
}
