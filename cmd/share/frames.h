/*
 * frames.h - the members of an archive in a pipe
 *
 * mq-send takes archives, but is not to be linked with what reads them: it starts
 * mq-import -u, which writes what it reads to its standard output, in frames:
 *
 *	TYPE LENGTH     one letter and eight hexadecimal digits
 *	DATA            of that length
 *
 *	F  a member begins; its path
 *	D  some of its data
 *	E  it is whole
 *	Z  there are no more
 *	X  there are no more that can be read: a digit, which is the mq_status,
 *	   and what is wrong
 */
#ifndef MQ_CMD_FRAMES_H
#define MQ_CMD_FRAMES_H

#include "share/common.h"

enum frame {
	FRAME_FILE = 'F',
	FRAME_DATA = 'D',
	FRAME_WHOLE = 'E',
	FRAME_END = 'Z',
	FRAME_FAILED = 'X',
};

#define FRAME_HEAD 9

void frame_put(struct out *, enum frame, const void *, size_t);
void frame_put_failure(struct out *, enum mq_status, const char *why);

struct frames {
	int fd;
	pid_t pid;

	/* private */
	size_t at, len, left; /* left: of the frame at hand */
	enum frame type;
	char *text; /* of a frame that is wanted whole */
	char buf[IO_SIZE];
};

/* Start mq-import -u FILE.  -1 with errno. */
int frames_begin(struct frames *, const char *file);
/* The next frame, those with data in pieces: *n bytes at *data until the next
 * call.  -1: the pipe ended before the frames did. */
int frames_next(struct frames *, enum frame *, const char **data, size_t *n);
void frames_end(struct frames *);

/* That of the text in FRAME_FAILED. */
enum mq_status frame_status(const char *);

#endif
