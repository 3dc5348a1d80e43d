/*
 * reap.c - leases that have lapsed, taken back
 *
 * A lapsed lease is taken back in steps, each a rename that one wins:
 *
 *	1  the clock's mtime is past, and was before it was read: rename
 *	   CLOCK -> CLOCK~rX, X never used.
 *	   From now on its holder cannot extend it (the path is gone), so the
 *	   mtime is final.
 *	2  look at the mtime again.  Extended in between: rename CLOCK~rX ->
 *	   CLOCK, all is as before.  Else rename CLOCK~rX -> CLOCK~dX: condemned.
 *	3  return the clock's entries, by rename; then remove CLOCK~dX.  Of a
 *	   message of a group the receipt is unlinked, and only when all of those
 *	   are gone the tokens are returned: from then on others may have it.
 *
 * Whoever meets a ~r or ~d name goes on from that step.  As X is never used
 * twice, a decision taken on an earlier claim finds its name gone.
 *
 * An entry beside which no clock stands (a consumer was stopped for longer
 * than its lease between making the clock and renaming the entry) is given a
 * clock of one visibility timeout, and takes this way then.  The same is done to
 * an entry that another is just returning, whose clock was seen neither under
 * its old name nor under its new one; so that clock must be none by which the
 * lease would seem to run on.
 */
#include "receive/reap.h"

#include "base/grow.h"
#include "place/bury.h"
#include "place/lane.h"
#include "place/place.h"
#include "place/token.h"
#include "receive/lease.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLOCKS 4096 /* condemned in one sweep */

struct condemned {
	struct clock_name name;
	mq_time deadline;
};

struct reaping {
	struct pass *pass;
	mq_queue *q;
	const char *bucket;
	struct condemned *dead; /* clocks to take entries from; sorted */
	size_t ndead, dead_room;
	struct clock_name *own; /* of single messages, in whatever phase; sorted */
	size_t nown, own_room;
	int tokens, seen_tokens; /* it is their turn; there are some */
	int stuck;               /* an entry cannot be put where it belongs */
	int left;                /* what is due there, and stays */
	uint64_t alive[64];      /* nonces just seen to have a clock */
};

static void clock_file(const struct reaping *r, const struct clock_name *c, char path[ENTRY_PATH])
{
	char name[CLOCK_SIZE];

	clock_name_format(c, name);
	snprintf(path, ENTRY_PATH, "%s/%s", r->bucket, name);
}

/* Rename a clock to another phase; *c is then that. */
static int change_phase(struct reaping *r, struct clock_name *c, enum clock_phase phase)
{
	char from[ENTRY_PATH], to[ENTRY_PATH];
	struct clock_name next = *c;
	int done;

	if (c->phase == CLOCK_LIVE)
		next.claim = nonce_next(&r->q->mq->nonce) & 0xffffffff;
	next.phase = phase;
	clock_file(r, c, from);
	clock_file(r, &next, to);
	do
		done = fs_rename(r->q->fd, from, r->q->fd, to);
	while (done == -1 && spool_drop_ballast(r->q->spool));
	if (done == 0)
		*c = next;
	else
		note_trouble(r->pass);
	return done;
}

static int clock_deadline(const struct reaping *r, const struct clock_name *c, mq_time *deadline)
{
	char path[ENTRY_PATH];
	struct stat st;

	clock_file(r, c, path);
	if (fs_stat(r->q->fd, path, &st) == -1) {
		note_trouble(r->pass);
		return -1;
	}
	*deadline = fs_mtime(&st);
	return 0;
}

/* Whether the deadline, read after that moment, is over; when it will be is noted.
 * It must have been over at that moment, too: who is stopped here, between the read
 * and now, claims no clock that its holder has extended in time.  One that is past and
 * does not count yet, after a step of the wall clock, is looked at again with every
 * sweep. */
static int is_past(struct reaping *r, const struct clock_moment *before, mq_time deadline)
{
	struct clock_moment now = queue_moment(r->q);

	if (queue_lapsed_at(r->q, before, deadline) && queue_lapsed_at(r->q, &now, deadline))
		return 1;
	if (deadline > before->wall || deadline > now.wall)
		due_at(r->pass, deadline);
	else
		r->left = 1;
	return 0;
}

