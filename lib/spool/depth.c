/*
 * depth.c - how many messages are in a queue, and their bytes, as far as this host knows
 */
#include "spool/depth.h"

void depth_add(mq_queue *q, uint64_t n, uint64_t bytes)
{
	atomic_fetch_add(&queue_page(q)->depth, (int64_t)n);
	atomic_fetch_add(&queue_page(q)->bytes, (int64_t)bytes);
}

void depth_release(mq_queue *q, uint64_t n, uint64_t bytes)
{
	atomic_fetch_sub(&queue_page(q)->depth, (int64_t)n);
	atomic_fetch_sub(&queue_page(q)->bytes, (int64_t)bytes);
}
