/*
 * rabbit.c - load for RabbitMQ, through librabbitmq
 *
 *	rabbit [-w WINDOW] PORT send QUEUE TYPE COUNT SIZE
 *	rabbit [-p PREFETCH] [-a EVERY] PORT recv QUEUE TYPE COUNT SIZE
 *	rabbit PORT latency QUEUE TYPE COUNT
 *	rabbit PORT delete QUEUE
 *	rabbit PORT fanout-declare EXCHANGE TYPE N
 *	rabbit [-w WINDOW] PORT publish EXCHANGE COUNT SIZE
 *	rabbit PORT fanout-delete EXCHANGE N
 *
 * Queues are durable, of TYPE quorum or classic, and messages persistent. A
 * sender has up to WINDOW messages under way that the broker has not confirmed;
 * it waits only when the window is full. A receiver acks every message alone
 * (EVERY is 1), or all up to the last with each EVERYth. COUNT is the share of
 * this process: what it was sent above that goes back to the queue.
 *
 * The queues of a fan-out are EXCHANGE.1 to EXCHANGE.N.
 */
#include <amqp.h>
#include <amqp_tcp_socket.h>
#include <sys/time.h>
#include "client.h"

#define CHANNEL 1

struct options {
	int window;
	int prefetch;
	int every;
};

/* What a sender waits for. The broker may confirm in any order, and again. */
struct confirms {
	char *confirmed; /* by delivery tag, from 1 */
	uint64_t lowest; /* all before it are confirmed */
	int count;
};

static amqp_bytes_t text(const char *s)
{
	return amqp_cstring_bytes(s);
}

/* ---- connection --------------------------------------------------------- */

static void check_status(int status, const char *what)
{
	if (status != AMQP_STATUS_OK)
		fail("%s: %s", what, amqp_error_string2(status));
}

/* The end when the broker closed the channel or the connection, with its words. */
static void check_closed(const amqp_method_t *method, const char *what)
{
	amqp_bytes_t why;

	if (method->id == AMQP_CHANNEL_CLOSE_METHOD)
		why = ((amqp_channel_close_t *)method->decoded)->reply_text;
	else if (method->id == AMQP_CONNECTION_CLOSE_METHOD)
		why = ((amqp_connection_close_t *)method->decoded)->reply_text;
	else
		return;
	fail("%s: %.*s", what, (int)why.len, (char *)why.bytes);
}

static void check_reply(amqp_rpc_reply_t reply, const char *what)
{
	if (reply.reply_type == AMQP_RESPONSE_NORMAL)
		return;
	if (reply.reply_type == AMQP_RESPONSE_SERVER_EXCEPTION)
		check_closed(&reply.reply, what);
	fail("%s: %s", what, amqp_error_string2(reply.library_error));
}

static void check(amqp_connection_state_t conn, const char *what)
{
	check_reply(amqp_get_rpc_reply(conn), what);
}

static amqp_connection_state_t open_connection(int port)
{
	amqp_connection_state_t conn = amqp_new_connection();
	amqp_socket_t *socket = conn == NULL ? NULL : amqp_tcp_socket_new(conn);
	struct timeval patience = { PATIENCE, 0 };

	if (socket == NULL)
		fail("no memory");
	check_status(amqp_socket_open_noblock(socket, "127.0.0.1", port, &patience), "connect");
	check_status(amqp_set_rpc_timeout(conn, &patience), "timeout");
	check_reply(amqp_login(conn, "/", AMQP_DEFAULT_MAX_CHANNELS, AMQP_DEFAULT_FRAME_SIZE, 0,
			AMQP_SASL_METHOD_PLAIN, "guest", "guest"),
	    "login");
	amqp_channel_open(conn, CHANNEL);
	check(conn, "open channel");
	return conn;
}

static void close_connection(amqp_connection_state_t conn)
{
	check_reply(amqp_connection_close(conn, AMQP_REPLY_SUCCESS), "close");
	check_status(amqp_destroy_connection(conn), "close");
}

/* ---- queues ------------------------------------------------------------- */

static void declare_queue(amqp_connection_state_t conn, const char *queue, const char *type)
{
	amqp_table_entry_t entry = {
		.key = text("x-queue-type"),
		.value = { AMQP_FIELD_KIND_UTF8, { .bytes = text(type) } },
	};
	const amqp_table_t arguments = { 1, &entry };

	amqp_queue_declare(conn, CHANNEL, text(queue), 0, 1, 0, 0, arguments);
	check(conn, queue);
}

/*
 * Wait until the queue has seen all that went before on the channel, acks too:
 * those have no answer of their own.
 */
static void wait_for_queue(amqp_connection_state_t conn, const char *queue)
{
	amqp_queue_declare(conn, CHANNEL, text(queue), 1, 1, 0, 0, amqp_empty_table);
	check(conn, queue);
}

