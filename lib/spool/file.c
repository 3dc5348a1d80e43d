/*
 * file.c - a message's file, open
 */
#include "spool/file.h"

#include "base/fs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define AHEAD (64 * 1024)
#define SMALL 4096 /* larger reads go straight to the file */

struct file *file_open(int dir, const char *path)
{
	int fd = fs_open_message(dir, path);
	struct file *f = NULL;
	struct stat st;

	if (fd == -1)
		return NULL;
	if (fs_fstat(fd, &st) == -1 || (f = malloc(sizeof(*f))) == NULL) {
		fs_close(fd);
		return NULL;
	}
	*f = (struct file){ 1, fd, st.st_ino, (uint64_t)st.st_size, NULL, 0, 0 };
	return f;
}

struct file *file_ref(struct file *f)
{
	f->refs++;
	return f;
}

void file_unref(struct file *f)
{
	int saved = errno;

	if (f && --f->refs == 0) {
		fs_close(f->fd);
		free(f->ahead);
		free(f);
	}
	errno = saved;
}

/* Have what is at that place, and what follows. */
static int read_ahead(struct file *f, uint64_t at)
{
	ssize_t got;

	if (f->ahead == NULL && (f->ahead = malloc(AHEAD)) == NULL)
		return -1;
	f->n = 0;
	if ((got = fs_pread(f->fd, f->ahead, AHEAD, (off_t)at)) == -1)
		return -1;
	f->from = at;
	f->n = (size_t)got;
	return 0;
}

ssize_t file_read(struct file *f, void *buf, size_t n, uint64_t at)
{
	/* Of a message that was sent alone nothing follows. */
	if (n > SMALL || f->size <= at + n)
		return fs_pread(f->fd, buf, n, (off_t)at);
	if ((at < f->from || at + n > f->from + f->n) && read_ahead(f, at) == -1)
		return -1;
	if (n > f->from + f->n - at)
		n = (size_t)(f->from + f->n - at);
	memcpy(buf, f->ahead + (at - f->from), n);
	return (ssize_t)n;
}
