/*
 * waitline.h - the line of those who wait at a queue
 *
 *	QUEUE/waiting/PLACE   for messages
 *	QUEUE/blocked/PLACE   for room
 *
 * A place is a FIFO named by the moment it was taken, which its owner holds
 * open for reading.  Who stands behind holds the same FIFO open for writing
 * and polls it: when the owner leaves or dies, the kernel says so (POLLERR),
 * to this one process and no other.  Then the next place before that one
 * counts.  Who finds none is first, and looks for all.
 *
 * So a place needs no heartbeat and no cleaning up: one that nobody reads
 * (ENXIO) is dead, and removed by whoever meets it.  Two may take themselves
 * for first for a moment; that costs a look, and nothing else depends on it.
 */
#ifndef WAITLINE_H
#define WAITLINE_H

#include "base/events.h"
#include "spool/queue.h"

struct waitline {
	mq_queue *queue; /* not owned */
	const char *dir; /* "waiting" or "blocked" */
	int own;         /* our FIFO, for reading; -1: not in line */
	int ahead;       /* that of the one before us, for writing; -1: we are first */
	char place[KEY_SIZE];
	char before[KEY_SIZE]; /* the place of the one before us */
	char stuck[KEY_SIZE];  /* one that does not look: passed over */
};

void waitline_init(struct waitline *, mq_queue *, const char *dir);

/* Take a place if need be, and find out who is before us, by whose leaving
 * events are to tell.  1: we are first; also when there can be no line. */
int waitline_stand(struct waitline *, struct events *);
void waitline_leave(struct waitline *);

#endif
