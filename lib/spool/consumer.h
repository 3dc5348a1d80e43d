/*
 * consumer.h - a named consumer, and what it has unacked
 *
 *	QUEUE/consumers/NAME/lock
 *	QUEUE/consumers/NAME/KEY~NONCE -> leased/DUE/ENTRY    one per lease
 *
 * Receiving for a name counts the links that lead to a lease which is still
 * there, and removes the others: a verdict needs not know of them.  The lock
 * is held meanwhile.  A kill between the lease and its link lets the name have
 * one too many, until that lease is over.
 */
#ifndef CONSUMER_H
#define CONSUMER_H

#include "spool/queue.h"

/* The lock of a consumer, which is waited for: its descriptor, or -1. */
int consumer_lock(mq_queue *, const char *consumer);

/* The links to leases that are there; the others go: 0, or -1. */
int consumer_count(mq_queue *, const char *consumer, size_t *n);

/* Link to a lease by its path: 0, or -1. */
int consumer_link(mq_queue *, const char *consumer, const struct entry *, const char *lease);

/* Remove the names of which nothing was heard for a day. */
void consumers_tidy(mq_queue *);

#endif
