/*
 * publish.c - publish, a batch to an exchange
 *
 * The commit of a batch:
 *
 *	route   every message, by its block of properties, to queues
 *	admit   see that each queue has room, by its overflow setting.  A queue
 *	        that refuses one message gets none after it; what may wait for
 *	        room is put off, with all that comes after it for that queue.
 *	commit  one queue: send it there.  More: link all copies into a directory
 *	        and commit that (journal.h), then deliver it.
 *	wait    for room for what was put off, and send it there.
 *
 * A message's id is the exchange's; its key in each queue is that queue's.
 */
#include "send/publish.h"

#include "exchange/journal.h"
#include "exchange/route.h"
#include "format/message.h"
#include "receive/sweep.h"
#include "spool/depth.h"
#include "spool/settle.h"
#include "spool/limit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define QUEUES_OPEN 128 /* at a time */
#define COPIES_MAX  64  /* of a file that can have no more links */

struct copy {
	uint32_t message; /* of the batch */
	int dead;         /* to the dead letters */
};

/* A queue of the router's, and what is for it of this batch. */
struct target {
	const char *name;
	mq_queue *q; /* NULL: not open */
	struct copy *copies;
	size_t n, room;
	size_t admitted;        /* of the copies; the rest waits */
	struct limit_held held; /* their room */
};

struct block {
	char *text;
	size_t size;
};

/* Another copy of the batch's file. */
struct extra {
	int fd;
	char path[ENTRY_PATH];
};

struct publisher {
	mq_exchange *x;
	struct router *router;
	struct target *targets; /* of the router, under the same numbers */
	uint32_t *used;         /* the targets of this batch */
	size_t nused, cursor;
	size_t open, evict;               /* queues */
	struct block blocks[BATCH_COUNT]; /* each stands for messages in a row */
	size_t block_of[BATCH_COUNT], nblocks;
	struct entry copies[BATCH_COUNT]; /* of one target */
	struct extra extras[COPIES_MAX];
	size_t nextras;
};

struct commit {
	mq_batch *b;
	mq *mq;
	struct publisher *p;
	size_t routed[BATCH_COUNT]; /* to how many queues that are there */
	unsigned char kept[BATCH_COUNT];
	size_t put_off[BATCH_COUNT]; /* copies that wait for room */
	size_t told, accepted;
	int refused; /* the first refusal's status, or MQ_OK, and its text: */
	char error[ERROR_SIZE];
	struct target *waiting; /* of which copies are sent one by one, */
	size_t sent, synced;    /* up to here, and this is durable */
	void (*each)(void *ctx, const char *id);
	void *ctx;
};

/* ---- the publisher ----------------------------------------------------- */

int mq_batch_open_exchange(mq_exchange *x, mq_batch **out)
{
	struct publisher *p = calloc(1, sizeof(*p));
	mq_batch *b = p ? batch_new(x->mq, x->name, x->spool->fd) : NULL;

	*out = b;
	if (b == NULL) {
		free(p);
		return fail_errno(x->mq, x->name, "cannot begin a batch");
	}
	p->x = exchange_ref(x);
	b->publisher = p;
	return MQ_OK;
}

static void drop_router(struct publisher *p)
{
	size_t i, n = p->targets ? router_queues(p->router) : 0;

	for (i = 0; i < n; i++) {
		mq_queue_close(p->targets[i].q);
		free(p->targets[i].copies);
	}
	free(p->targets);
	free(p->used);
	router_close(p->router);
	p->router = NULL;
	p->targets = NULL;
	p->used = NULL;
	p->nused = p->open = p->evict = 0;
}

static void drop_blocks(struct publisher *p, size_t from)
{
	while (p->nblocks > from)
		free(p->blocks[--p->nblocks].text);
}

void publisher_free(struct publisher *p)
{
	if (p == NULL)
		return;
	drop_blocks(p, 0);
	drop_router(p);
	mq_exchange_close(p->x);
	free(p);
}

