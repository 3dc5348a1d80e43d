/*
 * walk.c - every message of a queue
 */
#include "manage/walk.h"

#include "base/grow.h"
#include "place/place.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

int walk_lines(mq_queue *q, enum look look, visit_fn *visit, void *ctx)
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
	char bucket[STRIP_PATH];
	uint64_t *due;
	size_t i, n;
	int r = 0;

	if (bucket_list(q, part, &due, &n) == -1)
		return -1;
	for (i = 0; r == 0 && i < n; i++) {
		bucket_path(part, bucket_time(due[i]), bucket);
		r = walk(q, bucket, visit, ctx);
	}
	free(due);
	return r;
}

int walk_buckets(mq_queue *q, const char *part, visit_fn *visit, void *ctx)
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

int walk_delayed(mq_queue *q, visit_fn *visit, void *ctx)
{
	return walk_each_bucket(q, "delayed", walk_in_order, visit, ctx);
}
