/*
 * lane.c - the lanes of message groups
 */
#include "spool/lane.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A lane is listed for every message, so its directories are kept small. */
#define FLAT_ENTRIES   32 /* a lane gets its strip when it has so many */
#define FLAT_CHANCE    8  /* one sender in so many counts */
#define MORE_ENTRIES   32 /* of one segment, about */
#define BUSY_PAUSE     (10 * MILLISECOND)
#define ODD_PAUSE      MQ_SECOND
#define HELD_PAUSE     (64 * MQ_SECOND) /* at most */
#define BIRTH_PATIENCE (10 * MQ_SECOND) /* somebody may be stopped with the lock */

/* ---- names -------------------------------------------------------------- */

/* "groups/HH/" and what follows. */
static char *put_bucket(const char *group, char path[ENTRY_PATH])
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
	stpcpy(stpcpy(put_bucket(group, path), group), below);
}

struct strip lane_more(const mq_queue *q, const char *group)
{
	struct strip s = { .dir = q->fd };

	snprintf(s.path, sizeof(s.path), "groups/%.2s/%.32s/more", group, group);
	return s;
}

void lane_token(const struct entry *m, struct entry *t)
{
	memset(t, 0, sizeof(*t));
	memcpy(t->key, m->key, KEY_SIZE);
	memcpy(t->id, m->key, KEY_SIZE);
	memcpy(t->group, m->group, HASH_SIZE);
	memcpy(t->death, m->death, sizeof(t->death));
	t->token = TOKEN_MOVES;
	t->expires = m->expires;
	t->priority = m->priority;
	t->receives = m->receives;
	t->lease = m->lease;
	t->nonce = m->nonce;
}

void lane_take_over(struct entry *m, const struct entry *t)
{
	if (strcmp(m->key, t->key) != 0)
		return;
	m->receives = t->receives;
	if (t->visible > m->visible) /* woken before its time */
		m->visible = t->visible;
	if (t->death[0])
		memcpy(m->death, t->death, sizeof(m->death));
}

/* ---- locks ---------------------------------------------------------------- */

/* The lock of the lanes that share a directory.  That is made if need be. */
static int lock_bucket(mq_queue *q, const char *group, mq_time patience)
{
	char path[ENTRY_PATH], *end = put_bucket(group, path);
	int fd;

	strcpy(end, "lock");
	while ((fd = fs_lock(q->fd, path, patience)) == -1 && errno == ENOENT) {
		end[-1] = '\0';
		if ((fs_mkdir(q->fd, "groups") == -1 && errno != EEXIST) ||
		    (fs_mkdir(q->fd, path) == -1 && errno != EEXIST))
			return -1;
		end[-1] = '/';
	}
	return fd;
}

/* What a crash left of an earlier lane. */
static int unlink_old(mq_queue *q, const char *group)
{
	static const char *const names[] = { ".delayed", ".token" };
	char path[ENTRY_PATH];
	size_t i;

	for (i = 0; i < 2; i++) {
		lane_path(group, names[i], path);
		if (fs_unlink(q->fd, path) == -1 && errno != ENOENT)
			return -1;
	}
	return 0;
}

/* ---- which token is valid ------------------------------------------------- */

/* It is what it says, not which file it is: not every file system keeps inodes and
 * link counts (overlayfs, when a file of a lower layer is copied up), nor does every
 * copy of a spool.  A second link is made where it can be, as that tells at a look
 * that the token is somewhere. */
#define IDENTITY_SIZE 24

/* A new token at the path. */
static int make_identity(mq_queue *q, const char *path, char identity[IDENTITY_SIZE])
{
	snprintf(identity, IDENTITY_SIZE, "%016llx", (unsigned long long)nonce_next(&q->mq->nonce));
	return fs_symlink(identity, q->fd, path);
}

/* Another name of it. */
static int name_again(mq_queue *q, const char *from, const char *identity, const char *to)
{
	if (fs_link(q->fd, from, q->fd, to) == 0)
		return 0;
	return errno == EEXIST ? -1 : fs_symlink(identity, q->fd, to);
}

/* 1, 0 when there is none, or one of before there were such links, or -1. */
static int valid_identity(mq_queue *q, const char *group, char identity[IDENTITY_SIZE])
{
	char path[ENTRY_PATH];

	lane_path(group, ".token", path);
	if (fs_readlink(q->fd, path, identity, IDENTITY_SIZE) == 0)
		return 1;
	return errno == ENOENT || errno == EINVAL ? 0 : -1;
}

