/*
 * memberput.c - a message as a member of an archive: making it
 */
#include "archive/member.h"
#include "share/common.h"
#include "share/words.h"

#include <archive.h>
#include <archive_entry.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void put(struct archive_entry *e, const char *name, const char *value)
{
	char full[40];

	if (!value)
		return;
	snprintf(full, sizeof(full), MEMBER_ATTRIBUTE "%s", name);
	archive_entry_xattr_add_entry(e, full, value, strlen(value));
}

static void put_number(struct archive_entry *e, const char *name, unsigned n)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", n);
	put(e, name, text);
}

static void put_time(struct archive_entry *e, const char *name, mq_time t)
{
	char text[40];

	if (t == 0)
		return;
	snprintf(text, sizeof(text), "%lld.%09d", (long long)(t / MQ_SECOND), (int)(t % MQ_SECOND));
	put(e, name, text);
}

/* Lines that are gathered, however many. */
struct lines {
	char *text;
	size_t size;
	FILE *f;
};

static int lines_begin(struct lines *l)
{
	if (l->f == NULL)
		l->f = open_memstream(&l->text, &l->size);
	return l->f ? 0 : -1;
}

static int lines_put(struct lines *l, struct archive_entry *e, const char *name)
{
	int r = 0;

	if (l->f == NULL)
		return 0;
	if (fclose(l->f) == 0)
		put(e, name, l->text);
	else
		r = -1;
	free(l->text);
	return r;
}

static int put_headers(struct archive_entry *e, mq_reader *reader)
{
	struct lines l = { 0 };
	const char *name, *value;

	for (size_t i = 0; mq_reader_header(reader, i, &name, &value); i++) {
		if (lines_begin(&l))
			return -1;
		fprintf(l.f, "%s: %s\n", name, value);
	}
	return lines_put(&l, e, "headers");
}

static int put_history(struct archive_entry *e, mq_reader *reader)
{
	struct lines l = { 0 };
	struct mq_event v;

	for (size_t i = 0; mq_reader_event(reader, i, &v); i++) {
		if (lines_begin(&l))
			return -1;
		fprintf(l.f, "%u %lld %lld %s %s\n", v.count, (long long)(v.first / 1000000),
		    (long long)(v.last / 1000000), v.queue, v.reason);
	}
	return lines_put(&l, e, "history");
}

int member_put(struct archive_entry *e, const struct mq_message *m, mq_reader *reader,
    unsigned receives)
{
	archive_entry_clear(e);
	archive_entry_set_pathname(e, m->id);
	archive_entry_set_filetype(e, AE_IFREG);
	archive_entry_set_perm(e, 0600);
	archive_entry_set_size(e, (la_int64_t)m->size);
	archive_entry_set_mtime(e, m->sent / MQ_SECOND, (long)(m->sent % MQ_SECOND));
	if (m->state != MQ_READY)
		put(e, "state", state_name(m->state));
	if (m->priority != MQ_PRIORITY_DEFAULT)
		put_number(e, "priority", m->priority);
	if (receives)
		put_number(e, "receives", receives);
	if (m->since != m->sent)
		put_time(e, "since", m->since);
	put_time(e, "visible", m->due);
	put_time(e, "expires", m->ttl_ends);
	put(e, "group", mq_reader_group(reader));
	put(e, "key", mq_reader_key(reader));
	put(e, "reply-to", mq_reader_reply_to(reader));
	put(e, "correlation-id", mq_reader_correlation_id(reader));
	return put_headers(e, reader) || put_history(e, reader) ? -1 : 0;
}
