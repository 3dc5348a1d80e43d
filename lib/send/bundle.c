/*
 * bundle.c - a batch sent as bundles
 *
 *	1  make directories in tmp/, link the batch's file into them for each message
 *	2  rename the directories into the line, as bundles, and move its tail behind
 *	   them (strip.h)
 *
 * so that one rename publishes up to BUNDLE_ENTRIES messages, and another can
 * lease them.  A kill before the end leaves litter in tmp/, or bundles behind the
 * tail that nobody was told of.
 *
 * The sync of the file that follows makes durable what changed before the last
 * change of the file itself, on file systems that keep order.  As the directories
 * were renamed after that, and somebody's sync may have come in between, which
 * leaves nothing of the file to sync, the file is changed once more.  On others the
 * sync of the file says nothing of a directory: there each bundle is synced.
 */
#include "send/bundle.h"

#include "place/lane.h"
#include "place/place.h"
#include "spool/depth.h"

#include <errno.h>
#include <time.h>

#define INSTALL_TRIES 50
static const struct timespec install_pause = { 0, 200000 };

_Static_assert(BUNDLES *BUNDLE_ENTRIES >= BATCH_COUNT, "a batch fits into its bundles");

struct bundles {
	mq_batch *b;
	struct strip line;
	char path[BUNDLES][ENTRY_PATH];
	int dir[BUNDLES]; /* open */
	size_t n;
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

static size_t entries_to(const struct bundles *u, size_t bundles)
{
	size_t n = bundles * BUNDLE_ENTRIES;

	return n < u->b->n ? n : u->b->n;
}

/* One more directory, with what is for it.  The last link is a rename. */
static int fill(struct bundles *u)
{
	size_t i = entries_to(u, u->n), end = entries_to(u, u->n + 1);
	mq_queue *q = u->b->q;
	char name[NAME_SIZE];
	int r = 0, dir;

	queue_scratch(q, u->path[u->n]);
	if (fs_mkdir(q->fd, u->path[u->n]) == -1 || (dir = fs_open_dir(q->fd, u->path[u->n])) == -1)
		return -1;
	u->dir[u->n++] = dir;
	for (; r == 0 && i < end; i++) {
		entry_format(&u->b->entries[i], name);
		r = i == u->b->n - 1 ? fs_rename(q->fd, u->b->path, dir, name) :
				       fs_link(q->fd, u->b->path, dir, name);
	}
	return r;
}

static int fill_all(struct bundles *u)
{
	int r = 0;

	while (r == 0 && entries_to(u, u->n) < u->b->n)
		r = fill(u);
	return r;
}

/* Somebody else is moving the tail all the time. */
static int place_one_by_one(struct bundles *u, size_t *placed)
{
	char name[NAME_SIZE];
	struct source from = { -1, name, STRIP_RENAME };
	struct tails tails;

	tails_reset(u->b->q, &tails);
	for (; *placed < u->b->n; (*placed)++) {
		from.dir = u->dir[*placed / BUNDLE_ENTRIES];
		entry_format(&u->b->entries[*placed], name);
		if (place_ready(u->b->q, &from, &u->b->entries[*placed], &tails) == -1)
			return -1;
	}
	return 0;
}

/* Who has the lock has it for a moment, unless stopped: that is not waited for. */
static int install(struct bundles *u, size_t *placed)
{
	mq_queue *q = u->b->q;
	size_t done;
	int r, tries;

	for (tries = 0; tries < INSTALL_TRIES; tries++) {
		r = strip_install_all(&u->line, q->fd, u->path, u->n, &done, queue_scratch, q);
		*placed = entries_to(u, done);
		if (done > 0)
			queue_ring(q);
		if (r != 0)
			return r == 1 ? 0 : -1;
		nanosleep(&install_pause, NULL);
	}
	return place_one_by_one(u, placed);
}

static int make_durable(const struct bundles *u)
{
	size_t i;

	if (!u->b->q->conf.sync)
		return 0;
	if (fs_keeps_order(u->dir[0]))
		return fs_log_again(u->b->fd);
	for (i = 0; i < u->n; i++)
		if (fs_sync(u->dir[i]) == -1)
			return -1;
	return 0;
}

/* Directories that are not in the line are no use any more. */
static void drop(struct bundles *u)
{
	int saved = errno;

	while (u->n > 0) {
		fs_close(u->dir[--u->n]);
		fs_remove_tree(u->b->q->fd, u->path[u->n]);
	}
	errno = saved;
}

static uint64_t bytes_of(const mq_batch *b, size_t from)
{
	uint64_t bytes = 0;

	for (; from < b->n; from++)
		bytes += b->entries[from].body;
	return bytes;
}

int bundle_send(mq_batch *b, size_t *placed)
{
	struct bundles u = { .b = b,
		.line = queue_strip(b->q, LINE_READY, b->entries[0].priority) };
	int r, saved;

	*placed = 0;
	depth_add(b->q, b->n, bytes_of(b, 0));
	if ((r = fill_all(&u)) == 0)
		r = install(&u, placed);
	saved = errno;
	depth_release(b->q, b->n - *placed, bytes_of(b, *placed));
	errno = saved;
	/* What stands in the line but may be gone after a power cut was not accepted. */
	if (*placed > 0 && make_durable(&u) == -1) {
		*placed = 0;
		r = -1;
	}
	drop(&u);
	return r;
}
