/*
 * svg.h - recorded samples as a picture
 */
#ifndef MQ_CMD_SVG_H
#define MQ_CMD_SVG_H

#include "share/common.h"

/* Write a picture of the samples in a file: a panel for each operand, or for each
 * queue that is there.  Failures are reported; MQ_EMPTY: there are no samples. */
void svg_write(struct cmd *, const char *file);

#endif
