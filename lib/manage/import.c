/*
 * import.c - what was in a queue before is put into one again
 *
 * Messages are collected in a batch as others are, but keep their ids.  The key
 * of each is as old as its stay in the queue that it comes from, since aging and
 * retention go by that; but never below that of the one before it in its line, so
 * that the order stays, and never above the time.
 *
 * So that an import which was killed can be done again, the ids of each batch
 * are written down before its commit, one a line:
 *
 *	import/lock   held by the import
 *	import/N~     the ids of a batch that is being committed
 *	import/N      those of one that was
 *
 * N~ left by a kill may be placed in part.  Messages are placed in order, so those
 * up to the last one that is there were; the others are imported again.  When an
 * import is finished, the directory goes by one rename.
 */
#include "base/grow.h"
#include "base/names.h"
#include "format/message.h"
#include "send/batch.h"
#include "spool/death.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOTES     "import"
#define NOTE_PATH 64

/* An id in little room: there may be millions. */
struct id {
	unsigned char bytes[12];
};

struct ids {
	struct id *of;
	size_t n, room;
};

/* Where messages go: the queue, or its dead letters. */
struct target {
	mq_queue *q;
	mq_batch *batch;
	/* the times of the last keys: of each level, and in the last group */
	int64_t last[LEVELS], last_of_group;
	char group[HASH_SIZE];
};

/* A message that moves while its queue is exported may be met in two of these. */
enum phase { NOTHING, WAITING, LEASED, DEAD };

struct mq_import {
	mq_queue *home; /* which has the notes, and is no dead-letter queue */
	struct target live, dead;
	struct target *at; /* of the message at hand, and of those not committed */
	int lock;
	int opened;       /* it is known whether there are notes */
	struct ids known; /* sorted */
	uint64_t noted;   /* the number of the last note */
	uint64_t loaded;  /* that of the last one whose ids are known */
	enum phase phase;
	mq_time since[BATCH_COUNT];
	char *history[BATCH_COUNT]; /* NULL: none */
	uint64_t count;
};

/* ---- ids --------------------------------------------------------------- */

static struct id pack(const char *key)
{
	uint64_t ns = (uint64_t)key_time(key);
	uint32_t nonce = (uint32_t)strtoul(key + KEY_SIZE - 9, NULL, 16);
	struct id id;

	memcpy(id.bytes, &ns, 8);
	memcpy(id.bytes + 8, &nonce, 4);
	return id;
}

static int compare_ids(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct id));
}

static int add_id(struct ids *l, const char *key)
{
	struct id *grown = grow(l->of, &l->room, l->n + 1, sizeof(*grown));

	if (grown == NULL)
		return -1;
	l->of = grown;
	l->of[l->n++] = pack(key);
	return 0;
}

static void sort_ids(struct ids *l)
{
	if (l->n)
		qsort(l->of, l->n, sizeof(*l->of), compare_ids);
}

static int has_id(const struct ids *l, const char *key)
{
	struct id id = pack(key);

	return l->n && bsearch(&id, l->of, l->n, sizeof(id), compare_ids) != NULL;
}

/* ---- notes ------------------------------------------------------------- */

/* doubt: "~" or "". */
static void note_path(uint64_t number, const char *doubt, char path[NOTE_PATH])
{
	snprintf(path, NOTE_PATH, NOTES "/%llu%s", (unsigned long long)number, doubt);
}

/* The next id of a note's text, which is cut; NULL at its end. */
static const char *next_id(char **text)
{
	const char *id;

	while ((id = strsep(text, "\n")) != NULL)
		if (key_valid(id))
			return id;
	return NULL;
}

/* Add what a note has to the ids that are known, unsorted. */
static int load_note(mq_import *im, uint64_t number)
{
	char path[NOTE_PATH], *text, *at;
	const char *id;
	int r = 0;

	note_path(number, "", path);
	if ((text = at = fs_slurp(im->home->fd, path)) == NULL)
		return errno == ENOENT ? 0 : -1;
	while (r == 0 && (id = next_id(&at)) != NULL)
		r = add_id(&im->known, id);
	free(text);
	return r;
}

