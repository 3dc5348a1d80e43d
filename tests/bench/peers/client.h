/*
 * client.h - what the load clients of the peers share
 *
 * A client prints nanoseconds per message, of the load alone: connections are
 * open before the clock starts, and the last confirmation has come before it
 * stops. For latency it prints microseconds, a line for each message. When
 * anything is refused, missing or of a wrong length it says so and exits 1.
 */
#ifndef CLIENT_H
#define CLIENT_H

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define EXIT_USAGE 64

/* Longer than this, in seconds, no answer may take. */
#define PATIENCE 60

/* The size of a message that is timed alone. */
#define LATENCY_SIZE 256

/* Say why, and end with 1. */
__attribute__((format(printf, 1, 2), noreturn)) static inline void fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

static inline int64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* A whole number of least..most, or the end with the status for wrong usage. */
static inline int number(const char *what, const char *text, long least, long most)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (end == text || *end != '\0' || n < least || n > most) {
		fprintf(stderr, "%s: not a number of %ld to %ld: %s\n", what, least, most, text);
		exit(EXIT_USAGE);
	}
	return (int)n;
}

static inline int port_of(const char *text)
{
	return number("PORT", text, 1, 65535);
}

static inline int count_of(const char *text)
{
	return number("COUNT", text, 1, 1000000000);
}

static inline size_t size_of(const char *text)
{
	return (size_t)number("SIZE", text, 1, 1048576);
}

/* Memory of n bytes, for the life of the process; nulls. */
static inline void *memory(size_t n)
{
	void *p = calloc(1, n);

	if (p == NULL)
		fail("no memory");
	return p;
}

/* A body of size bytes. */
static inline char *body_of(size_t size)
{
	return memset(memory(size), 'x', size);
}

static inline void print_per_message(int64_t began, int count)
{
	printf("%.1f\n", (double)(now() - began) / count);
}

/* Before a message that is timed, so that it finds everyone asleep. */
static inline void pause_before_round(void)
{
	const struct timespec t = { 0, 20000000 };

	nanosleep(&t, NULL);
}

static inline void print_latency(int64_t began)
{
	printf("%.1f\n", (double)(now() - began) / 1000);
}

/* Nothing that was printed is lost unnoticed. */
static inline int end_of_output(void)
{
	if (fflush(stdout) != 0)
		fail("standard output: cannot write");
	return 0;
}

#endif
