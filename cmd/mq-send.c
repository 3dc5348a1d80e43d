/*
 * mq-send - put messages on a queue, or publish them to an exchange
 *
 * A batch is committed when it is full and when the input pauses; an id is printed
 * once its message is kept.
 *
 * What ends a stream leaves the messages before it accepted and those after it
 * unsent, and says how many were accepted.  With several FILEs, each a message
 * of its own, one that cannot be read or is too large does not stop the others.
 * Nor does one that no binding of the exchange matches stop anything: such are
 * counted, and told of at the end.
 */
#include "send/sender.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct cmd_option options[] = {
	{ 'q', "quiet", NULL, "do not print the ids" },
	{ 'l', "lines", NULL, "each line is a message" },
	{ '0', "null", NULL, "each NUL-ended record is a message" },
	{ 'j', "json", NULL, "each line is a message in JSON" },
	{ 'A', "archive", "FILE", "each file in the archive FILE is a message, its path a header" },
	{ 'd', "delay", "DELAY", "visible after DELAY" },
	{ 'a', "at", "TIME", "visible at TIME" },
	{ 'D', "dedup-id", "DEDUP-ID", "send only if DEDUP-ID was not sent lately" },
	{ 'R', "reply-to", "REPLY-TO", "where a reply is to go" },
	{ 'w', "wait", "WAIT", "wait so long for room in the queue" },
	{ 'x', "exchange", "EXCHANGE", "publish to EXCHANGE in place of a queue" },
	{ 0 },
};

static void warn_unrouted(struct sender *s)
{
	if (s->unrouted > 0)
		cmd_error(s->c, MQ_EMPTY, "%s: %llu message%s matched no binding", s->name,
		    (unsigned long long)s->unrouted, s->unrouted == 1 ? "" : "s");
}

static void send_all(struct sender *s)
{
	const char *text = s->given.text;
	char **files = s->files;
	int result = 0;

	if (text) {
		s->given.props.visible_at = sender_visible_at(s);
		result = sender_message(s, &s->given.props, text, strlen(text));
	} else if (s->archive) {
		result = sender_archive(s, s->archive);
	} else if (!*files) {
		result = sender_input(s, STDIN_FILENO);
	}
	for (; *files && result >= 0; files++)
		result = sender_file(s, *files);
	if (result >= 0)
		sender_commit(s);
	warn_unrouted(s);
	free(s->line);
}

/* What the options say of times, and nobody else asks. */
struct times {
	const char *at; /* -a */
	int delayed;    /* -d was given */
};

static void take_option(struct sender *s, struct times *t, int opt)
{
	sendopts_take(s->c, &s->given, opt);
	switch (opt) {
	case 'q':
		s->quiet = 1;
		break;
	case 'b':
	case 'l':
	case '0':
	case 'j':
	case 'A':
		if (s->mode && (s->mode != opt || opt == 'b' || opt == 'A'))
			cmd_usage(s->c, "-l, -0, -j, -A and -b exclude each other");
		s->mode = opt;
		if (opt == 'A')
			s->archive = optarg;
		break;
	case 'd':
		t->delayed = 1;
		s->delay = cmd_duration(s->c, opt);
		break;
	case 'a':
		t->at = optarg;
		if (mq_parse_time(optarg, &s->given.props.visible_at))
			cmd_usage(s->c, "-a: '%s' is not a time", optarg);
		break;
	case 'w':
		s->wait = cmd_duration(s->c, opt);
		break;
	case 'D':
		s->given.props.dedup_id = optarg;
		break;
	case 'R':
		s->given.props.reply_to = optarg;
		break;
	case 'x':
		s->exchange = optarg;
		break;
	}
}

static void check_time(struct sender *s, const struct times *t)
{
	struct mq_properties props = s->given.props;

	if (t->delayed && t->at)
		cmd_usage(s->c, "-d and -a exclude each other");
	props.visible_at = sender_visible_at(s);
	if (sendopts_too_late(&props, mq_now(s->c->mq)))
		cmd_usage(s->c, "-%c, -t: %s", t->delayed ? 'd' : 'a', SENDOPTS_TOO_LATE);
}

/* Once all options are taken. */
static void check_arguments(struct sender *s, const struct times *t)
{
	struct cmd *c = s->c;
	int files;

	cmd_start(c, s->exchange ? 0 : 1, -1);
	s->name = s->exchange ? s->exchange : c->argv[0];
	s->files = c->argv + (s->exchange ? 0 : 1);
	files = c->argc - (s->exchange ? 0 : 1);
	s->many = sender_is_stream(s) || files > 1;
	check_time(s, t);
	if ((s->given.text || s->archive) && files > 0)
		cmd_usage(c, "-%c takes no FILE", s->mode);
	if (s->given.props.dedup_id && (sender_is_stream(s) || files > 1))
		cmd_usage(c, "-D is for a single message");
	if (s->given.props.dedup_id && s->exchange)
		cmd_usage(c, "-D is for a queue, not for an exchange");
}

static void send_to_queue(struct sender *s)
{
	mq_queue *q = cmd_queue(s->c, s->name);

	if (q && sendopts_headers(s->c, &s->given, s->name) == 0 &&
	    cmd_check(s->c, mq_batch_open(q, &s->batch)) == MQ_OK)
		send_all(s);
	mq_batch_close(s->batch);
	mq_queue_close(q);
}

static void send_to_exchange(struct sender *s)
{
	mq_exchange *x = cmd_exchange(s->c, s->name);

	if (x && sendopts_headers(s->c, &s->given, s->name) == 0 &&
	    cmd_check(s->c, mq_batch_open_exchange(x, &s->batch)) == MQ_OK)
		send_all(s);
	mq_batch_close(s->batch);
	mq_exchange_close(x);
}

int main(int argc, char **argv)
{
	struct cmd c = {
		.name = "mq-send",
		.usage =
		    "[-q] [-l | -0 | -j | -A FILE | -b TEXT] [-p PRIORITY] [-d DELAY | -a TIME] "
		    "[-D DEDUP-ID] [-t TTL] [-g GROUP] [-k KEY] [-H 'Name: value']... "
		    "[-R REPLY-TO] [-C CORRELATION-ID] [-w WAIT] [-s DIR] "
		    "-x EXCHANGE | QUEUE [FILE]...",
		.about = "Send standard input, or each FILE, as a message; print the ids.",
		.options = options,
		.may_be_empty = "bkH", /* an empty header is malformed: 65 */
		.more_options = sendopts_options,
	};
	struct sender s = { .c = &c, .wait = -1, .given.props.priority = MQ_PRIORITY_DEFAULT };
	struct times t = { 0 };
	int opt;

	cmd_begin(&c, argc, argv);
	while ((opt = cmd_option(&c)) != -1)
		take_option(&s, &t, opt);
	check_arguments(&s, &t);
	if (s.exchange)
		send_to_exchange(&s);
	else
		send_to_queue(&s);
	free(s.given.headers);
	records_free(&s.input);
	return cmd_end(&c);
}
