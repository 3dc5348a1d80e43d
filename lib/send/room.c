/*
 * room.c - room in a queue for what is sent, by its overflow setting
 */
#include "send/room.h"

#include "place/lane.h"
#include "place/place.h"
#include "receive/sweep.h"
#include "receive/wait.h"
#include "spool/depth.h"

#include <errno.h>

int room_full(mq_queue *q)
{
	return fail(q->mq, MQ_BUSY, q->name, "the queue is full");
}

int room_too_large(mq_queue *q)
{
	return fail(q->mq, MQ_DATA, q->name, "the message is larger than max-message or max-bytes");
}

int room_excludes(const mq_queue *q, uint64_t body)
{
	return (q->conf.max_message && body > q->conf.max_message) ||
	    (q->conf.max_bytes && body > q->conf.max_bytes);
}

void room_begin(struct room *r, mq *h, mq_time wait)
{
	r->by_setting = wait < 0;
	r->give_up = wait > 0 ? clock_up(&h->clock) + wait : 0;
}

void room_close(struct room *r)
{
	mq_wait_close(r->wait);
	mq_queue_close(r->q);
	r->wait = NULL;
	r->q = NULL;
}

/* ---- waiting ----------------------------------------------------------- */

/* How long to go on waiting, ns; < 0: for ever, 0: no longer. */
static mq_time patience(const struct room *r, const mq_queue *q)
{
	mq_time left = r->give_up - clock_up(&q->mq->clock);

	if (r->by_setting)
		return q->conf.overflow == OVERFLOW_BLOCK ? -1 : 0;
	return left > 0 ? left : 0;
}

int room_may_wait(const struct room *r, const mq_queue *q)
{
	return patience(r, q) != 0;
}

static int open_wait(struct room *r, mq_queue *q)
{
	int status;

	if (r->q == q)
		return MQ_OK;
	room_close(r);
	if ((status = wait_open_for_room(q, &r->wait)) == MQ_OK)
		r->q = queue_ref(q);
	return status;
}

/* Sleep, unless this is the first time, until it is our turn to look for room. */
static int wait_for_look(struct room *r, mq_queue *q)
{
	mq_time left;
	int status, look = 0;

	if ((status = open_wait(r, q)) != MQ_OK)
		return status;
	while (!look) {
		left = patience(r, q);
		if (left == 0)
			return room_full(q);
		if (r->armed)
			mq_wait_sleep(r->wait,
			    r->within < 0 || (left > 0 && left < r->within) ? left : r->within);
		mq_wait_arm(r->wait, &look, &r->within);
		r->armed = 1;
	}
	if (!queue_is_there(q))
		return queue_removed(q);
	sweep(q, SWEEP_IF_DUE, NULL);
	return queue_refresh(q);
}

static void end_wait(struct room *r)
{
	if (r->armed)
		mq_wait_leave(r->wait);
	r->armed = 0;
}

/* ---- looking ----------------------------------------------------------- */

/* 1 after a success, 0 when it was gone, else -1. */
static int done_or_gone(int r)
{
	if (r == -1)
		return errno == ENOENT ? 0 : -1;
	return 1;
}

/* Drop what stands first at path, be it a message or a group's token: 1, 0 or -1. */
static int drop_first(mq_queue *q, const char *path, const char *name)
{
	struct lane_view v;
	struct entry e;
	int r;

	if (entry_parse(name, &e) == -1)
		return 0;
	if (!e.token)
		return done_or_gone(place_drop(q, q->fd, path, &e));
	if (e.token == TOKEN_BLOCKED) /* what it is blocked by may just have come back */
		return 0;
	if ((r = done_or_gone(lane_look(q, e.group, NULL, &v))) != 1 || !v.found)
		return r == -1 ? -1 : 0;
	return done_or_gone(place_drop(q, q->fd, v.first.path, &v.first.entry));
}

/* Drop the oldest message of the least urgent level that has one, one without
 * a group if there is any: 1, 0 when there is nothing that could be dropped, or
 * -1 with errno. */
static int drop_head(mq_queue *q)
{
	static const enum line order[LINES] = { LINE_BACK, LINE_READY, LINE_TURNS };
	struct segment g = { 0 };
	char path[ENTRY_PATH];
	unsigned i, mask;
	int dropped = 0, there;
	size_t k;

	for (i = 0; i < LINES * LEVELS && !dropped; i++) {
		enum line line = order[i % LINES];
		struct strip s = queue_strip(q, line, i / LINES);

		if (queue_levels(q, line, &mask) == -1)
			dropped = -1;
		if (dropped || !(mask & 1u << i / LINES))
			continue;
		if ((there = line_head(q, &s, &g)) != 1) {
			dropped = there;
			continue;
		}
		for (k = 0; k < g.n && !dropped; k++) {
			segment_entry_path(&s, &g, g.names[k].name, path);
			dropped = drop_first(q, path, g.names[k].name);
		}
	}
	segment_free(&g);
	return dropped;
}

enum room_found room_look(mq_queue *q, uint64_t body, const struct limit_held *held)
{
	int dropped, found;

	while ((found = limit_reserve(q, body, held)) != 1) {
		if (found == -1)
			return ROOM_ERROR;
		switch (q->conf.overflow) {
		case OVERFLOW_DROP_HEAD:
			if ((dropped = drop_head(q)) != 1)
				return dropped == 0 ? ROOM_NEVER : ROOM_ERROR;
			break;
		case OVERFLOW_DEAD_LETTER:
			depth_add(q, 1, body);
			return ROOM_DEAD;
		case OVERFLOW_REJECT:
		case OVERFLOW_BLOCK:
			return ROOM_FULL;
		}
	}
	return ROOM_FOUND;
}

/* The setting may change while it waits. */
static int look_and_wait(struct room *r, mq_queue *q, uint64_t body, int *dead,
    int (*first)(void *ctx), void *ctx)
{
	int status;

	for (;;) {
		switch (room_look(q, body, NULL)) {
		case ROOM_DEAD:
			*dead = 1;
			return MQ_OK;
		case ROOM_FOUND:
			return MQ_OK;
		case ROOM_NEVER:
			return room_full(q);
		case ROOM_ERROR:
			return queue_fail(q, "cannot make room");
		case ROOM_FULL:
			if ((status = first(ctx)) != MQ_OK ||
			    (status = wait_for_look(r, q)) != MQ_OK)
				return status;
		}
	}
}

int room_get(struct room *r, mq_queue *q, uint64_t body, int *dead, int (*first)(void *ctx),
    void *ctx)
{
	int status;

	*dead = 0;
	status = look_and_wait(r, q, body, dead, first, ctx);
	end_wait(r);
	return status;
}