static int load_notes(mq_import *im)
{
	int r = 0;

	if (im->loaded == im->noted)
		return 0;
	while (r == 0 && im->loaded < im->noted)
		r = load_note(im, ++im->loaded);
	sort_ids(&im->known);
	return r;
}

/* The ids of entries[0..n) as a note's text, to be freed. */
static char *note_text(const struct entry *entries, size_t n)
{
	char *text = malloc(n * KEY_SIZE + 1), *at = text;
	size_t i;

	if (text == NULL)
		return NULL;
	for (i = 0; i < n; i++) {
		at = stpcpy(at, entries[i].id);
		*at++ = '\n';
	}
	*at = '\0';
	return text;
}

/* Whole before the commit begins: one that was torn by a power cut is of a batch of
 * which nothing was placed. */
static int write_note(mq_import *im, const char *text)
{
	mq_queue *q = im->home;
	char path[NOTE_PATH];
	int fd, r = -1;

	note_path(im->noted, "~", path);
	if ((fd = fs_create(q->fd, path)) == -1)
		return -1;
	if (fs_write(fd, text, strlen(text)) == 0)
		r = q->conf.sync ? fs_sync_name(fd, q->fd, path) : 0;
	if (r == -1) {
		int saved = errno;

		fs_unlink(q->fd, path);
		errno = saved;
	}
	fs_close(fd);
	return r;
}

static int drop_doubt(mq_import *im, uint64_t number)
{
	char path[NOTE_PATH];

	note_path(number, "~", path);
	return fs_unlink(im->home->fd, path);
}

/* These were placed, and no more of those in doubt. */
static int close_note(mq_import *im, uint64_t number, const char *placed)
{
	mq_queue *q = im->home;
	char path[NOTE_PATH];

	note_path(number, "", path);
	if (queue_write_file(q->mq, q->fd, path, placed, q->conf.sync) == -1)
		return -1;
	return drop_doubt(im, number);
}

/* Cut the text of a note after the last of its ids that is known. */
static int cut_note(const mq_import *im, char *text)
{
	char *copy = strdup(text), *at = copy;
	size_t placed = 0;
	const char *id;

	if (copy == NULL)
		return -1;
	while ((id = next_id(&at)) != NULL)
		if (has_id(&im->known, id))
			placed = (size_t)(id - copy) + KEY_SIZE;
	text[placed] = '\0';
	free(copy);
	return 0;
}

/* A commit was killed: what it had placed is told by those that are there, which
 * alone are known so far. */
static int decide(mq_import *im, uint64_t number)
{
	char path[NOTE_PATH], *text;
	int r;

	note_path(number, "", path);
	if ((r = fs_exists(im->home->fd, path)) != 0)
		return r == 1 ? drop_doubt(im, number) : -1;
	note_path(number, "~", path);
	if ((text = fs_slurp(im->home->fd, path)) == NULL)
		return -1;
	r = cut_note(im, text) == 0 ? close_note(im, number, text) : -1;
	free(text);
	return r;
}

/* ---- opening and closing ----------------------------------------------- */

/* -1 with EWOULDBLOCK: another has it.  One that has just finished takes the lock
 * away with the rest. */
static int lock_notes(mq_queue *q)
{
	struct stat held, there;
	int fd;

	for (;;) {
		if (fs_have_dir(q->fd, NOTES) == -1)
			return -1;
		if ((fd = fs_lock(q->fd, NOTES "/lock", LOCK_AT_ONCE)) == -1 && errno != ENOENT)
			return -1;
		if (fd == -1)
			continue;
		if (fs_fstat(fd, &held) == 0 && fs_stat(q->fd, NOTES "/lock", &there) == 0 &&
		    held.st_ino == there.st_ino)
			return fd;
		fs_unlock(fd);
	}
}

static int remove_notes(mq_import *im)
{
	char path[ENTRY_PATH];
	int r;

	queue_scratch(im->home, path);
	r = fs_take_away(im->home->fd, NOTES, path);
	fs_unlock(im->lock);
	im->lock = -1;
	return r == 0 ? fs_remove_tree(im->home->fd, path) : -1;
}

static int note_there(void *ctx, const struct mq_message *m)
{
	mq_import *im = ctx;

	return add_id(&im->known, m->id);
}

