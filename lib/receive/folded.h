/*
 * folded.h - leases of messages in a folded bundle
 *
 * The receipt of such a message, leased/DUE/NONCE-LEVEL.NUMBER/ENTRY, is the path that it
 * has when the bundle has been unfolded (spool/unfold.h).  Acks in the order of the messages
 * leave it folded; before any other verdict it is unfolded.
 */
#ifndef FOLDED_H
#define FOLDED_H

#include "receive/memory.h"

struct mq_lease;

/* See that the message has a file of its own name: 0, or -1 with errno. */
int folded_unfold(struct mq_lease *);

/* Whether the message is in a folded bundle, and not acked: 1, 0, -1 with errno. */
int folded_has(struct mq_lease *);

/* How many of the leases, of which the first is in the bundle that was entered
 * (memory_enter_bundle), can be acked by one step: the first is the next of the bundle, and
 * the others come after it, one by one.  0: not even the first.  *bytes is what they have. */
size_t folded_row(struct mq_lease *const *, size_t n, uint64_t *bytes);

/* Ack that row: 0, or -1 with errno, ENOENT when it is folded no more, or has lapsed. */
int folded_ack(struct mq_lease *, size_t n, uint64_t bytes);

#endif
