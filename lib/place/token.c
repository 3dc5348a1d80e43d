/*
 * token.c - the tokens of message groups: which one is valid, and its ways
 */
#include "place/token.h"

#include "place/lane.h"
#include "place/tokenparts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCKED_PAUSE (64 * MQ_SECOND) /* at most */

void token_of(const struct entry *m, struct entry *t)
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

void token_take_over(struct entry *m, const struct entry *t)
{
	if (strcmp(m->key, t->key) != 0)
		return;
	m->receives = t->receives;
	if (t->visible > m->visible) /* woken before its time */
		m->visible = t->visible;
	if (t->death[0])
		memcpy(m->death, t->death, sizeof(m->death));
}

void token_new(mq_queue *q, const struct entry *m, struct entry *t)
{
	token_of(m, t);
	t->death[0] = '\0';
	t->lease = LEASE_OWN;
	t->nonce = nonce_next(&q->mq->nonce);
}

/* ---- which one is valid ------------------------------------------------------ */

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

int token_identity(mq_queue *q, const char *group, char identity[IDENTITY_SIZE])
{
	char path[ENTRY_PATH];

	lane_path(group, ".token", path);
	if (fs_readlink(q->fd, path, identity, IDENTITY_SIZE) == 0)
		return 1;
	return errno == ENOENT || errno == EINVAL ? 0 : -1;
}

int token_valid(mq_queue *q, const char *group, const char *path)
{
	char token[IDENTITY_SIZE], valid[IDENTITY_SIZE];
	int r;

	if (fs_readlink(q->fd, path, token, sizeof(token)) == -1)
		return errno == EINVAL ? 0 : -1;
	if ((r = token_identity(q, group, valid)) != 1)
		return r;
	return strcmp(token, valid) == 0;
}

int token_unlink_links(mq_queue *q, const char *group)
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

int token_make(mq_queue *q, const char *group, char made[ENTRY_PATH])
{
	char path[ENTRY_PATH], identity[IDENTITY_SIZE];
	int r;

	queue_scratch(q, made);
	if (make_identity(q, made, identity) == -1)
		return -1;
	lane_path(group, ".token", path);
	r = name_again(q, made, identity, path);
	if (r == -1 && errno == EEXIST && token_unlink_links(q, group) == 0)
		r = name_again(q, made, identity, path);
	if (r == -1)
		fs_unlink(q->fd, made);
	return r;
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
	token_new(q, &m, t);
}

int token_revive(mq_queue *q, const char *group)
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

/* ---- to turns/ and delayed/ -------------------------------------------------- */

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

/* Before there were blocked tokens in delayed/, they had a name for it. */
static int find_blocked(mq_queue *q, const char *group, char path[ENTRY_PATH], struct entry *t)
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
		return errno == ENOENT ? find_blocked(q, group, path, t) : -1;
	return strncmp(path, "delayed/", 8) == 0 && entry_parse(strrchr(path, '/') + 1, t) == 0 &&
	    t->token && strcmp(t->group, group) == 0;
}

/* To turns/, under a name that was never used. */
static int wake(mq_queue *q, const char *path, struct entry *t)
{
	struct source from = { q->fd, path, STRIP_RENAME };

	t->lease = LEASE_OWN;
	t->nonce = nonce_next(&q->mq->nonce);
	return line_turn(q, &from, t) == 0 || errno == ENOENT ? 0 : -1;
}

int token_wake(mq_queue *q, const char *group)
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

/* Whether the message that the token is blocked for is there: back, under its id for a
 * key, or not dead yet. */
static int has_come_back(mq_queue *q, const struct entry *t)
{
	int r = has_message(q, t->group, t->id);

	return r == 0 && strcmp(t->key, t->id) != 0 ? has_message(q, t->group, t->key) : r;
}

int token_has_reason(mq_queue *q, const struct entry *t)
{
	struct lane_view v;
	int r;

	if (t->token == TOKEN_BLOCKED) {
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
	if (token_has_reason(q, t) == 0)
		token_wake(q, t->group);
	return 0;
}

int token_return(mq_queue *q, const char *path, struct entry *t)
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

int token_pause(mq_queue *q, const char *path, const struct entry *token, mq_time pause)
{
	struct source from = { q->fd, path, STRIP_RENAME };
	struct entry t = *token;

	t.visible = visible_after(q, pause);
	note_delayed(q, &t);
	return line_delayed(q, &from, &t);
}

int token_put_off(mq_queue *q, const char *path, const struct entry *token)
{
	return token_pause(q, path, token, ODD_PAUSE);
}

/* Each pause is as long as it was blocked by then: so each is twice the last one. */
int token_block(mq_queue *q, const char *path, struct entry *t)
{
	mq_time pause = queue_now(q) - t->expires * MILLISECOND; /* that is since when */

	if (pause < MQ_SECOND)
		pause = MQ_SECOND;
	if (pause > BLOCKED_PAUSE)
		pause = BLOCKED_PAUSE;
	t->visible = visible_after(q, pause);
	return delay(q, path, t);
}

/* ---- all of them ------------------------------------------------------------- */

/* In two levels; names are not kept, as there may be many. */
static int walk_tokens(mq_queue *q, const struct strip *s, visit_fn *each, void *ctx)
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

int token_walk(mq_queue *q, visit_fn *each, void *ctx)
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

/* ---- blocked no more ------------------------------------------------------------ */

/* Its message is mostly another by now: redriven, with a count and a history of its
 * own.  But a kill may have come before it died. */
void token_let_go(mq_queue *q, struct entry *t)
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

int token_release(mq_queue *q, const char *path, const struct entry *token)
{
	struct entry t = *token;

	if (t.token == TOKEN_BLOCKED)
		token_let_go(q, &t);
	return wake(q, path, &t);
}

static int release_delayed(void *ctx, mq_queue *q, const char *group)
{
	char path[ENTRY_PATH];
	struct entry t;
	int r = find_delayed(q, group, path, &t);

	(void)ctx;
	return r == 1 ? token_release(q, path, &t) : r;
}

static int release_blocked(void *ctx, mq_queue *q, const char *path, const struct entry *e)
{
	(void)ctx;
	return e->token == TOKEN_BLOCKED ? token_release(q, path, e) : 0;
}

/* Also those that came due: whoever takes one finds its reason again, and blocks it.
 * Looked for twice, as one that moves may be missed once. */
int token_release_all(mq_queue *q)
{
	int looks, r = lane_walk(q, release_delayed, NULL);

	for (looks = 0; r == 0 && looks < 2; looks++)
		r = token_walk(q, release_blocked, NULL);
	return r;
}