/* The number in a note's name, and whether it is in doubt; 0: it is no note's. */
static uint64_t note_number(const char *name, int *doubt)
{
	char *end;
	uint64_t number = strtoull(name, &end, 10);

	*doubt = strcmp(end, "~") == 0;
	return *end && !*doubt ? 0 : number;
}

/* Find the last note, and decide about those in doubt. */
static int decide_doubts(mq_import *im)
{
	struct names names = { 0 };
	int r = names_read(&names, im->home->fd, NOTES), doubt;
	uint64_t number;
	size_t i;

	for (i = 0; r == 0 && i < names.n; i++) {
		number = note_number(names.name[i], &doubt);
		if (number > im->noted)
			im->noted = number;
		if (number && doubt)
			r = decide(im, number);
	}
	names_free(&names);
	return r;
}

/* All ids that are to be passed over. */
static int learn(mq_import *im)
{
	static const unsigned all = MQ_READY | MQ_DELAYED | MQ_LEASED | MQ_DEAD;
	int r = mq_list(im->home, all, note_there, im);

	if (r != MQ_OK)
		return r;
	sort_ids(&im->known);
	if (decide_doubts(im) == -1 || load_notes(im) == -1)
		return queue_fail(im->home, "cannot read what an import left");
	im->opened = 1;
	return MQ_OK;
}

static int open_target(struct target *t, mq_queue *q)
{
	int r = mq_batch_open(q, &t->batch);

	if (r != MQ_OK)
		return r;
	t->batch->keyed = 1;
	t->q = t->batch->q;
	return MQ_OK;
}

static int open_home(mq_import *im, mq_queue *q)
{
	char name[QUEUE_NAME_SIZE];

	if (!q->is_dlq) {
		im->home = queue_ref(q);
		return MQ_OK;
	}
	snprintf(name, sizeof(name), "%s", q->name);
	*strchr(name, '/') = '\0';
	return queue_open(q->mq, q->spool, name, &im->home);
}

static int open_import(mq_import *im, mq_queue *q)
{
	int r;

	if ((r = open_home(im, q)) != MQ_OK || (r = open_target(&im->live, q)) != MQ_OK)
		return r;
	im->lock = lock_notes(im->home);
	if (im->lock == -1)
		return errno == EWOULDBLOCK ?
		    fail(q->mq, MQ_BUSY, q->name, "another import into it is under way") :
		    queue_fail(im->home, "cannot begin an import");
	return learn(im);
}

int mq_import_open(mq_queue *q, mq_import **out)
{
	mq_import *im = calloc(1, sizeof(*im));
	int r;

	*out = NULL;
	if (im == NULL)
		return fail_errno(q->mq, q->name, "cannot begin an import");
	im->lock = -1;
	if ((r = open_import(im, q)) == MQ_OK)
		*out = im;
	else
		mq_import_close(im);
	return r;
}

void mq_import_close(mq_import *im)
{
	size_t i;

	if (im == NULL)
		return;
	if (im->lock != -1 && im->opened && im->noted == 0)
		remove_notes(im); /* there are none */
	if (im->lock != -1)
		fs_unlock(im->lock);
	for (i = 0; i < BATCH_COUNT; i++)
		free(im->history[i]);
	mq_batch_close(im->live.batch);
	mq_batch_close(im->dead.batch);
	mq_queue_close(im->home);
	free(im->known.of);
	free(im);
}

/* ---- committing -------------------------------------------------------- */

static void give_key(struct target *t, struct entry *e, mq_time since)
{
	int in_group = e->group[0] != '\0';
	int64_t *last = in_group ? &t->last_of_group : &t->last[e->priority];
	int64_t now = key_time(e->key), none = 0;

	if (!in_group && e->visible)
		last = &none; /* it comes when it is due */
	if (in_group && strcmp(t->group, e->group) != 0) {
		memcpy(t->group, e->group, HASH_SIZE);
		*last = 0;
	}
	if (since <= *last)
		since = *last + 1;
	*last = since < now ? since : now;
	key_format(e->key, *last, (uint32_t)nonce_next(&t->q->mq->nonce));
}

