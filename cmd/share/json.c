/*
 * json.c - a streaming JSON writer
 *
 * A payload is read twice: first to learn whether it is UTF-8, then to be
 * copied, escaped or as base64.  Both passes hold one buffer.
 */
#include "share/json.h"
#include "share/words.h"

#include <string.h>

static void escape(struct out *o, unsigned char c)
{
	static const char letters[] = "\"\"\\\\\bb\ff\nn\rr\tt";
	static const char hex[] = "0123456789abcdef";
	char text[6] = { '\\', 'u', '0', '0', hex[c >> 4], hex[c & 15] };

	for (const char *p = letters; *p; p += 2)
		if ((unsigned char)p[0] == c) {
			text[1] = p[1];
			out_write(o, text, 2);
			return;
		}
	out_write(o, text, 6);
}

static void escape_text(struct out *o, const char *text, size_t n)
{
	size_t from = 0;

	for (size_t i = 0; i < n; i++) {
		unsigned char c = text[i];

		if (c >= 0x20 && c != '"' && c != '\\')
			continue;
		out_write(o, text + from, i - from);
		escape(o, c);
		from = i + 1;
	}
	out_write(o, text + from, n - from);
}

/* A quoted string.  What is not UTF-8 (a path can be anything) loses its
 * foreign bytes, so that the line stays JSON. */
static void quote(struct out *o, const char *text)
{
	size_t n = strlen(text);

	out_char(o, '"');
	if (mq_valid_utf8(text, n)) {
		escape_text(o, text, n);
	} else {
		for (; *text; text++)
			if ((unsigned char)*text < 0x80)
				escape_text(o, text, 1);
			else
				out_text(o, "\\ufffd");
	}
	out_char(o, '"');
}

static void member(struct json *j, const char *key)
{
	if (j->comma)
		out_char(j->out, ',');
	j->comma = 1;
	if (key) {
		quote(j->out, key);
		out_char(j->out, ':');
	}
}

void json_open(struct json *j, const char *key, char bracket)
{
	member(j, key);
	out_char(j->out, bracket);
	j->comma = 0;
}

void json_close(struct json *j, char bracket)
{
	out_char(j->out, bracket);
	j->comma = 1;
}

void json_newline(struct json *j)
{
	out_char(j->out, '\n');
	j->comma = 0;
}

void json_string(struct json *j, const char *key, const char *value)
{
	member(j, key);
	quote(j->out, value);
}

void json_count(struct json *j, const char *key, uint64_t n)
{
	member(j, key);
	out_format(j->out, "%llu", (unsigned long long)n);
}

void json_number(struct json *j, const char *key, double n)
{
	member(j, key);
	if (n - n == 0) /* else it is none that JSON has */
		out_format(j->out, "%.9g", n);
	else
		out_text(j->out, "null");
}

void json_bool(struct json *j, const char *key, int value)
{
	member(j, key);
	out_text(j->out, value ? "true" : "false");
}

void json_seconds(struct json *j, const char *key, mq_time t)
{
	member(j, key);
	out_text(j->out, word_seconds(t).text);
}

void json_time(struct json *j, const char *key, mq_time t)
{
	json_string(j, key, word_time(t).text);
}

/* ---- bytes that are no text --------------------------------------------- */

static void encode(const unsigned char *in, size_t n, char out[4])
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	unsigned bits = in[0] << 16 | (n > 1 ? in[1] : 0) << 8 | (n > 2 ? in[2] : 0);

	out[0] = digits[bits >> 18];
	out[1] = digits[bits >> 12 & 63];
	out[2] = n > 1 ? digits[bits >> 6 & 63] : '=';
	out[3] = n > 2 ? digits[bits & 63] : '=';
}

/* In groups of three; the last one is padded. */
static void write_base64(struct out *o, const unsigned char *data, size_t n)
{
	char group[4];

	for (; n > 0; data += 3, n -= n < 3 ? n : 3) {
		encode(data, n, group);
		out_write(o, group, sizeof(group));
	}
}

/* ---- payloads ---------------------------------------------------------- */

/* How many bytes at the end of the text may begin a character that goes on
 * after it: at most 3. */
static size_t unfinished(const unsigned char *text, size_t n)
{
	for (size_t back = 1; back <= 3 && back <= n; back++) {
		unsigned char c = text[n - back];
		size_t length = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc0 ? 2 : 1;

		if ((c & 0xc0) != 0x80)
			return length > back ? back : 0;
	}
	return 0;
}

