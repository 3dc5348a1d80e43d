/*
 * group.c - the verdict on a message of a group
 */
#include "receive/group.h"

#include "place/bury.h"
#include "place/lane.h"
#include "place/place.h"
#include "place/repair.h"
#include "place/token.h"

#include <errno.h>
#include <string.h>

static void put_path(const mq_lease *l, const struct entry *token, char path[ENTRY_PATH])
{
	char name[NAME_SIZE];

	entry_format(token, name);
	stpcpy(stpcpy(stpcpy(path, l->bucket), "/"), name);
}

/* The token that is leased with the message. */
static void find_token(const mq_lease *l, struct entry *token, char path[ENTRY_PATH])
{
	token_of(&l->entry, token);
	put_path(l, token, path);
}

/* Both halves of the lease are there, or ENOENT. */
static int is_whole(const mq_lease *l, const char *token)
{
	int r = fs_exists(l->queue->fd, l->receipt);

	if (r == 1)
		r = fs_exists(l->queue->fd, token);
	if (r == 0)
		errno = ENOENT;
	return r == 1 ? 0 : -1;
}

static int look(const mq_lease *l, struct lane_view *v)
{
	if (lane_look(l->queue, l->entry.group, l->entry.key, v) == -1)
		return -1;
	if (v->found)
		return 0;
	errno = ENOENT;
	return -1;
}

/* Unlink the message: from then on it is as good as acked.  What cannot be done
 * after that is done when the lease lapses. */
static int drop(const mq_lease *l,
    int (*remove)(mq_queue *, int, const char *, const struct entry *))
{
	mq_queue *q = l->queue;
	char path[ENTRY_PATH];
	struct lane_view v;
	struct entry token;

	find_token(l, &token, path);
	if (look(l, &v) == -1 || is_whole(l, path) == -1 ||
	    remove(q, q->fd, v.first.path, &l->entry) == -1)
		return -1;
	fs_unlink(q->fd, l->receipt);
	token_pass_on(q, path, &token, v.has_next ? &v.next.entry : NULL);
	return 0;
}

int group_goes_on(const mq_lease *l)
{
	char path[ENTRY_PATH];
	struct entry token;

	find_token(l, &token, path);
	if (fs_exists(l->queue->fd, path) != 0)
		return 0;
	token.token = TOKEN_BLOCKED; /* its message died, and it could not be blocked */
	memcpy(token.id, l->entry.id, KEY_SIZE);
	put_path(l, &token, path);
	return !l->queue->conf.group_blocks || fs_exists(l->queue->fd, path) == 0;
}

int group_ack(const mq_lease *l)
{
	repair(l->queue);
	return drop(l, place_drop);
}

int group_dead(const mq_lease *l, const char *reason)
{
	char path[ENTRY_PATH];
	struct entry token;

	find_token(l, &token, path);
	if (is_whole(l, path) == -1 || lane_bury(l->queue, path, &token, reason) == -1)
		return -1;
	fs_unlink(l->queue->fd, l->receipt);
	return 0;
}

int group_return(const mq_lease *l, const struct entry *e)
{
	mq_queue *q = l->queue;
	mq_time expiry = queue_expiry(q, e);
	struct entry held, token;
	char path[ENTRY_PATH];

	if (expiry && expiry <= queue_now(q))
		return drop(l, place_expire);
	find_token(l, &held, path);
	if (is_whole(l, path) == -1)
		return -1;
	if (q->conf.max_receives && e->receives >= q->conf.max_receives)
		return group_dead(l, "max-receives");
	token_of(e, &token);
	token.visible = e->visible;
	if (token_return(q, path, &token) == -1)
		return -1;
	fs_unlink(q->fd, l->receipt);
	return 0;
}
