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

/* Every name in the directory at path, and in the bundles there; one that is gone
 * has none. */
static int count_directory(struct counting *c, const char *path)
{
	char inner[ENTRY_PATH];
	struct entry e;
	struct fs_dir d;
	const char *name;
	uint64_t nonce;
	int r = 0;

	if (fs_dir_open(&d, c->q->fd, path) == -1)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -1;
	errno = 0;
	while (r == 0 && (name = fs_dir_next(&d)) != NULL) {
		if (entry_parse(name, &e) == 0 && !e.token) { /* no clock */
			count_entry(c, &e);
		} else if (bundle_name_parse(name, &nonce) == 0) {
			snprintf(inner, sizeof(inner), "%.*s/%.*s", STRIP_PATH, path, NAME_SIZE,
			    name);
			r = count_directory(c, inner);
		}
	}
	fs_dir_close(&d);
	return r == 0 && errno ? -1 : r;
}

/* Every name one directory further down. */
static int count_below(struct counting *c, const char *path)
{
	char inner[ENTRY_PATH];
	struct fs_dir d;
	const char *name;
	uint64_t number;
	int r = 0;

	if (fs_dir_open(&d, c->q->fd, path) == -1)
		return errno == ENOENT ? 0 : -1;
	while (r == 0 && (name = fs_dir_next(&d)) != NULL) {
		snprintf(inner, sizeof(inner), "%s/%s", path, name);
		if (strip_segment_number(name, &number) == 0)
			r = count_directory(c, inner);
	}
	fs_dir_close(&d);
	return r == 0 && errno ? -1 : r;
}

static int count_line(struct counting *c, enum line line)
{
	unsigned level, mask;

	if (queue_levels(c->q, line, &mask) == -1)
		return -1;
	for (level = 0; level < LEVELS; level++) {
		struct strip s = queue_strip(c->q, line, level);

		if (mask & 1u << level && count_below(c, s.path) == -1)
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
	    count_below(&c, "delayed") == -1 ||
	    lanes_walk(q, LANES_WAITING, count_in_lane, &c) == -1)
		return -1;
	c.later = NULL;
	c.now_here = leased;
	return count_below(&c, "leased");
}
