/*
 * recv.h - receive, under a clock that the caller has
 */
#ifndef RECV_H
#define RECV_H

#include "spool/queue.h"

/* A clock that leases hang on: see lease.h. */
struct lease_clock {
	int made;
	int used;  /* something was put beside it */
	char kind; /* LEASE_OWN or LEASE_SHARED */
	uint64_t nonce;
	char bucket[STRIP_PATH];
	mq_time visibility, deadline; /* when it was made */
};

/* As mq_recv, the leases hanging on the clock, which is made when there is
 * something to receive and it is not made yet; or made anew should it be gone. */
int recv_under(mq_queue *, struct lease_clock *, size_t max, mq_time visibility, mq_lease **leases,
    size_t *n);

/* Remove the clock if nothing hangs on it. */
void recv_drop_clock(mq_queue *, struct lease_clock *);

#endif
