/*
 * line.c - what a receiver must find, while others send and receive: see verdict.h
 */
#include "verdict.h"

#include <limits.h>
#include <string.h>

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

void judge_line(struct judge *j, const struct stage *s, const struct cast *cast,
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
