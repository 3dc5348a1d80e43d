/*
 * depth.h - how many messages are in a queue, and their bytes, as far as this host knows
 *
 * Kept in the host's page: raised before a message is placed, lowered after it is gone,
 * so that a kill leaves it too high, never too low.  limit.h tells what it is for.
 */
#ifndef DEPTH_H
#define DEPTH_H

#include "spool/queue.h"

void depth_add(mq_queue *, uint64_t n, uint64_t bytes);
void depth_release(mq_queue *, uint64_t n, uint64_t bytes);

#endif
