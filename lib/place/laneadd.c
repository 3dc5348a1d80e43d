/*
 * laneadd.c - a message goes into its group's lane, which is born for it
 */
#include "place/lane.h"
#include "place/tokenparts.h"

#include <errno.h>
#include <string.h>

/* A lane is listed for every message, so its directories are kept small. */
#define FLAT_ENTRIES   32               /* a lane gets its strip when it has so many */
#define FLAT_CHANCE    8                /* one sender in so many counts */
#define MORE_ENTRIES   32               /* of one segment, about */
#define BIRTH_PATIENCE (10 * MQ_SECOND) /* somebody may be stopped with the lock */

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
	token_new(q, m, &t);
	if (token_make(q, m->group, made) == -1)
		return -1;
	if (line_turn(q, &from, &t) == -1) {
		fs_unlink(q->fd, made);
		return -1;
	}
	return fs_mkdir(q->fd, lane);
}

static int birth(mq_queue *q, const struct entry *m)
{
	int lock = lane_lock(q, m->group, BIRTH_PATIENCE), r;

	if (lock == -1)
		return -1;
	r = give_birth(q, m);
	fs_unlock(lock);
	return r;
}

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
