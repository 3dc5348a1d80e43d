/*
 * lanes.c - spool: what waits in the lanes of message groups
 */
#include "lanes.h"

#include "grow.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a token says of its message. */
struct standing {
	char group[HASH_SIZE];
	char key[KEY_SIZE];
	char death[9];
	unsigned receives;
	int64_t visible;
	int leased;
};

struct standings {
	struct standing *of;
	size_t n, room;
};

struct walk {
	struct standings tokens;
	enum lanes_which which;
	int (*each)(void *ctx, mq_queue *, const char *path, const struct entry *);
	void *ctx;
};

/* ---- what the tokens say -------------------------------------------------- */

static int note(struct standings *l, const struct entry *t, int leased)
{
	struct standing *grown, *s;

	if (t->token == TOKEN_HELD || (!leased && !t->visible && !t->receives))
		return 0; /* nothing that the message does not say */
	if ((grown = grow(l->of, &l->room, l->n + 1, sizeof(*grown))) == NULL)
		return -1;
	l->of = grown;
	s = &l->of[l->n++];
	memcpy(s->group, t->group, HASH_SIZE);
	memcpy(s->key, t->key, KEY_SIZE);
	memcpy(s->death, t->death, sizeof(s->death));
	s->receives = t->receives;
	s->visible = t->visible;
	s->leased = leased;
	return 0;
}

/* The tokens of one directory, in two levels. */
static int read_tokens(mq_queue *q, const struct strip *s, int leased, struct standings *l)
{
	char path[ENTRY_PATH];
	uint64_t *numbers;
	struct entry e;
	struct fs_dir d;
	const char *name;
	size_t i, n;
	int r = strip_segments(s, &numbers, &n);

	for (i = 0; r == 0 && i < n; i++) {
		strip_entry_path(s, numbers[i], "", path);
		if (fs_dir_open(&d, q->fd, path) == -1) {
			r = errno == ENOENT ? 0 : -1; /* empty by now */
			continue;
		}
		while (r == 0 && (name = fs_dir_next(&d)) != NULL)
			if (entry_parse(name, &e) == 0 && e.token)
				r = note(l, &e, leased);
		if (fs_dir_close(&d) == -1)
			r = -1;
	}
	free(numbers);
	return r;
}

static int compare_standings(const void *a, const void *b)
{
	return strcmp(((const struct standing *)a)->group, ((const struct standing *)b)->group);
}

/* Against the way that tokens take: one that moves is seen twice rather than
 * not at all. */
static int read_standings(mq_queue *q, struct standings *l)
{
	struct strip delayed = { .dir = q->fd, .path = "delayed" };
	struct strip leased = { .dir = q->fd, .path = "leased" };
	unsigned level, mask;

	if (read_tokens(q, &delayed, 0, l) == -1 || read_tokens(q, &leased, 1, l) == -1 ||
	    queue_levels(q, LINE_TURNS, &mask) == -1)
		return -1;
	for (level = 0; level < LEVELS; level++) {
		struct strip turns = queue_strip(q, LINE_TURNS, level);

		if (mask & 1u << level && read_tokens(q, &turns, 0, l) == -1)
			return -1;
	}
	if (l->n)
		qsort(l->of, l->n, sizeof(*l->of), compare_standings);
	return 0;
}

static const struct standing *standing_of(const struct standings *l, const char *group,
    const struct entry *e)
{
	size_t low = 0, high = l->n, middle;

	while (low < high) {
		middle = (low + high) / 2;
		if (strcmp(l->of[middle].group, group) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < l->n && !strcmp(l->of[low].group, group); low++)
		if (!strcmp(l->of[low].key, e->key))
			return &l->of[low];
	return NULL;
}

/* ---- the lanes ------------------------------------------------------------ */

static int visit(struct walk *w, mq_queue *q, const char *dir, const char *name)
{
	const struct standing *s;
	char path[ENTRY_PATH];
	struct entry e;

	if (entry_parse(name, &e) == -1)
		return 0;
	if ((s = standing_of(&w->tokens, e.group, &e)) != NULL) {
		if (s->leased && w->which == LANES_WAITING)
			return 0;
		e.receives = s->receives;
		if (s->visible)
			e.visible = s->visible;
		if (s->death[0])
			memcpy(e.death, s->death, sizeof(e.death));
	}
	stpcpy(stpcpy(stpcpy(path, dir), "/"), name);
	return w->each(w->ctx, q, path, &e);
}

static int visit_directory(struct walk *w, mq_queue *q, const char *dir)
{
	struct segment g = { 0 };
	size_t i;
	int r = segment_read(q->fd, dir, &g);

	for (i = 0; r == 0 && i < g.n; i++)
		r = visit(w, q, dir, g.names[i].name);
	segment_free(&g);
	return r;
}

static int visit_lane(void *ctx, mq_queue *q, const char *group)
{
	struct strip more = lane_more(q, group);
	char path[ENTRY_PATH];
	uint64_t *numbers;
	size_t i, n;
	int r;

	lane_path(group, "", path);
	if ((r = visit_directory(ctx, q, path)) != 0)
		return r;
	if (strip_segments(&more, &numbers, &n) == -1)
		return -1;
	for (i = 0; r == 0 && i < n; i++) {
		strip_entry_path(&more, numbers[i], "", path);
		*strrchr(path, '/') = '\0';
		r = visit_directory(ctx, q, path);
	}
	free(numbers);
	return r;
}

int lanes_walk(mq_queue *q, enum lanes_which which,
    int (*each)(void *ctx, mq_queue *, const char *path, const struct entry *), void *ctx)
{
	struct walk w = { .which = which, .each = each, .ctx = ctx };
	int r;

	if (fs_exists(q->fd, "groups") == 0)
		return 0;
	r = read_standings(q, &w.tokens);
	if (r == 0)
		r = lane_walk(q, visit_lane, &w);
	free(w.tokens.of);
	return r;
}
