/*
 * redrive.c - dead letters back to where they came from
 *
 * The history is linked to the target first, then the entry is renamed there
 * under a new key, its receive count 0: the rename is the redrive.  A message
 * of a group gets the key that it had when it was sent; then the token of its
 * group is woken, which may be blocked by it, or wait for what it comes before.
 *
 * The target's limits hold.  Whatever its overflow setting says of what is sent,
 * nothing is dropped or goes elsewhere for a dead letter: that stays.
 */
#include "format/whereabouts.h"
#include "place/lane.h"
#include "place/limit.h"
#include "place/place.h"
#include "place/repair.h"
#include "place/token.h"
#include "send/room.h"
#include "spool/death.h"
#include "spool/depth.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The queue of its last event; failing that, the one whose dlq it is in. */
static int find_target(mq_queue *q, const struct entry *e, char *name, size_t size)
{
	struct death *d = malloc(sizeof(*d));
	char *slash;

	if (d == NULL || death_read(q->fd, e, d) == -1) {
		free(d);
		return fail_errno(q->mq, q->name, "cannot read a dead letter's history");
	}
	snprintf(name, size, "%s", d->n ? d->event[d->n - 1].queue : q->name);
	free(d);
	if ((slash = strchr(name, '/')) != NULL)
		*slash = '\0';
	return MQ_OK;
}

/* Open the queue that holds the dead letter at path. */
static int open_source(mq *h, const char *path, struct whereabouts *w, mq_queue **q)
{
	if (queue_parse_path(path, w) == -1 || w->part == PART_LEASED)
		return fail(h, MQ_DATA, path, "not a dead letter's path");
	return queue_open_in(h, w->spool, w->queue, q);
}

/* The rename, which must come first: a group that goes on before its message is back
 * would overtake it.  A token that cannot be woken comes by itself. */
static int put_back(mq_queue *to, const struct source *from, const struct entry *e)
{
	if (place_ready(to, from, e, NULL) == -1)
		return -1;
	if (lane_wants(to, e))
		token_wake(to, e->group);
	return 0;
}

/* Room in another queue, counted in; the queue's own it has. */
static int reserve(mq_queue *from, mq_queue *to, uint64_t body)
{
	if (strcmp(from->name, to->name) == 0)
		return MQ_OK;
	if (room_excludes(to, body))
		return fail(to->mq, MQ_BUSY, to->name,
		    "the message is larger than max-message or max-bytes");
	switch (limit_reserve(to, body, NULL)) {
	case 1:
		return MQ_OK;
	case 0:
		return room_full(to);
	default:
		return queue_fail(to, "cannot count the messages");
	}
}

/* Of the two, the one where it is not after all. */
static void release(mq_queue *from, mq_queue *to, mq_queue *whose, uint64_t body)
{
	int saved = errno;

	if (strcmp(from->name, to->name) != 0)
		depth_release(whose, 1, body);
	errno = saved;
}

/* In its group a message has the key that it had, to come before what was sent after
 * it.  How old that is says nothing of the time since the redrive, so the name tells
 * the end of that. */
static void return_to_group(const mq_queue *to, struct entry *e)
{
	int64_t end = (queue_now(to) + to->conf.retention) / MILLISECOND;

	memcpy(e->key, e->id, KEY_SIZE);
	if (to->conf.retention && (e->expires == 0 || end < e->expires))
		e->expires = end;
}

static int move(mq_queue *from, mq_queue *to, const struct whereabouts *w)
{
	struct source source = { from->fd, w->rest, STRIP_RENAME };
	struct entry e = w->entry;
	int fd;

	if (lane_wants(to, &e))
		return_to_group(to, &e);
	else
		queue_new_keys(to, &e, 1);
	e.receives = 0;
	e.visible = 0;
	e.lease = 0;
	e.nonce = 0;
	/* From a bundle of dead letters that nobody opened before: lost otherwise. */
	if (strip_open_at(from->fd, w->rest) == -1)
		return -1;
	fd = fs_open_message(from->fd, w->rest);
	if (fd == -1 || death_carry(from, to, &e) == -1 || put_back(to, &source, &e) == -1) {
		fs_close(fd);
		return -1;
	}
	/* Not durable yet means: still among the dead letters after a power cut. */
	if (to->conf.sync)
		fs_sync(fd);
	fs_close(fd);
	if (strcmp(from->name, to->name) != 0)
		death_forget(from, &w->entry);
	return 0;
}

static int move_within_limits(mq *h, mq_queue *from, mq_queue *to, const struct whereabouts *w,
    const char *path)
{
	uint64_t body = w->entry.body;
	int r = reserve(from, to, body), moved;

	if (r != MQ_OK)
		return r;
	moved = move(from, to, w);
	release(from, to, moved == 0 ? from : to, body);
	if (moved == 0)
		return MQ_OK;
	return errno == ENOENT ? fail(h, MQ_NOTFOUND, path, "no such dead letter") :
				 fail_errno(h, path, "cannot redrive");
}

static int redrive(mq *h, const char *path, const char *target, struct whereabouts *w)
{
	char name[QUEUE_NAME_SIZE];
	mq_queue *from = NULL, *to = NULL;
	int r;

	r = open_source(h, path, w, &from);
	if (r == MQ_OK && target == NULL) {
		r = find_target(from, &w->entry, name, sizeof(name));
		target = name;
	}
	if (r == MQ_OK)
		r = queue_open(h, from->spool, target, &to);
	if (r == MQ_OK) {
		repair(to);
		r = move_within_limits(h, from, to, w, path);
	}
	mq_queue_close(to);
	mq_queue_close(from);
	return r;
}

int mq_redrive(mq *h, const char *path, const char *target)
{
	struct whereabouts w = { 0 };
	int r = redrive(h, path, target, &w);

	whereabouts_free(&w);
	return r;
}

int mq_redrive_target(mq *h, const char *path, char *name, size_t size)
{
	struct whereabouts w = { 0 };
	mq_queue *q = NULL;
	int r = open_source(h, path, &w, &q);

	if (r == MQ_OK)
		r = find_target(q, &w.entry, name, size);
	mq_queue_close(q);
	whereabouts_free(&w);
	return r;
}
