/*
 * count.c - spool: what is in a queue, counted
 */
#include "count.h"

#include "lanes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct counting {
	mq_queue *q;
	mq_time now;
	struct tally *later; /* for what is not yet visible */
	struct tally *now_here;
};

static void count_entry(struct counting *c, const struct entry *e)
{
	struct tally *t = c->now_here;
	mq_time expiry = queue_expiry(c->q, e), at = key_time(e->key);

	if (c->later && expiry && expiry <= c->now)
		return;
	if (c->later && e->visible * MILLISECOND > c->now)
		t = c->later;
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

/* Every message in the directory at path; one that is gone has none. */
static int count_directory(struct counting *c, const char *path, other_fn *other)
{
	struct entry e;
	struct fs_dir d;
	const char *name;
	int r = 0;

	if (fs_dir_open(&d, c->q->fd, path) == -1)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -1;
	while (r == 0 && (name = fs_dir_next(&d)) != NULL) {
		if (entry_parse(name, &e) == -1)
			r = other ? other(c, path, name) : 0;
		else if (!e.token)
			count_entry(c, &e);
	}
	fs_dir_close(&d);
	return r == 0 && errno ? -1 : r;
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
	return count_directory(c, part, count_bucket);
}

/* In the order in which a bundle is opened; who counted the closed one has counted
 * what is opened since. */
static int count_strip(struct counting *c, const struct strip *s)
{
	struct segment g = { 0 };
	char path[ENTRY_PATH];
	uint64_t *numbers, before;
	size_t i, n;
	int r = 0, form;

	if (strip_segments(s, &numbers, &n) == -1)
		return -1;
	for (i = 0; r == 0 && i < n; i++) {
		before = c->now_here->n + c->later->n;
		for (form = 0; r == 0 && form < FORMS; form++) {
			if (form == FORM_OPENED && c->now_here->n + c->later->n > before)
				continue;
			g.number = numbers[i];
			g.form = (enum form)form;
			segment_path(s, &g, path);
			r = count_directory(c, path, NULL);
		}
	}
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

		if (mask & 1u << level && count_strip(c, &s) == -1)
			return -1;
	}
	return 0;
}

int count_queue(mq_queue *q, struct tally *visible, struct tally *delayed, struct tally *leased)
{
	struct counting c = { q, queue_now(q), delayed, visible };

	memset(visible, 0, sizeof(*visible));
	memset(delayed, 0, sizeof(*delayed));
	memset(leased, 0, sizeof(*leased));
	if (count_line(&c, LINE_READY) == -1 || count_line(&c, LINE_BACK) == -1 ||
	    count_buckets(&c, "delayed") == -1 ||
	    lanes_walk(q, LANES_WAITING, count_in_lane, &c) == -1)
		return -1;
	c.later = NULL;
	c.now_here = leased;
	return count_buckets(&c, "leased");
}
