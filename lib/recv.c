/*
 * recv.c - verb: receive
 *
 *	1  make a clock of a never-used name in leased/DUE, its mtime the deadline
 *	2  rename the entry from the head of its line to beside the clock, its
 *	   receive count raised, under a name that carries the clock's nonce
 *
 * The rename is the lease.  ENOENT is a lost race: the next entry.  A clock is
 * made when there is an entry to take, one for all that a call receives.
 *
 * Lines are read in this order: for each level from the most urgent, back/
 * before ready/.  With priority-aging, the line whose first entry has gained
 * the most levels by waiting comes first.
 */
#include "recv.h"

#include "lease.h"
#include "limit.h"
#include "place.h"
#include "sweep.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINES (2 * LEVELS)
#define CROWD 32 /* after a lost race, go on somewhere in the next so many */

struct lane {
	struct strip strip;
	enum line line;
	unsigned level;
	struct segment segment;
	size_t next; /* the entry to take */
	enum { UNREAD, OPEN, SPENT } state;
};

struct receiving {
	mq_queue *q;
	mq_time now, visibility;
	struct lease_clock *clock;
	uint64_t sized_inode, size; /* of the last message's file */
	struct lane lanes[LINES];
	size_t nlanes;
	mq_lease **leases;
	size_t n, max;
};

/* ---- the lines --------------------------------------------------------- */

static int find_lanes(struct receiving *r)
{
	unsigned ready, back;
	int level, line;

	r->nlanes = 0;
	if (queue_levels(r->q, LINE_READY, &ready) == -1 ||
	    queue_levels(r->q, LINE_BACK, &back) == -1)
		return -1;
	for (level = LEVELS - 1; level >= 0; level--) {
		for (line = LINE_BACK; line >= LINE_READY; line--) {
			struct lane *l = &r->lanes[r->nlanes];

			if (!((line == LINE_BACK ? back : ready) & 1u << level))
				continue;
			memset(l, 0, sizeof(*l));
			l->line = (enum line)line;
			l->level = (unsigned)level;
			l->strip = queue_strip(r->q, l->line, l->level);
			r->nlanes++;
		}
	}
	return 0;
}

static void free_lanes(struct receiving *r)
{
	size_t i;

	for (i = 0; i < r->nlanes; i++)
		segment_free(&r->lanes[i].segment);
	r->nlanes = 0;
}

/* See that the lane has a next entry, or is spent. */
static int read_lane(struct receiving *r, struct lane *l)
{
	int found;

	if (l->state == OPEN && l->next >= l->segment.n)
		l->state = UNREAD;
	if (l->state != UNREAD)
		return 0;
	found = strip_head(&l->strip, &l->segment, queue_scratch, r->q);
	if (found == -1)
		return -1;
	l->state = found ? OPEN : SPENT;
	l->next = 0;
	return 0;
}

/* What the lane's next entry is worth with aging. */
static int64_t urgency(const struct receiving *r, const struct lane *l)
{
	int64_t waited = r->now - (int64_t)l->segment.names[l->next].order;

	return l->level + (waited > 0 ? waited / r->q->conf.priority_aging : 0);
}

/* The lane to take from; NULL: all are spent. */
static int pick_lane(struct receiving *r, struct lane **best)
{
	size_t i;

	*best = NULL;
	for (i = 0; i < r->nlanes; i++) {
		struct lane *l = &r->lanes[i];

		if (read_lane(r, l) == -1)
			return -1;
		if (l->state == SPENT)
			continue;
		if (r->q->conf.priority_aging == 0) {
			*best = l;
			return 0;
		}
		if (*best == NULL || urgency(r, l) > urgency(r, *best))
			*best = l;
	}
	return 0;
}

/* ---- one entry --------------------------------------------------------- */

/* Make the clock, and its bucket if need be.  A reaper may find it before its
 * time is set and take it away: then another. */
static int make_clock(struct receiving *r)
{
	struct lease_clock *c = r->clock;
	char path[ENTRY_PATH];
	int fd = r->q->fd;

	c->visibility = r->visibility;
	c->deadline = queue_now(r->q) + r->visibility;
	bucket_path("leased", c->deadline, c->bucket);
	for (;;) {
		c->nonce = nonce_next(&r->q->mq->nonce);
		lease_clock_path(c->bucket, c->nonce, NULL, path);
		if (fs_mkempty(fd, path) == 0) {
			if (fs_set_mtime(fd, path, c->deadline) == 0)
				break;
			if (errno != ENOENT)
				return -1;
		} else if (errno == ENOENT) {
			if (fs_mkdir(fd, c->bucket) == -1 && errno != EEXIST &&
			    !spool_drop_ballast(r->q->spool))
				return -1;
		} else if (errno != EEXIST && !spool_drop_ballast(r->q->spool)) {
			return -1;
		}
	}
	c->made = 1;
	return 0;
}

/* Whether the clock was reaped while we were stopped. */
static int lost_clock(struct receiving *r)
{
	char path[ENTRY_PATH];

	lease_clock_path(r->clock->bucket, r->clock->nonce, NULL, path);
	return fs_exists(r->q->fd, path) == 0;
}

/* A message whose file is shorter than its name says was torn by a power cut:
 * it was never accepted.  Those of one file come together, so its size is
 * mostly known. */
