/*
 * mq-wait - wait until messages are done
 *
 * Looks for a message that is not done; sleeps until that one has gone from
 * where it was, or expires, or its lease is over; looks again.  A message on
 * its way from one place to another may be in neither when a look comes by, so
 * only two looks in a row that find none tell that all are done.
 *
 * To look is to list the queue, which may be long and busy: the pauses between
 * looks take nine times as long as the looks, and grow while news come fast.
 */
#include "share/common.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define EXIT_DEAD   2
#define PAUSE_FIRST (MQ_SECOND / 1000)
#define PAUSE_LAST  (MQ_SECOND / 20)
#define REFRESH     (MQ_SECOND / 2) /* of the progress line */

static const struct cmd_option options[] = {
	{ 'w', "wait", "WAIT", "wait no longer than WAIT" },
	{ 0 },
};

struct waiter {
	struct cmd *c;
	mq_queue *queue;
	mq_wait *wait;
	mq_time limit; /* < 0: none */
	mq_time end;   /* monotonic */
	int progress;  /* somebody watches */

	int drain; /* any message counts; else those with these ids, sorted */
	char **ids;
	size_t nids;

	/* what the last look found */
	uint64_t left; /* in the queue; when nobody asks, 1 for any number */
	char *path;    /* of one of them, */
	mq_time until; /* which is that by itself no longer; 0: as long as it likes */
	int dead;      /* dead letters, at the end */

	mq_time cost; /* of the last look */
	mq_time pause;
};

/* ---- ids --------------------------------------------------------------- */

/* 1763681547123456789-1a2b3c4d */
static int is_id(const char *text)
{
	return strlen(text) == 28 && strspn(text, "0123456789") == 19 && text[19] == '-' &&
	    strspn(text + 20, "0123456789abcdef") == 8;
}

static void add_id(void *ctx, const char *id)
{
	struct waiter *x = ctx;

	if (!is_id(id)) {
		cmd_error(x->c, MQ_DATA, "%s: '%s' is not an id", x->c->argv[0], id);
		return;
	}
	if ((x->nids & (x->nids - 1)) == 0) /* double the room */
		x->ids = cmd_realloc(x->c, x->ids, (x->nids ? 2 * x->nids : 1) * sizeof(char *));
	x->ids[x->nids] = strcpy(cmd_realloc(x->c, NULL, strlen(id) + 1), id);
	x->nids++;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int counts(const struct waiter *x, const struct mq_message *m)
{
	return x->drain || (x->nids && bsearch(&m->id, x->ids, x->nids, sizeof(char *), by_text));
}

/* ---- looking ----------------------------------------------------------- */

/* Of several, sleep on one that will stay for long: the last in line. */
static int each_left(void *ctx, const struct mq_message *m)
{
	struct waiter *x = ctx;

	if (!counts(x, m))
		return 0;
	if (x->left++ == 0 || m->state != MQ_LEASED) {
		free(x->path);
		x->path = strcpy(cmd_realloc(x->c, NULL, strlen(m->path) + 1), m->path);
		x->until = m->state == MQ_LEASED ? m->deadline : m->expires;
	}
	return x->drain && !x->progress;
}

static int each_dead(void *ctx, const struct mq_message *m)
{
	struct waiter *x = ctx;

	x->dead = counts(x, m);
	return x->dead;
}

/* A message that nobody receives goes from one of these states to a later one; who
 * receives it puts it into the last. */
static int list_left(struct waiter *x)
{
	static const unsigned order[] = { MQ_LEASED, MQ_DELAYED, MQ_READY, MQ_LEASED };
	int status = MQ_OK;

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]) && !status; i++)
		if (!x->left || (x->progress && i < 3))
			status = mq_list(x->queue, order[i], each_left, x);
	return status;
}

/* MQ_EMPTY: they are not done yet.  To find none counts only if none was received
 * meanwhile: it may have come back behind the look. */
