/*
 * play.c - one schedule, step by step: see play.h
 */
#include "play.h"

#include "actor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* For which somebody is stopped: longer than any lease of a scene. */
#define LONG (2 * 3600 * (int64_t)1000000000)

struct run {
	struct stage *s;
	const struct schedule *schedule;
	const struct record *before;
	unsigned known; /* steps, that are as before */
	struct record *r;
	unsigned chosen; /* of the choices, so many were made */
	uint64_t turns;
	int who; /* goes; -1: to be found */
};

static unsigned runnable(const struct run *run)
{
	unsigned bits = 0;

	for (int i = 0; i < run->s->n; i++)
		if (actor_can_go(&run->s->actors[i]))
			bits |= 1u << i;
	return bits;
}

/* Whether a goes on before b: who was not stopped for long; who went last. */
static int comes_first(const struct actor *a, const struct actor *b)
{
	return a->paused != b->paused ? b->paused : a->turn > b->turn;
}

/* Who goes on; of these bits. */
static int by_default(const struct run *run, unsigned bits)
{
	const struct actor *actors = run->s->actors;
	int best = -1;

	for (int i = 0; i < run->s->n; i++)
		if (bits >> i & 1 && (best == -1 || comes_first(&actors[i], &actors[best])))
			best = i;
	return best;
}

/* Who was stopped for long goes on only when no other can, or it is told to. */
static int has_others(const struct run *run, unsigned bits)
{
	for (int i = 0; i < run->s->n; i++)
		if (bits >> i & 1 && !run->s->actors[i].paused)
			return 1;
	return 0;
}

/* Nobody can go on: whoever waits for its own jobs does; else the first to wake up.  0:
 * there is none. */
static int help(struct run *run)
{
	struct actor *actors = run->s->actors, *first = NULL;

	for (int i = 0; i < run->s->n; i++)
		if (actor_has_jobs(&actors[i]))
			return actor_go(&actors[i], run->s), 1;
	for (int i = 0; i < run->s->n; i++)
		if (actors[i].t.stop == TRACE_ENTER && !actors[i].paused && actors[i].waits &&
		    actors[i].wakes != NEVER && (!first || actors[i].wakes < first->wakes))
			first = &actors[i];
	if (first) {
		if (run->s->page->time < first->wakes)
			run->s->page->time = first->wakes;
		return actor_wake(first, run->s), 1;
	}
	return 0;
}

/* What the schedule says for the step that comes.  1: somebody was killed, and who goes on
 * is to be found; -1: it cannot be done. */
static int choose(struct run *run, unsigned bits)
{
	const struct choice *c = &run->schedule->choices[run->chosen];

	if (run->chosen == run->schedule->n || c->at != run->r->n)
		return 0;
	run->chosen++;
	if (c->how == KILL) {
		if (run->who == -1)
			return -1;
		actor_kill(&run->s->actors[run->who]);
		run->who = c->next;
		return 1;
	}
	if (!(bits >> c->next & 1) || c->next == run->who)
		return run->schedule->is_random ? 1 : -1;
	if (c->how == PAUSE) {
		run->s->actors[run->who].paused = 1;
		run->r->endings[run->who].paused = 1;
		run->r->time_passed = 1;
		run->s->page->time += LONG;
	}
	run->who = c->next;
	return 0;
}

/* What it touches is known, or looked for.  -1: it is not the same as before. */
static int look(struct run *run, struct step *step, const struct trace *t)
{
	const struct step *before = run->before ? &run->before->steps[run->r->n] : NULL;

	if (run->r->n >= run->known) {
		access_look(&step->access, t, run->s->root);
		return 0;
	}
	step->access = before->access;
	return before->who == step->who && before->call == step->call ? 0 : -1;
}

static int step(struct run *run, unsigned bits, int is_free)
{
	struct actor *a = &run->s->actors[run->who];
	struct step *step = &run->r->steps[run->r->n];

	step->who = run->who;
	step->call = a->t.number;
	step->runnable = bits;
	step->is_free = is_free;
	if (look(run, step, &a->t))
		return -1;
	if (run->s->watch)
		run->s->watch(run->s, run->r, run->who, &a->t);
	a->turn = ++run->turns;
	a->paused = 0;
	run->r->n++;
	if (run->s->watch && actor_make_call(a))
		run->s->watch(run->s, run->r, run->who, &a->t);
	actor_go(a, run->s);
	return 0;
}

/* All steps.  -1: not as the schedule has it. */
static int perform(struct run *run)
{
	unsigned bits;
	int is_free, result;

	while (run->r->n < STEPS_MAX) {
		bits = runnable(run);
		if (!has_others(run, bits) && help(run))
			continue;
		if (!bits)
			return run->chosen == run->schedule->n ? 0 : -1;
		is_free = run->who == -1 || !(bits >> run->who & 1);
		if (is_free)
			run->who = by_default(run, bits);
		result = choose(run, bits);
		if (result == 0)
			result = step(run, bits, is_free);
		if (result < 0)
			return -1;
	}
	return 0;
}

int play(struct stage *s, const struct schedule *schedule, const struct record *before,
    struct record *r)
{
	struct run run = { .s = s, .schedule = schedule, .before = before, .r = r };
	int result;

	run.who = schedule->first;
	run.known = before ? schedule->choices[schedule->n - 1].at : 0;
	r->n = 0;
	r->time_passed = 0;
	stage_reset(s);
	for (int i = 0; i < s->n; i++) {
		r->endings[i].paused = 0;
		actor_enter(&s->actors[i], s);
	}
	result = perform(&run);
	for (int i = 0; i < s->n; i++)
		actor_ending(&s->actors[i], &r->endings[i]);
	return result;
}
