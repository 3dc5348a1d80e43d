/*
 * batch.h - messages collected in one file, to be sent together
 *
 * A batch is one file in tmp/ that grows as messages are written, and an entry
 * for each, whose key and id are given at the commit (send.h, publish.h).  A
 * kill leaves litter, which is removed after a day.
 */
#ifndef BATCH_H
#define BATCH_H

#include "send/room.h"
#include "spool/queue.h"

#define BATCH_COUNT 1000

struct publisher;

struct mq_batch {
	mq *mq;
	const char *name; /* of the queue or the exchange, to tell errors of */
	int dir;          /* of the queue or the spool: whose tmp/ has the file */
	mq_queue *q;      /* where it is sent to, or */
	struct publisher *publisher;
	int fd; /* -1: no file yet */
	char path[ENTRY_PATH];
	char *buffer;
	size_t buffered;
	uint64_t flushed; /* bytes in the file */
	struct entry entries[BATCH_COUNT];
	size_t n;
	int begun; /* entries[n] is being written */
	int too_large;
	char *dedup_id;
	int keyed; /* an import: its entries have their keys and ids at the commit */
	struct room room;
	size_t unrouted;
};

/* A batch for what bears the name; NULL: no memory. */
mq_batch *batch_new(mq *, const char *name, int dir);

/* Add to what was written: 0, or -1 with errno; a part may have been. */
int batch_append(mq_batch *, const void *data, size_t n);

/* Write what is still in memory: 0, or -1 with errno. */
int batch_flush(mq_batch *);

/* Forget all that was collected. */
void batch_reset(mq_batch *);

#endif
