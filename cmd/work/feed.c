/*
 * feed.c - the messages that mq-work takes from its queues
 *
 * All leases of a queue hang on one clock (mq_hold), which is put forward each
 * time that a part of the visibility timeout has passed.  Then each lease is
 * looked at: one that has lapsed, or had its verdict from somebody else, gets
 * none from here.
 *
 * When the queues have nothing, we stand in line (mq_wait) and receive no more
 * until we are told to: feed->armed is set from then on.
 */
#include "work/feed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- tasks ------------------------------------------------------------- */

void fifo_put(struct fifo *l, struct task *t)
{
	t->next = NULL;
	if (l->first)
		l->last->next = t;
	else
		l->first = t;
	l->last = t;
	l->n++;
}

struct task *fifo_take(struct fifo *l)
{
	struct task *t = l->first;

	if (!t)
		return NULL;
	l->first = t->next;
	l->n--;
	return t;
}

static void begin_task(struct feed *f, struct source *s, mq_lease *lease)
{
	struct task *t = cmd_realloc(f->c, NULL, sizeof(*t));

	*t = (struct task){ .source = s, .lease = lease, .taken = f->now };
	f->active = f->now;
	t->next_held = s->held;
	t->held_at = &s->held;
	if (t->next_held)
		t->next_held->held_at = &t->next_held;
	s->held = t;
	f->held++;
	fifo_put(&f->ahead, t);
}

static void end_task(struct feed *f, struct task *t)
{
	*t->held_at = t->next_held;
	if (t->next_held)
		t->next_held->held_at = t->held_at;
	f->active = f->now;
	f->held--;
	mq_lease_free(t->lease);
	free(t);
}

struct task *feed_next(struct feed *f)
{
	struct task *t;

	while ((t = fifo_take(&f->ahead)) && t->fate != HELD)
		end_task(f, t);
	return t;
}

/* ---- queues ------------------------------------------------------------ */

/* Wait for the queues that there are; cmd_end() closes what is open last. */
static void open_wait(struct feed *f)
{
	mq_queue **queues = cmd_realloc(f->c, NULL, f->n * sizeof(mq_queue *));
	size_t n = 0;

	for (size_t i = 0; i < f->n; i++)
		if (!f->sources[i].removed)
			queues[n++] = f->sources[i].queue;
	feed_leave(f);
	if (n > 0) {
		mq_wait_close(f->wait);
		f->wait = cmd_wait_open(f->c, queues, n);
		f->failed |= !f->wait;
		f->hurry = 1;
	}
	free(queues);
}

static void open_source(struct feed *f, char *name, mq_time visibility)
{
	struct source *s = &f->sources[f->n];
	char *weight = strchr(name, '='), *end;

	*s = (struct source){ .weight = 1 };
	if (weight) {
		*weight++ = '\0';
		s->weight = strtoul(weight, &end, 10);
		if (*weight < '0' || *weight > '9' || *end || s->weight < 1 || s->weight > 100)
			cmd_usage(f->c, "%s=%s: the weight is not a number from 1 to 100", name,
			    weight);
		f->weighted = 1;
	}
	s->queue = cmd_queue(f->c, name);
	if (s->queue && cmd_check(f->c, mq_hold_open(s->queue, visibility, &s->hold)) == MQ_OK)
		f->n++;
}

void feed_open(struct feed *f, struct cmd *c, struct worklog *log, char **names, size_t n,
    mq_time visibility)
{
	*f = (struct feed){ .c = c, .log = log };
	f->now = f->active = monotonic();
	f->sources = cmd_realloc(c, NULL, n * sizeof(struct source));
	for (size_t i = 0; i < n; i++)
		open_source(f, names[i], visibility);
	f->present = f->n;
	open_wait(f);
}

