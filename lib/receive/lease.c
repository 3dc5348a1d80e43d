/*
 * lease.c - ack, nack, reject, give back, extend
 *
 * Each first looks at the deadline: a lease that is over is over, whether or
 * not anybody took the message back yet.  Then one rename or unlink of the
 * receipt is the verdict; ENOENT says that somebody else had the last word.
 */
#include "receive/lease.h"

#include "format/message.h"
#include "place/lane.h"
#include "place/place.h"
#include "place/repair.h"
#include "receive/group.h"
#include "receive/memory.h"
#include "receive/show.h"
#include "receive/watch.h"
#include "spool/death.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the object -------------------------------------------------------- */

mq_lease *lease_new(mq_queue *q, const struct entry *e, const char *dir, mq_time deadline)
{
	size_t queue = strlen(q->path);
	char name[NAME_SIZE];
	mq_lease *l;

	entry_format(e, name);
	l = calloc(1, sizeof(*l) + queue + strlen(dir) + strlen(name) + 3);
	if (l == NULL)
		return NULL;
	l->receipt = l->path + queue + 1;
	stpcpy(stpcpy(stpcpy(stpcpy(stpcpy(l->path, q->path), "/"), dir), "/"), name);
	l->queue = queue_ref(q);
	l->entry = *e;
	l->deadline = deadline;
	bucket_of(dir, l->bucket);
	show_entry(q, &l->entry, MQ_LEASED, l->path, &l->message);
	l->message.deadline = deadline;
	return l;
}

void mq_lease_free(mq_lease *l)
{
	if (l == NULL)
		return;
	mq_queue_close(l->queue);
	free(l);
}

const struct mq_message *mq_lease_message(const mq_lease *l)
{
	return &l->message;
}

/* Why there is no lease: it is over, or what bears its name never was one. */
static int lapsed(const mq_lease *l)
{
	struct stat st;

	if (fs_stat(l->queue->fd, l->receipt, &st) == 0 && !S_ISREG(st.st_mode))
		return fail(l->queue->mq, MQ_DATA, l->path, "not a receipt: not a message's file");
	return fail(l->queue->mq, MQ_LAPSED, l->path, "the lease has lapsed");
}

/* A verdict that could not be given: mostly because the lease was over. */
static int lease_fail(const mq_lease *l, const char *what)
{
	mq *h = l->queue->mq;

	if (errno != ENOENT)
		return fail_errno(h, l->path, what);
	if (queue_is_there(l->queue))
		return lapsed(l);
	mq_queue_close(h->last); /* another may have its name: look anew */
	h->last = NULL;
	return fail(h, MQ_NOTFOUND, l->path, "the queue was removed");
}

/* ---- from a receipt ---------------------------------------------------- */

/* The queue of a receipt, which is mostly that of the one before. */
static int queue_of(mq *h, const struct whereabouts *w, mq_queue **q)
{
	int r;

	if (!h->last || strcmp(h->last->name, w->queue) != 0 ||
	    strcmp(h->last->spool->root, w->spool) != 0) {
		if ((r = queue_open_in(h, w->spool, w->queue, q)) != MQ_OK)
			return r;
		mq_queue_close(h->last);
		h->last = *q;
	}
	*q = h->last;
	return MQ_OK;
}

/* Whether something that is no directory has its name. */
static int is_planted(mq_queue *q, const char *dir)
{
	struct stat st;

	return fs_stat(q->fd, dir, &st) == 0 && !S_ISDIR(st.st_mode);
}

/* A bucket is a directory, and so is a bundle; a link planted in its place leads
 * nowhere.  The one looked at last is remembered. */
static int check_directory(mq_queue *q, const char *dir, const char *path)
{
	struct memory *m = memory_of(q);
	char bucket[STRIP_PATH];

	if (m && !strcmp(m->dir, dir))
		return MQ_OK;
	bucket_of(dir, bucket);
	if (is_planted(q, bucket) || is_planted(q, dir))
		return fail(q->mq, MQ_DATA, path, "not a receipt: its directory is none");
	if (m)
		strcpy(m->dir, dir);
	return MQ_OK;
}

