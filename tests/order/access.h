/*
 * access.h - what a call touches, and whether two calls may be made in either order
 *
 * A call reads or changes names: those on the way, its own, and, of a directory, which
 * names it has.  Two calls commute when neither changes what the other reads or changes.
 * What they do to the pages that processes map is not seen.
 */
#ifndef ACCESS_H
#define ACCESS_H

#include "../trace/trace.h"

#include <stdint.h>

#define ACCESSES_MAX 40

struct access {
	uint64_t objects[ACCESSES_MAX]; /* hashes; the lowest bit: it is changed */
	unsigned n;
	int changes; /* any of them */
	int is_time; /* it passes: what comes before and after is not the same */
};

/* Of the call that a process is about to make; root: only what is below is of interest. */
void access_look(struct access *, const struct trace *, const char *root);

int access_commute(const struct access *, const struct access *);

/* The call in words, but for the path of the root. */
void access_describe(const struct trace *, const char *root, char *text, size_t size);

/* The name of one of inside_calls. */
const char *access_call(long number);

#endif
