/*
 * events.h - what the kernel tells a process that waits
 *
 * One descriptor to poll, for two kinds of news: a name came to or left a
 * directory (inotify), and a process let go of its end of a FIFO.
 */
#ifndef EVENTS_H
#define EVENTS_H

struct events {
	int fd;      /* to poll for reading; an epoll instance */
	int inotify; /* -1 until there is something to watch */
};

enum events_what {
	EVENTS_COME = 1,  /* a name is made or moved there */
	EVENTS_LEAVE = 2, /* a name is removed or moved away */
	EVENTS_TOUCH = 4, /* the directory's own times are set */
};

/* 0, or -1 with errno. */
int events_open(struct events *);
void events_close(struct events *); /* may take some ms, where there is an inotify instance */

/* Tell once of changes (a mask) in the directory; of its own removal always.
 * To watch it twice adds to what is told.  -1: ENOENT, or ENOSPC and EMFILE
 * when the system's limits for inotify are reached. */
int events_watch(struct events *, const char *path, unsigned what);

/* Tell, as long as fd is open, that nobody reads the FIFO any more whose other
 * end it is. */
int events_follow(struct events *, int fd);

/* Forget what was told up to now; whether there was anything. */
int events_drain(struct events *);

#endif