/* What the receipt is worth, the verdict finds out. */
static int lease_at(mq *h, const struct whereabouts *w, const char *path, mq_lease **out)
{
	char dir[STRIP_PATH];
	mq_queue *q;
	int r;

	if ((r = queue_of(h, w, &q)) != MQ_OK)
		return r;
	snprintf(dir, sizeof(dir), "%.*s", (int)(strrchr(w->rest, '/') - w->rest), w->rest);
	if ((r = check_directory(q, dir, path)) != MQ_OK)
		return r;
	if ((*out = lease_new(q, &w->entry, dir, 0)) == NULL)
		return fail_errno(h, path, "cannot look at the lease");
	return MQ_OK;
}

/* A receipt from the same directory as the last one, which was taken apart: what
 * is left of it, its entry's name.  Else NULL. */
static const char *beside_last(const mq_queue *last, const char *path)
{
	size_t queue, dir;

	if (last == NULL || last->memory == NULL || last->memory->dir[0] == '\0')
		return NULL;
	queue = strlen(last->path);
	dir = strlen(last->memory->dir);
	if (strncmp(path, last->path, queue) != 0 || path[queue] != '/' ||
	    strncmp(path + queue + 1, last->memory->dir, dir) != 0 || path[queue + 1 + dir] != '/')
		return NULL;
	return path + queue + 1 + dir + 1;
}

/* The lease of that name there: MQ_OK, or MQ_DATA. */
static int lease_beside(mq *h, const char *path, const char *name, mq_lease **out)
{
	const char *dir = h->last->memory->dir;
	struct entry e;
	uint64_t nonce;
	int in_bundle = bundle_name_parse(strrchr(dir, '/') + 1, &nonce) == 0;

	if (entry_parse(name, &e) == -1 || e.token || !e.lease == !in_bundle)
		return fail(h, MQ_DATA, path, "not a receipt");
	if (in_bundle)
		bundle_lease(&e, nonce);
	*out = lease_new(h->last, &e, dir, 0);
	return *out ? MQ_OK : fail_errno(h, path, "cannot look at the lease");
}

int mq_lease_of(mq *h, const char *path, mq_lease **out)
{
	const char *name = beside_last(h->last, path);
	struct whereabouts w;
	int r;

	*out = NULL;
	if (name && !strchr(name, '/'))
		return lease_beside(h, path, name, out);
	if (queue_parse_path(path, &w) == -1 || w.part != PART_LEASED || !w.entry.lease ||
	    w.entry.token)
		r = fail(h, MQ_DATA, path, "not a receipt");
	else
		r = lease_at(h, &w, path, out);
	whereabouts_free(&w);
	return r;
}

/* ---- the clock --------------------------------------------------------- */

void lease_clock_path(const char *bucket, uint64_t nonce, const char *key, char path[ENTRY_PATH])
{
	struct clock_name c = { .nonce = nonce };
	char name[CLOCK_SIZE];

	if (key)
		memcpy(c.key, key, KEY_SIZE);
	clock_name_format(&c, name);
	snprintf(path, ENTRY_PATH, "%s/%s", bucket, name);
}

int lease_clock_make(mq_queue *q, const char *path, mq_time deadline, const char *home)
{
	char made[ENTRY_PATH];
	int r;

	queue_scratch(q, made);
	do
		r = fs_mkempty(q->fd, made);
	while (r == -1 && spool_drop_ballast(q->spool));
	if (r == -1)
		return -1;
	do
		r = fs_set_mtime(q->fd, made, deadline) == -1 ? -1 :
								fs_rename(q->fd, made, q->fd, path);
	while ((home && fs_missed_dir_for(r, q->fd, made, q->fd, home)) ||
	    (r == -1 && spool_drop_ballast(q->spool)));
	if (r == -1) {
		int saved = errno;

		fs_unlink(q->fd, made);
		errno = saved;
	}
	return r;
}

static int is_nobodys(const struct stat *clock)
{
	return clock->st_size > 0;
}

int lease_clock_is_held(mq_queue *q, const char *path)
{
	struct stat st;

	if (fs_stat(q->fd, path, &st) == -1)
		return errno == ENOENT ? 0 : -1;
	return !is_nobodys(&st);
}

