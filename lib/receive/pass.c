/*
 * pass.c - one pass of a sweep
 */
#include "receive/pass.h"

#include "base/grow.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void note_trouble(struct pass *p)
{
	if (!p->trouble && errno != ENOENT && errno != ENOTDIR && errno != ELOOP)
		p->trouble = errno;
}

void due_at(struct pass *p, mq_time at)
{
	if (at < p->next)
		p->next = at;
}

void due_now(struct pass *p)
{
	due_at(p, queue_now(p->q));
}

int move_done(struct pass *p, int done)
{
	if (done == -1)
		note_trouble(p);
	p->moved += done == 0;
	return done;
}

/* ---- in order ---------------------------------------------------------- */

static const char *entry_of(const char *name)
{
	const char *slash = strrchr(name, '/');

	return slash ? slash + 1 : name;
}

static int compare_due(const void *a, const void *b)
{
	const struct due_entry *x = a, *y = b;

	if (x->visible != y->visible)
		return x->visible < y->visible ? -1 : 1;
	return strcmp(entry_of(x->name), entry_of(y->name));
}

void due_cut(struct due *d)
{
	if (d->n)
		qsort(d->entries, d->n, sizeof(*d->entries), compare_due);
	if (d->n > d->most) {
		d->n = d->most;
		d->cut = 1;
	}
}

int due_collect(struct due *d, int64_t visible, const char *name)
{
	struct due_entry *grown;

	if (strlen(name) >= NAME_USUAL)
		return -1;
	if (d->n == 2 * d->most)
		due_cut(d);
	if ((grown = grow(d->entries, &d->room, d->n + 1, sizeof(*grown))) == NULL)
		return -1;
	d->entries = grown;
	d->entries[d->n].visible = visible;
	strcpy(d->entries[d->n++].name, name);
	return 0;
}
