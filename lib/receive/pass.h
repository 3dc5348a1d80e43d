/*
 * pass.h - one pass of a sweep: what it moves, in which order, and what it leaves
 *
 * A directory is listed in any order; what is moved out of it keeps its own: by the
 * time at which it is due, then by its key.  The first of them, as many as the sweep
 * may still move, are found in one pass and room for twice as many.
 */
#ifndef PASS_H
#define PASS_H

#include "spool/queue.h"

/* What one sweep has moved, may move, and leaves for later. */
struct pass {
	mq_queue *q;
	unsigned moved, most;
	int trouble;  /* errno of the first thing that went wrong, or 0 */
	mq_time next; /* when something is due again; INT64_MAX: nothing that was seen */
};

/* What went wrong, by errno: for those who would say otherwise that there is nothing.
 * To find something gone is to lose a race, what is no directory is nobody's. */
void note_trouble(struct pass *);

void due_at(struct pass *, mq_time);

/* There is more than this sweep may move. */
void due_now(struct pass *);

/* Count a move by its result, which it returns. */
int move_done(struct pass *, int done);

/* ---- in order ---------------------------------------------------------- */

#define NAME_USUAL (BUNDLE_SIZE + 128) /* hardly a name is longer: that is moved at once */

struct due_entry {
	int64_t visible;
	char name[NAME_USUAL]; /* below the bucket: ENTRY or BUNDLE/ENTRY */
};

struct due {
	struct due_entry *entries;
	size_t n, room, most;
	int cut; /* there were more */
};

/* 0, or -1: it has no room. */
int due_collect(struct due *, int64_t visible, const char *name);

/* Sort, and keep the first. */
void due_cut(struct due *);

#endif
