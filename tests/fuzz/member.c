/*
 * member.c - fuzz: the properties of a message in an archive
 *
 * The bytes are the member's name, then for each property its name and its value,
 * each up to a newline of its own, or for the values up to the byte 1.
 */
#include "fuzz.h"

#include "archive/member.h"

/* What stands before the byte, which is passed; *n bytes. */
static const char *cut(const uint8_t **data, const uint8_t *end, int byte, size_t *n)
{
	const uint8_t *at = *data, *found = at < end ? memchr(at, byte, (size_t)(end - at)) : NULL;

	*n = (size_t)((found ? found : end) - at);
	*data = found ? found + 1 : end;
	return (const char *)at;
}

static void check(const struct member *m)
{
	size_t i;

	MUST(m->props.priority <= MQ_PRIORITY_MAX);
	MUST(m->props.visible_at >= 0 && m->past.expires >= 0 && m->past.since >= 0);
	MUST(m->past.nevents <= MQ_EVENTS_MAX);
	for (i = 0; i < m->past.nevents; i++) {
		const struct mq_event *e = &m->past.events[i];

		MUST(e->first >= 0 && e->last >= 0 && e->queue && e->reason);
		MUST(!strpbrk(e->queue, " \n") && !strchr(e->reason, '\n'));
	}
	for (i = 0; i < m->props.nheaders; i++)
		MUST(!strchr(m->props.headers[i].name, '\n') &&
		    !strchr(m->props.headers[i].value, '\n'));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = data + size;
	struct member m;
	const char *text, *why = NULL;
	char *name;
	size_t n;

	text = cut(&data, end, '\n', &n);
	name = fuzz_text((const uint8_t *)text, n);
	if (member_begin(&m, name) == -1) {
		free(name);
		return 0;
	}
	free(name);
	while (data < end && !why) {
		text = cut(&data, end, '\n', &n);
		name = fuzz_text((const uint8_t *)text, n);
		text = cut(&data, end, 1, &n);
		why = member_property(&m, name, text, n);
		free(name);
	}
	if (!why)
		check(&m);
	member_free(&m);
	return 0;
}
