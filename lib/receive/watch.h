/*
 * watch.h - what to watch of a queue, and until when
 */
#ifndef WATCH_H
#define WATCH_H

#include "base/events.h"
#include "spool/queue.h"

/* Be told of all that can make a message visible: one that comes to a line, a
 * new line, a setting; and when looking is due anyhow, in ns from now, since a
 * delay, a lease or a claim ends by itself (< 0: nothing does).  To be called
 * before each look, so that what comes between the look and the wait is told. */
int watch_messages(mq_queue *, struct events *, mq_time *within);

/* Be told of all that makes room: a message that leaves, or a setting. */
int watch_room(mq_queue *, struct events *);

/* Be told when something leaves the directory of this path, which is absolute. */
int watch_leaving(const char *path, struct events *);

/* For those who watch: something has changed that shows nowhere else. */
void watch_poke(mq_queue *);

#endif
