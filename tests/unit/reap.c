/*
 * reap.c - a lapsed lease that is taken back, from every step at which a reaper may
 * have been stopped
 */
#include "bench.h"
#include "receive/lease.h"
#include "receive/reap.h"

#include <string.h>

#define VISIBILITY (30 * MQ_SECOND)

static size_t receive(struct bench *b, size_t max, mq_lease **l)
{
	size_t n;

	return mq_recv(b->q, max, 0, l, &n) == MQ_OK ? n : 0;
}

/* The lease's clock in that phase. */
static void clock_of(const mq_lease *l, enum clock_phase phase, char path[ENTRY_PATH])
{
	struct clock_name c = { .nonce = l->entry.nonce, .phase = phase, .claim = 1 };
	char name[CLOCK_SIZE];

	clock_name_format(&c, name);
	snprintf(path, ENTRY_PATH, "%s/%s", l->bucket, name);
}

static int clock_is(struct bench *b, const mq_lease *l, enum clock_phase phase)
{
	char path[ENTRY_PATH];

	clock_of(l, phase, path);
	return fs_exists(b->q->fd, path) == 1;
}

/* As a reaper leaves it that is stopped there. */
static void stop_at(struct bench *b, const mq_lease *l, enum clock_phase phase)
{
	char from[ENTRY_PATH], to[ENTRY_PATH];

	clock_of(l, CLOCK_LIVE, from);
	clock_of(l, phase, to);
	fs_rename(b->q->fd, from, b->q->fd, to);
}

/* How many it moved; *left: something stays there that is due. */
static unsigned reap(struct bench *b, const mq_lease *l, int *left)
{
	struct pass p = { .q = b->q, .most = 100, .next = INT64_MAX };

	*left = !reap_bucket(&p, l->bucket);
	return p.moved;
}

static void start_anew(struct bench *b, mq_lease **l, size_t n)
{
	uint64_t dropped;

	while (n > 0)
		mq_lease_free(l[--n]);
	bench_pass(b, 3600 * MQ_SECOND);
	mq_stat(b->q, &(struct mq_stats){ 0 });
	mq_purge(b->q, &dropped, NULL, NULL);
}

static void test_in_time(struct tap *t, struct bench *b)
{
	mq_lease *l;
	int left;

	bench_send(b, 1, NULL);
	receive(b, 1, &l);
	bench_pass(b, VISIBILITY - MQ_SECOND);
	CHECK(t, reap(b, l, &left) == 0 && !left && clock_is(b, l, CLOCK_LIVE));
	bench_pass(b, MQ_SECOND);
	CHECK(t, reap(b, l, &left) == 1 && !left && !clock_is(b, l, CLOCK_LIVE));
	CHECK(t, bench_has(b, 1, 0, 0, 0) && mq_ack(l) == MQ_LAPSED);
	start_anew(b, &l, 1);
}

/* Step 2: its holder extended between the look and the claim. */
static void test_claimed(struct tap *t, struct bench *b)
{
	char claimed[ENTRY_PATH];
	mq_lease *l;
	int left;

	bench_send(b, 1, NULL);
	receive(b, 1, &l);
	stop_at(b, l, CLOCK_CLAIMED);
	clock_of(l, CLOCK_CLAIMED, claimed);
	bench_pass(b, VISIBILITY);
	fs_set_mtime(b->q->fd, claimed, mq_now(b->mq) + MQ_SECOND);
	CHECK(t, reap(b, l, &left) == 0 && clock_is(b, l, CLOCK_LIVE));
	CHECK(t, mq_lease_check(l) == MQ_OK);
	stop_at(b, l, CLOCK_CLAIMED);
	bench_pass(b, MQ_SECOND);
	CHECK(t, reap(b, l, &left) == 1 && !left && !clock_is(b, l, CLOCK_CLAIMED));
	CHECK(t, bench_has(b, 1, 0, 0, 0) && mq_ack(l) == MQ_LAPSED);
	start_anew(b, &l, 1);
}

/* Step 3: one of two was returned by then. */
static void test_condemned(struct tap *t, struct bench *b)
{
	mq_lease *l[2];
	int left;

	bench_send(b, 2, NULL);
	CHECK(t, receive(b, 2, l) == 2);
	CHECK(t, mq_giveback(l[0]) == MQ_OK);
	stop_at(b, l[1], CLOCK_DEAD);
	bench_pass(b, VISIBILITY);
	CHECK(t, reap(b, l[1], &left) == 1 && !left && !clock_is(b, l[1], CLOCK_DEAD));
	CHECK(t, bench_has(b, 2, 0, 0, 0));
	start_anew(b, l, 2);
}

/* No clock: whoever took it was stopped for longer than its lease before that. */
static void test_no_clock(struct tap *t, struct bench *b)
{
	char path[ENTRY_PATH];
	mq_lease *l;
	int left;

	bench_send(b, 1, NULL);
	receive(b, 1, &l);
	clock_of(l, CLOCK_LIVE, path);
	fs_unlink(b->q->fd, path);
	CHECK(t, reap(b, l, &left) == 0 && clock_is(b, l, CLOCK_LIVE));
	CHECK(t, lease_clock_is_held(b->q, path) == 0 && mq_ack(l) == MQ_LAPSED);
	CHECK(t, bench_has(b, 0, 1, 0, 0));
	bench_pass(b, VISIBILITY);
	CHECK(t, reap(b, l, &left) == 1 && bench_has(b, 1, 0, 0, 0));
	start_anew(b, &l, 1);
}

/* Of a group the token comes back, once no receipt is left. */
static void test_group(struct tap *t, struct bench *b)
{
	mq_lease *l, *again;
	int left;

	bench_send(b, 2, "g");
	receive(b, 1, &l);
	CHECK(t, receive(b, 1, &again) == 0);
	bench_pass(b, VISIBILITY);
	CHECK(t, reap(b, l, &left) == 2 && !left && fs_exists(b->q->fd, l->receipt) == 0);
	CHECK(t, receive(b, 1, &again) == 1);
	CHECK(t, strcmp(mq_lease_message(again)->id, mq_lease_message(l)->id) == 0);
	CHECK(t, mq_lease_message(again)->receives == 2);
	mq_lease_free(again);
	start_anew(b, &l, 1);
}

/* No more than a pass may move, the first of them first; the rest is not forgotten. */
static void test_in_passes(struct tap *t, struct bench *b)
{
	mq_lease *l[150], *again[150];
	size_t i;
	int left, in_order = 1;

	bench_send(b, 150, NULL);
	CHECK(t, receive(b, 150, l) == 150);
	bench_pass(b, VISIBILITY);
	CHECK(t, reap(b, l[0], &left) == 100 && left);
	CHECK(t, reap(b, l[0], &left) == 50 && !left);
	CHECK(t, receive(b, 150, again) == 150);
	for (i = 0; i < 150; i++) {
		in_order &= !strcmp(mq_lease_message(again[i])->id, mq_lease_message(l[i])->id);
		mq_lease_free(again[i]);
	}
	CHECK(t, in_order);
	start_anew(b, l, 150);
}

int main(void)
{
	bench_test *const tests[] = { test_in_time, test_claimed, test_condemned, test_no_clock,
		test_group, test_in_passes, NULL };

	return bench_run("30s", tests);
}