static void delete_queue(amqp_connection_state_t conn, const char *queue)
{
	amqp_queue_delete(conn, CHANNEL, text(queue), 0, 0);
	check(conn, queue);
}

static void fanout_declare(int port, const char *exchange, const char *type, int n)
{
	amqp_connection_state_t conn = open_connection(port);
	char queue[256];

	amqp_exchange_declare(conn, CHANNEL, text(exchange), text("fanout"), 0, 1, 0, 0,
	    amqp_empty_table);
	check(conn, exchange);
	for (int i = 1; i <= n; i++) {
		snprintf(queue, sizeof(queue), "%s.%d", exchange, i);
		declare_queue(conn, queue, type);
		amqp_queue_bind(conn, CHANNEL, text(queue), text(exchange), text(""),
		    amqp_empty_table);
		check(conn, queue);
	}
	close_connection(conn);
}

static void fanout_delete(int port, const char *exchange, int n)
{
	amqp_connection_state_t conn = open_connection(port);
	char queue[256];

	for (int i = 1; i <= n; i++) {
		snprintf(queue, sizeof(queue), "%s.%d", exchange, i);
		delete_queue(conn, queue);
	}
	amqp_exchange_delete(conn, CHANNEL, text(exchange), 0);
	check(conn, exchange);
	close_connection(conn);
}

/* ---- send --------------------------------------------------------------- */

static void confirm(struct confirms *c, uint64_t tag)
{
	c->count += !c->confirmed[tag];
	c->confirmed[tag] = 1;
}

/* Wait for the broker's next word, and note what it confirms. */
static void read_confirm(amqp_connection_state_t conn, struct confirms *c, uint64_t sent)
{
	struct timeval patience = { PATIENCE, 0 };
	amqp_basic_ack_t *ack;
	amqp_frame_t frame;

	amqp_maybe_release_buffers(conn);
	check_status(amqp_simple_wait_frame_noblock(conn, &frame, &patience), "confirm");
	if (frame.frame_type != AMQP_FRAME_METHOD)
		fail("confirm: not a method but a frame of type %d", frame.frame_type);
	check_closed(&frame.payload.method, "confirm");
	if (frame.payload.method.id != AMQP_BASIC_ACK_METHOD)
		fail("confirm: refused with %s", amqp_method_name(frame.payload.method.id));
	ack = frame.payload.method.decoded;
	if (ack->delivery_tag == 0 || ack->delivery_tag > sent)
		fail("confirm: of a message that was not sent");
	if (!ack->multiple) {
		confirm(c, ack->delivery_tag);
		return;
	}
	while (c->lowest <= ack->delivery_tag)
		confirm(c, c->lowest++);
}

/* To a queue (its exchange is the default one, "") or to an exchange. */
static void publish(amqp_connection_state_t conn, const char *exchange, const char *key,
    amqp_bytes_t body)
{
	const amqp_basic_properties_t persistent = {
		._flags = AMQP_BASIC_DELIVERY_MODE_FLAG,
		.delivery_mode = AMQP_DELIVERY_PERSISTENT,
	};

	check_status(amqp_basic_publish(conn, CHANNEL, text(exchange), text(key), 1, 0, &persistent,
			 body),
	    "publish");
}

static void send_all(amqp_connection_state_t conn, const char *exchange, const char *key, int count,
    size_t size, int window)
{
	struct confirms c = { memory((size_t)count + 1), 1, 0 };
	amqp_bytes_t body = { size, body_of(size) };
	int64_t began;

	amqp_confirm_select(conn, CHANNEL);
	check(conn, "confirm.select");
	began = now();
	for (int sent = 0; sent < count;) {
		publish(conn, exchange, key, body);
		sent++;
		while (sent - c.count >= window)
			read_confirm(conn, &c, (uint64_t)sent);
	}
	while (c.count < count)
		read_confirm(conn, &c, (uint64_t)count);
	print_per_message(began, count);
	free(c.confirmed);
	free(body.bytes);
	close_connection(conn);
}

/* ---- receive ------------------------------------------------------------ */

static void consume(amqp_connection_state_t conn, const char *queue, int prefetch)
{
	amqp_basic_qos(conn, CHANNEL, 0, (uint16_t)prefetch, 0);
	check(conn, "basic.qos");
	amqp_basic_consume(conn, CHANNEL, text(queue), amqp_empty_bytes, 0, 0, 0, amqp_empty_table);
	check(conn, queue);
}

/* Receive one message of that size; its delivery tag. */
static uint64_t receive(amqp_connection_state_t conn, size_t size)
{
	struct timeval patience = { PATIENCE, 0 };
	amqp_envelope_t envelope;
	uint64_t tag;

	amqp_maybe_release_buffers(conn);
	check_reply(amqp_consume_message(conn, &envelope, &patience, 0), "receive");
	if (envelope.message.body.len != size)
		fail("receive: a message of %zu bytes, not %zu", envelope.message.body.len, size);
	tag = envelope.delivery_tag;
	amqp_destroy_envelope(&envelope);
	return tag;
}

