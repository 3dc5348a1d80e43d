/*
 * fsdir.c - directories: read in large pieces, and removed with what is in them
 */
#include "base/fs.h"
#include "base/fsparts.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/syscall.h>
#else
#include <dirent.h>
#endif

#define DIR_BUF  (32 * 1024) /* to start with, as most directories are short */
#define DIR_MOST (256 * 1024)

int fs_dir_open(struct fs_dir *d, int dir, const char *path)
{
	d->at = d->end = 0;
	d->error = 0;
	d->size = DIR_BUF;
	d->buf = NULL;
	d->fd = fs_open_dir(dir, path);
	if (d->fd == -1)
		return -1;
	if ((d->buf = malloc(d->size)) == NULL) {
		fs_close(d->fd);
		errno = ENOMEM;
		return -1;
	}
	return 0;
}

#ifdef __linux__
/* As the kernel lays them out. */
struct dirent64_head {
	uint64_t ino;
	int64_t off;
	unsigned short reclen;
	unsigned char type;
	char name[];
};

/* A directory that has filled the buffer may have much more. */
static void enlarge(struct fs_dir *d)
{
	char *larger;

	if (d->end < d->size / 2 || d->size == DIR_MOST || (larger = malloc(DIR_MOST)) == NULL)
		return;
	free(d->buf);
	d->buf = larger;
	d->size = DIR_MOST;
}

static const char *dir_next(struct fs_dir *d)
{
	struct dirent64_head *e;
	long n;

	if (d->at == d->end) {
		enlarge(d);
		RETRY(n, syscall(SYS_getdents64, d->fd, d->buf, d->size));
		if (n <= 0) {
			if (n == 0 || errno == ENOENT) /* removed under us: empty */
				errno = 0;
			return NULL;
		}
		d->at = 0;
		d->end = (size_t)n;
	}
	e = (struct dirent64_head *)(void *)(d->buf + d->at);
	d->at += e->reclen;
	d->inode = e->ino;
	return e->name;
}
#else
static const char *dir_next(struct fs_dir *d)
{
	struct dirent *e;
	DIR **stream = (DIR **)(void *)d->buf;

	if (d->end == 0) {
		if ((*stream = fdopendir(d->fd)) == NULL)
			return NULL;
		d->end = 1;
	}
	errno = 0;
	e = readdir(*stream);
	d->inode = e ? e->d_ino : 0;
	return e ? e->d_name : NULL;
}
#endif

const char *fs_dir_next(struct fs_dir *d)
{
	const char *name;

	do
		name = dir_next(d);
	while (name && name[0] == '.');
	if (name == NULL)
		d->error = errno;
	return name;
}

int fs_dir_close(struct fs_dir *d)
{
	int saved = d->error ? d->error : errno, r = d->error ? -1 : 0;

#ifndef __linux__
	if (d->end) {
		closedir(*(DIR **)(void *)d->buf);
		d->fd = -1;
	}
#endif
	fs_close(d->fd);
	free(d->buf);
	d->buf = NULL;
	d->fd = -1;
	d->error = 0;
	errno = saved;
	return r;
}

int fs_dir_has(int dir, const char *path, size_t names)
{
	struct fs_dir d;
	size_t n = 0;

	if (fs_dir_open(&d, dir, path) == -1)
		return -1;
	while (n < names && fs_dir_next(&d) != NULL)
		n++;
	fs_dir_close(&d);
	return n == names;
}

/* Empty the directory d, one level; deeper ones by recursion. */
static int remove_inside(struct fs_dir *d)
{
	const char *name;

	while ((name = fs_dir_next(d)) != NULL)
		if (fs_unlink(d->fd, name) == -1 && errno != ENOENT)
			if ((errno != EISDIR && errno != EPERM) ||
			    fs_remove_tree(d->fd, name) == -1)
				return -1;
	return errno ? -1 : 0;
}

int fs_remove_tree(int dir, const char *path)
{
	struct fs_dir d;
	int tries, r;

	/* Others may still be adding to it: a few rounds, then tell. */
	for (tries = 0; tries < 16; tries++) {
		if (fs_dir_open(&d, dir, path) == -1)
			return errno == ENOENT ? 0 : -1;
		r = remove_inside(&d);
		fs_dir_close(&d);
		if (r == -1)
			return -1;
		if (fs_rmdir(dir, path) == 0 || errno == ENOENT)
			return 0;
		if (errno != ENOTEMPTY && errno != EEXIST)
			return -1;
	}
	return -1;
}

int fs_take_away(int dir, const char *path, const char *doomed)
{
	if (fs_rename(dir, path, dir, doomed) == 0)
		return 0;
	return errno == EXDEV ? fs_remove_tree(dir, path) : -1;
}
