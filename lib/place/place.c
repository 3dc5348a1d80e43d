/*
 * place.c - where an entry goes
 */
#include "place/place.h"

#include "place/lane.h"
#include "place/repair.h"
#include "spool/death.h"
#include "spool/depth.h"
#include "spool/sources.h"

#include <errno.h>
#include <string.h>

int place_ready(mq_queue *q, const struct source *from, const struct entry *e, struct tails *tails)
{
	struct tails one;

	if (lane_wants(q, e))
		return lane_add(q, from, e);
	if (tails)
		return line_add(q, LINE_READY, from, e, tails);
	tails_reset(q, &one);
	return line_add(q, LINE_READY, from, e, &one) == 0 ? line_sync(q, &one) : -1;
}

int place_back(mq_queue *q, const struct source *from, const struct entry *e)
{
	struct tails one;

	tails_reset(q, &one);
	return line_add(q, LINE_BACK, from, e, &one);
}

int place_delayed(mq_queue *q, const struct source *from, const struct entry *e)
{
	return lane_wants(q, e) && !e->token ? lane_add(q, from, e) : line_delayed(q, from, e);
}

/* Mostly it is too short then.  But ext4 makes the size of a file durable before
 * its blocks are known to be written: it has its size, and reads as zeros.  Only
 * what was sent before the machine was started can be so.  A size that was remembered
 * may be another file's, and one that was listed may be old on a network file system:
 * nothing is condemned without a look at the file. */
int place_is_torn(mq_queue *q, const char *path, const struct entry *e, uint64_t size)
{
	int whole;

	if (size >= e->offset + e->header + e->body &&
	    key_time(e->id) >= atomic_load(&queue_page(q)->repaired))
		return 0;
	whole = fs_is_written(q->fd, path, e->offset, e->header + e->body);
	return whole == -1 ? -1 : !whole;
}

int place_drop(mq_queue *q, int dir, const char *path, const struct entry *e)
{
	/* A directory of an entry's name must not stop what stands behind it. */
	if (fs_unlink(dir, path) == -1)
		return errno == EISDIR && dir == q->fd ? line_bad(q, path) : -1;
	death_forget(q, e);
	depth_release(q, 1, e->body);
	return 0;
}

int place_expire(mq_queue *q, int dir, const char *path, const struct entry *e)
{
	if (place_drop(q, dir, path, e) == -1)
		return -1;
	queue_count(q, METER_EXPIRED, 1);
	return 0;
}

mq_time place_backoff(mq_queue *q, unsigned receives)
{
	mq_time delay = q->conf.backoff_min;

	for (; receives > 1 && delay < q->conf.backoff_max; receives--)
		delay *= 2;
	if (delay > q->conf.backoff_max)
		delay = q->conf.backoff_max;
	if (delay <= 1)
		return delay;
	/* Somewhere in its second half, so that those that failed together do
	 * not come back together. */
	return delay - (mq_time)(nonce_next(&q->mq->nonce) % (uint64_t)(delay / 2));
}

int place_return(mq_queue *q, const struct source *from, struct entry *e)
{
	mq_time now = queue_now(q), expiry = queue_expiry(q, e);

	if (expiry && expiry <= now)
		return place_expire(q, from->dir, from->path, e);
	if (q->conf.max_receives && e->receives >= q->conf.max_receives)
		return place_dead(q, from, e, "max-receives");
	if (e->visible * MILLISECOND > now)
		return place_delayed(q, from, e);
	e->visible = 0;
	return place_back(q, from, e);
}

/* ---- dead letters ------------------------------------------------------ */

static int open_dead(mq_queue *q, const char *name)
{
	int r;

	errno = 0;
	do
		r = queue_open(q->mq, q->spool, name, &q->dead);
	while (r == MQ_BUSY && spool_drop_ballast(q->spool));
	if (r == MQ_OK)
		repair(q->dead);
	return r;
}

/* The queue that takes them: the one that dead-letter-to names if it can be used,
 * else the queue's own.  NULL with errno, 0 when it is no system call that failed. */
static mq_queue *dead_queue(mq_queue *q)
{
	char own[QUEUE_NAME_SIZE];
	int r = MQ_NOTFOUND;

	if (q->dead && queue_is_there(q->dead))
		return q->dead;
	mq_queue_close(q->dead);
	q->dead = NULL;
	if (q->conf.dead_letter_to[0] && strcmp(q->conf.dead_letter_to, q->name) != 0)
		r = open_dead(q, q->conf.dead_letter_to);
	if (r == MQ_NOTFOUND || r == MQ_SETTING) {
		queue_dlq_name(q, own);
		r = open_dead(q, own);
	}
	if (r == MQ_OK && !q->dead->is_dlq)
		source_add(q->dead, q->name); /* its setting was made by hand, or before */
	return r == MQ_OK ? q->dead : NULL;
}

/* As it enters its new queue: a new key, which says when, the old id. */
static void begin_afterlife(mq_queue *to, struct entry *e)
{
	queue_new_keys(to, e, 1);
	e->expires = e->visible = 0;
	e->lease = 0;
	e->nonce = 0;
	if (!to->is_dlq)
		e->receives = 0;
}

/* The move itself, with its history written first and undone if it fails. */
static int move_dead(mq_queue *q, mq_queue *to, const struct source *from, struct entry *e,
    const char *reason)
{
	struct entry old = *e;
	int r, saved;

	begin_afterlife(to, e);
	do
		r = death_record(q, to, e, reason, q->name);
	while (r == -1 && spool_drop_ballast(q->spool));
	if (r == -1)
		return -1;
	do
		r = place_ready(to, from, e, NULL);
	while (r == -1 && spool_drop_ballast(q->spool));
	if (r == -1) {
		saved = errno;
		death_forget(to, e);
		*e = old;
		errno = saved;
		return -1;
	}
	death_forget(q, &old);
	return 0;
}

int place_dead(mq_queue *q, const struct source *from, struct entry *e, const char *reason)
{
	mq_queue *to;
	int fd;

	if (q->is_dlq) {
		e->visible = 0;
		return place_back(q, from, e);
	}
	if ((to = dead_queue(q)) == NULL) {
		if (errno == 0 || errno == ENOENT)
			errno = EIO; /* it is not the entry that was missing */
		return -1;
	}
	fd = q->conf.sync ? fs_open_message(from->dir, from->path) : -1;
	if (move_dead(q, to, from, e, reason) == -1) {
		fs_close(fd);
		return -1;
	}
	/* Should this not become durable, the message is where it was: no loss. */
	if (fd != -1)
		fs_sync(fd);
	fs_close(fd);
	depth_release(q, 1, e->body);
	depth_add(to, 1, e->body);
	queue_count(q, METER_DEAD, 1);
	return 0;
}
