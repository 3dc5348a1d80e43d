/*
 * count.c - what is in a queue, counted
 *
 * The segments and bundles of a line hardly change but at its ends: what one of them
 * holds is remembered (known.h) and counted again when it has changed, or when a
 * message in it has expired.
 */
#include "place/count.h"

#include "place/lanes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct counting {
	mq_queue *q;
	mq_time now;
	struct tally *later; /* for what is not yet visible */
	struct tally *now_here;
	struct known known; /* of the queue */
	mq_time until;      /* what was counted holds before that */
};

static void count_entry(struct counting *c, const struct entry *e)
{
	struct tally *t = c->now_here;
	mq_time expiry = queue_expiry(c->q, e), at = key_time(e->key);

	if (c->later && expiry && expiry <= c->now)
		return;
	if (expiry && expiry < c->until)
		c->until = expiry;
	if (c->later && e->visible * MILLISECOND > c->now) {
		t = c->later;
		c->until = 0;
	}
	if (t->n == 0 || at < t->oldest)
		t->oldest = at;
	t->n++;
	t->bytes += e->body;
}

static int count_in_lane(void *ctx, mq_queue *q, const char *path, const struct entry *e)
{
	(void)q;
	(void)path;
	count_entry(ctx, e);
	return 0;
}

/* What to do with a name that is no message's. */
typedef int other_fn(struct counting *, const char *dir, const char *name);

/* Every message in the directory at path: 1 when it was there, 0, or -1. */
static int count_directory(struct counting *c, const char *path, other_fn *other)
{
	struct entry e;
	struct fs_dir d;
	const char *name;
	int r = 0;

	if (fs_dir_open(&d, c->q->fd, path) == -1)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -1;
	while (r != -1 && (name = fs_dir_next(&d)) != NULL) {
		if (entry_parse(name, &e) == -1)
			r = other ? other(c, path, name) : 0;
		else if (!e.token)
			count_entry(c, &e);
	}
	fs_dir_close(&d);
	return r == -1 || errno ? -1 : 1;
}

/* In a bucket of leases: a clock, or a bundle in flight. */
static int count_bundle(struct counting *c, const char *bucket, const char *name)
{
	char path[ENTRY_PATH];
	uint64_t nonce;

	if (bundle_name_parse(name, &nonce) == -1)
		return 0;
	snprintf(path, sizeof(path), "%.*s/%.*s", STRIP_PATH, bucket, NAME_SIZE, name);
	return count_directory(c, path, NULL);
}

static int count_bucket(struct counting *c, const char *part, const char *name)
{
	char path[ENTRY_PATH];
	uint64_t number;

	if (strip_number(name, &number) == -1)
		return 0;
	snprintf(path, sizeof(path), "%.*s/%.*s", STRIP_PATH, part, NAME_SIZE, name);
	return count_directory(c, path, count_bundle);
}

/* Of "leased" or "delayed". */
static int count_buckets(struct counting *c, const char *part)
{
	return count_directory(c, part, count_bucket) == -1 ? -1 : 0;
}

static void add(struct tally *sum, const struct tally *t)
{
	if (t->n && (sum->n == 0 || t->oldest < sum->oldest))
		sum->oldest = t->oldest;
	sum->n += t->n;
	sum->bytes += t->bytes;
}

/* A segment or bundle: 1 when it was there, 0, or -1. */
static int count_segment(struct counting *c, struct known_place place, const char *path)
{
	struct tally here = { 0 }, *sum = c->now_here;
	struct stat st;
	int r;

	if (fs_stat(c->q->fd, path, &st) == -1)
		return errno == ENOENT ? 0 : -1;
	if (!known_find(&c->known, place, &st, c->now, &here)) {
		c->now_here = &here;
		c->until = INT64_MAX;
		r = count_directory(c, path, NULL);
		c->now_here = sum;
		if (r != 1)
			return r; /* a bundle that was opened since is met under that name */
		if (c->until)
			known_put(&c->known, place, &st, c->now, c->until, &here);
	}
	add(sum, &here);
	return 1;
}

/* All that stands under a number, in the order in which a bundle is opened: who
 * counted the closed one has counted what is opened since. */
static int count_number(struct counting *c, const struct strip *s, uint64_t line, uint64_t number)
{
	struct known_place place = { .line = line };
	struct segment g = { .number = number };
	char path[ENTRY_PATH];
	int form, r = 0, bundle = 0;

	for (form = 0; r != -1 && form < FORMS; form++) {
		if (form == FORM_OPENED && bundle)
			continue;
		g.form = (enum form)form;
		segment_path(s, &g, path);
		place.number = number * FORMS + (uint64_t)form;
		r = count_segment(c, place, path);
		bundle |= r;
	}
	return r == -1 ? -1 : 0;
}

static int count_strip(struct counting *c, const struct strip *s, uint64_t line)
{
	uint64_t *numbers;
	size_t i, n;
	int r = 0;

	if (strip_segments(s, &numbers, &n) == -1)
		return -1;
	for (i = 0; r == 0 && i < n; i++)
		r = count_number(c, s, line, numbers[i]);
	free(numbers);
	return r;
}

static int count_line(struct counting *c, enum line line)
{
	unsigned level, mask;

	if (queue_levels(c->q, line, &mask) == -1)
		return -1;
	for (level = 0; level < LEVELS; level++) {
		struct strip s = queue_strip(c->q, line, level);

		if (mask & 1u << level && count_strip(c, &s, line * LEVELS + level) == -1)
			return -1;
	}
	return 0;
}

/* Both lines, in the order of their numbers, as known.h asks for; retention is what all
 * in them expires by. */
static int count_lines(struct counting *c)
{
	char scratch[ENTRY_PATH];
	int r;

	known_load(&c->known, c->q->fd, COUNTS, (uint64_t)c->q->conf.retention);
	if ((r = count_line(c, LINE_READY)) == 0)
		r = count_line(c, LINE_BACK);
	if (r == 0) {
		queue_scratch(c->q, scratch);
		known_save(&c->known, c->q->fd, COUNTS, scratch);
	}
	known_free(&c->known);
	return r;
}

int count_queue(mq_queue *q, struct tally *visible, struct tally *delayed, struct tally *leased)
{
	struct counting c = { .q = q, .now = queue_now(q), .later = delayed, .now_here = visible };

	memset(visible, 0, sizeof(*visible));
	memset(delayed, 0, sizeof(*delayed));
	memset(leased, 0, sizeof(*leased));
	if (count_lines(&c) == -1 || count_buckets(&c, "delayed") == -1 ||
	    lanes_walk(q, LANES_WAITING, count_in_lane, &c) == -1)
		return -1;
	c.later = NULL;
	c.now_here = leased;
	return count_buckets(&c, "leased");
}
