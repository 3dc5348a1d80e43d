/*
 * death.h - why messages failed
 *
 * why/ID.TAG is one message's history, a line per reason and queue:
 *
 *	COUNT FIRST LAST QUEUE REASON      (times in ms since the epoch)
 *
 * It is written once, before the entry that names its TAG; another event
 * makes another file.  So it can be read at any time, moved by link, and a
 * lost race leaves nothing but its own file to remove.
 */
#ifndef DEATH_H
#define DEATH_H

#include "spool/queue.h"

#define DEATH_EVENTS 64 /* kept; older ones give way */
#define DEATH_REASON 256

struct death_event {
	char reason[DEATH_REASON];
	char queue[QUEUE_NAME_SIZE];
	unsigned count;
	mq_time first, last;
};

struct death {
	size_t n;
	struct death_event event[DEATH_EVENTS];
};

/* The history that the entry names; empty when it has none. */
int death_read(int dir, const struct entry *, struct death *);

/* Write entry's history and this event to the queue `to`, give the entry the
 * new tag.  from is the queue that has the old one. */
int death_record(mq_queue *from, mq_queue *to, struct entry *, const char *reason,
    const char *where);

/* What such a file would have, to be freed; NULL: no memory. */
char *death_text(const struct death *);
/* Give an entry that text as its history, under a new tag; not synced. */
int death_write(mq_queue *, struct entry *, const char *text);

/* Give the history to another queue as well, under the same name. */
int death_carry(mq_queue *from, mq_queue *to, const struct entry *);

/* Remove the history of a message that has one; of any message. errno stays. */
void death_remove(mq_queue *, const struct entry *);
static inline void death_forget(mq_queue *q, const struct entry *e)
{
	if (e->death[0])
		death_remove(q, e);
}

#endif
