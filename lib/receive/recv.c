/*
 * recv.c - receive
 *
 *	1  make a clock of a never-used name in leased/DUE, its mtime the deadline
 *	2  rename the entry from the head of its line to beside the clock, its
 *	   receive count raised, under a name that carries the clock's nonce
 *
 * The rename is the lease.  ENOENT is a lost race: the next entry.  A clock is
 * made when there is an entry to take, one for all that a call receives.
 *
 * A bundle (strip.h) of no more messages than are still wanted is leased whole: it
 * is renamed to beside the clock, with a name that carries the clock's nonce, and
 * the messages in it keep their names.  One that is larger is opened first.
 *
 * Lines are read in this order: for each level from the most urgent, back/
 * first, then turns/ or ready/, whichever has the older message in front, so
 * that neither groups nor messages without one starve.  With priority-aging,
 * the line whose first entry has gained the most levels by waiting comes first.
 *
 * In turns/ stand tokens of message groups: see recvgroup.c.  A token may have to go
 * to a line that was read already; so who finds nothing, but moved one, reads the
 * lines once more.  That ends: a token is moved again only when its lane has changed.
 *
 * Who finds nothing sweeps what is due into the lines, until nothing is, and reads them
 * after that: another may do the same, and have moved it to a line that was read already.
 */
#include "receive/receiving.h"

#include "place/place.h"
#include "receive/sweep.h"
#include "spool/depth.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CROWD 32 /* after a lost race, go on somewhere in the next so many */

/* ---- the lines --------------------------------------------------------- */

static int find_rows(struct receiving *r)
{
	static const enum line order[LINES] = { LINE_BACK, LINE_TURNS, LINE_READY };
	unsigned mask[LINES];
	int level, i;

	r->nrows = 0;
	for (i = 0; i < LINES; i++)
		if (queue_levels(r->q, order[i], &mask[i]) == -1)
			return -1;
	for (level = LEVELS - 1; level >= 0; level--) {
		for (i = 0; i < LINES; i++) {
			struct row *l = &r->rows[r->nrows];

			if (!(mask[i] & 1u << level))
				continue;
			memset(l, 0, sizeof(*l));
			l->line = order[i];
			l->level = (unsigned)level;
			l->strip = queue_strip(r->q, l->line, l->level);
			r->nrows++;
		}
	}
	return 0;
}

static void free_rows(struct receiving *r)
{
	size_t i;

	for (i = 0; i < r->nrows; i++)
		segment_free(&r->rows[i].segment);
	r->nrows = 0;
}

/* See that the row has a next entry, or is spent: also when what is left of it cannot
 * be taken now. */
static int read_row(struct receiving *r, struct row *l)
{
	int found;

	if (l->state == OPEN && l->next >= l->segment.n)
		l->state = l->stuck ? SPENT : UNREAD;
	if (l->state != UNREAD)
		return 0;
	/* A file that was known may be gone by now, and another have its inode. */
	r->sized_inode = 0;
	found = strip_first(&l->strip, &l->segment, queue_scratch, r->q);
	if (found == -1)
		return -1;
	l->state = found ? OPEN : SPENT;
	l->next = 0;
	return 0;
}

/* What the row's next entry is worth with aging. */
static int64_t urgency(const struct receiving *r, const struct row *l)
{
	int64_t waited = r->now - (int64_t)l->segment.names[l->next].order;

	return l->level + (waited > 0 ? waited / r->q->conf.priority_aging : 0);
}

/* Whether a is to be taken from before b, which stands before it. */
static int comes_first(const struct receiving *r, const struct row *a, const struct row *b)
{
	int64_t more = 0;

	if (r->q->conf.priority_aging)
		more = urgency(r, a) - urgency(r, b);
	if (more != 0 || a->level != b->level || b->line == LINE_BACK)
		return more > 0;
	return a->segment.names[a->next].order < b->segment.names[b->next].order;
}

