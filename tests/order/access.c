/*
 * access.c - names as hashes: see access.h
 */
#include "access.h"

#include <assert.h>
#include <stdlib.h>

#define SEED 14695981039346656037u /* FNV-1a */

static uint64_t more(uint64_t hash, char c)
{
	return (hash ^ (unsigned char)c) * 1099511628211u;
}

static void add(struct access *a, uint64_t hash, int changes)
{
	assert(a->n < ACCESSES_MAX);
	a->objects[a->n++] = (hash & ~(uint64_t)1) | (uint64_t)changes;
	a->changes |= changes;
}

/* The names on the way are read.  The list of names of the directory that it is in is
 * another object than that directory's name. */
static void add_path(struct access *a, const char *path, int changes)
{
	uint64_t hash = SEED, parent = SEED;

	for (; *path; path++) {
		if (*path == '/' && hash != SEED) {
			add(a, hash, 0);
			parent = hash;
		}
		hash = more(hash, *path);
	}
	add(a, hash, changes);
	if (changes)
		add(a, ~parent, 1);
}

void access_read(struct access *a, const char *path)
{
	add_path(a, path, 0);
}

void access_change(struct access *a, const char *path)
{
	add_path(a, path, 1);
}

void access_list(struct access *a, const char *path)
{
	uint64_t hash = SEED;

	for (; *path; path++)
		hash = more(hash, *path);
	add(a, ~hash, 0);
}

int access_are_apart(const uint64_t *a, unsigned na, const uint64_t *b, unsigned nb)
{
	for (unsigned i = 0; i < na; i++)
		for (unsigned k = 0; k < nb; k++)
			if ((a[i] ^ b[k]) <= 1 && (a[i] | b[k]) & 1)
				return 0;
	return 1;
}

int access_commute(const struct access *a, const struct access *b)
{
	return !a->is_time && !b->is_time && access_are_apart(a->objects, a->n, b->objects, b->n);
}
