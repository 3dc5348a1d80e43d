/*
 * settle.c - what a crash of the machine left of lines and lanes, put right
 */
#include "spool/settle.h"

#include "spool/lane.h"

#include <errno.h>

/* How long the first look after a boot waits for others who have locks: mostly they do
 * the same.  One may be stopped, and must not stop the queue. */
#define SETTLE_PATIENCE (2 * MQ_SECOND)

/* Held is not broken: what is left is for later. */
static void settle_failed(mq_queue *q)
{
	q->settle_again = 1;
	if (errno != EWOULDBLOCK)
		q->unsettled = errno;
}

static void settle_line(mq_queue *q, enum line line, mq_time until)
{
	unsigned level, mask;

	if (queue_levels(q, line, &mask) == -1)
		settle_failed(q);
	for (level = 0; level < LEVELS; level++) {
		struct strip s = queue_strip(q, line, level);
		mq_time patience = until - clock_up(&q->mq->clock);

		if (mask & 1u << level && strip_settle(&s, patience, queue_scratch, q) == -1)
			settle_failed(q);
	}
}

static void settle_all(mq_queue *q, mq_time patience)
{
	mq_time until = clock_up(&q->mq->clock) + patience;
	struct clock_moment now;
	enum line line;

	q->unsettled = q->settle_again = 0;
	for (line = LINE_READY; line < LINES; line++)
		settle_line(q, line, until);
	if (lane_settle(q, until) == -1)
		settle_failed(q);
	if (!q->settle_again) {
		now = clock_moment(&q->mq->clock);
		atomic_store(&q->page->wall_to_up, now.wall - now.up);
		atomic_store(&q->page->hold, 0);
		atomic_store(&q->page->counted, 0);
		atomic_store(&q->page->settled, now.wall);
		atomic_store(&q->page->boot, clock_boot());
	}
}

static int is_settled(const mq_queue *q)
{
	uint64_t boot = clock_boot();

	return boot != 0 && atomic_load(&q->page->boot) == boot;
}

void settle(mq_queue *q)
{
	if (q->settled)
		return;
	q->settled = 1;
	queue_page(q);
	if (!is_settled(q))
		settle_all(q, SETTLE_PATIENCE);
}

void settle_again(mq_queue *q)
{
	settle(q);
	if (q->settle_again && is_settled(q))
		q->unsettled = q->settle_again = 0; /* another has done it */
	else if (q->settle_again)
		settle_all(q, 0);
}
