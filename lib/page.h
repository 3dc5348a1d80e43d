/*
 * page.h - leaf: one mapped page per queue and host
 *
 * stat/HOST holds what processes on one host share without locks: the last
 * id given out, the moment of the last sweep, the depth.  It is a cache and a
 * rate counter: losing it, or a part of it, loses no message.  Where it
 * cannot be mapped, a page of the process's own does.  Whoever adds to it takes what
 * is unused, or the end: pages stay when the commands are replaced.
 */
#ifndef PAGE_H
#define PAGE_H

#include "meter.h"

#include <stdatomic.h>
#include <stdint.h>

#define PAGE_SIZE_ON_DISK 4096

/* Native byte order; zero is a good start for every field. */
struct page {
	_Atomic uint64_t boot;      /* the boot under which the strips were settled */
	_Atomic int64_t last_id;    /* ns; ids only go up */
	_Atomic int64_t swept;      /* wall clock, ns */
	_Atomic int64_t wall_to_up; /* wall minus up at the last look */
	_Atomic int64_t hold;       /* up clock: no lease lapses before this */
	_Atomic int64_t depth;      /* messages not yet acked; see limit.c */
	_Atomic int64_t bytes;
	_Atomic int64_t counted;    /* up clock: when depth was last counted; 0: never */
	_Atomic int64_t count_cost; /* ns that took */
	_Atomic int64_t due;        /* wall clock, ns: something is, from then on; 0: not known */
	_Atomic uint64_t unused[4];
	_Atomic int64_t settled; /* wall clock, ns: when that was */
	struct meter meter;
};

/* Map stat/HOST below dir, making it by way of the scratch name given.  NULL
 * when that cannot be: full, read-only, not permitted. */
struct page *page_open(int dir, const char *scratch);
void page_close(struct page *);

/* The meters of all hosts that have a page below dir, added up: 0, or -1 with errno. */
int page_meters(int dir, int64_t now, struct meter_sum *);

/* n ids in a row, above all given out on this host and not before now. */
int64_t page_reserve_ids(struct page *, int64_t now, int64_t n);

#endif
