/*
 * wait.c - the line of those who wait: one looks, whoever leaves lets the next
 * one up, and one that is stopped does not hold up the others for ever
 */
#include "bench.h"

#include <poll.h>

struct seen {
	int look;
	mq_time within;
};

static struct seen arm(mq_wait *w)
{
	struct seen s = { -1, -1 };

	mq_wait_arm(w, &s.look, &s.within);
	return s;
}

static int told(mq_wait *w)
{
	struct pollfd p = { .fd = mq_wait_fd(w), .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

static mq_wait *waiter(struct bench *b)
{
	mq_wait *w;

	return mq_wait_open(b->mq, &b->q, 1, &w) == MQ_OK ? w : NULL;
}

static void send(struct bench *b, unsigned priority, mq_time delay)
{
	struct mq_properties p = { .priority = priority };
	size_t accepted;
	mq_batch *batch;

	p.visible_at = delay ? mq_now(b->mq) + delay : 0;
	mq_batch_open(b->q, &batch);
	mq_batch_begin(batch, &p);
	mq_batch_end(batch);
	mq_batch_commit(batch, 0, &accepted, NULL, NULL);
	mq_batch_close(batch);
}

static mq_lease *take(struct bench *b)
{
	mq_lease *l;
	size_t n;

	return mq_recv(b->q, 1, 0, &l, &n) == MQ_OK ? l : NULL;
}

static void ack(mq_lease *l)
{
	mq_ack(l);
	mq_lease_free(l);
}

static void test_line(struct tap *t, struct bench *b)
{
	mq_wait *first = waiter(b), *second = waiter(b), *third = waiter(b);

	CHECK(t, arm(first).look == 1 && arm(second).look == 0 && arm(third).look == 0);
	CHECK(t, !told(first) && !told(second) && !told(third));
	send(b, 4, 0);
	CHECK(t, told(first) && !told(second) && !told(third));
	ack(take(b));
	mq_wait_leave(first);
	CHECK(t, told(second) && !told(third));
	CHECK(t, arm(second).look == 1 && !told(second));
	CHECK(t, arm(first).look == 0); /* behind the others now */
	mq_wait_close(second);          /* as if it died */
	CHECK(t, told(third) && arm(third).look == 1 && !told(first));
	mq_wait_close(third);
	CHECK(t, told(first) && arm(first).look == 1);
	mq_wait_close(first);
}

/* The first is stopped: those behind look once in a visibility timeout, and
 * who finds something does not stand behind it again. */
static void test_patience(struct tap *t, struct bench *b)
{
	mq_wait *stopped = waiter(b), *w = waiter(b);
	struct seen s;

	arm(stopped);
	s = arm(w);
	CHECK(t, s.look == 0 && s.within >= 5 * MQ_SECOND && s.within <= 10 * MQ_SECOND);
	bench_pass(b, s.within);
	CHECK(t, arm(w).look == 1); /* and finds nothing */
	s = arm(w);
	CHECK(t, s.look == 0 && s.within > 0);
	send(b, 4, 0);
	CHECK(t, !told(w));
	bench_pass(b, s.within);
	CHECK(t, arm(w).look == 1);
	ack(take(b));
	mq_wait_leave(w);
	CHECK(t, arm(w).look == 1);
	send(b, 4, 0);
	CHECK(t, told(w));
	ack(take(b));
	mq_wait_close(w);
	mq_wait_close(stopped);
}

static void test_news(struct tap *t, struct bench *b)
{
	struct mq_setting pause = { "paused", "yes" }, go_on = { "paused", "no" };
	mq_wait *w = waiter(b);
	struct seen s;
	mq_lease *l;

	CHECK(t, arm(w).look == 1 && arm(w).within == -1 && !told(w));
	send(b, 9, 0); /* the first of its level */
	CHECK(t, told(w));
	arm(w);
	l = take(b);
	s = arm(w);
	CHECK(t, s.within > 0 && s.within <= 10 * MQ_SECOND && !told(w)); /* until it lapses */
	mq_extend(l, MQ_SECOND);
	CHECK(t, told(w));
	s = arm(w);
	CHECK(t, s.within > 0 && s.within <= MQ_SECOND);
	mq_nack(l, 0, NULL);
	CHECK(t, told(w));
	mq_lease_free(l);
	ack(take(b));
	arm(w);
	send(b, 4, 20 * MQ_SECOND);
	CHECK(t, told(w));
	s = arm(w);
	CHECK(t, s.within > 0 && s.within <= 20 * MQ_SECOND);
	bench_pass(b, 21 * MQ_SECOND);
	ack(take(b));
	arm(w);
	mq_configure(b->mq, "q", &pause, 1);
	CHECK(t, told(w) && arm(w).look == 1);
	mq_configure(b->mq, "q", &go_on, 1);
	CHECK(t, told(w));
	mq_wait_close(w);
}

static void test_gone(struct tap *t, struct bench *b)
{
	char *path = NULL;
	mq_wait *w;

	mq_wait_open(b->mq, NULL, 0, &w);
	CHECK(t, mq_pending(b->q, &path) == MQ_EMPTY && path == NULL);
	send(b, 4, 0);
	CHECK(t, mq_pending(b->q, &path) == MQ_OK && mq_wait_gone(w, path) == MQ_OK);
	CHECK(t, arm(w).look == 0);
	ack(take(b));
	CHECK(t, mq_wait_gone(w, path) == MQ_EMPTY);
	free(path);
	mq_wait_close(w);
}

/* Without the kernel's help: pauses that grow. */
static void test_polling(struct tap *t, struct bench *b)
{
	mq_time last = 0;
	mq_wait *w;
	int i;

	mq_poll(b->mq);
	w = waiter(b);
	for (i = 0; i < 20; i++) {
		struct seen s = arm(w);

		if (s.look != 1 || s.within <= 0 || s.within > MQ_SECOND)
			break;
		last = s.within;
	}
	CHECK(t, i == 20 && last >= MQ_SECOND / 5 && mq_wait_fd(w) == -1);
	mq_wait_close(w);
}

int main(void)
{
	bench_test *const tests[] = { test_line, test_patience, test_news, test_gone, test_polling,
		NULL };

	return bench_run("10s", tests);
}
