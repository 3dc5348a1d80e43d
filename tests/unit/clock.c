/*
 * clock.c - a stop of the process between two readings of the clocks is no step of
 * the wall clock; numbers that no one else has, after a fork, too
 */
#include "bench.h"
#include "spool/queue.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
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

static int old_kernel;

/* In place of libc's: a kernel may not know what is asked. */
int madvise(void *p, size_t n, int advice)
{
	if (old_kernel) {
		errno = EINVAL;
		return -1;
	}
	return (int)syscall(SYS_madvise, p, n, advice);
}

#define DRAWN 8

static void draw(struct nonce *n, uint64_t drawn[DRAWN])
{
	int i;

	for (i = 0; i < DRAWN; i++)
		drawn[i] = nonce_next(n);
}

/* What the child of a fork draws: 1, or 0. */
static int drawn_by_child(struct nonce *n, uint64_t drawn[DRAWN])
{
	int ends[2], status = -1;
	ssize_t r;
	pid_t pid;

	if (pipe(ends) == -1 || (pid = fork()) == -1)
		return 0;
	if (pid == 0) {
		draw(n, drawn);
		_exit(write(ends[1], drawn, DRAWN * sizeof(*drawn)) == -1);
	}
	r = read(ends[0], drawn, DRAWN * sizeof(*drawn));
	close(ends[0]);
	close(ends[1]);
	return waitpid(pid, &status, 0) == pid && status == 0 && r == DRAWN * sizeof(*drawn);
}

static void test_fork(struct tap *t)
{
	uint64_t before[DRAWN], parent[DRAWN], child[DRAWN], second[DRAWN];
	struct nonce n = { 0 };
	int i, k, same = 0;

	draw(&n, before);
	CHECK(t, drawn_by_child(&n, child));
	CHECK(t, drawn_by_child(&n, second));
	draw(&n, parent);
	for (i = 0; i < DRAWN; i++)
		for (k = 0; k < DRAWN; k++)
			same += child[i] == parent[k] || child[i] == second[k] ||
			    parent[i] == before[k];
	CHECK(t, same == 0);
	CHECK(t, (n.at == &n.own) == old_kernel);
	nonce_free(&n);
}

int main(void)
{
	struct tap t = { 0 };
	struct bench b;

	CHECK(&t, bench_open(&b, "1h") == 0);
	test_stop(&t, &b);
	test_step(&t, &b);
	bench_close(&b);
	test_fork(&t);
	old_kernel = 1;
	test_fork(&t);
	return tap_end(&t);
}
