/*
 * audit.c - after the fire: is each message accounted for, and nothing left
 */
#include "stress.h"

#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* ---- the messages ---------------------------------------------------------- */

static void audit_row(uint64_t number, const struct row *row)
{
	uint32_t flags = row->flags;
	unsigned queue = flags & QUEUE_MASK;

	if (!(flags & KNOWN) || flags & OPTIONAL || word_acked(row->word))
		return;
	if (!(flags & ACCEPTED)) {
		add(UNCERTAIN, !(flags & REFUSED));
		return;
	}
	if (flags & DOUBTS)
		add(UNCERTAIN, 1);
	else if (flags & MORTAL)
		add(EXPIRED, 1);
	else if (queues[queue].traits & DROPS)
		add(DROPPED, 1);
	else if (number < shared->purged_below[queue])
		add(PURGED_AWAY, 1);
	else
		wrong(LOST, number, "accepted, and gone from %s: flags %#x, %u deliveries",
		    queues[queue].name, flags, row->deliveries);
}

/* ---- the files --------------------------------------------------------------- */

static const char *root;

static int in(const char *path, const char *directory)
{
	const char *at = strstr(path, directory);

	return at && at[strlen(directory)] != '\0';
}

static int ends(const char *name, const char *with)
{
	size_t n = strlen(name), m = strlen(with);

	return n >= m && !strcmp(name + n - m, with);
}

/* Of a queue that is empty nothing stays but settings, the page, the marks of
 * deduplication, the segments of strips, and litter of those that were killed:
 * in tmp/, in the lines of those who wait, and a token that has no lane. */
static int look_at(const char *path, const struct stat *st, int type, struct FTW *at)
{
	const char *name = path + at->base, *rest = path + strlen(root);

	(void)st;
	if (in(rest, "/tmp/") || in(rest, "/waiting/") || in(rest, "/blocked/") ||
	    ends(name, ".token") || ends(name, ".delayed")) {
		add(LITTER, type != FTW_DP);
		remove(path);
		return 0;
	}
	if (in(rest, "/leased/") || in(rest, "/delayed/") || in(rest, "/j/") || in(rest, "/bad/") ||
	    in(rest, "/dedup/pending/") ||
	    (in(rest, "/groups/") && at->level > 4 && strcmp(name, "lock") != 0) ||
	    strstr(name, ",b") || strstr(name, ",t") || strstr(name, ",w"))
		wrong(LEFT, 0, "%s", rest);
	return 0;
}

void audit(void)
{
	uint64_t number;

	for (number = shared->base; number < shared->next && row_of(number); number++)
		audit_row(number, row_of(number));
	/* One that was killed had dropped a message, perhaps, and not counted it. */
	if (shared->count[PURGED_AWAY] > shared->count[DROPPED_BY_PURGE] + shared->count[KILLS])
		wrong(LOST, 0, "purges dropped %llu, and %llu are gone",
		    (unsigned long long)shared->count[DROPPED_BY_PURGE],
		    (unsigned long long)shared->count[PURGED_AWAY]);
	root = shared->spool;
	nftw(root, look_at, 32, FTW_PHYS | FTW_DEPTH);
}
