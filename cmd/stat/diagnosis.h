/*
 * diagnosis.h - what the figures of a queue point at, in words
 */
#ifndef MQ_CMD_DIAGNOSIS_H
#define MQ_CMD_DIAGNOSIS_H

#include "share/common.h"

/* Call each for every finding: its code, which is one word, and a sentence. */
typedef void finding_fn(void *ctx, const char *code, const char *words);

void diagnose(struct cmd *, mq_queue *, const struct mq_stats *, finding_fn *each, void *ctx);

#endif
