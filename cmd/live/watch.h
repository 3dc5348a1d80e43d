/*
 * watch.h - queues at work, live on a terminal
 */
#ifndef MQ_CMD_WATCH_H
#define MQ_CMD_WATCH_H

#include "share/common.h"

/* Show the operands, or all queues, until a key or a signal ends it; look as often as
 * interval says, or as can be afforded.  Failures are reported.  After a signal that
 * ends it the process dies of that, with the terminal as it was. */
void watch_run(struct cmd *, mq_time interval);

#endif