int publisher_keep(struct publisher *p, size_t i, const char *block, size_t size)
{
	struct block *last;
	char *text;

	/* Without those of messages that were begun and forgotten. */
	drop_blocks(p, i > 0 ? p->block_of[i - 1] + 1 : 0);
	last = p->nblocks ? &p->blocks[p->nblocks - 1] : NULL;
	if (last == NULL || last->size != size || memcmp(last->text, block, size) != 0) {
		if ((text = malloc(size + 1)) == NULL)
			return -1;
		memcpy(text, block, size);
		p->blocks[p->nblocks].text = text;
		p->blocks[p->nblocks++].size = size;
	}
	p->block_of[i] = p->nblocks - 1;
	return 0;
}

/* The bindings as they are now. */
static int refresh_router(struct publisher *p)
{
	size_t i, n;
	int r;

	if (p->router && router_holds(p->router))
		return MQ_OK;
	drop_router(p);
	if ((p->router = router_open(p->x->mq, p->x->spool, p->x->name, &r)) == NULL)
		return r;
	n = router_queues(p->router);
	p->targets = calloc(n + 1, sizeof(*p->targets));
	p->used = calloc(n + 1, sizeof(*p->used));
	if (p->targets == NULL || p->used == NULL) {
		drop_router(p);
		return fail_errno(p->x->mq, p->x->name, "cannot route");
	}
	for (i = 0; i < n; i++)
		p->targets[i].name = router_queue(p->router, i);
	return MQ_OK;
}

/* ---- queues ------------------------------------------------------------ */

static void close_target(struct publisher *p, struct target *t)
{
	if (t->q == NULL)
		return;
	mq_queue_close(t->q);
	t->q = NULL;
	p->open--;
}

/* Of many queues few are open: make room for one more. */
static void close_one(struct publisher *p)
{
	size_t n = router_queues(p->router);

	while (p->open >= QUEUES_OPEN)
		close_target(p, &p->targets[p->evict++ % n]);
}

/* Its open queue; to be asked for anew after another one was. */
static int open_target(struct publisher *p, struct target *t)
{
	int r;

	if (t->q)
		return MQ_OK;
	close_one(p);
	if ((r = queue_open(p->x->mq, p->x->spool, t->name, &t->q)) != MQ_OK)
		return r;
	p->open++;
	settle(t->q);
	return MQ_OK;
}

/* The same, after others may have removed or changed it. */
static int reopen_target(struct publisher *p, struct target *t)
{
	if (t->q && queue_is_there(t->q))
		return queue_refresh(t->q);
	close_target(p, t);
	return open_target(p, t);
}

/* ---- refusals ---------------------------------------------------------- */

/* The first one is what the publisher is told in the end. */
static void refuse(struct commit *c, int status)
{
	if (c->refused != MQ_OK)
		return;
	c->refused = status;
	memcpy(c->error, c->mq->error, sizeof(c->error));
}

/* The target gets no copy from number i on. */
static void cut_copies(struct target *t, size_t i)
{
	t->n = i;
	if (t->admitted > i)
		t->admitted = i;
}

/* Take back the room of the copies from number i to those admitted.  Of a queue that had
 * to be closed for others it stays taken until the next count, as after a kill. */
static void release_copies(struct commit *c, struct target *t, size_t i)
{
	int saved = errno;

	for (; i < t->admitted && t->q; i++)
		depth_release(t->q, 1, c->b->entries[t->copies[i].message].body);
	errno = saved;
}

/* The queue was removed: of its copies, from number i on, it is as if it had not been
 * bound. */
static void unroute(struct commit *c, const struct target *t, size_t i)
{
	for (; i < t->n; i++)
		c->routed[t->copies[i].message]--;
}

/* ---- routing ----------------------------------------------------------- */

static int add_copy(struct publisher *p, uint32_t queue, size_t message)
{
	struct target *t = &p->targets[queue];
	size_t room = t->room ? 2 * t->room : 16;
	struct copy *grown;

	if (t->n == t->room) {
		if ((grown = realloc(t->copies, room * sizeof(*grown))) == NULL)
			return -1;
		t->copies = grown;
		t->room = room;
	}
	if (t->n == 0)
		p->used[p->nused++] = queue;
	t->copies[t->n++] = (struct copy){ (uint32_t)message, 0 };
	return 0;
}