/* The row to take from; NULL: all are spent. */
static int pick_row(struct receiving *r, struct row **best)
{
	int aging = r->q->conf.priority_aging != 0;
	size_t i;

	*best = NULL;
	for (i = 0; i < r->nrows; i++) {
		struct row *l = &r->rows[i];

		if (*best && !aging && ((*best)->line == LINE_BACK || l->level != (*best)->level))
			break;
		if (read_row(r, l) == -1)
			return -1;
		if (l->state != SPENT && (*best == NULL || comes_first(r, l, *best)))
			*best = l;
	}
	return 0;
}

/* ---- one entry --------------------------------------------------------- */

static int lease_entry(struct receiving *r, const char *path, uint64_t inode, struct entry *e,
    int *lost)
{
	char to[ENTRY_PATH];
	int torn;

	e->receives++;
	if (recv_lease(r, path, e, to, lost) == -1)
		return -1;
	if (*lost)
		return 0;
	if ((torn = recv_is_torn(r, to, inode, e)) <= 0)
		return torn == 0 ? recv_keep(r, e, r->clock->bucket, inode) :
				   -1; /* it will lapse */
	if (line_bad(r->q, to) == 0)
		depth_release(r->q, 1, e->body);
	return 0;
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
		done = line_bad(q, path);
	} else if (e.token) {
		done = recv_token(r, path, &e, lost);
		return done == -1 && errno != ENOENT ? -1 : 0;
	} else if ((expiry = queue_expiry(q, &e)) != 0 && expiry <= r->now) {
		done = place_expire(q, q->fd, path, &e);
	} else if (q->conf.max_receives && e.receives >= q->conf.max_receives) {
		done = place_dead(q, &from, &e, "max-receives");
	} else {
		return lease_entry(r, path, name->inode, &e, lost);
	}
	return done == -1 && errno != ENOENT ? recv_pass_over(r) : 0;
}

static int take_next(struct receiving *r, struct row *l)
{
	const struct sorted_name *name = &l->segment.names[l->next++];
	char path[ENTRY_PATH];
	int lost = 0;

	segment_entry_path(&l->strip, &l->segment, name->name, path);
	r->passed_over = 0;
	if (take_entry(r, path, name, &lost) == -1)
		return -1;
	l->stuck |= r->passed_over;
	if (lost) /* others are at the same place: out of their way */
		l->next += nonce_next(&r->q->mq->nonce) % CROWD;
	return 0;
}

/* ---- a bundle ---------------------------------------------------------- */

static void name_bundle(const struct receiving *r, void *row, char name[NAME_SIZE])
{
	const struct row *l = row;

	bundle_name_format(r->clock->nonce, l->level, l->segment.number, name);
}

/* One message of a bundle that is ours now, in the directory dir. */
static int take_from_bundle(struct receiving *r, const char *dir, const struct sorted_name *name)
{
	mq_queue *q = r->q;
	char path[ENTRY_PATH];
	struct entry e;
	mq_time expiry;
	int torn;

	stpcpy(stpcpy(stpcpy(path, dir), "/"), name->name);
	if (entry_parse(name->name, &e) == -1 || e.token || e.lease)
		return line_bad(q, path) == -1 && errno != ENOENT ? -1 : 0;
	if ((expiry = queue_expiry(q, &e)) != 0 && expiry <= r->now)
		return place_expire(q, q->fd, path, &e) == -1 && errno != ENOENT ? -1 : 0;
	bundle_lease(&e, r->clock->nonce);
	if ((torn = recv_is_torn(r, path, name->inode, &e)) <= 0)
		return torn == 0 ? recv_keep(r, &e, dir, name->inode) : -1; /* it will lapse */
	if (line_bad(q, path) == 0)
		depth_release(q, 1, e.body);
	return 0;
}

/* Senders that wait for room are told of messages that leave, and priority-aging
 * compares single ones. */