int lane_token_valid(mq_queue *q, const char *group, const char *path)
{
	char token[IDENTITY_SIZE], valid[IDENTITY_SIZE];
	int r;

	if (fs_readlink(q->fd, path, token, sizeof(token)) == -1)
		return errno == EINVAL ? 0 : -1;
	if ((r = valid_identity(q, group, valid)) != 1)
		return r;
	return strcmp(token, valid) == 0;
}

/* A new token in tmp/, which alone is valid from now on. */
static int make_token(mq_queue *q, const char *group, char made[ENTRY_PATH])
{
	char path[ENTRY_PATH], identity[IDENTITY_SIZE];
	int r;

	queue_scratch(q, made);
	if (make_identity(q, made, identity) == -1)
		return -1;
	lane_path(group, ".token", path);
	r = name_again(q, made, identity, path);
	if (r == -1 && errno == EEXIST && unlink_old(q, group) == 0)
		r = name_again(q, made, identity, path);
	if (r == -1)
		fs_unlink(q->fd, made);
	return r;
}

/* ---- birth -------------------------------------------------------------- */

/* Names in turns/ are never used twice: a new token has a nonce as if it had
 * been leased before. */
static void new_token(mq_queue *q, const struct entry *m, struct entry *t)
{
	lane_token(m, t);
	t->death[0] = '\0';
	t->lease = LEASE_OWN;
	t->nonce = nonce_next(&q->mq->nonce);
}

/* With the lock. */
static int give_birth(mq_queue *q, const struct entry *m)
{
	char lane[ENTRY_PATH], made[ENTRY_PATH];
	struct source from = { q->fd, made, STRIP_RENAME };
	struct entry t;
	int r;

	lane_path(m->group, "", lane);
	if ((r = fs_exists(q->fd, lane)) != 0)
		return r == 1 ? 0 : -1;
	new_token(q, m, &t);
	if (make_token(q, m->group, made) == -1)
		return -1;
	if (line_turn(q, &from, &t) == -1) {
		fs_unlink(q->fd, made);
		return -1;
	}
	return fs_mkdir(q->fd, lane);
}

static int birth(mq_queue *q, const struct entry *m)
{
	int lock = lock_bucket(q, m->group, BIRTH_PATIENCE), r;

	if (lock == -1)
		return -1;
	r = give_birth(q, m);
	fs_unlock(lock);
	return r;
}

/* ---- adding ------------------------------------------------------------- */

/* Where the sync of a file does not cover its name. */
static int sync_lane(mq_queue *q, const char *path)
{
	if (queue_sync_covers_name(q) || !q->conf.sync)
		return 0;
	return fs_sync_way(q->fd, path) == 0 || errno == ENOENT ? 0 : -1;
}

/* Now and then: a lane that has become long gets its strip. */
static void lengthen(mq_queue *q, const char *group)
{
	struct strip more = lane_more(q, group);
	char path[ENTRY_PATH];

	if (nonce_next(&q->mq->nonce) % FLAT_CHANCE != 0)
		return;
	lane_path(group, "", path);
	if (fs_dir_has(q->fd, path, FLAT_ENTRIES) == 1)
		strip_make(&more, queue_scratch, q); /* if not now, then later */
}

static int add_flat(mq_queue *q, const struct source *from, const struct entry *e, const char *name)
{
	char path[ENTRY_PATH];

	lane_path(e->group, "/", path);
	strcat(path, name);
	if (strip_move(from->how, from->dir, from->path, q->fd, path) == -1)
		return -1;
	lane_path(e->group, "", path);
	if (sync_lane(q, path) == -1)
		return -1;
	lengthen(q, e->group);
	return 0;
}

/* Into the lane, if there is one.  What has a history was redriven, and is older
 * than what waits in the strip: it comes before that. */
static int add(mq_queue *q, const struct source *from, const struct entry *e)
{
	struct strip more = lane_more(q, e->group);
	uint64_t segment = STRIP_TAIL;
	char name[NAME_SIZE], path[ENTRY_PATH];

	entry_format(e, name);
	if (e->death[0])
		return add_flat(q, from, e, name);
	if (strip_add(&more, &segment, from->dir, from->path, name, from->how, NULL, q) == -1)
		return errno == ENXIO ? add_flat(q, from, e, name) : -1;
	strip_segment_path(&more, segment, path);
	if (sync_lane(q, path) == -1)
		return -1;
	if (nonce_next(&q->mq->nonce) % MORE_ENTRIES == 0)
		strip_rotate(&more, segment, queue_scratch, q);
	return 0;
}

