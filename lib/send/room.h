/*
 * room.h - room in a queue for what is sent, by its overflow setting
 */
#ifndef ROOM_H
#define ROOM_H

#include "place/limit.h"
#include "spool/queue.h"

/* How long a commit waits for room.  All zeros is a good start. */
struct room {
	mq_queue *q; /* the one waited for last, and */
	mq_wait *wait;
	mq_time give_up; /* up clock */
	int by_setting;  /* wait if overflow=block, for as long as that is set */
	int armed;       /* in line, */
	mq_time within;  /* to look again at the latest after that */
};

/* As mq_batch_commit's wait. */
void room_begin(struct room *, mq *, mq_time wait);
void room_close(struct room *);

enum room_found {
	ROOM_FOUND, /* one more message is counted in */
	ROOM_DEAD,  /* the same; it goes to the dead letters */
	ROOM_FULL,  /* it may wait for room */
	ROOM_NEVER, /* there is nothing to wait for */
	ROOM_ERROR, /* none could be made, errno says why */
};

/* Without waiting.  held: as limit_reserve. */
enum room_found room_look(mq_queue *, uint64_t body, const struct limit_held *held);

/* Whether room_get would wait. */
int room_may_wait(const struct room *, const mq_queue *);

/* Until there is room, the setting changes or patience ends; before each wait
 * first() is called, and its failure returned.  *dead is set for ROOM_DEAD. */
int room_get(struct room *, mq_queue *, uint64_t body, int *dead, int (*first)(void *ctx),
    void *ctx);

/* Whether it could never get in. */
int room_excludes(const mq_queue *, uint64_t body);

int room_full(mq_queue *);      /* MQ_BUSY */
int room_too_large(mq_queue *); /* MQ_DATA */

#endif