static void ack(amqp_connection_state_t conn, uint64_t tag, int multiple)
{
	check_status(amqp_basic_ack(conn, CHANNEL, tag, multiple), "ack");
}

static void receive_all(int port, const char *queue, const char *type, int count, size_t size,
    const struct options *o)
{
	amqp_connection_state_t conn = open_connection(port);
	int64_t began;

	declare_queue(conn, queue, type);
	began = now();
	consume(conn, queue, o->prefetch);
	for (int i = 1; i <= count; i++) {
		uint64_t tag = receive(conn, size);

		if (i % o->every == 0 || i == count)
			ack(conn, tag, o->every > 1);
	}
	wait_for_queue(conn, queue);
	print_per_message(began, count);
	close_connection(conn);
}

/* ---- latency ------------------------------------------------------------ */

static void time_each(int port, const char *queue, const char *type, int count)
{
	amqp_connection_state_t sender = open_connection(port), receiver = open_connection(port);
	amqp_bytes_t body = { LATENCY_SIZE, body_of(LATENCY_SIZE) };

	declare_queue(receiver, queue, type);
	consume(receiver, queue, 1);
	for (int i = 0; i < count; i++) {
		uint64_t tag;
		int64_t began;

		pause_before_round();
		began = now();
		publish(sender, "", queue, body);
		tag = receive(receiver, LATENCY_SIZE);
		print_latency(began);
		ack(receiver, tag, 0);
	}
	wait_for_queue(receiver, queue);
	close_connection(sender);
	close_connection(receiver);
	free(body.bytes);
}

/* ---- the command line --------------------------------------------------- */

static int usage(void)
{
	fputs("usage: rabbit [-w WINDOW] PORT send QUEUE TYPE COUNT SIZE\n"
	      "       rabbit [-p PREFETCH] [-a EVERY] PORT recv QUEUE TYPE COUNT SIZE\n"
	      "       rabbit PORT latency QUEUE TYPE COUNT\n"
	      "       rabbit PORT delete QUEUE\n"
	      "       rabbit PORT fanout-declare EXCHANGE TYPE N\n"
	      "       rabbit [-w WINDOW] PORT publish EXCHANGE COUNT SIZE\n"
	      "       rabbit PORT fanout-delete EXCHANGE N\n",
	    stderr);
	return EXIT_USAGE;
}

/* The verb and its n operands, a[0] to a[n]; 0 when there is no such verb. */
static int run(int port, int n, char **a, const struct options *o)
{
	amqp_connection_state_t conn;

	if (n == 4 && strcmp(a[0], "send") == 0) {
		conn = open_connection(port);
		declare_queue(conn, a[1], a[2]);
		send_all(conn, "", a[1], count_of(a[3]), size_of(a[4]), o->window);
	} else if (n == 4 && strcmp(a[0], "recv") == 0) {
		receive_all(port, a[1], a[2], count_of(a[3]), size_of(a[4]), o);
	} else if (n == 3 && strcmp(a[0], "latency") == 0) {
		time_each(port, a[1], a[2], count_of(a[3]));
	} else if (n == 1 && strcmp(a[0], "delete") == 0) {
		conn = open_connection(port);
		delete_queue(conn, a[1]);
		close_connection(conn);
	} else if (n == 3 && strcmp(a[0], "fanout-declare") == 0) {
		fanout_declare(port, a[1], a[2], count_of(a[3]));
	} else if (n == 3 && strcmp(a[0], "publish") == 0) {
		send_all(open_connection(port), a[1], "", count_of(a[2]), size_of(a[3]), o->window);
	} else if (n == 2 && strcmp(a[0], "fanout-delete") == 0) {
		fanout_delete(port, a[1], count_of(a[2]));
	} else {
		return 0;
	}
	return 1;
}

int main(int argc, char **argv)
{
	struct options o = { .window = 2000, .prefetch = 1000, .every = 1 };
	int c;

	while ((c = getopt(argc, argv, "w:p:a:")) != -1)
		switch (c) {
		case 'w':
			o.window = number("WINDOW", optarg, 1, 1000000);
			break;
		case 'p':
			o.prefetch = number("PREFETCH", optarg, 1, 65535);
			break;
		case 'a':
			o.every = number("EVERY", optarg, 1, 65535);
			break;
		default:
			return usage();
		}
	argv += optind;
	argc -= optind;
	if (o.every > o.prefetch) {
		fputs("rabbit: EVERY above PREFETCH would wait for ever\n", stderr);
		return EXIT_USAGE;
	}
	if (argc < 3 || !run(port_of(argv[0]), argc - 2, argv + 1, &o))
		return usage();
	return end_of_output();
}
