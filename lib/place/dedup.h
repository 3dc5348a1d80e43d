/*
 * dedup.h - one message for each deduplication id
 *
 *	dedup/pending/HASH~ENTRY     a message on its way
 *	dedup/WINDOW/HASH -> ENTRY   the mark, which names the first message
 *
 *	1  the message is renamed to pending/ and synced
 *	2  its marks are made, in the window before that of its time and in that: symbolic
 *	   links, so they are exclusive and say which message they stand for.  Where one
 *	   that counts is there already, this one is a duplicate, and step 2 is done for
 *	   that other message, whose sender may not have come so far
 *	3  the message that has both is renamed to its line
 *
 * Two messages that count for each other, as they are less than a window apart, contend
 * for one name at least, in whichever windows they are.  The marks stay as they are once
 * made, so whoever follows them finds the same message.  A sender killed after 1 has not
 * swallowed its own retry: whoever meets its mark goes on with steps 2 and 3, and so does a
 * sweep for what has been pending for a while.  WINDOW is when the window began, seconds
 * since the epoch; old ones go whole.  tests/model/dedup.pml has it as a model.
 */
#ifndef DEDUP_H
#define DEDUP_H

#include "spool/queue.h"

/* Whether a message with this id was sent within the window: 1 and entry->id is
 * its id, 0, or -1 with errno. */
int dedup_find(mq_queue *, const char *id, struct entry *);

/* Send the file at path (below the queue), written to fd, as entry under the
 * id.  0: entry->id is the id of the message that counts, *first whether it is
 * this one; -1 with errno. */
int dedup_send(mq_queue *, int fd, const char *path, struct entry *, const char *id, int *first);

/* Finish what killed senders left, remove windows that are over: how many were finished.
 * *trouble is the errno of the first thing that went wrong, unless it is one already. */
unsigned dedup_sweep(mq_queue *, int *trouble);

#endif
