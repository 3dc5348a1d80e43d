/*
 * bench.h - what the unit tests of the verbs share: a queue in a new spool
 */
#ifndef BENCH_H
#define BENCH_H

#include "base/fs.h"
#include "mq.h"
#include "tap.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

struct bench {
	mq *mq;
	mq_queue *q;
	mq_time now; /* that has passed */
	char root[256];
};

/* The queue q with that visibility and no backoff; 0, or -1. */
static inline int bench_open(struct bench *b, const char *visibility)
{
	struct mq_setting conf[] = { { "visibility", visibility }, { "backoff", "0" } };
	const char *dir = getenv("TMPDIR");
	char spool[300];

	snprintf(b->root, sizeof(b->root), "%s/mq-unit-XXXXXX", dir ? dir : "/tmp");
	if (mkdtemp(b->root) == NULL)
		return -1;
	snprintf(spool, sizeof(spool), "%s/spool", b->root);
	b->mq = mq_open(spool);
	return mq_create(b->mq, "q", conf, 2) == MQ_OK &&
		mq_queue_open(b->mq, "q", &b->q) == MQ_OK ?
	    0 :
	    -1;
}

static inline void bench_close(struct bench *b)
{
	int top = fs_open(AT_FDCWD, *b->root == '/' ? "/" : ".", O_RDONLY | O_DIRECTORY);

	mq_queue_close(b->q);
	mq_close(b->mq);
	fs_remove_tree(top, b->root + (*b->root == '/')); /* it looks below a directory only */
	fs_close(top);
}

/* So many messages, all alike, of that group unless it is NULL. */
static inline void bench_send(struct bench *b, int n, const char *group)
{
	struct mq_properties p = { .priority = MQ_PRIORITY_DEFAULT, .group = group };
	size_t accepted;
	mq_batch *batch;

	mq_batch_open(b->q, &batch);
	for (; n > 0; n--) {
		mq_batch_begin(batch, &p);
		mq_batch_write(batch, "x", 1);
		mq_batch_end(batch);
	}
	mq_batch_commit(batch, 0, &accepted, NULL, NULL);
	mq_batch_close(batch);
}

/* Whether the queue has so many messages, and so many dead letters. */
static inline int bench_has(struct bench *b, uint64_t visible, uint64_t in_flight, uint64_t delayed,
    uint64_t dead)
{
	struct mq_stats s;

	return mq_stat(b->q, &s) == MQ_OK && s.visible == visible && s.in_flight == in_flight &&
	    s.delayed == delayed && s.dead == dead;
}

/* As if so much time had gone by. */
static inline void bench_pass(struct bench *b, mq_time t)
{
	mq_clock_shift(b->mq, b->now += t, 0);
}

/* One after the other in one queue of that visibility, up to NULL: what main returns. */
typedef void bench_test(struct tap *, struct bench *);

static inline int bench_run(const char *visibility, bench_test *const *tests)
{
	struct tap t = { 0, 0 };
	struct bench b = { 0 };

	if (bench_open(&b, visibility) == -1)
		return 1;
	while (*tests)
		(*tests++)(&t, &b);
	bench_close(&b);
	return tap_end(&t);
}

#endif
