/*
 * recvgroup.c - receive the first message of a group
 *
 * In turns/ stand tokens of message groups (lane.h).  To take one:
 *
 *	1  look at the lane's first message, then rename the token to beside the
 *	   clock, as the token of that message, its count raised: the lease
 *	2  link the message beside it, under the name of a lease: the receipt
 *	3  look whether the token is still there, and its group's valid one: who
 *	   was stopped meanwhile has made a receipt that nobody may use
 */
#include "receive/receiving.h"

#include "place/bury.h"
#include "place/lane.h"
#include "place/place.h"
#include "place/token.h"
#include "spool/depth.h"

#include <errno.h>
#include <string.h>

/* The first message cannot be looked at, or not be removed: other groups go on. */
static int put_off_group(struct receiving *r, const char *path, const struct entry *t)
{
	recv_pass_over(r);
	if (token_put_off(r->q, path, t) == 0 || errno == ENOENT)
		r->passed_over = 0; /* it is not in the way */
	return 0;
}

/* The lane's first message may be delivered no more: have the token, then move
 * it to the dead letters. */
static int bury_first(struct receiving *r, const char *path, const struct entry *e, int *lost)
{
	struct entry t;
	char to[ENTRY_PATH];
	int valid;

	token_of(e, &t);
	if (recv_lease(r, path, &t, to, lost) == -1)
		return -1;
	if (*lost)
		return 0;
	if ((valid = token_valid(r->q, t.group, to)) == -1 && errno != ENOENT)
		return -1; /* it will lapse */
	if (valid != 1)    /* drops it */
		return token_pass_on(r->q, to, &t, NULL);
	if (lane_bury(r->q, to, &t, "max-receives") == 0)
		return 0;
	return errno == ENOENT ? token_pass_on(r->q, to, &t, NULL) : put_off_group(r, to, &t);
}

/* Nothing to deliver: have the token as it is, then see where it belongs. */
static int sort_token(struct receiving *r, const char *path, struct entry *t, int *lost)
{
	char to[ENTRY_PATH];

	if (recv_lease(r, path, t, to, lost) == -1)
		return -1;
	if (*lost || token_sort(r->q, to, t) == 0 || errno == ENOENT)
		return 0;
	return recv_pass_over(r); /* it will lapse */
}

/* Lease message, the lane's first, which is e. */
static int lease_first(struct receiving *r, const char *path, const char *message, struct entry *e,
    int *lost)
{
	char token[ENTRY_PATH], receipt[ENTRY_PATH], name[NAME_SIZE];
	mq_queue *q = r->q;
	struct entry t;
	int done, valid;

	e->receives++;
	token_of(e, &t);
	if (recv_lease(r, path, &t, token, lost) == -1)
		return -1;
	if (*lost)
		return 0;
	e->lease = t.lease;
	e->nonce = t.nonce;
	entry_format(e, name);
	stpcpy(stpcpy(stpcpy(receipt, r->clock->bucket), "/"), name);
	do
		done = fs_link(q->fd, message, q->fd, receipt);
	while (done == -1 && errno != ENOENT && spool_drop_ballast(q->spool));
	if (done == -1) /* dropped meanwhile; or no lease after all */
		return errno == ENOENT ? token_pass_on(q, token, &t, NULL) : -1;
	if ((valid = token_valid(q, e->group, token)) == 1)
		return recv_keep(r, e, r->clock->bucket, 0);
	if (valid == -1 && errno != ENOENT)
		return -1; /* it will lapse */
	fs_unlink(q->fd, receipt);
	if (fs_exists(q->fd, token) == 1)
		token_pass_on(q, token, &t, NULL);
	*lost = 1;
	return 0;
}

/* What the token tells of a message that it is not for: that must not be lost. */
static int is_for_another(const struct entry *t, const struct entry *first)
{
	return strcmp(t->key, first->key) != 0 && (t->receives || t->visible || t->death[0]);
}

/* Whether its time is still to come.  By the clock, if it seems so: who was stopped since
 * this receive began would put its token off, and find it due, for ever. */
static int is_early(const struct receiving *r, const struct entry *e)
{
	mq_time visible = e->visible * MILLISECOND;

	return visible > r->now && visible > queue_now(r->q);
}

/* What is to be done with the first message m, whose group's token is at path. */
static int take_first(struct receiving *r, const char *path, struct entry *t,
    struct lane_message *m, int *lost)
{
	mq_queue *q = r->q;
	struct entry *e = &m->entry;

	token_take_over(e, t);
	if (is_for_another(t, e) || is_early(r, e))
		return sort_token(r, path, t, lost);
	e->visible = 0;
	if (q->conf.max_receives && e->receives >= q->conf.max_receives)
		return bury_first(r, path, e, lost);
	return lease_first(r, path, m->path, e, lost);
}

/* Whether the first message is none that anybody should get: gone then.  -1: that
 * cannot be told, or it cannot be removed. */
static int drop_first(struct receiving *r, const struct lane_message *m)
{
	mq_time expiry = queue_expiry(r->q, &m->entry);
	int torn;

	if (expiry && expiry <= r->now)
		return place_expire(r->q, r->q->fd, m->path, &m->entry) == 0 || errno == ENOENT ?
		    1 :
		    -1;
	if ((torn = recv_is_torn(r, m->path, 0, &m->entry)) <= 0)
		return torn;
	if (line_bad(r->q, m->path) == -1)
		return errno == ENOENT ? 1 : -1;
	depth_release(r->q, 1, m->entry.body);
	return 1;
}

static int take_or_sort(struct receiving *r, const char *path, struct entry *t, int *lost)
{
	mq_queue *q = r->q;
	struct lane_view v;
	int dropped;

	if (t->token == TOKEN_BLOCKED)
		return sort_token(r, path, t, lost);
	do {
		if (lane_look(q, t->group, NULL, &v) == -1 && errno != ENOENT)
			return put_off_group(r, path, t);
		if (!v.found)
			return sort_token(r, path, t, lost);
	} while ((dropped = drop_first(r, &v.first)) == 1);
	return dropped == -1 ? put_off_group(r, path, t) : take_first(r, path, t, &v.first, lost);
}

int recv_token(struct receiving *r, const char *path, struct entry *t, int *lost)
{
	size_t before = r->n;
	int done = take_or_sort(r, path, t, lost);

	if (done == 0 && r->n == before && !*lost && !r->passed_over)
		r->moved = 1;
	return done;
}
