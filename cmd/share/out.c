/*
 * out.c - buffered output
 *
 * Not stdio, which forgets the errno of a failed write and cannot tell how much has
 * gone out.
 */
#include "share/out.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void write_all(struct out *o, const char *data, size_t n)
{
	if (o->sink) {
		if (o->sink(o, data, n))
			o->error = errno;
		return;
	}
	while (n > 0 && !o->error) {
		ssize_t w = write(o->fd, data, n);

		if (w >= 0) {
			data += w;
			n -= w;
			o->written += w;
		} else if (errno == EAGAIN) {
			poll(&(struct pollfd){ .fd = o->fd, .events = POLLOUT }, 1, -1);
		} else if (errno != EINTR) {
			o->error = errno;
		}
	}
}

void out_write(struct out *o, const void *data, size_t n)
{
	o->put += n;
	if (n > IO_SIZE - o->len)
		out_flush(o);
	if (!o->buf && !(o->buf = malloc(IO_SIZE)) && !o->error)
		o->error = ENOMEM;
	if (o->error)
		return;
	if (n >= IO_SIZE) {
		write_all(o, data, n);
		return;
	}
	memcpy(o->buf + o->len, data, n);
	o->len += n;
}

void out_text(struct out *o, const char *text)
{
	out_write(o, text, strlen(text));
}

void out_char(struct out *o, char c)
{
	out_write(o, &c, 1);
}

void out_format(struct out *o, const char *fmt, ...)
{
	va_list args;
	char *text;
	int n;

	va_start(args, fmt);
	n = vasprintf(&text, fmt, args);
	va_end(args);
	if (n < 0) {
		o->error = o->error ? o->error : ENOMEM;
		return;
	}
	out_write(o, text, n);
	free(text);
}

int out_flush(struct out *o)
{
	if (o->len > 0)
		write_all(o, o->buf, o->len);
	o->len = 0;
	return o->error ? -1 : 0;
}

void out_free(struct out *o)
{
	free(o->buf);
	o->buf = NULL;
}

int out_payload(struct out *o, mq_reader *reader)
{
	char buf[IO_SIZE];
	ssize_t n;

	while ((n = mq_reader_read(reader, buf, sizeof(buf))) > 0) {
		out_write(o, buf, n);
		if (o->error)
			return 0;
	}
	return n < 0 ? -1 : 0;
}
