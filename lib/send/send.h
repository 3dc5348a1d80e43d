/*
 * send.h - send, one message or many with one durable commit
 */
#ifndef SEND_H
#define SEND_H

#include "send/batch.h"

/* As mq_batch_commit, for a batch that is not empty. */
int send_commit(mq_batch *, size_t *accepted, void (*each)(void *ctx, const char *id), void *ctx);

#endif
