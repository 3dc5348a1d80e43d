/*
 * line.c - the lines of a queue, and the buckets of what is not in one
 */
#include "spool/line.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

void bucket_path(const char *part, mq_time at, char path[STRIP_PATH])
{
	int64_t seconds = at / MQ_SECOND;

	snprintf(path, STRIP_PATH, "%s/%lld", part,
	    (long long)(seconds - seconds % BUCKET_SECONDS));
}

int bucket_list(mq_queue *q, const char *part, uint64_t **numbers, size_t *n)
{
	struct strip buckets = { .dir = q->fd };

	snprintf(buckets.path, sizeof(buckets.path), "%s", part);
	return strip_segments(&buckets, numbers, n);
}

mq_time bucket_time(uint64_t number)
{
	return number < INT64_MAX / MQ_SECOND ? (mq_time)number * MQ_SECOND : INT64_MAX;
}

void bucket_of(const char *path, char bucket[STRIP_PATH])
{
	size_t n = strcspn(path, "/") + 1;

	n += strcspn(path + n, "/");
	if (n >= STRIP_PATH)
		n = STRIP_PATH - 1;
	memcpy(bucket, path, n);
	bucket[n] = '\0';
}

void tails_reset(mq_queue *q, struct tails *t)
{
	unsigned lot = (unsigned)(nonce_next(&q->mq->nonce) % SEGMENT_ENTRIES), i;

	for (i = 0; i < LEVELS; i++) {
		t->segment[i] = STRIP_TAIL;
		t->lot[i] = lot;
	}
}

/* A segment of fewer entries takes more of them.  What is returned keeps its place by its
 * key as long as it is in one segment: a back line gets another only when it is long. */
#define FEW_ENTRIES 64
#define FEW_IN_BACK 1024

/* Whether this entry should be the last of its segment. */
static int time_to_rotate(mq_queue *q, enum line line, const struct strip *s, struct tails *t,
    unsigned level)
{
	char path[ENTRY_PATH];

	if (++t->lot[level] < SEGMENT_ENTRIES)
		return 0;
	t->lot[level] = 0;
	strip_entry_path(s, t->segment[level], ".", path);
	if (line == LINE_BACK)
		return fs_dir_has(q->fd, path, FEW_IN_BACK) == 1;
	/* Who may send and not look keeps to the bound. */
	return fs_dir_has(q->fd, path, FEW_ENTRIES) != 0;
}

/* Where the sync of a file does not cover its name, its directory must be
 * synced too. */
static int sync_segment(mq_queue *q, const struct strip *s, uint64_t segment)
{
	char path[ENTRY_PATH];

	if (queue_sync_covers_name(q) || !q->conf.sync || segment == STRIP_TAIL)
		return 0;
	strip_segment_path(s, segment, path);
	/* Gone: sealed, so all that was in it has been taken. */
	return fs_sync_way(q->fd, path) == 0 || errno == ENOENT ? 0 : -1;
}

int line_sync(mq_queue *q, struct tails *t)
{
	unsigned level;

	for (level = 0; level < LEVELS; level++) {
		struct strip s = queue_strip(q, LINE_READY, level);

		if (sync_segment(q, &s, t->segment[level]) == -1)
			return -1;
	}
	return 0;
}

int line_add(mq_queue *q, enum line line, const struct source *from, const struct entry *e,
    struct tails *t)
{
	struct strip s = queue_strip(q, line, e->priority);
	uint64_t *segment = &t->segment[e->priority];
	char name[NAME_SIZE];
	int r;

	entry_format(e, name);
	do
		r = strip_add(&s, segment, from->dir, from->path, name, from->how, queue_scratch,
		    q);
	while (r == -1 && line != LINE_READY && spool_drop_ballast(q->spool));
	if (r == -1)
		return -1;
	queue_ring(q);
	if (time_to_rotate(q, line, &s, t, e->priority)) {
		if (sync_segment(q, &s, *segment) == -1)
			return -1;
		strip_rotate(&s, *segment, queue_scratch, q); /* if not now, then later */
		*segment = STRIP_TAIL;
	}
	return 0;
}

int line_turn(mq_queue *q, const struct source *from, const struct entry *t)
{
	struct tails one;
	int r;

	tails_reset(q, &one);
	r = line_add(q, LINE_TURNS, from, t, &one);
	if (fs_missed_dir(r, q->fd, queue_line_dir(LINE_TURNS)))
		r = line_add(q, LINE_TURNS, from, t, &one); /* the first group */
	return r;
}

int line_delayed(mq_queue *q, const struct source *from, const struct entry *e)
{
	char bucket[STRIP_PATH], path[ENTRY_PATH], name[NAME_SIZE];
	int r;

	bucket_path("delayed", e->visible * MILLISECOND, bucket);
	entry_format(e, name);
	snprintf(path, sizeof(path), "%s/%s", bucket, name);
	for (;;) {
		r = strip_move(from->how, from->dir, from->path, q->fd, path);
		if (r == 0) {
			queue_due(q, e->visible * MILLISECOND);
			queue_ring(q);
			return queue_sync_covers_name(q) || !q->conf.sync ?
			    0 :
			    fs_sync_way(q->fd, bucket);
		}
		/* The bucket may not be there yet, or was just emptied. */
		if (fs_missed_dir_for(r, from->dir, from->path, q->fd, bucket))
			continue;
		if (from->how == STRIP_LINK || !spool_drop_ballast(q->spool))
			return -1;
	}
}

int line_bad(mq_queue *q, const char *path)
{
	const char *slash = strrchr(path, '/');
	char bad[ENTRY_PATH];
	int r;

	snprintf(bad, sizeof(bad), "bad/%.*s~%016llx", NAME_SIZE - 20, slash ? slash + 1 : path,
	    (unsigned long long)nonce_next(&q->mq->nonce));
	do {
		r = fs_rename(q->fd, path, q->fd, bad);
		if (fs_missed_dir(r, q->fd, "bad"))
			r = fs_rename(q->fd, path, q->fd, bad);
	} while (r == -1 && spool_drop_ballast(q->spool));
	return r;
}

int line_open(mq_queue *q, const struct strip *s, struct segment *g)
{
	int r;

	do
		r = strip_open(s, g);
	while (r == -1 && spool_drop_ballast(q->spool));
	return r;
}

int line_head(mq_queue *q, const struct strip *s, struct segment *g)
{
	int r;

	do
		r = strip_head(s, g, queue_scratch, q);
	while (r == -1 && spool_drop_ballast(q->spool));
	return r;
}
