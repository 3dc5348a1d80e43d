/*
 * redis.c - load for Redis streams, through hiredis
 *
 *	redis [-p PIPELINE] [-c CONNECTIONS] [-m] PORT send STREAM COUNT SIZE
 *	redis [-p PIPELINE] [-d] [-1] PORT recv STREAM COUNT SIZE
 *	redis PORT latency STREAM COUNT
 *	redis PORT delete STREAM
 *
 * A sender writes PIPELINE XADDs at once, then reads the answers; on each of
 * CONNECTIONS, which it writes to before it reads from any; with -m as one
 * transaction each. The server takes at most 16 KiB from a connection between
 * two calls of fsync: that is why both may help.
 *
 * A receiver is one consumer of the group GROUP. It reads PIPELINE messages at
 * a time, and acks them together with the next read, by one XACK, or each alone
 * with -1; -d deletes them, too, so that the stream does not grow. COUNT is the
 * share of this process, and it takes no more.
 */
#include <hiredis/hiredis.h>
#include <sys/time.h>
#include "client.h"

#define GROUP       "bench"
#define MAX_CLIENTS 256

struct options {
	int pipeline;
	int clients;
	int transaction;
	int delete;
	int each;
};

/* ---- connection --------------------------------------------------------- */

static redisContext *open_connection(int port)
{
	struct timeval patience = { PATIENCE, 0 };
	redisContext *conn = redisConnectWithTimeout("127.0.0.1", port, patience);

	if (conn == NULL)
		fail("no memory");
	if (conn->err != 0)
		fail("connect: %s", conn->errstr);
	if (redisSetTimeout(conn, patience) != REDIS_OK)
		fail("timeout: %s", conn->errstr);
	return conn;
}

/* The next answer, of that type; the caller's to free. */
static redisReply *answer(redisContext *conn, const char *what, int type)
{
	redisReply *reply;

	if (redisGetReply(conn, (void **)&reply) != REDIS_OK)
		fail("%s: %s", what, conn->errstr);
	if (reply->type == REDIS_REPLY_ERROR)
		fail("%s: %s", what, reply->str);
	if (reply->type == REDIS_REPLY_NIL)
		fail("%s: nothing came", what);
	if (reply->type != type)
		fail("%s: an answer of type %d", what, reply->type);
	return reply;
}

static void expect(redisContext *conn, const char *what, int type)
{
	freeReplyObject(answer(conn, what, type));
}

static void expect_count(redisContext *conn, const char *what, int n)
{
	redisReply *reply = answer(conn, what, REDIS_REPLY_INTEGER);

	if (reply->integer != n)
		fail("%s: %lld, not %d", what, reply->integer, n);
	freeReplyObject(reply);
}

static void append(redisContext *conn, int n, const char **words, const size_t *lengths)
{
	if (redisAppendCommandArgv(conn, n, words, lengths) != REDIS_OK)
		fail("no memory");
}

/* Hand what was appended to the kernel, without waiting for an answer. */
static void flush(redisContext *conn)
{
	int done = 0;

	while (!done)
		if (redisBufferWrite(conn, &done) != REDIS_OK)
			fail("write: %s", conn->errstr);
}

/* ---- send --------------------------------------------------------------- */

/* One XADD as the protocol has it, formed once. */
struct command {
	char *text;
	size_t length;
};

static struct command form_xadd(const char *stream, size_t size)
{
	char *body = body_of(size);
	const char *words[] = { "XADD", stream, "*", "m", body };
	size_t lengths[] = { 4, strlen(stream), 1, 1, size };
	struct command c;
	int n = redisFormatCommandArgv(&c.text, 5, words, lengths);

	if (n == -1)
		fail("no memory");
	c.length = (size_t)n;
	free(body);
	return c;
}

static void append_formed(redisContext *conn, const char *what, size_t length)
{
	if (redisAppendFormattedCommand(conn, what, length) != REDIS_OK)
		fail("no memory");
}

static void write_batch(redisContext *conn, const struct command *xadd, int n, int transaction)
{
	static const char multi[] = "*1\r\n$5\r\nMULTI\r\n", exec[] = "*1\r\n$4\r\nEXEC\r\n";

	if (transaction)
		append_formed(conn, multi, sizeof(multi) - 1);
	for (int i = 0; i < n; i++)
		append_formed(conn, xadd->text, xadd->length);
	if (transaction)
		append_formed(conn, exec, sizeof(exec) - 1);
	flush(conn);
}

