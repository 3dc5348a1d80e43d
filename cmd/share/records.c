/*
 * records.c - an input cut into records, in pieces of bounded size
 *
 * A record is held back until it is complete or fills the buffer.  So a pause
 * of the input finds the reader between two records, unless it is inside of
 * one that is larger than the buffer; only then is a pause not told.
 */
#include "share/records.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void records_begin(struct records *r, int fd, int delimiter)
{
	r->fd = fd;
	r->delimiter = delimiter;
	r->number = 0;
	r->eof = r->paused = r->inside = 0;
	r->at = r->len = 0;
}

void records_free(struct records *r)
{
	free(r->buf);
	r->buf = NULL;
}

static int would_wait(const struct records *r)
{
	return poll(&(struct pollfd){ .fd = r->fd, .events = POLLIN }, 1, 0) == 0;
}

/* Read once, into the room after what is held. */
static int fill(struct records *r)
{
	ssize_t n;

	if (!r->buf && !(r->buf = malloc(IO_SIZE)))
		return -1;
	memmove(r->buf, r->buf + r->at, r->len - r->at);
	r->len -= r->at;
	r->at = 0;
	while ((n = read(r->fd, r->buf + r->len, IO_SIZE - r->len)) < 0) {
		if (errno == EAGAIN)
			poll(&(struct pollfd){ .fd = r->fd, .events = POLLIN }, 1, -1);
		else if (errno != EINTR)
			return -1;
	}
	r->len += n;
	r->eof = n == 0;
	r->paused = 0;
	return 0;
}

/* Hand out n bytes of what is held and pass over skip more. */
static enum piece hand_out(struct records *r, enum piece piece, size_t n, size_t skip)
{
	r->number += !r->inside;
	r->inside = piece == PIECE_PART;
	r->at += n + skip;
	return piece;
}

enum piece records_next(struct records *r, const char **data, size_t *n)
{
	for (;;) {
		size_t held = r->len - r->at;
		const char *start = r->buf + r->at, *end = NULL;

		*data = start;
		*n = held;
		if (r->delimiter >= 0 && held > 0)
			end = memchr(start, r->delimiter, held);
		if (end) {
			*n = end - start;
			return hand_out(r, PIECE_LAST, *n, 1);
		}
		if (r->eof && held == 0 && !r->inside && (r->delimiter >= 0 || r->number > 0))
			return PIECE_END;
		if (r->eof)
			return hand_out(r, PIECE_LAST, held, 0);
		if (held == IO_SIZE)
			return hand_out(r, PIECE_PART, held, 0);
		if (r->delimiter >= 0 && !r->inside && !r->paused && would_wait(r)) {
			r->paused = 1;
			return PIECE_PAUSE;
		}
		if (fill(r))
			return PIECE_ERROR;
	}
}