int json_probe(mq_reader *reader)
{
	unsigned char buf[IO_SIZE];
	size_t kept = 0;
	int utf8 = 1;
	ssize_t n;

	while ((n = mq_reader_read(reader, buf + kept, sizeof(buf) - kept)) > 0) {
		size_t have = kept + n;

		kept = unfinished(buf, have);
		if (!mq_valid_utf8(buf, have - kept)) {
			utf8 = 0;
			break;
		}
		memmove(buf, buf + have - kept, kept);
	}
	if (n < 0 || mq_reader_rewind(reader))
		return -1;
	return utf8 && (n > 0 || kept == 0);
}

static int copy_text(struct out *o, mq_reader *reader)
{
	char buf[IO_SIZE];
	ssize_t n;

	while (!o->error && (n = mq_reader_read(reader, buf, sizeof(buf))) != 0) {
		if (n < 0)
			return -1;
		escape_text(o, buf, n);
	}
	return 0;
}

static int copy_base64(struct out *o, mq_reader *reader)
{
	unsigned char buf[IO_SIZE];
	size_t have = 0;
	ssize_t n;

	/* whole groups of three go out; what is left goes before the next read */
	while (!o->error && (n = mq_reader_read(reader, buf + have, sizeof(buf) - have)) != 0) {
		size_t whole;

		if (n < 0)
			return -1;
		have += n;
		whole = have - have % 3;
		write_base64(o, buf, whole);
		have -= whole;
		memmove(buf, buf + whole, have);
	}
	write_base64(o, buf, have);
	return 0;
}

/* The payload, as "body" when it is UTF-8 and as "body_base64" when not; utf8
 * is what json_probe() said.  -1: it could not be read (any more). */
static int json_body(struct json *j, mq_reader *reader, int utf8)
{
	int failed;

	member(j, utf8 ? "body" : "body_base64");
	out_char(j->out, '"');
	failed = utf8 ? copy_text(j->out, reader) : copy_base64(j->out, reader);
	out_char(j->out, '"');
	return failed;
}

/* ---- properties -------------------------------------------------------- */

/* The key of a message group is bytes, as a payload is. */
static void json_group(struct json *j, const char *group)
{
	size_t n = strlen(group);

	if (mq_valid_utf8(group, n)) {
		json_string(j, "group", group);
		return;
	}
	member(j, "group_base64");
	out_char(j->out, '"');
	write_base64(j->out, (const unsigned char *)group, n);
	out_char(j->out, '"');
}

void json_properties(struct json *j, mq_reader *reader)
{
	const char *name, *value;

	if (mq_reader_group(reader))
		json_group(j, mq_reader_group(reader));
	if (mq_reader_key(reader))
		json_string(j, "key", mq_reader_key(reader));
	if (mq_reader_reply_to(reader))
		json_string(j, "reply_to", mq_reader_reply_to(reader));
	if (mq_reader_correlation_id(reader))
		json_string(j, "correlation_id", mq_reader_correlation_id(reader));
	json_open(j, "headers", '{');
	for (size_t i = 0; mq_reader_header(reader, i, &name, &value); i++)
		json_string(j, name, value);
	json_close(j, '}');
}

void json_history(struct json *j, mq_reader *reader)
{
	struct mq_event e;

	json_open(j, "history", '[');
	for (size_t i = 0; mq_reader_event(reader, i, &e); i++) {
		json_open(j, NULL, '{');
		json_string(j, "reason", e.reason);
		json_string(j, "queue", e.queue);
		json_count(j, "count", e.count);
		json_time(j, "first", e.first);
		json_time(j, "last", e.last);
		json_close(j, '}');
	}
	json_close(j, ']');
}

/* ---- a message in flight ------------------------------------------------ */

int json_message(struct json *j, const struct mq_message *m, mq_reader *reader, int utf8)
{
	json_open(j, NULL, '{');
	json_string(j, "id", m->id);
	json_string(j, "receipt", m->path);
	json_string(j, "queue", m->queue);
	if (json_body(j, reader, utf8))
		return -1;
	json_count(j, "receives", m->receives);
	json_time(j, "sent", m->sent);
	json_time(j, "deadline", m->deadline);
	if (m->ttl_ends)
		json_time(j, "expires", m->ttl_ends);
	json_count(j, "priority", m->priority);
	json_properties(j, reader);
	json_close(j, '}');
	json_newline(j);
	return 0;
}
