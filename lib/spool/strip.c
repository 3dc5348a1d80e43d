/*
 * strip.c - a strip, and what is added to it
 */
#include "spool/stripparts.h"

#include "base/fs.h"
#include "base/grow.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LAST 999999999999999999u /* the highest number: nobody comes there */

int strip_number(const char *text, uint64_t *number)
{
	size_t n = strspn(text, "0123456789");

	if (n == 0 || n > 18 || text[n] || (text[0] == '0' && n > 1))
		return -1;
	*number = strtoull(text, NULL, 10);
	return 0;
}

int strip_segment_number(const char *name, uint64_t *number)
{
	char digits[20];
	size_t n = strlen(name);

	if (n < 2 || n > 19 || (name[n - 1] != '+' && name[n - 1] != '-'))
		return strip_number(name, number);
	memcpy(digits, name, n - 1);
	digits[n - 1] = '\0';
	return strip_number(digits, number);
}

static void strip_path(const struct strip *s, const char *name, char path[ENTRY_PATH])
{
	stpcpy(stpcpy(stpcpy(path, s->path), "/"), name);
}

static char *put_segment(const struct strip *s, uint64_t number, char path[ENTRY_PATH])
{
	char *p = put_decimal(stpcpy(stpcpy(path, s->path), "/"), number);

	*p = '\0';
	return p;
}

void strip_segment_path(const struct strip *s, uint64_t number, char path[ENTRY_PATH])
{
	put_segment(s, number, path);
}

static char *put_form(const struct strip *s, uint64_t number, enum form form, char path[ENTRY_PATH])
{
	static const char *const suffix[FORMS] = { "+", "-", "" };

	return stpcpy(put_segment(s, number, path), suffix[form]);
}

void strip_form_path(const struct strip *s, uint64_t number, enum form form, char path[ENTRY_PATH])
{
	put_form(s, number, form, path);
}

void segment_path(const struct strip *s, const struct segment *g, char path[ENTRY_PATH])
{
	strip_form_path(s, g->number, g->form, path);
}

/* Made for every message that is sent or received: no printf. */
void segment_entry_path(const struct strip *s, const struct segment *g, const char *name,
    char path[ENTRY_PATH])
{
	stpcpy(stpcpy(put_form(s, g->number, g->form, path), "/"), name);
}

void strip_entry_path(const struct strip *s, uint64_t number, const char *name,
    char path[ENTRY_PATH])
{
	stpcpy(stpcpy(put_segment(s, number, path), "/"), name);
}

int strip_mark(const struct strip *s, const char *mark, uint64_t *number)
{
	char path[ENTRY_PATH], target[24];

	strip_path(s, mark, path);
	if (fs_readlink(s->dir, path, target, sizeof(target)) == -1)
		return -1;
	if (strip_number(target, number) == -1) {
		errno = EINVAL;
		return -1;
	}
	return 0;
}

int strip_tail(const struct strip *s, uint64_t *segment)
{
	return strip_mark(s, "tail", segment);
}

int strip_set_mark(const struct strip *s, const char *mark, uint64_t number, scratch_fn *scratch,
    void *ctx)
{
	char path[ENTRY_PATH], made[ENTRY_PATH], target[24];

	scratch(ctx, made);
	strip_path(s, mark, path);
	snprintf(target, sizeof(target), "%llu", (unsigned long long)number);
	if (fs_symlink(target, s->dir, made) == -1)
		return -1;
	if (fs_rename(s->dir, made, s->dir, path) == -1) {
		fs_unlink(s->dir, made);
		return -1;
	}
	return 0;
}

/* lock, tail and the first segment in the directory at path. */
static int fill_strip(int dir, const char *path)
{
	char name[ENTRY_PATH + 8];
	int fd;

	snprintf(name, sizeof(name), "%s/lock", path);
	if ((fd = fs_create(dir, name)) == -1)
		return -1;
	fs_close(fd);
	snprintf(name, sizeof(name), "%s/0", path);
	if (fs_mkdir(dir, name) == -1)
		return -1;
	snprintf(name, sizeof(name), "%s/head", path);
	if (fs_symlink("0", dir, name) == -1)
		return -1;
	snprintf(name, sizeof(name), "%s/tail", path);
	return fs_symlink("0", dir, name);
}

int strip_make(const struct strip *s, scratch_fn *scratch, void *ctx)
{
	char made[ENTRY_PATH];
	int saved;

	scratch(ctx, made);
	if (fs_mkdir(s->dir, made) == -1)
		return -1;
	/* A strip has always something in it, so this replaces none. */
	if (fill_strip(s->dir, made) == 0 && fs_rename(s->dir, made, s->dir, s->path) == 0)
		/* The sync of a message in it does not see to its new name. */
		return fs_keeps_order(s->dir) ? 0 : fs_sync_path(s->dir, s->path);
	saved = errno;
	fs_remove_tree(s->dir, made);
	if (saved == ENOTEMPTY || saved == EEXIST)
		return 0;
	errno = saved;
	return -1;
}