int lane_add(mq_queue *q, const struct source *from, const struct entry *e)
{
	while (add(q, from, e) == -1) {
		if (errno != ENOENT)
			return -1;
		switch (fs_exists(from->dir, from->path)) {
		case 0:
			errno = ENOENT;
			return -1;
		case 1:
			break;
		default:
			return -1;
		}
		if (birth(q, e) == -1)
			return -1;
	}
	return 0;
}

/* ---- looking ------------------------------------------------------------ */

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

/* ---- the token's ways ----------------------------------------------------- */

/* Before the token goes to delayed/: where it will be found.  If this fails, it
 * only comes at its time. */
static void note_delayed(mq_queue *q, const struct entry *t)
{
	char link[ENTRY_PATH], bucket[STRIP_PATH], path[ENTRY_PATH], name[NAME_SIZE];

	lane_path(t->group, ".delayed", link);
	bucket_path("delayed", t->visible * MILLISECOND, bucket);
	entry_format(t, name);
	stpcpy(stpcpy(stpcpy(path, bucket), "/"), name);
	if (fs_symlink(path, q->fd, link) == -1 && errno == EEXIST) {
		fs_unlink(q->fd, link);
		fs_symlink(path, q->fd, link);
	}
}

static void token_for_lane(mq_queue *, const char *group, struct entry *);

/* Before there were held tokens in delayed/, they had a name for it. */
static int find_held(mq_queue *q, const char *group, char path[ENTRY_PATH], struct entry *t)
{
	int r;

	lane_path(group, ".held", path);
	if ((r = fs_exists(q->fd, path)) == 1)
		token_for_lane(q, group, t);
	return r;
}

/* Where it is, if it is delayed: 1, 0, -1. */
static int find_delayed(mq_queue *q, const char *group, char path[ENTRY_PATH], struct entry *t)
{
	char link[ENTRY_PATH];

	lane_path(group, ".delayed", link);
	if (fs_readlink(q->fd, link, path, ENTRY_PATH) == -1)
		return errno == ENOENT ? find_held(q, group, path, t) : -1;
	return strncmp(path, "delayed/", 8) == 0 && entry_parse(strrchr(path, '/') + 1, t) == 0 &&
	    t->token && strcmp(t->group, group) == 0;
}

/* Its message is mostly another by now: redriven, with a count and a history of its
 * own.  But a kill may have come before it died. */
static void let_go(mq_queue *q, struct entry *t)
{
	struct lane_view v;

	t->token = TOKEN_MOVES;
	memcpy(t->id, t->key, KEY_SIZE);
	t->expires = t->visible = 0;
	if (lane_look(q, t->group, t->key, &v) == 0 && v.found &&
	    strcmp(v.first.entry.death, t->death) == 0)
		return;
	t->receives = 0;
	t->death[0] = '\0';
}

/* To turns/, under a name that was never used. */
static int wake(mq_queue *q, const char *path, struct entry *t)
{
	struct source from = { q->fd, path, STRIP_RENAME };

	t->lease = LEASE_OWN;
	t->nonce = nonce_next(&q->mq->nonce);
	return line_turn(q, &from, t) == 0 || errno == ENOENT ? 0 : -1;
}

int lane_wake(mq_queue *q, const char *group)
{
	char path[ENTRY_PATH];
	struct entry t;
	int r = find_delayed(q, group, path, &t);

	return r == 1 ? wake(q, path, &t) : r;
}

/* Whether the message of that key is in the lane: 1, 0, -1. */
static int has_message(mq_queue *q, const char *group, const char *key)
{
	struct lane_view v;

	if (lane_look(q, group, key, &v) == -1)
		return errno == ENOENT ? 0 : -1;
	return v.found;
}

/* Whether the message that the token is held for is there: back, under its id for a
 * key, or not dead yet. */
static int has_come_back(mq_queue *q, const struct entry *t)
{
	int r = has_message(q, t->group, t->id);

	return r == 0 && strcmp(t->key, t->id) != 0 ? has_message(q, t->group, t->key) : r;
}

