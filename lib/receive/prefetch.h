/*
 * prefetch.h - how much a named consumer has unacked
 *
 *	QUEUE/consumers/NAME/lock
 *	QUEUE/consumers/NAME/KEY~NONCE -> leased/DUE/ENTRY    one per lease
 *
 * Receiving for a name counts the links that lead to a lease which is still
 * there, and removes the others: a verdict needs not know of them.  The lock
 * is held meanwhile.  A kill between the lease and its link lets the name have
 * one too many, until that lease is over.
 */
#ifndef PREFETCH_H
#define PREFETCH_H

#include "spool/queue.h"

/* Remove the names of which nothing was heard for a day. */
void prefetch_tidy(mq_queue *);

#endif
