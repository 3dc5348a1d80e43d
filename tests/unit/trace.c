/*
 * trace.c - processes that stop at their system calls
 */
#include "../trace/trace.h"

#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static char *const quick[] = { "true", NULL };
static char *const slow[] = { "sleep", "600", NULL };
static char *const opener[] = { "cmp", "-s", "/dev/null", "/dev/null", NULL };
static char *const parent[] = { "sh", "-c", "true | cat; exit 3", NULL };

static struct timespec in_a_moment(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_nsec += 50000000;
	t.tv_sec += t.tv_nsec / 1000000000;
	t.tv_nsec %= 1000000000;
	return t;
}

static enum trace_stop next(struct trace *t)
{
	trace_go(t);
	return trace_wait(t, NULL);
}

/* To the call of that number: 0, or -1 when it ended before. */
static int up_to(struct trace *t, long number)
{
	while (next(t) != TRACE_ENDED)
		if (t->stop == TRACE_ENTER && t->number == number)
			return 0;
	return -1;
}

static int ended_with(const struct trace *t, int code)
{
	return t->stop == TRACE_ENDED && WIFEXITED(t->status) && WEXITSTATUS(t->status) == code;
}

/* Each ENTER is followed by the LEAVE of the same call. */
static int runs_in_turn(struct trace *t)
{
	long number;

	while (next(t) == TRACE_ENTER) {
		number = t->number;
		if (next(t) == TRACE_ENDED)
			return number == SYS_exit_group;
		if (t->stop != TRACE_LEAVE || t->number != number)
			return 0;
	}
	return 0;
}

static void test_stops(struct tap *tap)
{
	struct trace t;

	CHECK(tap, trace_start(&t, quick) == 0 && t.stop == TRACE_START);
	CHECK(tap, trace_wait(&t, NULL) == TRACE_START);
	CHECK(tap, runs_in_turn(&t));
	CHECK(tap, ended_with(&t, 0));
	CHECK(tap, trace_wait(&t, NULL) == TRACE_ENDED);
}

static void test_no_command(struct tap *tap)
{
	char *const none[] = { "./no-such-command", NULL };
	struct trace t;

	CHECK(tap, trace_start(&t, none) == -1 && errno == ENOENT);
}

/* Two of them: while one runs to its end, the other stays where it is. */
static void test_two(struct tap *tap)
{
	struct trace a, b;
	long number;

	CHECK(tap, trace_start(&a, opener) == 0 && trace_start(&b, opener) == 0);
	CHECK(tap, up_to(&a, SYS_openat) == 0);
	number = a.number;
	CHECK(tap, runs_in_turn(&b) && ended_with(&b, 0));
	CHECK(tap,
	    a.stop == TRACE_ENTER && a.number == number && waitpid(a.pid, NULL, WNOHANG) == 0);
	trace_release(&a);
	CHECK(tap, trace_wait(&a, NULL) == TRACE_ENDED && ended_with(&a, 0));
}

static int opens(const struct trace *t, const char *path)
{
	char seen[64];

	trace_string(t, t->args[1], seen, sizeof(seen));
	return strcmp(seen, path) == 0;
}

static void test_fail(struct tap *tap)
{
	struct trace t;

	trace_start(&t, opener);
	while (up_to(&t, SYS_openat) == 0 && !opens(&t, "/dev/null"))
		;
	CHECK(tap, t.stop == TRACE_ENTER && opens(&t, "/dev/null"));
	CHECK(tap, trace_fail(&t, EIO) == 0);
	CHECK(tap, next(&t) == TRACE_LEAVE && t.result == -EIO);
	CHECK(tap, next(&t) == TRACE_ENTER && t.number != SYS_openat);
	trace_release(&t);
	CHECK(tap, trace_wait(&t, NULL) == TRACE_ENDED && ended_with(&t, 2));
}

/* One that sleeps is at no stop, and can be asked again; killed, it has ended. */
static void test_sleeper(struct tap *tap)
{
	struct timespec soon = in_a_moment();
	struct trace t;

	trace_start(&t, slow);
	CHECK(tap, up_to(&t, SYS_clock_nanosleep) == 0);
	trace_go(&t);
	CHECK(tap, trace_wait(&t, &soon) == TRACE_RUNS);
	CHECK(tap, trace_wait(&t, &soon) == TRACE_RUNS);
	kill(t.pid, SIGKILL);
	CHECK(tap, trace_wait(&t, NULL) == TRACE_ENDED);
	CHECK(tap, WIFSIGNALED(t.status) && WTERMSIG(t.status) == SIGKILL);
}

/* What is killed just before a call has not made it. */
static void test_kill(struct tap *tap)
{
	struct trace t;

	trace_start(&t, quick);
	CHECK(tap, up_to(&t, SYS_exit_group) == 0);
	kill(t.pid, SIGKILL);
	trace_go(&t);
	CHECK(tap, trace_wait(&t, NULL) == TRACE_ENDED && WIFSIGNALED(t.status));
}

/* Its children, and their signals, are its own affair. */
static void test_children(struct tap *tap)
{
	struct trace t;

	trace_start(&t, parent);
	CHECK(tap, runs_in_turn(&t) && ended_with(&t, 3));
}

int main(void)
{
	struct tap tap = { 0 };

	test_stops(&tap);
	test_no_command(&tap);
	test_two(&tap);
	test_fail(&tap);
	test_sleeper(&tap);
	test_kill(&tap);
	test_children(&tap);
	return tap_end(&tap);
}