#define CLOCK_HAS_OTHERS 0770 /* the mode of a shared clock that is not alone */

/* Whether that clock is there and its deadline not reached: 1 or 0; -1 with
 * errno, ENOENT when there is no such clock. */
static int clock_runs(mq_lease *l, const char *path, mode_t *mode)
{
	struct stat st;

	if (fs_stat(l->queue->fd, path, &st) == -1)
		return -1;
	l->deadline = l->message.deadline = fs_mtime(&st);
	if (mode)
		*mode = st.st_mode;
	return !queue_lapsed(l->queue, l->deadline) && !is_nobodys(&st);
}

/* Many verdicts on leases of one clock need not look at it each time.  Should it be
 * cut short meanwhile, one that comes a moment later counts as one before. */
#define SEEN_FOR (10 * MILLISECOND)

static void note_running(mq_lease *l)
{
	struct memory *m = memory_of(l->queue);

	if (m == NULL)
		return;
	m->clock.nonce = l->entry.nonce;
	m->clock.deadline = l->deadline;
	m->clock.at = clock_up(&l->queue->mq->clock);
}

static int seen_running(mq_lease *l)
{
	mq_queue *q = l->queue;
	struct memory *m = q->memory;

	if (m == NULL || m->clock.nonce != l->entry.nonce || l->entry.lease == LEASE_OWN ||
	    clock_up(&q->mq->clock) - m->clock.at > SEEN_FOR || queue_lapsed(q, m->clock.deadline))
		return 0;
	l->deadline = l->message.deadline = m->clock.deadline;
	return 1;
}

/* Whether the lease still holds, by its own clock where it has one.  Who keeps
 * a clock for many leases means all of them: the own one shall not end first. */
static int holds(mq_lease *l)
{
	const struct entry *e = &l->entry;
	char path[ENTRY_PATH];
	mq_time kept;
	mode_t mode = 0;
	int shared, own;

	if (seen_running(l))
		return 1;
	lease_clock_path(l->bucket, e->nonce, NULL, path);
	shared = clock_runs(l, path, &mode);
	if (shared == -1 && errno != ENOENT)
		return -1;
	if (e->lease == LEASE_OWN || (shared != -1 && !(mode & S_IXUSR))) {
		if (shared == 1)
			note_running(l);
		return shared;
	}
	kept = l->deadline;
	lease_clock_path(l->bucket, e->nonce, e->key, path);
	own = clock_runs(l, path, NULL);
	if (own == -1 && errno == ENOENT)
		return shared;
	if (own == 1 && shared == 1 && l->held && l->deadline < kept)
		fs_set_mtime(l->queue->fd, path, kept);
	return own;
}

/* MQ_OK when the verdict may be given. */
static int begin_verdict(mq_lease *l)
{
	int r = holds(l);

	if (r == -1)
		return lease_fail(l, "cannot look at the lease's clock");
	if (r == 1 && l->entry.lease == LEASE_BUNDLE)
		memory_enter_bundle(l->queue, l->receipt,
		    (size_t)(strrchr(l->receipt, '/') - l->receipt));
	return r == 1 ? MQ_OK : lapsed(l);
}

/* The receipt is gone: so may its clock, if no other lease hangs on it, nor a
 * token that could not go on. */
static void end_verdict(mq_lease *l)
{
	char path[ENTRY_PATH];

	if (l->entry.lease != LEASE_OWN || (lane_wants(l->queue, &l->entry) && !group_goes_on(l)))
		return;
	lease_clock_path(l->bucket, l->entry.nonce, NULL, path);
	fs_unlink(l->queue->fd, path);
}

int mq_lease_check(mq_lease *l)
{
	int r = begin_verdict(l);

	if (r != MQ_OK)
		return r;
	if ((r = fs_exists(l->queue->fd, l->receipt)) == 1)
		return MQ_OK;
	if (r == -1 || !queue_is_there(l->queue))
		return lease_fail(l, "cannot look at the lease");
	return fail(l->queue->mq, MQ_EMPTY, l->path, "it has had its verdict");
}

/* ---- the verdicts ------------------------------------------------------ */

