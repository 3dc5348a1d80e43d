/*
 * list.c - look at messages, count them, drop them
 *
 * These walk a whole queue; they hold one segment of it in memory at a time.
 */
#include "base/grow.h"
#include "manage/marks.h"
#include "receive/lease.h"
#include "receive/show.h"
#include "receive/sweep.h"
#include "receive/watch.h"
#include "spool/count.h"
#include "spool/death.h"
#include "spool/lanes.h"
#include "spool/place.h"
#include "spool/settle.h"
#include "spool/sources.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a walk does with each entry; non-zero ends it. */
typedef int visit_fn(void *ctx, mq_queue *, const char *path, const struct entry *);

/* Whether it may take what it visits out of its place: from a bundle that was
 * opened. */
enum look { TO_LOOK, TO_TAKE };

/* ---- walking ----------------------------------------------------------- */

static int walk_segment(mq_queue *q, const struct strip *s, struct segment *g, visit_fn *visit,
    void *ctx)
{
	char path[ENTRY_PATH];
	struct entry e;
	size_t i;
	int r = 0;

	for (i = 0; r == 0 && i < g->n; i++) {
		if (entry_parse(g->names[i].name, &e) == -1)
			continue;
		segment_entry_path(s, g, g->names[i].name, path);
		r = visit(ctx, q, path, &e);
	}
	return r;
}

/* All that stands under a number.  What was seen of a closed bundle is not looked
 * at again should it be opened now. */
static int walk_number(mq_queue *q, const struct strip *s, uint64_t number, enum look look,
    visit_fn *visit, void *ctx)
{
	struct segment g = { 0 };
	int form, seen = 0, r = 0;

	for (form = 0; r == 0 && form < FORMS; form++) {
		if (form == FORM_OPENED && seen)
			continue;
		r = strip_load(s, number, (enum form)form, &g);
		if (r == 1 && form == FORM_BUNDLE && look == TO_TAKE) {
			r = line_open(q, s, &g);
			if (r == 1 && g.form != FORM_BUNDLE)
				r = 0; /* met as the next form */
		}
		seen = r == 1;
		if (r == 1)
			r = walk_segment(q, s, &g, visit, ctx);
	}
	segment_free(&g);
	return r;
}

static int walk_strip(mq_queue *q, const struct strip *s, enum look look, visit_fn *visit,
    void *ctx)
{
	uint64_t *numbers;
	size_t i, n;
	int r = 0;

	if (strip_segments(s, &numbers, &n) == -1)
		return -1;
	for (i = 0; r == 0 && i < n; i++)
		r = walk_number(q, s, numbers[i], look, visit, ctx);
	free(numbers);
	return r;
}

/* All that is visible, in the order in which it would be taken. */
static int walk_lines(mq_queue *q, enum look look, visit_fn *visit, void *ctx)
{
	unsigned ready, back;
	int level, r = 0;

	if (queue_levels(q, LINE_READY, &ready) == -1 || queue_levels(q, LINE_BACK, &back) == -1)
		return -1;
	for (level = LEVELS - 1; r == 0 && level >= 0; level--) {
		struct strip first = queue_strip(q, LINE_BACK, (unsigned)level);
		struct strip then = queue_strip(q, LINE_READY, (unsigned)level);

		if (back & 1u << level)
			r = walk_strip(q, &first, look, visit, ctx);
		if (r == 0 && ready & 1u << level)
			r = walk_strip(q, &then, look, visit, ctx);
	}
	return r;
}

/* A bundle in flight, in the order of its messages. */
static int walk_bundle(mq_queue *q, const char *bundle, uint64_t nonce, visit_fn *visit, void *ctx)
{
	struct segment g = { 0 };
	char path[ENTRY_PATH];
	struct entry e;
	size_t i;
	int r = segment_read(q->fd, bundle, &g);

	for (i = 0; r == 0 && i < g.n; i++) {
		snprintf(path, sizeof(path), "%.*s/%s", STRIP_PATH, bundle, g.names[i].name);
		if (entry_parse(g.names[i].name, &e) == -1 || e.lease)
			continue;
		bundle_lease(&e, nonce);
		r = visit(ctx, q, path, &e);
	}
	segment_free(&g);
	return r;
}

