/*
 * page.h - one mapped page per queue and host
 *
 * stat/HOST holds what processes on one host share without locks: the last
 * id given out, the moment of the last sweep, the depth.  It is a cache and a
 * rate counter: losing it, or a part of it, loses no message.  What does not bear
 * the mark, noise or a page of another byte order, begins anew.  Where it cannot be
 * used, a page of the process's own does.  Whoever adds to it adds at the end: pages
 * stay when the commands are replaced.
 */
#ifndef PAGE_H
#define PAGE_H

#include "base/meter.h"

#include <stdatomic.h>
#include <stdint.h>

#define PAGE_SIZE_ON_DISK 4096
#define PAGE_MARK         UINT64_C(0x316567617020716d) /* "mq page1" */

/* Native byte order; zero is a good start for every field but the mark. */
struct page {
	_Atomic uint64_t boot;      /* the boot under which the lines were repaired */
	_Atomic int64_t last_id;    /* ns; ids only go up */
	_Atomic int64_t swept;      /* wall clock, ns */
	_Atomic int64_t wall_to_up; /* wall minus up at the last look */
	_Atomic int64_t grace;      /* up clock: no lease lapses before this */
	_Atomic int64_t depth;      /* messages placed less those gone; see limit.h */
	_Atomic int64_t bytes;
	_Atomic int64_t counted;    /* up clock: the last count of the queue; 0: none yet */
	_Atomic int64_t count_cost; /* ns that took */
	_Atomic int64_t more;       /* what that found, above depth */
	_Atomic int64_t more_bytes;
	_Atomic uint64_t bell; /* whether the next arrival is to ring it; see queue_ring() */
	_Atomic int64_t due;   /* wall clock, ns: something is, from then on; 0: not known */
	_Atomic uint64_t mark;
	_Atomic int64_t repaired; /* wall clock, ns: when that was */
	struct meter meter;
};

/* The page as one process has it.  A store to a mapped file whose block cannot be
 * allocated kills the process, and file systems that copy on write need a new block
 * again and again: there the kernel is asked before each use, and while a full disk
 * refuses, the process has a page of its own. */
struct page_use {
	struct page *shared; /* NULL: it cannot be mapped */
	struct page own;
	int ask;         /* before each use of the shared one */
	int64_t refused; /* up clock: when there was no room for it; 0: there is */
};

/* Map stat/HOST below dir, making it by way of the scratch name given: if that can be;
 * not when it is full, read-only, not permitted. */
void page_open(struct page_use *, int dir, const char *scratch);
void page_close(struct page_use *);

/* The page to read and store to now; to be asked for each time. */
struct page *page_now(struct page_use *);

/* The meters of all hosts that have a page below dir, added up: 0, or -1 with errno. */
int page_meters(int dir, int64_t now, struct meter_sum *);

/* n ids in a row, above all given out on this host and not before now. */
int64_t page_reserve_ids(struct page *, int64_t now, int64_t n);

#endif
