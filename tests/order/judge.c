/*
 * judge.c - looks, counts, and compares: see judge.h
 */
#include "judge.h"

#include "mq.h"

#include <assert.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOUR ((mq_time)3600 * MQ_SECOND)

__attribute__((format(printf, 2, 3))) static void blame(struct judge *j, const char *format, ...)
{
	size_t n = strlen(j->verdict);
	va_list args;

	va_start(args, format);
	vsnprintf(j->verdict + n, sizeof(j->verdict) - n - 1, format, args);
	va_end(args);
	strcat(j->verdict, "\n");
}

/* ---- receive all ----------------------------------------------------------------------- */

struct drain {
	struct judge *j;
	struct stage *s;
	mq *mq;
	mq_time passed;
	char name[140];
};

static void let_pass(struct drain *d, mq_time time)
{
	d->passed += time;
	mq_clock_shift(d->mq, d->passed, 0);
}

static void keep(struct drain *d, mq_lease *lease)
{
	struct judge *j = d->j;
	struct found *f = &j->found[j->nfound];
	mq_reader *reader;
	char letter = '?';

	assert(j->nfound < FOUND_MAX);
	if (mq_reader_of(lease, &reader) == MQ_OK) {
		mq_reader_read(reader, &letter, 1);
		mq_reader_close(reader);
	} else {
		blame(j, "%s: a message cannot be read: %s", d->name, mq_error(d->mq));
	}
	snprintf(f->queue, sizeof(f->queue), "%s", d->name);
	f->letter = (unsigned char)letter & 0x7f;
	f->receives = mq_lease_message(lease)->receives;
	f->now = d->passed == 0;
	j->nfound++;
	if (mq_ack(lease))
		blame(j, "%s: %c cannot be acked: %s", d->name, letter, mq_error(d->mq));
	mq_lease_free(lease);
}

/* All that can be received from the queue of that name, if there is one. */
static void take(struct drain *d)
{
	mq_queue *q = NULL;
	mq_lease *lease;
	size_t n = 0;
	int status = mq_queue_open(d->mq, d->name, &q);

	while (status == MQ_OK && (status = mq_recv(q, 1, 0, &lease, &n)) == MQ_OK)
		keep(d, lease);
	if (status != MQ_EMPTY && status != MQ_NOTFOUND)
		blame(d->j, "%s: cannot receive: %s", d->name, mq_error(d->mq));
	if (q)
		mq_queue_close(q);
}

static int take_all(void *ctx, const char *name)
{
	struct drain *d = ctx;
	static const char *const suffixes[] = { "", "/dlq" };

	for (int i = 0; i < 2; i++) {
		snprintf(d->name, sizeof(d->name), "%s%s", name, suffixes[i]);
		take(d);
	}
	return 0;
}

/* What waits for somebody to say so. */
static int let_go(void *ctx, const char *name)
{
	static const struct mq_setting settings[] = { { "group-on-dead", "skip" },
		{ "paused", "no" } };
	struct drain *d = ctx;

	if (mq_configure(d->mq, name, settings, 2))
		blame(d->j, "%s: cannot be configured: %s", name, mq_error(d->mq));
	return 0;
}

/* ---- nothing is left ------------------------------------------------------------------- */

static int fault(void *ctx, const struct mq_fault *f)
{
	struct judge *j = ctx;

	if (!f->litter)
		blame(j, "mq-fsck: %s: %s: %s", f->queue ? f->queue : "spool", f->path, f->what);
	return 0;
}

static int look(void *ctx, const char *name)
{
	struct drain *d = ctx;
	mq_queue *q;
	struct mq_stats s;

	if (mq_queue_open(d->mq, name, &q) == MQ_OK) {
		if (mq_stat(q, &s))
			blame(d->j, "%s: cannot be counted: %s", name, mq_error(d->mq));
		else if (s.visible || s.in_flight || s.delayed || s.dead)
			blame(d->j, "%s: stuck: %u visible, %u in flight, %u delayed, %u dead",
			    name, (unsigned)s.visible, (unsigned)s.in_flight, (unsigned)s.delayed,
			    (unsigned)s.dead);
		mq_queue_close(q);
	}
	if (mq_check_queue(d->mq, name, 0, fault, d->j))
		blame(d->j, "%s: cannot be checked: %s", name, mq_error(d->mq));
	return 0;
}

