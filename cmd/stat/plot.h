/*
 * plot.h - recorded samples, brought down to the width of a picture
 */
#ifndef MQ_CMD_PLOT_H
#define MQ_CMD_PLOT_H

#include "stat/samples.h"

#define PLOT_COLUMNS 720

/* What a picture shows at a column: of the samples of its time the highest, and the
 * mean of the rates. */
struct plot_column {
	float visible, in_flight, age;
	float sent, acked, seconds; /* so many in so long; 0 seconds: no rate is known */
	uint32_t n;                 /* samples; 0: there is nothing to show */
	unsigned gap : 1;           /* samples are missing before it */
	unsigned rate_gap : 1;      /* no rate is known before it */
};

struct plot_interval {
	double seconds;
	uint64_t n;
};

struct plot {
	char *queue;
	uint64_t n;          /* samples */
	mq_time first, last; /* of their times */
	struct plot_column *columns;

	/* private to plot.c */
	struct plot_interval intervals[32]; /* between samples, by their size */
	mq_time gap;                        /* longer than that, some are missing */
	mq_time at;                         /* the sample before, and its counts */
	uint64_t sent, acked;
};

struct plots {
	struct cmd *c;
	struct plot *list; /* by their first appearance, or as they were asked for */
	size_t n;
	mq_time first, last; /* of all that are wanted; the columns are this long */

	size_t room, hint; /* private to plot.c */
};

/* Read a file of samples twice.  The operands are the queues wanted; without any, all
 * are.  -1: reported; bad lines are reported, too, but passed over. */
int plots_read(struct plots *, struct cmd *, const char *file);
void plots_free(struct plots *);

#endif
