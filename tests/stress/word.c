/*
 * word.c - who holds a message for sure
 *
 * A word is a span of time in which some process held a message (or a group)
 * beyond doubt:
 *
 *	start	the clock as read after the receive had returned
 *	end	the clock as read before the receive began, and the visibility;
 *		or before a verdict began, if that is earlier
 *
 * so that a process that is stopped anywhere between its steps claims less
 * than it has, never more.  A span whose start is not before its end is empty.
 * An ack that returned MQ_OK makes the span endless: the message was held
 * from start until it was gone, and nobody may hold it after that.
 *
 * Two spans of one message that overlap are two holders.  As each looks at the
 * word that is there when it puts its own, and spans carry their own times, it
 * does not matter how late a process does that.
 *
 * After the wall clock was stepped forward, a lease that was taken before holds
 * for one visibility timeout of the queue from the step, or to its deadline if
 * that is earlier: word_end() reckons with that.
 */
#include "stress.h"

#define ENDLESS UINT32_MAX

stamp word_start(uint64_t w)
{
	return (stamp)(w >> 32 & 0x7fffffff);
}

int word_acked(uint64_t w)
{
	return w >> 63 != 0;
}

uint64_t word_of(stamp start, stamp end)
{
	return (uint64_t)start << 32 | end;
}

/* The first step forward that may have come after the start counts. */
stamp word_end(uint64_t w)
{
	unsigned n = atomic_load(&shared->nsteps), i;
	stamp start = word_start(w), end = (stamp)w, held;

	if (word_acked(w))
		return ENDLESS;
	for (i = n; i > 0 && i + STEPS > n; i--) {
		struct step *s = &shared->steps[(i - 1) % STEPS];

		if (atomic_load(&s->end) < start)
			break;
		held = atomic_load(&s->begin) + (stamp)(VISIBILITY_LEAST / UNIT) - 1;
		if (held < end)
			end = held;
	}
	return end;
}

static int overlap(uint64_t a, uint64_t b)
{
	stamp start = word_start(a) > word_start(b) ? word_start(a) : word_start(b);

	return start < word_end(a) && start < word_end(b);
}

/* Put a span in place of *mine (0: none yet): 1 when it overlaps another's.  A
 * later span stays. */
int word_put(_Atomic uint64_t *w, uint64_t *mine, stamp start, stamp end)
{
	uint64_t new = word_of(start, end), old = *mine;
	int two = 0;

	if (old && atomic_compare_exchange_strong(w, &old, new)) {
		*mine = new;
		return 0;
	}
	*mine = 0;
	if (start >= end)
		return 0;
	old = atomic_load(w);
	do {
		two |= overlap(old, new);
		if (word_acked(old) || word_start(old) > start)
			return two;
	} while (!atomic_compare_exchange_weak(w, &old, new));
	*mine = new;
	return two;
}

/* From now on somebody else may have it. */
void word_release(_Atomic uint64_t *w, uint64_t *mine, stamp at)
{
	stamp start = word_start(*mine), end = (stamp)*mine;
	uint64_t old = *mine;

	if (!old)
		return;
	*mine = word_of(start, at < end ? at : end);
	if (!atomic_compare_exchange_strong(w, &old, *mine))
		*mine = 0;
}

/* Acked, the ack having begun at that moment: 0, or 1 when another has held it
 * since start, or acked it. */
int word_ack(_Atomic uint64_t *w, uint64_t mine, stamp start, stamp at)
{
	uint64_t new = 1ull << 63 | word_of(start, at), old = atomic_load(w);
	int two = 0;

	do
		two |= word_acked(old) || (old != mine && overlap(old, new));
	while (!atomic_compare_exchange_weak(w, &old, new));
	return two;
}