void feed_close(struct feed *f)
{
	feed_leave(f);
	for (size_t i = 0; i < f->n; i++) {
		if (!f->sources[i].removed) /* it only helps who may start us again */
			mq_bell(f->sources[i].queue);
		mq_hold_close(f->sources[i].hold);
		mq_queue_close(f->sources[i].queue);
	}
	free(f->sources);
}

/* The queue was removed: on with the others. */
static void remove_source(struct feed *f, struct source *s)
{
	if (s->removed)
		return;
	cmd_check(f->c, MQ_NOTFOUND);
	s->removed = 1;
	f->present--;
	open_wait(f);
}

/* ---- receiving --------------------------------------------------------- */

void feed_refused(struct feed *f, enum mq_status status, const char *text)
{
	if (status != MQ_BUSY) {
		cmd_error(f->c, status, "%s", text);
		f->failed = f->hurry = 1;
		return;
	}
	if (!f->pause)
		cmd_error(f->c, MQ_OK, "%s; trying again", text);
	f->pause = f->pause ? 2 * f->pause : MQ_SECOND;
	if (f->pause > 10 * MQ_SECOND)
		f->pause = 10 * MQ_SECOND;
	f->retry_at = f->now + f->pause;
}

static size_t receive_from(struct feed *f, struct source *s, size_t max)
{
	mq_lease *leases[MQ_RECV_MAX];
	size_t n = 0;
	int status = mq_hold_recv(s->hold, max, leases, &n);

	if (n > 0 && !s->held && s->keep_at < f->now)
		s->keep_at = f->now; /* the clock has not been kept while nothing hung on it */
	for (size_t i = 0; i < n; i++)
		begin_task(f, s, leases[i]);
	if (status == MQ_NOTFOUND)
		remove_source(f, s);
	else if (status != MQ_OK && status != MQ_EMPTY)
		feed_refused(f, status, mq_error(f->c->mq));
	return n;
}

/* The queue whose turn it is.  With weights, the smooth weighted round robin of
 * nginx: each gains its weight, the one with the most pays for all. */
static struct source *next_turn(struct feed *f)
{
	struct source *best = NULL;
	int all = 0;

	for (size_t i = 0; i < f->n; i++) {
		struct source *s = &f->sources[i];

		if (s->dry)
			continue;
		if (!f->weighted)
			return s;
		s->credit += s->weight;
		all += s->weight;
		if (!best || s->credit > best->credit)
			best = s;
	}
	if (best)
		best->credit -= all;
	return best;
}

/* Deal out so many turns; 0 when all queues are dry. */
static int allot(struct feed *f, size_t turns)
{
	struct source *s = NULL;

	for (size_t i = 0; i < f->n; i++)
		f->sources[i].share = 0;
	while (turns-- > 0 && (s = next_turn(f)))
		s->share++;
	return s != NULL;
}

static size_t receive(struct feed *f, size_t want)
{
	size_t got = 0;

	for (size_t i = 0; i < f->n; i++)
		f->sources[i].dry = f->sources[i].removed;
	while (got < want && !f->failed && allot(f, want - got)) {
		for (size_t i = 0; i < f->n; i++) {
			struct source *s = &f->sources[i];
			size_t n = s->share ? receive_from(f, s, s->share) : 0;

			got += n;
			if (n < s->share) {
				s->dry = 1;
				s->credit = 0; /* what it did not need is not owed to it */
			}
		}
	}
	return got;
}

/* Nothing is there: stand in line, and look again when it is our turn to. */
static size_t receive_in_line(struct feed *f, size_t want)
{
	mq_time within;
	size_t got = 0;
	int look = 0;

	if (cmd_check(f->c, mq_wait_arm(f->wait, &look, &within))) {
		f->failed = 1;
		return 0;
	}
	f->in_line = 1;
	if (look)
		got = receive(f, want);
	f->armed = f->look = f->in_line && got == 0; /* we left when a queue was removed */
	f->wait_until = within < 0 ? NEVER : f->now + within;
	return got;
}

