/*
 * check.h - faults found, and what is done about them
 *
 * A fault is what no command puts right by itself: what disks, people and bugs
 * break.  What a kill or a power cut leaves is none once the next command has
 * gone by.  A check takes no lock that others wait for, and they move things
 * while it looks: whatever seems wrong is looked at again before it is called
 * a fault.
 */
#ifndef CHECK_H
#define CHECK_H

#include "spool/queue.h"

struct check {
	mq_queue *q; /* NULL: the spool itself */
	int repair;
	int (*each)(void *ctx, const struct mq_fault *);
	void *ctx;
	int ended; /* each wants no more */
};

/* Tell of a fault at the path below the queue (or the spool).  done: what was
 * done about it, or NULL. */
void check_fault(struct check *, const char *path, const char *what, const char *done);
/* What a kill may leave, and nothing else takes away: a file at that path. */
void check_litter(struct check *, const char *path, const char *what);
/* The same, by what the repair came to: 0, done; -1 with errno; or it was not asked for. */
#define CHECK_ONLY 1
void check_repaired(struct check *, const char *path, const char *what, int repair,
    const char *done);

/* What has no business there goes to bad/, with -y. */
void check_stray(struct check *, const char *path, const char *what);

/* A strip as a whole: its marks, its segments and what is neither.  Calls each
 * for the names in its segments. */
typedef void check_name_fn(void *ctx, const char *dir, const char *name);
void check_strip(struct check *, const struct strip *, check_name_fn *each, void *ctx);

/* Call each for the names of a directory; one that is not there has none. */
void check_names(struct check *, const char *path, check_name_fn *each, void *ctx);

#endif
