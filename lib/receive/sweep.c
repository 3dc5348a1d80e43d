/*
 * sweep.c - what has become due, put where it belongs
 *
 * Only buckets that have begun are opened: delayed/DUE for entries that become
 * visible, leased/DUE for leases that lapse.  Nobody is in charge: any number
 * of processes may sweep, be stopped or killed at any point, and the rest go on.
 */
#include "receive/sweep.h"

#include "place/dedup.h"
#include "place/journal.h"
#include "place/place.h"
#include "place/repair.h"
#include "receive/reap.h"
#include "receive/tidy.h"
#include "spool/consumer.h"
#include "spool/sources.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SWEEP_EVERY   MQ_SECOND
#define SWEEP_SOONEST (20 * MILLISECOND) /* after the last one, when something is due */
#define MOVES_A_SWEEP 4096               /* the rest waits for the next one */
#define LITTER_CHANCE 64                 /* one sweep in so many looks for litter */

/* ---- delayed ----------------------------------------------------------- */

/* Move one entry out of a delayed bucket. */
static void release_entry(struct pass *p, const char *bucket, const char *name)
{
	char path[ENTRY_PATH];
	mq_queue *q = p->q;
	struct source from = { q->fd, path, STRIP_RENAME };
	struct entry e;
	mq_time expiry;

	snprintf(path, sizeof(path), "%s/%s", bucket, name);
	if (entry_parse(name, &e) == -1) {
		line_bad(q, path);
		return;
	}
	expiry = e.token ? 0 : queue_expiry(q, &e);
	e.visible = 0;
	if (e.token)
		move_done(p, line_turn(q, &from, &e));
	else if (expiry && expiry <= queue_now(q))
		move_done(p, place_expire(q, q->fd, path, &e));
	else
		move_done(p, place_back(q, &from, &e));
}

/* What is malformed is put aside here, what has an unusual name moved here. */
static void collect_delayed(struct pass *p, const char *bucket, const char *name, struct due *d)
{
	struct entry e;

	if (entry_parse(name, &e) == 0 && e.visible * MILLISECOND > queue_now(p->q))
		due_at(p, e.visible * MILLISECOND);
	else if (entry_parse(name, &e) == -1 || due_collect(d, e.visible, name) == -1)
		release_entry(p, bucket, name);
}

static void release_bucket(struct pass *p, const char *bucket)
{
	struct due due = { .most = p->most - p->moved };
	mq_queue *q = p->q;
	struct fs_dir d;
	const char *name;
	size_t i;

	if (fs_dir_open(&d, q->fd, bucket) == -1) {
		note_trouble(p);
		return;
	}
	while ((name = fs_dir_next(&d)) != NULL)
		collect_delayed(p, bucket, name, &due);
	if (errno)
		note_trouble(p);
	fs_dir_close(&d);
	due_cut(&due);
	for (i = 0; i < due.n; i++)
		release_entry(p, bucket, due.entries[i].name);
	if (due.cut)
		due_now(p);
	free(due.entries);
}

/* ---- buckets ----------------------------------------------------------- */

/* Leases that were cut short: their buckets are named here ahead of time.  When this
 * bucket is over, they have lapsed, and the mark goes once they are taken back. */
static void reap_marked(struct pass *p, const char *bucket, int over)
{
	char marked[STRIP_PATH], path[ENTRY_PATH];
	struct fs_dir d;
	const char *name;

	if (fs_dir_open(&d, p->q->fd, bucket) == -1) {
		note_trouble(p);
		return;
	}
	while ((name = fs_dir_next(&d)) != NULL) {
		if (name[0] != '@' || strlen(name) > 12)
			continue;
		snprintf(marked, sizeof(marked), "leased/%s", name + 1);
		snprintf(path, sizeof(path), "%s/%s", bucket, name);
		if (reap_bucket(p, marked) && over)
			fs_unlink(p->q->fd, path);
	}
	if (errno)
		note_trouble(p);
	fs_dir_close(&d);
}

