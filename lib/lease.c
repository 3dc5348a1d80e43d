/*
 * lease.c - verb: ack, nack, reject, give back, extend
 *
 * Each first looks at the deadline: a lease that is over is over, whether or
 * not anybody took the message back yet.  Then one rename or unlink of the
 * receipt is the verdict; ENOENT says that somebody else had the last word.
 */
#include "lease.h"

#include "death.h"
#include "limit.h"
#include "message.h"
#include "place.h"
#include "show.h"
#include "whereabouts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MILLISECOND (MQ_SECOND / 1000)

/* ---- the object -------------------------------------------------------- */

mq_lease *lease_new(mq_queue *q, const struct entry *e, const char *bucket, mq_time deadline)
{
	mq_lease *l = calloc(1, sizeof(*l));
	char name[NAME_SIZE];

	if (l == NULL)
		return NULL;
	entry_format(e, name);
	if (asprintf(&l->path, "%s/%s/%s", q->path, bucket, name) == -1) {
		free(l);
		return NULL;
	}
	l->queue = queue_ref(q);
	l->entry = *e;
	l->deadline = deadline;
	strcpy(l->bucket, bucket);
	show_entry(q, &l->entry, MQ_LEASED, l->path, &l->message);
	l->message.deadline = deadline;
	return l;
}

void mq_lease_free(mq_lease *l)
{
	if (l == NULL)
		return;
	mq_queue_close(l->queue);
	free(l->path);
	free(l);
}

const struct mq_message *mq_lease_message(const mq_lease *l)
{
	return &l->message;
}

/* The receipt below its queue. */
static const char *receipt(const mq_lease *l)
{
	return l->path + strlen(l->queue->path) + 1;
}

static int lapsed(const mq_lease *l)
{
	return fail(l->queue->mq, MQ_LAPSED, l->path, "the lease has lapsed");
}

static int lease_fail(const mq_lease *l, const char *what)
{
	if (errno != ENOENT)
		return fail_errno(l->queue->mq, l->path, what);
	return queue_is_there(l->queue)
	    ? lapsed(l)
	    : fail(l->queue->mq, MQ_NOTFOUND, l->path, "the queue was removed");
}

/* ---- from a receipt ---------------------------------------------------- */

/* The queue of a receipt: mostly that of the one before. */
static int queue_of(mq *h, const struct whereabouts *w, mq_queue **q)
{
	struct spool *s;
	int r;

	if (h->last && !strcmp(h->last->name, w->queue) && !strcmp(h->last->spool->root, w->spool) &&
	    queue_is_there(h->last)) {
		*q = h->last;
		return MQ_OK;
	}
	if ((s = spool_open(h, w->spool, &r)) == NULL)
		return r == MQ_NOTFOUND || r == MQ_CREATE
		    ? fail(h, MQ_DATA, w->spool, "not a receipt: no spool is there")
		    : r;
	r = queue_open(h, s, w->queue, q);
	spool_unref(s);
	if (r == MQ_OK) {
		mq_queue_close(h->last);
		h->last = *q;
	}
	return r;
}

static int check_receipt(mq *h, mq_queue *q, const struct whereabouts *w, const char *path)
{
	struct stat st;

	if (fs_stat(q->fd, w->rest, &st) == -1)
		return errno == ENOENT ? fail(h, MQ_LAPSED, path, "the lease has lapsed")
				       : fail_errno(h, path, "cannot look at the lease");
	if (!S_ISREG(st.st_mode))
		return fail(h, MQ_DATA, path, "not a receipt: not a message's file");
	return MQ_OK;
}

static int lease_at(mq *h, const struct whereabouts *w, const char *path, mq_lease **out)
{
	char bucket[STRIP_PATH];
	mq_queue *q;
	int r;

	if ((r = queue_of(h, w, &q)) != MQ_OK || (r = check_receipt(h, q, w, path)) != MQ_OK)
		return r;
	snprintf(bucket, sizeof(bucket), "%.*s", (int)(strrchr(w->rest, '/') - w->rest), w->rest);
	if ((*out = lease_new(q, &w->entry, bucket, 0)) == NULL)
		return fail_errno(h, path, "cannot look at the lease");
	return MQ_OK;
}

