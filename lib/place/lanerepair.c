/*
 * lanerepair.c - lanes whose token a crash has lost
 */
#include "place/lanerepair.h"

#include "place/lane.h"
#include "place/token.h"
#include "place/tokenparts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define STUCK_LOOKS 3 /* one that moves all the time may be missed */

static int note_token(void *ctx, mq_queue *q, const char *path, const struct entry *e)
{
	char line[HASH_SIZE + IDENTITY_SIZE];
	struct tokens_seen *t = ctx;

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
static int was_seen(mq_queue *q, const char *group, const char *identity, struct tokens_seen *t)
{
	char line[HASH_SIZE + IDENTITY_SIZE];

	if (!t->known) {
		if (token_walk(q, note_token, t) == -1 || token_walk(q, note_token, t) == -1)
			return -1;
		names_sort(&t->names);
		t->known = 1;
	}
	stpcpy(stpcpy(stpcpy(line, group), " "), identity);
	return t->names.n &&
	    bsearch(line, t->names.name, t->names.n, sizeof(char *), compare_lines);
}

/* Whether the lane's token is somewhere: 1, 0, -1. */
static int moves(mq_queue *q, const char *group, struct tokens_seen *t)
{
	char path[ENTRY_PATH], identity[IDENTITY_SIZE];
	struct stat st;
	int r;

	lane_path(group, ".token", path);
	if (fs_stat(q->fd, path, &st) == -1)
		return errno == ENOENT ? 0 : -1;
	if (st.st_nlink > 1)
		return 1;
	r = token_identity(q, group, identity);
	return r == 1 ? was_seen(q, group, identity, t) : r;
}

static int is_lost(mq_queue *q, const char *group, struct tokens_seen *t)
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

int lane_is_stuck(mq_queue *q, const char *group, struct tokens_seen *t)
{
	char lane[ENTRY_PATH];
	int lock, stuck;

	if (moves(q, group, t) != 0)
		return 0;
	/* Births and removals have the lock; who may only look goes without. */
	if ((lock = lane_lock(q, group, 0)) == -1 && errno == EWOULDBLOCK)
		return 0;
	lane_path(group, "", lane);
	stuck = fs_exists(q->fd, lane) == 1 && is_lost(q, group, t);
	if (lock != -1)
		fs_unlock(lock);
	return stuck;
}

int lane_mend(mq_queue *q, const char *group)
{
	int lock = lane_lock(q, group, 0), r;

	if (lock == -1)
		return -1;
	r = token_revive(q, group);
	fs_unlock(lock);
	return r;
}

struct repairing {
	mq_time until;
	int held; /* somebody has a lock */
	struct tokens_seen tokens;
};

static int repair_lane(void *ctx, mq_queue *q, const char *group)
{
	struct repairing *s = ctx;
	struct strip more = lane_more(q, group);
	int lock = lane_lock(q, group, s->until - clock_up(&q->mq->clock)), r;

	if (lock == -1) {
		s->held |= errno == EWOULDBLOCK;
		return errno == EWOULDBLOCK ? 0 : -1;
	}
	if ((r = fs_exists(q->fd, more.path)) == 1)
		r = strip_repair(&more, s->until - clock_up(&q->mq->clock), queue_scratch, q);
	if (r == 0 && (r = moves(q, group, &s->tokens)) != -1)
		r = r == 1 ? 0 : token_revive(q, group);
	fs_unlock(lock);
	return r;
}

int lane_repair(mq_queue *q, mq_time until)
{
	struct repairing s = { .until = until };
	int r = lane_walk(q, repair_lane, &s);

	names_free(&s.tokens.names);
	if (r == 0 && s.held)
		errno = EWOULDBLOCK;
	return r == 0 && s.held ? -1 : r;
}
