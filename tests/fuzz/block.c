/*
 * block.c - fuzz: the block of properties before a payload, read as it was found
 * and as it was written
 */
#include "fuzz.h"

#include "format/message.h"

#include <strings.h>

#define HEADERS 8

/* What is taken for a block has no other reading: its lines make it again. */
static void check_found(const uint8_t *data, size_t size)
{
	char *text = malloc(size ? size : 1), *again = malloc(size + 1), *p = again;
	struct message_block b;
	size_t i;

	MUST(text && again);
	if (size)
		memcpy(text, data, size);
	if (message_parse(text, size, &b) == 0 && size > 0) {
		for (i = 0; i < b.n && !b.group; i++)
			p = stpcpy(stpcpy(stpcpy(stpcpy(p, b.headers[i].name), ": "),
				       b.headers[i].value),
			    "\n");
		*p++ = '\n';
		MUST(b.group || ((size_t)(p - again) == size && !memcmp(again, data, size)));
		MUST(!b.group || strlen(b.group) <= size);
	}
	message_free(&b);
	free(again);
}

static const char *value_of(const struct message_block *b, const char *name)
{
	size_t i;

	for (i = 0; i < b->n; i++)
		if (!strcmp(b->headers[i].name, name))
			return b->headers[i].value;
	return NULL;
}

static void must_be(const char *wanted, const char *found)
{
	MUST(wanted ? found && !strcmp(wanted, found) : !found);
}

/* What is written reads back, and nothing is smuggled in. */
static void check_written(const struct mq_properties *p)
{
	struct message_block b;
	const char *why;
	size_t size, i, n;
	char *block = message_block(p, &size, &why);

	if (block == NULL) {
		MUST(why);
		return;
	}
	MUST(message_parse(block, size, &b) == 0);
	n = p->nheaders + !!p->reply_to + !!p->correlation_id + !!p->group + !!p->key;
	MUST(b.n == n);
	must_be(p->reply_to, value_of(&b, MESSAGE_REPLY_TO));
	must_be(p->correlation_id, value_of(&b, MESSAGE_CORRELATION_ID));
	must_be(p->key, value_of(&b, MESSAGE_KEY));
	must_be(p->group, b.group);
	for (i = 0; i < p->nheaders; i++)
		must_be(p->headers[i].value, value_of(&b, p->headers[i].name));
	message_free(&b);
}

/* The next NUL-terminated field of the text; NULL at its end, and for "-". */
static const char *field(const char **at, const char *end)
{
	const char *p = *at;

	if (p >= end)
		return NULL;
	*at = p + strlen(p) + 1;
	return strcmp(p, "-") ? p : NULL;
}

static void check_fields(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	const char *at = text, *end = text + size;
	struct mq_header headers[HEADERS];
	struct mq_properties p = { .priority = 4, .headers = headers };

	MUST(text);
	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	p.reply_to = field(&at, end);
	p.correlation_id = field(&at, end);
	p.group = field(&at, end);
	p.key = field(&at, end);
	while (p.nheaders < HEADERS && at < end) {
		struct mq_header *h = &headers[p.nheaders];

		h->name = field(&at, end);
		h->value = field(&at, end);
		if (!h->name || !h->value)
			break;
		p.nheaders++;
	}
	check_written(&p);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_found(data, size);
	check_fields(data, size);
	return 0;
}
