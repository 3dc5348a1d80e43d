/*
 * meter.h - rates and latencies, counted in memory that processes share
 *
 *	totals    since the memory was zero
 *	slots     what happened in each of the last spans of time, around and around:
 *		  the rates of the last minute
 *	windows   how many messages took how long, in this span and the one before it
 *
 * All of it is counted without locks.  Who is stopped while a slot or a window turns
 * may count in the wrong one: these are figures to look at, and nothing hangs on
 * them.
 */
#ifndef METER_H
#define METER_H

#include <stdatomic.h>
#include <stdint.h>

enum meter_kind {
	METER_SENT,
	METER_RECEIVED,
	METER_ACKED,
	METER_NACKED,
	METER_LAPSED,
	METER_DEAD,
	METER_EXPIRED,
	METER_KINDS,
};

#define METER_SLOTS   32
#define METER_BUCKETS 160 /* quarters of an octave, from 65 us to two years */

struct meter {
	_Atomic uint64_t total[METER_KINDS];
	_Atomic uint64_t waited; /* ms, of all that were acked */
	struct meter_slot {
		_Atomic uint32_t turn;
		_Atomic uint32_t n[METER_KINDS];
	} slots[METER_SLOTS];
	struct meter_window {
		_Atomic uint32_t turn;
		_Atomic uint32_t n[METER_BUCKETS];
	} windows[2];
};

/* Times are ns, now of the wall clock. */
void meter_count(struct meter *, int64_t now, enum meter_kind, uint64_t n);
void meter_latency(struct meter *, int64_t now, int64_t took);

/* The same of several meters, added up.  All zeros is a good start. */
struct meter_sum {
	uint64_t total[METER_KINDS];
	uint64_t lately[METER_KINDS]; /* in the last minute and the slot after it: */
	int64_t span;                 /* ns */
	uint64_t waited;              /* ms */
	uint64_t took[METER_BUCKETS]; /* in the last 5 to 10 minutes */
};

#define METER_LATELY 60 /* seconds */

void meter_add_up(struct meter_sum *, const struct meter *, int64_t now);

/* The time, in ns, that the share (0 to 1) of them did not exceed; 0 when there are
 * none.  Off by a tenth at most. */
int64_t meter_quantile(const struct meter_sum *, double share);

#endif
