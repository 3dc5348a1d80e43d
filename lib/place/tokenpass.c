/*
 * tokenpass.c - a token goes on from message to message, and closes an empty lane
 */
#include "place/lane.h"
#include "place/token.h"
#include "place/tokenparts.h"

#include <errno.h>
#include <string.h>

#define BUSY_PAUSE (10 * MILLISECOND)

/* With the lock: somebody came with a token that is not valid.  A kill left it, and
 * the valid one moves; or the lane is of before tokens said which one they are. */
static int mend(mq_queue *q, const char *group)
{
	char lane[ENTRY_PATH], identity[IDENTITY_SIZE];
	int r;

	lane_path(group, "", lane);
	if ((r = fs_exists(q->fd, lane)) != 1)
		return r;
	if ((r = token_identity(q, group, identity)) != 0)
		return r == 1 ? 0 : -1;
	return token_revive(q, group);
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
	token_unlink_links(q, group);
	return 1;
}

/* The lane has no message.  Whoever lost the token while it was stopped here
 * can do no harm: a lane with a message stays, and one without may go, as the
 * token that is left then is dropped by who takes it. */
static int close_lane(mq_queue *q, const char *path, const struct entry *t)
{
	int lock, valid, gone;

	if ((lock = lane_lock(q, t->group, 0)) == -1)
		return token_pause(q, path, t, BUSY_PAUSE);
	valid = token_valid(q, t->group, path);
	if (valid == 1)
		gone = remove_lane(q, t->group);
	else if (valid == -1 && errno != ENOENT)
		gone = -1;
	else
		gone = mend(q, t->group) == 0 ? 1 : -1;
	fs_unlock(lock);
	if (gone == 1)
		return fs_unlink(q->fd, path);
	return gone == 0 ? 1 : token_pause(q, path, t, ODD_PAUSE);
}

/* The next message decides how the token goes on. */
static int name_next(mq_queue *q, const char *path, const struct entry *token,
    const struct entry *next)
{
	struct entry t;

	token_of(next, &t);
	t.lease = token->lease;
	t.nonce = token->nonce;
	t.visible = next->visible;
	return token_return(q, path, &t);
}

static int pass_on(mq_queue *q, const char *path, const struct entry *token,
    const struct entry *next)
{
	struct lane_view v;
	int r;

	if (next)
		return name_next(q, path, token, next);
	if ((r = close_lane(q, path, token)) != 1)
		return r;
	/* A message has come. */
	if (lane_look(q, token->group, NULL, &v) == -1)
		return token_pause(q, path, token, ODD_PAUSE);
	return v.found ? name_next(q, path, token, &v.first.entry) :
			 token_pause(q, path, token, ODD_PAUSE);
}

/* A token that is gone was returned meanwhile: it may wait for the message that is gone. */
int token_pass_on(mq_queue *q, const char *path, const struct entry *token,
    const struct entry *next)
{
	int r = pass_on(q, path, token, next);

	if (r == -1 && errno == ENOENT) {
		token_wake(q, token->group);
		errno = ENOENT;
	}
	return r;
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
	token_take_over(&e, t);
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
		return token_pass_on(q, path, t, NULL);
	if (strcmp(v.first.entry.key, t->key) != 0)
		return keep(q, t) == 0 ? name_next(q, path, t, &v.first.entry) :
					 token_pause(q, path, t, ODD_PAUSE);
	token_take_over(&v.first.entry, t);
	t->visible = v.first.entry.visible;
	return token_return(q, path, t);
}

int token_sort(mq_queue *q, const char *path, struct entry *t)
{
	int r;

	if (token_valid(q, t->group, path) != 1)
		return token_pass_on(q, path, t, NULL);
	if (t->token == TOKEN_BLOCKED) {
		if ((r = token_has_reason(q, t)) == 1)
			return token_block(q, path, t);
		if (r == -1)
			return token_pause(q, path, t, ODD_PAUSE);
		token_let_go(q, t);
	}
	return name_first(q, path, t);
}
