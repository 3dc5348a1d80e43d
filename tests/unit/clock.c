/*
 * clock.c - a stop of the process between two readings of the clocks is no step of
 * the wall clock
 */
#include "bench.h"
#include "queue.h"
#include "tap.h"

#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define READINGS 4 /* of clocks, before and within what is tried */

static int stop_after = -1; /* so many readings */

/* In place of libc's: it can be stopped after a reading. */
int clock_gettime(clockid_t id, struct timespec *t)
{
	struct timespec stop = { .tv_sec = 2, .tv_nsec = 200000000 };
	int r = (int)syscall(SYS_clock_gettime, id, t);

	if (stop_after >= 0 && stop_after-- == 0)
		nanosleep(&stop, NULL);
	return r;
}

/* A lease that was over stays over, whenever the look at it is stopped. */
static void test_stop(struct tap *t, struct bench *b)
{
	mq_time over = queue_deadline(b->q, -MQ_SECOND);
	int i;

	CHECK(t, queue_lapsed(b->q, over));
	for (i = 0; i < READINGS; i++) {
		stop_after = i;
		queue_lapsed(b->q, over);
		queue_deadline(b->q, 0);
		stop_after = -1;
		CHECK(t, queue_lapsed(b->q, over));
	}
}

/* But a step is seen. */
static void test_step(struct tap *t, struct bench *b)
{
	mq_time over = queue_deadline(b->q, -MQ_SECOND);

	mq_clock_shift(b->mq, 0, 3 * MQ_SECOND);
	CHECK(t, !queue_lapsed(b->q, over));
	mq_clock_shift(b->mq, 3700 * MQ_SECOND, 3 * MQ_SECOND);
	CHECK(t, queue_lapsed(b->q, over));
}

int main(void)
{
	struct tap t = { 0 };
	struct bench b;

	CHECK(&t, bench_open(&b, "1h") == 0);
	test_stop(&t, &b);
	test_step(&t, &b);
	bench_close(&b);
	return tap_end(&t);
}
