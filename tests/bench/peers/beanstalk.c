/*
 * beanstalk.c - load for beanstalkd, over plain sockets
 *
 *	beanstalk [-d DEPTH] PORT send TUBE COUNT SIZE
 *	beanstalk [-d DEPTH] PORT recv TUBE COUNT SIZE
 *	beanstalk PORT latency TUBE COUNT
 *
 * Up to DEPTH commands are under way on the one connection: a sender's puts, or
 * a receiver's reserves, with each job's delete sent as soon as the job is
 * there. The answers come in the order of the commands. COUNT is the share of
 * this process, and it reserves no more.
 *
 * DEPTH is bounded so that what waits unread on either side fits in the
 * sockets' buffers: then both sides may write without reading.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <errno.h>
#include <sys/socket.h>
#include <sys/time.h>
#include "client.h"

#define MAX_DEPTH 1000
#define LINE_SIZE 256

/* Priority, delay, and time to run, in seconds: no job may time out. */
#define PUT "put 0 0 3600 %zu\r\n"

/* A connection; output is held back until something is read. */
struct conn {
	int fd;
	size_t in_start, in_end;
	size_t out_end;
	char in[65536];
	char out[65536];
};

/* ---- connection --------------------------------------------------------- */

static void write_all(int fd, const char *data, size_t n)
{
	while (n > 0) {
		ssize_t k = send(fd, data, n, MSG_NOSIGNAL);

		if (k == -1 && errno == EINTR)
			continue;
		if (k == -1)
			fail("write: %s", strerror(errno));
		data += k;
		n -= (size_t)k;
	}
}

static void flush(struct conn *c)
{
	write_all(c->fd, c->out, c->out_end);
	c->out_end = 0;
}

static void put_bytes(struct conn *c, const char *data, size_t n)
{
	if (c->out_end + n > sizeof(c->out))
		flush(c);
	if (n > sizeof(c->out)) {
		write_all(c->fd, data, n);
		return;
	}
	memcpy(c->out + c->out_end, data, n);
	c->out_end += n;
}

static void put_text(struct conn *c, const char *text)
{
	put_bytes(c, text, strlen(text));
}

/* Read more, behind what is not used yet. */
static void fill(struct conn *c)
{
	ssize_t k;

	flush(c);
	memmove(c->in, c->in + c->in_start, c->in_end - c->in_start);
	c->in_end -= c->in_start;
	c->in_start = 0;
	do
		k = recv(c->fd, c->in + c->in_end, sizeof(c->in) - c->in_end, 0);
	while (k == -1 && errno == EINTR);
	if (k <= 0)
		fail("read: %s", k == 0 ? "the server hung up" : strerror(errno));
	c->in_end += (size_t)k;
}

/* The next line, without its end; it stays good until the next is asked for. */
static const char *line(struct conn *c)
{
	char *start, *end;

	for (;;) {
		start = c->in + c->in_start;
		end = memchr(start, '\n', c->in_end - c->in_start);
		if (end != NULL)
			break;
		if (c->in_end - c->in_start >= LINE_SIZE)
			fail("read: a line without end");
		fill(c);
	}
	c->in_start += (size_t)(end - start) + 1;
	*end = '\0';
	if (end > start && end[-1] == '\r')
		end[-1] = '\0';
	return start;
}

static void skip(struct conn *c, size_t n)
{
	while (n > c->in_end - c->in_start) {
		n -= c->in_end - c->in_start;
		c->in_start = c->in_end;
		fill(c);
	}
	c->in_start += n;
}

static void expect(struct conn *c, const char *what, const char *good)
{
	const char *got = line(c);

	if (strncmp(got, good, strlen(good)) != 0)
		fail("%s: %s", what, got);
}

/* A connection that puts into the tube, and reserves from it alone. */
static struct conn *open_connection(int port, const char *tube)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	struct timeval patience = { PATIENCE, 0 };
	struct conn *c = memory(sizeof(*c));
	char command[LINE_SIZE * 3];
	int on = 1;

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd == -1 || connect(c->fd, (struct sockaddr *)&to, sizeof(to)) == -1 ||
	    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == -1 ||
	    setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) == -1)
		fail("connect: %s", strerror(errno));
	if (strlen(tube) > 200 || strpbrk(tube, " \r\n") != NULL)
		fail("%s: not a name for a tube", tube);
	snprintf(command, sizeof(command), "use %s\r\nwatch %s\r\n", tube, tube);
	put_text(c, command);
	expect(c, "use", "USING");
	expect(c, "watch", "WATCHING");
	if (strcmp(tube, "default") != 0) {
		put_text(c, "ignore default\r\n");
		expect(c, "ignore", "WATCHING");
	}
	return c;
}