/* A bundle in flight keeps its place, so its directory may stay open. */
static int drop(mq_lease *l)
{
	mq_queue *q = l->queue;
	struct memory *m = q->memory;

	if (l->entry.lease == LEASE_BUNDLE && m && m->bundle_dir != -1)
		return place_drop(q, m->bundle_dir, strrchr(l->receipt, '/') + 1, &l->entry);
	return place_drop(q, q->fd, l->receipt, &l->entry);
}

static void count_ack(const mq_lease *l)
{
	struct meter *m = &queue_page(l->queue)->meter;
	mq_time now = queue_now(l->queue);

	meter_count(m, now, METER_ACKED, 1);
	meter_latency(m, now, now - key_time(l->entry.id));
}

int mq_ack(mq_lease *l)
{
	int r = begin_verdict(l);

	if (r != MQ_OK)
		return r;
	r = lane_wants(l->queue, &l->entry) ? group_ack(l) : drop(l);
	if (r == -1)
		return lease_fail(l, "cannot ack");
	count_ack(l);
	end_verdict(l);
	return MQ_OK;
}

/* A verdict by which the message goes to a line, here or elsewhere. */
static int begin_return(mq_lease *l)
{
	repair(l->queue);
	return begin_verdict(l);
}

/* A consumer's words are one line of history. */
static int check_reason(mq_lease *l, const char *reason)
{
	if (reason == NULL)
		return MQ_OK;
	if (message_has_control(reason) || !mq_valid_utf8(reason, strlen(reason)))
		return fail(l->queue->mq, MQ_DATA, l->path, "the reason is not a line of text");
	if (strlen(reason) >= DEATH_REASON)
		return fail(l->queue->mq, MQ_DATA, l->path, "the reason is longer than 255 bytes");
	return MQ_OK;
}

static int return_entry(mq_lease *l, struct entry *e)
{
	struct source from = { l->queue->fd, l->receipt, STRIP_RENAME };

	return lane_wants(l->queue, e) ? group_return(l, e) : place_return(l->queue, &from, e);
}

/* The entry on its way back, with the consumer's words in its history. */
static int return_with_reason(mq_lease *l, struct entry *e, const char *reason)
{
	mq_queue *q = l->queue;
	struct entry told;

	bundle_leave(e);
	if (reason == NULL || *reason == '\0')
		return return_entry(l, e);
	if (death_record(q, q, e, reason, q->name) == -1)
		return -1;
	told = *e;
	if (return_entry(l, e) == -1) {
		death_forget(q, &told);
		return -1;
	}
	death_forget(q, &l->entry);
	return 0;
}

int mq_nack(mq_lease *l, mq_time delay, const char *reason)
{
	mq_queue *q = l->queue;
	struct entry e = l->entry;
	int r;

	if ((r = check_reason(l, reason)) != MQ_OK || (r = queue_refresh(q)) != MQ_OK ||
	    (r = begin_return(l)) != MQ_OK)
		return r;
	if (delay < 0)
		delay = place_backoff(q, e.receives);
	e.visible = delay ? (queue_now(q) + delay + MILLISECOND - 1) / MILLISECOND : 0;
	if (return_with_reason(l, &e, reason) == -1)
		return lease_fail(l, "cannot return the message");
	queue_count(q, METER_NACKED, 1);
	end_verdict(l);
	return MQ_OK;
}

int mq_reject(mq_lease *l, const char *reason)
{
	mq_queue *q = l->queue;
	struct source from = { q->fd, l->receipt, STRIP_RENAME };
	struct entry e = l->entry;
	int r;

	if ((r = check_reason(l, reason)) != MQ_OK || (r = queue_refresh(q)) != MQ_OK ||
	    (r = begin_return(l)) != MQ_OK)
		return r;
	bundle_leave(&e);
	if (!reason || !*reason)
		reason = "rejected";
	r = lane_wants(q, &e) ? group_dead(l, reason) : place_dead(q, &from, &e, reason);
	if (r == -1)
		return lease_fail(l, "cannot move the message to the dead letters");
	queue_count(q, METER_NACKED, 1);
	end_verdict(l);
	return MQ_OK;
}

