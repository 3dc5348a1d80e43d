/*
 * sources.c - the queues whose dead letters come to a queue
 */
#include "spool/sources.h"

#include "base/names.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define SOURCES "sources"

static void source_path(const char *name, char path[ENTRY_PATH])
{
	snprintf(path, ENTRY_PATH, SOURCES "/%.64s", name);
}

int source_add(mq_queue *q, const char *name)
{
	char path[ENTRY_PATH];
	int r;

	source_path(name, path);
	if ((r = fs_exists(q->fd, path)) != 0)
		return r == 1 ? 0 : -1;
	r = fs_mkempty(q->fd, path);
	if (fs_missed_dir(r, q->fd, SOURCES))
		r = fs_mkempty(q->fd, path);
	return r == 0 || errno == EEXIST ? 0 : -1;
}

void source_remove(mq_queue *q, const char *name)
{
	char path[ENTRY_PATH];

	source_path(name, path);
	fs_unlink(q->fd, path);
}

/* Whether q is where the source's dead letters go. */
static int leads_to(const mq_queue *source, const mq_queue *q)
{
	return q->is_dlq || !strcmp(source->conf.dead_letter_to, q->name);
}

static int visit(mq_queue *q, const char *name, int (*each)(void *ctx, mq_queue *source), void *ctx)
{
	mq_queue *source;
	int status = queue_open(q->mq, q->spool, name, &source), r = 0;

	if (status == MQ_NOTFOUND && !q->is_dlq)
		source_remove(q, name);
	if (status != MQ_OK)
		return 0;
	if (leads_to(source, q))
		r = each(ctx, source);
	mq_queue_close(source);
	return r;
}

int source_walk(mq_queue *q, int (*each)(void *ctx, mq_queue *source), void *ctx)
{
	struct names sources = { 0 };
	char parent[QUEUE_NAME_SIZE];
	size_t i;
	int r = 0;

	if (q->is_dlq) {
		snprintf(parent, sizeof(parent), "%.*s", (int)strcspn(q->name, "/"), q->name);
		return visit(q, parent, each, ctx);
	}
	r = names_read(&sources, q->fd, SOURCES);
	for (i = 0; r == 0 && i < sources.n; i++)
		if (mq_valid_name(sources.name[i]))
			r = visit(q, sources.name[i], each, ctx);
	names_free(&sources);
	return r;
}