/* Whether the token has to wait for what its name says: 1, 0, -1. */
static int has_reason(mq_queue *q, const struct entry *t)
{
	struct lane_view v;
	int r;

	if (t->token == TOKEN_HELD) {
		if (!q->conf.group_blocks || (r = has_come_back(q, t)) == 1)
			return 0;
		return r == 0 ? 1 : -1;
	}
	if (lane_look(q, t->group, NULL, &v) == -1)
		return errno == ENOENT ? 0 : -1;
	return v.found && strcmp(v.first.entry.key, t->key) == 0;
}

/* What changed before the token was there woke nobody. */
static int delay(mq_queue *q, const char *path, struct entry *t)
{
	struct source from = { q->fd, path, STRIP_RENAME };

	note_delayed(q, t);
	if (line_delayed(q, &from, t) == -1)
		return -1;
	if (has_reason(q, t) == 0)
		lane_wake(q, t->group);
	return 0;
}

int lane_return(mq_queue *q, const char *path, struct entry *t)
{
	struct source from = { q->fd, path, STRIP_RENAME };
	mq_time end = queue_expiry(q, t);

	if (end && t->visible * MILLISECOND > end)
		t->visible = (end + MILLISECOND - 1) / MILLISECOND;
	if (t->visible * MILLISECOND > queue_now(q))
		return delay(q, path, t);
	t->visible = 0;
	return line_turn(q, &from, t);
}

static int64_t visible_after(const mq_queue *q, mq_time pause)
{
	return (queue_now(q) + pause + MILLISECOND - 1) / MILLISECOND;
}

/* Look at this lane again in a while. */
static int put_off(mq_queue *q, const char *path, const struct entry *token, mq_time pause)
{
	struct source from = { q->fd, path, STRIP_RENAME };
	struct entry t = *token;

	t.visible = visible_after(q, pause);
	note_delayed(q, &t);
	return line_delayed(q, &from, &t);
}

int lane_put_off(mq_queue *q, const char *path, const struct entry *token)
{
	return put_off(q, path, token, ODD_PAUSE);
}

/* Each pause is as long as it was held by then: so each is twice the last one. */
int lane_hold(mq_queue *q, const char *path, struct entry *t)
{
	mq_time pause = queue_now(q) - t->expires * MILLISECOND; /* that is since when */

	if (pause < MQ_SECOND)
		pause = MQ_SECOND;
	if (pause > HELD_PAUSE)
		pause = HELD_PAUSE;
	t->visible = visible_after(q, pause);
	return delay(q, path, t);
}

/* With the lock: 1 when the lane is gone, 0 when it is not empty. */
static int remove_lane(mq_queue *q, const char *group)
{
	struct strip more = lane_more(q, group);
	char path[ENTRY_PATH];

	lane_path(group, "", path);
	if (fs_rmdir(q->fd, path) == -1 && errno != ENOENT) {
		if (errno != ENOTEMPTY && errno != EEXIST)
			return -1;
		if (strip_remove(&more, queue_scratch, q) == -1)
			return errno == ENOTEMPTY ? 0 : -1;
		if (fs_rmdir(q->fd, path) == -1 && errno != ENOENT)
			return errno == ENOTEMPTY || errno == EEXIST ? 0 : -1;
	}
	unlink_old(q, group);
	return 1;
}

/* A token for whatever is first in the lane. */
static void token_for_lane(mq_queue *q, const char *group, struct entry *t)
{
	struct entry m = { .priority = MQ_PRIORITY_DEFAULT };
	struct lane_view v;

	if (lane_look(q, group, NULL, &v) == 0 && v.found)
		m = v.first.entry;
	else
		queue_new_keys(q, &m, 1);
	memcpy(m.group, group, HASH_SIZE);
	new_token(q, &m, t);
}

/* ---- lanes whose token was lost ------------------------------------------- */

