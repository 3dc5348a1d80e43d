/*
 * sweep.h - what has become due, put where it belongs
 */
#ifndef SWEEP_H
#define SWEEP_H

#include "spool/queue.h"

enum sweep_when {
	SWEEP_IF_DUE, /* at most one process a second on this host does it */
	SWEEP_NOW,    /* before saying that there is nothing */
};

/* How many entries moved, some 4,000 at the most; failures leave things for
 * the next sweep.  *trouble, unless it is NULL: the errno of the first, or 0. */
unsigned sweep(mq_queue *, enum sweep_when, int *trouble);

/* Until nothing is due any more. */
void sweep_all(mq_queue *);

#endif
