/*
 * prefetch.c - how much a named consumer has unacked
 */
#include "receive/prefetch.h"

#include "receive/lease.h"
#include "receive/sweep.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define QUIET_AGE (24 * 3600 * MQ_SECOND)

static void consumer_path(const char *consumer, const char *file, char path[ENTRY_PATH])
{
	snprintf(path, ENTRY_PATH, "consumers/%.64s%s%s", consumer, *file ? "/" : "", file);
}

static int make_consumer(mq_queue *q, const char *consumer)
{
	char path[ENTRY_PATH];

	consumer_path(consumer, "", path);
	if (fs_mkdir(q->fd, "consumers") == -1 && errno != EEXIST)
		return -1;
	return fs_mkdir(q->fd, path) == 0 || errno == EEXIST ? 0 : -1;
}

/* The lock of a consumer, made if need be; again, should it just be tidied up. */
static int lock_consumer(mq_queue *q, const char *consumer)
{
	char path[ENTRY_PATH];
	int fd, there;

	consumer_path(consumer, "lock", path);
	for (;;) {
		if ((fd = fs_lock(q->fd, path, LOCK_FOREVER)) != -1) {
			if ((there = fs_exists(q->fd, path)) == 1)
				return fd;
			fs_unlock(fd);
			if (there == -1)
				return -1;
		} else if (errno != ENOENT || make_consumer(q, consumer) == -1) {
			return -1;
		}
	}
}

/* The links to leases that are there; the others go. */
static int count_leases(mq_queue *q, const char *consumer, size_t *n)
{
	char path[ENTRY_PATH], lease[ENTRY_PATH];
	struct fs_dir d;
	const char *name;

	*n = 0;
	consumer_path(consumer, "", path);
	if (fs_dir_open(&d, q->fd, path) == -1)
		return -1;
	while ((name = fs_dir_next(&d)) != NULL) {
		consumer_path(consumer, name, path);
		if (fs_readlink(q->fd, path, lease, sizeof(lease)) == -1)
			continue;
		/* What cannot be looked at counts: a limit is not to be passed. */
		if (fs_exists(q->fd, lease) != 0)
			(*n)++;
		else
			fs_unlink(q->fd, path);
	}
	fs_dir_close(&d);
	return errno ? -1 : 0;
}

static int link_lease(const char *consumer, const mq_lease *l)
{
	char path[ENTRY_PATH], file[KEY_SIZE + 24];
	mq_queue *q = l->queue;
	int r;

	snprintf(file, sizeof(file), "%s~%016llx", l->entry.key,
	    (unsigned long long)l->entry.nonce);
	consumer_path(consumer, file, path);
	do
		r = fs_symlink(l->receipt, q->fd, path);
	while (r == -1 && spool_drop_ballast(q->spool));
	return r;
}

/* Link the leases; those that cannot be counted are given back. */
static int link_leases(mq_queue *q, const char *consumer, mq_lease **leases, size_t *n)
{
	size_t kept = 0;
	int r = MQ_OK;

	while (kept < *n && link_lease(consumer, leases[kept]) == 0)
		kept++;
	if (kept < *n && kept == 0)
		r = queue_fail(q, "cannot count what the consumer has");
	while (*n > kept) {
		mq_giveback(leases[--*n]);
		mq_lease_free(leases[*n]);
	}
	return r;
}

static int receive(mq_queue *q, const char *consumer, size_t prefetch, size_t max,
    mq_time visibility, mq_lease **leases, size_t *n)
{
	size_t has;
	int r;

	sweep(q, SWEEP_IF_DUE);
	if (count_leases(q, consumer, &has) == -1)
		return queue_fail(q, "cannot count what the consumer has");
	if (prefetch && has >= prefetch && sweep(q, SWEEP_NOW) > 0)
		count_leases(q, consumer, &has); /* some were over */
	if (prefetch && has >= prefetch)
		return fail(q->mq, MQ_BUSY, q->name, "prefetch reached");
	if (prefetch && max > prefetch - has)
		max = prefetch - has;
	r = mq_recv(q, max, visibility, leases, n);
	return r == MQ_OK ? link_leases(q, consumer, leases, n) : r;
}

int mq_recv_for(mq_queue *q, const char *consumer, size_t prefetch, size_t max, mq_time visibility,
    mq_lease **leases, size_t *n)
{
	int r, lock;

	*n = 0;
	if (!mq_valid_name(consumer))
		return fail(q->mq, MQ_USAGE, consumer, "not a consumer's name");
	if ((lock = lock_consumer(q, consumer)) == -1)
		return queue_fail(q, "cannot lock the consumer's leases");
	r = receive(q, consumer, prefetch, max, visibility, leases, n);
	fs_unlock(lock);
	return r;
}

/* ---- tidying up -------------------------------------------------------- */

static void tidy_consumer(mq_queue *q, const char *consumer)
{
	char dir[ENTRY_PATH], path[ENTRY_PATH];
	struct stat st;
	size_t has;
	int lock;

	consumer_path(consumer, "", dir);
	consumer_path(consumer, "lock", path);
	if (fs_stat(q->fd, dir, &st) == -1 || !S_ISDIR(st.st_mode) ||
	    fs_mtime(&st) > queue_now(q) - QUIET_AGE ||
	    (lock = fs_lock(q->fd, path, LOCK_AT_ONCE)) == -1)
		return;
	if (count_leases(q, consumer, &has) == 0 && has == 0) {
		fs_unlink(q->fd, path);
		fs_rmdir(q->fd, dir);
	}
	fs_unlock(lock);
}

void prefetch_tidy(mq_queue *q)
{
	struct fs_dir d;
	const char *name;

	if (fs_dir_open(&d, q->fd, "consumers") == -1)
		return;
	while ((name = fs_dir_next(&d)) != NULL)
		tidy_consumer(q, name);
	fs_dir_close(&d);
}