/* In two levels; names are not kept, as there may be many. */
static int walk_tokens(mq_queue *q, const struct strip *s,
    int (*each)(void *ctx, mq_queue *, const char *path, const struct entry *), void *ctx)
{
	char path[ENTRY_PATH];
	uint64_t *numbers;
	struct entry e;
	struct fs_dir d;
	const char *name;
	size_t i, n;
	int r = strip_segments(s, &numbers, &n);

	for (i = 0; r == 0 && i < n; i++) {
		strip_segment_path(s, numbers[i], path);
		if (fs_dir_open(&d, q->fd, path) == -1) {
			r = errno == ENOENT ? 0 : -1; /* empty by now */
			continue;
		}
		while (r == 0 && (name = fs_dir_next(&d)) != NULL) {
			if (entry_parse(name, &e) == -1 || !e.token)
				continue;
			strip_entry_path(s, numbers[i], name, path);
			r = each(ctx, q, path, &e);
		}
		if (fs_dir_close(&d) == -1 && r == 0)
			r = -1;
	}
	free(numbers);
	return r;
}

int lane_walk_tokens(mq_queue *q,
    int (*each)(void *ctx, mq_queue *, const char *path, const struct entry *), void *ctx)
{
	struct strip delayed = { .dir = q->fd, .path = "delayed" };
	struct strip leased = { .dir = q->fd, .path = "leased" };
	unsigned level, mask;
	int r;

	if ((r = walk_tokens(q, &delayed, each, ctx)) != 0 ||
	    (r = walk_tokens(q, &leased, each, ctx)) != 0)
		return r;
	if (queue_levels(q, LINE_TURNS, &mask) == -1)
		return -1;
	for (level = 0; r == 0 && level < LEVELS; level++) {
		struct strip turns = queue_strip(q, LINE_TURNS, level);

		if (mask & 1u << level)
			r = walk_tokens(q, &turns, each, ctx);
	}
	return r;
}

static int note_token(void *ctx, mq_queue *q, const char *path, const struct entry *e)
{
	char line[HASH_SIZE + IDENTITY_SIZE];
	struct lane_tokens *t = ctx;

	stpcpy(stpcpy(line, e->group), " ");
	if (fs_readlink(q->fd, path, line + HASH_SIZE, IDENTITY_SIZE) == -1)
		return 0; /* moved on, or of before */
	return names_add(&t->names, line);
}

static int compare_lines(const void *key, const void *element)
{
	return strcmp(key, *(char *const *)element);
}

/* Whether a token of that group and identity was seen: 1, 0, -1.  All are looked at
 * twice: one that moves may be missed once. */
static int was_seen(mq_queue *q, const char *group, const char *identity, struct lane_tokens *t)
{
	char line[HASH_SIZE + IDENTITY_SIZE];

	if (!t->known) {
		if (lane_walk_tokens(q, note_token, t) == -1 ||
		    lane_walk_tokens(q, note_token, t) == -1)
			return -1;
		names_sort(&t->names);
		t->known = 1;
	}
	stpcpy(stpcpy(stpcpy(line, group), " "), identity);
	return t->names.n &&
	    bsearch(line, t->names.name, t->names.n, sizeof(char *), compare_lines);
}

/* Whether the lane's token is somewhere: 1, 0, -1. */
static int moves(mq_queue *q, const char *group, struct lane_tokens *t)
{
	char path[ENTRY_PATH], identity[IDENTITY_SIZE];
	struct stat st;
	int r;

	lane_path(group, ".token", path);
	if (fs_stat(q->fd, path, &st) == -1)
		return errno == ENOENT ? 0 : -1;
	if (st.st_nlink > 1)
		return 1;
	r = valid_identity(q, group, identity);
	return r == 1 ? was_seen(q, group, identity, t) : r;
}

/* With the lock: another token.  It is valid last: who takes it before that, as this
 * was killed, finds HASH.token as it was, and comes here. */
static int revive(mq_queue *q, const char *group)
{
	char made[ENTRY_PATH], valid[ENTRY_PATH], path[ENTRY_PATH], identity[IDENTITY_SIZE];
	struct source from = { q->fd, made, STRIP_RENAME };
	struct entry t;

	queue_scratch(q, made);
	queue_scratch(q, valid);
	if (make_identity(q, made, identity) == -1)
		return -1;
	token_for_lane(q, group, &t);
	lane_path(group, ".token", path);
	if (name_again(q, made, identity, valid) == 0 && line_turn(q, &from, &t) == 0 &&
	    fs_rename(q->fd, valid, q->fd, path) == 0)
		return 0;
	fs_unlink(q->fd, made);
	fs_unlink(q->fd, valid);
	return -1;
}

/* With the lock: somebody came with a token that is not valid.  A kill left it, and
 * the valid one moves; or the lane is of before tokens said which one they are. */
