/*
 * sweep.c - verb: what has become due, put where it belongs
 *
 * Only buckets that have begun are opened: delayed/DUE for entries that become
 * visible, leased/DUE for leases that lapse.  Nobody is in charge: any number
 * of processes may sweep, be stopped or killed at any point, and the rest go on.
 *
 * A lapsed lease is taken back in steps, each a rename that one wins:
 *
 *	1  the clock's mtime is past: rename CLOCK -> CLOCK~rX, X never used.
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
#include "sweep.h"

#include "dedup.h"
#include "journal.h"
#include "lane.h"
#include "lease.h"
#include "place.h"
#include "prefetch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SWEEP_EVERY   MQ_SECOND
#define MOVES_A_SWEEP 4096 /* the rest waits for the next one */
#define CLOCKS        512  /* condemned, or seen in a bucket, in one sweep */
#define LITTER_AGE    (24 * 3600 * MQ_SECOND)
#define LITTER_CHANCE 64 /* one sweep in so many looks for litter */

/* What went wrong: for those who would say otherwise that there is nothing.  To
 * find something gone is to lose a race, what is no directory is nobody's. */
static void note_trouble(mq_queue *q)
{
	if (!q->trouble && errno != ENOENT && errno != ENOTDIR && errno != ELOOP)
		q->trouble = errno;
}

/* ---- delayed ----------------------------------------------------------- */

/* The entries of a bucket that are due, the earliest first: as many as one
 * sweep moves, found in one pass and room for twice as many. */
#define NAME_USUAL 128 /* hardly a name is longer */

struct due_entry {
	int64_t visible;
	char name[NAME_USUAL];
};

struct due {
	struct due_entry *entries;
	size_t n, most;
};

static int compare_due(const void *a, const void *b)
{
	const struct due_entry *x = a, *y = b;

	if (x->visible != y->visible)
		return x->visible < y->visible ? -1 : 1;
	return strcmp(x->name, y->name);
}

/* The result of a move as a number of those that moved. */
static unsigned moved_if(mq_queue *q, int done)
{
	if (done == -1)
		note_trouble(q);
	return done == 0;
}

/* Move one entry out of a delayed bucket: 1 when it moved. */
static unsigned release_entry(mq_queue *q, const char *bucket, const char *name)
{
	char path[ENTRY_PATH];
	struct source from = { q->fd, path, STRIP_RENAME };
	struct entry e;
	mq_time expiry;

	snprintf(path, sizeof(path), "%s/%s", bucket, name);
	if (entry_parse(name, &e) == -1) {
		place_bad(q, path);
		return 0;
	}
	if (e.token) {
		e.visible = 0;
		return moved_if(q, place_turn(q, &from, &e));
	}
	expiry = queue_expiry(q, &e);
	if (expiry && expiry <= queue_now(q))
		return moved_if(q, place_expire(q, q->fd, path, &e));
	e.visible = 0;
	return moved_if(q, place_back(q, &from, &e));
}

/* Sort, and keep the earliest. */
static void cut(struct due *d)
{
	qsort(d->entries, d->n, sizeof(*d->entries), compare_due);
	if (d->n > d->most)
		d->n = d->most;
}

/* What is malformed is put aside here, what has an unusual name moved here. */
static unsigned collect_entry(mq_queue *q, const char *bucket, const char *name, struct due *d)
{
	struct entry e;

	if (entry_parse(name, &e) == -1)
		return release_entry(q, bucket, name);
	if (e.visible * MILLISECOND > queue_now(q))
		return 0;
	if (strlen(name) >= NAME_USUAL)
		return release_entry(q, bucket, name);
	if (d->n == 2 * d->most)
		cut(d);
	d->entries[d->n].visible = e.visible;
	strcpy(d->entries[d->n++].name, name);
	return 0;
}