static void sweep_bucket(struct pass *p, const char *part, const char *bucket, int over)
{
	if (strcmp(part, "delayed") == 0) {
		release_bucket(p, bucket);
		return;
	}
	reap_bucket(p, bucket);
	reap_marked(p, bucket, over);
}

static void sweep_buckets(struct pass *p, const char *part)
{
	mq_time now = queue_now(p->q) / MQ_SECOND;
	char bucket[STRIP_PATH];
	uint64_t *due;
	size_t i, n;

	if (bucket_list(p->q, part, &due, &n) == -1) {
		note_trouble(p);
		return;
	}
	for (i = 0; i < n && (mq_time)due[i] <= now && p->moved < p->most; i++) {
		/* Nothing new comes to a bucket that is over: it goes when empty. */
		int over = (mq_time)due[i] + BUCKET_SECONDS <= now;

		bucket_path(part, bucket_time(due[i]), bucket);
		sweep_bucket(p, part, bucket, over);
		if (over)
			fs_rmdir(p->q->fd, bucket);
	}
	if (i < n)
		due_at(p, bucket_time(due[i]));
	free(due);
}

/* ---- when --------------------------------------------------------------- */

/* One process a second: the one that puts the time forward; and one as soon as something
 * is due that those who delayed it, or lease it, have noted. */
static int is_due(mq_queue *q)
{
	struct page *p = queue_page(q);
	int64_t last = atomic_load(&p->swept), due = atomic_load(&p->due), now = queue_now(q);
	int64_t pause = due && now >= due ? SWEEP_SOONEST : SWEEP_EVERY;

	if (now >= last && now - last < pause)
		return 0;
	return atomic_compare_exchange_strong(&p->swept, &last, now);
}

/* What is put there while this looks, and not seen, is noted after it was put there. */
static unsigned sweep_due(mq_queue *q, int *trouble)
{
	struct pass p = { .q = q, .most = MOVES_A_SWEEP, .next = INT64_MAX };
	unsigned moved;

	atomic_store(&queue_page(q)->due, INT64_MAX);
	sweep_buckets(&p, "leased");
	moved = p.moved;
	p.moved = 0;
	sweep_buckets(&p, "delayed");
	queue_due(q, p.next);
	*trouble = *trouble ? *trouble : p.trouble;
	return moved + p.moved;
}

struct sweep_sources {
	enum sweep_when when;
	unsigned moved;
	int *trouble;
};

/* What lapses there may die, and come here. */
static int sweep_source(void *ctx, mq_queue *source)
{
	struct sweep_sources *s = ctx;

	repair(source);
	if (s->when == SWEEP_NOW || is_due(source))
		s->moved += sweep_due(source, s->trouble);
	return 0;
}

static unsigned sweep_sources(mq_queue *q, enum sweep_when when, int *trouble)
{
	struct sweep_sources s = { when, 0, trouble };

	if (source_walk(q, sweep_source, &s) == -1 && !*trouble)
		*trouble = errno;
	return s.moved;
}

unsigned sweep(mq_queue *q, enum sweep_when when, int *trouble)
{
	unsigned moved;
	int own = 0, journals;

	trouble = trouble ? trouble : &own;
	*trouble = 0;
	repair(q);
	if (when == SWEEP_IF_DUE && !is_due(q))
		return 0;
	moved = sweep_sources(q, when, trouble);
	moved += sweep_due(q, trouble);
	moved += dedup_sweep(q, trouble);
	moved += journal_help(q->mq, q->spool, q->name, &journals);
	*trouble = *trouble ? *trouble : journals;
	if (when == SWEEP_IF_DUE) {
		repair_again(q);
		trim(q);
		trim_dead_letters(q);
		spool_lay_ballast(q->mq, q->spool);
		if (nonce_next(&q->mq->nonce) % LITTER_CHANCE == 0) {
			remove_litter(q->fd);
			remove_litter(q->spool->fd);
			consumers_tidy(q);
		}
	}
	return moved;
}

void sweep_all(mq_queue *q)
{
	while (sweep(q, SWEEP_NOW, NULL) > 0)
		;
}
