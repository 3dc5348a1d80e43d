/*
 * hold.c - leases under one clock: kept, lapsed, taken back; and what a
 * consumer has unacked
 */
#include "bench.h"

#define VISIBILITY (30 * MQ_SECOND)

static size_t held(mq_hold *h, size_t max, mq_lease **l)
{
	size_t n;

	return mq_hold_recv(h, max, l, &n) == MQ_OK ? n : 0;
}

static void drain(struct bench *b)
{
	uint64_t n;

	mq_purge(b->q, &n, NULL, NULL);
}

/* A job of many times the visibility timeout keeps its lease. */
static void test_kept(struct tap *t, struct bench *b)
{
	mq_lease *first, *second;
	mq_time again;
	mq_hold *h;
	int i;

	bench_send(b, 2, NULL);
	mq_hold_open(b->q, 0, &h);
	CHECK(t, held(h, 1, &first) == 1);
	for (i = 0; i < 30; i++) {
		CHECK(t, mq_hold_keep(h, &again) == MQ_OK && again == VISIBILITY / 3);
		bench_pass(b, again);
	}
	CHECK(t, held(h, 1, &second) == 1 && bench_has(b, 0, 2, 0, 0));
	CHECK(t, mq_lease_check(first) == MQ_OK && mq_ack(first) == MQ_OK);
	CHECK(t, mq_lease_check(first) == MQ_EMPTY); /* it had its verdict */
	CHECK(t, mq_giveback(second) == MQ_OK && bench_has(b, 1, 0, 0, 0));
	mq_lease_free(first);
	mq_lease_free(second);
	mq_hold_close(h);
	drain(b);
}

/* Who comes too late keeps nothing, and starts afresh. */
static void test_lapsed(struct tap *t, struct bench *b)
{
	mq_lease *old, *l;
	mq_time again;
	mq_hold *h;

	bench_send(b, 2, NULL);
	mq_hold_open(b->q, 0, &h);
	CHECK(t, held(h, 1, &old) == 1);
	bench_pass(b, VISIBILITY);
	CHECK(t, mq_lease_check(old) == MQ_LAPSED);
	CHECK(t, mq_hold_keep(h, &again) == MQ_LAPSED);
	CHECK(t, mq_ack(old) == MQ_LAPSED);
	CHECK(t, held(h, 1, &l) == 1 && mq_lease_message(l)->receives == 2);
	CHECK(t, mq_hold_keep(h, &again) == MQ_OK && mq_ack(l) == MQ_OK);
	CHECK(t, mq_ack(old) == MQ_LAPSED);
	mq_lease_free(l);
	mq_lease_free(old);
	mq_hold_close(h);
	bench_pass(b, 3600 * MQ_SECOND);
	CHECK(t, bench_has(b, 1, 0, 0, 0));
	drain(b);
}

/* The clock lapsed and nobody noticed yet: nothing is received under it. */
static void test_late_receive(struct tap *t, struct bench *b)
{
	mq_lease *old, *l;
	mq_hold *h;

	bench_send(b, 2, NULL);
	mq_hold_open(b->q, 0, &h);
	held(h, 1, &old);
	bench_pass(b, VISIBILITY + MQ_SECOND);
	CHECK(t, held(h, 1, &l) == 1 && mq_lease_check(l) == MQ_OK);
	CHECK(t, mq_lease_check(old) == MQ_LAPSED && mq_ack(l) == MQ_OK);
	mq_lease_free(l);
	mq_lease_free(old);
	mq_hold_close(h);
	bench_pass(b, 3600 * MQ_SECOND);
	drain(b);
}

/* A job that extended its own message is kept like the others. */
static void test_own_clock(struct tap *t, struct bench *b)
{
	mq_lease *l[2], *same;
	mq_time again;
	mq_hold *h;
	int i;

	bench_send(b, 2, NULL);
	mq_hold_open(b->q, 0, &h);
	CHECK(t, held(h, 2, l) == 2);
	CHECK(t, mq_lease_of(b->mq, mq_lease_message(l[0])->path, &same) == MQ_OK);
	CHECK(t, mq_extend(same, 15 * MQ_SECOND) == MQ_OK);
	for (i = 0; i < 6; i++) {
		CHECK(t, mq_hold_keep(h, &again) == MQ_OK);
		CHECK(t, mq_lease_check(l[0]) == MQ_OK && mq_lease_check(l[1]) == MQ_OK);
		bench_pass(b, again);
	}
	CHECK(t, mq_ack(same) == MQ_OK && mq_lease_check(l[0]) == MQ_EMPTY);
	CHECK(t, mq_ack(l[1]) == MQ_OK && bench_has(b, 0, 0, 0, 0));
	mq_lease_free(same);
	mq_lease_free(l[0]);
	mq_lease_free(l[1]);
	mq_hold_close(h);
}

static void test_prefetch(struct tap *t, struct bench *b)
{
	mq_lease *l[5];
	size_t n, i;

	bench_send(b, 5, NULL);
	CHECK(t, mq_recv_for(b->q, "a/b", 2, 5, 0, l, &n) == MQ_USAGE);
	CHECK(t, mq_recv_for(b->q, "a", 2, 5, 0, l, &n) == MQ_OK && n == 2);
	CHECK(t, mq_recv_for(b->q, "a", 2, 5, 0, l + 2, &n) == MQ_BUSY && n == 0);
	CHECK(t, mq_recv_for(b->q, "b", 2, 1, 0, l + 2, &n) == MQ_OK && n == 1);
	CHECK(t, mq_ack(l[0]) == MQ_OK);
	CHECK(t, mq_recv_for(b->q, "a", 2, 5, 0, l + 3, &n) == MQ_OK && n == 1);
	CHECK(t, mq_nack(l[1], 0, NULL) == MQ_OK);
	CHECK(t, mq_recv_for(b->q, "a", 2, 5, 0, l + 4, &n) == MQ_OK && n == 1);
	CHECK(t, mq_recv_for(b->q, "a", 2, 5, 0, l, &n) == MQ_BUSY);
	bench_pass(b, VISIBILITY); /* what lapsed is not counted */
	for (i = 0; i < 5; i++)
		mq_lease_free(l[i]);
	CHECK(t, mq_recv_for(b->q, "a", 2, 5, 0, l, &n) == MQ_OK && n == 2);
	CHECK(t, mq_ack(l[0]) == MQ_OK && mq_ack(l[1]) == MQ_OK);
	mq_lease_free(l[0]);
	mq_lease_free(l[1]);
	bench_pass(b, 3600 * MQ_SECOND);
	drain(b);
}

static void test_removed(struct tap *t, struct bench *b)
{
	mq_lease *l;
	mq_time again;
	mq_hold *h;

	bench_send(b, 1, NULL);
	mq_hold_open(b->q, 0, &h);
	held(h, 1, &l);
	CHECK(t, mq_delete(b->mq, "q") == MQ_OK);
	CHECK(t, mq_hold_keep(h, &again) == MQ_NOTFOUND);
	CHECK(t, mq_lease_check(l) == MQ_NOTFOUND && mq_ack(l) == MQ_NOTFOUND);
	mq_lease_free(l);
	mq_hold_close(h);
}

int main(void)
{
	bench_test *const tests[] = { test_kept, test_lapsed, test_late_receive, test_own_clock,
		test_prefetch, test_removed, NULL };

	return bench_run("30s", tests);
}