static void read_batch(redisContext *conn, int n, int transaction)
{
	redisReply *reply;

	if (transaction)
		expect(conn, "MULTI", REDIS_REPLY_STATUS);
	for (int i = 0; i < n; i++)
		expect(conn, "XADD", transaction ? REDIS_REPLY_STATUS : REDIS_REPLY_STRING);
	if (!transaction)
		return;
	reply = answer(conn, "EXEC", REDIS_REPLY_ARRAY);
	if (reply->elements != (size_t)n)
		fail("EXEC: %zu answers, not %d", reply->elements, n);
	for (int i = 0; i < n; i++)
		if (reply->element[i]->type != REDIS_REPLY_STRING)
			fail("EXEC: XADD was refused");
	freeReplyObject(reply);
}

/* Each connection has a batch under way, but for the last of them. */
static void send_all(int port, const char *stream, int count, size_t size, const struct options *o)
{
	struct command xadd = form_xadd(stream, size);
	redisContext *conn[MAX_CLIENTS];
	int batch[MAX_CLIENTS] = { 0 }, sent = 0, done = 0;
	int64_t began;

	for (int i = 0; i < o->clients; i++)
		conn[i] = open_connection(port);
	began = now();
	for (int i = 0; done < count; i = (i + 1) % o->clients) {
		read_batch(conn[i], batch[i], batch[i] > 0 && o->transaction);
		done += batch[i];
		batch[i] = count - sent < o->pipeline ? count - sent : o->pipeline;
		sent += batch[i];
		if (batch[i] > 0)
			write_batch(conn[i], &xadd, batch[i], o->transaction);
	}
	print_per_message(began, count);
	for (int i = 0; i < o->clients; i++)
		redisFree(conn[i]);
	redisFreeCommand(xadd.text);
}

/* ---- receive ------------------------------------------------------------ */

/* The group may be there already. */
static void make_group(redisContext *conn, const char *stream)
{
	redisReply *reply = redisCommand(conn, "XGROUP CREATE %s " GROUP " 0 MKSTREAM", stream);

	if (reply == NULL)
		fail("XGROUP: %s", conn->errstr);
	if (reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, "BUSYGROUP", 9) != 0)
		fail("XGROUP: %s", reply->str);
	freeReplyObject(reply);
}

static void append_read(redisContext *conn, const char *stream, int n)
{
	if (redisAppendCommand(conn, "XREADGROUP GROUP " GROUP " %d COUNT %d BLOCK %d STREAMS %s >",
		(int)getpid(), n, PATIENCE * 1000, stream) != REDIS_OK)
		fail("no memory");
}

/* The messages of an XREADGROUP's answer: an array of pairs of id and fields. */
static redisReply *messages_of(redisReply *answer, size_t size)
{
	redisReply *list;

	if (answer->elements != 1 || answer->element[0]->elements != 2)
		fail("XREADGROUP: not an answer for one stream");
	list = answer->element[0]->element[1];
	for (size_t i = 0; i < list->elements; i++) {
		redisReply *fields = list->element[i]->element[1];

		if (fields->elements != 2 || fields->element[1]->len != size)
			fail("XREADGROUP: a message that is not of %zu bytes", size);
	}
	return list;
}

/* COMMAND STREAM [GROUP] ID... for n of the messages. */
static void append_ids(redisContext *conn, int head, const char *const *command,
    redisReply *const *messages, size_t n)
{
	const char **words = memory((n + 3) * sizeof(*words));
	size_t *lengths = memory((n + 3) * sizeof(*lengths));

	for (int i = 0; i < head; i++) {
		words[i] = command[i];
		lengths[i] = strlen(command[i]);
	}
	for (size_t i = 0; i < n; i++) {
		words[(size_t)head + i] = messages[i]->element[0]->str;
		lengths[(size_t)head + i] = messages[i]->element[0]->len;
	}
	append(conn, head + (int)n, words, lengths);
	free(words);
	free(lengths);
}

/* Ack the messages with the next write. How many answers come of it? */
static int append_acks(redisContext *conn, const char *stream, const redisReply *list,
    const struct options *o)
{
	const char *ack[] = { "XACK", stream, GROUP }, *del[] = { "XDEL", stream };
	size_t step = o->each ? 1 : list->elements;
	int answers = 0;

	for (size_t i = 0; i < list->elements; i += step) {
		append_ids(conn, 3, ack, list->element + i, step);
		answers++;
		if (o->delete) {
			append_ids(conn, 2, del, list->element + i, step);
			answers++;
		}
	}
	return answers;
}