/* Steps 1 and 2 for one clock: 1 when it is condemned, 0 when it runs on, -1 when
 * that was not found out. */
static int judge(struct reaping *r, struct clock_name *c, mq_time *deadline)
{
	struct clock_moment before = queue_moment(r->q);

	if (clock_deadline(r, c, deadline) == -1)
		return -1;
	if (c->phase == CLOCK_LIVE) {
		if (!is_past(r, &before, *deadline))
			return 0;
		if (change_phase(r, c, CLOCK_CLAIMED) == -1 || clock_deadline(r, c, deadline) == -1)
			return -1;
	}
	if (c->phase == CLOCK_CLAIMED) {
		if (!is_past(r, &before, *deadline))
			return change_phase(r, c, CLOCK_LIVE);
		if (change_phase(r, c, CLOCK_DEAD) == -1)
			return -1;
	}
	return 1;
}

/* What is condemned is remembered for step 3. */
static void judge_clock(struct reaping *r, struct clock_name c)
{
	struct condemned *grown;
	mq_time deadline;
	int condemned;

	if (r->ndead == CLOCKS ||
	    (grown = grow(r->dead, &r->dead_room, r->ndead + 1, sizeof(*grown))) == NULL) {
		r->left = 1;
		due_now(r->pass);
		return;
	}
	r->dead = grown;
	if ((condemned = judge(r, &c, &deadline)) == 1)
		r->dead[r->ndead++] = (struct condemned){ c, deadline };
	else if (condemned == -1)
		r->left = 1;
}

static int compare_clocks(const void *a, const void *b)
{
	const struct clock_name *x = a, *y = b;

	if (x->nonce != y->nonce)
		return x->nonce < y->nonce ? -1 : 1;
	return strcmp(x->key, y->key);
}

static int note_own(struct reaping *r, const struct clock_name *c)
{
	struct clock_name *grown = grow(r->own, &r->own_room, r->nown + 1, sizeof(*grown));

	if (grown == NULL)
		return -1;
	r->own = grown;
	r->own[r->nown++] = *c;
	return 0;
}

/* 0, or -1: what hangs on which clock is not known.  A struct condemned begins with
 * its name. */
static int judge_clocks(struct reaping *r)
{
	struct clock_name c;
	struct fs_dir d;
	const char *name;
	int failed = 0;

	if (fs_dir_open(&d, r->q->fd, r->bucket) == -1) {
		r->left |= errno != ENOENT;
		note_trouble(r->pass);
		return -1;
	}
	while (!failed && (name = fs_dir_next(&d)) != NULL) {
		if (clock_name_parse(name, &c) == -1)
			continue;
		failed = c.key[0] && note_own(r, &c) == -1;
		if (!failed)
			judge_clock(r, c);
	}
	failed |= errno != 0;
	if (failed)
		note_trouble(r->pass);
	fs_dir_close(&d);
	if (r->ndead)
		qsort(r->dead, r->ndead, sizeof(*r->dead), compare_clocks);
	if (r->nown)
		qsort(r->own, r->nown, sizeof(*r->own), compare_clocks);
	return failed ? -1 : 0;
}

static const struct condemned *find_dead(const struct reaping *r, uint64_t nonce, const char *key)
{
	struct clock_name c = { .nonce = nonce };

	strcpy(c.key, key);
	return r->ndead ? bsearch(&c, r->dead, r->ndead, sizeof(*r->dead), compare_clocks) : NULL;
}

/* The condemned clock that this entry hangs on; NULL: none. */
static const struct condemned *find_condemned(const struct reaping *r, const struct entry *e)
{
	const struct condemned *own = find_dead(r, e->nonce, e->key);

	return own ? own : find_dead(r, e->nonce, "");
}

