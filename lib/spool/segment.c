/*
 * segment.c - the names of one directory, sorted
 */
#include "spool/segment.h"

#include "base/fs.h"
#include "base/grow.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

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

void segment_clear(struct segment *g)
{
	free(g->entries);
	g->entries = NULL;
	g->n = g->used = 0;
	g->folded = 0;
}

/* The text may still move, so the name is found later. */
int segment_add(struct segment *g, const char *name, uint64_t inode)
{
	size_t size = strlen(name) + 1;
	char *text = grow(g->text, &g->text_size, g->used + size, 1);
	struct sorted_name *names = grow(g->names, &g->names_size, g->n + 1, sizeof(*names));

	g->text = text ? text : g->text;
	g->names = names ? names : g->names;
	if (text == NULL || names == NULL) {
		segment_clear(g);
		return -1;
	}
	memcpy(g->text + g->used, name, size);
	g->used += size;
	g->names[g->n++].inode = inode;
	return 0;
}

/* The names stand one after the other in the text. */
void segment_sort(struct segment *g)
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

int segment_look(int dir, const char *path, struct segment *g, int *there)
{
	const char *name;
	struct fs_dir d;
	int failed = 0;

	segment_clear(g);
	*there = 0;
	if (fs_dir_open(&d, dir, path) == -1)
		return errno == ENOENT ? 0 : -1;
	*there = 1;
	while (!failed && (name = fs_dir_next(&d)) != NULL)
		failed = segment_add(g, name, d.inode) == -1;
	failed |= errno != 0;
	fs_dir_close(&d);
	if (failed) {
		segment_clear(g);
		return -1;
	}
	segment_sort(g);
	return 0;
}

int segment_read(int dir, const char *path, struct segment *g)
{
	int there;

	return segment_look(dir, path, g, &there);
}

void segment_free(struct segment *g)
{
	segment_clear(g);
	free(g->text);
	free(g->names);
	memset(g, 0, sizeof(*g));
}
