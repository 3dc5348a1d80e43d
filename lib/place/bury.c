/*
 * bury.c - the death of a message in a lane
 */
#include "place/bury.h"

#include "place/lane.h"
#include "place/place.h"
#include "place/token.h"

#include <errno.h>
#include <string.h>

/* Where a sync of the message would not cover the token's name of before, that first. */
static int sync_blocked(mq_queue *q, const char *path)
{
	char directory[ENTRY_PATH];

	if (!q->conf.sync || fs_keeps_order(q->fd))
		return 0;
	strcpy(directory, path);
	*strrchr(directory, '/') = '\0';
	return fs_sync_way(q->fd, directory) == 0 || errno == ENOENT ? 0 : -1;
}

/* The leased token as one that is blocked, before its message dies: whatever comes then,
 * the group does not go on without it. */
static int block_leased(mq_queue *q, char path[ENTRY_PATH], struct entry *t, const char *id)
{
	char from[ENTRY_PATH], name[NAME_SIZE];
	int saved;

	t->token = TOKEN_BLOCKED;
	memcpy(t->id, id, KEY_SIZE);
	entry_format(t, name);
	strcpy(from, path);
	strcpy(strrchr(path, '/') + 1, name);
	if (fs_rename(q->fd, from, q->fd, path) == -1)
		return -1;
	if (sync_blocked(q, path) == 0)
		return 0;
	saved = errno;
	fs_rename(q->fd, path, q->fd, from);
	errno = saved;
	return -1;
}

/* On a full disk there may be no room for it in delayed/: then whoever takes it tries
 * again. */
static int block_dead(mq_queue *q, const char *path, struct entry *t)
{
	struct source from = { q->fd, path, STRIP_RENAME };

	t->expires = queue_now(q) / MILLISECOND;
	if (token_block(q, path, t) == 0)
		return 0;
	t->visible = 0;
	return line_turn(q, &from, t);
}

/* The message of the token at path has died: pass on, or block the group. */
static int after_death(mq_queue *q, const char *path, struct entry *t)
{
	struct lane_view v;

	if (t->token == TOKEN_BLOCKED)
		return block_dead(q, path, t);
	if (lane_look(q, t->group, NULL, &v) == -1)
		return errno == ENOENT ? fs_unlink(q->fd, path) : -1;
	return token_pass_on(q, path, t, v.found ? &v.first.entry : NULL);
}

/* The message m of the token at path to the dead letters. */
static int bury(mq_queue *q, const char *path, const struct entry *token,
    const struct lane_message *m, const char *reason)
{
	struct source from = { q->fd, m->path, STRIP_RENAME };
	struct entry e = m->entry, t = *token;
	char blocked[ENTRY_PATH];
	int saved;

	token_take_over(&e, token);
	strcpy(blocked, path);
	if (q->conf.group_blocks && block_leased(q, blocked, &t, e.id) == -1)
		return -1;
	if (place_dead(q, &from, &e, reason) == -1) {
		saved = errno;
		fs_rename(q->fd, blocked, q->fd, path);
		errno = saved;
		return -1;
	}
	/* That was the verdict: what fails now is done when the lease lapses. */
	after_death(q, blocked, &t);
	return 0;
}

int lane_bury(mq_queue *q, const char *path, const struct entry *token, const char *reason)
{
	struct lane_view v;

	if (lane_look(q, token->group, token->key, &v) == -1)
		return -1;
	if (!v.found) {
		errno = ENOENT;
		return -1;
	}
	return bury(q, path, token, &v.first, reason);
}