/* Whether a clock of the entry's own was seen, or has come since. */
static int has_own_clock(struct reaping *r, const struct entry *e)
{
	struct clock_name c = { .nonce = e->nonce };
	char path[ENTRY_PATH];
	int there;

	if (e->lease == LEASE_OWN)
		return 0;
	strcpy(c.key, e->key);
	if (r->nown && bsearch(&c, r->own, r->nown, sizeof(*r->own), compare_clocks))
		return 1;
	lease_clock_path(r->bucket, e->nonce, e->key, path);
	if ((there = fs_exists(r->q->fd, path)) == -1) {
		note_trouble(r->pass);
		r->stuck = 1;
	}
	return there != 0;
}

/* A clock of one visibility timeout.  Its time is set before it has its name,
 * and so is its length, by which whoever held the lease knows that it is over:
 * another may just be returning the entry. */
static void make_nobodys_clock(mq_queue *q, const char *path)
{
	char made[ENTRY_PATH];
	int fd;

	queue_scratch(q, made);
	if ((fd = fs_create(q->fd, made)) == -1)
		return;
	if (fs_truncate(fd, 1) == 0 &&
	    fs_set_mtime(q->fd, made, queue_deadline(q, q->conf.visibility)) == 0)
		fs_link(q->fd, made, q->fd, path);
	fs_unlink(q->fd, made);
	fs_close(fd);
}

/* An entry whose clock is not condemned should have one; if not, it gets one. */
static void check_clock(struct reaping *r, const struct entry *e)
{
	uint64_t *seen = &r->alive[e->nonce % (sizeof(r->alive) / sizeof(r->alive[0]))];
	char path[ENTRY_PATH];

	if (*seen == e->nonce || has_own_clock(r, e))
		return;
	lease_clock_path(r->bucket, e->nonce, NULL, path);
	if (fs_exists(r->q->fd, path) == 0)
		make_nobodys_clock(r->q, path);
	*seen = e->nonce;
}

/* A lapsed token: its message dies, or it waits as its message would. */
static int return_token(struct reaping *r, const char *path, struct entry *t)
{
	mq_queue *q = r->q;

	if (t->token == TOKEN_BLOCKED) {
		t->visible = 0;
	} else if (q->conf.max_receives && t->receives >= q->conf.max_receives) {
		if (lane_bury(q, path, t, "max-receives") == 0)
			return 0;
		t->visible = 0;
	}
	return token_return(q, path, t);
}

/* Put the entry at path, whose lease is over, where it belongs: 0, or -1. */
static int return_entry(struct reaping *r, const char *path, struct entry *e)
{
	struct source from = { r->q->fd, path, STRIP_RENAME };

	if (e->token)
		return return_token(r, path, e);
	return lane_wants(r->q, e) ? fs_unlink(r->q->fd, path) : place_return(r->q, &from, e);
}

/* An entry from its name below the bucket: 0, or -1: none that is leased. */
static int leased_entry(const char *name, struct entry *e)
{
	const char *slash = strchr(name, '/');
	uint64_t nonce;

	if (entry_parse(slash ? slash + 1 : name, e) == -1)
		return -1;
	if (slash == NULL)
		return e->lease ? 0 : -1;
	if (e->lease || e->token || bundle_name_parse(name, &nonce) == -1)
		return -1;
	bundle_lease(e, nonce);
	return 0;
}

/* Return the entry of that name, whose clock is condemned. */
static void reap(struct reaping *r, const char *name)
{
	char path[ENTRY_PATH + BUNDLE_SIZE];
	const struct condemned *c;
	struct entry e;
	int done;

	if (leased_entry(name, &e) == -1 || (c = find_condemned(r, &e)) == NULL)
		return;
	if (!c->name.key[0] && has_own_clock(r, &e))
		return;
	snprintf(path, sizeof(path), "%.*s/%s", STRIP_PATH, r->bucket, name);
	bundle_leave(&e);
	e.visible = (c->deadline + place_backoff(r->q, e.receives)) / MILLISECOND;
	done = move_done(r->pass, return_entry(r, path, &e));
	if (done == 0)
		queue_count(r->q, METER_LAPSED, 1);
	else if (errno != ENOENT)
		r->stuck = 1;
}

