/*
 * lanes.c - what waits in the lanes of message groups
 */
#include "place/lanes.h"

#include "base/grow.h"
#include "place/lane.h"
#include "place/token.h"

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
	visit_fn *visit;
	void *ctx;
};

/* ---- what the tokens say -------------------------------------------------- */

static int note(void *ctx, mq_queue *q, const char *path, const struct entry *t)
{
	int leased = strncmp(path, "leased/", 7) == 0;
	struct standing *grown, *s;
	struct standings *l = ctx;

	(void)q;

	if (t->token == TOKEN_BLOCKED || (!leased && !t->visible && !t->receives))
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

static int compare_standings(const void *a, const void *b)
{
	return strcmp(((const struct standing *)a)->group, ((const struct standing *)b)->group);
}

/* Against the way that tokens take: one that moves is seen twice rather than
 * not at all. */
static int read_standings(mq_queue *q, struct standings *l)
{
	if (token_walk(q, note, l) == -1)
		return -1;
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
	return w->visit(w->ctx, q, path, &e);
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

int lanes_walk(mq_queue *q, enum lanes_which which, visit_fn *visit, void *ctx)
{
	struct walk w = { .which = which, .visit = visit, .ctx = ctx };
	int r;

	if (fs_exists(q->fd, "groups") == 0)
		return 0;
	r = read_standings(q, &w.tokens);
	if (r == 0)
		r = lane_walk(q, visit_lane, &w);
	free(w.tokens.of);
	return r;
}
