/*
 * several.c - a batch to several queues, committed by one rename of a journal
 */
#include "send/commit.h"

#include "place/journal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The directory that becomes j/ID. */
struct journal {
	char path[ENTRY_PATH];
	int dir;
	int sync;  /* a queue wants it durable, */
	int names; /* and names are synced one by one */
};

/* The bundle that takes the messages of one level. */
struct filling {
	int dir; /* -1: none */
	unsigned number;
	unsigned n;
};

/* Sync the files where that is to make a directory's new name durable, too: see bundle.c. */
static int sync_anew(struct commit *c)
{
	return fs_log_again(c->b->fd) == -1 ? -1 : copies_sync(c);
}

static int is_plain(const struct copy *copy, const struct entry *e)
{
	return !copy->dead && !e->visible && !e->group[0];
}

static int end_bundle(const struct journal *j, struct filling *f)
{
	int r = 0;

	if (f->dir != -1) {
		r = j->names ? fs_sync(f->dir) : 0;
		fs_close(f->dir);
		f->dir = -1;
		f->number++;
		f->n = 0;
	}
	return r;
}

static int begin_bundle(const struct journal *j, const struct target *t, unsigned level,
    struct filling *f)
{
	char member[MEMBER_SIZE];

	journal_bundle(t->name, level, f->number, member);
	if (fs_mkdir(j->dir, member) == -1 || (f->dir = fs_open_dir(j->dir, member)) == -1)
		return -1;
	return 0;
}

static int add_to_bundle(struct commit *c, const struct journal *j, const struct target *t,
    const struct entry *e, struct filling *f)
{
	char name[NAME_SIZE];

	if (f->n == BUNDLE_ENTRIES && end_bundle(j, f) == -1)
		return -1;
	if (f->dir == -1 && begin_bundle(j, t, e->priority, f) == -1)
		return -1;
	f->n++;
	entry_format(e, name);
	return copies_link(c, f->dir, name);
}

/* One message's member. */
static int add_member(struct commit *c, const struct journal *j, const struct target *t,
    const struct entry *e, int dead)
{
	char member[MEMBER_SIZE];

	journal_entry(t->name, e, dead, member);
	return copies_link(c, j->dir, member);
}

static int add_copies(struct commit *c, const struct journal *j, const struct target *t,
    struct filling levels[LEVELS], const unsigned plain[LEVELS])
{
	const struct entry *e = c->p->copies;
	size_t i;
	int r = 0;

	for (i = 0; r == 0 && i < t->admitted; i++, e++)
		if (plain[e->priority] >= BUNDLE_MIN && is_plain(&t->copies[i], e))
			r = add_to_bundle(c, j, t, e, &levels[e->priority]);
		else
			r = add_member(c, j, t, e, t->copies[i].dead);
	return r;
}

/* All that is for one queue. */
static int add_target(struct commit *c, const struct journal *j, struct target *t)
{
	struct filling levels[LEVELS];
	unsigned plain[LEVELS] = { 0 }, level;
	struct entry *e = c->p->copies;
	size_t i;
	int r;

	for (i = 0; i < t->admitted; i++) {
		copy_entry(c, t, i, &e[i]);
		plain[e[i].priority] += is_plain(&t->copies[i], &e[i]);
	}
	for (level = 0; level < LEVELS; level++)
		levels[level] = (struct filling){ -1, 0, 0 };
	queue_new_keys(t->q, e, t->admitted);
	r = add_copies(c, j, t, levels, plain);
	for (level = 0; level < LEVELS; level++)
		if (end_bundle(j, &levels[level]) == -1)
			r = -1;
	return r;
}

/* The target's queue was removed, or cannot be had: it gets nothing. */
static int leave_out(struct commit *c, struct journal *j, struct target *t, int r)
{
	copies_failed(c, t, 0, r);
	return journal_drop(c->p->x->spool, j->path, t->name);
}

static int fill_with(struct commit *c, struct journal *j, struct target *t)
{
	int r = target_open(c->p, t);

	if (r != MQ_OK)
		return leave_out(c, j, t, r);
	j->sync |= t->q->conf.sync;
	j->names |= t->q->conf.sync && !queue_sync_covers_name(t->q);
	if (add_target(c, j, t) == 0)
		return 0;
	/* Whoever made another of its name has removed what was here for it. */
	return errno == ENOENT && !queue_is_there(t->q) ? leave_out(c, j, t, MQ_NOTFOUND) : -1;
}