/* The queues of the messages that share this block. */
static int route_block(struct publisher *p, const struct block *block, const uint32_t **queues,
    size_t *n)
{
	struct message_block m = { 0 };
	char *text = malloc(block->size + 1);
	const char *key = "";
	size_t first = 0;

	if (text == NULL)
		return -1;
	memcpy(text, block->text, block->size);
	if (message_parse(text, block->size, &m) == -1) {
		message_free(&m);
		return -1;
	}
	/* The queue's own properties come first. */
	for (; first < m.n && !strncasecmp(m.headers[first].name, "Mq-", 3); first++)
		if (!strcmp(m.headers[first].name, MESSAGE_KEY))
			key = m.headers[first].value;
	*n =
	    router_route(p->router, key, m.headers ? m.headers + first : NULL, m.n - first, queues);
	message_free(&m);
	return 0;
}

static int route_all(struct commit *c)
{
	struct publisher *p = c->p;
	const uint32_t *queues = NULL;
	size_t i, k, n = 0;

	for (i = 0; i < p->nused; i++)
		p->targets[p->used[i]].n = p->targets[p->used[i]].admitted = 0;
	p->nused = 0;
	for (i = 0; i < c->b->n; i++) {
		if ((i == 0 || p->block_of[i] != p->block_of[i - 1]) &&
		    route_block(p, &p->blocks[p->block_of[i]], &queues, &n) == -1)
			return fail_errno(c->mq, c->b->name, "cannot route");
		c->routed[i] = n;
		for (k = 0; k < n; k++)
			if (add_copy(p, queues[k], i) == -1)
				return fail_errno(c->mq, c->b->name, "cannot route");
	}
	return MQ_OK;
}

/* ---- admitting --------------------------------------------------------- */

/* Under overflow=drop-head a batch may be more than the queue holds: what is
 * dropped then is the oldest of its own least urgent messages, sent and gone. */
static int drop_admitted(struct commit *c, struct target *t)
{
	const struct entry *entries = c->b->entries;
	size_t i, first = 0;

	if (t->admitted == 0)
		return 0;
	for (i = 1; i < t->admitted; i++)
		if (entries[t->copies[i].message].priority <
		    entries[t->copies[first].message].priority)
			first = i;
	c->kept[t->copies[first].message] = 1;
	depth_release(t->q, 1, entries[t->copies[first].message].body);
	t->held.n--;
	t->held.bytes -= entries[t->copies[first].message].body;
	t->n--;
	t->admitted--;
	memmove(&t->copies[first], &t->copies[first + 1], (t->n - first) * sizeof(*t->copies));
	return 1;
}

/* Reserve room for the next copy: 1; 0 when it is refused with all that follow
 * it; -1 when it is to wait. */
static int admit_next(struct commit *c, struct target *t)
{
	struct copy *copy = &t->copies[t->admitted];
	uint64_t body = c->b->entries[copy->message].body;
	enum room_found found = room_look(t->q, body, &t->held);

	switch (found) {
	case ROOM_DEAD:
	case ROOM_FOUND:
		copy->dead = found == ROOM_DEAD;
		t->held.n++;
		t->held.bytes += body;
		t->admitted++;
		return 1;
	case ROOM_FULL:
		if (room_may_wait(&c->b->room, t->q))
			return -1;
		break;
	case ROOM_NEVER:
		if (drop_admitted(c, t))
			return 1;
		break;
	case ROOM_ERROR:
		refuse(c, queue_fail(t->q, "cannot make room"));
		return 0;
	}
	refuse(c, room_full(t->q));
	return 0;
}

/* Leave out the copies that are too large for this queue. */
static void drop_too_large(struct commit *c, struct target *t)
{
	size_t i, n = 0;

	for (i = 0; i < t->n; i++) {
		if (room_excludes(t->q, c->b->entries[t->copies[i].message].body))
			refuse(c, room_too_large(t->q));
		else
			t->copies[n++] = t->copies[i];
	}
	t->n = n;
}