static int mend(mq_queue *q, const char *group)
{
	char lane[ENTRY_PATH], identity[IDENTITY_SIZE];
	int r;

	lane_path(group, "", lane);
	if ((r = fs_exists(q->fd, lane)) != 1)
		return r;
	if ((r = valid_identity(q, group, identity)) != 0)
		return r == 1 ? 0 : -1;
	return revive(q, group);
}

#define STUCK_LOOKS 3 /* one that moves all the time may be missed */

static int is_lost(mq_queue *q, const char *group, struct lane_tokens *t)
{
	int looks, found = 0;

	for (looks = 0; looks < STUCK_LOOKS && !found; looks++) {
		if (looks > 0) {
			names_free(&t->names);
			t->known = 0;
		}
		found = moves(q, group, t);
	}
	return found == 0;
}

int lane_is_stuck(mq_queue *q, const char *group, struct lane_tokens *t)
{
	char lane[ENTRY_PATH];
	int lock, stuck;

	if (moves(q, group, t) != 0)
		return 0;
	/* Births and removals have the lock; who may only look goes without. */
	if ((lock = lock_bucket(q, group, 0)) == -1 && errno == EWOULDBLOCK)
		return 0;
	lane_path(group, "", lane);
	stuck = fs_exists(q->fd, lane) == 1 && is_lost(q, group, t);
	if (lock != -1)
		fs_unlock(lock);
	return stuck;
}

int lane_mend(mq_queue *q, const char *group)
{
	int lock = lock_bucket(q, group, 0), r;

	if (lock == -1)
		return -1;
	r = revive(q, group);
	fs_unlock(lock);
	return r;
}

/* ---- from message to message ----------------------------------------------- */

/* The lane has no message.  Whoever lost the token while it was stopped here
 * can do no harm: a lane with a message stays, and one without may go, as the
 * token that is left then is dropped by who takes it. */
static int close_lane(mq_queue *q, const char *path, const struct entry *t)
{
	int lock, valid, gone;

	if ((lock = lock_bucket(q, t->group, 0)) == -1)
		return put_off(q, path, t, BUSY_PAUSE);
	valid = lane_token_valid(q, t->group, path);
	if (valid == 1)
		gone = remove_lane(q, t->group);
	else if (valid == -1 && errno != ENOENT)
		gone = -1;
	else
		gone = mend(q, t->group) == 0 ? 1 : -1;
	fs_unlock(lock);
	if (gone == 1)
		return fs_unlink(q->fd, path);
	return gone == 0 ? 1 : put_off(q, path, t, ODD_PAUSE);
}

/* The next message decides how the token goes on. */
static int name_next(mq_queue *q, const char *path, const struct entry *token,
    const struct entry *next)
{
	struct entry t;

	lane_token(next, &t);
	t.lease = token->lease;
	t.nonce = token->nonce;
	t.visible = next->visible;
	return lane_return(q, path, &t);
}

int lane_pass_on(mq_queue *q, const char *path, const struct entry *token, const struct entry *next)
{
	struct lane_view v;
	int r;

	if (next)
		return name_next(q, path, token, next);
	if ((r = close_lane(q, path, token)) != 1)
		return r;
	/* A message has come. */
	if (lane_look(q, token->group, NULL, &v) == -1)
		return put_off(q, path, token, ODD_PAUSE);
	return v.found ? name_next(q, path, token, &v.first.entry) :
			 put_off(q, path, token, ODD_PAUSE);
}

/* What the token tells of a message that is not first any more, into that one's own
 * name: from the strip, if it is there, to before it. */
static int keep(mq_queue *q, const struct entry *t)
{
	char path[ENTRY_PATH], name[NAME_SIZE];
	struct lane_view v;
	struct entry e;

	if (lane_look(q, t->group, t->key, &v) == -1)
		return -1;
	if (!v.found)
		return 0;
	e = v.first.entry;
	lane_take_over(&e, t);
	if (e.death[0] && !v.first.entry.death[0])
		e.expires = queue_expiry(q, &v.first.entry) / MILLISECOND;
	entry_format(&e, name);
	if (strcmp(name, strrchr(v.first.path, '/') + 1) == 0)
		return 0;
	lane_path(t->group, "/", path);
	strcat(path, name);
	return fs_rename(q->fd, v.first.path, q->fd, path) == 0 || errno == ENOENT ? 0 : -1;
}

