/*
 * prefetch.c - receive, for a consumer that may have so much unacked
 */
#include "receive/lease.h"
#include "receive/sweep.h"
#include "spool/consumer.h"

/* Link the leases; those that cannot be counted are given back. */
static int link_leases(mq_queue *q, const char *consumer, mq_lease **leases, size_t *n)
{
	size_t kept = 0;
	int r = MQ_OK;

	while (kept < *n &&
	    consumer_link(q, consumer, &leases[kept]->entry, leases[kept]->receipt) == 0)
		kept++;
	if (kept < *n && kept == 0)
		r = queue_fail(q, "cannot count what the consumer has");
	while (*n > kept) {
		mq_giveback(leases[--*n]);
		mq_lease_free(leases[*n]);
	}
	return r;
}

static int receive(mq_queue *q, const char *consumer, size_t prefetch, size_t max,
    mq_time visibility, mq_lease **leases, size_t *n)
{
	size_t has;
	int r;

	sweep(q, SWEEP_IF_DUE, NULL);
	if (consumer_count(q, consumer, &has) == -1)
		return queue_fail(q, "cannot count what the consumer has");
	if (prefetch && has >= prefetch && sweep(q, SWEEP_NOW, NULL) > 0)
		consumer_count(q, consumer, &has); /* some were over */
	if (prefetch && has >= prefetch)
		return fail(q->mq, MQ_BUSY, q->name, "prefetch reached");
	if (prefetch && max > prefetch - has)
		max = prefetch - has;
	r = mq_recv(q, max, visibility, leases, n);
	return r == MQ_OK ? link_leases(q, consumer, leases, n) : r;
}

int mq_recv_for(mq_queue *q, const char *consumer, size_t prefetch, size_t max, mq_time visibility,
    mq_lease **leases, size_t *n)
{
	int r, lock;

	*n = 0;
	if (!mq_valid_name(consumer))
		return fail(q->mq, MQ_USAGE, consumer, "not a consumer's name");
	if ((lock = consumer_lock(q, consumer)) == -1)
		return queue_fail(q, "cannot lock the consumer's leases");
	r = receive(q, consumer, prefetch, max, visibility, leases, n);
	fs_unlock(lock);
	return r;
}