static int walk_bucket(mq_queue *q, const char *bucket, visit_fn *visit, void *ctx)
{
	char path[ENTRY_PATH];
	struct entry e;
	struct fs_dir d;
	const char *name;
	uint64_t nonce;
	int r = 0;

	if (fs_dir_open(&d, q->fd, bucket) == -1)
		return errno == ENOENT ? 0 : -1;
	while (r == 0 && (name = fs_dir_next(&d)) != NULL) {
		snprintf(path, sizeof(path), "%s/%.*s", bucket, NAME_SIZE, name);
		if (entry_parse(name, &e) == 0 && !e.token)
			r = visit(ctx, q, path, &e);
		else if (bundle_name_parse(name, &nonce) == 0)
			r = walk_bundle(q, path, nonce, visit, ctx);
	}
	return fs_dir_close(&d) == -1 ? -1 : r;
}

typedef int walk_fn(mq_queue *, const char *bucket, visit_fn *, void *ctx);

/* Buckets in their order, each as walk goes through it. */
static int walk_each_bucket(mq_queue *q, const char *part, walk_fn *walk, visit_fn *visit,
    void *ctx)
{
	struct strip buckets = { .dir = q->fd };
	char bucket[STRIP_PATH];
	uint64_t *due;
	size_t i, n;
	int r = 0;

	snprintf(buckets.path, sizeof(buckets.path), "%s", part);
	if (strip_segments(&buckets, &due, &n) == -1)
		return -1;
	for (i = 0; r == 0 && i < n; i++) {
		bucket_path(part, bucket_time(due[i]), bucket);
		r = walk(q, bucket, visit, ctx);
	}
	free(due);
	return r;
}

/* Within a bucket in the file system's order: one may hold millions. */
static int walk_buckets(mq_queue *q, const char *part, visit_fn *visit, void *ctx)
{
	return walk_each_bucket(q, part, walk_bucket, visit, ctx);
}

/* ---- what is delayed, in order ------------------------------------------ */

#define DELAYED_A_PASS 16384 /* of one bucket, which may hold millions */

struct delayed {
	int64_t visible;
	char name[NAME_SIZE];
};

struct pass {
	struct delayed last; /* what was visited, and all before it */
	struct delayed *of;  /* those after it: the first of them, when sorted and cut */
	size_t n, room;
};

static int compare_delayed(const void *a, const void *b)
{
	const struct delayed *x = a, *y = b;

	if (x->visible != y->visible)
		return x->visible < y->visible ? -1 : 1;
	return strcmp(x->name, y->name);
}

static void sort_and_cut(struct pass *p)
{
	if (p->n)
		qsort(p->of, p->n, sizeof(*p->of), compare_delayed);
	if (p->n > DELAYED_A_PASS)
		p->n = DELAYED_A_PASS;
}

static int keep_delayed(struct pass *p, const char *name)
{
	struct delayed *grown, one;
	struct entry e;

	if (entry_parse(name, &e) == -1 || e.token)
		return 0;
	one.visible = e.visible;
	strcpy(one.name, name);
	if (compare_delayed(&one, &p->last) <= 0)
		return 0;
	if (p->n == 2 * DELAYED_A_PASS)
		sort_and_cut(p);
	if ((grown = grow(p->of, &p->room, p->n + 1, sizeof(*grown))) == NULL)
		return -1;
	p->of = grown;
	p->of[p->n++] = one;
	return 0;
}

static int read_pass(mq_queue *q, const char *bucket, struct pass *p)
{
	struct fs_dir d;
	const char *name;
	int r = 0;

	p->n = 0;
	if (fs_dir_open(&d, q->fd, bucket) == -1)
		return errno == ENOENT ? 0 : -1;
	while (r == 0 && (name = fs_dir_next(&d)) != NULL)
		r = keep_delayed(p, name);
	if (fs_dir_close(&d) == -1)
		r = -1;
	sort_and_cut(p);
	return r;
}

/* As walk_bucket, the earliest first, in as many passes as it takes. */
static int walk_in_order(mq_queue *q, const char *bucket, visit_fn *visit, void *ctx)
{
	struct pass p = { .last.visible = -1 };
	char path[ENTRY_PATH];
	struct entry e;
	size_t i;
	int r;

	while ((r = read_pass(q, bucket, &p)) == 0 && p.n > 0) {
		for (i = 0; r == 0 && i < p.n; i++) {
			stpcpy(stpcpy(stpcpy(path, bucket), "/"), p.of[i].name);
			entry_parse(p.of[i].name, &e);
			r = visit(ctx, q, path, &e);
		}
		if (r != 0)
			break;
		p.last = p.of[p.n - 1];
	}
	free(p.of);
	return r;
}