/* The token is valid, and free to move. */
static int name_first(mq_queue *q, const char *path, struct entry *t)
{
	struct lane_view v;

	if (lane_look(q, t->group, NULL, &v) == -1 || !v.found)
		return lane_pass_on(q, path, t, NULL);
	if (strcmp(v.first.entry.key, t->key) != 0)
		return keep(q, t) == 0 ? name_next(q, path, t, &v.first.entry) :
					 put_off(q, path, t, ODD_PAUSE);
	lane_take_over(&v.first.entry, t);
	t->visible = v.first.entry.visible;
	return lane_return(q, path, t);
}

int lane_sort(mq_queue *q, const char *path, struct entry *t)
{
	int r;

	if (lane_token_valid(q, t->group, path) != 1)
		return lane_pass_on(q, path, t, NULL);
	if (t->token == TOKEN_HELD) {
		if ((r = has_reason(q, t)) == 1)
			return lane_hold(q, path, t);
		if (r == -1)
			return put_off(q, path, t, ODD_PAUSE);
		let_go(q, t);
	}
	return name_first(q, path, t);
}

static int release_delayed(void *ctx, mq_queue *q, const char *group)
{
	char path[ENTRY_PATH];
	struct entry t;
	int r = find_delayed(q, group, path, &t);

	(void)ctx;
	if (r != 1)
		return r;
	if (t.token == TOKEN_HELD)
		let_go(q, &t);
	return wake(q, path, &t);
}

static int release_held(void *ctx, mq_queue *q, const char *path, const struct entry *e)
{
	const char *group = ctx;
	struct entry t = *e;

	if (t.token != TOKEN_HELD || (group && strcmp(t.group, group) != 0))
		return 0;
	let_go(q, &t);
	return wake(q, path, &t);
}

/* Those that came due: whoever takes one finds its reason again, and holds it.  Looked
 * for twice, as one that moves may be missed once. */
static int release_due(mq_queue *q, char *group)
{
	int looks, r = 0;

	for (looks = 0; r == 0 && looks < 2; looks++)
		r = lane_walk_tokens(q, release_held, group);
	return r;
}

int lane_release(mq_queue *q, const char *group)
{
	char of[HASH_SIZE];

	if (release_delayed(NULL, q, group) == -1)
		return -1;
	return release_due(q, strcpy(of, group));
}

/* ---- all of them ---------------------------------------------------------- */

static int walk_bucket(mq_queue *q, const char *bucket,
    int (*each)(void *ctx, mq_queue *, const char *group), void *ctx)
{
	char path[ENTRY_PATH], group[HASH_SIZE];
	struct fs_dir d;
	const char *name;
	int r = 0;

	snprintf(path, sizeof(path), "groups/%.2s", bucket);
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
			r = walk_bucket(q, name, each, ctx);
	if (r == 0 && errno)
		r = -1;
	fs_dir_close(&d);
	return r;
}

int lane_release_all(mq_queue *q)
{
	int r = lane_walk(q, release_delayed, NULL);

	return r == 0 ? release_due(q, NULL) : r;
}

struct settling {
	mq_time until;
	int held; /* somebody has a lock */
	struct lane_tokens tokens;
};

static int repair_lane(void *ctx, mq_queue *q, const char *group)
{
	struct settling *s = ctx;
	struct strip more = lane_more(q, group);
	int lock = lock_bucket(q, group, s->until - clock_up(&q->mq->clock)), r;

	if (lock == -1) {
		s->held |= errno == EWOULDBLOCK;
		return errno == EWOULDBLOCK ? 0 : -1;
	}
	if ((r = fs_exists(q->fd, more.path)) == 1)
		r = strip_repair(&more, s->until - clock_up(&q->mq->clock), queue_scratch, q);
	if (r == 0 && (r = moves(q, group, &s->tokens)) != -1)
		r = r == 1 ? 0 : revive(q, group);
	fs_unlock(lock);
	return r;
}

int lane_repair(mq_queue *q, mq_time until)
{
	struct settling s = { .until = until };
	int r = lane_walk(q, repair_lane, &s);

	names_free(&s.tokens.names);
	if (r == 0 && s.held)
		errno = EWOULDBLOCK;
	return r == 0 && s.held ? -1 : r;
}
