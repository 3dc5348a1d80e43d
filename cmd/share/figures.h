/*
 * figures.h - the figures of a queue, as mq-stat names, prints and tests them
 */
#ifndef MQ_CMD_FIGURES_H
#define MQ_CMD_FIGURES_H

#include "share/json.h"
#include "share/table.h"
#include "share/words.h"

enum figure {
	VISIBLE,
	IN_FLIGHT,
	DELAYED,
	DEAD,
	OLDEST_AGE,
	BYTES,
	IN_RATE,
	OUT_RATE,
	LATENCY_P50,
	LATENCY_P95,
	LATENCY_P99,
	FAILED,
	LAG,
	FIGURES,
};

extern const char *const figure_names[FIGURES];

/* Counts, bytes, messages a second, or seconds.  A lag may be infinite, a latency that
 * nobody measured is not a number. */
double figure_value(const struct mq_stats *, enum figure);

/* A value as it is written in a check: 0, or -1 when malformed. */
int figure_parse(enum figure, const char *text, double *value);

/* A value with its unit, if any, for a message. */
struct word figure_word(enum figure, double value);

/* The table's columns after the queue's name, of that width: those that fit into so
 * many; *columns ends with a NULL title. */
#define FIGURE_COLUMNS (FIGURES + 2)
void figure_columns(struct column *columns, enum figure *of, int name_width, int width);
void figure_row(struct table *, const struct column *columns, const enum figure *of,
    const char *queue, const struct mq_stats *);

/* What is counted, in the order in which it is told everywhere. */
#define COUNTERS 7
struct counter {
	const char *name;
	size_t at; /* in struct mq_flow; a uint64_t */
	const char *help;
};
extern const struct counter counters[COUNTERS];

uint64_t counter_value(const struct mq_flow *, const struct counter *);

/* Members of an object: the figures, then what was counted in all. */
void figure_members(struct json *, const struct mq_stats *);

#endif
