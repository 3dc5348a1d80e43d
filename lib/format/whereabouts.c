/*
 * whereabouts.c - a message's path, taken apart
 */
#include "format/whereabouts.h"

#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	int depth; /* components from the part's to the entry's */
} parts[] = {
	[PART_READY] = { "ready", 3 },
	[PART_BACK] = { "back", 3 },
	[PART_DELAYED] = { "delayed", 2 },
	[PART_LEASED] = { "leased", 2 },
};

/* The start of the component before the one at p; NULL when there is none. */
static const char *previous(const char *path, const char *p)
{
	if (p == NULL || p - path < 2 || p[-1] != '/')
		return NULL;
	for (p--; p > path && p[-1] != '/'; p--)
		;
	return *p == '/' ? NULL : p;
}

/* Whether the component at p is this word. */
static int is_word(const char *p, const char *word)
{
	size_t n = strlen(word);

	return p && !strncmp(p, word, n) && p[n] == '/';
}

static int is_number(const char *p)
{
	size_t n = strspn(p, "0123456789");

	return n > 0 && n < 19 && p[n] == '/';
}

/* Of a segment or a bundle. */
static int is_segment(const char *p)
{
	size_t n = strspn(p, "0123456789");

	if (p[n] == '+' || p[n] == '-')
		return n > 0 && n < 19 && p[n + 1] == '/';
	return is_number(p);
}

static int is_level(const char *p)
{
	return p[0] == 'p' && p[1] >= '0' && p[1] <= '9' && p[2] == '/';
}

/* A lane's entry stands in groups/HH/HASH, or in a segment of its strip. */
static const char *find_lane(const char *path, const char *entry)
{
	const char *hash = previous(path, entry), *more = previous(path, hash), *bucket;

	if (hash && is_number(hash) && more && is_word(more, "more"))
		hash = previous(path, more);
	if (hash == NULL || strspn(hash, "0123456789abcdef") != HASH_SIZE - 1 ||
	    hash[HASH_SIZE - 1] != '/')
		return NULL;
	bucket = previous(path, hash);
	if (bucket == NULL || strncmp(bucket, hash, 2) != 0 || bucket[2] != '/')
		return NULL;
	hash = previous(path, bucket);
	return hash && is_word(hash, "groups") ? hash : NULL;
}

/* An entry of a bundle in flight stands in leased/DUE/BUNDLE. */
static const char *find_bundle(const char *path, const char *entry)
{
	const char *bundle = previous(path, entry), *due = previous(path, bundle), *leased;
	uint64_t nonce;

	if (due == NULL || bundle_name_parse(bundle, &nonce) == -1 || !is_number(due))
		return NULL;
	leased = previous(path, due);
	return is_word(leased, "leased") ? leased : NULL;
}

static const char *find_part(const char *path, const char *entry, struct whereabouts *w)
{
	const char *two, *three;
	int is_bucket;
	size_t i;

	if ((two = find_lane(path, entry)) != NULL) {
		w->part = PART_LANE;
		return two;
	}
	if ((two = find_bundle(path, entry)) != NULL) {
		w->part = PART_LEASED;
		return two;
	}
	if ((two = previous(path, entry)) == NULL || !is_segment(two))
		return NULL;
	is_bucket = is_number(two);
	if ((two = previous(path, two)) == NULL)
		return NULL;
	three = is_level(two) ? previous(path, two) : NULL;
	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		const char *p = parts[i].depth == 2 ? two : three;

		if (is_word(p, parts[i].name) && (is_bucket || p == three)) {
			w->part = (enum part)i;
			return p;
		}
	}
	return NULL;
}

static int find_queue(const char *path, const char *part, struct whereabouts *w)
{
	const char *name = previous(path, part), *q;
	size_t n;

	if (is_word(name, "dlq"))
		name = previous(path, name);
	if (name == NULL || (q = previous(path, name)) == NULL || !is_word(q, "q"))
		return -1;
	n = (size_t)(part - 1 - name);
	if (n >= sizeof(w->queue))
		return -1;
	memcpy(w->queue, name, n);
	w->queue[n] = '\0';
	if (!valid_queue_name(w->queue))
		return -1;
	/* What is left of the path, or where we are, or the root. */
	if (q == path)
		w->spool = strdup(".");
	else
		w->spool = strndup(path, q - path > 1 ? (size_t)(q - path - 1) : 1);
	return w->spool ? 0 : -1;
}

int whereabouts_parse(const char *path, struct whereabouts *w)
{
	const char *entry = strrchr(path, '/'), *part;
	uint64_t nonce;

	memset(w, 0, sizeof(*w));
	if (entry == NULL || entry_parse(++entry, &w->entry) == -1 || w->entry.token)
		return -1;
	if ((part = find_part(path, entry, w)) == NULL)
		return -1;
	if (w->part == PART_LEASED && bundle_name_parse(previous(path, entry), &nonce) == 0) {
		if (w->entry.lease)
			return -1;
		bundle_lease(&w->entry, nonce);
	}
	if ((w->rest = strdup(part)) == NULL)
		return -1;
	return find_queue(path, part, w);
}

void whereabouts_free(struct whereabouts *w)
{
	free(w->spool);
	free(w->rest);
	w->spool = w->rest = NULL;
}
