/*
 * spool.c - the handle, its errors, and the spool's directory
 *
 * A spool is made in place, in an order that a kill at any point leaves ready
 * for the next command to go on with: directories first, version last.  A
 * directory with anything else in it is somebody's, and refused.
 */
#include "spool/spool.h"

#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BALLAST_FILES 16 /* room is blocks and files: */
#define BALLAST_SIZE  (16 * 1024)
#define RESERVE_SIZE  (512 * 1024) /* of bytes, and */
#define RESERVE_FILES 16

mq *mq_open(const char *path)
{
	mq *h = calloc(1, sizeof(*h));

	if (h && (h->path = strdup(path)) == NULL) {
		free(h);
		h = NULL;
	}
	return h;
}

const char *mq_error(const mq *h)
{
	return h->error;
}

const char *mq_error_of(const mq *h, const char *object)
{
	size_t n = strlen(object);

	return strncmp(h->error, object, n) == 0 && strncmp(h->error + n, ": ", 2) == 0 ?
	    h->error + n + 2 :
	    h->error;
}

mq_time mq_now(const mq *h)
{
	return clock_wall(&h->clock);
}

void mq_clock_shift(mq *h, mq_time passed, mq_time stepped)
{
	h->clock.passed = passed;
	h->clock.stepped = stepped;
}

void mq_poll(mq *h)
{
	h->polling = 1;
}

int fail(mq *h, int status, const char *object, const char *what)
{
	char line[sizeof(h->error)];

	/* By way of a copy: the object may be the old text.  What is wrong
	 * matters more than all of a name that is no name. */
	snprintf(line, sizeof(line), "%.*s: %s", ERROR_SIZE - 512, object, what);
	memcpy(h->error, line, sizeof(line));
	return status;
}

int fail_not_in(mq *h, const char *root, const char *object, const char *what)
{
	char line[256];

	snprintf(line, sizeof(line), "%s in %.200s", what, root);
	return fail(h, MQ_NOTFOUND, object, line);
}

int mq_status_of_errno(int error)
{
	switch (error) {
	case ENOSPC:
	case EDQUOT:
	case EWOULDBLOCK: /* another has the lock, for longer than one waits for it */
		return MQ_BUSY;
	case EACCES:
	case EPERM:
	case EROFS:
		return MQ_DENIED;
	default:
		return MQ_IO;
	}
}

int fail_errno(mq *h, const char *object, const char *what)
{
	int e = errno;
	char line[256];

	snprintf(line, sizeof(line), "%s: %s", what,
	    e == EWOULDBLOCK ? "another process has held the lock for too long" : strerror(e));
	return fail(h, mq_status_of_errno(e), object, line);
}

void scratch_path(mq *h, char *path, size_t size)
{
	snprintf(path, size, "tmp/%016llx", (unsigned long long)nonce_next(&h->nonce));
}

/* ---- opening ----------------------------------------------------------- */

static int check_version(mq *h, int fd, const char *path)
{
	char *text = fs_slurp(fd, "version");
	char expected[32];
	int r = MQ_OK;

	if (text == NULL)
		return errno == ENOENT ?
		    fail(h, MQ_CREATE, path, "not a spool: it has no version") :
		    fail_errno(h, path, "cannot read version");
	snprintf(expected, sizeof(expected), "mq spool %d\n", SPOOL_FORMAT);
	if (strcmp(text, expected) != 0)
		r = fail(h, MQ_SETTING, path, "a spool format that this release does not know");
	free(text);
	return r;
}

static struct spool *new_spool(mq *h, int fd, const char *path, int *status)
{
	struct spool *s = calloc(1, sizeof(*s));

	if (s == NULL || (s->root = realpath(path, NULL)) == NULL) {
		*status = fail_errno(h, path, "cannot open the spool");
		free(s);
		fs_close(fd);
		return NULL;
	}
	s->refs = 1;
	s->fd = fd;
	*status = MQ_OK;
	return s;
}

static int not_a_directory(mq *h, const char *path)
{
	return fail(h, MQ_CREATE, path, "not a spool: not a directory");
}

struct spool *spool_open(mq *h, const char *path, int *status)
{
	int fd = fs_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY);

	if (fd == -1) {
		*status = errno == ENOENT ? fail(h, MQ_NOTFOUND, path, "no such spool") :
		    errno == ENOTDIR      ? not_a_directory(h, path) :
					    fail_errno(h, path, "cannot open the spool");
		return NULL;
	}
	if ((*status = check_version(h, fd, path)) != MQ_OK) {
		fs_close(fd);
		return NULL;
	}
	return new_spool(h, fd, path, status);
}

struct spool *spool_ref(struct spool *s)
{
	s->refs++;
	return s;
}

void spool_unref(struct spool *s)
{
	if (s == NULL || --s->refs > 0)
		return;
	fs_close(s->fd);
	free(s->root);
	free(s);
}

int spool_enter(mq *h)
{
	int status = MQ_OK;

	if (h->spool == NULL)
		h->spool = spool_open(h, h->path, &status);
	return status;
}

/* ---- making ------------------------------------------------------------ */

static const char *const parts[] = { "tmp", "q" };

/* Whether the directory is empty, or a spool that somebody began to make, or has
 * made meanwhile. */
