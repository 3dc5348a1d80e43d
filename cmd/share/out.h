/*
 * out.h - buffered output
 */
#ifndef MQ_CMD_OUT_H
#define MQ_CMD_OUT_H

#include <stddef.h>
#include <stdint.h>

#include "mq.h"

#define IO_SIZE 65536

/* A buffer in front of a descriptor that knows how much of what was put in
 * has gone out.  After a failed write nothing more is written. */
struct out {
	int fd;
	int error;        /* errno of the write that failed, or 0 */
	uint64_t put;     /* bytes put in so far */
	uint64_t written; /* of these, the bytes that the system took */
	/* takes them in place of fd, unless it is NULL: 0, or -1 with errno */
	int (*sink)(struct out *, const char *, size_t);
	size_t len;
	char *buf; /* IO_SIZE, had when first needed: not for nothing in each command */
};

void out_write(struct out *, const void *, size_t);
void out_text(struct out *, const char *);
void out_char(struct out *, char);
void out_format(struct out *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Write out what is buffered: 0, or -1 when that or an earlier write failed. */
int out_flush(struct out *);
void out_free(struct out *);

/* Copy the rest of the payload.  -1: it could not be read; see mq_error().
 * A failed write shows in out->error. */
int out_payload(struct out *, mq_reader *);

#endif
