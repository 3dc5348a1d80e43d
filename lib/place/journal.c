/*
 * journal.c - publishes that are committed and are being delivered
 */
#include "place/journal.h"

#include "base/names.h"
#include "place/repair.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MARK      '~'
#define MARK_DEAD '!'

struct member {
	char queue[QUEUE_NAME_SIZE];
	int dead;
	int is_bundle, is_opened;
	unsigned level;
	struct entry entry;
};

struct delivery {
	struct spool *spool;
	int dir; /* j/ID */
	journal_queue_fn *open;
	void *ctx;
	char queue[QUEUE_NAME_SIZE]; /* the last member's, */
	mq_queue *q;                 /* or NULL */
	int gone;
	unsigned moved;
	const char *concern; /* the queue for which it matters, or NULL: all */
	int trouble;         /* errno of what went wrong, or 0 */
	struct tails tails;
};

/* ---- names ------------------------------------------------------------- */

static char *put_queue(const char *queue, char mark, char member[MEMBER_SIZE])
{
	char *p = member;

	for (; *queue; queue++)
		*p++ = *queue == '/' ? ':' : *queue;
	*p++ = mark;
	return p;
}

void journal_entry(const char *queue, const struct entry *e, int dead, char member[MEMBER_SIZE])
{
	entry_format(e, put_queue(queue, dead ? MARK_DEAD : MARK, member));
}

void journal_bundle(const char *queue, unsigned level, unsigned i, char member[MEMBER_SIZE])
{
	sprintf(put_queue(queue, MARK, member), "p%u~%04u", level, i);
}

/* 0, or -1: nothing that belongs there. */
static int parse_member(const char *name, struct member *m)
{
	size_t n = strcspn(name, "~!"), i;
	const char *rest = name + n + 1;

	memset(m, 0, sizeof(*m));
	if (name[n] == '\0' || n >= sizeof(m->queue))
		return -1;
	for (i = 0; i < n; i++)
		m->queue[i] = name[i] == ':' ? '/' : name[i];
	if (!valid_queue_name(m->queue))
		return -1;
	m->dead = name[n] == MARK_DEAD;
	if (rest[0] != 'p' || m->dead)
		return entry_parse(rest, &m->entry) == 0 && !m->entry.token ? 0 : -1;
	m->is_bundle = 1;
	m->is_opened = name[strlen(name) - 1] == '-';
	m->level = (unsigned)(rest[1] - '0');
	return m->level < LEVELS && rest[2] == MARK ? 0 : -1;
}

int journal_is_member(const char *name)
{
	struct member m;

	return parse_member(name, &m) == 0;
}

static void journal_path(const char *id, char path[JOURNAL_PATH])
{
	snprintf(path, JOURNAL_PATH, "j/%.48s", id);
}

/* ---- committing -------------------------------------------------------- */

int journal_commit(struct spool *s, const char *made, const char *id)
{
	char path[JOURNAL_PATH];
	int r;

	journal_path(id, path);
	r = fs_rename(s->fd, made, s->fd, path);
	if (fs_missed_dir(r, s->fd, "j")) {
		if (fs_sync(s->fd) == -1)
			return -1;
		r = fs_rename(s->fd, made, s->fd, path);
	}
	return r;
}

/* ---- delivering -------------------------------------------------------- */

/* To find something gone is to lose a race; what another queue does not get is
 * told by those who look there. */
static void note_trouble(struct delivery *d, int r)
{
	if (r == -1 && errno != ENOENT && !d->trouble &&
	    (!d->queue[0] || !d->concern || !strcmp(d->queue, d->concern)))
		d->trouble = errno;
}

/* One message, at the path below the journal's directory. */
static void deliver_entry(struct delivery *d, const char *path, struct entry *e, int dead)
{
	struct source from = { d->dir, path, STRIP_RENAME };
	int r;

	do
		if (dead)
			r = place_dead(d->q, &from, e, "overflow");
		else if (e->visible)
			r = place_delayed(d->q, &from, e);
		else
			r = place_ready(d->q, &from, e, &d->tails);
	while (r == -1 && spool_drop_ballast(d->spool));
	d->moved += r == 0;
	note_trouble(d, r);
}

static void deliver_one_by_one(struct delivery *d, const char *member)
{
	char path[2 * MEMBER_SIZE];
	struct names entries = { 0 };
	struct entry e;
	size_t i;

	note_trouble(d, names_read(&entries, d->dir, member));
	tails_reset(d->q, &d->tails); /* others may have moved it */
	for (i = 0; i < entries.n; i++) {
		if (entry_parse(entries.name[i], &e) == -1 || e.token)
			continue;
		snprintf(path, sizeof(path), "%s/%s", member, entries.name[i]);
		deliver_entry(d, path, &e, 0);
	}
	names_free(&entries);
	fs_rmdir(d->dir, member);
}

/* First under another name: nothing may be taken from what becomes a bundle. */
static void open_and_deliver(struct delivery *d, const char *member)
{
	char opened[MEMBER_SIZE + 1];

	snprintf(opened, sizeof(opened), "%s-", member);
	if (fs_rename(d->dir, member, d->dir, opened) == 0 || errno == ENOENT)
		deliver_one_by_one(d, opened);
	else if (errno == EXDEV) /* nor can it become one: see strip_open */
		deliver_one_by_one(d, member);
	else
		note_trouble(d, -1);
}