/* A segment took no entry although the entry is there: it was sealed, and tail
 * has moved on; or a crash took the segment that tail still names. */
static int mend_tail(const struct strip *s, uint64_t segment)
{
	char path[ENTRY_PATH];
	uint64_t tail;

	if (strip_tail(s, &tail) == -1)
		return errno == ENOENT ? 0 : -1;
	if (tail != segment)
		return 0;
	strip_segment_path(s, segment, path);
	return fs_have_dir(s->dir, path);
}

int strip_move(enum strip_how how, int fromdir, const char *from, int todir, const char *to)
{
	return how == STRIP_LINK ? fs_link(fromdir, from, todir, to) :
				   fs_rename(fromdir, from, todir, to);
}

int strip_add(const struct strip *s, uint64_t *segment, int fromdir, const char *from,
    const char *name, enum strip_how how, scratch_fn *scratch, void *ctx)
{
	char path[ENTRY_PATH];
	int r;

	for (;; *segment = STRIP_TAIL) {
		if (*segment == STRIP_TAIL && strip_tail(s, segment) == -1) {
			if (errno != ENOENT)
				return -1;
			if (scratch == NULL) {
				errno = ENXIO;
				return -1;
			}
			if (strip_make(s, scratch, ctx) == -1)
				return -1;
			continue;
		}
		strip_entry_path(s, *segment, name, path);
		r = strip_move(how, fromdir, from, s->dir, path);
		if (r == 0 || errno != ENOENT)
			return r;
		if ((r = fs_exists(fromdir, from)) != 1) {
			errno = r == 0 ? ENOENT : errno;
			return -1;
		}
		if (mend_tail(s, *segment) == -1)
			return -1;
	}
}

int strip_lock(const struct strip *s, int64_t patience)
{
	char path[ENTRY_PATH];

	strip_path(s, "lock", path);
	return fs_lock(s->dir, path, patience);
}

/* The segment of a number that tail is to be put on. */
static int make_segment(const struct strip *s, uint64_t number)
{
	char path[ENTRY_PATH];

	strip_segment_path(s, number, path);
	return fs_have_dir(s->dir, path);
}

static int rotate_locked(const struct strip *s, uint64_t segment, scratch_fn *scratch, void *ctx)
{
	uint64_t tail;

	if (strip_tail(s, &tail) == -1)
		return -1;
	if (tail != segment || tail >= LAST)
		return 0;
	if (make_segment(s, segment + 1) == -1)
		return -1;
	return strip_set_mark(s, "tail", segment + 1, scratch, ctx);
}

int strip_rotate(const struct strip *s, uint64_t segment, scratch_fn *scratch, void *ctx)
{
	int fd, r;

	if ((fd = strip_lock(s, 0)) == -1)
		return errno == EWOULDBLOCK ? 0 : -1;
	r = rotate_locked(s, segment, scratch, ctx);
	fs_unlock(fd);
	return r;
}

int strip_is_taken(void)
{
	return errno == ENOTEMPTY || errno == EEXIST;
}

/* The tail first: once from is gone, whoever took it, all that is added later
 * comes after it. */
static int install_locked(const struct strip *s, int fromdir, const char *from, scratch_fn *scratch,
    void *ctx)
{
	char path[ENTRY_PATH];
	uint64_t tail;
	int there = fs_exists(fromdir, from);

	if (there != 1 || strip_tail(s, &tail) == -1) {
		errno = there == 0 ? ENOENT : errno;
		return -1;
	}
	if (tail >= LAST)
		return 0;
	if (make_segment(s, tail + 1) == -1 ||
	    strip_set_mark(s, "tail", tail + 1, scratch, ctx) == -1)
		return -1;
	strip_form_path(s, tail + 1, FORM_BUNDLE, path);
	if (fs_rename(fromdir, from, s->dir, path) == 0)
		return 1;
	return strip_is_taken() ? 0 : -1;
}

/* Nobody looks behind the tail: what was put there can be taken back.  What cannot
 * comes when somebody moves the tail later. */
static void take_back(const struct strip *s, const uint64_t *number, int fromdir,
    char (*from)[ENTRY_PATH], size_t n)
{
	char path[ENTRY_PATH];
	int saved = errno;

	while (n-- > 0) {
		strip_form_path(s, number[n], FORM_BUNDLE, path);
		fs_rename(s->dir, path, fromdir, from[n]);
	}
	errno = saved;
}

/* A number that is taken has what a sender left who was killed here. */
static int install_all_locked(const struct strip *s, int fromdir, char (*from)[ENTRY_PATH],
    size_t n, size_t *done, scratch_fn *scratch, void *ctx)
{
	uint64_t tail, number[BUNDLES];
	char path[ENTRY_PATH];
	int saved = 0;

	if (strip_tail(s, &tail) == -1)
		return -1;
	while (*done < n && !saved && tail < LAST - 1) {
		strip_form_path(s, ++tail, FORM_BUNDLE, path);
		number[*done] = tail;
		if (fs_rename(fromdir, from[*done], s->dir, path) == 0)
			(*done)++;
		else if (!strip_is_taken())
			saved = errno;
	}
	if (*done > 0 &&
	    (make_segment(s, tail) == -1 || strip_set_mark(s, "tail", tail, scratch, ctx) == -1)) {
		take_back(s, number, fromdir, from, *done);
		*done = 0;
		return -1;
	}
	errno = saved;
	return saved ? -1 : *done == n;
}

