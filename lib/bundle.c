/*
 * bundle.c - verb: a batch sent as bundles
 *
 *	1  make a directory in tmp/, link the batch's file into it for each message
 *	2  rename the directory into the line, as a bundle (strip.h)
 *
 * so that one rename publishes up to BUNDLE_ENTRIES messages, and another can
 * lease them.  A kill before that leaves litter in tmp/.
 *
 * The sync of the file that follows makes the names durable with it, but says
 * nothing of a directory that some file systems may have made durable under its
 * name in tmp/ meanwhile: there each bundle is synced, too.
 */
#include "bundle.h"

#include "lane.h"
#include "limit.h"
#include "place.h"

#include <errno.h>
#include <time.h>

#define INSTALL_TRIES 50
static const struct timespec install_pause = { 0, 200000 };

struct bundle {
	mq_batch *b;
	struct strip line;
	struct entry *entries; /* of the batch */
	size_t n;
	int last; /* of the batch: its file is not needed any more */
	char path[ENTRY_PATH];
	int dir;
};

static int is_plain(const mq_batch *b, const struct entry *e)
{
	return e->visible == 0 && !lane_wants(b->q, e) && e->priority == b->entries[0].priority;
}

int bundle_fits(const mq_batch *b)
{
	const struct conf *c = &b->q->conf;
	size_t i;

	if (b->n < BUNDLE_MIN || b->dedup_id || c->max_depth || c->max_bytes ||
	    (c->sync && !queue_sync_covers_name(b->q)))
		return 0;
	for (i = 0; i < b->n && is_plain(b, &b->entries[i]); i++)
		;
	return i == b->n;
}

static int fill(struct bundle *u)
{
	char name[NAME_SIZE];
	mq_queue *q = u->b->q;
	size_t i;
	int r = 0;

	queue_scratch(q, u->path);
	if (fs_mkdir(q->fd, u->path) == -1 || (u->dir = fs_open_dir(q->fd, u->path)) == -1)
		return -1;
	for (i = 0; r == 0 && i < u->n; i++) {
		entry_format(&u->entries[i], name);
		r = u->last && i == u->n - 1 ? fs_rename(q->fd, u->b->path, u->dir, name) :
					       fs_link(q->fd, u->b->path, u->dir, name);
	}
	return r;
}

/* Somebody else is moving the tail all the time. */
static int place_one_by_one(struct bundle *u)
{
	char name[NAME_SIZE];
	struct source from = { u->dir, name, STRIP_RENAME };
	struct tails tails;
	size_t i;

	tails_reset(&tails);
	for (i = 0; i < u->n; i++) {
		entry_format(&u->entries[i], name);
		if (place_ready(u->b->q, &from, &u->entries[i], &tails) == -1)
			return -1;
	}
	return fs_rmdir(u->b->q->fd, u->path);
}

/* Who has the lock has it for a moment, unless stopped: that is not waited for. */
static int install(struct bundle *u)
{
	mq_queue *q = u->b->q;
	int r, tries;

	for (tries = 0; tries < INSTALL_TRIES; tries++) {
		if ((r = strip_install(&u->line, q->fd, u->path, queue_scratch, q)) != 0)
			return r == 1 ? 0 : -1;
		nanosleep(&install_pause, NULL);
	}
	return place_one_by_one(u);
}

static int make_durable(struct bundle *u)
{
	return !u->b->q->conf.sync || fs_keeps_order(u->dir) ? 0 : fs_sync(u->dir);
}

static int send(struct bundle *u)
{
	mq_queue *q = u->b->q;
	int r = -1, saved;

	u->dir = -1;
	if (fill(u) == 0 && install(u) == 0)
		r = make_durable(u);
	saved = errno;
	fs_close(u->dir);
	if (r == -1)
		fs_remove_tree(q->fd, u->path);
	errno = saved;
	return r;
}

int bundle_send(mq_batch *b, size_t *placed)
{
	struct bundle u = { .b = b, .line = queue_strip(b->q, LINE_READY, b->entries[0].priority) };
	uint64_t bytes;
	size_t i;

	for (*placed = 0; *placed < b->n; *placed += u.n) {
		u.entries = b->entries + *placed;
		u.n = b->n - *placed < BUNDLE_ENTRIES ? b->n - *placed : BUNDLE_ENTRIES;
		u.last = *placed + u.n == b->n;
		for (i = 0, bytes = 0; i < u.n; i++)
			bytes += u.entries[i].body;
		limit_add(b->q, u.n, bytes);
		if (send(&u) == -1) {
			int saved = errno;

			limit_release(b->q, u.n, bytes);
			errno = saved;
			return -1;
		}
	}
	return 0;
}