static void deliver_bundle(struct delivery *d, const char *member, unsigned level)
{
	struct strip s = queue_strip(d->q, LINE_READY, level);
	int r;

	do
		r = strip_install(&s, d->dir, member, queue_scratch, d->q);
	while (r == -1 && spool_drop_ballast(d->spool));
	if (r == 1)
		queue_ring(d->q);
	d->moved += r == 1;
	/* Gone: in the line, or another delivers it one by one. What comes next must
	 * not be there before it.  EXDEV: it cannot be renamed. */
	if (r == -1 && (errno == ENOENT || errno == EXDEV))
		r = 0;
	note_trouble(d, r);
	d->tails.segment[level] = STRIP_TAIL;
	if (r == 0)
		open_and_deliver(d, member);
}

/* What was for a queue that is gone goes with it. */
static int drop_member(int dir, const char *member, int is_bundle)
{
	int r = is_bundle ? fs_remove_tree(dir, member) : fs_unlink(dir, member);

	return r == -1 && errno != ENOENT ? -1 : 0;
}

static void deliver_member(struct delivery *d, const char *name)
{
	unsigned moved = d->moved;
	struct member m;

	if (parse_member(name, &m) == -1)
		return;
	if (strcmp(m.queue, d->queue) != 0) {
		strcpy(d->queue, m.queue);
		d->gone = 0;
		errno = 0;
		d->q = d->open(d->ctx, m.queue, &d->gone);
		if (d->q == NULL && !d->gone && errno)
			note_trouble(d, -1);
		if (d->q)
			tails_reset(d->q, &d->tails);
	}
	if (d->q == NULL)
		; /* gone, or not to be had now */
	else if (m.is_opened)
		deliver_one_by_one(d, name);
	else if (m.is_bundle)
		deliver_bundle(d, name, m.level);
	else
		deliver_entry(d, name, &m.entry, m.dead);
	if (d->q && d->moved == moved && !queue_is_there(d->q)) {
		d->gone = 1; /* since it was opened */
		d->q = NULL;
	}
	if (d->gone)
		note_trouble(d, drop_member(d->dir, name, m.is_bundle));
}

unsigned journal_deliver(struct spool *s, const char *id, journal_queue_fn *open, void *ctx,
    const char *concern, int *trouble)
{
	struct delivery d = { .spool = s, .open = open, .ctx = ctx, .concern = concern };
	struct names members = { 0 };
	char path[JOURNAL_PATH];
	size_t i;

	journal_path(id, path);
	if ((d.dir = fs_open_dir(s->fd, path)) == -1) {
		note_trouble(&d, -1);
		*trouble = d.trouble;
		return 0;
	}
	note_trouble(&d, names_read(&members, d.dir, "."));
	for (i = 0; i < members.n; i++)
		deliver_member(&d, members.name[i]);
	names_free(&members);
	fs_close(d.dir);
	*trouble = d.trouble;
	fs_rmdir(s->fd, path);
	return d.moved;
}

/* ---- forgetting -------------------------------------------------------- */

/* Whether the member is for that queue or for its dead letters. */
static int is_for(const struct member *m, const char *queue)
{
	size_t n = strlen(queue);

	return !strncmp(m->queue, queue, n) && (m->queue[n] == '\0' || m->queue[n] == '/');
}

int journal_drop(struct spool *s, const char *path, const char *queue)
{
	struct names members = { 0 };
	int dir = fs_open_dir(s->fd, path), r;
	struct member m;
	size_t i;

	if (dir == -1)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -1;
	r = names_read(&members, dir, ".");
	for (i = 0; r == 0 && i < members.n; i++)
		if (parse_member(members.name[i], &m) == 0 && is_for(&m, queue))
			r = drop_member(dir, members.name[i], m.is_bundle);
	names_free(&members);
	fs_close(dir);
	return r;
}

/* From the directories in that one. */
static int drop_in_all(struct spool *s, const char *parent, const char *queue)
{
	char path[JOURNAL_PATH];
	struct names ids = { 0 };
	int r = names_read(&ids, s->fd, parent);
	size_t i;

	for (i = 0; r == 0 && i < ids.n; i++) {
		snprintf(path, sizeof(path), "%s/%.48s", parent, ids.name[i]);
		r = journal_drop(s, path, queue);
	}
	names_free(&ids);
	return r;
}

int journal_forget(struct spool *s, const char *queue)
{
	return drop_in_all(s, "tmp", queue) == 0 ? drop_in_all(s, "j", queue) : -1;
}

/* ---- helping ----------------------------------------------------------- */

struct help {
	mq *mq;
	struct spool *spool;
	mq_queue *q;
};

static mq_queue *open_for_help(void *ctx, const char *name, int *gone)
{
	struct help *h = ctx;

	mq_queue_close(h->q);
	h->q = NULL;
	*gone = queue_open(h->mq, h->spool, name, &h->q) == MQ_NOTFOUND;
	if (h->q)
		repair(h->q);
	return h->q;
}

unsigned journal_help(mq *m, struct spool *s, const char *concern, int *trouble)
{
	struct help h = { .mq = m, .spool = s };
	struct names ids = { 0 };
	unsigned moved = 0;
	int one = 0;
	size_t i;

	*trouble = names_read(&ids, s->fd, "j") == -1 ? errno : 0;
	for (i = 0; i < ids.n; i++) {
		moved += journal_deliver(s, ids.name[i], open_for_help, &h, concern, &one);
		*trouble = *trouble ? *trouble : one;
	}
	names_free(&ids);
	mq_queue_close(h.q);
	return moved;
}
