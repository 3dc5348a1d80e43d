/*
 * trace.h - commands that stop before and after their system calls
 *
 * trace_start() starts a command, which then is at TRACE_START.  From there
 * trace_go() lets it run, and trace_wait() waits for its next stop:
 *
 *	trace_start -> START, go -> ENTER, go -> LEAVE, go -> ENTER ... ENDED
 *
 * At TRACE_ENTER a call is about to be made, at TRACE_LEAVE it has been: each ENTER
 * is followed by the LEAVE of the same call, unless the call does not return, or the
 * process is killed.  A process that was released, or that sleeps in a call, does
 * not stop; with a deadline trace_wait() tells that, and may be called again.
 *
 * Any number of tracees may be had, each with a struct of its own, each going on its
 * own: who is not told to go stays where it is.  All belong to the thread that
 * started them.
 *
 * Only the first thread of the command is stopped: its other threads, and what it
 * starts, run on as if nobody looked.  Signals reach it, but none stops it.
 * Tracees that were not released die with the tracer.
 */
#ifndef TRACE_H
#define TRACE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

enum trace_stop {
	TRACE_RUNS, /* it is at no stop: it goes on, or was released */
	TRACE_START,
	TRACE_ENTER,
	TRACE_LEAVE,
	TRACE_ENDED,
};

struct trace {
	pid_t pid; /* and its process group */
	enum trace_stop stop;
	int status; /* TRACE_ENDED: as of waitpid(2) */

	/* the call, at TRACE_ENTER and TRACE_LEAVE */
	long number;
	uint64_t args[6];
	int64_t result; /* at TRACE_LEAVE; -errno for an error */

	/* private */
	int error;    /* what the call is to fail with */
	int filtered; /* not all calls stop it */
};

/* Start a command, found by PATH, with the caller's descriptors and environment, and
 * in a process group of its own.  From then on SIGCHLD is blocked in the caller.
 * 0, or -1 with errno: also where processes cannot be traced. */
int trace_start(struct trace *, char *const argv[]);

/* The same, but it stops only at the calls of these numbers, and runs as fast as ever
 * between them.  It must not be released, and not start any process or thread: for what
 * is not traced these calls fail with ENOSYS. */
#define TRACE_ONLY_MAX 16
int trace_start_only(struct trace *, char *const argv[], const long *numbers, size_t n);

/* From a stop on to the next one. */
void trace_go(struct trace *);

/* From a stop on without any other: the end is all that trace_wait() will tell. */
void trace_release(struct trace *);

/* At TRACE_ENTER: the call is not made, but fails with the errno.  0, or -1 with
 * errno. */
int trace_fail(struct trace *, int error);

/* Where it is.  Waits until it has stopped or ended, until the deadline (by
 * CLOCK_MONOTONIC; NULL: for ever), which makes it TRACE_RUNS. */
enum trace_stop trace_wait(struct trace *, const struct timespec *end);

/* At a stop: up to size bytes of its memory; how many could be read. */
size_t trace_read(const struct trace *, uint64_t address, void *, size_t size);

/* The same for a string, ended by a NUL in any case. */
void trace_string(const struct trace *, uint64_t address, char *, size_t size);

#endif
