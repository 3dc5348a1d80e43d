/*
 * show.c - an entry as the library's users see it
 */
#include "receive/show.h"

#include <string.h>

void show_entry(const mq_queue *q, const struct entry *e, enum mq_state state, const char *path,
    struct mq_message *m)
{
	memset(m, 0, sizeof(*m));
	m->id = e->id;
	m->queue = q->name;
	m->path = path;
	m->state = state;
	m->priority = e->priority;
	m->receives = e->receives;
	m->size = e->body;
	m->sent = key_time(e->id);
	m->since = key_time(e->key);
	m->due = e->visible * MILLISECOND;
	m->expires = queue_expiry(q, e);
	m->ttl_ends = e->expires * MILLISECOND;
	m->tag = e->death;
}
