/*
 * conf.c - a queue's settings
 *
 * One table says it all: each setting's key, default, where its value goes,
 * and the function that reads it.  A reader gets the text and the field and
 * returns 0, or -1 when the value is not good.
 */
#include "format/conf.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int read_duration(const char *text, void *field)
{
	return mq_parse_duration(text, field);
}

static int read_positive(const char *text, void *field)
{
	mq_time d;

	if (mq_parse_duration(text, &d) == -1 || d <= 0)
		return -1;
	*(mq_time *)field = d;
	return 0;
}

static int read_count(const char *text, void *field)
{
	if (strspn(text, "0123456789") != strlen(text))
		return -1;
	return mq_parse_size(text, field);
}

static int read_size(const char *text, void *field)
{
	return mq_parse_size(text, field);
}

/* MIN..MAX, or one duration for both; the field is followed by that of MAX. */
static int read_range(const char *text, void *field)
{
	const char *dots = strstr(text, "..");
	mq_time *range = field;
	char low[CONF_VALUE];

	snprintf(low, sizeof(low), "%.*s", dots ? (int)(dots - text) : (int)strlen(text), text);
	if (mq_parse_duration(low, &range[0]) == -1)
		return -1;
	range[1] = range[0];
	if (dots && mq_parse_duration(dots + 2, &range[1]) == -1)
		return -1;
	return range[0] <= range[1] ? 0 : -1;
}

static int read_choice(const char *text, const char *const *choices, int *field)
{
	int i;

	for (i = 0; choices[i]; i++) {
		if (!strcmp(text, choices[i])) {
			*field = i;
			return 0;
		}
	}
	return -1;
}

static int read_overflow(const char *text, void *field)
{
	static const char *const choices[] = { "reject", "block", "drop-head", "dead-letter",
		NULL };
	int i = 0;

	if (read_choice(text, choices, &i) == -1)
		return -1;
	*(enum overflow *)field = (enum overflow)i;
	return 0;
}

static int read_yes(const char *text, void *field)
{
	static const char *const choices[] = { "no", "yes", NULL };

	return read_choice(text, choices, field);
}

static int read_group_on_dead(const char *text, void *field)
{
	static const char *const choices[] = { "skip", "block", NULL };

	return read_choice(text, choices, field);
}

static int read_sync(const char *text, void *field)
{
	static const char *const choices[] = { "none", "full", NULL };

	return read_choice(text, choices, field);
}

static int read_queue(const char *text, void *field)
{
	if (*text && !valid_queue_name(text))
		return -1;
	strcpy(field, text);
	return 0;
}

#define DURATION "a duration such as 30s, 5m or 1h30m"

static const struct setting {
	const char *key;
	const char *initial;
	size_t field;
	int (*read)(const char *, void *);
	const char *hint;
} settings[] = {
#define AT(member) offsetof(struct conf, member)
	{ "visibility", "30s", AT(visibility), read_positive, DURATION ", more than 0" },
	{ "max-receives", "5", AT(max_receives), read_count, "a number; 0 for no limit" },
	{ "backoff", "1s..5m", AT(backoff_min), read_range, "MIN..MAX, a duration, or 0" },
	{ "retention", "0", AT(retention), read_duration, DURATION ", or 0" },
	{ "dlq-retention", "0", AT(dlq_retention), read_duration, DURATION ", or 0" },
	{ "max-depth", "0", AT(max_depth), read_count, "a number; 0 for no limit" },
	{ "max-bytes", "0", AT(max_bytes), read_size, "a size such as 64K or 10M; 0 for no limit" },
	{ "overflow", "reject", AT(overflow), read_overflow,
	    "reject, block, drop-head or dead-letter" },
	{ "max-message", "0", AT(max_message), read_size, "a size; 0 for no limit" },
	{ "dedup-window", "5m", AT(dedup_window), read_positive, DURATION ", more than 0" },
	{ "dead-letter-to", "", AT(dead_letter_to), read_queue, "a queue's name, or nothing" },
	{ "priority-aging", "0", AT(priority_aging), read_duration, DURATION ", or 0" },
	{ "group-on-dead", "skip", AT(group_blocks), read_group_on_dead, "skip or block" },
	{ "paused", "no", AT(paused), read_yes, "yes or no" },
	{ "sync", "full", AT(sync), read_sync, "full or none" },
#undef AT
};

_Static_assert(sizeof(settings) / sizeof(settings[0]) == CONF_SETTINGS, "one text each");

static int find(const char *key)
{
	int i;

	for (i = 0; i < CONF_SETTINGS; i++)
		if (!strcmp(settings[i].key, key))
			return i;
	return -1;
}

void conf_defaults(struct conf_text *t)
{
	int i;

	for (i = 0; i < CONF_SETTINGS; i++)
		strcpy(t->value[i], settings[i].initial);
}

const char *conf_key(size_t i)
{
	return i < CONF_SETTINGS ? settings[i].key : NULL;
}

const char *conf_hint(const char *key)
{
	int i = find(key);

	return i < 0 ? "" : settings[i].hint;
}

enum conf_error conf_set(struct conf_text *t, const char *key, const char *value)
{
	struct conf scratch;
	int i = find(key);

	if (i < 0)
		return CONF_UNKNOWN;
	if (strlen(value) >= CONF_VALUE ||
	    settings[i].read(value, (char *)&scratch + settings[i].field) == -1)
		return CONF_BAD;
	strcpy(t->value[i], value);
	return CONF_OK;
}

const char *conf_read(struct conf_text *t, char *text)
{
	char *line, *value, *rest;

	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		if (*line == '#')
			continue;
		if ((value = strchr(line, '=')) != NULL)
			*value++ = '\0';
		if (value == NULL || conf_set(t, line, value) != CONF_OK)
			return line;
	}
	return NULL;
}

char *conf_write(const struct conf_text *t)
{
	char *text = malloc(CONF_SETTINGS * (CONF_VALUE + 32) + 1);
	char *p = text;
	int i;

	if (text == NULL)
		return NULL;
	*p = '\0';
	for (i = 0; i < CONF_SETTINGS; i++)
		if (strcmp(t->value[i], settings[i].initial) != 0)
			p += sprintf(p, "%s=%s\n", settings[i].key, t->value[i]);
	return text;
}

void conf_parse(const struct conf_text *t, struct conf *c)
{
	int i;

	memset(c, 0, sizeof(*c));
	for (i = 0; i < CONF_SETTINGS; i++)
		settings[i].read(t->value[i], (char *)c + settings[i].field);
}
