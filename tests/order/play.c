/*
 * play.c - one schedule, step by step: see play.h
 */
#include "play.h"

#include "actor.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* For which somebody is stopped: longer than any lease of a scene. */
#define LONG (2 * 3600 * (int64_t)1000000000)

struct run {
	struct stage *s;
	const struct schedule *schedule;
	struct record *r;
	unsigned chosen; /* of the choices, so many were made */
	int who;         /* goes; -1: to be found */
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

/* ---- one step -------------------------------------------------------------------------- */

static struct step *next_step(struct run *run, int how, int who)
{
	struct step *step = &run->r->steps[run->r->n++];
	struct actor *a = &run->s->actors[who];

	memset(step, 0, offsetof(struct step, access.objects));
	step->access.n = 0;
	step->access.changes = step->access.is_time = 0;
	step->how = how;
	step->who = who;
	step->call = a->t.number;
	a->turn = run->r->n;
	a->paused = 0;
	return step;
}

/* Who sleeps, and is the first to wake up. */
static int first_to_wake(const struct run *run)
{
	const struct actor *actors = run->s->actors;
	int first = -1;

	for (int i = 0; i < run->s->n; i++)
		if (actors[i].t.stop == TRACE_ENTER && !actors[i].paused && actors[i].waits &&
		    actors[i].wakes != NEVER &&
		    (first == -1 || actors[i].wakes < actors[first].wakes))
			first = i;
	return first;
}

static void wake(struct run *run, int who, int64_t time)
{
	if (run->s->page->time < time)
		run->s->page->time = time;
	actor_wake(&run->s->actors[who], run->s);
}

/* Nobody can go on: whoever waits for its own jobs does; else the first to wake up.  0:
 * there is none. */
static int help(struct run *run)
{
	struct step *step;
	int who;

	for (who = 0; who < run->s->n; who++)
		if (actor_has_jobs(&run->s->actors[who])) {
			next_step(run, JOBS, who);
			return actor_go(&run->s->actors[who], run->s), 1;
		}
	if ((who = first_to_wake(run)) == -1)
		return 0;
	step = next_step(run, WAKE, who);
	step->access.is_time = 1;
	step->time = run->s->actors[who].wakes;
	wake(run, who, step->time);
	return 1;
}

static void make_call(struct run *run, unsigned bits, int is_free)
{
	struct actor *a = &run->s->actors[run->who];
	struct step *step = next_step(run, CALL, run->who);

	step->runnable = bits;
	step->is_free = is_free;
	access_look(&step->access, &a->t, run->s->root);
	if (run->s->watch) {
		run->s->watch(run->s, run->r, run->who, &a->t);
		if (actor_make_call(a))
			run->s->watch(run->s, run->r, run->who, &a->t);
	}
	actor_go(a, run->s);
}

/* ---- what the schedule says ---------------------------------------------------------------- */

static const struct choice *choice_at(struct run *run)
{
	const struct choice *c = &run->schedule->choices[run->chosen];

	if (run->chosen == run->schedule->n || c->at != run->r->n)
		return NULL;
	run->chosen++;
	return c;
}

/* What becomes of who was to go; then another is to be found. */
static void strike(struct run *run, const struct choice *c)
{
	if (c->how == KILL)
		actor_kill(&run->s->actors[run->who]);
	if (c->how == PAUSE) {
		run->s->actors[run->who].paused = 1;
		run->r->endings[run->who].paused = 1;
		run->r->time_passed = 1;
		run->s->page->time += LONG;
	}
	run->who = c->next;
}

/* 1: somebody was killed, and who goes on is to be found; -1: the choice cannot be made. */
static int choose(struct run *run, unsigned bits)
{
	const struct choice *c = choice_at(run);

	if (!c)
		return 0;
	if (c->how != KILL && (!(bits >> c->next & 1) || c->next == run->who))
		return run->schedule->is_random ? 1 : -1;
	strike(run, c);
	return c->how == KILL;
}

/* ---- all steps ----------------------------------------------------------------------------- */

/* Those before the last choice are as they were when all but that was played: no look at
 * anything.  -1: they are not. */
static int repeat(struct run *run, const struct record *before)
{
	unsigned known = before ? run->schedule->choices[run->schedule->n - 1].at : 0;
	const struct choice *c;
	struct actor *a;

	while (run->r->n < known) {
		struct step *step = &run->r->steps[run->r->n];

		*step = before->steps[run->r->n];
		while (run->chosen + 1 < run->schedule->n && (c = choice_at(run)))
			strike(run, c);
		run->who = step->who;
		a = &run->s->actors[step->who];
		a->turn = ++run->r->n;
		a->paused = 0;
		if (step->how == WAKE)
			actor_look(a, run->s), wake(run, step->who, step->time);
		else
			actor_repeat(a);
	}
	for (int i = 0; i < run->s->n; i++)
		actor_look(&run->s->actors[i], run->s);
	if (!before)
		return 0;
	a = &run->s->actors[before->steps[known].who];
	return a->t.stop == TRACE_ENTER && a->t.number == before->steps[known].call ? 0 : -1;
}

/* -1: not as the schedule has it. */
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
		if (result < 0)
			return -1;
		if (result == 0)
			make_call(run, bits, is_free);
	}
	return 0;
}

int play(struct stage *s, const struct schedule *schedule, const struct record *before,
    struct record *r)
{
	struct run run = { .s = s, .schedule = schedule, .r = r, .who = schedule->first };
	int result;

	r->n = 0;
	r->time_passed = 0;
	stage_reset(s);
	for (int i = 0; i < s->n; i++) {
		r->endings[i].paused = 0;
		actor_enter(&s->actors[i]);
	}
	result = repeat(&run, before) ? -1 : perform(&run);
	for (int i = 0; i < s->n; i++)
		actor_ending(&s->actors[i], &r->endings[i]);
	return result;
}
