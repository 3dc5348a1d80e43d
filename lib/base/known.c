/*
 * known.c - what directories were found to hold, remembered in a file
 */
#include "base/known.h"

#include "base/fs.h"
#include "base/grow.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC    UINT64_C(0x326e776f6e6b716d) /* "mqknown2" */
#define LARGEST  (64 * 1024 * 1024)
#define SETTLED  (INT64_C(2) * 1000000000) /* longer than the step of any file's times */
#define WORTH    500                       /* entries: less is counted as soon as read */
#define WORTH_OF 16                        /* and so much of what is known already */
#define NONE     SIZE_MAX

/* The file: this, then the directories, then their sum. */
struct head {
	uint64_t magic, kind;
};

/* FNV-1a, of words: against what a crash leaves, not against malice. */
#define SUM_OF_NONE UINT64_C(0xcbf29ce484222325)

static uint64_t sum_up(uint64_t sum, const struct known_dir *d)
{
	const uint64_t *word = (const uint64_t *)(const void *)d;
	size_t i;

	for (i = 0; i < sizeof(*d) / sizeof(*word); i++)
		sum = (sum ^ word[i]) * UINT64_C(0x100000001b3);
	return sum;
}

/* ---- reading ----------------------------------------------------------------- */

/* The file's i-th; NULL when it cannot be read. */
static const struct known_dir *old_dir(struct known *k, size_t i)
{
	size_t first = i - i % KNOWN_BLOCK, n = k->nold - first;
	ssize_t bytes;

	if (first != k->first) {
		bytes = (ssize_t)((n < KNOWN_BLOCK ? n : KNOWN_BLOCK) * sizeof(*k->block));
		k->first = NONE;
		if (fs_pread(k->fd, k->block, (size_t)bytes,
			(off_t)(sizeof(struct head) + first * sizeof(*k->block))) != bytes)
			return NULL;
		k->first = first;
	}
	return &k->block[i - first];
}

/* Whether all is there, as it was written. */
static int is_whole(struct known *k)
{
	const struct known_dir *d;
	uint64_t sum = SUM_OF_NONE, check;

	for (size_t i = 0; i < k->nold; i++) {
		if ((d = old_dir(k, i)) == NULL)
			return 0;
		sum = sum_up(sum, d);
	}
	return fs_pread(k->fd, &check, sizeof(check),
		   (off_t)(sizeof(struct head) + k->nold * sizeof(*d))) == sizeof(check) &&
	    sum == check;
}

static void read_head(struct known *k)
{
	const uint64_t frame = sizeof(struct head) + sizeof(uint64_t);
	struct head h;
	struct stat st;
	uint64_t size;

	if (fs_fstat(k->fd, &st) == -1 || !S_ISREG(st.st_mode))
		return;
	size = (uint64_t)st.st_size;
	if (size < frame || size > LARGEST || (size - frame) % sizeof(*k->block) != 0 ||
	    fs_read(k->fd, &h, sizeof(h)) != sizeof(h) || h.magic != MAGIC || h.kind != k->kind)
		return;
	k->nold = (size - frame) / sizeof(*k->block);
	if (!is_whole(k) || (k->held = calloc(1, k->nold / 8 + 1)) == NULL)
		k->nold = 0;
}

void known_load(struct known *k, int dir, const char *path, uint64_t kind)
{
	*k = (struct known){ .kind = kind, .first = NONE };
	if ((k->fd = fs_open(dir, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)) != -1)
		read_head(k);
}

/* ---- asking ------------------------------------------------------------------- */

static int64_t ctime_of(const struct stat *st)
{
	return st->st_ctim.tv_sec * INT64_C(1000000000) + st->st_ctim.tv_nsec;
}

static int is_before(const struct known_place *a, const struct known_place *b)
{
	return a->line < b->line || (a->line == b->line && a->number < b->number);
}

