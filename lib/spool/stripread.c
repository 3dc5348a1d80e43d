/*
 * stripread.c - the first entries of a strip
 */
#include "spool/stripparts.h"

#include "base/fs.h"
#include "base/grow.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HINT_EVERY 4  /* segments: passing one that is gone costs less than a new hint */
#define GAP        64 /* so many segments missing in a row: more than a stale hint */

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

	strip_form_path(s, number, form, path);
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

	strip_form_path(s, g->number, FORM_BUNDLE, from);
	strip_form_path(s, g->number, FORM_OPENED, to);
	if (fs_rename(s->dir, from, s->dir, to) == 0 || errno == ENOENT || strip_is_taken())
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
		strip_form_path(s, number, (enum form)form, path);
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

	if (strip_mark(s, "head", head) == 0)
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

		strip_set_mark(s, "head", head, scratch, ctx); /* a hint: may fail */
		errno = saved;
	}
	return r;
}

int strip_first(const struct strip *s, struct segment *g, scratch_fn *scratch, void *ctx)
{
	int r = seek(s, g, scratch, ctx);

	/* Before it is called empty: a file system that came back from a crash
	 * may have lost the newest tail, or regained what was before the head.
	 * (Or somebody is rotating now, and has the lock.) */
	if (r == 0 && strip_has_strays(s) && strip_repair(s, 0, scratch, ctx) == 0) {
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
