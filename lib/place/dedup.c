/*
 * dedup.c - one message for each deduplication id
 */
#include "place/dedup.h"

#include "base/hash.h"
#include "place/place.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PENDING       "dedup/pending"
#define PENDING_AGE   (10 * MQ_SECOND) /* older: its sender is gone, or slow */
#define MARKS_A_SWEEP 1000

static void pending_path(const char *hash, const char *name, char path[ENTRY_PATH])
{
	snprintf(path, ENTRY_PATH, PENDING "/%s~%s", hash, name);
}

static void mark_path(int64_t window, const char *hash, char path[ENTRY_PATH])
{
	snprintf(path, ENTRY_PATH, "dedup/%lld/%s", (long long)window, hash);
}

/* ---- marks ------------------------------------------------------------- */

/* Whether the message of that name was sent within the window around that time. */
static int counts_at(const mq_queue *q, const char *name, mq_time at)
{
	struct entry e;

	return entry_parse(name, &e) == 0 && key_time(e.key) > at - q->conf.dedup_window &&
	    key_time(e.key) < at + q->conf.dedup_window;
}

/* Read a mark: 1 when it is there and its message counts at that time. */
static int read_mark(mq_queue *q, int64_t window, const char *hash, mq_time at,
    char name[NAME_SIZE])
{
	char path[ENTRY_PATH];

	mark_path(window, hash, path);
	if (fs_readlink(q->fd, path, name, NAME_SIZE) == -1)
		return errno == ENOENT ? 0 : -1;
	return counts_at(q, name, at);
}

/* Look in all windows.  They are few: two, or more after the setting changed. */
static int find_mark(mq_queue *q, const char *hash, mq_time at, char name[NAME_SIZE])
{
	struct strip windows = { .dir = q->fd, .path = "dedup" };
	uint64_t *starts;
	size_t i, n;
	int found = 0;

	if (strip_segments(&windows, &starts, &n) == -1)
		return -1;
	for (i = 0; i < n && found == 0; i++)
		found = read_mark(q, (int64_t)starts[i], hash, at, name);
	free(starts);
	return found;
}

/* The mark must not be lost where its message is kept, or it would be accepted
 * once more. */
static int sync_mark(mq_queue *q, const char *window)
{
	if (!q->conf.sync || fs_keeps_order(q->fd))
		return 0;
	return fs_sync_way(q->fd, window);
}

static int make_mark(mq_queue *q, int64_t window, const char *hash, const char *name)
{
	char path[ENTRY_PATH], dir[ENTRY_PATH];
	int r;

	snprintf(dir, sizeof(dir), "dedup/%lld", (long long)window);
	mark_path(window, hash, path);
	r = fs_symlink(name, q->fd, path);
	while (fs_missed_dir(r, q->fd, dir)) /* or a sweep has just found it old */
		r = fs_symlink(name, q->fd, path);
	return r == 0 ? sync_mark(q, dir) : -1;
}

/* One of the two marks of the message of that name: 1 when it has it, or a mark that
 * does not count for it has the place; 0 when one that does has, and *other is that. */
static int contend(mq_queue *q, int64_t window, const char *hash, const char *name,
    char other[NAME_SIZE])
{
	char path[ENTRY_PATH];

	mark_path(window, hash, path);
	while (make_mark(q, window, hash, name) == -1) {
		if (errno != EEXIST)
			return -1;
		if (fs_readlink(q->fd, path, other, NAME_SIZE) == 0)
			return !strcmp(other, name) || !counts_at(q, other, key_time(name));
		if (errno != ENOENT)
			return -1;
	}
	return 1;
}

/* Both, in the order of the windows: as contend.  What matters is when the message was
 * sent, however late this comes. */
static int claim_marks(mq_queue *q, const char *hash, const char *name, char other[NAME_SIZE])
{
	int64_t length = q->conf.dedup_window / MQ_SECOND, at = key_time(name) / MQ_SECOND;
	int64_t window;
	int r;

	if (length < 1)
		length = 1;
	window = at - at % length;
	r = contend(q, window - length, hash, name, other);
	return r == 1 ? contend(q, window, hash, name, other) : r;
}

#define CHAIN 16 /* more follow each other only when somebody has made marks by hand */

/* Step 2, for the message of that name and whichever it meets: name is then the one that
 * counts.  Whoever does this comes to the same. */
static int resolve(mq_queue *q, const char *hash, char name[NAME_SIZE])
{
	char other[NAME_SIZE];
	int i, r = 0;

	for (i = 0; i < CHAIN && (r = claim_marks(q, hash, name, other)) == 0; i++)
		strcpy(name, other);
	return r == -1 ? -1 : 0;
}

/* ---- publishing -------------------------------------------------------- */

/* Step 3, by whoever comes: 1 when it was this call that did it. */
static int publish(mq_queue *q, const char *hash, const char *name)
{
	char path[ENTRY_PATH];
	struct source from = { q->fd, path, STRIP_RENAME };
	struct entry e;
	int r;

	if (entry_parse(name, &e) == -1)
		return 0;
	pending_path(hash, name, path);
	r = e.visible ? place_delayed(q, &from, &e) : place_ready(q, &from, &e, NULL);
	if (r == -1)
		return errno == ENOENT ? 0 : -1;
	return 1;
}

