/*
 * restore.c - a directory, with all below it, as it was
 *
 * What is there is removed first.  Directories, files, links, hard ones among each
 * other too, and pipes are copied, with their modes and times.
 */
#include "serve.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINKED 4096 /* files of several names, at most */

struct restore {
	char from[4096], to[4096]; /* the paths at hand */
	struct linked {
		ino_t inode;
		char *path; /* its first name */
	} * linked;
	size_t n;
};

_Noreturn static void fail(const char *path)
{
	fprintf(stderr, "restore: %s: %s\n", path, strerror(errno)); /* and no answer */
	exit(1);
}

/* Call each for every name in the directory, at the end of the paths. */
static void each_in(struct restore *r, const char *dir, void (*each)(struct restore *))
{
	size_t from = strlen(r->from), to = strlen(r->to);
	DIR *d = opendir(dir);
	struct dirent *e;

	if (!d)
		fail(dir);
	while ((e = readdir(d))) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		snprintf(r->from + from, sizeof(r->from) - from, "/%s", e->d_name);
		snprintf(r->to + to, sizeof(r->to) - to, "/%s", e->d_name);
		each(r);
		r->from[from] = r->to[to] = '\0';
	}
	closedir(d);
}

static void drop(struct restore *r)
{
	if (unlink(r->to) == 0 || errno == ENOENT)
		return;
	if (errno != EISDIR)
		fail(r->to);
	each_in(r, r->to, drop);
	if (rmdir(r->to))
		fail(r->to);
}

static void copy_file(const struct restore *r, const struct stat *st)
{
	int from = open(r->from, O_RDONLY | O_CLOEXEC);
	int to = open(r->to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	ssize_t n = 1;

	if (from == -1 || to == -1)
		fail(r->to);
	for (off_t left = st->st_size; left > 0 && n > 0; left -= n)
		n = copy_file_range(from, NULL, to, NULL, (size_t)left, 0);
	if (n <= 0 || close(to))
		fail(r->to);
	close(from);
}

static void copy_link(const struct restore *r)
{
	char text[4096];
	ssize_t n = readlink(r->from, text, sizeof(text) - 1);

	if (n < 0)
		fail(r->from);
	text[n] = '\0';
	if (symlink(text, r->to))
		fail(r->to);
}

/* Whether it is another name of a file that was copied: then it is here, too. */
static int copy_name(struct restore *r, const struct stat *st)
{
	if (st->st_nlink == 1 || S_ISDIR(st->st_mode))
		return 0;
	for (size_t i = 0; i < r->n; i++)
		if (r->linked[i].inode == st->st_ino) {
			if (link(r->linked[i].path, r->to))
				fail(r->to);
			return 1;
		}
	if (r->n == LINKED)
		abort();
	r->linked[r->n].inode = st->st_ino;
	r->linked[r->n++].path = strdup(r->to);
	return 0;
}

static void copy(struct restore *r)
{
	struct stat st;

	if (lstat(r->from, &st))
		fail(r->from);
	if (copy_name(r, &st))
		return;
	if (S_ISDIR(st.st_mode)) {
		if (mkdir(r->to, 0700))
			fail(r->to);
		each_in(r, r->from, copy);
	} else if (S_ISREG(st.st_mode)) {
		copy_file(r, &st);
	} else if (S_ISLNK(st.st_mode)) {
		copy_link(r);
	} else if (mknod(r->to, st.st_mode, 0)) {
		fail(r->to);
	}
	if (!S_ISLNK(st.st_mode) && chmod(r->to, st.st_mode & 07777))
		fail(r->to);
	if (utimensat(AT_FDCWD, r->to, (struct timespec[]){ st.st_atim, st.st_mtim },
		AT_SYMLINK_NOFOLLOW))
		fail(r->to);
}

void restore(const char *from, const char *to)
{
	struct linked linked[LINKED];
	struct restore r = { .linked = linked };

	snprintf(r.from, sizeof(r.from), "%s", from);
	snprintf(r.to, sizeof(r.to), "%s", to);
	drop(&r);
	if (access(r.from, F_OK) == 0)
		copy(&r);
	while (r.n)
		free(linked[--r.n].path);
}