/* The lock, of a strip that is made if need be: -1 with EWOULDBLOCK, too. */
static int lock_or_make(const struct strip *s, scratch_fn *scratch, void *ctx)
{
	int fd;

	while ((fd = strip_lock(s, 0)) == -1)
		if (errno != ENOENT || strip_make(s, scratch, ctx) == -1)
			return -1;
	return fd;
}

int strip_install(const struct strip *s, int fromdir, const char *from, scratch_fn *scratch,
    void *ctx)
{
	int fd = lock_or_make(s, scratch, ctx), r;

	if (fd == -1)
		return errno == EWOULDBLOCK ? 0 : -1;
	r = install_locked(s, fromdir, from, scratch, ctx);
	fs_unlock(fd);
	return r;
}

int strip_install_all(const struct strip *s, int fromdir, char (*from)[ENTRY_PATH], size_t n,
    size_t *done, scratch_fn *scratch, void *ctx)
{
	int fd = lock_or_make(s, scratch, ctx), r;

	*done = 0;
	if (fd == -1)
		return errno == EWOULDBLOCK ? 0 : -1;
	r = install_all_locked(s, fromdir, from, n, done, scratch, ctx);
	fs_unlock(fd);
	return r;
}

static int compare_numbers(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* A bundle has its number with a segment. */
static size_t keep_distinct(uint64_t *numbers, size_t n)
{
	size_t i, kept = 1;

	for (i = 1; i < n; i++)
		if (numbers[i] != numbers[kept - 1])
			numbers[kept++] = numbers[i];
	return kept;
}

struct numbers {
	uint64_t *of;
	size_t n, size;
};

/* The numbers of all that is there now, added to those known. */
static int read_numbers(const struct strip *s, struct numbers *known)
{
	uint64_t number, *of;
	struct fs_dir d;
	const char *name;

	if (fs_dir_open(&d, s->dir, s->path) == -1)
		return errno == ENOENT ? 0 : -1;
	while ((name = fs_dir_next(&d)) != NULL) {
		if (strip_segment_number(name, &number) == -1)
			continue;
		if ((of = grow(known->of, &known->size, known->n + 1, sizeof(*of))) == NULL)
			break;
		known->of = of;
		known->of[known->n++] = number;
	}
	fs_dir_close(&d);
	return errno ? -1 : 0;
}

/* Whether a listing may miss what is renamed meanwhile, as a bundle is once, when
 * it is opened: all but one short listing may, and on some file systems any. */
static int may_miss(const struct strip *s, const struct numbers *found)
{
	return found->n > 500 || !fs_keeps_order(s->dir);
}

int strip_segments(const struct strip *s, uint64_t **numbers, size_t *n)
{
	struct numbers all = { 0 };
	int r = read_numbers(s, &all);

	if (r == 0 && may_miss(s, &all))
		r = read_numbers(s, &all);
	*numbers = NULL;
	*n = 0;
	if (r == -1) {
		free(all.of);
		return -1;
	}
	if (all.n) {
		qsort(all.of, all.n, sizeof(*all.of), compare_numbers);
		*n = keep_distinct(all.of, all.n);
	}
	*numbers = all.of;
	return 0;
}

/* Seal every segment, the last one too. */
static int seal_all(const struct strip *s, const uint64_t *numbers, size_t n)
{
	char path[ENTRY_PATH];
	size_t i;

	for (i = 0; i < n; i++) {
		strip_segment_path(s, numbers[i], path);
		if (fs_rmdir(s->dir, path) == -1 && errno != ENOENT) {
			errno = errno == EEXIST ? ENOTEMPTY : errno;
			return -1;
		}
	}
	return 0;
}

/* Without tail nobody begins to add; whoever has read it before finds either
 * its segment, which then is not empty, or none. */
int strip_remove(const struct strip *s, scratch_fn *scratch, void *ctx)
{
	static const char *const marks[] = { "head", "lock" };
	char path[ENTRY_PATH];
	uint64_t *numbers;
	size_t i, n;

	strip_path(s, "tail", path);
	if (fs_unlink(s->dir, path) == -1 && errno != ENOENT)
		return -1;
	if (strip_segments(s, &numbers, &n) == -1)
		return -1;
	if (seal_all(s, numbers, n) == -1) {
		int saved = errno;

		strip_set_mark(s, "tail", numbers[n - 1], scratch, ctx);
		free(numbers);
		errno = saved;
		return -1;
	}
	free(numbers);
	for (i = 0; i < 2; i++) {
		strip_path(s, marks[i], path);
		fs_unlink(s->dir, path);
	}
	return fs_rmdir(s->dir, s->path) == 0 || errno == ENOENT ? 0 : -1;
}
