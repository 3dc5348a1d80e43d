/*
 * names.h - the names in a directory, sorted
 */
#ifndef NAMES_H
#define NAMES_H

#include <stddef.h>

struct names {
	char **name;
	size_t n, room;
};

/* 0, or -1 with errno: no memory. */
int names_add(struct names *, const char *);
/* Add those of the directory, and sort all: 0, or -1 with errno.  One that is
 * not there has none. */
int names_read(struct names *, int dir, const char *path);
void names_sort(struct names *);
void names_free(struct names *);

#endif
