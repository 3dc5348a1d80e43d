/*
 * meter.c - rates and latencies, counted in memory that processes share
 */
#include "base/meter.h"

#define SECOND         INT64_C(1000000000)
#define SLOT           (4 * SECOND)
#define WINDOW         (300 * SECOND)
#define LOWEST_OCTAVE  16
#define SLOTS_A_MINUTE (METER_LATELY * SECOND / SLOT)

_Static_assert(SLOTS_A_MINUTE < METER_SLOTS, "the slots last a minute");

/* Whether it is the turn of what has the turn *has; whoever puts that forward is to
 * clear it. */
static int begin_slot(_Atomic uint32_t *has, uint32_t turn)
{
	uint32_t was = atomic_load_explicit(has, memory_order_relaxed);

	return was != turn && atomic_compare_exchange_strong(has, &was, turn);
}

static void clear(_Atomic uint32_t *n, int count)
{
	for (; count > 0; count--)
		atomic_store_explicit(n++, 0, memory_order_relaxed);
}

void meter_count(struct meter *m, int64_t now, enum meter_kind kind, uint64_t n)
{
	uint32_t turn = (uint32_t)(now / SLOT);
	struct meter_slot *s = &m->slots[turn % METER_SLOTS];

	if (begin_slot(&s->turn, turn))
		clear(s->n, METER_KINDS);
	atomic_fetch_add_explicit(&s->n[kind], (uint32_t)n, memory_order_relaxed);
	atomic_fetch_add_explicit(&m->total[kind], n, memory_order_relaxed);
}

static int bucket_of(int64_t took)
{
	int octave, bucket;

	if (took < 1 << LOWEST_OCTAVE)
		return 0;
	octave = 63 - __builtin_clzll((uint64_t)took);
	bucket = (octave - LOWEST_OCTAVE) * 4 + (int)(took >> (octave - 2) & 3);
	return bucket < METER_BUCKETS ? bucket : METER_BUCKETS - 1;
}

/* The least time that is in it. */
static double bucket_start(int bucket)
{
	double start = (4 + bucket % 4) / 4.0;

	for (bucket = LOWEST_OCTAVE + bucket / 4; bucket > 0; bucket--)
		start *= 2;
	return start;
}

void meter_latency(struct meter *m, int64_t now, int64_t took)
{
	uint32_t turn = (uint32_t)(now / WINDOW);
	struct meter_window *w = &m->windows[turn % 2];

	if (took < 0)
		took = 0; /* the clock was put back */
	if (begin_slot(&w->turn, turn))
		clear(w->n, METER_BUCKETS);
	atomic_fetch_add_explicit(&w->n[bucket_of(took)], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&m->waited, (uint64_t)took / 1000000, memory_order_relaxed);
}

void meter_add_up(struct meter_sum *sum, const struct meter *m, int64_t now)
{
	uint32_t slot = (uint32_t)(now / SLOT), window = (uint32_t)(now / WINDOW);
	int i, kind;

	sum->span = METER_LATELY * SECOND + now % SLOT;
	for (kind = 0; kind < METER_KINDS; kind++)
		sum->total[kind] += m->total[kind];
	sum->waited += m->waited;
	for (i = 0; i < METER_SLOTS; i++)
		if (slot - m->slots[i].turn <= SLOTS_A_MINUTE)
			for (kind = 0; kind < METER_KINDS; kind++)
				sum->lately[kind] += m->slots[i].n[kind];
	for (i = 0; i < 2; i++)
		if (window - m->windows[i].turn < 2)
			for (kind = 0; kind < METER_BUCKETS; kind++)
				sum->took[kind] += m->windows[i].n[kind];
}

int64_t meter_quantile(const struct meter_sum *sum, double share)
{
	double all = 0, before = 0, within = 0;
	int i;

	for (i = 0; i < METER_BUCKETS; i++)
		all += (double)sum->took[i];
	if (all == 0)
		return 0;
	for (i = 0; i < METER_BUCKETS - 1; i++) {
		if (before + (double)sum->took[i] >= share * all && sum->took[i])
			break;
		before += (double)sum->took[i];
	}
	if (sum->took[i])
		within = (share * all - before) / (double)sum->took[i];
	return (int64_t)(bucket_start(i) + (bucket_start(i + 1) - bucket_start(i)) * within);
}
