/*
 * access.h - what a call touches, and whether two calls may be made in either order
 *
 * A call reads or changes names: those on the way, its own, and, of a directory, which names
 * it has.  Two calls commute when neither changes what the other reads or changes.  What
 * processes do to the pages that they map is not seen.
 */
#ifndef ACCESS_H
#define ACCESS_H

#include <stdint.h>

#define ACCESSES_MAX 40

struct access {
	unsigned n;
	int changes; /* any of them */
	int is_time; /* time passes: what comes before and after is not the same */
	uint64_t objects[ACCESSES_MAX]; /* hashes; the lowest bit: it is changed */
};

/* The path is below the spool, as "/q/a"; "" is the spool itself. */
void access_read(struct access *, const char *path);
void access_change(struct access *, const char *path);

/* Which names a directory has. */
void access_list(struct access *, const char *path);

int access_commute(const struct access *, const struct access *);

/* The same for the objects alone. */
int access_are_apart(const uint64_t *a, unsigned na, const uint64_t *b, unsigned nb);

#endif