static unsigned release_due(mq_queue *q, const char *bucket, struct due *due)
{
	struct fs_dir d;
	const char *name;
	unsigned moved = 0;
	size_t i;

	if (fs_dir_open(&d, q->fd, bucket) == -1) {
		note_trouble(q);
		return 0;
	}
	while ((name = fs_dir_next(&d)) != NULL)
		moved += collect_entry(q, bucket, name, due);
	if (errno)
		note_trouble(q);
	fs_dir_close(&d);
	cut(due);
	for (i = 0; i < due->n; i++)
		moved += release_entry(q, bucket, due->entries[i].name);
	return moved;
}

static unsigned release_bucket(mq_queue *q, const char *bucket, unsigned most)
{
	struct due due = { .most = most };
	unsigned moved;

	if ((due.entries = calloc(2 * most, sizeof(*due.entries))) == NULL)
		return 0;
	moved = release_due(q, bucket, &due);
	free(due.entries);
	return moved;
}

/* ---- leased ------------------------------------------------------------ */

struct reaping {
	mq_queue *q;
	const char *bucket;
	unsigned moved, most;
	/* Clocks to take entries from, and clocks of single messages that were
	 * seen in whatever phase: those count instead of the shared one. */
	struct condemned {
		struct clock_name name;
		mq_time deadline;
	} dead[CLOCKS];
	struct clock_name own[CLOCKS];
	size_t ndead, nown;
	int tokens, seen_tokens; /* it is their turn; there are some */
	int stuck;               /* an entry cannot be put where it belongs */
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
		note_trouble(r->q);
	return done;
}

static int clock_deadline(const struct reaping *r, const struct clock_name *c, mq_time *deadline)
{
	char path[ENTRY_PATH];
	struct stat st;

	clock_file(r, c, path);
	if (fs_stat(r->q->fd, path, &st) == -1) {
		note_trouble(r->q);
		return -1;
	}
	*deadline = fs_mtime(&st);
	return 0;
}

/* Steps 1 and 2 for one clock; what is condemned is remembered for step 3. */
static void judge_clock(struct reaping *r, struct clock_name c)
{
	mq_time deadline;

	if (r->ndead == CLOCKS || clock_deadline(r, &c, &deadline) == -1)
		return;
	if (c.phase == CLOCK_LIVE) {
		if (!queue_lapsed(r->q, deadline) || change_phase(r, &c, CLOCK_CLAIMED) == -1 ||
		    clock_deadline(r, &c, &deadline) == -1)
			return;
	}
	if (c.phase == CLOCK_CLAIMED) {
		if (!queue_lapsed(r->q, deadline)) {
			change_phase(r, &c, CLOCK_LIVE);
			return;
		}
		if (change_phase(r, &c, CLOCK_DEAD) == -1)
			return;
	}
	r->dead[r->ndead].name = c;
	r->dead[r->ndead++].deadline = deadline;
}

static int judge_clocks(struct reaping *r)
{
	struct clock_name c;
	struct fs_dir d;
	const char *name;

	if (fs_dir_open(&d, r->q->fd, r->bucket) == -1) {
		note_trouble(r->q);
		return -1;
	}
	while ((name = fs_dir_next(&d)) != NULL) {
		if (clock_name_parse(name, &c) == -1)
			continue;
		if (c.key[0] && r->nown < CLOCKS)
			r->own[r->nown++] = c;
		judge_clock(r, c);
	}
	if (errno)
		note_trouble(r->q);
	fs_dir_close(&d);
	return 0;
}

/* The condemned clock that this entry hangs on; NULL: none. */
static const struct condemned *find_condemned(const struct reaping *r, const struct entry *e)
{
	const struct condemned *shared = NULL;
	size_t i;

	for (i = 0; i < r->ndead; i++) {
		const struct clock_name *c = &r->dead[i].name;

		if (c->nonce != e->nonce)
			continue;
		if (c->key[0] == '\0')
			shared = &r->dead[i];
		else if (!strcmp(c->key, e->key))
			return &r->dead[i];
	}
	return shared;
}

