/*
 * record.h - append samples of queues to a file
 */
#ifndef MQ_CMD_RECORD_H
#define MQ_CMD_RECORD_H

#include "stat/samples.h"

struct record {
	struct cmd *c;
	const char *file;
	FILE *memory; /* what is to be written */
	char *text;
	size_t size;
};

void record_begin(struct record *, struct cmd *, const char *file);
void record_add(struct record *, const char *queue, const struct mq_stats *);

/* Append what was added, if anything, as one piece: others may append at the same
 * time.  Failures are reported. */
void record_end(struct record *);

#endif