static void give_keys(mq_import *im)
{
	mq_batch *b = im->at->batch;
	size_t i;

	queue_new_keys(im->at->q, b->entries, b->n);
	for (i = 0; i < b->n; i++)
		give_key(im->at, &b->entries[i], im->since[i]);
}

/* Their names are made durable at once, for there may be as many as messages. */
static int write_histories(mq_import *im)
{
	mq_batch *b = im->at->batch;
	int some = 0;
	size_t i;

	for (i = 0; i < b->n; i++) {
		if (im->history[i] == NULL)
			continue;
		if (death_write(im->at->q, &b->entries[i], im->history[i]) == -1)
			return -1;
		some = 1;
	}
	return some && im->at->q->conf.sync ? fs_sync_all(im->at->q->fd) : 0;
}

/* Of entries[0..n), which were not placed after all. */
static void drop_histories(mq_import *im, const struct entry *entries, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		death_forget(im->at->q, &entries[i]);
}

/* All that comes before the commit: what fails leaves nothing. */
static int prepare(mq_import *im)
{
	mq_batch *b = im->at->batch;
	char *text = note_text(b->entries, b->n);
	int r;

	give_keys(im);
	im->noted++;
	r = text ? write_note(im, text) : -1;
	free(text);
	if (r == 0 && write_histories(im) == -1) {
		int saved = errno;

		drop_histories(im, b->entries, b->n);
		drop_doubt(im, im->noted);
		errno = saved;
		r = -1;
	}
	return r;
}

/* A commit that failed says what it kept; but whether that is all when a sync
 * fails, nobody knows: that stays in doubt. */
static int end_note(mq_import *im, const struct entry *entries, size_t n, size_t kept, int status)
{
	char path[NOTE_PATH], doubt[NOTE_PATH], *text;
	int r;

	note_path(im->noted, "", path);
	note_path(im->noted, "~", doubt);
	if (status == MQ_OK)
		return fs_rename(im->home->fd, doubt, im->home->fd, path);
	if (status == MQ_IO)
		return 0;
	drop_histories(im, entries + kept, n - kept);
	r = (text = note_text(entries, kept)) != NULL ? close_note(im, im->noted, text) : -1;
	free(text);
	return r;
}

/* The failure of the commit is told, rather than one that follows from it. */
static int commit(mq_import *im)
{
	mq_batch *b = im->at->batch;
	size_t n = b->n, kept = 0;
	int r = mq_batch_commit(b, -1, &kept, NULL, NULL);
	char error[ERROR_SIZE];

	im->count += kept;
	memcpy(error, im->home->mq->error, sizeof(error));
	if (end_note(im, b->entries, n, kept, r) == -1 && r == MQ_OK)
		return queue_fail(im->home, "cannot note what was imported");
	memcpy(im->home->mq->error, error, sizeof(error));
	return r;
}

/* A batch that could not be prepared is forgotten. */
static int renew(struct target *t)
{
	mq_queue *q = queue_ref(t->q);
	int r;

	mq_batch_close(t->batch);
	t->batch = NULL;
	r = open_target(t, q);
	mq_queue_close(q);
	return r;
}

int mq_import_commit(mq_import *im)
{
	int r;

	if (im->at == NULL || im->at->batch == NULL)
		return MQ_OK;
	mq_batch_abort(im->at->batch);
	if (mq_batch_count(im->at->batch) == 0)
		return MQ_OK;
	if (prepare(im) == -1) {
		r = queue_fail(im->home, "cannot note what is to be imported");
		renew(im->at);
		return r;
	}
	return commit(im);
}

uint64_t mq_import_count(const mq_import *im)
{
	return im->count;
}

int mq_import_finish(mq_import *im)
{
	if (im->at && im->at->batch && mq_batch_count(im->at->batch) > 0)
		return fail(im->home->mq, MQ_USAGE, im->home->name, "not all is committed");
	return remove_notes(im) == 0 ? MQ_OK : queue_fail(im->home, "cannot end the import");
}

/* ---- messages ---------------------------------------------------------- */

static int is_line(const char *text, size_t max)
{
	return *text && strlen(text) < max && !message_has_control(text) &&
	    mq_valid_utf8(text, strlen(text));
}

