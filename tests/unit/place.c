/*
 * place.c - where an entry goes: back, delayed, dead, gone; and what is counted then
 */
#include "place/place.h"

#include "bench.h"
#include "receive/lease.h"

#include <errno.h>
#include <string.h>

/* The queue's one message, leased, with so many deliveries behind it. */
static mq_lease *leased(struct bench *b, unsigned receives)
{
	mq_lease *l;
	size_t n;

	bench_send(b, 1, NULL);
	if (mq_recv(b->q, 1, 0, &l, &n) != MQ_OK || n != 1)
		return NULL;
	l->entry.receives = receives;
	return l;
}

static struct source source_of(const struct bench *b, const mq_lease *l)
{
	struct source s = { b->q->fd, l->receipt, STRIP_RENAME };

	return s;
}

static uint64_t expired(struct bench *b)
{
	struct mq_stats s;

	return mq_stat(b->q, &s) == MQ_OK ? s.total.expired : 0;
}

static void end(struct bench *b, mq_lease *l)
{
	uint64_t dropped;
	mq_queue *dlq;

	mq_lease_free(l);
	mq_purge(b->q, &dropped, NULL, NULL);
	if (mq_queue_open(b->mq, "q/dlq", &dlq) == MQ_OK)
		mq_purge(dlq, &dropped, NULL, NULL);
	mq_queue_close(dlq);
}

static void test_back(struct tap *t, struct bench *b)
{
	mq_lease *l = leased(b, 1);
	struct source from = source_of(b, l);

	CHECK(t, place_return(b->q, &from, &l->entry) == 0 && bench_has(b, 1, 0, 0, 0));
	CHECK(t, place_return(b->q, &from, &l->entry) == -1 && errno == ENOENT);
	CHECK(t, bench_has(b, 1, 0, 0, 0));
	end(b, l);
}

static void test_delayed(struct tap *t, struct bench *b)
{
	mq_lease *l = leased(b, 1);
	struct source from = source_of(b, l);

	l->entry.visible = (mq_now(b->mq) + 60 * MQ_SECOND) / MILLISECOND;
	CHECK(t, place_return(b->q, &from, &l->entry) == 0 && bench_has(b, 0, 0, 1, 0));
	end(b, l);
}

static void test_dead(struct tap *t, struct bench *b)
{
	mq_lease *l = leased(b, 5);
	struct source from = source_of(b, l);
	char id[KEY_SIZE];

	strcpy(id, l->entry.id);
	CHECK(t, place_return(b->q, &from, &l->entry) == 0 && bench_has(b, 0, 0, 0, 1));
	CHECK(t, strcmp(l->entry.id, id) == 0 && strcmp(l->entry.key, id) != 0);
	CHECK(t, l->entry.death[0] != '\0');
	end(b, l);
}

/* It is over before it is dead. */
static void test_expired(struct tap *t, struct bench *b)
{
	uint64_t before = expired(b);
	mq_lease *l = leased(b, 5);
	struct source from = source_of(b, l);

	l->entry.expires = mq_now(b->mq) / MILLISECOND - 1;
	CHECK(t, place_return(b->q, &from, &l->entry) == 0 && bench_has(b, 0, 0, 0, 0));
	CHECK(t, expired(b) == before + 1);
	CHECK(t, place_expire(b->q, b->q->fd, l->receipt, &l->entry) == -1 && errno == ENOENT);
	CHECK(t, expired(b) == before + 1);
	end(b, l);
}

/* A dead letter that fails again stays where it is. */
static void test_dead_again(struct tap *t, struct bench *b)
{
	struct entry e = { .priority = MQ_PRIORITY_DEFAULT };
	mq_lease *l = leased(b, 5), *again;
	struct source from = source_of(b, l);
	mq_queue *dlq;
	size_t n;

	place_return(b->q, &from, &l->entry);
	CHECK(t, mq_queue_open(b->mq, "q/dlq", &dlq) == MQ_OK);
	CHECK(t, mq_recv(dlq, 1, 0, &again, &n) == MQ_OK && n == 1);
	from = (struct source){ dlq->fd, again->receipt, STRIP_RENAME };
	e = again->entry;
	CHECK(t, place_dead(dlq, &from, &e, "reject") == 0 && strcmp(e.key, again->entry.key) == 0);
	CHECK(t, bench_has(b, 0, 0, 0, 1));
	mq_lease_free(again);
	mq_queue_close(dlq);
	end(b, l);
}

/* It doubles, up to the most, and is drawn from its second half. */
static void test_backoff(struct tap *t, struct bench *b)
{
	mq_time whole = 10 * MQ_SECOND, delay;
	unsigned i;

	b->q->conf.backoff_min = whole;
	b->q->conf.backoff_max = 80 * MQ_SECOND;
	for (i = 1; i <= 6; i++) {
		delay = place_backoff(b->q, i);
		CHECK(t, delay > whole / 2 && delay <= whole);
		if (i < 4)
			whole *= 2;
	}
	b->q->conf.backoff_min = b->q->conf.backoff_max = 0;
	CHECK(t, place_backoff(b->q, 3) == 0);
}

int main(void)
{
	bench_test *const tests[] = { test_back, test_delayed, test_dead, test_expired,
		test_dead_again, test_backoff, NULL };

	return bench_run("30s", tests);
}
