/*
 * tidy.h - what nobody needs any more, removed by the way
 */
#ifndef TIDY_H
#define TIDY_H

#include "spool/queue.h"

/* Drop what has outlived the retention, of the queue, or of its dead letters. */
void trim(mq_queue *);
void trim_dead_letters(mq_queue *);

/* What killed commands left in tmp/ of that directory a day ago. */
void remove_litter(int dir);

#endif