/* ---- listing ----------------------------------------------------------- */

struct listing {
	int (*each)(void *ctx, const struct mq_message *);
	void *ctx;
	unsigned states; /* that are wanted */
	enum mq_state state;
	const char *died_in;     /* only those that last failed in this queue, */
	const char *not_died_in; /* or in another one than this */
	int ended;
	int refused; /* the status of a queue that could not be opened, which is told */
};

static mq_time deadline_of(mq_queue *q, const char *path, const struct entry *e)
{
	char bucket[STRIP_PATH], clock[ENTRY_PATH];
	struct stat st;

	bucket_of(path, bucket);
	lease_clock_path(bucket, e->nonce, e->key, clock);
	if (e->lease != LEASE_OWN && fs_stat(q->fd, clock, &st) == 0)
		return fs_mtime(&st);
	lease_clock_path(bucket, e->nonce, NULL, clock);
	return fs_stat(q->fd, clock, &st) == 0 ? fs_mtime(&st) : 0;
}

/* Whether a dead letter died where it is asked for, by its last event: 1, 0, -1. */
static int died_there(mq_queue *q, const struct entry *e, const struct listing *l)
{
	struct death *d = malloc(sizeof(*d));
	int r = d ? death_read(q->fd, e, d) : -1;
	const char *last;

	if (r == 0 && d->n > 0) {
		last = d->event[d->n - 1].queue;
		r = l->died_in ? !strcmp(last, l->died_in) : strcmp(last, l->not_died_in) != 0;
	}
	free(d);
	return r;
}

static int show(void *ctx, mq_queue *q, const char *path, const struct entry *e)
{
	struct listing *l = ctx;
	struct mq_message m;
	char *full;
	int ours;

	if ((l->died_in || l->not_died_in) && (ours = died_there(q, e, l)) != 1)
		return ours;
	if (asprintf(&full, "%s/%s", q->path, path) == -1)
		return -1;
	show_entry(q, e, l->state, full, &m);
	if (l->state == MQ_LEASED)
		m.deadline = deadline_of(q, path, e);
	if (l->state != MQ_LEASED && m.expires && m.expires <= queue_now(q))
		l->ended = 0; /* as good as gone */
	else
		l->ended = l->each(l->ctx, &m);
	free(full);
	return l->ended;
}

/* What is in lanes is in order there, be it visible or not yet. */
static int show_in_lane(void *ctx, mq_queue *q, const char *path, const struct entry *e)
{
	struct listing *l = ctx;

	l->state = e->visible * MILLISECOND > queue_now(q) ? MQ_DELAYED : MQ_READY;
	return l->states & l->state ? show(l, q, path, e) : 0;
}

static int list_part(mq_queue *q, struct listing *l, enum mq_state state)
{
	int r = 0;

	l->state = state;
	switch (state) {
	case MQ_READY:
		r = walk_lines(q, TO_LOOK, show, l);
		break;
	case MQ_DELAYED:
		r = walk_each_bucket(q, "delayed", walk_in_order, show, l);
		break;
	case MQ_LEASED:
		return walk_buckets(q, "leased", show, l);
	case MQ_DEAD:
		break;
	}
	/* Once, after the last of the two. */
	if (r == 0 && (state == MQ_DELAYED || !(l->states & MQ_DELAYED)))
		r = lanes_walk(q, LANES_WAITING, show_in_lane, l);
	return r;
}

/* What waits in a queue of dead letters, shown as dead. */
static int list_waiting(mq_queue *q, struct listing *l)
{
	int r;

	sweep_all(q);
	l->state = MQ_DEAD;
	if ((r = walk_lines(q, TO_LOOK, show, l)) == 0 &&
	    (r = walk_each_bucket(q, "delayed", walk_in_order, show, l)) == 0)
		r = lanes_walk(q, LANES_WAITING, show, l);
	return r;
}

static int list_queue_of_dead(mq_queue *q, const char *name, struct listing *l)
{
	mq_queue *dead;
	int r;

	if ((r = queue_open(q->mq, q->spool, name, &dead)) != MQ_OK) {
		l->refused = r == MQ_NOTFOUND ? 0 : r;
		return l->refused ? -1 : 0;
	}
	r = list_waiting(dead, l);
	mq_queue_close(dead);
	return r;
}

struct source_listing {
	int (*each)(void *ctx, const char *name);
	void *ctx;
};

