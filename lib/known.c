/*
 * known.c - leaf: what directories were found to hold, remembered in a file
 */
#include "known.h"

#include "fs.h"
#include "grow.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC    UINT64_C(0x316e776f6e6b716d) /* "mqknown1" */
#define LARGEST  (64 * 1024 * 1024)
#define SETTLED  (INT64_C(2) * 1000000000) /* longer than the step of any file's times */
#define WORTH    500                       /* entries: less is counted as soon as read */
#define WORTH_OF 16                        /* and so much of what is known already */

struct head {
	uint64_t magic, kind, n, check;
};

/* FNV-1a, of words: against what a crash leaves, not against malice. */
static uint64_t sum_up(const struct known_dir *d, size_t n)
{
	const uint64_t *word = (const uint64_t *)(const void *)d;
	uint64_t sum = UINT64_C(0xcbf29ce484222325);
	size_t i;

	for (i = 0; i < n * sizeof(*d) / sizeof(*word); i++)
		sum = (sum ^ word[i]) * UINT64_C(0x100000001b3);
	return sum;
}

static void read_old(struct known *k, int fd, uint64_t size)
{
	struct head h;
	size_t bytes;

	if (size < sizeof(h) || size > LARGEST || fs_read(fd, &h, sizeof(h)) != sizeof(h))
		return;
	bytes = size - sizeof(h);
	if (h.magic != MAGIC || h.kind != k->kind || h.n == 0 || h.n != bytes / sizeof(*k->old) ||
	    (k->old = malloc(bytes)) == NULL)
		return;
	if (fs_read(fd, k->old, bytes) == (ssize_t)bytes && sum_up(k->old, h.n) == h.check)
		k->nold = h.n;
}

void known_load(struct known *k, int dir, const char *path, uint64_t kind)
{
	struct stat st;
	int fd;

	memset(k, 0, sizeof(*k));
	k->kind = kind;
	if ((fd = fs_open(dir, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)) == -1)
		return;
	if (fs_fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		read_old(k, fd, (uint64_t)st.st_size);
	fs_close(fd);
}

static int64_t ctime_of(const struct stat *st)
{
	return st->st_ctim.tv_sec * INT64_C(1000000000) + st->st_ctim.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	const struct known_dir *x = a, *y = b;

	return x->inode < y->inode ? -1 : x->inode > y->inode;
}

static void keep(struct known *k, const struct known_dir *d)
{
	struct known_dir *grown = grow(k->new, &k->room, k->nnew + 1, sizeof(*grown));

	if (grown == NULL)
		return;
	k->new = grown;
	k->new[k->nnew++] = *d;
}

int known_find(struct known *k, const struct stat *st, int64_t now, struct tally *t)
{
	struct known_dir wanted = { .inode = st->st_ino }, *d;

	if (k->nold == 0)
		return 0;
	d = bsearch(&wanted, k->old, k->nold, sizeof(*d), compare);
	if (d == NULL || d->mtime != fs_mtime(st) || d->ctime != ctime_of(st) || d->until <= now)
		return 0;
	*t = d->tally;
	keep(k, d);
	return 1;
}

void known_put(struct known *k, const struct stat *st, int64_t now, int64_t until,
    const struct tally *t)
{
	struct known_dir d = { st->st_ino, fs_mtime(st), ctime_of(st), until, *t };

	if (d.mtime > now - SETTLED || d.ctime > now - SETTLED)
		return;
	keep(k, &d);
	k->counted += t->n;
}

static uint64_t entries_of(const struct known *k)
{
	uint64_t n = 0;
	size_t i;

	for (i = 0; i < k->nnew; i++)
		n += k->new[i].tally.n;
	return n;
}

void known_save(struct known *k, int dir, const char *path, const char *scratch)
{
	struct head h = { MAGIC, k->kind, k->nnew, 0 };
	int fd, r;

	if (k->counted < WORTH || k->counted < entries_of(k) / WORTH_OF ||
	    (fd = fs_create(dir, scratch)) == -1)
		return;
	qsort(k->new, k->nnew, sizeof(*k->new), compare);
	h.check = sum_up(k->new, k->nnew);
	r = fs_write(fd, &h, sizeof(h));
	if (r == 0)
		r = fs_write(fd, k->new, k->nnew * sizeof(*k->new));
	fs_close(fd);
	if (r == -1 || fs_rename(dir, scratch, dir, path) == -1)
		fs_unlink(dir, scratch);
}

void known_free(struct known *k)
{
	free(k->old);
	free(k->new);
	memset(k, 0, sizeof(*k));
}
