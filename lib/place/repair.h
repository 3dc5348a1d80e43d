/*
 * repair.h - what a crash of the machine left of lines and lanes, put right
 *
 * What a power cut leaves of head, tail and segments need not fit together, and a lane's
 * token may be lost.  The first command in a queue on a host since that started compares
 * them with what is there; the page of the queue tells the others that it was done.
 *
 * Every verb that puts something into lines or lanes, or takes something out, calls
 * repair() first.  An ack of a message without a group does neither.
 */
#ifndef REPAIR_H
#define REPAIR_H

#include "spool/queue.h"

/* Once for each open queue, and then nothing.  q->unrepaired tells what could not be done;
 * where others were at it for too long, q->repair_again. */
void repair(mq_queue *);

/* Try that again, without waiting for anybody. */
void repair_again(mq_queue *);

#endif