static int list_dead(mq_queue *q, struct listing *l)
{
	char name[QUEUE_NAME_SIZE];
	int r;

	if (q->is_dlq)
		return 0;
	queue_dlq_name(q, name);
	if ((r = fs_exists(q->fd, "dlq")) == 1)
		r = list_queue_of_dead(q, name, l);
	if (r == 0 && q->conf.dead_letter_to[0]) {
		l->died_in = q->name;
		r = list_queue_of_dead(q, q->conf.dead_letter_to, l);
	}
	/* What others' dead letters are to them is ready here, and not told twice. */
	if (r == 0 && l->states == MQ_DEAD && fs_exists(q->fd, "sources") == 1) {
		l->died_in = NULL;
		l->not_died_in = q->name;
		r = list_waiting(q, l);
	}
	return r;
}

static int tell_source(void *ctx, mq_queue *source)
{
	struct source_listing *l = ctx;

	return l->each(l->ctx, source->name);
}

int mq_sources(mq_queue *q, int (*each)(void *ctx, const char *name), void *ctx)
{
	struct source_listing l = { each, ctx };

	return source_walk(q, tell_source, &l) == -1 ?
	    queue_fail(q, "cannot list whose dead letters it takes") :
	    MQ_OK;
}

int mq_list(mq_queue *q, unsigned states, int (*each)(void *ctx, const struct mq_message *),
    void *ctx)
{
	static const enum mq_state order[] = { MQ_READY, MQ_DELAYED, MQ_LEASED };
	struct listing l = { .each = each, .ctx = ctx, .states = states };
	size_t i;
	int r;

	if ((r = queue_refresh(q)) != MQ_OK)
		return r;
	sweep_all(q);
	for (i = 0, r = 0; r == 0 && i < sizeof(order) / sizeof(order[0]); i++)
		if (states & order[i])
			r = list_part(q, &l, order[i]);
	if (r == 0 && states & MQ_DEAD)
		r = list_dead(q, &l);
	if (l.refused)
		return l.refused;
	return r && !l.ended ? queue_fail(q, "cannot list") : MQ_OK;
}

/* ---- figures ----------------------------------------------------------- */

static int count_dead(mq_queue *q, uint64_t *dead)
{
	struct tally visible, delayed, leased;
	char name[QUEUE_NAME_SIZE];
	mq_queue *dlq;
	int r;

	*dead = 0;
	if (q->is_dlq || (r = fs_exists(q->fd, "dlq")) == 0)
		return MQ_OK;
	if (r == -1)
		return queue_fail(q, "cannot count the dead letters");
	queue_dlq_name(q, name);
	if ((r = queue_open(q->mq, q->spool, name, &dlq)) != MQ_OK)
		return r;
	if (count_queue(dlq, &visible, &delayed, &leased) == -1)
		r = queue_fail(dlq, "cannot count");
	else
		*dead = visible.n + delayed.n + leased.n;
	mq_queue_close(dlq);
	return r;
}

static struct mq_flow flow(const uint64_t *n)
{
	return (struct mq_flow){ n[METER_SENT], n[METER_RECEIVED], n[METER_ACKED], n[METER_NACKED],
		n[METER_LAPSED], n[METER_DEAD], n[METER_EXPIRED] };
}

/* No figure but these is missed when it fails. */
static void read_meters(mq_queue *q, mq_time now, struct mq_stats *s)
{
	static const double shares[] = { 0.5, 0.95, 0.99 };
	struct meter_sum sum;
	size_t i;

	page_meters(q->fd, now, &sum);
	s->total = flow(sum.total);
	s->lately = flow(sum.lately);
	s->span = sum.span;
	/* A page may hold anything: it is nobody's but a cache. */
	s->waited = sum.waited < INT64_MAX / MILLISECOND ? (mq_time)sum.waited * MILLISECOND : 0;
	for (i = 0; i < sizeof(shares) / sizeof(shares[0]); i++)
		s->latency[i] = meter_quantile(&sum, shares[i]);
}