static void admit(struct commit *c, struct target *t)
{
	int r = reopen_target(c->p, t), found = 1;
	size_t i;

	if (r != MQ_OK) {
		if (r == MQ_NOTFOUND)
			unroute(c, t, 0);
		else
			refuse(c, r);
		cut_copies(t, 0);
		return;
	}
	sweep(t->q, SWEEP_IF_DUE);
	drop_too_large(c, t);
	t->held = (struct limit_held){ 0, 0 };
	while (found == 1 && t->admitted < t->n)
		found = admit_next(c, t);
	if (found == 0)
		cut_copies(t, t->admitted);
	for (i = t->admitted; i < t->n; i++)
		c->put_off[t->copies[i].message]++;
}

/* ---- the file ---------------------------------------------------------- */

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

static void drop_extras(struct commit *c)
{
	while (c->p->nextras > 0) {
		struct extra *x = &c->p->extras[--c->p->nextras];

		fs_close(x->fd);
		fs_unlink(c->b->dir, x->path);
	}
}

static int sync_files(struct commit *c)
{
	size_t i;

	for (i = 0; i < c->p->nextras; i++)
		if (fs_sync(c->p->extras[i].fd) == -1)
			return -1;
	return fs_sync(c->b->fd);
}

/* The same where that is to make a directory's new name durable, too: see bundle.c. */
static int sync_anew(struct commit *c)
{
	return fs_log_again(c->b->fd) == -1 ? -1 : sync_files(c);
}

/* Some file systems (GlusterFS) say ENOSPC for too many links. */
static int link_file(struct commit *c, int dir, const char *name)
{
	int r = fs_link(c->b->dir, source(c), dir, name);

	if (r == -1 && (errno == EMLINK || (errno == ENOSPC && c->p->nextras < COPIES_MAX)) &&
	    add_extra(c) == 0)
		r = fs_link(c->b->dir, source(c), dir, name);
	return r;
}

/* ---- commit to one queue ----------------------------------------------- */

/* A message as an entry of the target's queue, but for its key. */
static void make_entry(struct commit *c, const struct target *t, size_t i, struct entry *e)
{
	*e = c->b->entries[t->copies[i].message];
}

/* Those that were sent have their names even if the last ones do not. */
static void mark_kept(struct commit *c, const struct target *t, size_t from, size_t to)
{
	for (; from < to; from++)
		c->kept[t->copies[from].message] = 1;
}

static int sync_failed(struct commit *c)
{
	return fail_errno(c->mq, c->b->name, "cannot sync: whether messages were kept is unknown");
}

static int place_copy(struct commit *c, struct target *t, size_t i, struct entry *e,
    struct tails *tails)
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

/* Copies that could not be placed, and why: mostly, the queue was removed meanwhile. */
static void place_failed(struct commit *c, struct target *t, size_t i, int r)
{
	size_t k;

	release_copies(c, t, i);
	if (r == MQ_NOTFOUND)
		unroute(c, t, i);
	else
		refuse(c, r);
	for (k = t->admitted; k < t->n; k++)
		c->put_off[t->copies[k].message]--;
	cut_copies(t, i);
}

/* As to a queue: no journal. */
static int send_straight(struct commit *c, struct target *t)
{
	struct entry *e = c->p->copies;
	struct tails tails;
	size_t i;
	int r;

	if ((r = open_target(c->p, t)) != MQ_OK) {
		place_failed(c, t, 0, r);
		return MQ_OK;
	}
	tails_reset(t->q, &tails);
	if (t->q->conf.sync && !queue_sync_covers_name(t->q) && sync_files(c) == -1)
		return sync_failed(c);
	for (i = 0; i < t->admitted; i++)
		make_entry(c, t, i, &e[i]);
	queue_new_keys(t->q, e, t->admitted);
	for (i = 0; i < t->admitted; i++)
		if (place_copy(c, t, i, &e[i], &tails) == -1)
			break;
	if (i < t->admitted)
		place_failed(c, t, i, queue_fail(t->q, "cannot send"));
	if (i > 0 && t->q->conf.sync &&
	    (sync_files(c) == -1 ||
		(!queue_sync_covers_name(t->q) && line_sync(t->q, &tails) == -1)))
		return sync_failed(c);
	queue_count(t->q, METER_SENT, i);
	mark_kept(c, t, 0, i);
	return MQ_OK;
}

