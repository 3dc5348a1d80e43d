/*
 * judge.c - counts, and compares: see judge.h
 */
#include "verdict.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void blame(struct judge *j, const char *format, ...)
{
	size_t n = strlen(j->verdict);
	va_list args;

	va_start(args, format);
	vsnprintf(j->verdict + n, sizeof(j->verdict) - n - 1, format, args);
	va_end(args);
	strcat(j->verdict, "\n");
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

static int is_among(int status, const struct statuses *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->of[i] == status)
			return 1;
	return 0;
}

/* Another drops what it received, which it may not know before it acks. */
static int is_upset(const struct stage *s, const struct cast *cast, const struct ending *e)
{
	for (int i = 0; i < cast->n; i++) {
		const struct role *other = &s->scene->roles[cast->role[i]];

		if (is_among(e->status, &other->upsets) && strpbrk(e->output, other->drops))
			return 1;
	}
	return 0;
}

static int may_end_so(const struct role *role, const struct ending *e, int time_passed)
{
	return is_among(e->status, &role->exits) || (e->late && is_among(e->status, &role->late)) ||
	    (time_passed && is_among(e->status, &role->later));
}

static void judge_status(struct judge *j, const struct stage *s, const struct cast *cast, int seat,
    const struct record *r)
{
	const struct role *role = &s->scene->roles[cast->role[seat]];
	const struct ending *e = &r->endings[seat];

	if (e->how == KILLED)
		return;
	if (e->how == STUCK)
		blame(j, "%s waits for ever", role->name);
	else if (e->how == SICK)
		blame(j, "%s died of signal %d", role->name, e->status);
	else if (!may_end_so(role, e, r->time_passed) && !(role->takes && is_upset(s, cast, e)))
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

int count_of(const struct judge *j, int letter)
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

		judge_status(j, s, cast, i, r);
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
