/*
 * explore.c - from each schedule to those with one choice more: see explore.h
 */
#include "explore.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 16    /* choices, free ones too */
#define SEEN      65536 /* orders that were judged; a power of two */
#define TOUCHED   8192

/* All that is touched in a row of steps. */
struct touched {
	uint64_t objects[TOUCHED];
	unsigned n;
	int known;
	int is_all; /* or time passes, which matters to everybody */
};

struct level {
	struct record record;
	/* by who goes on, until who was stopped does; the same after a long stop */
	struct touched since[SEATS], long_since[SEATS];
};

struct explorer {
	struct stage *s;
	const struct cast *cast;
	struct judge *judge;
	const struct wish *wish;
	struct figures *figures;
	struct level *levels[DEPTH_MAX];
	uint64_t *seen;
	uint64_t met; /* of which some are left out */
	int failed;
};

/* ---- schedules as text --------------------------------------------------------------- */

void schedule_print(const struct schedule *s, FILE *f)
{
	fprintf(f, "%s%d", s->is_random ? "?" : "", s->first);
	for (unsigned i = 0; i < s->n; i++)
		fprintf(f, ",%u%c%d", s->choices[i].at, s->choices[i].how, s->choices[i].next);
}

int schedule_parse(struct schedule *s, const char *text)
{
	char how;
	int n, next;
	unsigned at;

	memset(s, 0, sizeof(*s));
	s->is_random = *text == '?';
	text += s->is_random;
	if (sscanf(text, "%d%n", &s->first, &n) != 1)
		return -1;
	for (text += n; *text; text += n) {
		if (sscanf(text, ",%u%c%d%n", &at, &how, &next, &n) != 3 || s->n == CHOICES_MAX)
			return -1;
		s->choices[s->n].at = at;
		s->choices[s->n].how = how;
		s->choices[s->n++].next = next;
	}
	return 0;
}

/* ---- orders that are the same ----------------------------------------------------------- */

