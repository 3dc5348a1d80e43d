/*
 * lane.c - the lanes of message groups: names, lock, looking
 */
#include "place/lane.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* "groups/HH/" and what follows. */
static char *put_prefix(const char *group, char path[ENTRY_PATH])
{
	char *p = stpcpy(path, "groups/");

	*p++ = group[0];
	*p++ = group[1];
	*p++ = '/';
	*p = '\0';
	return p;
}

/* below: "", "/ENTRY", ".token" or ".delayed". */
void lane_path(const char *group, const char *below, char path[ENTRY_PATH])
{
	stpcpy(stpcpy(put_prefix(group, path), group), below);
}

struct strip lane_more(const mq_queue *q, const char *group)
{
	struct strip s = { .dir = q->fd };

	snprintf(s.path, sizeof(s.path), "groups/%.2s/%.32s/more", group, group);
	return s;
}

int lane_lock(mq_queue *q, const char *group, mq_time patience)
{
	char path[ENTRY_PATH], *end = put_prefix(group, path);
	int fd;

	strcpy(end, "lock");
	while ((fd = fs_lock(q->fd, path, patience)) == -1 && errno == ENOENT) {
		end[-1] = '\0';
		if (fs_have_dir(q->fd, "groups") == -1 || fs_have_dir(q->fd, path) == -1)
			return -1;
		end[-1] = '/';
	}
	return fd;
}

/* ---- looking ----------------------------------------------------------------- */

struct looking {
	mq_queue *q;
	const char *group, *key;
	struct lane_view *view;
	char first[NAME_SIZE], next[NAME_SIZE]; /* the lowest names of one directory */
	int has_more;
};

/* One name of the lane's directories: is it the one, or the lowest other? */
static void consider(struct looking *l, const char *name)
{
	int ours = l->key && strncmp(name, l->key, KEY_SIZE - 1) == 0;

	if (l->key) {
		if (ours)
			strcpy(l->first, name);
		else if (!l->next[0] || strcmp(name, l->next) < 0)
			strcpy(l->next, name);
	} else if (!l->first[0] || strcmp(name, l->first) < 0) {
		strcpy(l->next, l->first);
		strcpy(l->first, name);
	} else if (!l->next[0] || strcmp(name, l->next) < 0) {
		strcpy(l->next, name);
	}
}

static int put_message(struct lane_message *m, const char *dir, const char *name)
{
	if (entry_parse(name, &m->entry) == -1)
		return 0;
	stpcpy(stpcpy(stpcpy(m->path, dir), "/"), name);
	return 1;
}

static int is_lower(const char *name, const struct lane_message *m)
{
	return strcmp(name, strrchr(m->path, '/') + 1) < 0;
}

/* Take over a name of that directory, if it is lower than those known. */
static void offer(struct looking *l, const char *dir, const char *name)
{
	struct lane_view *v = l->view;

	if (!name[0])
		return;
	if (!l->key && (!v->found || is_lower(name, &v->first))) {
		if (v->found) {
			v->next = v->first;
			v->has_next = 1;
		}
		v->found = put_message(&v->first, dir, name);
	} else if (!v->has_next || is_lower(name, &v->next)) {
		v->has_next = put_message(&v->next, dir, name);
	}
}

static void merge(struct looking *l, const char *dir)
{
	if (!l->key)
		offer(l, dir, l->first);
	else if (l->first[0])
		l->view->found = put_message(&l->view->first, dir, l->first);
	offer(l, dir, l->next);
	l->first[0] = l->next[0] = '\0';
}

static int look_flat(struct looking *l)
{
	char path[ENTRY_PATH], stray[ENTRY_PATH];
	struct entry e;
	struct fs_dir d;
	const char *name;

	lane_path(l->group, "", path);
	if (fs_dir_open(&d, l->q->fd, path) == -1)
		return -1;
	while ((name = fs_dir_next(&d)) != NULL) {
		if (!strcmp(name, "more")) {
			l->has_more = 1;
		} else if (entry_parse(name, &e) == 0 && !e.token) {
			consider(l, name);
		} else {
			stpcpy(stpcpy(stpcpy(stray, path), "/"), name);
			line_bad(l->q, stray);
		}
	}
	fs_dir_close(&d);
	if (errno)
		return -1;
	merge(l, path);
	return 0;
}

static int look_more(struct looking *l)
{
	struct strip more = lane_more(l->q, l->group);
	struct segment g = { 0 };
	char path[ENTRY_PATH];
	struct entry e;
	size_t i;
	int r = strip_head(&more, &g, queue_scratch, l->q);

	if (r == 1) {
		for (i = 0; i < g.n; i++)
			if (entry_parse(g.names[i].name, &e) == 0)
				consider(l, g.names[i].name);
		strip_entry_path(&more, g.number, "", path);
		*strrchr(path, '/') = '\0';
		merge(l, path);
	}
	segment_free(&g);
	return r == -1 ? -1 : 0;
}

int lane_look(mq_queue *q, const char *group, const char *key, struct lane_view *v)
{
	struct looking l = { .q = q, .group = group, .key = key, .view = v };

	v->found = v->has_next = 0;
	if (look_flat(&l) == -1)
		return -1;
	if (!l.has_more)
		return 0;
	/* Of a sender who stopped before it saw the strip, the message may come
	 * only now, flat, and be older than what has gone to the strip since:
	 * what was sent before a message seen there is then seen here. */
	v->found = v->has_next = 0;
	return look_more(&l) == 0 ? look_flat(&l) : -1;
}

/* ---- all of them ------------------------------------------------------------- */

static int walk_prefix(mq_queue *q, const char *prefix,
    int (*each)(void *ctx, mq_queue *, const char *group), void *ctx)
{
	char path[ENTRY_PATH], group[HASH_SIZE];
	struct fs_dir d;
	const char *name;
	int r = 0;

	snprintf(path, sizeof(path), "groups/%.2s", prefix);
	if (fs_dir_open(&d, q->fd, path) == -1)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -1;
	while (r == 0 && (name = fs_dir_next(&d)) != NULL) {
		if (strlen(name) != HASH_SIZE - 1)
			continue; /* the lock, a token */
		memcpy(group, name, HASH_SIZE);
		r = each(ctx, q, group);
	}
	if (r == 0 && errno)
		r = -1;
	fs_dir_close(&d);
	return r;
}

int lane_walk(mq_queue *q, int (*each)(void *ctx, mq_queue *, const char *group), void *ctx)
{
	struct fs_dir d;
	const char *name;
	int r = 0;

	if (fs_dir_open(&d, q->fd, "groups") == -1)
		return errno == ENOENT ? 0 : -1;
	while (r == 0 && (name = fs_dir_next(&d)) != NULL)
		if (strlen(name) == 2)
			r = walk_prefix(q, name, each, ctx);
	if (r == 0 && errno)
		r = -1;
	fs_dir_close(&d);
	return r;
}
