/*
 * wait.c - wait for messages, for room, or for one message to be gone
 *
 * Whoever waits stands in line (waitline.h) at each of its queues.  The first in
 * line watches the queue (watch.h), then looks, then sleeps until something
 * changes or the next delay or lease ends; the others sleep until the one
 * before them leaves.  So nothing is polled, one message wakes one process,
 * and none that comes between the look and the sleep is missed.
 *
 * A process may be stopped while it is first.  Those behind it look for
 * themselves once in a visibility timeout, at most 30 s, which is also what a
 * consumer costs that is stopped with a message.  Who finds something then
 * does not stand behind that one any more.
 *
 * Where the kernel does not tell of all changes, or not of any more, everyone
 * looks now and then: the pauses grow, and are drawn at random so that not all
 * look at once.
 */
#include "receive/wait.h"

#include "place/place.h"
#include "receive/waitline.h"
#include "receive/watch.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#define PATIENCE    (30 * MQ_SECOND)
#define PAUSE_FIRST (2 * MILLISECOND)
#define PAUSE_LAST  (500 * MILLISECOND)

enum wait_for { FOR_MESSAGES, FOR_ROOM };

struct stand {
	struct waitline line;
	mq_time look_at; /* up clock: behind others, look nevertheless; 0: not set */
	int looked;      /* that was why we looked last */
};

struct mq_wait {
	mq *mq;
	enum wait_for what;
	struct events events;
	int polling; /* always: forced, or a file system that does not tell */
	mq_time pause;
	size_t n;
	struct stand stands[];
};

/* ---- the object --------------------------------------------------------- */

static int open_for(mq *h, mq_queue *const *queues, size_t n, enum wait_for what, mq_wait **out)
{
	mq_wait *w = calloc(1, sizeof(*w) + n * sizeof(w->stands[0]));

	*out = NULL;
	if (w == NULL)
		return fail_errno(h, h->path, "cannot wait");
	w->mq = h;
	w->what = what;
	w->polling = h->polling || (h->spool && !fs_tells_changes(h->spool->fd));
	if (w->polling || events_open(&w->events) == -1) {
		w->events.fd = w->events.inotify = -1;
		w->polling = 1;
	}
	w->pause = PAUSE_FIRST;
	for (; w->n < n; w->n++)
		waitline_init(&w->stands[w->n].line, queue_ref(queues[w->n]),
		    what == FOR_ROOM ? "blocked" : "waiting");
	*out = w;
	return MQ_OK;
}

int mq_wait_open(mq *h, mq_queue *const *queues, size_t n, mq_wait **out)
{
	return open_for(h, queues, n, FOR_MESSAGES, out);
}

int wait_open_for_room(mq_queue *q, mq_wait **out)
{
	return open_for(q->mq, &q, 1, FOR_ROOM, out);
}

int mq_wait_fd(const mq_wait *w)
{
	return w->events.fd;
}

int mq_bell(mq_queue *q)
{
	if (fs_mkempty(q->fd, "bell") == -1 && errno != EEXIST)
		return queue_fail(q, "cannot make its bell");
	atomic_store(&queue_page(q)->bell, 1);
	return MQ_OK;
}

void mq_wait_leave(mq_wait *w)
{
	size_t i;

	for (i = 0; i < w->n; i++) {
		struct stand *p = &w->stands[i];

		if (p->looked) /* and found something: the one before us does not look */
			strcpy(p->line.stuck, p->line.before);
		waitline_leave(&p->line);
		p->looked = 0;
		p->look_at = 0;
	}
	w->pause = PAUSE_FIRST;
}

void mq_wait_close(mq_wait *w)
{
	size_t i;

	if (w == NULL)
		return;
	for (i = 0; i < w->n; i++) {
		waitline_leave(&w->stands[i].line);
		mq_queue_close(w->stands[i].line.queue);
	}
	events_close(&w->events);
	free(w);
}

/* ---- arming -------------------------------------------------------------- */

static void sooner(mq_time *within, mq_time t)
{
	if (t >= 0 && (*within < 0 || t < *within))
		*within = t;
}

/* Somewhere in the second half of t. */
static mq_time about(mq_wait *w, mq_time t)
{
	return t - (mq_time)(nonce_next(&w->mq->nonce) % (uint64_t)(t / 2));
}

static mq_time next_pause(mq_wait *w)
{
	mq_time pause = about(w, w->pause);

	w->pause = w->pause * 2 < PAUSE_LAST ? w->pause * 2 : PAUSE_LAST;
	return pause;
}

/* Behind others: look when patience is at its end. */
static void arm_behind(mq_wait *w, struct stand *p, int *look, mq_time *within)
{
	mq_time patience = p->line.queue->conf.visibility, now = clock_up(&w->mq->clock);

	p->looked = p->look_at && now >= p->look_at;
	if (p->looked)
		*look = 1;
	if (p->looked || !p->look_at)
		p->look_at = now + about(w, patience < PATIENCE ? patience : PATIENCE);
	sooner(within, p->look_at - now);
}

/* First: be told, and look. */
static void arm_first(mq_wait *w, struct stand *p, int *look, mq_time *within)
{
	mq_queue *q = p->line.queue;
	mq_time ends = 0;
	int r;

	p->looked = 0;
	p->look_at = 0;
	*look = 1;
	r = w->what == FOR_ROOM ? watch_room(q, &w->events) : watch_messages(q, &w->events, &ends);
	/* Not told of all; or what has ended does not show yet; or room, which
	 * is counted after it was made, and by expiry comes unseen. */
	if (r == -1 || ends == 0)
		ends = next_pause(w);
	else
		w->pause = PAUSE_FIRST;
	/* The wall clock may be set, or the machine suspended, meanwhile. */
	sooner(within, ends < PATIENCE ? ends : PATIENCE);
}

int mq_wait_arm(mq_wait *w, int *look, mq_time *within)
{
	size_t i;

	*look = 0;
	*within = -1;
	if (w->polling) {
		*look = 1;
		*within = next_pause(w);
		return MQ_OK;
	}
	if (events_drain(&w->events) && w->what == FOR_ROOM)
		w->pause = PAUSE_FIRST;
	for (i = 0; i < w->n; i++) {
		struct stand *p = &w->stands[i];

		if (waitline_stand(&p->line, &w->events))
			arm_first(w, p, look, within);
		else
			arm_behind(w, p, look, within);
	}
	return MQ_OK;
}

int mq_wait_gone(mq_wait *w, const char *path)
{
	if (!w->polling && watch_leaving(path, &w->events) == -1 && errno != ENOENT) {
		w->polling = 1; /* from the next arming on: have the caller come to it */
		return MQ_EMPTY;
	}
	return fs_exists(-1, path) == 1 ? MQ_OK : MQ_EMPTY;
}

void mq_wait_sleep(const mq_wait *w, mq_time within)
{
	struct pollfd p = { .fd = w->events.fd, .events = POLLIN };
	struct timespec t = { .tv_sec = within / MQ_SECOND, .tv_nsec = within % MQ_SECOND };

	ppoll(&p, 1, within < 0 ? NULL : &t, NULL);
}