static void each_queue(struct drain *d, int (*each)(void *ctx, const char *name))
{
	if (mq_queues(d->mq, each, d))
		blame(d->j, "queues: %s", mq_error(d->mq));
}

static void drain(struct judge *j, struct stage *s)
{
	struct drain d = { .j = j, .s = s, .mq = mq_open(s->root) };
	unsigned before;

	if (!d.mq)
		abort();
	j->nfound = 0;
	each_queue(&d, take_all);
	each_queue(&d, let_go);
	do {
		before = j->nfound;
		let_pass(&d, s->scene->until * HOUR);
		each_queue(&d, take_all);
	} while (j->nfound != before && d.passed < 4 * s->scene->until * HOUR);
	each_queue(&d, look);
	if (mq_check_spool(d.mq, 0, fault, j))
		blame(j, "spool: cannot be checked: %s", mq_error(d.mq));
	mq_close(d.mq);
}

void judge_scene(struct judge *j, struct stage *s)
{
	j->verdict[0] = '\0';
	stage_reset(s);
	drain(j, s);
	memcpy(j->before, j->found, sizeof(j->found));
	j->nbefore = j->nfound;
	if (*j->verdict) {
		fprintf(stderr, "order: %s: as it is made: %s", s->scene->name, j->verdict);
		exit(2);
	}
}

/* ---- what the roles said ----------------------------------------------------------------- */

/* How many of each letter there can be left at least, and at most. */
struct tally {
	int least[LETTERS], most[LETTERS];
	int sent[LETTERS];  /* surely or not */
	int taken[LETTERS]; /* the same */
	unsigned char may_go[LETTERS];
	unsigned char once[LETTERS]; /* bits: it was sent, surely */
	unsigned char resets[LETTERS];
	int disturbed; /* leases were left behind: what is in them comes later */
};

static int is_among(int status, const struct statuses *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->of[i] == status)
			return 1;
	return 0;
}

static int may_end_so(const struct role *role, const struct ending *e, int time_passed)
{
	return is_among(e->status, &role->exits) || (e->late && is_among(e->status, &role->late)) ||
	    (time_passed && is_among(e->status, &role->later));
}

static void judge_status(struct judge *j, const struct role *role, const struct ending *e,
    int time_passed)
{
	if (e->how == KILLED)
		return;
	if (e->how == STUCK)
		blame(j, "%s waits for ever", role->name);
	else if (e->how == SICK)
		blame(j, "%s died of signal %d", role->name, e->status);
	else if (!may_end_so(role, e, time_passed))
		blame(j, "%s ended with %d: %s", role->name, e->status, e->errors);
}

static void count_sends(struct tally *t, const struct role *role, int sure)
{
	for (int c = 0; c < LETTERS; c++) {
		t->sent[c] += role->sends[c];
		t->most[c] += role->sends[c];
		t->least[c] += sure ? role->sends[c] : 0;
	}
}

/* However many send it; but each may, when their windows are over. */
static void count_once(struct tally *t, const struct role *role, int sure, int late)
{
	for (const char *p = role->once; *p; p++) {
		int c = *p & 0x7f;

		t->sent[c] += late || !t->once[c];
		t->most[c] += late || !t->once[c];
		t->once[c] |= 1;
		t->least[c] += sure && !(t->once[c] & 2);
		t->once[c] |= sure ? 2 : 0;
	}
}

/* These are gone, surely or not. */
static void count_gone(struct tally *t, const char *letters, int sure)
{
	for (; *letters; letters++) {
		if (*letters == '\n')
			continue;
		t->least[*letters & 0x7f]--;
		if (sure)
			t->most[*letters & 0x7f]--;
	}
}