static void close_connection(struct conn *c)
{
	close(c->fd);
	free(c);
}

/* ---- send --------------------------------------------------------------- */

/* A whole put command. */
struct command {
	char *text;
	size_t length;
};

static struct command form_put(size_t size)
{
	struct command put = { memory(size + LINE_SIZE), 0 };
	int n = snprintf(put.text, LINE_SIZE, PUT, size);

	memset(put.text + n, 'x', size);
	memcpy(put.text + n + size, "\r\n", 2);
	put.length = (size_t)n + size + 2;
	return put;
}

/* The next puts go out when half of those before are answered. */
static void send_all(int port, const char *tube, int count, size_t size, int depth)
{
	struct conn *c = open_connection(port, tube);
	struct command put = form_put(size);
	int sent = 0, done = 0;
	int64_t began = now();

	while (done < count) {
		while (sent < count && sent - done < depth) {
			put_bytes(c, put.text, put.length);
			sent++;
		}
		while (done < sent && (sent == count || sent - done > depth / 2)) {
			expect(c, "put", "INSERTED");
			done++;
		}
	}
	print_per_message(began, count);
	free(put.text);
	close_connection(c);
}

/* ---- receive ------------------------------------------------------------ */

/* A job of that size came, as the answer in text; ask for its deletion. */
static void take(struct conn *c, const char *text, size_t size)
{
	char command[LINE_SIZE];
	unsigned long long id;
	size_t length;

	if (sscanf(text, "RESERVED %llu %zu", &id, &length) != 2)
		fail("reserve: %s", text);
	if (length != size)
		fail("reserve: a job of %zu bytes, not %zu", length, size);
	skip(c, length + 2);
	snprintf(command, sizeof(command), "delete %llu\r\n", id);
	put_text(c, command);
}

static void receive_all(int port, const char *tube, int count, size_t size, int depth)
{
	struct conn *c = open_connection(port, tube);
	int asked = 0, deleted = 0;
	int64_t began = now();

	for (; asked < count && asked < depth; asked++)
		put_text(c, "reserve\r\n");
	while (deleted < count) {
		const char *text = line(c);

		if (strcmp(text, "DELETED") == 0) {
			deleted++;
			continue;
		}
		take(c, text, size);
		if (asked < count) {
			put_text(c, "reserve\r\n");
			asked++;
		}
	}
	print_per_message(began, count);
	close_connection(c);
}

/* ---- latency ------------------------------------------------------------ */

static void time_each(int port, const char *tube, int count)
{
	struct conn *sender = open_connection(port, tube);
	struct conn *receiver = open_connection(port, tube);
	struct command put = form_put(LATENCY_SIZE);

	for (int i = 0; i < count; i++) {
		const char *text;
		int64_t began;

		put_text(receiver, "reserve\r\n");
		flush(receiver);
		pause_before_round();
		began = now();
		put_bytes(sender, put.text, put.length);
		flush(sender);
		text = line(receiver);
		print_latency(began);
		take(receiver, text, LATENCY_SIZE);
		expect(receiver, "delete", "DELETED");
		expect(sender, "put", "INSERTED");
	}
	free(put.text);
	close_connection(sender);
	close_connection(receiver);
}

/* ---- the command line --------------------------------------------------- */

static int usage(void)
{
	fputs("usage: beanstalk [-d DEPTH] PORT send TUBE COUNT SIZE\n"
	      "       beanstalk [-d DEPTH] PORT recv TUBE COUNT SIZE\n"
	      "       beanstalk PORT latency TUBE COUNT\n",
	    stderr);
	return EXIT_USAGE;
}

int main(int argc, char **argv)
{
	int depth = 100, port, c;
	char **a;

	while ((c = getopt(argc, argv, "d:")) != -1) {
		if (c != 'd')
			return usage();
		depth = number("DEPTH", optarg, 1, MAX_DEPTH);
	}
	a = argv + optind;
	argc -= optind;
	if (argc < 4)
		return usage();
	port = port_of(a[0]);
	if (argc == 5 && strcmp(a[1], "send") == 0)
		send_all(port, a[2], count_of(a[3]), size_of(a[4]), depth);
	else if (argc == 5 && strcmp(a[1], "recv") == 0)
		receive_all(port, a[2], count_of(a[3]), size_of(a[4]), depth);
	else if (argc == 4 && strcmp(a[1], "latency") == 0)
		time_each(port, a[2], count_of(a[3]));
	else
		return usage();
	return end_of_output();
}
