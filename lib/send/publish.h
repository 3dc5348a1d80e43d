/*
 * publish.h - publish, a batch to an exchange
 *
 * What a publish leaves on disk, and who goes on with it, is in journal.h.
 */
#ifndef PUBLISH_H
#define PUBLISH_H

#include "send/batch.h"

/* What a batch to an exchange needs besides. */
void publisher_free(struct publisher *);
/* Keep what message i is routed by, its block of properties, until the commit:
 * 0, or -1: no memory. */
int publisher_keep(struct publisher *, size_t i, const char *block, size_t size);

/* As mq_batch_commit, for a batch that is not empty. */
int publish_commit(mq_batch *, size_t *accepted, void (*each)(void *ctx, const char *id),
    void *ctx);

#endif