static void count_role(struct tally *t, const struct role *role, const struct ending *e, int late)
{
	const char *printed = role->takes || role->works ? e->output : "";
	int sure = e->how == ENDED && e->status == 0;

	count_sends(t, role, sure);
	count_once(t, role, sure, late);
	count_gone(t, role->acks, sure);
	count_gone(t, role->drops, 0);
	for (const char *c = role->drops; *c; c++)
		t->may_go[*c & 0x7f] = 1;
	count_gone(t, printed, sure && !(role->works && e->late));
	for (const char *c = printed; *c; c++)
		if (*c != '\n')
			t->taken[*c & 0x7f]++;
	for (const char *c = role->resets; *c; c++)
		t->resets[*c & 0x7f] = 1;
	t->disturbed |= role->holds || e->how == KILLED || e->paused;
}

/* ---- compare ----------------------------------------------------------------------------- */

static int count_of(const struct judge *j, int letter)
{
	int n = 0;

	for (unsigned i = 0; i < j->nfound; i++)
		n += j->found[i].letter == letter;
	return n;
}

static void judge_numbers(struct judge *j, const struct tally *t)
{
	for (int c = 0; c < LETTERS; c++) {
		int n = count_of(j, c);

		if (n < t->least[c])
			blame(j, "%c is lost: %d of at least %d", c, n, t->least[c]);
		else if (t->most[c] < 0 || n > t->most[c])
			blame(j, "%c came again: %d of at most %d", c, n, t->most[c]);
	}
}

/* While no lease lapses, nobody receives what somebody else has. */
static void judge_holders(struct judge *j, const struct tally *t)
{
	for (int c = 0; c < LETTERS; c++)
		if (t->taken[c] > t->sent[c])
			blame(j, "%c was received %d times at once", c, t->taken[c]);
}

/* One of the letters was sent more than once. */
static int is_sent_again(const struct order *o, const struct tally *t)
{
	for (const char *c = o->letters; *c; c++)
		if (t->sent[*c & 0x7f] > 1)
			return 1;
	return 0;
}

static void judge_order(struct judge *j, const struct order *o, const struct tally *t)
{
	const struct found *f = j->found, *g;
	const char *at, *other;

	if (is_sent_again(o, t) || (!o->group && t->disturbed))
		return;
	for (; f < j->found + j->nfound; f++) {
		at = strchr(o->letters, f->letter);
		if (!at || !f->letter)
			continue;
		for (g = f + 1; g < j->found + j->nfound; g++) {
			other = strchr(o->letters, g->letter);
			if (other && other < at && strcmp(f->queue, g->queue) == 0)
				blame(j, "%c came before %c", f->letter, g->letter);
		}
		if (!o->group || strchr(f->queue, '/'))
			continue;
		for (other = at + 1; *other; other++)
			if (t->taken[*other & 0x7f])
				blame(j, "%c was received before %c", *other, f->letter);
	}
}

static unsigned receives_of(const struct found *found, unsigned n, unsigned char letter)
{
	for (unsigned i = 0; i < n; i++)
		if (found[i].letter == letter)
			return found[i].receives;
	return 0;
}

static void judge_receives(struct judge *j, const struct tally *t)
{
	for (unsigned i = 0; i < j->nfound; i++) {
		unsigned before = receives_of(j->before, j->nbefore, j->found[i].letter);

		if (j->found[i].receives < before && !t->resets[j->found[i].letter])
			blame(j, "%c: the receive count fell from %u to %u", j->found[i].letter,
			    before, j->found[i].receives);
	}
}

/* All or none; of what is only sent by that role, and may not be dropped. */
static void judge_whole(struct judge *j, const struct role *role, const struct tally *t)
{
	for (int c = 0; role->whole && c < LETTERS; c++) {
		int n = count_of(j, c) + t->taken[c];

		if (role->sends[c] && t->sent[c] == role->sends[c] && !t->may_go[c] && n != 0 &&
		    n < t->sent[c])
			blame(j, "%c is there %d times of %d", c, n, t->sent[c]);
	}
}

/* Unless somebody may have it. */
static void judge_soon(struct judge *j, const struct role *role, const struct tally *t)
{
	if (t->disturbed)
		return;
	for (unsigned i = 0; role->soon && i < j->nfound; i++)
		if (receives_of(j->before, j->nbefore, j->found[i].letter))
			return;
	for (unsigned i = 0; role->soon && i < j->nfound; i++)
		if (!j->found[i].now && role->sends[j->found[i].letter])
			blame(j, "%c comes late", j->found[i].letter);
}

