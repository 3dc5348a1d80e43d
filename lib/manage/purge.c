/*
 * purge.c - drop what waits in a queue, but for what is sent meanwhile
 */
#include "manage/marks.h"
#include "manage/walk.h"
#include "place/place.h"
#include "place/repair.h"
#include "place/token.h"
#include "receive/watch.h"

#include <errno.h>

struct purge {
	mq_time before; /* what comes while we work stays */
	struct marks marks;
	uint64_t *dropped;
	void (*progress)(void *ctx, uint64_t dropped);
	void *ctx;
};

static int drop(void *ctx, mq_queue *q, const char *path, const struct entry *e)
{
	struct purge *p = ctx;

	if (key_time(e->key) > p->before)
		return 0;
	if (place_drop(q, q->fd, path, e) == -1)
		return errno == ENOENT ? 0 : -1;
	marks_forget(&p->marks, e);
	(*p->dropped)++;
	if (p->progress && *p->dropped % SEGMENT_ENTRIES == 0)
		p->progress(p->ctx, *p->dropped);
	return 0;
}

static int purge(mq_queue *q, struct purge *p)
{
	if (marks_read(&p->marks, q) == -1 || walk_lines(q, TO_TAKE, drop, p) == -1 ||
	    walk_buckets(q, "delayed", drop, p) == -1 ||
	    lanes_walk(q, LANES_WAITING, drop, p) == -1)
		return -1;
	return token_release_all(q); /* they wait for nobody */
}

int mq_purge(mq_queue *q, uint64_t *dropped, void (*progress)(void *ctx, uint64_t dropped),
    void *ctx)
{
	struct entry mark = { .priority = 0 };
	struct purge p = { .dropped = dropped, .progress = progress, .ctx = ctx };
	int r;

	*dropped = 0;
	repair(q);
	queue_new_keys(q, &mark, 1); /* above all that was sent so far */
	p.before = key_time(mark.key);
	r = purge(q, &p);
	if (r == -1)
		r = queue_fail(q, "cannot purge");
	marks_free(&p.marks);
	if (r == MQ_OK)
		watch_poke(q);
	return r;
}
