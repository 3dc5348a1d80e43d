/*
 * stat.c - the figures of a queue
 */
#include "place/count.h"
#include "receive/sweep.h"

#include <string.h>

static int count_dead(mq_queue *q, uint64_t *dead)
{
	struct tally visible, delayed, leased;
	char name[QUEUE_NAME_SIZE];
	mq_queue *dlq;
	int r;

	*dead = 0;
	if (q->is_dlq || (r = fs_exists(q->fd, "dlq")) == 0)
		return MQ_OK;
	if (r == -1)
		return queue_fail(q, "cannot count the dead letters");
	queue_dlq_name(q, name);
	if ((r = queue_open(q->mq, q->spool, name, &dlq)) != MQ_OK)
		return r;
	if (count_queue(dlq, &visible, &delayed, &leased) == -1)
		r = queue_fail(dlq, "cannot count");
	else
		*dead = visible.n + delayed.n + leased.n;
	mq_queue_close(dlq);
	return r;
}

static struct mq_flow flow(const uint64_t *n)
{
	return (struct mq_flow){ n[METER_SENT], n[METER_RECEIVED], n[METER_ACKED], n[METER_NACKED],
		n[METER_LAPSED], n[METER_DEAD], n[METER_EXPIRED] };
}

/* No figure but these is missed when it fails. */
static void read_meters(mq_queue *q, mq_time now, struct mq_stats *s)
{
	static const double shares[] = { 0.5, 0.95, 0.99 };
	struct meter_sum sum;
	size_t i;

	page_meters(q->fd, now, &sum);
	s->total = flow(sum.total);
	s->lately = flow(sum.lately);
	s->span = sum.span;
	/* A page may hold anything: it is nobody's but a cache. */
	s->waited = sum.waited < INT64_MAX / MILLISECOND ? (mq_time)sum.waited * MILLISECOND : 0;
	for (i = 0; i < sizeof(shares) / sizeof(shares[0]); i++)
		s->latency[i] = meter_quantile(&sum, shares[i]);
}

int mq_stat(mq_queue *q, struct mq_stats *s)
{
	struct tally visible, delayed, leased;
	mq_time now;
	int r;

	memset(s, 0, sizeof(*s));
	if ((r = queue_refresh(q)) != MQ_OK)
		return r;
	sweep_all(q);
	if (count_queue(q, &visible, &delayed, &leased) == -1)
		return queue_fail(q, "cannot count");
	now = queue_now(q);
	s->visible = visible.n;
	s->delayed = delayed.n;
	s->in_flight = leased.n;
	s->bytes = visible.bytes + delayed.bytes + leased.bytes;
	s->oldest_age = visible.n && now > visible.oldest ? now - visible.oldest : 0;
	s->paused = q->conf.paused;
	read_meters(q, now, s);
	return count_dead(q, &s->dead);
}