int mq_giveback(mq_lease *l)
{
	mq_queue *q = l->queue;
	struct source from = { q->fd, l->receipt, STRIP_RENAME };
	struct entry e = l->entry;
	int r;

	if ((r = begin_return(l)) != MQ_OK)
		return r;
	bundle_leave(&e);
	if (e.receives > 0)
		e.receives--; /* it was never looked at */
	r = lane_wants(q, &e) ? group_return(l, &e) : place_back(q, &from, &e);
	if (r == -1)
		return lease_fail(l, "cannot give the message back");
	end_verdict(l);
	return MQ_OK;
}

/* ---- extending --------------------------------------------------------- */

/* A deadline before the lease's bucket: nobody would look there in time.  A
 * mark in the bucket of the deadline, "@DUE", says to look there as well. */
static int mark_early(mq_lease *l, mq_time deadline)
{
	const char *due = strrchr(l->bucket, '/') + 1;
	char early[STRIP_PATH], path[ENTRY_PATH];
	int fd = l->queue->fd;

	bucket_path("leased", deadline, early);
	if (strtoll(strrchr(early, '/') + 1, NULL, 10) >= strtoll(due, NULL, 10))
		return 0;
	snprintf(path, sizeof(path), "%s/@%s", early, due);
	while (fs_mkempty(fd, path) == -1) {
		if (errno == EEXIST)
			break;
		if (!(errno == ENOENT && fs_have_dir(fd, early) == 0) &&
		    !spool_drop_ballast(l->queue->spool))
			return -1;
	}
	return 0;
}

/* Set the clock, then look whether the lease is there: a reaper that claims
 * the clock after that sees the new deadline, one before it made the path
 * fail, unless a nobody's clock has come there since.  1, 0 when it is over, -1
 * with errno. */
static int extend_clock(mq_lease *l, const char *path, mq_time deadline)
{
	int r = clock_runs(l, path, NULL);

	if (r != 1)
		return r;
	if (fs_set_mtime(l->queue->fd, path, deadline) == -1)
		return -1;
	r = lease_clock_is_held(l->queue, path);
	return r == 1 ? fs_exists(l->queue->fd, l->receipt) : r;
}

/* One message of a shared lease gets a clock of its own.  It must stand before
 * the shared one is seen to run: whoever claims that one later finds it. */
static int extend_alone(mq_lease *l, mq_time deadline)
{
	char own[ENTRY_PATH], shared[ENTRY_PATH];
	mq_queue *q = l->queue;
	int r;

	lease_clock_path(l->bucket, l->entry.nonce, l->entry.key, own);
	if ((r = extend_clock(l, own, deadline)) != -1 || errno != ENOENT)
		return r;
	lease_clock_path(l->bucket, l->entry.nonce, NULL, shared);
	if ((r = clock_runs(l, shared, NULL)) != 1 || (r = fs_exists(q->fd, l->receipt)) != 1)
		return r;
	if (fs_chmod(q->fd, shared, CLOCK_HAS_OTHERS) == -1 ||
	    lease_clock_make(q, own, deadline, NULL) == -1)
		return -1;
	if (clock_runs(l, shared, NULL) == 1 && fs_exists(q->fd, l->receipt) == 1)
		return 1;
	fs_unlink(q->fd, own);
	return 0;
}

int mq_extend(mq_lease *l, mq_time visibility)
{
	mq_queue *q = l->queue;
	char path[ENTRY_PATH];
	mq_time deadline;
	int r;

	if ((r = queue_refresh(q)) != MQ_OK)
		return r;
	if (q->memory)
		q->memory->clock.nonce = 0;
	deadline = queue_deadline(q, visibility ? visibility : q->conf.visibility);
	if (mark_early(l, deadline) == -1)
		return lease_fail(l, "cannot extend the lease");
	lease_clock_path(l->bucket, l->entry.nonce, NULL, path);
	r = l->entry.lease == LEASE_OWN ? extend_clock(l, path, deadline) :
					  extend_alone(l, deadline);
	if (r == -1)
		return lease_fail(l, "cannot extend the lease");
	if (r == 0)
		return lapsed(l);
	if (deadline < l->deadline) {
		queue_due(q, deadline);
		watch_poke(q); /* those who wait expect it later */
	}
	l->deadline = l->message.deadline = deadline;
	return MQ_OK;
}
