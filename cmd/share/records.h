/*
 * records.h - an input cut into records, in pieces of bounded size
 */
#ifndef MQ_CMD_RECORDS_H
#define MQ_CMD_RECORDS_H

#include "share/common.h"

#define RECORDS_WHOLE (-1) /* no delimiter: all of the input is one record */

enum piece {
	PIECE_PART,  /* of a record that goes on */
	PIECE_LAST,  /* of a record; often the only one */
	PIECE_PAUSE, /* between records: the next call may have to wait for input */
	PIECE_END,   /* of the input */
	PIECE_ERROR, /* cannot be read: see errno */
};

struct records {
	int fd;
	int delimiter;
	uint64_t number; /* of the record at hand, from 1 */

	/* private */
	int eof;
	int paused; /* PIECE_PAUSE has been returned and nothing read since */
	int inside; /* a part of the record at hand has been returned */
	size_t at, len;
	char *buf; /* IO_SIZE, had when first needed */
};

/* Of zeros, or one that was begun before. */
void records_begin(struct records *, int fd, int delimiter);
void records_free(struct records *);

/* The next piece, in *data until the next call.  A record comes in parts only
 * when it is larger than the buffer.  Text after the last delimiter is a
 * record; a whole input is one even when it is empty. */
enum piece records_next(struct records *, const char **data, size_t *n);

#endif
