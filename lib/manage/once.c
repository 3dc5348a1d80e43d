/*
 * once.c - work that is to be done once under a key
 *
 *	SPOOL/once/HH/HASH    of the key; empty while it is not done, else the
 *	                      key's text, and its mtime is when that is forgotten
 *
 *	begin   lock the file; when it is no longer the one that bears the name,
 *	        again.  It says whether the work is done.
 *	done    another file, written and synced, takes its name.
 *	end     unlock; and remove it if it is still empty.
 *
 * A process that dies has done nothing: its lock is free.
 */
#include "base/hash.h"
#include "spool/queue.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIDY_CHANCE 64
#define ONCE_PATH   64

struct mq_once {
	mq *mq;
	char *key;
	int lock;
	char path[ONCE_PATH];
};

/* ---- the file ---------------------------------------------------------- */

static void once_path(const char *key, char path[ONCE_PATH])
{
	char hash[HASH_SIZE];

	hash_text(key, hash);
	snprintf(path, ONCE_PATH, "once/%.2s/%s", hash, hash);
}

static int make_directories(int spool, const char *path)
{
	char dir[ONCE_PATH];

	snprintf(dir, sizeof(dir), "%.*s", (int)(strrchr(path, '/') - path), path);
	if (fs_have_dir(spool, "once") == -1)
		return -1;
	return fs_have_dir(spool, dir);
}

/* Whether the locked file bears the name: 1, 0, or -1 with errno. */
static int has_name(int spool, const char *path, int lock, struct stat *st)
{
	struct stat named;

	if (fs_fstat(lock, st) == -1)
		return -1;
	if (fs_stat(spool, path, &named) == -1)
		return errno == ENOENT ? 0 : -1;
	return named.st_ino == st->st_ino && named.st_dev == st->st_dev;
}

/* Lock the file that bears the name, waiting for whoever has it. */
static int lock_file(int spool, const char *path, struct stat *st)
{
	int lock, ours;

	for (;;) {
		if ((lock = fs_lock(spool, path, LOCK_FOREVER)) != -1) {
			if ((ours = has_name(spool, path, lock, st)) == 1)
				return lock;
			fs_unlock(lock);
			if (ours == -1)
				return -1;
		} else if (errno != ENOENT || make_directories(spool, path) == -1) {
			return -1;
		}
	}
}

static int is_done(const struct stat *st, mq_time now)
{
	return st->st_size > 0 && fs_mtime(st) > now;
}

/* Remove what is forgotten of those that share the directory. */
static void tidy(mq *h, const char *path)
{
	mq_time now = mq_now(h);
	char dir[ONCE_PATH], other[ENTRY_PATH];
	struct fs_dir d;
	struct stat st;
	const char *name;
	int lock;

	snprintf(dir, sizeof(dir), "%.*s", (int)(strrchr(path, '/') - path), path);
	if (fs_dir_open(&d, h->spool->fd, dir) == -1)
		return;
	while ((name = fs_dir_next(&d)) != NULL) {
		snprintf(other, sizeof(other), "%s/%.*s", dir, HASH_SIZE, name);
		if (fs_stat(h->spool->fd, other, &st) == -1 || is_done(&st, now) ||
		    (lock = fs_lock(h->spool->fd, other, LOCK_AT_ONCE)) == -1)
			continue;
		if (has_name(h->spool->fd, other, lock, &st) == 1 && !is_done(&st, now))
			fs_unlink(h->spool->fd, other);
		fs_unlock(lock);
	}
	fs_dir_close(&d);
}

/* ---- the verb ---------------------------------------------------------- */

int mq_once_begin(mq *h, const char *key, mq_once **out)
{
	struct stat st;
	mq_once *o;
	int r;

	*out = NULL;
	if (*key == '\0')
		return fail(h, MQ_USAGE, h->path, "an empty key");
	if ((r = spool_enter_or_make(h)) != MQ_OK)
		return r;
	if ((o = calloc(1, sizeof(*o))) == NULL || (o->key = strdup(key)) == NULL) {
		free(o);
		return fail_errno(h, key, "cannot begin");
	}
	o->mq = h;
	once_path(key, o->path);
	if ((o->lock = lock_file(h->spool->fd, o->path, &st)) == -1)
		r = fail_errno(h, key, "cannot lock the key");
	else if (is_done(&st, mq_now(h)))
		r = fail(h, MQ_EMPTY, key, "done before");
	if (r != MQ_OK) {
		mq_once_end(o);
		return r;
	}
	if (nonce_next(&h->nonce) % TIDY_CHANCE == 0)
		tidy(h, o->path);
	*out = o;
	return MQ_OK;
}

int mq_once_fd(const mq_once *o)
{
	return o->lock;
}

static int write_done(mq_once *o, const char *made, mq_time until)
{
	int spool = o->mq->spool->fd, fd = fs_create(spool, made), r = -1;
	struct stat st;

	if (fd == -1)
		return -1;
	if (fs_fstat(fd, &st) == 0 && fs_write(fd, o->key, strlen(o->key)) == 0 &&
	    fs_set_mtime(spool, made, fs_keepable(&st, until)) == 0 && fs_sync(fd) == 0 &&
	    fs_rename(spool, made, spool, o->path) == 0)
		r = fs_sync_name(fd, spool, o->path);
	fs_close(fd);
	return r;
}

int mq_once_done(mq_once *o, mq_time window)
{
	char made[64];
	int saved;

	scratch_path(o->mq, made, sizeof(made));
	if (write_done(o, made, mq_now(o->mq) + window) == 0)
		return MQ_OK;
	saved = errno;
	fs_unlink(o->mq->spool->fd, made);
	errno = saved;
	return fail_errno(o->mq, o->key, "cannot remember that it is done");
}

void mq_once_end(mq_once *o)
{
	struct stat st;

	if (o == NULL)
		return;
	if (o->lock != -1) {
		if (has_name(o->mq->spool->fd, o->path, o->lock, &st) == 1 && st.st_size == 0)
			fs_unlink(o->mq->spool->fd, o->path);
		fs_unlock(o->lock);
	}
	free(o->key);
	free(o);
}
