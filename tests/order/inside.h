/*
 * inside.h - what the commands share with the scheduler
 *
 * The commands are the real ones, linked with inside.c besides: their time and their
 * random numbers come from a page that the scheduler sets, so that a schedule that is
 * played again goes the same way; and one that was started for a role of a scene stands
 * before its main, and forks for each schedule, which costs a fifth of a start.
 */
#ifndef INSIDE_H
#define INSIDE_H

#include <stdint.h>

/* The number of the descriptor of the page, in the environment. */
#define INSIDE_PAGE "MQ_ORDER_PAGE"

/* The same of a socket: a number that comes asks for a fork, and is where its random numbers
 * begin; the answer is a pid_t, of a child of the scheduler's own that has stopped itself. */
#define INSIDE_FORKS "MQ_ORDER_FORKS"

/* Set: all calls of the role stop it, as it starts processes, which shall run on. */
#define INSIDE_JOBS "MQ_ORDER_JOBS"

struct inside {
	int64_t time;    /* ns since 1970; each look at a clock lets a microsecond pass */
	uint64_t random; /* where those of the next process begin */
};

/* The calls that a role stops at: all that names something in the spool, or waits. */
extern const long inside_calls[];
extern const unsigned inside_ncalls;

/* Map the page of that descriptor; NULL with errno. */
struct inside *inside_map(int fd);

/* Where this process's random numbers begin. */
void inside_seed(uint64_t);

#endif
