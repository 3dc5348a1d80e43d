/*
 * wait.h - wait
 */
#ifndef WAIT_H
#define WAIT_H

#include "spool/queue.h"

/* As mq_wait_open, to wait for room in one queue. */
int wait_open_for_room(mq_queue *, mq_wait **);

#endif
