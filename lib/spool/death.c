/*
 * death.c - why messages failed
 */
#include "spool/death.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void history_path(const struct entry *e, char path[ENTRY_PATH])
{
	snprintf(path, ENTRY_PATH, "why/%s.%s", e->id, e->death);
}

static int is_time(long long ms)
{
	return ms >= 0 && ms <= INT64_MAX / MILLISECOND;
}

static int parse_event(const char *line, struct death_event *v)
{
	long long first, last;
	int at = 0;

	if (sscanf(line, "%u %lld %lld %71s %n", &v->count, &first, &last, v->queue, &at) != 4 ||
	    !at || !is_time(first) || !is_time(last))
		return -1;
	v->first = first * MILLISECOND;
	v->last = last * MILLISECOND;
	snprintf(v->reason, sizeof(v->reason), "%s", line + at);
	return 0;
}

int death_read(int dir, const struct entry *e, struct death *d)
{
	char path[ENTRY_PATH];
	char *text, *line, *rest;

	d->n = 0;
	if (!e->death[0])
		return 0;
	history_path(e, path);
	if ((text = fs_slurp(dir, path)) == NULL)
		return errno == ENOENT ? 0 : -1;
	for (line = strtok_r(text, "\n", &rest); line && d->n < DEATH_EVENTS;
	     line = strtok_r(NULL, "\n", &rest))
		if (parse_event(line, &d->event[d->n]) == 0)
			d->n++;
	free(text);
	return 0;
}

/* Count the event, as another of its kind or as a new one at the end. */
static void add_event(struct death *d, const char *reason, const char *queue, mq_time now)
{
	struct death_event v = { .count = 1, .first = now, .last = now };
	size_t i;

	snprintf(v.reason, sizeof(v.reason), "%s", *reason ? reason : "rejected");
	snprintf(v.queue, sizeof(v.queue), "%s", queue);
	for (i = 0; i < d->n; i++)
		if (!strcmp(d->event[i].reason, v.reason) && !strcmp(d->event[i].queue, v.queue))
			break;
	if (i < d->n) {
		v.count += d->event[i].count;
		v.first = d->event[i].first;
	} else if (d->n == DEATH_EVENTS) {
		i = 0;
	}
	/* The latest stands last: its queue is where a redrive leads. */
	if (i < d->n) {
		d->n--;
		memmove(&d->event[i], &d->event[i + 1], (d->n - i) * sizeof(v));
	}
	d->event[d->n++] = v;
}

char *death_text(const struct death *d)
{
	char *text = malloc(d->n * (sizeof(struct death_event) + 64) + 1), *p = text;
	size_t i;

	if (text == NULL)
		return NULL;
	*p = '\0';
	for (i = 0; i < d->n; i++)
		p += sprintf(p, "%u %lld %lld %s %s\n", d->event[i].count,
		    (long long)(d->event[i].first / MILLISECOND),
		    (long long)(d->event[i].last / MILLISECOND), d->event[i].queue,
		    d->event[i].reason);
	return text;
}

static int write_history(mq_queue *q, struct entry *e, const char *text, int sync)
{
	char path[ENTRY_PATH];
	int r;

	snprintf(e->death, sizeof(e->death), "%08llx",
	    (unsigned long long)(nonce_next(&q->mq->nonce) & 0xffffffff));
	history_path(e, path);
	r = queue_write_file(q->mq, q->fd, path, text, sync);
	if (fs_missed_dir(r, q->fd, "why"))
		r = queue_write_file(q->mq, q->fd, path, text, sync);
	return r;
}

int death_write(mq_queue *q, struct entry *e, const char *text)
{
	return write_history(q, e, text, 0);
}

int death_record(mq_queue *from, mq_queue *to, struct entry *e, const char *reason,
    const char *where)
{
	struct death *d = malloc(sizeof(*d));
	char *text = NULL;
	int r = -1;

	if (d && death_read(from->fd, e, d) == 0) {
		add_event(d, reason, where, queue_now(from));
		if ((text = death_text(d)) != NULL)
			r = write_history(to, e, text, 1);
	}
	free(text);
	free(d);
	return r;
}

int death_carry(mq_queue *from, mq_queue *to, const struct entry *e)
{
	char path[ENTRY_PATH];
	int r;

	if (!e->death[0])
		return 0;
	history_path(e, path);
	r = fs_link(from->fd, path, to->fd, path);
	if (fs_missed_dir_for(r, from->fd, path, to->fd, "why"))
		r = fs_link(from->fd, path, to->fd, path);
	/* Lost histories are no reason to keep a message where it is. */
	return r == 0 || errno == EEXIST || errno == ENOENT ? 0 : -1;
}

void death_remove(mq_queue *q, const struct entry *e)
{
	char path[ENTRY_PATH];
	int saved = errno;

	history_path(e, path);
	fs_unlink(q->fd, path);
	errno = saved;
}