static uint64_t mix(uint64_t z)
{
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

/* A number for all orders of the same steps in which those that do not commute stand in the
 * same order: each step's is made of those before it that it depends on. */
static uint64_t order_of(const struct schedule *schedule, const struct record *r)
{
	static uint64_t steps[STEPS_MAX];
	uint64_t all = 0;

	for (unsigned i = 0; i < r->n; i++) {
		const struct step *a = &r->steps[i];
		uint64_t sum = (uint64_t)a->who + 1;

		for (unsigned k = 0; k < i; k++)
			if (r->steps[k].who == a->who ||
			    !access_commute(&r->steps[k].access, &a->access))
				sum += steps[k];
		steps[i] = mix(sum + 0x9e3779b97f4a7c15u);
		all += steps[i];
	}
	for (unsigned i = 0; i < schedule->n; i++)
		if (schedule->choices[i].how == KILL)
			all = mix(all + 1);
		else if (schedule->choices[i].how == PAUSE)
			all = mix(all + schedule->choices[i].at + 2);
	return all ? all : 1;
}

/* Whether it is new. */
static int note(struct explorer *x, uint64_t order)
{
	for (uint64_t i = order;; i++) {
		uint64_t *at = &x->seen[i % SEEN];

		if (*at == order)
			return 0;
		if (!*at || i == order + 64) {
			*at = order;
			return 1;
		}
	}
}

/* ---- one schedule ----------------------------------------------------------------------- */

static void complain(const struct explorer *x, const struct schedule *schedule, const char *what)
{
	const struct scene *scene = x->s->scene;
	char name[CAST_SIZE];

	cast_name(scene, x->cast, name);
	printf("order: %s %s %s ", scene->file, scene->name, name);
	schedule_print(schedule, stdout);
	printf("\n%s", what);
	fflush(stdout);
}

static int is_bad(struct explorer *x, const struct schedule *schedule, struct record *r)
{
	return play(x->s, schedule, r) == 0 && judge(x->judge, x->s, x->cast, r);
}

/* Leave out what need not be there for it to fail. */
static void shorten(struct explorer *x, struct schedule *schedule, struct record *r)
{
	for (unsigned i = 0; i < schedule->n;) {
		struct schedule less = *schedule;

		memmove(&less.choices[i], &less.choices[i + 1],
		    (less.n - i - 1) * sizeof(*less.choices));
		less.n--;
		if (is_bad(x, &less, r)) {
			*schedule = less;
			i = 0;
		} else {
			i++;
		}
	}
}

static void report(struct explorer *x, const struct schedule *schedule, struct record *r)
{
	struct schedule shortest = *schedule;

	x->failed = 1;
	shorten(x, &shortest, r);
	is_bad(x, &shortest, r);
	complain(x, &shortest, *x->judge->verdict ? x->judge->verdict : "not again\n");
}

/* Whether the first n steps are the same. */
static int is_alike(const struct record *a, const struct record *b, unsigned n)
{
	if (a->n < n || b->n < n)
		return 0;
	for (unsigned i = 0; i < n; i++)
		if (a->steps[i].who != b->steps[i].who || a->steps[i].call != b->steps[i].call ||
		    a->steps[i].access.n != b->steps[i].access.n ||
		    memcmp(a->steps[i].access.objects, b->steps[i].access.objects,
			a->steps[i].access.n * sizeof(uint64_t)) != 0)
			return 0;
	return 1;
}

/* 0, or -1: it is not to be gone on from. */
static int try(struct explorer *x, const struct schedule *schedule, const struct record *before,
    struct record *r)
{
	int result = play(x->s, schedule, r);

	if (result == 1)
		return -1;
	if (result == -1 ||
	    (before && !is_alike(before, r, schedule->choices[schedule->n - 1].at))) {
		x->failed = 1;
		complain(x, schedule, "steps are not the same each time\n");
		return -1;
	}
	x->figures->schedules++;
	x->figures->steps += r->n;
	if (r->n == STEPS_MAX) {
		complain(x, schedule, "it does not end\n");
		x->failed = 1;
		return -1;
	}
	if (!note(x, order_of(schedule, r)))
		return 0;
	x->figures->judged++;
	if (judge(x->judge, x->s, x->cast, r) == 0)
		return 0;
	report(x, schedule, r);
	return -1;
}

/* ---- those with one choice more ------------------------------------------------------------ */

/* More than there is room for may be anything. */
static void touch(struct touched *t, const struct access *a)
{
	t->is_all |= a->is_time || t->n + a->n > TOUCHED;
	for (unsigned i = 0; !t->is_all && i < a->n; i++)
		t->objects[t->n++] = a->objects[i];
}

/* What is touched from a step on, until that actor goes on. */
static void touch_until(struct touched *t, const struct record *r, unsigned from, int who)
{
	t->n = 0;
	t->known = 1;
	t->is_all = 0;
	for (unsigned i = from; i < r->n && r->steps[i].who != who; i++)
		touch(t, &r->steps[i].access);
}

static int commutes(const struct access *a, const struct touched *t)
{
	return !t->is_all && access_are_apart(a->objects, a->n, t->objects, t->n);
}

static unsigned forced(const struct schedule *s)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->n; i++)
		n += !s->choices[i].is_free;
	return n;
}

static int has_harm(const struct schedule *s)
{
	for (unsigned i = 0; i < s->n; i++)
		if (s->choices[i].how != SWITCH)
			return 1;
	return 0;
}

static void go_deeper(struct explorer *, const struct schedule *, unsigned depth, int who,
    struct touched *);

/* Of those whose last choice is the last that they may force, one in so many is played. */
static int is_left_out(struct explorer *x, const struct schedule *s)
{
	if (x->wish->every <= 1 || forced(s) < x->wish->switches || s->choices[s->n - 1].is_free)
		return 0;
	return x->met++ % x->wish->every != x->wish->seed % x->wish->every;
}

static void with(struct explorer *x, const struct schedule *s, unsigned depth, unsigned at, int how,
    int next, struct touched *since)
{
	struct schedule more = *s;
	const struct step *step = &x->levels[depth]->record.steps[at];

	if (more.n == CHOICES_MAX || depth + 1 == DEPTH_MAX)
		return;
	more.choices[more.n].at = at;
	more.choices[more.n].how = how;
	more.choices[more.n].is_free = how == SWITCH && step->is_free;
	more.choices[more.n++].next = next;
	if (!is_left_out(x, &more))
		go_deeper(x, &more, depth + 1, step->who, since);
	else if (since)
		since->known = 0;
}

