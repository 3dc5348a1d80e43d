/*
 * show.h - an entry as the library's users see it
 */
#ifndef SHOW_H
#define SHOW_H

#include "spool/queue.h"

/* Fill the message.  It points into the queue, the entry and the path. */
void show_entry(const mq_queue *, const struct entry *, enum mq_state, const char *path,
    struct mq_message *);

#endif