static int may_become_spool(int fd)
{
	struct fs_dir d;
	const char *name;
	int begun = 1, made = 0;

	if (fs_dir_open(&d, fd, ".") == -1)
		return -1;
	while ((name = fs_dir_next(&d)) != NULL) {
		begun &= !strcmp(name, "tmp") || !strcmp(name, "q") || !strcmp(name, "ballast") ||
		    !strcmp(name, "lost+found");
		made |= !strcmp(name, "version");
	}
	return fs_dir_close(&d) == -1 ? -1 : begun || made;
}

/* The path with its parents, private: whoever shares a spool opens its root. */
static int make_parents(const char *path)
{
	char *copy = strdup(path), *p;
	int r = 0;

	if (copy == NULL)
		return -1;
	for (p = copy + 1; r == 0 && *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		if (fs_mkdir_private(AT_FDCWD, copy) == -1 && errno != EEXIST)
			r = -1;
		*p = '/';
	}
	if (r == 0 && fs_mkdir_private(AT_FDCWD, copy) == -1 && errno != EEXIST)
		r = -1;
	free(copy);
	return r;
}

static int write_version(mq *h, int fd)
{
	char made[64], text[32];
	int r = -1, out, n;

	scratch_path(h, made, sizeof(made));
	if ((out = fs_create(fd, made)) == -1)
		return -1;
	n = snprintf(text, sizeof(text), "mq spool %d\n", SPOOL_FORMAT);
	if (fs_write(out, text, (size_t)n) == 0 && fs_sync(out) == 0 &&
	    (fs_link(fd, made, fd, "version") == 0 || errno == EEXIST))
		r = 0;
	fs_unlink(fd, made);
	fs_close(out);
	return r;
}

static int fill_spool(mq *h, int fd)
{
	size_t i;

	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (fs_have_dir(fd, parts[i]) == -1)
			return -1;
	if (write_version(h, fd) == -1)
		return -1;
	return fs_sync(fd);
}

static int make_spool(mq *h)
{
	int fd, r = MQ_OK, ours;

	if (make_parents(h->path) == -1 ||
	    (fd = fs_open(AT_FDCWD, h->path, O_RDONLY | O_DIRECTORY)) == -1)
		return errno == ENOTDIR ? not_a_directory(h, h->path) :
					  fail_errno(h, h->path, "cannot make the spool");
	ours = may_become_spool(fd);
	if (ours == 0)
		r = fail(h, MQ_CREATE, h->path, "not a spool, and not empty");
	else if (ours == -1 || fill_spool(h, fd) == -1)
		r = fail_errno(h, h->path, "cannot make the spool");
	fs_close(fd);
	return r;
}

int spool_enter_or_make(mq *h)
{
	char *version;
	int r, there;

	if (h->spool)
		return MQ_OK;
	if (asprintf(&version, "%s/version", h->path) == -1)
		return fail_errno(h, h->path, "cannot open the spool");
	there = fs_exists(AT_FDCWD, version);
	free(version);
	if (there == -1)
		return fail_errno(h, h->path, "cannot open the spool");
	if (there == 0 && (r = make_spool(h)) != MQ_OK)
		return r;
	if ((r = spool_enter(h)) == MQ_OK)
		spool_lay_ballast(h, h->spool);
	return r;
}

/* ---- a full disk ------------------------------------------------------- */

static void ballast_path(int i, char path[32])
{
	snprintf(path, 32, "ballast/%d", i);
}

int spool_drop_ballast(struct spool *s)
{
	int saved = errno, dropped = 0, i;
	char path[32];

	if (saved != ENOSPC && saved != EDQUOT)
		return 0;
	for (i = 0; i < BALLAST_FILES && !dropped; i++) {
		ballast_path(i, path);
		dropped = fs_unlink(s->fd, path) == 0;
	}
	errno = saved;
	return dropped;
}

int spool_has_room(struct spool *s)
{
	uint64_t bytes, files;

	if (fs_free(s->fd, &bytes, &files) == -1)
		return 1; /* not told: the writes themselves will tell */
	return bytes >= RESERVE_SIZE && files >= RESERVE_FILES;
}

/* Written, not only reserved: it must be blocks that unlink gives back. */
static int lay_one(mq *h, struct spool *s, const char *path)
{
	static const char text[BALLAST_SIZE] = "This room is given back when the disk is full.\n";
	char made[64];
	int fd, r = -1;

	scratch_path(h, made, sizeof(made));
	if ((fd = fs_create(s->fd, made)) == -1)
		return -1;
	if (fs_write(fd, text, sizeof(text)) == 0)
		r = fs_link(s->fd, made, s->fd, path);
	fs_unlink(s->fd, made);
	fs_close(fd);
	return r;
}

void spool_lay_ballast(mq *h, struct spool *s)
{
	uint64_t bytes, files;
	char path[32];
	int i;

	/* The first is the first to go and the last to come: it speaks for all. */
	ballast_path(0, path);
	if (fs_exists(s->fd, path) == 1 || fs_free(s->fd, &bytes, &files) == -1 ||
	    bytes < RESERVE_SIZE + 2 * BALLAST_FILES * BALLAST_SIZE ||
	    files < RESERVE_FILES + 2 * BALLAST_FILES)
		return;
	if (fs_have_dir(s->fd, "ballast") == -1)
		return;
	for (i = BALLAST_FILES - 1; i >= 0; i--) {
		ballast_path(i, path);
		if (lay_one(h, s, path) == -1 && errno != EEXIST)
			return;
	}
}
