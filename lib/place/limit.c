/*
 * limit.c - max-depth and max-bytes
 */
#include "place/limit.h"

#include "place/count.h"
#include "spool/depth.h"

#define COUNTING_SHARE 100 /* at most one part in so many of the time */

/* Put the page right by counting: 0, or -1 with errno. */
static int recount(mq_queue *q, const struct limit_held *held)
{
	static const struct limit_held none;
	struct page *p = queue_page(q);
	struct tally visible, delayed, leased;
	int64_t depth = atomic_load(&p->depth), bytes = atomic_load(&p->bytes);
	int64_t start = clock_up(&q->mq->clock), end;

	if (count_queue(q, &visible, &delayed, &leased) == -1)
		return -1;
	held = held ? held : &none;
	atomic_store(&p->more, (int64_t)(visible.n + delayed.n + leased.n + held->n) - depth);
	atomic_store(&p->more_bytes,
	    (int64_t)(visible.bytes + delayed.bytes + leased.bytes + held->bytes) - bytes);
	end = clock_up(&q->mq->clock);
	atomic_store(&p->count_cost, end - start);
	atomic_store(&p->counted, end);
	return 0;
}

/* Whether it is time for another count, and nobody else has just begun one. */
static int begin_recount(mq_queue *q)
{
	struct page *p = queue_page(q);
	int64_t counted = atomic_load(&p->counted), up = clock_up(&q->mq->clock);

	if (up >= counted && up - counted < COUNTING_SHARE * atomic_load(&p->count_cost))
		return 0;
	return atomic_compare_exchange_strong(&p->counted, &counted, up);
}

static int try_reserve(mq_queue *q, uint64_t bytes)
{
	const struct conf *c = &q->conf;
	struct page *p = queue_page(q);
	int64_t depth = atomic_fetch_add(&p->depth, 1) + 1;
	int64_t total = atomic_fetch_add(&p->bytes, (int64_t)bytes) + (int64_t)bytes;

	depth += atomic_load(&p->more);
	total += atomic_load(&p->more_bytes);
	if ((c->max_depth == 0 || depth <= (int64_t)c->max_depth) &&
	    (c->max_bytes == 0 || total <= (int64_t)c->max_bytes))
		return 1;
	depth_release(q, 1, bytes);
	return 0;
}

int limit_reserve(mq_queue *q, uint64_t bytes, const struct limit_held *held)
{
	if (q->conf.max_depth == 0 && q->conf.max_bytes == 0) {
		depth_add(q, 1, bytes);
		return 1;
	}
	/* What was never counted is not empty. */
	if ((atomic_load(&queue_page(q)->counted) == 0 || queue_page(q) == &q->page_use.own) &&
	    recount(q, held) == -1)
		return -1;
	if (try_reserve(q, bytes))
		return 1;
	if (!begin_recount(q))
		return 0;
	return recount(q, held) == -1 ? -1 : try_reserve(q, bytes);
}
