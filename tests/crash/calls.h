/*
 * calls.h - the system calls that commands make: which change something, and with
 * what errors each of them may fail
 */
#ifndef CALLS_H
#define CALLS_H

#include "../trace/trace.h"

#include <stddef.h>

#define ERRORS_MAX 10 /* that one call may have */

struct call_error {
	const char *name;
	int number;
	const char *status; /* of a command that ends with it; "-": it may not */
};

struct call_kind {
	const char *name;
	long number;
	const char *args;   /* a letter for each that is worth a look: see calls.c */
	const char *errors; /* names; a plus: from then on as well */
};

/* A call at TRACE_ENTER, with all that is to be known of it. */
struct call {
	const struct call_kind *kind;
	int changes; /* a kill just before it is not the same as one before the next */
	int fd;      /* that it reads, writes or closes; else -1 */
	size_t nerrors;
	struct {
		const struct call_error *error;
		int lasts;
	} errors[ERRORS_MAX]; /* which it may have */
	char text[600];       /* it, in words */
};

/* The kind alone, which takes no time. */
const struct call_kind *call_kind(long number);

/* Its number; -1: there is none of that name, or it is not always the same one. */
long call_number(const char *name);

/* The numbers of those that make a process or a thread; 0: none. */
#define CALLS_START 4
extern const long calls_start[CALLS_START];
int call_starts_another(const struct call_kind *);

void call_look(struct call *, const struct trace *);

/* At TRACE_LEAVE: what it came to, at the end of the text. */
void call_result(struct call *, const struct trace *);

/* Whether it is one of those in which a command gets events: nothing that fails. */
int call_makes_events(const struct call_kind *);

/* NULL: there is none of that name. */
const struct call_error *call_error_of(const char *name);

#endif
