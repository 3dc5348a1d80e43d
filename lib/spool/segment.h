/*
 * segment.h - the names of one directory, sorted
 */
#ifndef SEGMENT_H
#define SEGMENT_H

#include "format/fold.h"

#include <stddef.h>
#include <stdint.h>

#define ENTRY_PATH (NAME_SIZE + 96)

/* What may stand under a number, in the order in which it is read. */
enum form { FORM_BUNDLE, FORM_OPENED, FORM_SEGMENT, FORMS };

struct sorted_name {
	uint64_t order; /* its key's time, or 0 when it has none */
	uint64_t inode; /* the same for the messages of one file */
	const char *name;
};

/* The names of one segment or bundle, sorted. */
struct segment {
	uint64_t number;
	enum form form;
	int fixed;  /* a bundle that nobody can rename, so that it needs no opening */
	int folded; /* its messages stand in one file under one name, (unfold.h) */
	struct fold fold;
	struct entry *entries; /* those of the fold, acked or not */
	size_t n;
	struct sorted_name *names;
	char *text;
	size_t used, text_size, names_size;
};

/* The names of any one directory: 0, or -1 with errno.  *there tells whether the
 * directory exists. */
int segment_look(int dir, const char *path, struct segment *, int *there);
/* 0 also when it is not there. */
int segment_read(int dir, const char *path, struct segment *);

/* To make one up: begin, add names, and sort them.  -1: no memory; then there are none. */
void segment_clear(struct segment *);
int segment_add(struct segment *, const char *name, uint64_t inode);
void segment_sort(struct segment *);

void segment_free(struct segment *);

#endif
