/*
 * dedup.h - verb: one message for each deduplication id
 *
 *	dedup/pending/HASH~ENTRY     a message on its way
 *	dedup/WINDOW/HASH -> ENTRY   the mark, which names the first message
 *
 *	1  the message is renamed to pending/ and synced
 *	2  the mark is made: a symbolic link, so it is exclusive and says which
 *	   message it stands for; or it is there, and this one is a duplicate
 *	3  the message is renamed to its line
 *
 * A sender killed after 2 has not swallowed its own retry: whoever meets a
 * mark whose message is pending goes on with step 3, and a sweep goes on with
 * step 2 for what has been pending for a while.  WINDOW is when the window
 * began, seconds since the epoch; two are looked at, old ones go whole.
 */
#ifndef DEDUP_H
#define DEDUP_H

#include "queue.h"

/* Whether a message with this id was sent within the window: 1 and entry->id is
 * its id, 0, or -1 with errno. */
int dedup_find(mq_queue *, const char *id, struct entry *);

/* Send the file at path (below the queue), written to fd, as entry under the
 * id.  0: entry->id is the id of the message that counts, *first whether it is
 * this one; -1 with errno. */
int dedup_send(mq_queue *, int fd, const char *path, struct entry *, const char *id, int *first);

/* Finish what killed senders left, remove windows that are over. */
unsigned dedup_sweep(mq_queue *);

#endif
