/*
 * batch.c - the file in which messages are collected
 */
#include "send/batch.h"

#include <stdlib.h>
#include <string.h>

#define BUFFER (64 * 1024)

mq_batch *batch_new(mq *h, const char *name, int dir)
{
	mq_batch *b = calloc(1, sizeof(*b));

	if (b == NULL || (b->buffer = malloc(BUFFER)) == NULL) {
		free(b);
		return NULL;
	}
	b->mq = h;
	b->name = name;
	b->dir = dir;
	b->fd = -1;
	return b;
}

void batch_reset(mq_batch *b)
{
	if (b->fd != -1) {
		fs_close(b->fd);
		fs_unlink(b->dir, b->path); /* ENOENT when it was renamed */
	}
	free(b->dedup_id);
	b->dedup_id = NULL;
	b->fd = -1;
	b->n = b->buffered = 0;
	b->flushed = 0;
	b->begun = b->too_large = 0;
}

int batch_flush(mq_batch *b)
{
	if (b->fd == -1) {
		scratch_path(b->mq, b->path, sizeof(b->path));
		if ((b->fd = fs_create(b->dir, b->path)) == -1)
			return -1;
	}
	if (fs_write(b->fd, b->buffer, b->buffered) == -1)
		return -1;
	b->flushed += b->buffered;
	b->buffered = 0;
	return 0;
}

int batch_append(mq_batch *b, const void *data, size_t n)
{
	const char *p = data;
	size_t part;

	while (n > 0) {
		if (b->buffered == BUFFER && batch_flush(b) == -1)
			return -1;
		part = n < BUFFER - b->buffered ? n : BUFFER - b->buffered;
		memcpy(b->buffer + b->buffered, p, part);
		b->buffered += part;
		p += part;
		n -= part;
	}
	return 0;
}
