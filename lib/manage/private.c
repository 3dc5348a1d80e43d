/*
 * private.c - a queue for one process
 *
 * Named "reply-" and a number, with a file `owner` that its process keeps
 * locked from before it has that name.  Nothing in it has to outlive the
 * process: it is not synced.  When the process died, the lock is free, and the
 * next that makes such a queue removes it; but looks only now and then, since
 * it reads all queues' names.
 */
#include "spool/queue.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define LOOK_CHANCE 8

static void owner_path(const char *name, char path[2 * QUEUE_NAME_SIZE + 8])
{
	queue_path(name, path);
	strcat(path, "/" QUEUE_OWNER);
}

/* Remove the queue if its process is gone. */
static int remove_orphan(void *ctx, const char *name)
{
	char path[2 * QUEUE_NAME_SIZE + 8];
	mq *h = ctx;
	int lock;

	owner_path(name, path);
	if (strncmp(name, QUEUE_PRIVATE, strlen(QUEUE_PRIVATE)) != 0 ||
	    fs_exists(h->spool->fd, path) != 1 ||
	    (lock = fs_lock(h->spool->fd, path, LOCK_AT_ONCE)) == -1)
		return 0;
	mq_delete(h, name);
	fs_unlock(lock);
	return 0;
}

int mq_private_open(mq *h, mq_queue **out)
{
	char name[QUEUE_NAME_SIZE];
	int r, lock = -1;

	*out = NULL;
	if ((r = spool_enter(h)) != MQ_OK)
		return r;
	if (nonce_next(&h->nonce) % LOOK_CHANCE == 0)
		mq_queues(h, remove_orphan, h);
	snprintf(name, sizeof(name), QUEUE_PRIVATE "%016llx",
	    (unsigned long long)nonce_next(&h->nonce));
	if ((r = queue_make_private(h, h->spool, name, &lock)) == MQ_OK)
		r = queue_open(h, h->spool, name, out);
	if (r == MQ_OK)
		(*out)->owner = lock;
	else
		fs_close(lock);
	return r;
}

void mq_private_close(mq_queue *q)
{
	if (q == NULL)
		return;
	mq_delete(q->mq, q->name);
	fs_unlock(q->owner);
	mq_queue_close(q);
}