/* What the file has of that place, which k->at then is; or NULL. */
static const struct known_dir *go_to(struct known *k, const struct known_place *place)
{
	const struct known_dir *d;

	for (; k->at < k->nold; k->at++) {
		if ((d = old_dir(k, k->at)) == NULL) {
			k->at = k->nold;
			break;
		}
		if (!is_before(&d->place, place))
			return is_before(place, &d->place) ? NULL : d;
	}
	return NULL;
}

int known_find(struct known *k, struct known_place place, const struct stat *st, int64_t now,
    struct tally *t)
{
	const struct known_dir *d = go_to(k, &place);

	if (d == NULL || d->inode != st->st_ino || d->ctime != ctime_of(st) || d->until <= now)
		return 0;
	k->held[k->at / 8] |= (unsigned char)(1u << k->at % 8);
	k->entries += d->tally.n;
	*t = d->tally;
	return 1;
}

void known_put(struct known *k, struct known_place place, const struct stat *st, int64_t now,
    int64_t until, const struct tally *t)
{
	struct known_dir *grown, d = { place, st->st_ino, ctime_of(st), until, *t };

	if (fs_mtime(st) > now - SETTLED || d.ctime > now - SETTLED || k->nnew == KNOWN_ANEW ||
	    (grown = grow(k->new, &k->room, k->nnew + 1, sizeof(*grown))) == NULL)
		return;
	k->new = grown;
	k->new[k->nnew++] = d;
	k->counted += t->n;
	k->entries += t->n;
}

/* ---- writing ------------------------------------------------------------------- */

struct writer {
	int fd;
	uint64_t sum;
	struct known_dir block[KNOWN_BLOCK];
	size_t n;
};

static int flush_block(struct writer *w)
{
	int r = fs_write(w->fd, w->block, w->n * sizeof(*w->block));

	w->n = 0;
	return r;
}

static int put(struct writer *w, const struct known_dir *d)
{
	if (w->n == KNOWN_BLOCK && flush_block(w) == -1)
		return -1;
	w->block[w->n++] = *d;
	w->sum = sum_up(w->sum, d);
	return 0;
}

/* Those counted anew that come before the place, or all. */
static int put_new(struct known *k, struct writer *w, size_t *next, const struct known_place *place)
{
	for (; *next < k->nnew && (!place || is_before(&k->new[*next].place, place)); ++*next)
		if (put(w, &k->new[*next]) == -1)
			return -1;
	return 0;
}

/* Those of the file that still hold, and between them those counted anew. */
static int put_all(struct known *k, struct writer *w)
{
	const struct known_dir *d;
	size_t next = 0;

	for (size_t i = 0; i < k->nold; i++) {
		if (!(k->held[i / 8] & 1u << i % 8))
			continue;
		if ((d = old_dir(k, i)) == NULL || put_new(k, w, &next, &d->place) == -1 ||
		    put(w, d) == -1)
			return -1;
	}
	return put_new(k, w, &next, NULL);
}

static int write_file(struct known *k, int fd)
{
	struct head head = { MAGIC, k->kind };
	struct writer w = { .fd = fd, .sum = SUM_OF_NONE };

	if (fs_write(fd, &head, sizeof(head)) == -1 || put_all(k, &w) == -1 ||
	    flush_block(&w) == -1)
		return -1;
	return fs_write(fd, &w.sum, sizeof(w.sum));
}

void known_save(struct known *k, int dir, const char *path, const char *scratch)
{
	int fd, r;

	if (k->counted < WORTH || k->counted < k->entries / WORTH_OF ||
	    (fd = fs_create(dir, scratch)) == -1)
		return;
	r = write_file(k, fd);
	fs_close(fd);
	if (r == -1 || fs_rename(dir, scratch, dir, path) == -1)
		fs_unlink(dir, scratch);
}

void known_free(struct known *k)
{
	if (k->fd != -1)
		fs_close(k->fd);
	free(k->held);
	free(k->new);
}
