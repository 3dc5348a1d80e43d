/*
 * message.c - header blocks: made, read back, and refused
 */
#include "format/message.h"

#include "tap.h"

#include <stdlib.h>
#include <string.h>

static const char *refusal(const char *name, const char *value)
{
	struct mq_header h = { name, value };
	struct mq_properties p = { .headers = &h, .nheaders = 1 };
	const char *why;
	size_t size;

	free(message_block(&p, &size, &why));
	return why;
}

static void test_round_trip(struct tap *t)
{
	struct mq_header h[] = { { "Content-Type", "text/plain" }, { "X", "" }, { "Y", " a: b " } };
	struct mq_properties p = { .reply_to = "r",
		.correlation_id = "c",
		.headers = h,
		.nheaders = 3 };
	struct message_block b;
	const char *why;
	size_t size;
	char *block = message_block(&p, &size, &why);

	CHECK(t,
	    block && !why &&
		size ==
		    strlen("Mq-Reply-To: r\nMq-Correlation-Id: c\n"
			   "Content-Type: text/plain\nX: \nY:  a: b \n\n"));
	CHECK(t, message_parse(block, size, &b) == 0 && b.n == 5);
	CHECK(t, !strcmp(b.headers[0].name, MESSAGE_REPLY_TO) && !strcmp(b.headers[0].value, "r"));
	CHECK(t, !strcmp(b.headers[3].value, "") && !strcmp(b.headers[4].value, " a: b "));
	message_free(&b);
	p = (struct mq_properties){ .priority = 9 };
	block = message_block(&p, &size, &why);
	CHECK(t, block && size == 0);
	free(block);
}

static void test_refusals(struct tap *t)
{
	struct mq_header twice[] = { { "A", "1" }, { "a", "2" } };
	struct mq_properties p = { .headers = twice, .nheaders = 2 };
	const char *why;
	size_t size;

	CHECK(t, refusal("A", "fine \xc3\xa9") == NULL);
	CHECK(t, refusal("A", "two\nlines") && refusal("A", "\r") && refusal("A", "tab\t"));
	CHECK(t, refusal("A", "\x7f") && refusal("A", "\xff"));
	CHECK(t,
	    refusal("", "x") && refusal("A b", "x") && refusal("A:", "x") && refusal("A\n", "x"));
	CHECK(t, refusal("Mq-Id", "x") && refusal("mq-reply-to", "x"));
	CHECK(t, message_block(&p, &size, &why) == NULL && why);
	p = (struct mq_properties){ .reply_to = "a\nb" };
	CHECK(t, message_block(&p, &size, &why) == NULL && why);
}

/* The group's key as it comes back; the line it stands in, too. */
static int group_survives(const char *group, const char *line)
{
	struct mq_properties p = { .group = group };
	struct message_block b = { 0 };
	const char *why;
	size_t size;
	char *block = message_block(&p, &size, &why);
	int r = block && !strncmp(block, "Mq-Group: ", 10) &&
	    !strncmp(block + 10, line, strlen(line)) && block[10 + strlen(line)] == '\n' &&
	    message_parse(block, size, &b) == 0 && b.group && !strcmp(b.group, group);

	message_free(&b);
	return r;
}

static void test_groups(struct tap *t)
{
	static char longest[MQ_GROUP_MAX + 2];
	struct mq_properties p = { .key = "a.b" };
	const char *why;
	size_t size;
	char *block = message_block(&p, &size, &why);

	CHECK(t, block && !strncmp(block, "Mq-Key: a.b\n\n", size));
	free(block);
	block = NULL;
	CHECK(t, group_survives("customer 7", "customer 7"));
	CHECK(t, group_survives(" ", " ") && group_survives("%41", "%2541"));
	CHECK(t, group_survives("\xc3\xa9", "\xc3\xa9") && group_survives("\xe9%", "%E9%25"));
	CHECK(t, group_survives("a\nb: c\x7f\x01", "a%0Ab: c%7F%01"));
	memset(longest, 0xff, MQ_GROUP_MAX + 1);
	p = (struct mq_properties){ .group = longest };
	CHECK(t, message_block(&p, &size, &why) == NULL && why);
	longest[MQ_GROUP_MAX] = '\0';
	CHECK(t, (block = message_block(&p, &size, &why)) != NULL);
	free(block);
	p.group = "";
	CHECK(t, message_block(&p, &size, &why) == NULL && why);
	p = (struct mq_properties){ .key = "a\tb" };
	CHECK(t, message_block(&p, &size, &why) == NULL && why);
}

/* A block as it might be found on disk. */
static int parses(const char *text, size_t size)
{
	char *copy = malloc(size + 1);
	struct message_block b;
	int r;

	memcpy(copy, text, size);
	r = message_parse(copy, size, &b);
	message_free(&b);
	return r == 0;
}

static void test_damage(struct tap *t)
{
	CHECK(t, parses("A: b\n\n", 6));
	CHECK(t, parses("", 0));
	CHECK(t, !parses("A: b\n", 5));
	CHECK(t, !parses("A: b", 4));
	CHECK(t, !parses("A: b\n\nC: d\n", 11));
	CHECK(t, !parses("A b\n\n", 5));
	CHECK(t, !parses("A: \0\n\n", 6));
	CHECK(t, !parses("\0\0\0\0\0\0", 6));
}

int main(void)
{
	struct tap t = { 0, 0 };

	test_round_trip(&t);
	test_groups(&t);
	test_refusals(&t);
	test_damage(&t);
	return tap_end(&t);
}