size_t feed_receive(struct feed *f, size_t want, int wait)
{
	size_t got = 0;

	if (want > MQ_RECV_MAX)
		want = MQ_RECV_MAX;
	if (f->now >= f->wait_until)
		feed_told(f);
	if (f->failed || !f->present || f->armed || f->now < f->retry_at)
		return 0;
	if (!f->in_line)
		got = receive(f, want);
	if (got == 0 && wait && f->present && !f->failed)
		got = receive_in_line(f, want);
	if (got == 0)
		return 0;
	feed_leave(f);
	f->clear = 0;
	f->look_pause = 0;
	return got;
}

void feed_leave(struct feed *f)
{
	if (f->in_line)
		mq_wait_leave(f->wait);
	f->in_line = f->armed = 0;
}

int feed_poll(const struct feed *f)
{
	return f->armed ? mq_wait_fd(f->wait) : -1;
}

void feed_told(struct feed *f)
{
	f->armed = 0;
}

/* ---- verdicts ---------------------------------------------------------- */

static int apply(struct task *t, const struct verdict *v)
{
	switch (v->kind) {
	case ACK:
		return mq_ack(t->lease);
	case NACK:
		return mq_nack(t->lease, v->delay, v->reason);
	case REJECT:
		return mq_reject(t->lease, v->reason);
	case GIVEBACK:
		return mq_giveback(t->lease);
	}
	return MQ_OK;
}

/* What has become of the lease, by what a call on it came to. */
static enum fate learn_fate(struct feed *f, struct task *t, int status)
{
	const struct mq_message *m = mq_lease_message(t->lease);

	if (status == MQ_LAPSED)
		status = mq_lease_check(t->lease); /* or was it settled? */
	switch (status) {
	case MQ_OK:
		return HELD;
	case MQ_EMPTY:
		return SETTLED;
	case MQ_NOTFOUND:
		return REMOVED;
	case MQ_LAPSED:
		cmd_error(f->c, MQ_OK, "%s: %s: the lease has lapsed", m->queue, m->id);
		return LAPSED;
	default: /* we cannot settle it, and must not keep it for ever */
		cmd_check(f->c, status);
		f->failed = 1;
		return LAPSED;
	}
}

void feed_settle(struct feed *f, struct task *t, struct verdict v)
{
	static const char *const verdicts[] = { "ack", "nack", "dead", "returned" };
	static const char *const fates[] = { NULL, "lapsed", "settled", "removed" };
	int status;

	if (t->fate == HELD) {
		status = apply(t, &v);
		if (status == MQ_DATA && v.reason) { /* the reason is no line of text */
			v.reason = NULL;
			status = apply(t, &v);
		}
		t->fate = learn_fate(f, t, status);
	}
	worklog_end(f->log, mq_lease_message(t->lease), t->started,
	    t->fate == HELD ? verdicts[v.kind] : fates[t->fate], v.status);
	if (t->started && (t->fate != HELD || v.kind != GIVEBACK)) {
		f->finished++;
		f->pause = 0;
	}
	end_task(f, t);
}

size_t feed_giveback(struct feed *f, mq_time before)
{
	size_t n = f->ahead.n;

	while (f->ahead.first && f->ahead.first->taken < before)
		feed_settle(f, fifo_take(&f->ahead), (struct verdict){ .kind = GIVEBACK });
	return n - f->ahead.n;
}

/* ---- keeping ----------------------------------------------------------- */

static void keep(struct feed *f, struct source *s)
{
	mq_time again = MQ_SECOND;
	int status = mq_hold_keep(s->hold, &again);

	if (status == MQ_NOTFOUND)
		remove_source(f, s);
	else if (status != MQ_OK && status != MQ_LAPSED) /* the next time may be better */
		cmd_error(f->c, MQ_OK, "%s", mq_error(f->c->mq));
	s->keep_at = f->now + (again > 10 * MILLISECOND ? again : 10 * MILLISECOND);
	for (struct task *t = s->held; t; t = t->next_held) {
		status = t->fate == HELD ? mq_lease_check(t->lease) : MQ_OK;
		if (status == MQ_LAPSED || status == MQ_EMPTY || status == MQ_NOTFOUND)
			t->fate = learn_fate(f, t, status);
	}
}

