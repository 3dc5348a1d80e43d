/*
 * play.c - one schedule: see play.h
 */
#include "play.h"

#include "actor.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* For which somebody is stopped: longer than any lease of a scene. */
#define LONG (2 * 3600 * (int64_t)1000000000)

struct run {
	struct stage *s;
	struct inside *page;
	const struct schedule *schedule;
	struct record *r;
	unsigned chosen; /* of the choices, so many were made */
	unsigned turns;
	int who; /* goes; -1: to be found */
};

/* Not ended; and if it had to wait, somebody has gone since. */
static int can_go(const struct run *run, const struct actor *a)
{
	return a->is != OVER_AND_DONE && (!a->blocked || a->blocked < run->turns);
}

/* Whether a goes on before b: who was not stopped for long; who went last. */
static int comes_first(const struct actor *a, const struct actor *b)
{
	return a->paused != b->paused ? b->paused : a->turn > b->turn;
}

static int by_default(const struct run *run)
{
	struct actor *const *actors = run->s->actors;
	int best = -1;

	for (int i = 0; i < run->s->n; i++)
		if (can_go(run, actors[i]) && (best == -1 || comes_first(actors[i], actors[best])))
			best = i;
	return best;
}

static unsigned not_ended(const struct run *run)
{
	unsigned bits = 0;

	for (int i = 0; i < run->s->n; i++)
		if (run->s->actors[i]->is != OVER_AND_DONE)
			bits |= 1u << i;
	return bits;
}

/* Up to the next choice, or until it ends or has to wait. */
static void go(struct run *run, int who, int told)
{
	struct actor *a = run->s->actors[who];
	unsigned before = run->page->n;
	int began = a->began;

	run->page->stop_at =
	    run->chosen < run->schedule->n ? run->schedule->choices[run->chosen].at : UINT_MAX;
	run->page->others = not_ended(run);
	actor_go(a, run->s, told);
	a->paused = 0;
	if (run->page->n != before || !began || a->is == OVER_AND_DONE)
		a->turn = ++run->turns;
	a->blocked = a->is == WAITING ? run->turns : 0;
}

/* All wait: whoever waits for its own jobs does; else the first to wake up.  0: nobody. */
static int help(struct run *run)
{
	struct actor *const *actors = run->s->actors;
	const struct seat *seats = run->page->seats;
	int first = -1;

	for (int i = 0; i < run->s->n; i++) {
		if (actors[i]->is != WAITING)
			continue;
		if (seats[i].for_jobs)
			return go(run, i, REALLY), 1;
		if (seats[i].wakes != INT64_MAX &&
		    (first == -1 || seats[i].wakes < seats[first].wakes))
			first = i;
	}
	if (first == -1)
		return 0;
	if (run->page->time < seats[first].wakes) {
		run->page->time = seats[first].wakes;
		run->r->waited = 1;
	}
	go(run, first, OVER);
	return 1;
}

/* ---- choices ------------------------------------------------------------------------------ */

/* To those who have begun. */
static void pass_long(struct run *run)
{
	for (int i = 0; i < run->s->n; i++)
		run->r->endings[i].late |=
		    run->s->actors[i]->began && run->s->actors[i]->is != OVER_AND_DONE;
	run->r->time_passed = 1;
	run->page->time += LONG;
}

/* What becomes of who was to go. */
static void strike(struct run *run, const struct choice *c)
{
	struct actor *a = run->s->actors[run->who];

	if (c->how == KILL)
		actor_kill(a, run->s);
	if (c->how == PAUSE) {
		a->paused = 1;
		run->r->endings[run->who].paused = 1;
		pass_long(run);
	}
}

/* If there is one for the step that comes: who goes on then.  0; 1: it cannot be made. */
static int choose(struct run *run)
{
	const struct choice *c = &run->schedule->choices[run->chosen];

	if (run->chosen == run->schedule->n || c->at != run->page->n)
		return 0;
	run->chosen++;
	if (c->how != KILL && (c->next == run->who || !can_go(run, run->s->actors[c->next])))
		return !run->schedule->is_random;
	strike(run, c);
	run->who = c->how == KILL ? -1 : c->next;
	return 0;
}

/* ---- all steps ------------------------------------------------------------------------------ */

static int others_wait(const struct run *run)
{
	for (int i = 0; i < run->s->n; i++)
		if (can_go(run, run->s->actors[i]) && !run->s->actors[i]->paused)
			return 0;
	return 1;
}

static int perform(struct run *run)
{
	while (run->page->n < STEPS_MAX) {
		int is_free = run->who == -1 || run->s->actors[run->who]->is != STOPPED;

		if (is_free) {
			if (others_wait(run) && help(run))
				continue;
			run->who = by_default(run);
			if (run->who == -1)
				break;
			run->page->free_at = run->page->n;
		}
		if (choose(run))
			return 1;
		if (run->who != -1)
			go(run, run->who, AGAIN);
	}
	return run->chosen == run->schedule->n || run->schedule->is_random ? 0 : -1;
}

int play(struct stage *s, const struct schedule *schedule, struct record *r)
{
	struct run run = { .s = s, .page = s->page, .schedule = schedule, .r = r };
	int result;

	run.who = schedule->first;
	r->time_passed = r->waited = 0;
	stage_reset(s);
	s->page->n = 0;
	s->page->free_at = UINT_MAX;
	for (int i = 0; i < s->n; i++) {
		r->endings[i].paused = r->endings[i].late = 0;
		actor_reset(s->actors[i], s);
	}
	result = perform(&run);
	for (int i = 0; i < s->n; i++)
		actor_ending(s->actors[i], s, &r->endings[i]);
	r->n = s->page->n;
	memcpy(r->steps, s->page->steps, r->n * sizeof(*r->steps));
	return result;
}
