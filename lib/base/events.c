/*
 * events.c - what the kernel tells a process that waits
 *
 * Watches are for one event (IN_ONESHOT): a directory that nobody waits at any
 * more costs those who work in it one event at the most, and none pile up.
 */
#include "base/events.h"

#include "base/fs.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/inotify.h>

int events_open(struct events *e)
{
	e->inotify = -1;
	e->fd = epoll_create1(EPOLL_CLOEXEC);
	return e->fd == -1 ? -1 : 0;
}

void events_close(struct events *e)
{
	fs_close(e->inotify);
	fs_close(e->fd);
}

static int add(struct events *e, int fd, uint32_t what)
{
	struct epoll_event event = { .events = what };

	return epoll_ctl(e->fd, EPOLL_CTL_ADD, fd, &event);
}

static int open_inotify(struct events *e)
{
	e->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (e->inotify == -1)
		return -1;
	if (add(e, e->inotify, EPOLLIN) == 0)
		return 0;
	fs_close(e->inotify);
	e->inotify = -1;
	return -1;
}

int events_watch(struct events *e, const char *path, unsigned what)
{
	uint32_t mask =
	    IN_ONESHOT | IN_MASK_ADD | IN_ONLYDIR | IN_DONT_FOLLOW | IN_DELETE_SELF | IN_MOVE_SELF;

	if (e->inotify == -1 && open_inotify(e) == -1)
		return -1;
	if (what & EVENTS_COME)
		mask |= IN_CREATE | IN_MOVED_TO;
	if (what & EVENTS_LEAVE)
		mask |= IN_DELETE | IN_MOVED_FROM;
	if (what & EVENTS_TOUCH)
		mask |= IN_ATTRIB;
	return inotify_add_watch(e->inotify, path, mask) == -1 ? -1 : 0;
}

/* EPOLLERR is told without being asked for. */
int events_follow(struct events *e, int fd)
{
	return add(e, fd, 0);
}

int events_drain(struct events *e)
{
	char buf[4096];
	int any = 0;

	while (e->inotify != -1 && fs_read(e->inotify, buf, sizeof(buf)) > 0)
		any = 1;
	return any;
}