/* Whether a clock of the entry's own was seen, or has come since. */
static int has_own_clock(struct reaping *r, const struct entry *e)
{
	char path[ENTRY_PATH];
	size_t i;
	int there;

	if (e->lease == LEASE_OWN)
		return 0;
	for (i = 0; i < r->nown; i++)
		if (r->own[i].nonce == e->nonce && !strcmp(r->own[i].key, e->key))
			return 1;
	lease_clock_path(r->bucket, e->nonce, e->key, path);
	if ((there = fs_exists(r->q->fd, path)) == -1) {
		note_trouble(r->q);
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

	if (q->conf.max_receives && t->receives >= q->conf.max_receives) {
		if (lane_bury(q, path, t, "max-receives") == 0)
			return 0;
		t->visible = 0;
	}
	return lane_return(q, path, t);
}

/* Put the entry at path, whose lease is over, where it belongs: 0, or -1. */
static int return_entry(struct reaping *r, const char *path, struct entry *e)
{
	struct source from = { r->q->fd, path, STRIP_RENAME };

	if (e->token)
		return return_token(r, path, e);
	return lane_wants(r->q, e) ? fs_unlink(r->q->fd, path) : place_return(r->q, &from, e);
}

/* Return the entry e at path if its clock is condemned. */
static void reap(struct reaping *r, const char *path, struct entry *e)
{
	const struct condemned *c;

	if ((c = find_condemned(r, e)) == NULL) {
		check_clock(r, e);
		return;
	}
	if (!c->name.key[0] && has_own_clock(r, e))
		return;
	bundle_leave(e);
	e->visible = (c->deadline + place_backoff(r->q, e->receives)) / MILLISECOND;
	if (return_entry(r, path, e) == 0) {
		queue_count(r->q, METER_LAPSED, 1);
		r->moved++;
	} else if (errno != ENOENT) {
		note_trouble(r->q);
		r->stuck = 1;
	}
}

static int is_condemned(const struct reaping *r, uint64_t nonce)
{
	size_t i;

	for (i = 0; i < r->ndead && r->dead[i].name.nonce != nonce; i++)
		;
	return i < r->ndead;
}

static void reap_in_bundle(struct reaping *r, const char *bundle, const char *name, uint64_t nonce)
{
	char path[ENTRY_PATH];
	struct entry e;

	snprintf(path, sizeof(path), "%.*s/%.*s", STRIP_PATH, bundle, NAME_SIZE, name);
	if (entry_parse(name, &e) == -1 || e.lease || e.token)
		return;
	bundle_lease(&e, nonce);
	reap(r, path, &e);
}

/* A bundle whose clock runs is not looked into.  Of one that has none there may be
 * messages that have clocks of their own. */
static void reap_bundle(struct reaping *r, const char *bundle, uint64_t nonce)
{
	char clock[ENTRY_PATH];
	struct fs_dir d;
	const char *name = NULL;

	lease_clock_path(r->bucket, nonce, NULL, clock);
	if (!is_condemned(r, nonce) && fs_exists(r->q->fd, clock) != 0)
		return;
	if (fs_dir_open(&d, r->q->fd, bundle) == -1) {
		note_trouble(r->q);
		r->stuck |= errno != ENOENT;
		return;
	}
	errno = 0;
	while (r->moved < r->most && (name = fs_dir_next(&d)) != NULL)
		reap_in_bundle(r, bundle, name, nonce);
	if (name == NULL && errno) {
		note_trouble(r->q);
		r->stuck = 1;
	}
	fs_dir_close(&d);
	fs_rmdir(r->q->fd, bundle); /* unless some stay */
}

static void reap_name(struct reaping *r, const char *name)
{
	char path[ENTRY_PATH];
	struct entry e;
	uint64_t nonce;

	snprintf(path, sizeof(path), "%.*s/%.*s", STRIP_PATH, r->bucket, NAME_SIZE, name);
	if (bundle_name_parse(name, &nonce) == 0)
		reap_bundle(r, path, nonce);
	else if (entry_parse(name, &e) == -1 || !e.lease)
		return;
	else if (e.token && !r->tokens)
		r->seen_tokens = 1;
	else
		reap(r, path, &e);
}

/* Step 3 over the whole bucket: 1 when it was gone through to the end. */
static int reap_entries(struct reaping *r)
{
	struct fs_dir d;
	const char *name = NULL;

	if (fs_dir_open(&d, r->q->fd, r->bucket) == -1) {
		note_trouble(r->q);
		return 0;
	}
	while (r->moved < r->most && (name = fs_dir_next(&d)) != NULL)
		reap_name(r, name);
	if (name == NULL && r->moved < r->most && errno) {
		note_trouble(r->q);
		r->stuck = 1;
	}
	fs_dir_close(&d);
	return r->moved < r->most && name == NULL;
}

/* Again until none moved: a listing under way misses entries. */
static int reap_all(struct reaping *r)
{
	unsigned before;
	int whole;

	do
		before = r->moved;
	while ((whole = reap_entries(r)) && r->moved > before);
	return whole;
}

static unsigned reap_bucket(mq_queue *q, const char *bucket, unsigned most)
{
	struct reaping *r = calloc(1, sizeof(*r));
	char path[ENTRY_PATH];
	unsigned moved = 0;
	size_t i;
	int whole = 0;

	if (r == NULL)
		return 0;
	r->q = q;
	r->bucket = bucket;
	r->most = most;
	if (judge_clocks(r) == 0) {
		whole = reap_all(r);
		r->tokens = 1;
		if (whole && r->seen_tokens)
			whole = reap_all(r);
	}
	/* Its clock is what an entry that had to stay is found by next time. */
	whole &= !r->stuck;
	for (i = 0; whole && i < r->ndead; i++) {
		clock_file(r, &r->dead[i].name, path);
		fs_unlink(q->fd, path);
	}
	moved = r->moved;
	free(r);
	return moved;
}

/* ---- buckets ----------------------------------------------------------- */

/* Leases that were cut short: their buckets are named here ahead of time.  The
 * marks go with the bucket; by then those leases have lapsed. */
static unsigned reap_marked(mq_queue *q, const char *bucket, int over, unsigned most)
{
	char marked[STRIP_PATH], path[ENTRY_PATH];
	unsigned moved = 0;
	struct fs_dir d;
	const char *name;

	if (fs_dir_open(&d, q->fd, bucket) == -1)
		return 0;
	while (moved < most && (name = fs_dir_next(&d)) != NULL) {
		if (name[0] != '@' || strlen(name) > 12)
			continue;
		snprintf(marked, sizeof(marked), "leased/%s", name + 1);
		moved += reap_bucket(q, marked, most - moved);
		snprintf(path, sizeof(path), "%s/%s", bucket, name);
		if (over && moved < most)
			fs_unlink(q->fd, path);
	}
	fs_dir_close(&d);
	return moved;
}

static unsigned sweep_bucket(mq_queue *q, const char *part, const char *bucket, int over,
    unsigned most)
{
	unsigned moved;

	if (strcmp(part, "delayed") == 0)
		return release_bucket(q, bucket, most);
	moved = reap_bucket(q, bucket, most);
	return moved + reap_marked(q, bucket, over, most - moved);
}

static unsigned sweep_buckets(mq_queue *q, const char *part, unsigned most)
{
	struct strip buckets = { .dir = q->fd };
	mq_time now = queue_now(q);
	char bucket[STRIP_PATH];
	unsigned moved = 0;
	uint64_t *due;
	size_t i, n;

	snprintf(buckets.path, sizeof(buckets.path), "%s", part);
	if (strip_segments(&buckets, &due, &n) == -1) {
		note_trouble(q);
		return 0;
	}
	for (i = 0; i < n && (mq_time)due[i] <= now / MQ_SECOND && moved < most; i++) {
		/* Nothing new comes to a bucket that is over: it goes when empty. */
		int over = (mq_time)due[i] + BUCKET_SECONDS <= now / MQ_SECOND;

		bucket_path(part, (mq_time)due[i] * MQ_SECOND, bucket);
		moved += sweep_bucket(q, part, bucket, over, most - moved);
		if (over)
			fs_rmdir(q->fd, bucket);
	}
	free(due);
	return moved;
}

/* ---- the rest ---------------------------------------------------------- */

static int is_over(mq_queue *q, const struct entry *e)
{
	mq_time expiry = queue_expiry(q, e);

	return expiry && expiry <= queue_now(q);
}

/* Drop what has outlived the retention, from the front of each line. */
static void trim_line(mq_queue *q, enum line line, unsigned level)
{
	struct strip s = queue_strip(q, line, level);
	struct segment g = { 0 };
	char path[ENTRY_PATH];
	struct entry e;
	size_t i;
	int there = strip_first(&s, &g, queue_scratch, q);

	if (there == 1 && g.form == FORM_BUNDLE && entry_parse(g.names[0].name, &e) == 0 &&
	    is_over(q, &e))
		there = place_open(q, &s, &g);
	for (i = 0; there == 1 && g.form != FORM_BUNDLE && i < g.n; i++) {
		if (entry_parse(g.names[i].name, &e) == -1)
			continue;
		if (!is_over(q, &e))
			break;
		segment_entry_path(&s, &g, g.names[i].name, path);
		place_expire(q, q->fd, path, &e);
	}
	segment_free(&g);
}

static void trim(mq_queue *q)
{
	enum line line;
	unsigned level, mask;

	if (q->conf.retention == 0)
		return;
	for (line = LINE_READY; line <= LINE_BACK; line++)
		if (queue_levels(q, line, &mask) == 0)
			for (level = 0; level < LEVELS; level++)
				if (mask & 1u << level)
					trim_line(q, line, level);
}

static void trim_dead_letters(mq_queue *q)
{
	char name[QUEUE_NAME_SIZE];
	mq_queue *dlq;

	if (q->is_dlq || q->conf.dlq_retention == 0 || fs_exists(q->fd, "dlq") != 1)
		return;
	queue_dlq_name(q, name);
	if (queue_open(q->mq, q->spool, name, &dlq) == MQ_OK) {
		trim(dlq);
		mq_queue_close(dlq);
	}
}

/* What killed commands left in a tmp/ a day ago. */
static void remove_litter(int dir)
{
	char path[ENTRY_PATH];
	struct fs_dir d;
	struct stat st;
	const char *name;
	mq_time now = clock_wall(&(struct clock){ 0, 0 });

	if (fs_dir_open(&d, dir, "tmp") == -1)
		return;
	while ((name = fs_dir_next(&d)) != NULL) {
		snprintf(path, sizeof(path), "tmp/%.*s", NAME_SIZE, name);
		if (fs_stat(dir, path, &st) == -1 || fs_mtime(&st) > now - LITTER_AGE)
			continue;
		if (S_ISDIR(st.st_mode))
			fs_remove_tree(dir, path);
		else
			fs_unlink(dir, path);
	}
	fs_dir_close(&d);
}

/* One process a second: the one that puts the time forward. */
static int is_due(mq_queue *q)
{
	_Atomic int64_t *swept = &queue_page(q)->swept;
	int64_t last = atomic_load(swept), now = queue_now(q);

	if (now >= last && now - last < SWEEP_EVERY)
		return 0;
	return atomic_compare_exchange_strong(swept, &last, now);
}

unsigned sweep(mq_queue *q, enum sweep_when when)
{
	unsigned moved;
	int trouble;

	q->trouble = 0;
	if (when == SWEEP_IF_DUE && !is_due(q))
		return 0;
	moved = sweep_buckets(q, "leased", MOVES_A_SWEEP);
	moved += sweep_buckets(q, "delayed", MOVES_A_SWEEP);
	moved += dedup_sweep(q);
	moved += journal_help(q->mq, q->spool, q->name, &trouble);
	if (!q->trouble)
		q->trouble = trouble;
	if (when == SWEEP_IF_DUE) {
		trim(q);
		trim_dead_letters(q);
		spool_lay_ballast(q->mq, q->spool);
		if (nonce_next(&q->mq->nonce) % LITTER_CHANCE == 0) {
			remove_litter(q->fd);
			remove_litter(q->spool->fd);
			prefetch_tidy(q);
		}
	}
	return moved;
}

void sweep_all(mq_queue *q)
{
	while (sweep(q, SWEEP_NOW) > 0)
		;
}
