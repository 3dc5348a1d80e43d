/*
 * snap.c - a directory that is remembered and made again: see snap.h
 *
 * Entries stand in the order of a walk, each directory before what is in it; so they
 * can be made one after the other, below the descriptors of those above.
 */
#include "snap.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEPTH_MAX 32

struct entry {
	char *name;
	unsigned depth;
	struct stat st;
	char *data;       /* of a file, or a link's target */
	int zeros;        /* are all that a file holds */
	size_t first;     /* an entry with the same inode: itself, or one before it */
	char *first_path; /* of one that has other names after it */
};

struct snap {
	struct entry *entries;
	size_t n, room;
};

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "order: %s: %s\n", what, strerror(errno));
	exit(2);
}

static int open_dir(int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd == -1)
		fail(name);
	return fd;
}

/* ---- take ------------------------------------------------------------------------ */

static char *read_file(int dir, const struct entry *e)
{
	size_t size = (size_t)e->st.st_size;
	char *data = malloc(size + 1);
	int fd = -1;
	ssize_t n;

	if (!data)
		fail("malloc");
	if (S_ISLNK(e->st.st_mode)) {
		n = readlinkat(dir, e->name, data, size + 1);
	} else {
		fd = openat(dir, e->name, O_RDONLY | O_CLOEXEC);
		n = read(fd, data, size);
		close(fd);
	}
	if (n != (ssize_t)size)
		fail(e->name);
	data[size] = '\0';
	return data;
}

/* Hard links are few: those of one file are looked for one by one. */
static size_t first_of(const struct snap *s, const struct stat *st)
{
	for (size_t i = 0; st->st_nlink > 1 && i < s->n; i++)
		if (s->entries[i].st.st_ino == st->st_ino)
			return i;
	return s->n;
}

static void add(struct snap *s, int dir, const char *path, const char *name, unsigned depth)
{
	struct entry *e;

	if (s->n == s->room) {
		s->room = s->room ? 2 * s->room : 64;
		s->entries = realloc(s->entries, s->room * sizeof(*s->entries));
	}
	if (!s->entries || depth == DEPTH_MAX)
		abort();
	e = &s->entries[s->n];
	memset(e, 0, sizeof(*e));
	e->name = strdup(name);
	e->depth = depth;
	if (fstatat(dir, name, &e->st, AT_SYMLINK_NOFOLLOW))
		fail(name);
	e->first = S_ISDIR(e->st.st_mode) ? s->n : first_of(s, &e->st);
	if (e->first == s->n && e->st.st_nlink > 1 &&
	    asprintf(&e->first_path, "%s/%s", path, name) < 0)
		abort();
	if (e->first == s->n && (S_ISREG(e->st.st_mode) || S_ISLNK(e->st.st_mode)))
		e->data = read_file(dir, e);
	e->zeros = e->data && e->st.st_size && !e->data[0] &&
	    memcmp(e->data, e->data + 1, (size_t)e->st.st_size - 1) == 0;
	s->n++;
}

static void walk(struct snap *s, int dir, const char *path, unsigned depth)
{
	DIR *d = fdopendir(dir);
	struct dirent *e;
	char *below;

	if (!d)
		fail(path);
	while ((e = readdir(d))) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		add(s, dir, path, e->d_name, depth);
		if (!S_ISDIR(s->entries[s->n - 1].st.st_mode))
			continue;
		if (asprintf(&below, "%s/%s", path, e->d_name) < 0)
			abort();
		walk(s, open_dir(dir, e->d_name), below, depth + 1);
		free(below);
	}
	closedir(d);
}

struct snap *snap_take(const char *path)
{
	struct snap *s = calloc(1, sizeof(*s));

	if (!s)
		abort();
	walk(s, open_dir(AT_FDCWD, path), ".", 0);
	return s;
}

void snap_free(struct snap *s)
{
	for (size_t i = 0; s && i < s->n; i++) {
		free(s->entries[i].name);
		free(s->entries[i].data);
		free(s->entries[i].first_path);
	}
	if (s)
		free(s->entries);
	free(s);
}

/* ---- restore --------------------------------------------------------------------- */

static void empty(int dir)
{
	DIR *d = fdopendir(dir);
	struct dirent *e;

	if (!d)
		fail("opendir");
	while ((e = readdir(d))) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (e->d_type != DT_DIR) {
			if (unlinkat(dir, e->d_name, 0))
				fail(e->d_name);
			continue;
		}
		empty(open_dir(dir, e->d_name));
		if (unlinkat(dir, e->d_name, AT_REMOVEDIR))
			fail(e->d_name);
	}
	closedir(d);
}

void snap_empty(const char *path)
{
	if (access(path, F_OK) == 0)
		empty(open_dir(AT_FDCWD, path));
	else if (mkdir(path, 0700))
		fail(path);
}

static void make_file(int dir, const struct entry *e)
{
	int fd =
	    openat(dir, e->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, e->st.st_mode & 07777);
	size_t size = (size_t)e->st.st_size;

	if (fd == -1 || fchmod(fd, e->st.st_mode & 07777))
		fail(e->name);
	if (e->zeros ? ftruncate(fd, e->st.st_size) :
		       size && write(fd, e->data, size) != (ssize_t)size)
		fail(e->name);
	futimens(fd, (struct timespec[]){ e->st.st_atim, e->st.st_mtim });
	close(fd);
}

static void make(const struct snap *s, const struct entry *e, int dir, int top)
{
	const struct entry *first = &s->entries[e->first];

	if (first != e) {
		if (linkat(top, first->first_path, dir, e->name, 0))
			fail(e->name);
	} else if (S_ISDIR(e->st.st_mode)) {
		if (mkdirat(dir, e->name, 0700) || fchmodat(dir, e->name, e->st.st_mode & 07777, 0))
			fail(e->name);
	} else if (S_ISREG(e->st.st_mode)) {
		make_file(dir, e);
	} else if (S_ISLNK(e->st.st_mode) ? symlinkat(e->data, dir, e->name) :
					    mknodat(dir, e->name, e->st.st_mode, 0)) {
		fail(e->name);
	}
}

void snap_restore(const struct snap *s, const char *path)
{
	int fds[DEPTH_MAX + 1];
	unsigned depth = 0;

	snap_empty(path);
	fds[0] = open_dir(AT_FDCWD, path);
	for (size_t i = 0; i < s->n; i++) {
		const struct entry *e = &s->entries[i];

		while (depth > e->depth)
			close(fds[depth--]);
		make(s, e, fds[depth], fds[0]);
		if (!S_ISDIR(e->st.st_mode))
			continue;
		fds[depth + 1] = open_dir(fds[depth], e->name);
		depth++;
	}
	for (;; depth--) {
		close(fds[depth]);
		if (depth == 0)
			break;
	}
}
