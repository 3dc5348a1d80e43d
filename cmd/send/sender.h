/*
 * sender.h - what mq-send sends, message by message
 *
 * Functions return 0; 1 when the input at hand is done with; -1 when the sending
 * is over.  But for 0, the failure has been reported.
 */
#ifndef MQ_CMD_SENDER_H
#define MQ_CMD_SENDER_H

#include "share/common.h"
#include "share/records.h"
#include "share/sendopts.h"

struct sender {
	struct cmd *c;
	const char *exchange; /* -x */
	const char *name;     /* of the exchange, or of the queue */
	char **files;         /* the operands after that */
	const char *archive;  /* -A */
	mq_batch *batch;
	struct sendopts given; /* for each message; but see sender_visible_at() */
	mq_time delay;
	mq_time wait;
	int quiet;

	int mode;  /* 0: whole inputs; else the letter of the option */
	int many;  /* more than one message: failures say how many were accepted */
	int begun; /* a message is begun in the batch, more of it to come */
	uint64_t accepted;
	uint64_t unrouted;  /* matched no binding */
	const char *source; /* the FILE being read; NULL: standard input */
	const char *path;   /* of the archive's member being read, or NULL */
	struct records input;

	/* -j: the line that is being gathered */
	char *line;
	size_t length, room;
};

/* ---- sender.c: messages and batches ---------------------------------------- */

/* A note of what has been sent nevertheless. */
struct note {
	char text[64];
};

struct note sender_accepted(const struct sender *);

/* Whether one input has many messages. */
int sender_is_stream(const struct sender *);

/* Commit what is in the batch, and print the ids. */
int sender_commit(struct sender *);

/* The message at hand cannot be sent.  In a stream that is the end, once the
 * messages before it are kept; a FILE that is bad in itself is left out. */
int sender_refuse(struct sender *, enum mq_status, const char *why);

/* A delay counts from when the message is read. */
mq_time sender_visible_at(const struct sender *);

/* One message, in parts; a full batch is committed. */
int sender_begin(struct sender *, const struct mq_properties *);
int sender_write(struct sender *, const char *data, size_t n);
int sender_end(struct sender *);

/* One message, whole. */
int sender_message(struct sender *, const struct mq_properties *, const char *data, size_t n);

/* ---- inputs.c, archives.c: where they come from ----------------------------- */

/* From a descriptor; from a FILE, "-" is standard input; from an archive. */
int sender_input(struct sender *, int fd);
int sender_file(struct sender *, const char *path);
int sender_archive(struct sender *, const char *file);

#endif
