/*
 * waitline.c - the line of those who wait at a queue
 */
#include "receive/waitline.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

static void place_path(const struct waitline *t, const char *place, char path[ENTRY_PATH])
{
	snprintf(path, ENTRY_PATH, "%s/%s", t->dir, place);
}

void waitline_init(struct waitline *t, mq_queue *q, const char *dir)
{
	memset(t, 0, sizeof(*t));
	t->queue = q;
	t->dir = dir;
	t->own = t->ahead = -1;
}

/* Open before it has its name, so that nobody takes it for dead. */
static int take_place(struct waitline *t)
{
	char made[ENTRY_PATH], path[ENTRY_PATH];
	mq *h = t->queue->mq;
	int dir = t->queue->fd, r;

	key_format(t->place, clock_up(&h->clock), (uint32_t)nonce_next(&h->nonce));
	place_path(t, t->place, path);
	queue_scratch(t->queue, made);
	if (fs_mkfifo(dir, made) == -1)
		return -1;
	t->own = fs_open(dir, made, O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
	r = t->own == -1 ? -1 : fs_rename(dir, made, dir, path);
	if (fs_missed_dir(r, dir, t->dir))
		r = fs_rename(dir, made, dir, path);
	if (r == 0)
		return 0;
	fs_unlink(dir, made);
	fs_close(t->own);
	t->own = -1;
	return -1;
}

/* The last place before the one given: 1, or 0 when there is none. */
static int last_before(struct waitline *t, const char *bound, char place[KEY_SIZE])
{
	struct fs_dir d;
	const char *name;

	place[0] = '\0';
	if (fs_dir_open(&d, t->queue->fd, t->dir) == -1)
		return 0;
	while ((name = fs_dir_next(&d)) != NULL)
		if (key_valid(name) && strcmp(name, bound) < 0 && strcmp(name, place) > 0 &&
		    strcmp(name, t->stuck) != 0)
			strcpy(place, name);
	fs_dir_close(&d);
	return place[0] != '\0';
}

/* Hold on to the nearest before us that is alive; dead ones are removed. */
static void find_ahead(struct waitline *t)
{
	char path[ENTRY_PATH], bound[KEY_SIZE];

	strcpy(bound, t->place);
	while (last_before(t, bound, t->before)) {
		place_path(t, t->before, path);
		t->ahead = fs_open(t->queue->fd, path, O_WRONLY | O_NONBLOCK | O_NOFOLLOW);
		if (t->ahead != -1)
			return;
		if (errno == ENXIO)
			fs_unlink(t->queue->fd, path);
		strcpy(bound, t->before);
	}
}

static void let_go(struct waitline *t)
{
	fs_close(t->ahead);
	t->ahead = -1;
}

int waitline_stand(struct waitline *t, struct events *e)
{
	if (t->own == -1 && take_place(t) == -1)
		return 1;
	let_go(t);
	find_ahead(t);
	if (t->ahead != -1 && events_follow(e, t->ahead) == -1)
		let_go(t);
	return t->ahead == -1;
}

/* The name first: who comes to look then does not find it. */
void waitline_leave(struct waitline *t)
{
	char path[ENTRY_PATH];

	let_go(t);
	if (t->own == -1)
		return;
	place_path(t, t->place, path);
	fs_unlink(t->queue->fd, path);
	fs_close(t->own);
	t->own = -1;
}
