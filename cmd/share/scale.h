/*
 * scale.h - round numbers for the axes of graphs
 */
#ifndef MQ_CMD_SCALE_H
#define MQ_CMD_SCALE_H

#include "share/common.h"
#include "share/words.h"

/* The least step that is 1, 2 or 5 times a power of ten, so that so many steps are
 * not less than max; never below least. */
double scale_step(double max, int steps, double least);

/* The same for seconds: a step that is round on a clock. */
double scale_seconds(double max, int steps);

/* A multiple of such steps, as short as can be: 30s, 5m, 1.5h; 0, 2500, 40k, 3M. */
struct word scale_duration(double seconds);
struct word scale_number(double);

#endif
