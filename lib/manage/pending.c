/*
 * pending.c - whether a queue is drained
 */
#include "manage/walk.h"

#include <stdio.h>
#include <string.h>

static int note_path(void *ctx, mq_queue *q, const char *path, const struct entry *e)
{
	mq_time expiry = queue_expiry(q, e);
	char **found = ctx;

	if (expiry && expiry <= queue_now(q) && strncmp(path, "leased/", 7) != 0)
		return 0; /* it will never be delivered */
	return asprintf(found, "%s/%s", q->path, path) == -1 ? -1 : 1;
}

/* How many deliveries there were, on all hosts. */
static int count_receives(mq_queue *q, uint64_t *n)
{
	struct meter_sum sum;

	*n = 0;
	if (page_meters(q->fd, queue_now(q), &sum) == -1)
		return -1;
	*n = sum.total[METER_RECEIVED];
	return 0;
}

int mq_receives(mq_queue *q, uint64_t *n)
{
	return count_receives(q, n) == 0 ? MQ_OK : queue_fail(q, "cannot count the deliveries");
}

/* With the way that messages take once they were received, then where they are put
 * when they are: one that moves while this looks is met in one place or the other,
 * unless it was received meanwhile. */
static int look_for_any(mq_queue *q, char **path)
{
	int r;

	if ((r = walk_buckets(q, "leased", note_path, path)) == 0 &&
	    (r = walk_buckets(q, "delayed", note_path, path)) == 0 &&
	    (r = walk_lines(q, TO_LOOK, note_path, path)) == 0 &&
	    (r = lanes_walk(q, LANES_ALL, note_path, path)) == 0)
		r = walk_buckets(q, "leased", note_path, path);
	return r;
}

int mq_pending(mq_queue *q, char **path)
{
	uint64_t before, after = 0;
	int r;

	*path = NULL;
	do
		if ((r = count_receives(q, &before)) == 0 && (r = look_for_any(q, path)) == 0)
			r = count_receives(q, &after);
	while (r == 0 && before != after);
	if (r == -1) {
		*path = NULL;
		return queue_fail(q, "cannot look for messages");
	}
	if (r == 1)
		return MQ_OK;
	return queue_is_there(q) ? fail(q->mq, MQ_EMPTY, q->name, "drained") : queue_removed(q);
}