int mq_stat(mq_queue *q, struct mq_stats *s)
{
	struct tally visible, delayed, leased;
	mq_time now;
	int r;

	memset(s, 0, sizeof(*s));
	if ((r = queue_refresh(q)) != MQ_OK)
		return r;
	sweep_all(q);
	if (count_queue(q, &visible, &delayed, &leased) == -1)
		return queue_fail(q, "cannot count");
	now = queue_now(q);
	s->visible = visible.n;
	s->delayed = delayed.n;
	s->in_flight = leased.n;
	s->bytes = visible.bytes + delayed.bytes + leased.bytes;
	s->oldest_age = visible.n && now > visible.oldest ? now - visible.oldest : 0;
	s->paused = q->conf.paused;
	read_meters(q, now, s);
	return count_dead(q, &s->dead);
}

/* ---- purging ----------------------------------------------------------- */

struct purge {
	mq_time before; /* what comes while we work stays */
	struct marks marks;
	uint64_t *dropped;
	void (*progress)(void *ctx, uint64_t dropped);
	void *ctx;
};

static int drop(void *ctx, mq_queue *q, const char *path, const struct entry *e)
{
	struct purge *p = ctx;

	if (key_time(e->key) > p->before)
		return 0;
	if (place_drop(q, q->fd, path, e) == -1)
		return errno == ENOENT ? 0 : -1;
	marks_forget(&p->marks, e);
	(*p->dropped)++;
	if (p->progress && *p->dropped % SEGMENT_ENTRIES == 0)
		p->progress(p->ctx, *p->dropped);
	return 0;
}

static int purge(mq_queue *q, struct purge *p)
{
	if (marks_read(&p->marks, q) == -1 || walk_lines(q, TO_TAKE, drop, p) == -1 ||
	    walk_buckets(q, "delayed", drop, p) == -1 ||
	    lanes_walk(q, LANES_WAITING, drop, p) == -1)
		return -1;
	return lane_release_all(q); /* they wait for nobody */
}

int mq_purge(mq_queue *q, uint64_t *dropped, void (*progress)(void *ctx, uint64_t dropped),
    void *ctx)
{
	struct entry mark = { .priority = 0 };
	struct purge p = { .dropped = dropped, .progress = progress, .ctx = ctx };
	int r;

	*dropped = 0;
	settle(q);
	queue_new_keys(q, &mark, 1); /* above all that was sent so far */
	p.before = key_time(mark.key);
	r = purge(q, &p);
	if (r == -1)
		r = queue_fail(q, "cannot purge");
	marks_free(&p.marks);
	if (r == MQ_OK)
		watch_poke(q);
	return r;
}

/* ---- drained? ---------------------------------------------------------- */

static int note_path(void *ctx, mq_queue *q, const char *path, const struct entry *e)
{
	mq_time expiry = queue_expiry(q, e);
	char **found = ctx;

	if (expiry && expiry <= queue_now(q) && strncmp(path, "leased/", 7) != 0)
		return 0; /* it will never be delivered */
	return asprintf(found, "%s/%s", q->path, path) == -1 ? -1 : 1;
}

/* How many deliveries there were, on all hosts. */
static int count_receives(mq_queue *q, uint64_t *n)
{
	struct meter_sum sum;

	*n = 0;
	if (page_meters(q->fd, queue_now(q), &sum) == -1)
		return -1;
	*n = sum.total[METER_RECEIVED];
	return 0;
}

int mq_receives(mq_queue *q, uint64_t *n)
{
	return count_receives(q, n) == 0 ? MQ_OK : queue_fail(q, "cannot count the deliveries");
}

/* With the way that messages take once they were received, then where they are put
 * when they are: one that moves while this looks is met in one place or the other,
 * unless it was received meanwhile. */
static int look_for_any(mq_queue *q, char **path)
{
	int r;

	if ((r = walk_buckets(q, "leased", note_path, path)) == 0 &&
	    (r = walk_buckets(q, "delayed", note_path, path)) == 0 &&
	    (r = walk_lines(q, TO_LOOK, note_path, path)) == 0 &&
	    (r = lanes_walk(q, LANES_ALL, note_path, path)) == 0)
		r = walk_buckets(q, "leased", note_path, path);
	return r;
}

int mq_pending(mq_queue *q, char **path)
{
	uint64_t before, after = 0;
	int r;

	*path = NULL;
	do
		if ((r = count_receives(q, &before)) == 0 && (r = look_for_any(q, path)) == 0)
			r = count_receives(q, &after);
	while (r == 0 && before != after);
	if (r == -1) {
		*path = NULL;
		return queue_fail(q, "cannot look for messages");
	}
	if (r == 1)
		return MQ_OK;
	return queue_is_there(q) ? fail(q->mq, MQ_EMPTY, q->name, "drained") : queue_removed(q);
}
