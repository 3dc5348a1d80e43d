/*
 * bundle.h - a batch sent as bundles
 */
#ifndef BUNDLE_H
#define BUNDLE_H

#include "send/batch.h"

/* Whether the messages of the batch, which have their keys, may go as bundles: all
 * are for one line, at once, and none has to wait for room. */
int bundle_fits(const mq_batch *);

/* Put them there.  *placed: how many stand in the queue, in their order; the others
 * do not.  0, or -1 with errno.  The batch's file is to be synced afterwards. */
int bundle_send(mq_batch *, size_t *placed);

#endif