static void judge_next(struct judge *j, const struct role *role, const struct ending *e,
    const struct tally *t)
{
	if (t->disturbed || e->how != ENDED || e->status != 0)
		return;
	for (unsigned i = 0; i < j->nfound; i++)
		if (!j->found[i].now && strchr(role->nexts, j->found[i].letter))
			blame(j, "%c comes late after %s", j->found[i].letter, role->name);
}

static void judge_search(struct judge *j, const struct role *role, const struct ending *e)
{
	if (!role->finds || e->how != ENDED || e->status != 1)
		return;
	for (unsigned i = 0; i < j->nfound; i++)
		if (j->found[i].now && !strchr(j->found[i].queue, '/'))
			blame(j, "%s found nothing, but %c is there", role->name,
			    j->found[i].letter);
}

static void judge_kept(struct judge *j, const struct role *role, const struct ending *e,
    const struct tally *t)
{
	if (e->how != ENDED || e->status != 0)
		return;
	for (const char *c = role->keeps; *c; c++) {
		int taken = t->taken[*c & 0x7f];

		for (unsigned i = 0; i < j->nfound; i++)
			taken |= j->found[i].now && j->found[i].letter == *c;
		if (taken)
			blame(j, "%c was received, but %s keeps it", *c, role->name);
	}
}

/* Who says that the queue is drained is right about what was there before. */
static void judge_drained(struct judge *j, const struct role *role, const struct ending *e)
{
	if (!role->drained || e->how != ENDED || e->status != 0)
		return;
	for (unsigned i = 0; i < j->nfound; i++)
		if (!strchr(j->found[i].queue, '/') &&
		    receives_of(j->before, j->nbefore, j->found[i].letter))
			blame(j, "%s says that all is done, but %c is there", role->name,
			    j->found[i].letter);
}

/* ---- while it was there ---------------------------------------------------------------- */

/* What is listed in an order that is not a group's stands in one line from when it was
 * accepted: surely so from the end of its sender until somebody begins who receives it. */
struct line {
	struct judge *j;
	const struct scene *scene;
	const struct cast *cast;
	const struct record *r;
	const struct tally *t;
	unsigned begin[SEATS], end[SEATS]; /* steps */
};

static const struct role *role_at(const struct line *l, int seat)
{
	return &l->scene->roles[l->cast->role[seat]];
}

static int is_in_line(const struct line *l, int letter)
{
	for (size_t i = 0; i < l->scene->norders; i++)
		if (!l->scene->orders[i].group && strchr(l->scene->orders[i].letters, letter))
			return 1;
	return 0;
}

static void find_spans(struct line *l)
{
	for (int i = 0; i < l->cast->n; i++)
		l->begin[i] = l->end[i] = l->r->n;
	for (unsigned k = l->r->n; k-- > 0;) {
		int who = l->r->steps[k].who;

		if (l->end[who] == l->r->n && l->begin[who] == l->r->n)
			l->end[who] = k + 1;
		l->begin[who] = k;
	}
}

/* Where among those that were there before anybody began: 0: it was not. */
static unsigned place_before(const struct judge *j, int letter)
{
	for (unsigned i = 0; i < j->nbefore; i++)
		if (j->before[i].letter == letter && j->before[i].now)
			return i + 1;
	return 0;
}

static int sender_of(const struct line *l, int letter)
{
	for (int i = 0; i < l->cast->n; i++)
		if (role_at(l, i)->sends[letter])
			return i;
	return -1;
}

/* From which step on it is surely there. */
static unsigned there_from(const struct line *l, int letter)
{
	int sender = sender_of(l, letter);

	if (l->t->sent[letter] != 1 || l->t->may_go[letter] || !is_in_line(l, letter))
		return UINT_MAX;
	if (sender == -1)
		return place_before(l->j, letter) ? 0 : UINT_MAX;
	return l->r->endings[sender].status == 0 ? l->end[sender] : UINT_MAX;
}

