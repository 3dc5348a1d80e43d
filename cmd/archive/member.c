/*
 * member.c - a message as a member of an archive
 */
#include "archive/member.h"

#include "share/common.h"
#include "share/words.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define NO_MEMORY "out of memory"

/* ---- reading ----------------------------------------------------------- */

/* Digits and nothing else, up to max: 0, or -1. */
static int parse_number(const char *text, uint64_t max, uint64_t *n)
{
	char *end;

	errno = 0;
	*n = strtoull(text, &end, 10);
	return *text >= '0' && *text <= '9' && !*end && !errno && *n <= max ? 0 : -1;
}

/* SECONDS.NNNNNNNNN */
static int parse_time(const char *text, mq_time *t)
{
	const char *point = strchr(text, '.');
	char seconds[16];
	uint64_t s, ns;

	if (!point || (size_t)(point - text) >= sizeof(seconds) || strlen(point + 1) != 9)
		return -1;
	memcpy(seconds, text, (size_t)(point - text));
	seconds[point - text] = '\0';
	if (parse_number(seconds, INT64_MAX / MQ_SECOND - 1, &s) ||
	    parse_number(point + 1, MQ_SECOND - 1, &ns))
		return -1;
	*t = (mq_time)s * MQ_SECOND + (mq_time)ns;
	return 0;
}

static int take_state(struct member *m, char *value)
{
	enum mq_state state;

	for (state = MQ_READY; state <= MQ_DEAD; state <<= 1)
		if (!strcmp(value, state_name(state))) {
			m->past.state = state;
			return 0;
		}
	return -1;
}

static int take_priority(struct member *m, char *value)
{
	uint64_t n;

	if (parse_number(value, MQ_PRIORITY_MAX, &n))
		return -1;
	m->props.priority = (unsigned)n;
	return 0;
}

static int take_receives(struct member *m, char *value)
{
	uint64_t n;

	if (parse_number(value, INT32_MAX, &n))
		return -1;
	m->past.receives = (unsigned)n;
	return 0;
}

static int take_since(struct member *m, char *value)
{
	return parse_time(value, &m->past.since);
}

static int take_visible(struct member *m, char *value)
{
	return parse_time(value, &m->props.visible_at);
}

static int take_expires(struct member *m, char *value)
{
	return parse_time(value, &m->past.expires);
}

static int take_group(struct member *m, char *value)
{
	m->props.group = value;
	return 0;
}

static int take_key(struct member *m, char *value)
{
	m->props.key = value;
	return 0;
}

static int take_reply_to(struct member *m, char *value)
{
	m->props.reply_to = value;
	return 0;
}

static int take_correlation_id(struct member *m, char *value)
{
	m->props.correlation_id = value;
	return 0;
}

/* The next line, cut off; NULL at the end, or when it is not ended (*bad). */
static char *next_line(char **text, int *bad)
{
	char *line = *text, *end = strchr(line, '\n');

	if (!*line || !end) {
		*bad = *line != '\0';
		return NULL;
	}
	*end = '\0';
	*text = end + 1;
	return line;
}

static size_t count_lines(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

static int take_headers(struct member *m, char *value)
{
	struct mq_header *h;
	char *line, *colon;
	int bad = 0;

	m->headers = h = calloc(count_lines(value) + 1, sizeof(*h));
	if (!h)
		return -1;
	while ((line = next_line(&value, &bad)) != NULL) {
		if ((colon = strstr(line, ": ")) == NULL)
			return -1;
		*colon = '\0';
		*h++ = (struct mq_header){ line, colon + 2 };
	}
	m->props.headers = m->headers;
	m->props.nheaders = (size_t)(h - m->headers);
	return bad ? -1 : 0;
}

/* Whether a queue can have that name is for the library to say. */
static int parse_event(char *line, struct mq_event *e)
{
	static const uint64_t max = INT64_MAX / 1000000;
	uint64_t number[3];
	char *word;

	for (int i = 0; i < 3; i++) {
		word = strsep(&line, " ");
		if (!line || parse_number(word, i ? max : UINT32_MAX, &number[i]))
			return -1;
	}
	e->count = (unsigned)number[0];
	e->first = (mq_time)number[1] * 1000000;
	e->last = (mq_time)number[2] * 1000000;
	e->queue = strsep(&line, " ");
	e->reason = line;
	return line ? 0 : -1;
}

static int take_history(struct member *m, char *value)
{
	size_t n = 0;
	char *line;
	int bad = 0;

	while ((line = next_line(&value, &bad)) != NULL)
		if (n == MQ_EVENTS_MAX || parse_event(line, &m->events[n++]))
			return -1;
	m->past.events = m->events;
	m->past.nevents = n;
	return bad ? -1 : 0;
}

static const struct {
	const char *name;
	int (*take)(struct member *, char *value); /* which stays as long as the member */
	const char *bad;
} properties[MEMBER_PROPERTIES] = {
	{ "state", take_state, "state: no such state" },
	{ "priority", take_priority, "priority: not a number from 0 to 9" },
	{ "receives", take_receives, "receives: not a number" },
	{ "since", take_since, "since: not a time" },
	{ "visible", take_visible, "visible: not a time" },
	{ "expires", take_expires, "expires: not a time" },
	{ "group", take_group, NULL },
	{ "key", take_key, NULL },
	{ "reply-to", take_reply_to, NULL },
	{ "correlation-id", take_correlation_id, NULL },
	{ "headers", take_headers, "headers: malformed" },
	{ "history", take_history, "history: malformed" },
};

int member_begin(struct member *m, const char *name)
{
	memset(m, 0, offsetof(struct member, events));
	if (strlen(name) >= sizeof(m->id))
		return -1;
	strcpy(m->id, name);
	m->props.priority = MQ_PRIORITY_DEFAULT;
	m->past.id = m->id;
	m->past.state = MQ_READY;
	return 0;
}

const char *member_property(struct member *m, const char *name, const void *value, size_t n)
{
	size_t i;

	for (i = 0; i < MEMBER_PROPERTIES && strcmp(name, properties[i].name) != 0; i++)
		;
	/* What is not understood would be lost. */
	if (i == MEMBER_PROPERTIES)
		return "a property that this version does not know";
	if (m->values[i])
		return "a property that is given twice";
	if (n > 0 && memchr(value, '\0', n))
		return "a property with a NUL";
	if ((m->values[i] = strndup(n ? value : "", n)) == NULL)
		return NO_MEMORY;
	return properties[i].take(m, m->values[i]) ? properties[i].bad : NULL;
}

void member_free(struct member *m)
{
	for (size_t i = 0; i < MEMBER_PROPERTIES; i++)
		free(m->values[i]);
	free(m->headers);
	memset(m, 0, offsetof(struct member, events));
}