/* Reap it in its turn, or see that it has a clock. */
static void collect_leased(struct reaping *r, const char *name, struct due *d)
{
	struct entry e;

	if (leased_entry(name, &e) == -1)
		return;
	if (e.token && !r->tokens)
		r->seen_tokens = 1;
	else if (find_condemned(r, &e) == NULL)
		check_clock(r, &e);
	else if (due_collect(d, 0, name) == -1)
		reap(r, name);
}

static int is_condemned(const struct reaping *r, uint64_t nonce)
{
	size_t i;

	for (i = 0; i < r->ndead && r->dead[i].name.nonce != nonce; i++)
		;
	return i < r->ndead;
}

/* A bundle whose clock runs is not looked into.  Of one that has none there may be
 * messages that have clocks of their own. */
static void collect_bundle(struct reaping *r, const char *bundle, uint64_t nonce, struct due *d)
{
	char path[ENTRY_PATH], name[NAME_SIZE + BUNDLE_SIZE + 2];
	struct fs_dir in;
	const char *entry;

	lease_clock_path(r->bucket, nonce, NULL, path);
	if (!is_condemned(r, nonce) && fs_exists(r->q->fd, path) != 0)
		return;
	snprintf(path, sizeof(path), "%.*s/%.*s", STRIP_PATH, r->bucket, BUNDLE_SIZE, bundle);
	if (fs_rmdir(r->q->fd, path) == 0)
		return; /* all was taken out of it */
	if (fs_dir_open(&in, r->q->fd, path) == -1) {
		r->stuck |= errno != ENOENT;
		note_trouble(r->pass);
		return;
	}
	while ((entry = fs_dir_next(&in)) != NULL) {
		snprintf(name, sizeof(name), "%.*s/%.*s", BUNDLE_SIZE, bundle, NAME_SIZE, entry);
		collect_leased(r, name, d);
	}
	if (errno) {
		r->stuck = 1;
		note_trouble(r->pass);
	}
	fs_dir_close(&in);
}

static int collect_all_leased(struct reaping *r, struct due *due)
{
	struct fs_dir d;
	const char *name;
	uint64_t nonce;

	if (fs_dir_open(&d, r->q->fd, r->bucket) == -1) {
		note_trouble(r->pass);
		return -1;
	}
	while ((name = fs_dir_next(&d)) != NULL) {
		if (bundle_name_parse(name, &nonce) == 0)
			collect_bundle(r, name, nonce, due);
		else
			collect_leased(r, name, due);
	}
	if (errno) {
		r->stuck = 1;
		note_trouble(r->pass);
	}
	fs_dir_close(&d);
	return 0;
}

/* Step 3 over the whole bucket, in the order of the messages: 1 when nothing was
 * left out. */
static int reap_entries(struct reaping *r)
{
	struct due due = { .most = r->pass->most - r->pass->moved };
	size_t i;
	int r_all;

	if (due.most == 0)
		return 0;
	r_all = collect_all_leased(r, &due);
	due_cut(&due);
	for (i = 0; i < due.n; i++)
		reap(r, due.entries[i].name);
	free(due.entries);
	return r_all == 0 && !due.cut;
}

/* Again until none moved: a listing under way misses entries. */
static int reap_all(struct reaping *r)
{
	unsigned before;
	int whole;

	do
		before = r->pass->moved;
	while ((whole = reap_entries(r)) && r->pass->moved > before);
	return whole;
}

static void remove_clocks(struct reaping *r)
{
	char path[ENTRY_PATH];
	size_t i;

	for (i = 0; i < r->ndead; i++) {
		clock_file(r, &r->dead[i].name, path);
		fs_unlink(r->q->fd, path);
	}
}

int reap_bucket(struct pass *p, const char *bucket)
{
	struct reaping r = { .pass = p, .q = p->q, .bucket = bucket };
	int whole = 0;

	if (judge_clocks(&r) == 0) {
		whole = reap_all(&r);
		r.tokens = 1;
		if (whole && r.seen_tokens)
			whole = reap_all(&r);
		if (!whole)
			due_now(p);
		/* Its clock is what an entry that had to stay is found by next time. */
		if (whole && !r.stuck)
			remove_clocks(&r);
		r.left |= !whole || r.stuck;
	}
	free(r.dead);
	free(r.own);
	return !r.left;
}