/* Up to which one. */
static unsigned there_until(const struct line *l, int letter)
{
	if (count_of(l->j, letter) == 1 && !l->t->taken[letter])
		return UINT_MAX;
	for (int i = 0; i < l->cast->n; i++)
		if (role_at(l, i)->takes && strchr(l->r->endings[i].output, letter))
			return l->begin[i];
	return 0;
}

/* Who finds nothing is wrong when at each moment there was something. */
static void judge_nothing(const struct line *l, int seat)
{
	unsigned at = l->begin[seat], reach = at;

	if (l->r->endings[seat].status != 1)
		return;
	do {
		at = reach;
		for (int c = 1; c < LETTERS; c++)
			if (there_from(l, c) <= at && there_until(l, c) > reach)
				reach = there_until(l, c);
		if (reach >= l->end[seat]) {
			blame(l->j, "%s found nothing, but there was always something",
			    role_at(l, seat)->name);
			return;
		}
	} while (reach > at);
}

/* Others take at the same time: who loses a race against them goes on elsewhere. */
static int is_alone(const struct line *l, int seat)
{
	for (int i = 0; i < l->cast->n; i++)
		if (i != seat && (role_at(l, i)->takes || *role_at(l, i)->drops) &&
		    l->begin[i] < l->end[seat] && l->end[i] > l->begin[seat])
			return 0;
	return 1;
}

/* Whether the first was accepted before the second was sent. */
static int is_older(const struct line *l, int first, int second)
{
	unsigned a = place_before(l->j, first), b = place_before(l->j, second);
	int sender = sender_of(l, second);

	if (sender == -1)
		return a && b && a < b;
	return there_from(l, first) <= l->begin[sender];
}

static void judge_first(const struct line *l, int seat)
{
	for (const char *p = l->r->endings[seat].output; *p; p++)
		for (int c = 1; c < LETTERS; c++)
			if (*p != '\n' && is_in_line(l, *p & 0x7f) &&
			    there_from(l, c) <= l->begin[seat] &&
			    there_until(l, c) >= l->end[seat] && is_older(l, c, *p & 0x7f))
				blame(l->j, "%s received %c, but %c was before it",
				    role_at(l, seat)->name, *p, c);
}

static void judge_line(struct judge *j, const struct stage *s, const struct cast *cast,
    const struct record *r, const struct tally *t)
{
	struct line l = { j, s->scene, cast, r, t, { 0 }, { 0 } };

	if (r->time_passed || t->disturbed)
		return;
	find_spans(&l);
	for (int i = 0; i < cast->n; i++) {
		if (!role_at(&l, i)->takes || r->endings[i].how != ENDED)
			continue;
		judge_nothing(&l, i);
		if (is_alone(&l, i))
			judge_first(&l, i);
	}
}

int judge(struct judge *j, struct stage *s, const struct cast *cast, const struct record *r)
{
	struct tally t = { 0 };

	j->verdict[0] = '\0';
	drain(j, s);
	for (unsigned i = 0; i < j->nbefore; i++) {
		t.least[j->before[i].letter]++;
		t.most[j->before[i].letter]++;
		t.sent[j->before[i].letter]++;
	}
	for (int i = 0; i < cast->n; i++) {
		const struct role *role = &s->scene->roles[cast->role[i]];

		judge_status(j, role, &r->endings[i], r->time_passed);
		count_role(&t, role, &r->endings[i], r->time_passed);
		judge_drained(j, role, &r->endings[i]);
		if (!r->time_passed)
			judge_search(j, role, &r->endings[i]);
	}
	judge_numbers(j, &t);
	for (int i = 0; i < cast->n; i++) {
		judge_whole(j, &s->scene->roles[cast->role[i]], &t);
		judge_soon(j, &s->scene->roles[cast->role[i]], &t);
		judge_next(j, &s->scene->roles[cast->role[i]], &r->endings[i], &t);
		judge_kept(j, &s->scene->roles[cast->role[i]], &r->endings[i], &t);
	}
	if (!r->time_passed && !(r->waited && t.disturbed))
		judge_holders(j, &t);
	for (size_t i = 0; i < s->scene->norders; i++)
		judge_order(j, &s->scene->orders[i], &t);
	judge_line(j, s, cast, r, &t);
	judge_receives(j, &t);
	return *j->verdict ? -1 : 0;
}
