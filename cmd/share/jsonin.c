/*
 * jsonin.c - messages as JSON lines, in the form that mq-recv -j prints
 *
 * One table has every key.  Those that a new message cannot have (id, receipt,
 * deadline, ...) are passed over, so that what was received can be sent again.
 * A key that is not known is refused, and a value that is not of its key's type:
 * a line is sent as it is meant, or not at all.  null is as if it was not there.
 */
#include "share/jsonin.h"

#include "share/sendopts.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct parse {
	struct jsonin *in;
	mq_time now;
	char *why;
	size_t size;
	int has_ttl;
	const char *timed; /* the key by which the line says when, or NULL */
};

static int refuse(struct parse *p, const char *key, const char *why)
{
	snprintf(p->why, p->size, "%s: %s", key, why);
	return -1;
}

/* ---- base64 ------------------------------------------------------------ */

static int base64_digit(unsigned char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Decode with padding, nothing else allowed between the digits.  out has room
 * for 3/4 of n; the decoded length, or -1. */
static ssize_t decode(const char *text, size_t n, unsigned char *out)
{
	size_t pad = 0, used = 0;
	unsigned bits = 0;

	while (pad < 2 && pad < n && text[n - 1 - pad] == '=')
		pad++;
	if (n % 4)
		return -1;
	for (size_t i = 0; i < n; i++) {
		int digit = i < n - pad ? base64_digit(text[i]) : 0;

		if (digit < 0)
			return -1;
		bits = bits << 6 | digit;
		if (i % 4 == 3) {
			out[used++] = bits >> 16;
			out[used++] = bits >> 8;
			out[used++] = bits;
		}
	}
	return used - pad;
}

/* ---- keys -------------------------------------------------------------- */

static int take_body(struct parse *p, const char *key, json_t *value)
{
	if (!json_is_string(value))
		return refuse(p, key, "not a string");
	if (p->in->body)
		return refuse(p, key, "a second body");
	p->in->body = json_string_value(value);
	p->in->size = json_string_length(value);
	return 0;
}

/* The bytes, in *to to be freed, with a NUL after them; their number, or -1. */
static ssize_t take_base64(struct parse *p, const char *key, const char *text, size_t size,
    char **to)
{
	ssize_t n;

	*to = malloc(size / 4 * 3 + 1);
	if (!*to)
		return refuse(p, key, "out of memory");
	n = decode(text, size, (unsigned char *)*to);
	if (n < 0)
		return refuse(p, key, "not base64");
	(*to)[n] = '\0';
	return n;
}

static int take_body_base64(struct parse *p, const char *key, json_t *value)
{
	ssize_t n;

	if (take_body(p, key, value))
		return -1;
	n = take_base64(p, key, p->in->body, p->in->size, &p->in->decoded);
	if (n < 0)
		return -1;
	p->in->body = p->in->decoded;
	p->in->size = n;
	return 0;
}

/* A string that can be a C string. */
static int take_string(struct parse *p, const char *key, const json_t *value, const char **to)
{
	if (!json_is_string(value))
		return refuse(p, key, "not a string");
	*to = json_string_value(value);
	if (strlen(*to) != json_string_length(value))
		return refuse(p, key, "a control character");
	return 0;
}

static int take_group(struct parse *p, const char *key, json_t *value)
{
	if (p->in->grouped)
		return refuse(p, key, "a second group");
	p->in->grouped = 1;
	return take_string(p, key, value, &p->in->props.group);
}

static int take_group_base64(struct parse *p, const char *key, json_t *value)
{
	const char **group = &p->in->props.group;
	ssize_t n;

	if (take_group(p, key, value))
		return -1;
	n = take_base64(p, key, *group, strlen(*group), &p->in->group);
	if (n >= 0 && strlen(p->in->group) != (size_t)n)
		return refuse(p, key, "a NUL");
	*group = p->in->group;
	return n < 0 ? -1 : 0;
}

/* A number of seconds, or a duration as on the command line. */
static int take_duration(struct parse *p, const char *key, const json_t *value, mq_time *to)
{
	double seconds = json_number_value(value);

	if (json_is_string(value) && mq_parse_duration(json_string_value(value), to) == 0)
		return 0;
	if (!json_is_number(value) || seconds < 0 || seconds > 1e9)
		return refuse(p, key, "not a duration");
	*to = seconds * MQ_SECOND;
	return 0;
}

static int take_ttl(struct parse *p, const char *key, json_t *value)
{
	if (take_duration(p, key, value, &p->in->props.ttl))
		return -1;
	p->has_ttl = 1;
	return p->in->props.ttl > 0 ? 0 : refuse(p, key, "0 is no time to live");
}

/* What is left of an old message's time to live, unless the line has another.  One that
 * ran out while the message was in flight is not to be none. */
static int take_expires(struct parse *p, const char *key, json_t *value)
{
	mq_time end;

	if (!json_is_string(value) || mq_parse_time(json_string_value(value), &end))
		return refuse(p, key, "not a time");
	if (!p->has_ttl)
		p->in->props.ttl = end > p->now ? end - p->now : 1;
	return 0;
}

/* delay or at: one of them. */
static int is_first_time(struct parse *p, const char *key)
{
	if (p->timed)
		return refuse(p, key, "delay and at exclude each other");
	p->timed = key;
	return 0;
}

static int take_delay(struct parse *p, const char *key, json_t *value)
{
	mq_time delay;

	if (is_first_time(p, key) || take_duration(p, key, value, &delay))
		return -1;
	p->in->props.visible_at = delay ? p->now + delay : 0;
	return 0;
}

static int take_at(struct parse *p, const char *key, json_t *value)
{
	if (is_first_time(p, key))
		return -1;
	if (!json_is_string(value) ||
	    mq_parse_time(json_string_value(value), &p->in->props.visible_at))
		return refuse(p, key, "not a time");
	return 0;
}

/* 7.0 is 7: not every writer of JSON knows integers. */
static int take_priority(struct parse *p, const char *key, json_t *value)
{
	double n = json_number_value(value);

	if (!json_is_number(value) || n < 0 || n > MQ_PRIORITY_MAX || n != (int)n)
		return refuse(p, key, "not a number from 0 to 9");
	p->in->props.priority = (unsigned)n;
	return 0;
}

static int take_reply_to(struct parse *p, const char *key, json_t *value)
{
	return take_string(p, key, value, &p->in->props.reply_to);
}

static int take_correlation_id(struct parse *p, const char *key, json_t *value)
{
	return take_string(p, key, value, &p->in->props.correlation_id);
}

static int take_dedup_id(struct parse *p, const char *key, json_t *value)
{
	return take_string(p, key, value, &p->in->props.dedup_id);
}

static int take_routing_key(struct parse *p, const char *key, json_t *value)
{
	return take_string(p, key, value, &p->in->props.key);
}

static int is_named(const struct mq_header *list, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcasecmp(list[i].name, name) == 0)
			return 1;
	return 0;
}

