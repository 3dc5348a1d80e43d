/*
 * memory.c - what was seen of an open queue, and spares the next look
 */
#include "receive/memory.h"

#include "base/fs.h"
#include "spool/file.h"

#include <stdlib.h>
#include <string.h>

static void leave_bundle(mq_queue *q, struct memory *m)
{
	if (m->bundle[0])
		fs_rmdir(q->fd, m->bundle);
	fs_close(m->bundle_dir);
	m->bundle_dir = -1;
	m->bundle[0] = '\0';
}

static void forget(mq_queue *q)
{
	leave_bundle(q, q->memory);
	file_unref(q->memory->file);
	free(q->memory);
}

struct memory *memory_of(mq_queue *q)
{
	if (q->memory == NULL && (q->memory = calloc(1, sizeof(*q->memory))) != NULL) {
		q->memory->bundle_dir = -1;
		q->forget = forget;
	}
	return q->memory;
}

void memory_enter_bundle(mq_queue *q, const char *path, size_t length)
{
	struct memory *m = memory_of(q);

	if (m == NULL || (!strncmp(m->bundle, path, length) && m->bundle[length] == '\0'))
		return;
	leave_bundle(q, m);
	memcpy(m->bundle, path, length);
	m->bundle[length] = '\0';
	m->bundle_dir = fs_open_dir(q->fd, m->bundle);
}
