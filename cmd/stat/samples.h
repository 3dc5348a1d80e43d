/*
 * samples.h - figures of queues as lines of a file
 *
 * A sample is a line, its fields separated by tabs: the time (ISO 8601, UTC), the
 * queue, and figures as mq_stat() tells them, the age in seconds with decimals.
 * Lines that begin with # and empty ones are comments.
 */
#ifndef MQ_CMD_SAMPLES_H
#define MQ_CMD_SAMPLES_H

#include "share/common.h"

#include <stdio.h>

struct sample {
	mq_time at;
	const char *queue;     /* as it is written: any UTF-8 without control characters */
	struct mq_stats stats; /* the figures that a line has; else zero */
};

/* The comment that names the fields. */
void sample_put_header(FILE *);
void sample_put(FILE *, const struct sample *);

/* Call each for the samples of a file, from its start.  With tell, lines that are
 * none are reported.  -1: the file cannot be read, or not once more; reported. */
int samples_read(struct cmd *, FILE *, const char *name, int tell,
    void (*each)(void *ctx, const struct sample *), void *ctx);

#endif
