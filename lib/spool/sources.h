/*
 * sources.h - the queues whose dead letters come to a queue
 *
 *	QUEUE/sources/NAME     the queue NAME has it for its dead-letter-to
 *
 * and of QUEUE/dlq, QUEUE.  A message dies of a lease that lapses only when somebody
 * looks at the queue that it was received from; so who waits for dead letters looks
 * there.  A name is made when the setting is, and should that be cut short, with the
 * first dead letter.  It goes with the setting; of a queue that was removed, when it is
 * met.
 */
#ifndef SOURCES_H
#define SOURCES_H

#include "spool/queue.h"

/* The queue of that name may send its dead letters here, from now on or no more. */
int source_add(mq_queue *, const char *name);
void source_remove(mq_queue *, const char *name);

/* Call each for the queues that do, open; non-zero ends it.  -1 with errno: they cannot
 * be listed.  One that cannot be opened is passed over. */
int source_walk(mq_queue *, int (*each)(void *ctx, mq_queue *source), void *ctx);

#endif
