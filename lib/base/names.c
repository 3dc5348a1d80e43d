/*
 * names.c - the names in a directory, sorted
 */
#include "base/names.h"

#include "base/fs.h"
#include "base/grow.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int names_add(struct names *l, const char *name)
{
	char **grown = grow(l->name, &l->room, l->n + 1, sizeof(*grown));

	if (grown == NULL)
		return -1;
	l->name = grown;
	if ((l->name[l->n] = strdup(name)) == NULL)
		return -1;
	l->n++;
	return 0;
}

void names_sort(struct names *l)
{
	if (l->n)
		qsort(l->name, l->n, sizeof(*l->name), compare_texts);
}

int names_read(struct names *l, int dir, const char *path)
{
	struct fs_dir d;
	const char *name;
	int r = 0;

	if (fs_dir_open(&d, dir, path) == -1)
		return errno == ENOENT ? 0 : -1;
	while (r == 0 && (name = fs_dir_next(&d)) != NULL)
		r = names_add(l, name);
	if (r == 0 && errno)
		r = -1;
	fs_dir_close(&d);
	names_sort(l);
	return r;
}

void names_free(struct names *l)
{
	size_t i;

	for (i = 0; i < l->n; i++)
		free(l->name[i]);
	free(l->name);
	memset(l, 0, sizeof(*l));
}