/* ---- commit to several ------------------------------------------------- */

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
	return link_file(c, f->dir, name);
}

/* One message's member. */
static int add_member(struct commit *c, const struct journal *j, const struct target *t,
    const struct entry *e, int dead)
{
	char member[MEMBER_SIZE];

	journal_entry(t->name, e, dead, member);
	return link_file(c, j->dir, member);
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
		make_entry(c, t, i, &e[i]);
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
	place_failed(c, t, 0, r);
	return journal_drop(c->p->x->spool, j->path, t->name);
}

static int fill_with(struct commit *c, struct journal *j, struct target *t)
{
	int r = open_target(c->p, t);

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
	return !j->names || (sync_files(c) == 0 && fs_sync(j->dir) == 0) ? 0 : -1;
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
			*gone = open_target(p, t) == MQ_NOTFOUND;
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

		mark_kept(c, t, 0, t->admitted);
		if (t->admitted > 0 && open_target(p, t) == MQ_OK)
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
		release_copies(c, &p->targets[p->used[i]], 0);
	drop_journal(c, j);
	return r;
}

/* The targets that get something: how many, and the last of them. */
static size_t count_admitted(struct publisher *p, struct target **last)
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

static int send_by_journal(struct commit *c)
{
	struct publisher *p = c->p;
	struct journal j = { .dir = -1 };
	int trouble; /* what stays is delivered in time */
	const char *id = c->b->entries[0].id;
	int synced = 0;

	qsort_r(p->used, p->nused, sizeof(*p->used), compare_targets, p->targets);
	if (fill_journal(c, &j) == -1)
		return journal_failed(c, &j);
	if (count_admitted(p, NULL) == 0) { /* all were removed just now */
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
		return sync_failed(c); /* it is delivered nevertheless, in time */
	p->cursor = 0;
	journal_deliver(p->x->spool, id, open_for_delivery, p, NULL, &trouble);
	count_sent(c);
	return MQ_OK;
}

static int send_admitted(struct commit *c)
{
	struct target *one = NULL;
	size_t n = count_admitted(c->p, &one);

	if (n == 0)
		return MQ_OK;
	return n == 1 ? send_straight(c, one) : send_by_journal(c);
}

/* ---- telling ----------------------------------------------------------- */

/* Tell of messages in order, up to the first of which a copy waits. */
static void tell(struct commit *c)
{
	for (; c->told < c->b->n && !c->put_off[c->told]; c->told++) {
		if (!c->kept[c->told])
			continue;
		c->accepted++;
		if (c->each)
			c->each(c->ctx, c->b->entries[c->told].id);
	}
}

/* ---- what was put off -------------------------------------------------- */

/* Make durable what was sent of it, and tell, before waiting again. */
static int settle_sent(void *commit)
{
	struct commit *c = commit;
	struct target *t = c->waiting;

	if (c->sent == c->synced)
		return MQ_OK;
	if (t->q->conf.sync && sync_files(c) == -1)
		return sync_failed(c);
	queue_count(t->q, METER_SENT, c->sent - c->synced);
	mark_kept(c, t, c->synced, c->sent);
	for (; c->synced < c->sent; c->synced++)
		c->put_off[t->copies[c->synced].message]--;
	tell(c);
	return MQ_OK;
}

static int send_late(struct commit *c, struct target *t)
{
	struct copy *copy = &t->copies[c->sent];
	struct entry e;
	int r;

	make_entry(c, t, c->sent, &e);
	if ((r = room_get(&c->b->room, t->q, e.body, &copy->dead, settle_sent, c)) != MQ_OK)
		return r;
	queue_new_keys(t->q, &e, 1);
	/* Names are made durable one by one: this has waited anyway. */
	if ((t->q->conf.sync && !queue_sync_covers_name(t->q) && sync_files(c) == -1) ||
	    place_copy(c, t, c->sent, &e, NULL) == -1) {
		depth_release(t->q, 1, e.body);
		return queue_fail(t->q, "cannot send");
	}
	c->sent++;
	return MQ_OK;
}

/* Of each message one queue or more may have waited. */
static int send_rest_to(struct commit *c, struct target *t)
{
	size_t i;
	int r = MQ_OK, settled;

	c->waiting = t;
	c->sent = c->synced = t->admitted;
	if ((r = open_target(c->p, t)) == MQ_OK) {
		while (r == MQ_OK && c->sent < t->n)
			r = send_late(c, t);
		if (r != MQ_OK && r != MQ_NOTFOUND)
			refuse(c, r);
		if ((settled = settle_sent(c)) != MQ_OK)
			return settled;
	} else if (r != MQ_NOTFOUND) {
		refuse(c, r);
	}
	if (r == MQ_NOTFOUND)
		unroute(c, t, c->synced);
	for (i = c->synced; i < t->n; i++)
		c->put_off[t->copies[i].message]--;
	return MQ_OK;
}

static int send_rest(struct commit *c)
{
	struct publisher *p = c->p;
	size_t i;
	int r = MQ_OK;

	for (i = 0; r == MQ_OK && i < p->nused; i++) {
		struct target *t = &p->targets[p->used[i]];

		if (t->admitted < t->n)
			r = send_rest_to(c, t);
	}
	return r;
}

/* ---- the commit -------------------------------------------------------- */

static void new_ids(struct commit *c)
{
	mq_batch *b = c->b;
	int64_t first = page_reserve_ids(exchange_page(c->p->x), mq_now(c->mq), (int64_t)b->n);
	uint32_t nonce = (uint32_t)nonce_next(&c->mq->nonce);
	size_t i;

	for (i = 0; i < b->n; i++)
		key_format(b->entries[i].id, first + (int64_t)i, nonce);
}

static int prepare(struct commit *c)
{
	size_t i;
	int r;

	if ((r = refresh_router(c->p)) != MQ_OK)
		return r;
	if (!spool_has_room(c->p->x->spool))
		return fail(c->mq, MQ_BUSY, c->b->name, "the disk is full");
	if (batch_flush(c->b) == -1)
		return fail_errno(c->mq, c->b->name, "cannot write the message");
	new_ids(c);
	if ((r = route_all(c)) != MQ_OK)
		return r;
	for (i = 0; i < c->p->nused; i++)
		admit(c, &c->p->targets[c->p->used[i]]);
	return MQ_OK;
}

/* What the publisher is told of a commit that did not fail. */
static int verdict(struct commit *c)
{
	char why[64];
	size_t i;

	for (i = 0; i < c->b->n; i++)
		c->b->unrouted += c->routed[i] == 0;
	if (c->refused != MQ_OK) {
		memcpy(c->mq->error, c->error, sizeof(c->error));
		return c->refused;
	}
	if (c->b->unrouted == 0)
		return MQ_OK;
	snprintf(why, sizeof(why), "%zu of %zu messages matched no binding", c->b->unrouted,
	    c->b->n);
	return fail(c->mq, MQ_EMPTY, c->b->name, why);
}

static int commit_all(struct commit *c)
{
	int r;

	if ((r = prepare(c)) != MQ_OK || (r = send_admitted(c)) != MQ_OK)
		return r;
	tell(c);
	if ((r = send_rest(c)) != MQ_OK)
		return r;
	tell(c);
	return verdict(c);
}

int publish_commit(mq_batch *b, size_t *accepted, void (*each)(void *ctx, const char *id),
    void *ctx)
{
	struct commit *c = calloc(1, sizeof(*c));
	int r;

	if (c == NULL)
		return fail_errno(b->mq, b->name, "cannot publish");
	c->b = b;
	c->mq = b->mq;
	c->p = b->publisher;
	c->each = each;
	c->ctx = ctx;
	r = commit_all(c);
	drop_extras(c);
	*accepted = c->accepted;
	free(c);
	return r;
}
