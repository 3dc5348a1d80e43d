/*
 * watch.c - what to watch of a queue, and until when
 *
 * A message becomes visible when an entry comes to the last segment of a line
 * (or a line gets another one, or a level its first line), when a delay or a
 * lease ends, or when the settings change.  What ends first stands in the
 * first buckets: those that have begun are read; of the first later one that
 * is not empty its beginning is near enough.  Buckets up to there, and new
 * ones, are watched, for what ends earlier would come to one of them.
 */
#include "receive/watch.h"

#include "place/place.h"
#include "spool/sources.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLOCKS_READ 256 /* of one look; with more, look again in a second */

struct ending {
	mq_queue *q;
	struct events *events;
	mq_time now;
	mq_time first; /* INT64_MAX: nothing ends */
	unsigned read;
};

static int watch(mq_queue *q, const char *part, struct events *e, unsigned what)
{
	char path[4096 + ENTRY_PATH];

	if (snprintf(path, sizeof(path), "%s%s%s", q->path, *part ? "/" : "", part) >=
	    (int)sizeof(path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	/* What is gone needs no watch: its directory tells of another. */
	return events_watch(e, path, what) == 0 || errno == ENOENT ? 0 : -1;
}

/* The strip first: should its tail move on after this, that is told. */
static int watch_line(mq_queue *q, enum line line, unsigned level, struct events *e)
{
	struct strip s = queue_strip(q, line, level);
	char path[ENTRY_PATH];
	uint64_t tail;

	if (watch(q, s.path, e, EVENTS_COME) == -1)
		return -1;
	if (strip_tail(&s, &tail) == -1)
		return 0;
	strip_entry_path(&s, tail, "", path);
	return watch(q, path, e, EVENTS_COME);
}

static int watch_lines(mq_queue *q, struct events *e)
{
	enum line line;
	unsigned level, mask;

	for (line = LINE_READY; line < LINES; line++) {
		if (watch(q, queue_line_dir(line), e, EVENTS_COME) == -1 ||
		    queue_levels(q, line, &mask) == -1)
			return -1;
		for (level = 0; level < LEVELS; level++)
			if (mask & 1u << level && watch_line(q, line, level, e) == -1)
				return -1;
	}
	return 0;
}

/* ---- what ends ---------------------------------------------------------- */

static void ends_at(struct ending *x, mq_time at)
{
	if (at < x->first)
		x->first = at;
}

static void read_clock(struct ending *x, const char *bucket, const char *name)
{
	char path[ENTRY_PATH];
	struct stat st;

	if (x->read++ >= CLOCKS_READ) {
		ends_at(x, x->now + MQ_SECOND);
		return;
	}
	snprintf(path, sizeof(path), "%s/%.*s", bucket, CLOCK_SIZE, name);
	if (fs_stat(x->q->fd, path, &st) == 0)
		ends_at(x, fs_mtime(&st));
}

static int read_bucket(struct ending *x, const char *bucket, int begun);

/* What the name says of when its lease or delay ends. */
static void read_name(struct ending *x, const char *bucket, const char *name)
{
	struct clock_name clock;
	char marked[STRIP_PATH];
	struct entry e;

	if (clock_name_parse(name, &clock) == 0) {
		read_clock(x, bucket, name);
	} else if (name[0] == '@' && strlen(name) <= 12) {
		snprintf(marked, sizeof(marked), "leased/%s", name + 1);
		read_bucket(x, marked, 1);
	} else if (entry_parse(name, &e) == 0 && e.visible) {
		ends_at(x, e.visible * MILLISECOND);
	}
}

/* 1 when it has anything in it; its names are read when it has begun. */
static int read_bucket(struct ending *x, const char *bucket, int begun)
{
	struct fs_dir d;
	const char *name;
	int any = 0;

	if (fs_dir_open(&d, x->q->fd, bucket) == -1)
		return 0;
	while ((name = fs_dir_next(&d)) != NULL && (begun || !any)) {
		any = 1;
		if (begun)
			read_name(x, bucket, name);
	}
	fs_dir_close(&d);
	return any;
}

static int watch_bucket(struct ending *x, const char *part, mq_time due, int *later)
{
	char bucket[STRIP_PATH];
	int begun = due <= x->now;

	bucket_path(part, due, bucket);
	if (watch(x->q, bucket, x->events, EVENTS_COME) == -1)
		return -1;
	if (read_bucket(x, bucket, begun) && !begun) {
		ends_at(x, due);
		*later = 1;
	}
	return 0;
}

static int watch_buckets(struct ending *x, const char *part)
{
	int r, later = 0;
	uint64_t *due;
	size_t i, n;

	if ((r = watch(x->q, part, x->events, EVENTS_COME | EVENTS_TOUCH)) == -1 ||
	    bucket_list(x->q, part, &due, &n) == -1)
		return -1;
	for (i = 0; r == 0 && i < n && !later; i++)
		r = watch_bucket(x, part, bucket_time(due[i]), &later);
	free(due);
	return r;
}

/* A lease of a source may lapse into the queue.  A receive there is no reason to wake:
 * of leases that were taken since, the first lapses one visibility timeout from now, or
 * when its directory's time has come. */
static int watch_source(void *ctx, mq_queue *source)
{
	struct ending *x = ctx, there = { source, x->events, x->now, INT64_MAX, 0 };
	char bucket[STRIP_PATH];
	uint64_t *due;
	size_t i, n;

	if (source->conf.max_receives == 0)
		return 0; /* nothing dies of a lapse */
	if (watch(source, "leased", x->events, EVENTS_COME | EVENTS_TOUCH) == -1 ||
	    bucket_list(source, "leased", &due, &n) == -1)
		return -1;
	for (i = 0; i < n && bucket_time(due[i]) <= x->now; i++) {
		bucket_path("leased", bucket_time(due[i]), bucket);
		read_bucket(&there, bucket, 1);
		/* It may be made for a lease that is not there yet. */
		ends_at(&there, x->now + source->conf.visibility);
	}
	if (i < n)
		ends_at(&there, bucket_time(due[i]));
	free(due);
	ends_at(x, there.first);
	return 0;
}

int watch_messages(mq_queue *q, struct events *e, mq_time *within)
{
	struct ending x = { q, e, queue_now(q), INT64_MAX, 0 };

	*within = -1;
	if (watch(q, "", e, EVENTS_COME) == -1 || watch_lines(q, e) == -1 ||
	    watch_buckets(&x, "leased") == -1 || watch_buckets(&x, "delayed") == -1 ||
	    source_walk(q, watch_source, &x) == -1)
		return -1;
	if (x.first != INT64_MAX && !q->conf.paused)
		*within = x.first > x.now ? x.first - x.now : 0;
	if (q->repair_again)
		*within = 0; /* a lock is held, and nothing tells when it is free */
	return 0;
}

/* ---- what makes room ---------------------------------------------------- */

int watch_room(mq_queue *q, struct events *e)
{
	char bucket[STRIP_PATH];
	uint64_t *due;
	size_t i, n;
	int r;

	if (watch(q, "", e, EVENTS_COME) == -1 ||
	    watch(q, "leased", e, EVENTS_COME | EVENTS_TOUCH) == -1 ||
	    bucket_list(q, "leased", &due, &n) == -1)
		return -1;
	for (i = 0, r = 0; r == 0 && i < n; i++) {
		bucket_path("leased", bucket_time(due[i]), bucket);
		r = watch(q, bucket, e, EVENTS_LEAVE);
	}
	free(due);
	return r;
}

int watch_leaving(const char *path, struct events *e)
{
	size_t n = (size_t)(strrchr(path, '/') - path);
	char *dir = strndup(path, n);
	int r = dir ? events_watch(e, dir, EVENTS_LEAVE) : -1;

	free(dir);
	return r;
}

void watch_poke(mq_queue *q)
{
	fs_touch(q->fd, "leased");
}
