/*
 * walk.h - every message of a queue, part by part; those in lanes: place/lanes.h
 *
 * A walk holds one segment, or a part of one bucket, in memory at a time. What moves
 * meanwhile may be met twice or not at all.
 */
#ifndef MANAGE_WALK_H
#define MANAGE_WALK_H

#include "place/lanes.h"

/* Whether visit may take what it visits out of its place: bundles are then opened. */
enum look { TO_LOOK, TO_TAKE };

/* What is visible, in the order in which it would be taken. These three return what
 * visit did when that was not 0, which ends the walk; -1 with errno; 0. */
int walk_lines(mq_queue *, enum look, visit_fn *, void *ctx);

/* What is in the buckets of part, "leased" or "delayed", in their order; within one in
 * the file system's, as it may hold millions. */
int walk_buckets(mq_queue *, const char *part, visit_fn *, void *ctx);

/* What is delayed, the earliest first. */
int walk_delayed(mq_queue *, visit_fn *, void *ctx);

#endif
