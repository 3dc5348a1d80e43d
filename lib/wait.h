/*
 * wait.h - verb: wait
 */
#ifndef WAIT_H
#define WAIT_H

#include "queue.h"

/* As mq_wait_open, to wait for room in one queue. */
int wait_open_for_room(mq_queue *, mq_wait **);

/* Sleep until told to arm again, or for so long (ns; < 0: for ever). */
void wait_sleep(mq_wait *, mq_time within);

#endif