/* Steps 2 and 3 for a pending message: 1 when it is the one that counts. */
static int finish(mq_queue *q, const char *hash, const char *name, char counts[NAME_SIZE])
{
	char path[ENTRY_PATH];

	strcpy(counts, name);
	if (resolve(q, hash, counts) == -1 || publish(q, hash, counts) == -1)
		return -1;
	if (!strcmp(counts, name))
		return 1;
	pending_path(hash, name, path);
	fs_unlink(q->fd, path);
	return 0;
}

static int make_pending(mq_queue *q, const char *from, const char *pending)
{
	int r = fs_rename(q->fd, from, q->fd, pending);

	if (fs_missed_dir(r, q->fd, "dedup") && fs_have_dir(q->fd, PENDING) == 0)
		r = fs_rename(q->fd, from, q->fd, pending);
	return r;
}

int dedup_find(mq_queue *q, const char *id, struct entry *e)
{
	char hash[HASH_SIZE], name[NAME_SIZE];
	struct entry first;
	int r;

	hash_text(id, hash);
	if ((r = find_mark(q, hash, queue_now(q), name)) != 1)
		return r;
	/* Its sender may have been killed before it had both marks, or was in its line. */
	if (resolve(q, hash, name) == -1 || publish(q, hash, name) == -1 ||
	    entry_parse(name, &first) == -1)
		return -1;
	memcpy(e->id, first.id, KEY_SIZE);
	return 1;
}

int dedup_send(mq_queue *q, int fd, const char *path, struct entry *e, const char *id, int *first)
{
	char hash[HASH_SIZE], name[NAME_SIZE], counts[NAME_SIZE], pending[ENTRY_PATH];
	struct entry other;

	hash_text(id, hash);
	entry_format(e, name);
	pending_path(hash, name, pending);
	if (make_pending(q, path, pending) == -1)
		return -1;
	if (q->conf.sync &&
	    (fs_sync(fd) == -1 ||
		(!queue_sync_covers_name(q) && fs_sync_way(q->fd, PENDING) == -1)))
		return -1;
	/* On failure it stays pending: its mark may stand, and would swallow the
	 * retry of a message that is gone. */
	if ((*first = finish(q, hash, name, counts)) == -1)
		return -1;
	if (!*first && entry_parse(counts, &other) == 0)
		memcpy(e->id, other.id, KEY_SIZE);
	return 0;
}

/* ---- afterwards -------------------------------------------------------- */

/* It must not take the mark from the message that its sender sends again. */
static int is_torn(mq_queue *q, const char *hash, const char *name, const struct entry *e)
{
	char path[ENTRY_PATH];
	struct stat st;

	pending_path(hash, name, path);
	if (fs_stat(q->fd, path, &st) == -1 || place_is_torn(q, path, e, (uint64_t)st.st_size) != 1)
		return 0;
	line_bad(q, path);
	return 1;
}

/* A pending message whose sender is gone. */
static unsigned finish_pending(mq_queue *q, const char *file, int *trouble)
{
	char hash[HASH_SIZE], counts[NAME_SIZE];
	const char *name = strchr(file, '~');
	struct entry e;
	int done;

	if (name == NULL || name - file != HASH_SIZE - 1 || entry_parse(name + 1, &e) == -1 ||
	    key_time(e.key) > queue_now(q) - PENDING_AGE)
		return 0;
	memcpy(hash, file, HASH_SIZE - 1);
	hash[HASH_SIZE - 1] = '\0';
	if (is_torn(q, hash, name + 1, &e))
		return 0;
	if ((done = finish(q, hash, name + 1, counts)) == -1 && !*trouble)
		*trouble = errno;
	return done == 1;
}

static unsigned finish_all(mq_queue *q, int *trouble)
{
	struct fs_dir d;
	const char *file;
	unsigned n = 0;

	if (fs_dir_open(&d, q->fd, PENDING) == -1)
		return 0;
	while ((file = fs_dir_next(&d)) != NULL)
		n += finish_pending(q, file, trouble);
	if (fs_dir_close(&d) == -1 && !*trouble)
		*trouble = errno;
	return n;
}

static void empty_window(mq_queue *q, int64_t window)
{
	char path[ENTRY_PATH];
	struct fs_dir d;
	const char *mark;
	int n = 0;

	snprintf(path, sizeof(path), "dedup/%lld", (long long)window);
	if (fs_dir_open(&d, q->fd, path) == -1)
		return;
	while (n++ < MARKS_A_SWEEP && (mark = fs_dir_next(&d)) != NULL)
		fs_unlink(d.fd, mark);
	fs_dir_close(&d);
	fs_rmdir(q->fd, path);
}

static void remove_old_windows(mq_queue *q)
{
	struct strip windows = { .dir = q->fd, .path = "dedup" };
	int64_t over = (queue_now(q) - 2 * q->conf.dedup_window) / MQ_SECOND - 1;
	uint64_t *starts;
	size_t i, n;

	if (strip_segments(&windows, &starts, &n) == -1)
		return;
	for (i = 0; i < n && (int64_t)starts[i] < over; i++)
		empty_window(q, (int64_t)starts[i]);
	free(starts);
}

unsigned dedup_sweep(mq_queue *q, int *trouble)
{
	int there = fs_exists(q->fd, "dedup");
	unsigned finished;

	if (there == -1 && !*trouble)
		*trouble = errno;
	if (there != 1)
		return 0;
	finished = finish_all(q, trouble); /* while the marks of their time are there */
	remove_old_windows(q);
	return finished;
}