static int is_wanted_whole(const struct receiving *r, const struct segment *g)
{
	const struct conf *c = &r->q->conf;

	return g->n <= r->max - r->n && !c->priority_aging && !c->max_depth && !c->max_bytes;
}

static int open_bundle(struct receiving *r, struct row *l)
{
	int found = line_open(r->q, &l->strip, &l->segment);

	l->state = found == 1 ? OPEN : UNREAD;
	return found == -1 ? -1 : 0;
}

/* All that was listed of it is in it still: nobody takes from a closed one. */
static int take_bundle(struct receiving *r, struct row *l)
{
	char path[ENTRY_PATH], dir[ENTRY_PATH];
	size_t i, before = r->n;
	int lost = 0;

	segment_path(&l->strip, &l->segment, path);
	if (recv_put(r, path, name_bundle, l, dir, &lost) == -1)
		return errno == EXDEV ? open_bundle(r, l) : -1;
	l->next = l->segment.n;
	for (i = 0; !lost && i < l->segment.n; i++)
		if (take_from_bundle(r, dir, &l->segment.names[i]) == -1)
			return -1;
	if (!lost && r->n == before)
		fs_rmdir(r->q->fd, dir); /* none was to be delivered */
	return 0;
}

static int take(struct receiving *r)
{
	struct row *l;
	int s;

	if (find_rows(r) == -1)
		return -1;
	while (r->n < r->max) {
		if (pick_row(r, &l) == -1)
			return -1;
		if (l == NULL)
			break;
		if (!segment_is_closed(&l->segment))
			s = take_next(r, l);
		else
			s = is_wanted_whole(r, &l->segment) ? take_bundle(r, l) : open_bundle(r, l);
		if (s == -1)
			return -1;
	}
	return 0;
}

/* Take what there is, or what becomes visible by a sweep. */
static int look(struct receiving *r, int *trouble)
{
	int swept = 0, s;

	for (;;) {
		r->now = queue_now(r->q);
		r->moved = 0;
		s = take(r);
		free_rows(r);
		if (s == -1 || r->n > 0 || (swept && !r->moved))
			return s;
		if (!r->moved)
			swept = sweep(r->q, SWEEP_NOW, trouble) == 0;
	}
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
	int s, trouble;

	*n = 0;
	if (max < 1 || max > MQ_RECV_MAX || visibility < 0)
		return fail(q->mq, MQ_USAGE, q->name, "a receive takes 1 to 1000 messages");
	if ((s = queue_refresh(q)) != MQ_OK)
		return s;
	if (q->conf.paused)
		return fail(q->mq, MQ_EMPTY, q->name, "paused");
	r.visibility = visibility ? visibility : q->conf.visibility;
	sweep(q, SWEEP_IF_DUE, &trouble);
	s = look(&r, &trouble);
	*n = r.n;
	if (r.n > 0) {
		queue_count(q, METER_RECEIVED, r.n);
		return MQ_OK; /* whatever failed then will fail again */
	}
	if (s == 0 && r.trouble) {
		errno = r.trouble;
		s = -1;
	}
	if (s == 0 && (trouble || q->unrepaired)) {
		errno = trouble ? trouble : q->unrepaired;
		return queue_fail(q, "cannot take back what is due");
	}
	return s == -1 ? queue_fail(q, "cannot receive") : fail(q->mq, MQ_EMPTY, q->name, "empty");
}

int mq_recv(mq_queue *q, size_t max, mq_time visibility, mq_lease **leases, size_t *n)
{
	struct lease_clock clock = { .kind = max == 1 ? LEASE_OWN : LEASE_SHARED };
	int r = recv_under(q, &clock, max, visibility, leases, n);

	/* Nothing hangs on it: it needs not wait for its reaper. */
	if (r == MQ_EMPTY || (r != MQ_OK && !clock.used))
		recv_drop_clock(q, &clock);
	return r;
}
