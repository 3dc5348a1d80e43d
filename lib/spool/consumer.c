/*
 * consumer.c - a named consumer, and what it has unacked
 */
#include "spool/consumer.h"

#include <errno.h>
#include <stdio.h>

#define QUIET_AGE (24 * 3600 * MQ_SECOND)

static void consumer_path(const char *consumer, const char *file, char path[ENTRY_PATH])
{
	snprintf(path, ENTRY_PATH, "consumers/%.64s%s%s", consumer, *file ? "/" : "", file);
}

static int make_consumer(mq_queue *q, const char *consumer)
{
	char path[ENTRY_PATH];

	consumer_path(consumer, "", path);
	if (fs_have_dir(q->fd, "consumers") == -1)
		return -1;
	return fs_have_dir(q->fd, path);
}

/* Made if need be; again, should it just be tidied up. */
int consumer_lock(mq_queue *q, const char *consumer)
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

int consumer_count(mq_queue *q, const char *consumer, size_t *n)
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

int consumer_link(mq_queue *q, const char *consumer, const struct entry *e, const char *lease)
{
	char path[ENTRY_PATH], file[KEY_SIZE + 24];
	int r;

	snprintf(file, sizeof(file), "%s~%016llx", e->key, (unsigned long long)e->nonce);
	consumer_path(consumer, file, path);
	do
		r = fs_symlink(lease, q->fd, path);
	while (r == -1 && spool_drop_ballast(q->spool));
	return r;
}

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
	if (consumer_count(q, consumer, &has) == 0 && has == 0) {
		fs_unlink(q->fd, path);
		fs_rmdir(q->fd, dir);
	}
	fs_unlock(lock);
}

void consumers_tidy(mq_queue *q)
{
	struct fs_dir d;
	const char *name;

	if (fs_dir_open(&d, q->fd, "consumers") == -1)
		return;
	while ((name = fs_dir_next(&d)) != NULL)
		tidy_consumer(q, name);
	fs_dir_close(&d);
}
