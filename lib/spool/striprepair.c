/*
 * striprepair.c - what a crash or damage made of head and tail
 */
#include "spool/stripparts.h"

#include "base/fs.h"

#include <errno.h>
#include <stdlib.h>

/* The tail after a crash: no segment lies beyond it, and it is there. */
static int repair_tail(const struct strip *s, uint64_t last, scratch_fn *scratch, void *ctx)
{
	char path[ENTRY_PATH];
	uint64_t tail;

	if (strip_tail(s, &tail) == -1 || tail < last) {
		tail = last;
		if (strip_set_mark(s, "tail", tail, scratch, ctx) == -1)
			return -1;
	}
	strip_segment_path(s, tail, path);
	return fs_have_dir(s->dir, path);
}

static int is_empty_directory(int dir, const char *path)
{
	struct fs_dir d;
	int empty;

	if (fs_dir_open(&d, dir, path) == -1)
		return errno == ENOENT;
	empty = fs_dir_next(&d) == NULL;
	fs_dir_close(&d);
	return empty;
}

/* Whether nothing stands under a number, in this form and those after it. */
static int is_empty(const struct strip *s, uint64_t number, int form)
{
	char path[ENTRY_PATH];
	int empty = 1;

	for (; empty && form < FORMS; form++) {
		strip_form_path(s, number, (enum form)form, path);
		empty = is_empty_directory(s->dir, path);
	}
	return empty;
}

/* A kill may leave an empty segment behind the tail, which is taken for the next,
 * or bundles, which the next one to move the tail takes in; or an empty segment
 * before the head. */
static const char *stray_fault(const struct strip *s, const uint64_t *numbers, size_t n,
    uint64_t head, uint64_t tail)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (numbers[i] > tail && !is_empty(s, numbers[i], FORM_OPENED))
			return "there are messages behind the tail";
		if (numbers[i] < head && !is_empty(s, numbers[i], FORM_BUNDLE))
			return "there are messages before the head";
	}
	return NULL;
}

/* The head is read before the segments: it only follows what is gone by then. */
const char *strip_fault(const struct strip *s)
{
	uint64_t head = 0, tail, *numbers;
	const char *what = NULL;
	size_t n;

	if (strip_mark(s, "head", &head) == -1 && errno != ENOENT)
		return "head is no segment's number";
	if (strip_segments(s, &numbers, &n) == -1)
		return NULL;
	if (strip_tail(s, &tail) == 0)
		what = stray_fault(s, numbers, n, head, tail);
	else if (errno != ENOENT)
		what = "tail is no segment's number";
	else if (n)
		what = "there is no tail";
	free(numbers);
	return what;
}

/* A head that cannot be set does no harm unless it is beyond the first. */
static int repair_head(const struct strip *s, uint64_t first, scratch_fn *scratch, void *ctx)
{
	uint64_t head;
	int saved;

	if (strip_set_mark(s, "head", first, scratch, ctx) == 0)
		return 0;
	saved = errno;
	if (strip_mark(s, "head", &head) == -1 ? errno == EINVAL : head <= first)
		return 0;
	errno = saved;
	return -1;
}

int strip_repair(const struct strip *s, int64_t patience, scratch_fn *scratch, void *ctx)
{
	uint64_t *numbers = NULL;
	size_t n;
	int fd, r;

	if ((fd = strip_lock(s, patience)) == -1)
		return -1;
	r = strip_segments(s, &numbers, &n);
	if (r == 0)
		r = repair_tail(s, n ? numbers[n - 1] : 0, scratch, ctx);
	if (r == 0 && n)
		r = repair_head(s, numbers[0], scratch, ctx);
	fs_unlock(fd);
	free(numbers);
	return r;
}

int strip_has_strays(const struct strip *s)
{
	uint64_t head, tail, *numbers;
	size_t n;
	int strays;

	if (strip_segments(s, &numbers, &n) == -1)
		return 0;
	strays = n > 0 &&
	    (strip_mark(s, "head", &head) == -1 || numbers[0] < head ||
		strip_tail(s, &tail) == -1 || numbers[n - 1] > tail);
	free(numbers);
	return strays;
}
