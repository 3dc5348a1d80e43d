/*
 * strip.c - a line of entries whose head is found in constant time
 */
#include "spool/strip.h"

#include "base/fs.h"
#include "base/grow.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HINT_EVERY 4 /* segments: passing one that is gone costs less than a new hint */
#define LAST       999999999999999999u /* the highest number: nobody comes there */
#define GAP        64 /* so many segments missing in a row: more than a stale hint */

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

static void join(const struct strip *s, const char *name, char path[ENTRY_PATH])
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

static void form_path(const struct strip *s, uint64_t number, enum form form, char path[ENTRY_PATH])
{
	put_form(s, number, form, path);
}

void segment_path(const struct strip *s, const struct segment *g, char path[ENTRY_PATH])
{
	form_path(s, g->number, g->form, path);
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

/* Follow tail or head. */
static int read_mark(const struct strip *s, const char *mark, uint64_t *number)
{
	char path[ENTRY_PATH], target[24];

	join(s, mark, path);
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
	return read_mark(s, "tail", segment);
}

static int set_mark(const struct strip *s, const char *mark, uint64_t number, scratch_fn *scratch,
    void *ctx)
{
	char path[ENTRY_PATH], made[ENTRY_PATH], target[24];

	scratch(ctx, made);
	join(s, mark, path);
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
	return fs_mkdir(s->dir, path) == 0 || errno == EEXIST ? 0 : -1;
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

static int lock_strip(const struct strip *s, int64_t patience)
{
	char path[ENTRY_PATH];

	join(s, "lock", path);
	return fs_lock(s->dir, path, patience);
}

/* The segment of a number that tail is to be put on. */
static int make_segment(const struct strip *s, uint64_t number)
{
	char path[ENTRY_PATH];

	strip_segment_path(s, number, path);
	return fs_mkdir(s->dir, path) == 0 || errno == EEXIST ? 0 : -1;
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
	return set_mark(s, "tail", segment + 1, scratch, ctx);
}

int strip_rotate(const struct strip *s, uint64_t segment, scratch_fn *scratch, void *ctx)
{
	int fd, r;

	if ((fd = lock_strip(s, 0)) == -1)
		return errno == EWOULDBLOCK ? 0 : -1;
	r = rotate_locked(s, segment, scratch, ctx);
	fs_unlock(fd);
	return r;
}

static int is_taken(void)
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
	if (make_segment(s, tail + 1) == -1 || set_mark(s, "tail", tail + 1, scratch, ctx) == -1)
		return -1;
	form_path(s, tail + 1, FORM_BUNDLE, path);
	if (fs_rename(fromdir, from, s->dir, path) == 0)
		return 1;
	return is_taken() ? 0 : -1;
}

/* Nobody looks behind the tail: what was put there can be taken back.  What cannot
 * comes when somebody moves the tail later. */
static void take_back(const struct strip *s, const uint64_t *number, int fromdir,
    char (*from)[ENTRY_PATH], size_t n)
{
	char path[ENTRY_PATH];
	int saved = errno;

	while (n-- > 0) {
		form_path(s, number[n], FORM_BUNDLE, path);
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
		form_path(s, ++tail, FORM_BUNDLE, path);
		number[*done] = tail;
		if (fs_rename(fromdir, from[*done], s->dir, path) == 0)
			(*done)++;
		else if (!is_taken())
			saved = errno;
	}
	if (*done > 0 &&
	    (make_segment(s, tail) == -1 || set_mark(s, "tail", tail, scratch, ctx) == -1)) {
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

	while ((fd = lock_strip(s, 0)) == -1)
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

/* The tail after a crash: no segment lies beyond it, and it is there. */
static int settle_tail(const struct strip *s, uint64_t last, scratch_fn *scratch, void *ctx)
{
	char path[ENTRY_PATH];
	uint64_t tail;

	if (strip_tail(s, &tail) == -1 || tail < last) {
		tail = last;
		if (set_mark(s, "tail", tail, scratch, ctx) == -1)
			return -1;
	}
	strip_segment_path(s, tail, path);
	return fs_mkdir(s->dir, path) == 0 || errno == EEXIST ? 0 : -1;
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
		form_path(s, number, (enum form)form, path);
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

	if (read_mark(s, "head", &head) == -1 && errno != ENOENT)
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
static int settle_head(const struct strip *s, uint64_t first, scratch_fn *scratch, void *ctx)
{
	uint64_t head;
	int saved;

	if (set_mark(s, "head", first, scratch, ctx) == 0)
		return 0;
	saved = errno;
	if (read_mark(s, "head", &head) == -1 ? errno == EINVAL : head <= first)
		return 0;
	errno = saved;
	return -1;
}

int strip_settle(const struct strip *s, int64_t patience, scratch_fn *scratch, void *ctx)
{
	uint64_t *numbers = NULL;
	size_t n;
	int fd, r;

	if ((fd = lock_strip(s, patience)) == -1)
		return -1;
	r = strip_segments(s, &numbers, &n);
	if (r == 0)
		r = settle_tail(s, n ? numbers[n - 1] : 0, scratch, ctx);
	if (r == 0 && n)
		r = settle_head(s, numbers[0], scratch, ctx);
	fs_unlock(fd);
	free(numbers);
	return r;
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

	join(s, "tail", path);
	if (fs_unlink(s->dir, path) == -1 && errno != ENOENT)
		return -1;
	if (strip_segments(s, &numbers, &n) == -1)
		return -1;
	if (seal_all(s, numbers, n) == -1) {
		int saved = errno;

		set_mark(s, "tail", numbers[n - 1], scratch, ctx);
		free(numbers);
		errno = saved;
		return -1;
	}
	free(numbers);
	for (i = 0; i < 2; i++) {
		join(s, marks[i], path);
		fs_unlink(s->dir, path);
	}
	return fs_rmdir(s->dir, s->path) == 0 || errno == ENOENT ? 0 : -1;
}

static int compare_names(const void *a, const void *b)
{
	const struct sorted_name *x = a, *y = b;

	if (x->order != y->order)
		return x->order < y->order ? -1 : 1;
	return strcmp(x->name, y->name);
}

/* A key's digits as a number; what is no key sorts first, to be dealt with. */
static uint64_t order_of(const char *name)
{
	uint64_t v = 0;
	int i;

	for (i = 0; i < 19; i++) {
		if (name[i] < '0' || name[i] > '9')
			return 0;
		v = v * 10 + (unsigned)(name[i] - '0');
	}
	return v;
}

/* Keep one more name; the text may still move, so it is found later. */
static int keep_name(struct segment *g, size_t *at, const char *name, uint64_t inode)
{
	size_t size = strlen(name) + 1;
	char *text = grow(g->text, &g->text_size, *at + size, 1);
	struct sorted_name *names = grow(g->names, &g->names_size, g->n + 1, sizeof(*names));

	g->text = text ? text : g->text;
	g->names = names ? names : g->names;
	if (text == NULL || names == NULL)
		return -1;
	memcpy(g->text + *at, name, size);
	*at += size;
	g->names[g->n++].inode = inode;
	return 0;
}

/* The names stand one after the other in the text. */
static void sort_names(struct segment *g)
{
	const char *p = g->text;
	size_t i;

	for (i = 0; i < g->n; i++, p += strlen(p) + 1) {
		g->names[i].name = p;
		g->names[i].order = order_of(p);
	}
	if (g->n > 1)
		qsort(g->names, g->n, sizeof(*g->names), compare_names);
}

/* *there tells whether the directory exists. */
static int read_names(int dir, const char *path, struct segment *g, int *there)
{
	const char *name;
	struct fs_dir d;
	size_t at = 0;
	int failed = 0;

	g->n = 0;
	*there = 0;
	if (fs_dir_open(&d, dir, path) == -1)
		return errno == ENOENT ? 0 : -1;
	*there = 1;
	while (!failed && (name = fs_dir_next(&d)) != NULL)
		failed = keep_name(g, &at, name, d.inode) == -1;
	failed |= errno != 0;
	fs_dir_close(&d);
	if (failed) {
		g->n = 0;
		return -1;
	}
	sort_names(g);
	return 0;
}

int segment_read(int dir, const char *path, struct segment *g)
{
	int there;

	return read_names(dir, path, g, &there);
}

/* As strip_load, and *there tells whether the directory exists. */
static int load(const struct strip *s, uint64_t number, enum form form, struct segment *g,
    int *there)
{
	char path[ENTRY_PATH];

	g->number = number;
	g->form = form;
	g->fixed = 0;
	segment_path(s, g, path);
	return read_names(s->dir, path, g, there) == -1 ? -1 : g->n > 0;
}

int strip_load(const struct strip *s, uint64_t number, enum form form, struct segment *g)
{
	int there;

	return load(s, number, form, g, &there);
}

/* Remove an empty segment before the tail, or an empty bundle that was opened:
 * 1 when it is gone. */
static int seal(const struct strip *s, uint64_t number, enum form form)
{
	char path[ENTRY_PATH];

	form_path(s, number, form, path);
	if (fs_rmdir(s->dir, path) == 0 || errno == ENOENT)
		return 1;
	return errno == ENOTEMPTY || errno == EEXIST ? 0 : -1;
}

int segment_is_closed(const struct segment *g)
{
	return g->form == FORM_BUNDLE && !g->fixed;
}

/* Should both names be there, which only damage makes, the opened one goes first. */
int strip_open(const struct strip *s, struct segment *g)
{
	char from[ENTRY_PATH], to[ENTRY_PATH];
	int r;

	form_path(s, g->number, FORM_BUNDLE, from);
	form_path(s, g->number, FORM_OPENED, to);
	if (fs_rename(s->dir, from, s->dir, to) == 0 || errno == ENOENT || is_taken())
		return strip_load(s, g->number, FORM_OPENED, g);
	if (errno != EXDEV)
		return -1;
	r = strip_load(s, g->number, FORM_BUNDLE, g);
	g->fixed = 1;
	return r;
}

int strip_open_at(int dir, char *path)
{
	char *mark = strrchr(path, '/'), *from;
	int r;

	if (mark == NULL || mark == path || *--mark != '+')
		return 0;
	if ((from = strndup(path, (size_t)(mark - path) + 1)) == NULL)
		return -1;
	*mark = '-';
	mark[1] = '\0';
	r = fs_rename(dir, from, dir, path);
	if (r == -1 && errno == EXDEV) {
		*mark = '+'; /* as in strip_open */
		r = 0;
	}
	mark[1] = '/';
	free(from);
	return r == -1 && errno == ENOENT ? 0 : r;
}

/* Whether there is a bundle of this number. */
static int has_bundle(const struct strip *s, uint64_t number)
{
	char path[ENTRY_PATH];
	int form, found = 0;

	for (form = 0; !found && form < FORM_SEGMENT; form++) {
		form_path(s, number, (enum form)form, path);
		found = fs_exists(s->dir, path) == 1;
	}
	return found;
}

/* What stands first under this number: as load.  A bundle that is not found
 * under its first name was opened, so it is looked for under its second one
 * after that; what is found under neither is gone, or not yet there.  An empty
 * one can go. */
static int load_forms(const struct strip *s, uint64_t number, struct segment *g, int *there)
{
	int form, r, any = 0;

	for (form = 0; form < FORMS; form++) {
		if ((r = load(s, number, (enum form)form, g, there)) != 0)
			return r;
		any |= *there;
		if (*there && form != FORM_SEGMENT)
			seal(s, number, (enum form)form);
	}
	*there = any;
	return 0;
}

/* The same; sure: the tail was seen beyond the number, so a bundle that is not
 * there has been taken.  If not, one that has come since goes before the entries
 * of the segment, which may have been sent after it. */
static int load_first(const struct strip *s, uint64_t number, int sure, struct segment *g,
    int *there)
{
	int r, tries = 0;

	do
		r = load_forms(s, number, g, there);
	while (r == 1 && g->form == FORM_SEGMENT && !sure && ++tries < 8 && has_bundle(s, number));
	return r;
}

/* Where to start: the hint, or what is there when the hint is not. */
static int find_head(const struct strip *s, uint64_t *head)
{
	uint64_t *numbers;
	size_t n;

	if (read_mark(s, "head", head) == 0)
		return 1;
	if (strip_segments(s, &numbers, &n) == -1)
		return -1;
	if (n)
		*head = numbers[0];
	free(numbers);
	return n > 0;
}

/* The next segment that is there, or the tail: numbers that nobody used, as only
 * damage or malice makes them, are not tried one by one. */
static int skip_gap(const struct strip *s, uint64_t tail, uint64_t *head)
{
	uint64_t *numbers;
	size_t i, n;

	if (strip_segments(s, &numbers, &n) == -1)
		return -1;
	for (i = 0; i < n && numbers[i] < *head; i++)
		;
	*head = i < n && numbers[i] < tail ? numbers[i] : tail;
	free(numbers);
	return 0;
}

/* Whether tail is not there any more: what stood in its segment when that was found
 * empty may have been taken after more was put behind it. */
static int has_moved(const struct strip *s, uint64_t tail)
{
	uint64_t now;

	return strip_tail(s, &now) == 0 && now > tail;
}

/* From the hint on: 1 and the segment, or 0 when it ends without an entry. */
static int seek(const struct strip *s, struct segment *g, scratch_fn *scratch, void *ctx)
{
	uint64_t head, start, tail;
	int r, there, gone, missing = 0;

	g->n = 0;
	if ((r = find_head(s, &head)) != 1)
		return r;
	start = head;
	if (head < g->number)
		head = g->number;
	for (;;) {
		/* Before the look: what was installed by then is seen. */
		if (strip_tail(s, &tail) == -1) {
			g->n = 0;
			return errno == ENOENT ? 0 : -1;
		}
		if ((r = load_first(s, head, head < tail, g, &there)) != 0)
			break;
		if (head >= tail) {
			if (has_moved(s, tail))
				continue;
			break;
		}
		gone = there ? seal(s, head, FORM_SEGMENT) : 1;
		if (gone == -1)
			return -1;
		head += (uint64_t)gone;
		missing = there ? 0 : missing + 1;
		if (missing > GAP && skip_gap(s, tail, &head) == -1)
			return -1;
	}
	if (head - start >= HINT_EVERY) {
		int saved = errno;

		set_mark(s, "head", head, scratch, ctx); /* a hint: may fail */
		errno = saved;
	}
	return r;
}

/* Whether segments lie outside of head and tail.  An empty strip has few, so
 * this is one short listing. */
static int has_strays(const struct strip *s)
{
	uint64_t head, tail, *numbers;
	size_t n;
	int strays;

	if (strip_segments(s, &numbers, &n) == -1)
		return 0;
	strays = n > 0 &&
	    (read_mark(s, "head", &head) == -1 || numbers[0] < head || strip_tail(s, &tail) == -1 ||
		numbers[n - 1] > tail);
	free(numbers);
	return strays;
}

int strip_first(const struct strip *s, struct segment *g, scratch_fn *scratch, void *ctx)
{
	int r = seek(s, g, scratch, ctx);

	/* Before it is called empty: a file system that came back from a crash
	 * may have lost the newest tail, or regained what was before the head.
	 * (Or somebody is rotating now, and has the lock.) */
	if (r == 0 && has_strays(s) && strip_settle(s, 0, scratch, ctx) == 0) {
		g->number = 0;
		r = seek(s, g, scratch, ctx);
	}
	return r;
}

int strip_head(const struct strip *s, struct segment *g, scratch_fn *scratch, void *ctx)
{
	int r;

	g->number = 0;
	while ((r = strip_first(s, g, scratch, ctx)) == 1 && segment_is_closed(g))
		if ((r = strip_open(s, g)) != 0)
			break;
	return r;
}

void segment_free(struct segment *g)
{
	free(g->text);
	free(g->names);
	memset(g, 0, sizeof(*g));
}