static void receive_all(int port, const char *stream, int count, size_t size,
    const struct options *o)
{
	redisContext *conn = open_connection(port);
	int64_t began;
	int left = count;

	make_group(conn, stream);
	began = now();
	append_read(conn, stream, left < o->pipeline ? left : o->pipeline);
	while (left > 0) {
		redisReply *reply = answer(conn, "XREADGROUP", REDIS_REPLY_ARRAY);
		redisReply *list = messages_of(reply, size);
		int n = (int)list->elements, answers = append_acks(conn, stream, list, o);

		left -= n;
		if (left > 0)
			append_read(conn, stream, left < o->pipeline ? left : o->pipeline);
		for (int i = 0; i < answers; i++)
			expect_count(conn, "XACK or XDEL", o->each ? 1 : n);
		freeReplyObject(reply);
	}
	print_per_message(began, count);
	redisFree(conn);
}

/* ---- latency ------------------------------------------------------------ */

static void time_each(int port, const char *stream, int count)
{
	redisContext *sender = open_connection(port), *receiver = open_connection(port);
	struct command xadd = form_xadd(stream, LATENCY_SIZE);
	const struct options o = { .delete = 1 };

	make_group(receiver, stream);
	for (int i = 0; i < count; i++) {
		redisReply *reply;
		int64_t began;

		append_read(receiver, stream, 1);
		flush(receiver);
		pause_before_round();
		began = now();
		write_batch(sender, &xadd, 1, 0);
		reply = answer(receiver, "XREADGROUP", REDIS_REPLY_ARRAY);
		print_latency(began);
		read_batch(sender, 1, 0);
		append_acks(receiver, stream, messages_of(reply, LATENCY_SIZE), &o);
		expect_count(receiver, "XACK", 1);
		expect_count(receiver, "XDEL", 1);
		freeReplyObject(reply);
	}
	redisFreeCommand(xadd.text);
	redisFree(sender);
	redisFree(receiver);
}

static void delete_stream(int port, const char *stream)
{
	redisContext *conn = open_connection(port);

	if (redisAppendCommand(conn, "DEL %s", stream) != REDIS_OK)
		fail("no memory");
	expect_count(conn, "DEL", 1);
	redisFree(conn);
}

/* ---- the command line --------------------------------------------------- */

static int usage(void)
{
	fputs("usage: redis [-p PIPELINE] [-c CONNECTIONS] [-m] PORT send STREAM COUNT SIZE\n"
	      "       redis [-p PIPELINE] [-d] [-1] PORT recv STREAM COUNT SIZE\n"
	      "       redis PORT latency STREAM COUNT\n"
	      "       redis PORT delete STREAM\n",
	    stderr);
	return EXIT_USAGE;
}

/* The verb and its n operands, a[0] to a[n]; 0 when there is no such verb. */
static int run(int port, int n, char **a, const struct options *o)
{
	if (n == 3 && strcmp(a[0], "send") == 0)
		send_all(port, a[1], count_of(a[2]), size_of(a[3]), o);
	else if (n == 3 && strcmp(a[0], "recv") == 0)
		receive_all(port, a[1], count_of(a[2]), size_of(a[3]), o);
	else if (n == 2 && strcmp(a[0], "latency") == 0)
		time_each(port, a[1], count_of(a[2]));
	else if (n == 1 && strcmp(a[0], "delete") == 0)
		delete_stream(port, a[1]);
	else
		return 0;
	return 1;
}

int main(int argc, char **argv)
{
	struct options o = { .pipeline = 1000, .clients = 1 };
	int c;

	while ((c = getopt(argc, argv, "p:c:md1")) != -1)
		switch (c) {
		case 'p':
			o.pipeline = number("PIPELINE", optarg, 1, 100000);
			break;
		case 'c':
			o.clients = number("CONNECTIONS", optarg, 1, MAX_CLIENTS);
			break;
		case 'm':
			o.transaction = 1;
			break;
		case 'd':
			o.delete = 1;
			break;
		case '1':
			o.each = 1;
			break;
		default:
			return usage();
		}
	argv += optind;
	argc -= optind;
	if (argc < 3 || !run(port_of(argv[0]), argc - 2, argv + 1, &o))
		return usage();
	return end_of_output();
}