/* Those of the line, then the defaults that it does not name itself. */
static int take_headers(struct parse *p, const char *key, json_t *value)
{
	const struct mq_properties defaults = p->in->props;
	struct mq_header *list;
	size_t n = 0, own;

	if (!json_is_object(value))
		return refuse(p, key, "not an object");
	list = calloc(json_object_size(value) + defaults.nheaders + 1, sizeof(*list));
	if (!list)
		return refuse(p, key, "out of memory");
	p->in->headers = list;
	for (void *i = json_object_iter(value); i; i = json_object_iter_next(value, i)) {
		json_t *text = json_object_iter_value(i);

		if (json_is_null(text))
			continue;
		list[n].name = json_object_iter_key(i);
		if (take_string(p, list[n].name, text, &list[n].value))
			return -1;
		n++;
	}
	own = n;
	for (size_t i = 0; i < defaults.nheaders; i++)
		if (!is_named(list, own, defaults.headers[i].name))
			list[n++] = defaults.headers[i];
	p->in->props.headers = list;
	p->in->props.nheaders = n;
	return 0;
}

/* Of no use to a new message: what mq-recv -j and mq-ls -j tell of an old one. */
static int pass_over(struct parse *p, const char *key, json_t *value)
{
	(void)p;
	(void)key;
	(void)value;
	return 0;
}

static const struct key {
	const char *name;
	int (*take)(struct parse *, const char *key, json_t *value);
} keys[] = {
	{ "body", take_body },
	{ "body_base64", take_body_base64 },
	{ "priority", take_priority },
	{ "delay", take_delay },
	{ "at", take_at },
	{ "ttl", take_ttl },
	{ "expires", take_expires },
	{ "group", take_group },
	{ "group_base64", take_group_base64 },
	{ "dedup_id", take_dedup_id },
	{ "headers", take_headers },
	{ "reply_to", take_reply_to },
	{ "correlation_id", take_correlation_id },
	{ "key", take_routing_key },
	{ "id", pass_over },
	{ "receipt", pass_over },
	{ "queue", pass_over },
	{ "receives", pass_over },
	{ "sent", pass_over },
	{ "deadline", pass_over },
	{ "history", pass_over },
	{ "state", pass_over },
	{ "age", pass_over },
	{ "size", pass_over },
	{ "path", pass_over },
};

static int take_key(struct parse *p, const char *key, json_t *value)
{
	for (size_t i = 0; i < NELEMS(keys); i++)
		if (strcmp(key, keys[i].name) == 0)
			return json_is_null(value) ? 0 : keys[i].take(p, key, value);
	return refuse(p, key, "no such key");
}

/* What stands on several lines, as it is printed to be read, is not one message. */
static int refuse_text(struct parse *p, const json_error_t *error)
{
	int cut = json_error_code(error) == json_error_premature_end_of_input;
	char why[sizeof(error->text) + 64];

	snprintf(why, sizeof(why), "%s%s", error->text,
	    cut ? ": a message is one line, as jq -c prints it" : "");
	return refuse(p, "malformed JSON", why);
}

int jsonin_parse(struct jsonin *in, const char *line, size_t n,
    const struct mq_properties *defaults, mq_time now, char *why, size_t size)
{
	struct parse p = { .now = now, .why = why, .size = size };
	json_error_t error;

	*in = (struct jsonin){ .props = *defaults };
	p.in = in;
	in->root = json_loadb(line, n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
	if (!in->root)
		return refuse_text(&p, &error);
	if (!json_is_object(in->root))
		return refuse(&p, "malformed message", "not an object");
	for (void *i = json_object_iter(in->root); i; i = json_object_iter_next(in->root, i))
		if (take_key(&p, json_object_iter_key(i), json_object_iter_value(i)))
			return -1;
	if (sendopts_too_late(&in->props, now))
		return refuse(&p, p.timed ? p.timed : "ttl", SENDOPTS_TOO_LATE);
	return in->body ? 0 : refuse(&p, "malformed message", "no body");
}

void jsonin_free(struct jsonin *in)
{
	json_decref(in->root);
	free(in->decoded);
	free(in->group);
	free(in->headers);
}