static const char *bad_past(const struct mq_past *p)
{
	size_t i;

	if (p->id == NULL || !key_valid(p->id))
		return "not the id of a message";
	if (p->since < 0 || p->expires < 0)
		return "a time before 1970";
	if (p->nevents > MQ_EVENTS_MAX)
		return "a history of more than 64 events";
	for (i = 0; i < p->nevents; i++) {
		const struct mq_event *v = &p->events[i];

		if (!is_line(v->reason, DEATH_REASON) || !valid_queue_name(v->queue) ||
		    v->first < 0 || v->last < 0)
			return "a malformed event in its history";
	}
	return NULL;
}

/* A history as it stands in its file, to be freed; NULL: no memory. */
static char *history_text(const struct mq_past *p)
{
	struct death *d = malloc(sizeof(*d));
	char *text;
	size_t i;

	if (d == NULL)
		return NULL;
	for (i = 0; i < p->nevents; i++) {
		const struct mq_event *from = &p->events[i];
		struct death_event *v = &d->event[i];

		snprintf(v->reason, sizeof(v->reason), "%s", from->reason);
		snprintf(v->queue, sizeof(v->queue), "%s", from->queue);
		v->count = from->count;
		v->first = from->first;
		v->last = from->last;
	}
	d->n = p->nevents;
	text = death_text(d);
	free(d);
	return text;
}

static enum phase phase_of(enum mq_state state)
{
	return state == MQ_DEAD ? DEAD : state == MQ_LEASED ? LEASED : WAITING;
}

/* Where a message of that phase goes, with those before it committed and known. */
static int enter_phase(mq_import *im, enum phase phase)
{
	char name[QUEUE_NAME_SIZE];
	mq_queue *dead;
	int r;

	if (phase == im->phase)
		return MQ_OK;
	if ((r = mq_import_commit(im)) != MQ_OK)
		return r;
	if (load_notes(im) == -1)
		return queue_fail(im->home, "cannot read what was imported");
	im->phase = phase;
	im->at = phase == DEAD && !im->live.q->is_dlq ? &im->dead : &im->live;
	if (im->at->batch)
		return MQ_OK;
	queue_dlq_name(im->home, name);
	if ((r = queue_open(im->home->mq, im->home->spool, name, &dead)) != MQ_OK)
		return r;
	r = open_target(&im->dead, dead);
	mq_queue_close(dead);
	return r;
}

/* What a past has, in the entry that was begun. */
static int begin_past(mq_import *im, const struct mq_past *p)
{
	mq_batch *b = im->at->batch;
	struct entry *e = &b->entries[b->n];

	memcpy(e->id, p->id, KEY_SIZE);
	e->receives = p->receives;
	e->expires = (p->expires + MILLISECOND - 1) / MILLISECOND;
	im->since[b->n] = p->since ? p->since : key_time(p->id);
	free(im->history[b->n]);
	im->history[b->n] = p->nevents ? history_text(p) : NULL;
	return p->nevents && im->history[b->n] == NULL ? -1 : 0;
}

int mq_import_begin(mq_import *im, const struct mq_properties *properties,
    const struct mq_past *past)
{
	struct mq_properties p = *properties;
	const char *why = bad_past(past);
	int r;

	if (why)
		return fail(im->home->mq, MQ_DATA, im->home->name, why);
	if ((r = enter_phase(im, phase_of(past->state))) != MQ_OK)
		return r;
	if (has_id(&im->known, past->id))
		return fail(im->home->mq, MQ_EMPTY, past->id, "is there already");
	p.ttl = 0;
	p.dedup_id = NULL;
	if ((r = mq_batch_begin(im->at->batch, &p)) != MQ_OK)
		return r;
	if (begin_past(im, past) == 0)
		return MQ_OK;
	mq_batch_abort(im->at->batch);
	return fail_errno(im->home->mq, im->home->name, "cannot begin a message");
}

int mq_import_write(mq_import *im, const void *data, size_t n)
{
	return mq_batch_write(im->at->batch, data, n);
}

int mq_import_end(mq_import *im)
{
	return mq_batch_end(im->at->batch);
}

void mq_import_abort(mq_import *im)
{
	if (im->at)
		mq_batch_abort(im->at->batch);
}

int mq_import_full(const mq_import *im)
{
	return im->at && mq_batch_full(im->at->batch);
}
