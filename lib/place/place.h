/*
 * place.h - where an entry goes
 *
 * Every move of an entry between the parts of a queue is one of these, with the
 * arguments and results of those of line.h, or to a line.
 */
#ifndef PLACE_H
#define PLACE_H

#include "spool/line.h"

/* To the end of its level's line, or of its group's lane.  tails: of the batch,
 * or NULL. */
int place_ready(mq_queue *, const struct source *, const struct entry *, struct tails *);
int place_back(mq_queue *, const struct source *, const struct entry *);
/* Until entry->visible; in its lane if it has a group, so that all after it
 * wait as well. */
int place_delayed(mq_queue *, const struct source *, const struct entry *);
/* Whether a message's file, which seemed to have that size, is not what its name says,
 * as a power cut leaves one that was not accepted yet: 1 only after a second look,
 * at the file itself.  0, or -1 with errno: that cannot be told; ENOENT: it is gone. */
int place_is_torn(mq_queue *, const char *path, const struct entry *, uint64_t size);
/* To where a message that failed belongs: gone if it has expired, the dead
 * letters if it was delivered max-receives times, else delayed until
 * entry->visible, or back.  reason: why, should it die of it. */
int place_return(mq_queue *, const struct source *, struct entry *);

/* To the dead letters with its history.  Where there are none to go to (the
 * queue is a dlq), back. */
int place_dead(mq_queue *, const struct source *, struct entry *, const char *reason);

/* Remove an entry for good: 0, or -1 with ENOENT when somebody was first. */
int place_drop(mq_queue *, int dir, const char *path, const struct entry *);
/* The same for a message that has expired, which is counted as such.  There is no
 * other way for one to go. */
int place_expire(mq_queue *, int dir, const char *path, const struct entry *);

/* The delay before the next delivery by the queue's backoff, with jitter. */
mq_time place_backoff(mq_queue *, unsigned receives);

#endif
