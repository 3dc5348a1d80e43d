/*
 * copies.c - the file of a batch, linked to where it is to go
 */
#include "send/commit.h"

#include <errno.h>
#include <stdlib.h>

/* What to link: the batch's file, or the last copy of it. */
static const char *source(const struct commit *c)
{
	return c->p->nextras ? c->p->extras[c->p->nextras - 1].path : c->b->path;
}

static int copy_file(int from, int to)
{
	char *buffer = malloc(65536);
	ssize_t n = -1;
	int r = -1;

	if (buffer) {
		while ((n = fs_read(from, buffer, 65536)) > 0)
			if (fs_write(to, buffer, (size_t)n) == -1)
				break;
		r = n == 0 ? 0 : -1;
	}
	free(buffer);
	return r;
}

/* The file can have no more links: go on with a copy of it. */
static int add_extra(struct commit *c)
{
	struct extra *x = &c->p->extras[c->p->nextras];
	int spool = c->b->dir, from, r;

	if (c->p->nextras == COPIES_MAX) {
		errno = EMLINK;
		return -1;
	}
	scratch_path(c->mq, x->path, sizeof(x->path));
	if ((from = fs_open_message(spool, source(c))) == -1)
		return -1;
	if ((x->fd = fs_create(spool, x->path)) == -1) {
		fs_close(from);
		return -1;
	}
	c->p->nextras++;
	r = copy_file(from, x->fd);
	fs_close(from);
	return r;
}

void copies_drop_extras(struct commit *c)
{
	while (c->p->nextras > 0) {
		struct extra *x = &c->p->extras[--c->p->nextras];

		fs_close(x->fd);
		fs_unlink(c->b->dir, x->path);
	}
}

int copies_sync(struct commit *c)
{
	size_t i;

	for (i = 0; i < c->p->nextras; i++)
		if (fs_sync(c->p->extras[i].fd) == -1)
			return -1;
	return fs_sync(c->b->fd);
}

/* Some file systems (GlusterFS) say ENOSPC for too many links. */
int copies_link(struct commit *c, int dir, const char *name)
{
	int r = fs_link(c->b->dir, source(c), dir, name);

	if (r == -1 && (errno == EMLINK || (errno == ENOSPC && c->p->nextras < COPIES_MAX)) &&
	    add_extra(c) == 0)
		r = fs_link(c->b->dir, source(c), dir, name);
	return r;
}

void copy_entry(struct commit *c, const struct target *t, size_t i, struct entry *e)
{
	*e = c->b->entries[t->copies[i].message];
}

void copies_kept(struct commit *c, const struct target *t, size_t from, size_t to)
{
	for (; from < to; from++)
		c->kept[t->copies[from].message] = 1;
}

int copies_sync_failed(struct commit *c)
{
	return fail_errno(c->mq, c->b->name, "cannot sync: whether messages were kept is unknown");
}

int copy_place(struct commit *c, struct target *t, size_t i, struct entry *e, struct tails *tails)
{
	struct source from = { c->b->dir, source(c), STRIP_LINK };
	int r;

	do
		if (t->copies[i].dead)
			r = place_dead(t->q, &from, e, "overflow");
		else
			r = e->visible ? place_delayed(t->q, &from, e) :
					 place_ready(t->q, &from, e, tails);
	while (r == -1 && errno == EMLINK && add_extra(c) == 0 && (from.path = source(c)) != NULL);
	return r;
}

void copies_failed(struct commit *c, struct target *t, size_t i, int r)
{
	size_t k;

	commit_release(c, t, i);
	if (r == MQ_NOTFOUND)
		commit_unroute(c, t, i);
	else
		commit_refuse(c, r);
	for (k = t->admitted; k < t->n; k++)
		c->put_off[t->copies[k].message]--;
	target_cut(t, i);
}

int copies_send(struct commit *c, struct target *t)
{
	struct entry *e = c->p->copies;
	struct tails tails;
	size_t i;
	int r;

	if ((r = target_open(c->p, t)) != MQ_OK) {
		copies_failed(c, t, 0, r);
		return MQ_OK;
	}
	tails_reset(t->q, &tails);
	if (t->q->conf.sync && !queue_sync_covers_name(t->q) && copies_sync(c) == -1)
		return copies_sync_failed(c);
	for (i = 0; i < t->admitted; i++)
		copy_entry(c, t, i, &e[i]);
	queue_new_keys(t->q, e, t->admitted);
	for (i = 0; i < t->admitted; i++)
		if (copy_place(c, t, i, &e[i], &tails) == -1)
			break;
	if (i < t->admitted)
		copies_failed(c, t, i, queue_fail(t->q, "cannot send"));
	if (i > 0 && t->q->conf.sync &&
	    (copies_sync(c) == -1 ||
		(!queue_sync_covers_name(t->q) && line_sync(t->q, &tails) == -1)))
		return copies_sync_failed(c);
	queue_count(t->q, METER_SENT, i);
	copies_kept(c, t, 0, i);
	return MQ_OK;
}
