/*
 * message.c - the block of properties before a payload
 */
#include "format/message.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

int message_has_control(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return 1;
	return 0;
}

/* A token as in RFC 9110: what may name a header field. */
static int is_token(const char *name)
{
	static const char marks[] = "!#$%&'*+-.^_`|~";
	const char *p;

	for (p = name; *p; p++)
		if (!((*p >= '0' && *p <= '9') || (*p >= 'a' && *p <= 'z') ||
			(*p >= 'A' && *p <= 'Z') || strchr(marks, *p)))
			return 0;
	return p > name;
}

/* Some of them become variables of a job's environment, which the kernel limits
 * to 128 KiB each. */
static const char *bad_value(const char *value)
{
	if (strlen(value) > MQ_VALUE_MAX)
		return "a header's value has at most 65536 bytes";
	if (message_has_control(value))
		return "a header's value has a control character";
	return mq_valid_utf8(value, strlen(value)) ? NULL : "a header's value is not UTF-8";
}

static const char *bad_header(const struct mq_properties *p, size_t i)
{
	const struct mq_header *h = &p->headers[i];
	size_t k;

	if (!is_token(h->name))
		return "a header's name is malformed";
	if (!strncasecmp(h->name, "Mq-", 3))
		return "header names that start with Mq- are reserved";
	for (k = 0; k < i; k++)
		if (!strcasecmp(p->headers[k].name, h->name))
			return "a header is given twice";
	return bad_value(h->value);
}

static const char *bad_key(const char *key)
{
	if (strlen(key) > MQ_KEY_MAX)
		return "a routing key has at most 255 bytes";
	if (message_has_control(key))
		return "a routing key has no control characters";
	return mq_valid_utf8(key, strlen(key)) ? NULL : "a routing key is UTF-8";
}

static const char *bad_properties(const struct mq_properties *p)
{
	const char *why = NULL;
	size_t i;

	if (p->reply_to)
		why = *p->reply_to ? bad_value(p->reply_to) : "a reply-to is empty";
	if (!why && p->correlation_id)
		why =
		    *p->correlation_id ? bad_value(p->correlation_id) : "a correlation id is empty";
	if (!why && p->dedup_id && !*p->dedup_id)
		why = "a deduplication id is empty";
	if (!why && p->group && (!*p->group || strlen(p->group) > MQ_GROUP_MAX))
		why = "a message group's key has 1 to 4096 bytes";
	if (!why && p->key)
		why = bad_key(p->key);
	for (i = 0; !why && i < p->nheaders; i++)
		why = bad_header(p, i);
	return why;
}

static size_t line_size(const char *name, const char *value)
{
	return value ? strlen(name) + strlen(value) + 3 : 0;
}

static char *put_line(char *at, const char *name, const char *value)
{
	if (!value)
		return at;
	at = stpcpy(stpcpy(stpcpy(at, name), ": "), value);
	*at++ = '\n';
	return at;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Turn such a line back in place. */
static char *decode_group(char *line)
{
	char *from = line, *to = line;

	for (; *from; from++) {
		if (*from == '%' && hex_digit(from[1]) >= 0 && hex_digit(from[2]) >= 0) {
			*to++ = (char)(hex_digit(from[1]) << 4 | hex_digit(from[2]));
			from += 2;
		} else {
			*to++ = *from;
		}
	}
	*to = '\0';
	return line;
}

static char *make_block(const struct mq_properties *p, const char *group, size_t *size,
    const char **why)
{
	char *block, *at;
	size_t i, n;

	n = line_size(MESSAGE_REPLY_TO, p->reply_to) +
	    line_size(MESSAGE_CORRELATION_ID, p->correlation_id) + line_size(MESSAGE_GROUP, group) +
	    line_size(MESSAGE_KEY, p->key);
	for (i = 0; i < p->nheaders; i++)
		n += line_size(p->headers[i].name, p->headers[i].value);
	if (n >= MESSAGE_BLOCK_MAX) {
		*why = "the headers are larger than 1 MiB";
		return NULL;
	}
	if ((block = at = malloc(n + 2)) == NULL)
		return NULL;
	at = put_line(at, MESSAGE_REPLY_TO, p->reply_to);
	at = put_line(at, MESSAGE_CORRELATION_ID, p->correlation_id);
	at = put_line(at, MESSAGE_GROUP, group);
	at = put_line(at, MESSAGE_KEY, p->key);
	for (i = 0; i < p->nheaders; i++)
		at = put_line(at, p->headers[i].name, p->headers[i].value);
	if (at > block)
		*at++ = '\n';
	*size = (size_t)(at - block);
	return block;
}

char *message_block(const struct mq_properties *p, size_t *size, const char **why)
{
	char *group, *block;

	if ((*why = bad_properties(p)) != NULL)
		return NULL;
	group = p->group ? mq_encode_line(p->group) : NULL;
	block = p->group && !group ? NULL : make_block(p, group, size, why);
	free(group);
	return block;
}

/* Cut one line in place. */
static int parse_line(char *line, struct mq_header *h)
{
	char *colon = strchr(line, ':');

	if (colon == NULL || colon[1] != ' ')
		return -1;
	*colon = '\0';
	h->name = line;
	h->value = colon + 2;
	return 0;
}

static int malformed(void)
{
	errno = EBADMSG;
	return -1;
}

int message_parse(char *text, size_t size, struct message_block *b)
{
	char *p = text, *end = text + size, *newline;
	size_t lines = 0;

	b->text = text;
	b->headers = NULL;
	b->group = NULL;
	b->n = 0;
	if (size == 0)
		return 0;
	while ((p = memchr(p, '\n', (size_t)(end - p))) != NULL && ++p < end)
		lines++;
	if (p == NULL || memchr(text, '\0', size) != NULL)
		return malformed(); /* does not end in a newline */
	if ((b->headers = calloc(lines + 1, sizeof(*b->headers))) == NULL)
		return -1;
	for (p = text; *p != '\n'; p = newline + 1) {
		newline = memchr(p, '\n', (size_t)(end - p));
		*newline = '\0';
		if (newline + 1 == end || parse_line(p, &b->headers[b->n]) == -1)
			return malformed();
		if (!strcmp(b->headers[b->n].name, MESSAGE_GROUP))
			b->group = decode_group(p + strlen(MESSAGE_GROUP) + 2);
		b->n++;
	}
	return p + 1 == end ? 0 : malformed();
}

void message_free(struct message_block *b)
{
	free(b->headers);
	free(b->text);
	b->headers = NULL;
	b->text = NULL;
	b->n = 0;
}