static int look(struct waiter *x)
{
	mq_time began = monotonic();
	uint64_t before = 0, after = 0;
	int status;

	x->left = 0;
	do
		if (!(status = mq_receives(x->queue, &before)) && !(status = list_left(x)) &&
		    !x->left)
			status = mq_receives(x->queue, &after);
	while (!status && !x->left && before != after);
	x->cost = monotonic() - began;
	if (x->progress)
		cmd_progress(x->c, x->left, "left");
	return status == MQ_OK && x->left ? MQ_EMPTY : cmd_check(x->c, status);
}

/* ---- waiting ----------------------------------------------------------- */

static mq_time least(mq_time a, mq_time b)
{
	return a < b ? a : b;
}

/* What happens during the pause is told after it. */
static void rest(struct waiter *x)
{
	mq_time pause = x->pause > 9 * x->cost ? x->pause : 9 * x->cost;
	mq_time t = least(pause, x->end - monotonic());

	if (t > 0)
		nanosleep(&(struct timespec){ t / MQ_SECOND, t % MQ_SECOND }, NULL);
}

/* Sleep until there is reason to look again; within is the library's. */
static void doze(struct waiter *x, mq_time within)
{
	int gone = mq_wait_gone(x->wait, x->path) == MQ_EMPTY;
	mq_time slept = monotonic(), t;

	rest(x);
	t = x->end - monotonic();
	if (within >= 0)
		t = least(t, within);
	if (x->until)
		t = least(t, x->until - mq_now(x->c->mq) + PAUSE_FIRST);
	if (x->progress)
		t = least(t, REFRESH);
	if (!gone && t > 0)
		mq_wait_sleep(x->wait, t);
	slept = monotonic() - slept;
	x->pause = slept > 2 * x->pause ? PAUSE_FIRST : least(2 * x->pause, PAUSE_LAST);
}

static int wait_until_done(struct waiter *x)
{
	mq_time within;
	int any, status = look(x);

	if (status != MQ_EMPTY || monotonic() >= x->end)
		return status;
	x->wait = cmd_wait_open(x->c, NULL, 0);
	if (!x->wait)
		return MQ_IO;
	for (;;) {
		/* what happens from here on is told */
		if ((status = cmd_check(x->c, mq_wait_arm(x->wait, &any, &within))))
			return status;
		status = look(x);
		if (status != MQ_EMPTY || monotonic() >= x->end)
			return status;
		doze(x, within);
	}
}

static void wait_for(struct waiter *x)
{
	struct cmd *c = x->c;
	int status;

	x->progress = isatty(STDERR_FILENO);
	x->pause = PAUSE_FIRST;
	cmd_operands(c, 1, 0, add_id, x);
	x->end = x->limit < 0 ? INT64_MAX : monotonic() + x->limit;
	if (x->nids)
		qsort(x->ids, x->nids, sizeof(char *), by_text);
	status = wait_until_done(x);
	if (status == MQ_OK && !x->drain)
		cmd_check(c, mq_list(x->queue, MQ_DEAD, each_dead, x));
	if (status == MQ_EMPTY)
		cmd_check(c, status);
	else if (x->dead && !c->exit)
		c->exit = EXIT_DEAD;
}

int main(int argc, char **argv)
{
	struct cmd c = {
		.name = "mq-wait",
		.usage = "[-w WAIT] [-s DIR] QUEUE [ID]...",
		.about = "Wait until the queue is drained, or until the messages are done.",
		.options = options,
	};
	struct waiter x = { .c = &c, .limit = -1 };
	int opt;

	cmd_begin(&c, argc, argv);
	while ((opt = cmd_option(&c)) != -1)
		x.limit = cmd_duration(&c, opt);
	cmd_start(&c, 1, -1);
	x.drain = c.argc == 1;
	x.queue = cmd_queue(&c, c.argv[0]);
	if (x.queue)
		wait_for(&x);
	mq_queue_close(x.queue);
	while (x.nids)
		free(x.ids[--x.nids]);
	free(x.ids);
	free(x.path);
	return cmd_end(&c);
}