/* The last look: see journal.h. */
static int check_target(struct commit *c, struct journal *j, struct target *t)
{
	int there = t->q ? queue_is_there(t->q) : queue_exists(c->p->x->spool, t->name);

	return there ? 0 : leave_out(c, j, t, MQ_NOTFOUND);
}

/* Call it for each target that gets something. */
static int for_targets(struct commit *c, struct journal *j,
    int (*each)(struct commit *, struct journal *, struct target *))
{
	struct publisher *p = c->p;
	size_t i;
	int r = 0;

	for (i = 0; r == 0 && i < p->nused; i++)
		if (p->targets[p->used[i]].admitted > 0)
			r = each(c, j, &p->targets[p->used[i]]);
	return r;
}

static int fill_journal(struct commit *c, struct journal *j)
{
	scratch_path(c->mq, j->path, sizeof(j->path));
	if (fs_mkdir(c->b->dir, j->path) == -1 ||
	    (j->dir = fs_open_dir(c->b->dir, j->path)) == -1 ||
	    for_targets(c, j, fill_with) == -1 || for_targets(c, j, check_target) == -1)
		return -1;
	/* Where syncing a file does not cover its names: it first. */
	return !j->names || (copies_sync(c) == 0 && fs_sync(j->dir) == 0) ? 0 : -1;
}

/* The journal's queues are open here. */
static mq_queue *open_for_delivery(void *publisher, const char *name, int *gone)
{
	struct publisher *p = publisher;
	struct target *t;
	size_t i;

	/* They come sorted: the next is mostly the next. */
	for (i = 0; i < p->nused; i++, p->cursor++) {
		t = &p->targets[p->used[p->cursor % p->nused]];
		if (strcmp(t->name, name) == 0) {
			*gone = target_open(p, t) == MQ_NOTFOUND;
			return t->q;
		}
	}
	return NULL;
}

static int compare_targets(const void *a, const void *b, void *targets)
{
	const struct target *t = targets;

	return strcmp(t[*(const uint32_t *)a].name, t[*(const uint32_t *)b].name);
}

static void count_sent(struct commit *c)
{
	struct publisher *p = c->p;
	size_t i;

	for (i = 0; i < p->nused; i++) {
		struct target *t = &p->targets[p->used[i]];

		copies_kept(c, t, 0, t->admitted);
		if (t->admitted > 0 && target_open(p, t) == MQ_OK)
			queue_count(t->q, METER_SENT, t->admitted);
	}
}

static void drop_journal(struct commit *c, struct journal *j)
{
	fs_close(j->dir);
	fs_remove_tree(c->b->dir, j->path);
}

/* Nothing was sent: take back what was reserved. */
static int journal_failed(struct commit *c, struct journal *j)
{
	struct publisher *p = c->p;
	int r = fail_errno(c->mq, c->b->name, "cannot publish");
	size_t i;

	for (i = 0; i < p->nused; i++)
		commit_release(c, &p->targets[p->used[i]], 0);
	drop_journal(c, j);
	return r;
}

size_t several_count(struct publisher *p, struct target **last)
{
	size_t i, n = 0;

	for (i = 0; i < p->nused; i++) {
		struct target *t = &p->targets[p->used[i]];

		if (t->admitted == 0)
			continue;
		n++;
		if (last)
			*last = t;
	}
	return n;
}

int several_send(struct commit *c)
{
	struct publisher *p = c->p;
	struct journal j = { .dir = -1 };
	int trouble; /* what stays is delivered in time */
	const char *id = c->b->entries[0].id;
	int synced = 0;

	qsort_r(p->used, p->nused, sizeof(*p->used), compare_targets, p->targets);
	if (fill_journal(c, &j) == -1)
		return journal_failed(c, &j);
	if (several_count(p, NULL) == 0) { /* all were removed just now */
		drop_journal(c, &j);
		return MQ_OK;
	}
	if (journal_commit(p->x->spool, j.path, id) == -1)
		return journal_failed(c, &j);
	if (j.sync)
		synced = j.names ? fs_sync_path(c->b->dir, "j") : sync_anew(c);
	/* To sync a file says nothing of a directory on the way to it that was
	 * durable under another name before. */
	if (synced == 0 && j.sync && !fs_keeps_order(j.dir))
		synced = fs_sync(j.dir);
	fs_close(j.dir);
	if (synced == -1)
		return copies_sync_failed(c); /* it is delivered nevertheless, in time */
	p->cursor = 0;
	journal_deliver(p->x->spool, id, open_for_delivery, p, NULL, &trouble);
	count_sent(c);
	return MQ_OK;
}
