/*
 * repair.c - what a crash of the machine left of lines and lanes, put right
 */
#include "place/repair.h"

#include "place/lanerepair.h"

#include <errno.h>

/* How long the first look after a boot waits for others who have locks: mostly they do
 * the same.  One may be stopped, and must not stop the queue. */
#define REPAIR_PATIENCE (2 * MQ_SECOND)

/* Held is not broken: what is left is for later. */
static void repair_failed(mq_queue *q)
{
	q->repair_again = 1;
	if (errno != EWOULDBLOCK)
		q->unrepaired = errno;
}

static void repair_line(mq_queue *q, enum line line, mq_time until)
{
	unsigned level, mask;

	if (queue_levels(q, line, &mask) == -1)
		repair_failed(q);
	for (level = 0; level < LEVELS; level++) {
		struct strip s = queue_strip(q, line, level);
		mq_time patience = until - clock_up(&q->mq->clock);

		if (mask & 1u << level && strip_repair(&s, patience, queue_scratch, q) == -1)
			repair_failed(q);
	}
}

static void repair_all(mq_queue *q, mq_time patience)
{
	mq_time until = clock_up(&q->mq->clock) + patience;
	struct clock_moment now;
	enum line line;

	q->unrepaired = q->repair_again = 0;
	for (line = LINE_READY; line < LINES; line++)
		repair_line(q, line, until);
	if (lane_repair(q, until) == -1)
		repair_failed(q);
	if (!q->repair_again) {
		now = clock_moment(&q->mq->clock);
		atomic_store(&q->page->wall_to_up, now.wall - now.up);
		atomic_store(&q->page->grace, 0);
		atomic_store(&q->page->counted, 0);
		atomic_store(&q->page->repaired, now.wall);
		atomic_store(&q->page->boot, clock_boot());
	}
}

static int is_repaired(const mq_queue *q)
{
	uint64_t boot = clock_boot();

	return boot != 0 && atomic_load(&q->page->boot) == boot;
}

void repair(mq_queue *q)
{
	if (q->repaired)
		return;
	q->repaired = 1;
	queue_page(q);
	if (!is_repaired(q))
		repair_all(q, REPAIR_PATIENCE);
}

void repair_again(mq_queue *q)
{
	repair(q);
	if (q->repair_again && is_repaired(q))
		q->unrepaired = q->repair_again = 0; /* another has done it */
	else if (q->repair_again)
		repair_all(q, 0);
}