int mq_lease_of(mq *h, const char *path, mq_lease **out)
{
	struct whereabouts w;
	int r;

	*out = NULL;
	if (whereabouts_parse(path, &w) == -1 || w.part != PART_LEASED || !w.entry.lease)
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

/* Whether that clock is there and its deadline not reached: 1, 0, -1. */
static int clock_runs(mq_lease *l, const char *path)
{
	struct stat st;

	if (fs_stat(l->queue->fd, path, &st) == -1)
		return errno == ENOENT ? 0 : -1;
	l->deadline = l->message.deadline = fs_mtime(&st);
	return !queue_lapsed(l->queue, l->deadline);
}

/* Whether the lease still holds: 1, 0, or -1.  The clocks of a shared lease
 * are looked at once: the first to answer is remembered in the queue. */
static int holds(mq_lease *l)
{
	const struct entry *e = &l->entry;
	mq_queue *q = l->queue;
	char path[ENTRY_PATH];
	int r;

	if (e->lease == LEASE_SHARED && q->shared_nonce == e->nonce &&
	    !queue_lapsed(q, q->shared_deadline))
		return 1;
	lease_clock_path(l->bucket, e->nonce, NULL, path);
	r = clock_runs(l, path);
	if (r == 0 && e->lease == LEASE_SHARED) {
		lease_clock_path(l->bucket, e->nonce, e->key, path);
		return clock_runs(l, path);
	}
	if (r == 1 && e->lease == LEASE_SHARED) {
		q->shared_nonce = e->nonce;
		q->shared_deadline = l->deadline;
	}
	return r;
}

/* MQ_OK when the verdict may be given. */
static int begin_verdict(mq_lease *l)
{
	int r = holds(l);

	if (r == -1)
		return lease_fail(l, "cannot look at the lease's clock");
	if (r == 0) {
		errno = ENOENT;
		return lease_fail(l, "");
	}
	return MQ_OK;
}

/* The receipt is gone: so may its clock, if no other lease hangs on it. */
static void end_verdict(mq_lease *l)
{
	char path[ENTRY_PATH];

	if (l->entry.lease != LEASE_OWN)
		return;
	lease_clock_path(l->bucket, l->entry.nonce, NULL, path);
	fs_unlink(l->queue->fd, path);
}

/* ---- the verdicts ------------------------------------------------------ */

int mq_ack(mq_lease *l)
{
	int r = begin_verdict(l);

	if (r != MQ_OK)
		return r;
	if (place_drop(l->queue, l->queue->fd, receipt(l), &l->entry) == -1)
		return lease_fail(l, "cannot ack");
	atomic_fetch_add(&queue_page(l->queue)->acked, 1);
	end_verdict(l);
	return MQ_OK;
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

/* The entry on its way back, with the consumer's words in its history. */
static int return_with_reason(mq_lease *l, struct entry *e, const char *reason)
{
	mq_queue *q = l->queue;
	struct source from = { q->fd, receipt(l), STRIP_RENAME };
	struct entry told;

	if (reason == NULL || *reason == '\0')
		return place_return(q, &from, e);
	if (death_record(q, q, e, reason, q->name) == -1)
		return -1;
	told = *e;
	if (place_return(q, &from, e) == -1) {
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
	    (r = begin_verdict(l)) != MQ_OK)
		return r;
	if (delay < 0)
		delay = place_backoff(q, e.receives);
	e.visible = delay ? (queue_now(q) + delay + MILLISECOND - 1) / MILLISECOND : 0;
	if (return_with_reason(l, &e, reason) == -1)
		return lease_fail(l, "cannot return the message");
	end_verdict(l);
	return MQ_OK;
}

int mq_reject(mq_lease *l, const char *reason)
{
	mq_queue *q = l->queue;
	struct source from = { q->fd, receipt(l), STRIP_RENAME };
	struct entry e = l->entry;
	int r;

	if ((r = check_reason(l, reason)) != MQ_OK || (r = queue_refresh(q)) != MQ_OK ||
	    (r = begin_verdict(l)) != MQ_OK)
		return r;
	if (place_dead(q, &from, &e, reason && *reason ? reason : "rejected") == -1)
		return lease_fail(l, "cannot move the message to the dead letters");
	end_verdict(l);
	return MQ_OK;
}

int mq_giveback(mq_lease *l)
{
	mq_queue *q = l->queue;
	struct source from = { q->fd, receipt(l), STRIP_RENAME };
	struct entry e = l->entry;
	int r;

	if ((r = begin_verdict(l)) != MQ_OK)
		return r;
	if (e.receives > 0)
		e.receives--; /* it was never looked at */
	if (place_back(q, &from, &e) == -1)
		return lease_fail(l, "cannot give the message back");
	end_verdict(l);
	return MQ_OK;
}

/* ---- extending --------------------------------------------------------- */

/* Set the clock, then look whether the lease is there: a reaper that claims
 * the clock after that sees the new deadline, one before it made the path
 * fail.  1, 0 when it is over, -1. */
static int extend_clock(mq_lease *l, const char *path, mq_time deadline)
{
	int r = clock_runs(l, path);

	if (r != 1)
		return r;
	if (fs_set_mtime(l->queue->fd, path, deadline) == -1)
		return errno == ENOENT ? 0 : -1;
	return fs_exists(l->queue->fd, receipt(l));
}

/* One message of a shared lease gets a clock of its own.  It must stand before
 * the shared one is seen to run: whoever claims that one later finds it. */
static int extend_alone(mq_lease *l, mq_time deadline)
{
	char own[ENTRY_PATH], shared[ENTRY_PATH], made[ENTRY_PATH];
	mq_queue *q = l->queue;
	int r;

	lease_clock_path(l->bucket, l->entry.nonce, l->entry.key, own);
	if (fs_exists(q->fd, own) == 1)
		return extend_clock(l, own, deadline);
	lease_clock_path(l->bucket, l->entry.nonce, NULL, shared);
	if ((r = clock_runs(l, shared)) != 1)
		return r;
	/* Its time is set before it has its name: nobody sees it lapsed. */
	queue_scratch(q, made);
	do
		r = fs_mkempty(q->fd, made);
	while (r == -1 && spool_drop_ballast(q->spool));
	if (r == -1 || fs_set_mtime(q->fd, made, deadline) == -1 ||
	    fs_rename(q->fd, made, q->fd, own) == -1)
		return -1;
	if ((r = clock_runs(l, shared)) == 1)
		return fs_exists(q->fd, receipt(l));
	fs_unlink(q->fd, own);
	return r;
}

int mq_extend(mq_lease *l, mq_time visibility)
{
	mq_queue *q = l->queue;
	char path[ENTRY_PATH];
	mq_time deadline;
	int r;

	if ((r = queue_refresh(q)) != MQ_OK)
		return r;
	deadline = queue_now(q) + (visibility ? visibility : q->conf.visibility);
	lease_clock_path(l->bucket, l->entry.nonce, NULL, path);
	r = l->entry.lease == LEASE_SHARED ? extend_alone(l, deadline)
					   : extend_clock(l, path, deadline);
	if (r == -1)
		return lease_fail(l, "cannot extend the lease");
	if (r == 0) {
		errno = ENOENT;
		return lease_fail(l, "");
	}
	l->deadline = l->message.deadline = deadline;
	return MQ_OK;
}