static int is_torn(struct receiving *r, const char *path, uint64_t inode, const struct entry *e)
{
	struct stat st;

	if (inode == 0 || inode != r->sized_inode) {
		if (fs_stat(r->q->fd, path, &st) == -1 || !S_ISREG(st.st_mode))
			return 1;
		r->sized_inode = inode;
		r->size = (uint64_t)st.st_size;
	}
	return r->size < e->offset + e->header + e->body;
}

static int keep_lease(struct receiving *r, const char *path, uint64_t inode, const struct entry *e)
{
	mq_lease *l;

	if (is_torn(r, path, inode, e)) {
		if (place_bad(r->q, path) == 0)
			limit_release(r->q, 1, e->body);
		return 0;
	}
	if ((l = lease_new(r->q, e, r->clock->bucket, r->clock->deadline)) == NULL)
		return -1; /* it will lapse */
	r->leases[r->n++] = l;
	return 0;
}

/* Lease the entry at path: 0 also when the race for it was lost. */
static int lease_entry(struct receiving *r, const char *path, uint64_t inode, struct entry *e,
    int *lost)
{
	char to[ENTRY_PATH], name[NAME_SIZE];

	e->receives++;
	e->lease = r->clock->kind;
	for (;;) {
		if (!r->clock->made && make_clock(r) == -1)
			return -1;
		e->nonce = r->clock->nonce;
		entry_format(e, name);
		stpcpy(stpcpy(stpcpy(to, r->clock->bucket), "/"), name);
		if (fs_rename(r->q->fd, path, r->q->fd, to) == 0)
			return keep_lease(r, to, inode, e);
		if (errno == ENOENT) {
			if (!lost_clock(r)) {
				*lost = 1;
				return 0;
			}
			r->clock->made = 0;
		} else if (!spool_drop_ballast(r->q->spool)) {
			return -1;
		}
	}
}

/* Take one entry, or put it where it belongs if it may not be delivered. */
static int take_entry(struct receiving *r, const char *path, const struct sorted_name *name,
    int *lost)
{
	struct source from = { r->q->fd, path, STRIP_RENAME };
	mq_queue *q = r->q;
	struct entry e;
	mq_time expiry;
	int done;

	if (entry_parse(name->name, &e) == -1) {
		done = place_bad(q, path);
	} else if ((expiry = queue_expiry(q, &e)) != 0 && expiry <= r->now) {
		atomic_fetch_add(&queue_page(q)->expired, 1);
		done = place_drop(q, q->fd, path, &e);
	} else if (q->conf.max_receives && e.receives >= q->conf.max_receives) {
		done = place_dead(q, &from, &e, "max-receives");
	} else {
		return lease_entry(r, path, name->inode, &e, lost);
	}
	return done == -1 && errno != ENOENT ? -1 : 0;
}

static int take(struct receiving *r)
{
	char path[ENTRY_PATH];
	struct lane *l;
	const struct sorted_name *name;
	int lost;

	if (find_lanes(r) == -1)
		return -1;
	while (r->n < r->max) {
		if (pick_lane(r, &l) == -1)
			return -1;
		if (l == NULL)
			break;
		name = &l->segment.names[l->next++];
		strip_entry_path(&l->strip, l->segment.number, name->name, path);
		lost = 0;
		if (take_entry(r, path, name, &lost) == -1)
			return -1;
		if (lost) /* others are at the same place: out of their way */
			l->next += nonce_next(&r->q->mq->nonce) % CROWD;
	}
	return 0;
}

/* ---- the call ---------------------------------------------------------- */

void recv_drop_clock(mq_queue *q, struct lease_clock *c)
{
	char path[ENTRY_PATH];

	if (!c->made)
		return;
	lease_clock_path(c->bucket, c->nonce, NULL, path);
	fs_unlink(q->fd, path);
	c->made = 0;
}

int recv_under(mq_queue *q, struct lease_clock *clock, size_t max, mq_time visibility,
    mq_lease **leases, size_t *n)
{
	struct receiving r = { .q = q, .clock = clock, .leases = leases, .max = max };
	int s;

	*n = 0;
	if (max < 1 || max > MQ_RECV_MAX || visibility < 0)
		return fail(q->mq, MQ_USAGE, q->name, "a receive takes 1 to 1000 messages");
	if ((s = queue_refresh(q)) != MQ_OK)
		return s;
	if (q->conf.paused)
		return fail(q->mq, MQ_EMPTY, q->name, "paused");
	r.visibility = visibility ? visibility : q->conf.visibility;
	sweep(q, SWEEP_IF_DUE);
	do {
		r.now = queue_now(q);
		s = take(&r);
		free_lanes(&r);
	} while (s == 0 && r.n == 0 && sweep(q, SWEEP_NOW) > 0);
	*n = r.n;
	if (r.n > 0)
		return MQ_OK; /* whatever failed then will fail again */
	return s == -1 ? queue_fail(q, "cannot receive") : fail(q->mq, MQ_EMPTY, q->name, "empty");
}

int mq_recv(mq_queue *q, size_t max, mq_time visibility, mq_lease **leases, size_t *n)
{
	struct lease_clock clock = { .kind = max == 1 ? LEASE_OWN : LEASE_SHARED };
	int r = recv_under(q, &clock, max, visibility, leases, n);

	if (r != MQ_OK) /* nothing hangs on it: it needs not wait for its reaper */
		recv_drop_clock(q, &clock);
	return r;
}