/* A switch before step p, to another, or a long stop. */
static void with_switch(struct explorer *x, const struct schedule *s, unsigned depth, unsigned p,
    int how, int next)
{
	struct level *level = x->levels[depth];
	const struct step *step = &level->record.steps[p];
	struct touched *since = how == PAUSE ? &level->long_since[next] : &level->since[next];
	unsigned third = step->others & ~(1u << step->who) & ~(1u << next);

	if (!third && since->known && commutes(&step->access, since)) {
		x->figures->pruned++;
		return;
	}
	with(x, s, depth, p, how, next, since);
}

/* When who goes at p-1 goes no further, and somebody else does. */
static void end_of_block(struct level *level, unsigned p, int who)
{
	for (int i = 0; i < SEATS; i++)
		level->since[i].known = level->long_since[i].known = 0;
	if (p < level->record.n)
		touch_until(&level->since[level->record.steps[p].who], &level->record, p, who);
}

/* All schedules that begin as this one, up to the step from. */
static void with_one_more(struct explorer *x, const struct schedule *s, unsigned depth,
    unsigned from)
{
	struct level *level = x->levels[depth];
	struct record *r = &level->record;
	unsigned budget = x->wish->switches - forced(s);
	int harm = has_harm(s);

	for (unsigned p = r->n; p-- > from && !x->failed;) {
		const struct step *step = &r->steps[p];

		if (step->how != CALL)
			continue;
		if (p + 1 == r->n || r->steps[p + 1].who != step->who)
			end_of_block(level, p + 1, step->who);
		for (int q = 0; q < x->s->n && !x->failed; q++) {
			if (q == step->who || !(step->others >> q & 1))
				continue;
			if (step->is_free)
				with(x, s, depth, p, SWITCH, q, NULL);
			else if (budget)
				with_switch(x, s, depth, p, SWITCH, q);
			if (budget && !harm)
				with_switch(x, s, depth, p, PAUSE, q);
		}
		if (budget && !harm && step->access.changes && !x->failed)
			with(x, s, depth, p, KILL, -1, NULL);
	}
}

static void go_deeper(struct explorer *x, const struct schedule *s, unsigned depth, int who,
    struct touched *since)
{
	struct level *level = x->levels[depth];
	unsigned at = s->n ? s->choices[s->n - 1].at : 0;

	if (try(x, s, depth ? &x->levels[depth - 1]->record : NULL, &level->record))
		return;
	if (since)
		touch_until(since, &level->record, at, who);
	with_one_more(x, s, depth, s->n ? at + 1 : 0);
}

/* ---- by chance ------------------------------------------------------------------------------ */

static uint64_t draw(uint64_t *state)
{
	return mix(*state += 0x9e3779b97f4a7c15u);
}

static void by_chance(struct explorer *x, uint64_t *state)
{
	struct record *r = &x->levels[0]->record;
	struct schedule s = { .first = (int)(draw(state) % (unsigned)x->s->n), .is_random = 1 };
	unsigned at = 0, step = 1 + (unsigned)(draw(state) % 12);

	while (s.n < CHOICES_MAX && at < STEPS_MAX / 4) {
		at += 1 + (unsigned)(draw(state) % (2 * step));
		s.choices[s.n].at = at;
		s.choices[s.n].how = SWITCH;
		s.choices[s.n++].next = (int)(draw(state) % (unsigned)x->s->n);
	}
	try(x, &s, NULL, r);
}

int explore(struct stage *s, const struct cast *cast, struct judge *judge, const struct wish *wish,
    struct figures *figures)
{
	struct explorer x = { .s = s,
		.cast = cast,
		.judge = judge,
		.wish = wish,
		.figures = figures };
	static struct level *levels[DEPTH_MAX];
	static uint64_t *seen;
	uint64_t state = wish->seed;

	for (int i = 0; i < DEPTH_MAX; i++) {
		if (!levels[i]) {
			levels[i] = calloc(1, sizeof(*levels[i]));
			levels[i]->record.steps = calloc(STEPS_MAX, sizeof(struct step));
		}
		x.levels[i] = levels[i];
	}
	if (!seen)
		seen = calloc(SEEN, sizeof(*seen));
	memset(seen, 0, SEEN * sizeof(*seen));
	x.seen = seen;
	for (int first = 0; first < cast->n && !x.failed; first++)
		if (first == 0 || cast->role[first] != cast->role[first - 1])
			go_deeper(&x, &(struct schedule){ .first = first }, 0, -1, NULL);
	for (unsigned i = 0; i < wish->random && !x.failed; i++)
		by_chance(&x, &state);
	return x.failed ? -1 : 0;
}