void feed_tick(struct feed *f)
{
	f->now = monotonic();
	for (size_t i = 0; i < f->n; i++)
		if (f->sources[i].held && f->now >= f->sources[i].keep_at)
			keep(f, &f->sources[i]);
}

mq_time feed_due(const struct feed *f)
{
	mq_time due = f->armed ? f->wait_until : NEVER;

	if (f->hurry)
		return f->now;
	for (size_t i = 0; i < f->n; i++)
		if (f->sources[i].held && f->sources[i].keep_at < due)
			due = f->sources[i].keep_at;
	if (f->retry_at > f->now && f->retry_at < due)
		due = f->retry_at;
	/* That time may have come since; while something is held nobody looks. */
	if (f->armed && f->look && f->look_at && (f->look_at > f->now || !f->held) &&
	    f->look_at < due)
		due = f->look_at;
	return due;
}

/* ---- drained ----------------------------------------------------------- */

static void read_paused(void *paused, const char *key, const char *value)
{
	if (strcmp(key, "paused") == 0)
		*(int *)paused = strcmp(value, "yes") == 0;
}

/* What keeps us waiting may be that somebody has paused the queue. */
static void tell_if_paused(struct feed *f, struct source *s)
{
	if (s->paused)
		return;
	mq_settings(f->c->mq, mq_queue_name(s->queue), read_paused, &s->paused);
	if (s->paused)
		cmd_error(f->c, MQ_OK, "%s: paused: waiting until it is not",
		    mq_queue_name(s->queue));
}

/* Whether there is nothing in any queue.  When there is, we shall be told of
 * the end of one message. */
static int is_clear(struct feed *f)
{
	for (size_t i = 0; i < f->n; i++) {
		struct source *s = &f->sources[i];
		char *path = NULL;
		int status = s->removed ? MQ_EMPTY : mq_pending(s->queue, &path);

		if (status == MQ_EMPTY)
			continue;
		if (status == MQ_NOTFOUND)
			remove_source(f, s);
		else if (status != MQ_OK)
			feed_refused(f, status, mq_error(f->c->mq));
		else
			f->look = mq_wait_gone(f->wait, path) != MQ_OK;
		if (status == MQ_OK)
			tell_if_paused(f, s);
		free(path);
		return 0;
	}
	return 1;
}

/* A message that moves may be missed by one look, but not by two in a row.
 * With many messages, each that ends wakes us, and looking costs a listing:
 * hence the pauses. */
int feed_drained(struct feed *f)
{
	if (!f->armed || !f->look || f->now < f->look_at)
		return 0;
	f->look_pause = f->look_pause ? 2 * f->look_pause : MILLISECOND;
	if (f->look_pause > 50 * MILLISECOND)
		f->look_pause = 50 * MILLISECOND;
	f->look_at = f->now + f->look_pause;
	while (f->clear < 2 && is_clear(f))
		f->clear++;
	if (f->clear < 2)
		f->clear = 0;
	return f->clear == 2;
}

uint64_t feed_left(struct feed *f)
{
	struct mq_stats st;

	if (f->now < f->count_at)
		return f->left > f->finished ? f->left - f->finished : 0;
	f->left = f->finished;
	for (size_t i = 0; i < f->n; i++)
		if (!f->sources[i].removed && mq_stat(f->sources[i].queue, &st) == MQ_OK)
			f->left += st.visible + st.in_flight + st.delayed;
	f->count_at = f->now + 10 * MQ_SECOND;
	return f->left - f->finished;
}
