/*
 * mq-send - put messages on a queue, or publish them to an exchange
 *
 * All input, whole or cut into records, goes through send_input(), which hands
 * each piece to a consumer: payload_piece() streams it into the batch, however
 * large it is; json_piece() gathers a line and parses it.  A batch is committed
 * when it is full and when the input pauses; an id is printed once its message
 * is kept.
 *
 * What ends a stream leaves the messages before it accepted and those after it
 * unsent, and says how many were accepted.  With several FILEs, each a message
 * of its own, one that cannot be read or is too large does not stop the others.
 * Nor does one that no binding of the exchange matches stop anything: such are
 * counted, and told of at the end.
 *
 * Functions return 0; 1 when the input at hand is done with; -1 when the sending
 * is over.  But for 0, the failure has been reported.
 */
#include "share/common.h"
#include "share/frames.h"
#include "share/jsonin.h"
#include "share/records.h"
#include "share/sendopts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
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

struct sender {
	struct cmd *c;
	const char *exchange; /* -x */
	const char *name;     /* of the exchange, or of the queue */
	char **files;         /* the operands after that */
	const char *archive;  /* -A */
	mq_batch *batch;
	struct sendopts given; /* for each message; but see visible_at() */
	mq_time delay;
	mq_time wait;
	int quiet;

	int mode;  /* 0: whole inputs; else the letter of the option */
	int many;  /* more than one message: failures say how many were accepted */
	int begun; /* a message is begun in the batch, more of it to come */
	uint64_t accepted;
	uint64_t unrouted;  /* matched no binding */
	const char *source; /* the FILE being read; NULL: standard input */
	const char *path;   /* of the archive's member being read, or NULL */
	struct records input;

	/* -j: the line that is being gathered */
	char *line;
	size_t length, room;
};

/* ---- failures ---------------------------------------------------------- */

/* A note of what has been sent nevertheless. */
struct note {
	char text[64];
};

static struct note accepted_note(const struct sender *s)
{
	struct note note;

	snprintf(note.text, sizeof(note.text), ": %llu message%s accepted",
	    (unsigned long long)s->accepted, s->accepted == 1 ? " was" : "s were");
	return note;
}

static int is_stream(const struct sender *s)
{
	return s->mode && s->mode != 'b';
}

/* What ends the sending: returns -1. */
static int fail(struct sender *s, enum mq_status status, const char *text)
{
	cmd_error(s->c, status, "%s%s", text, s->many ? accepted_note(s).text : "");
	return -1;
}

/* ---- batches ----------------------------------------------------------- */

static void print_id(void *ctx, const char *id)
{
	struct sender *s = ctx;

	if (!s->quiet)
		out_format(&s->c->out, "%s\n", id);
}

static int commit(struct sender *s)
{
	size_t n = 0;
	int status;

	if (mq_batch_count(s->batch) == 0)
		return 0;
	status = mq_batch_commit(s->batch, s->wait, &n, print_id, s);
	s->accepted += n;
	s->unrouted += mq_batch_unrouted(s->batch);
	if (status && status != MQ_EMPTY)
		return fail(s, status, mq_error(s->c->mq));
	return cmd_flush(s->c, accepted_note(s).text);
}

/* "QUEUE: FILE: line 3: what is wrong", or the member's path for the line, as far as that tells anything; to be
 * freed.  The library's words begin with the queue's name by themselves. */
static char *refusal(const struct sender *s, const char *why)
{
	size_t n = strlen(s->name);
	char record[40] = "", *text;

	if (strncmp(why, s->name, n) == 0 && strncmp(why + n, ": ", 2) == 0)
		why += n + 2;
	if (is_stream(s) && s->mode != 'A')
		snprintf(record, sizeof(record), "%s %llu: ", s->mode == '0' ? "record" : "line",
		    (unsigned long long)s->input.number);
	if (asprintf(&text, "%s: %s%s%s%s%s%s", s->name, s->source ? s->source : "",
		s->source ? ": " : "", s->path ? s->path : "", s->path ? ": " : "", record,
		why) < 0)
		text = NULL;
	return text;
}

/* The message at hand cannot be sent.  In a stream that is the end, once the
 * messages before it are kept; a FILE that is bad in itself is left out. */
static int refuse(struct sender *s, enum mq_status status, const char *why)
{
	char *text = refusal(s, why);
	int result = -1;

	if (!is_stream(s) && status == MQ_DATA) {
		cmd_error(s->c, status, "%s", text ? text : why);
		result = 1;
	} else if (commit(s) == 0) {
		fail(s, status, text ? text : why);
	}
	free(text);
	return result;
}

/* ---- messages ---------------------------------------------------------- */

/* A delay counts from when the message is read. */
static mq_time visible_at(const struct sender *s)
{
	return s->delay ? mq_now(s->c->mq) + s->delay : s->given.props.visible_at;
}

static int begin(struct sender *s, const struct mq_properties *props)
{
	int status = mq_batch_begin(s->batch, props);

	if (status) {
		refuse(s, status, mq_error(s->c->mq));
		return -1; /* with these properties none can be sent */
	}
	return 0;
}

static int send_part(struct sender *s, const char *data, size_t n)
{
	int status = mq_batch_write(s->batch, data, n);

	if (!status)
		return 0;
	mq_batch_abort(s->batch);
	return refuse(s, status, mq_error(s->c->mq));
}

static int end(struct sender *s)
{
	int status = mq_batch_end(s->batch);

	if (status)
		return refuse(s, status, mq_error(s->c->mq));
	return mq_batch_full(s->batch) ? commit(s) : 0;
}

static int send_message(struct sender *s, const struct mq_properties *props, const char *data,
    size_t n)
{
	int result = begin(s, props);

	if (!result)
		result = send_part(s, data, n);
	if (!result)
		result = end(s);
	return result;
}

/* A consumer: the pieces are the payload. */
static int payload_piece(struct sender *s, enum piece piece, const char *data, size_t n)
{
	int result = 0;

	if (!s->begun) {
		struct mq_properties props = s->given.props;

		props.visible_at = visible_at(s);
		/* while a long record arrives, those before it must not wait */
		if (piece == PIECE_PART)
			result = commit(s);
		if (!result)
			result = begin(s, &props);
	}
	if (!result)
		result = send_part(s, data, n);
	s->begun = !result && piece == PIECE_PART;
	if (!result && piece == PIECE_LAST)
		result = end(s);
	return result;
}

/* ---- JSON lines -------------------------------------------------------- */

static int is_blank(const char *line, size_t n)
{
	while (n > 0 && strchr(" \t\r", line[n - 1]) && line[n - 1])
		n--;
	return n == 0;
}

/* A message with a dedup id is committed alone. */
static int send_parsed(struct sender *s, const struct jsonin *in)
{
	int alone = in->props.dedup_id != NULL;
	int result;

	if (alone && s->exchange)
		return refuse(s, MQ_DATA, "dedup_id: an exchange takes none");
	result = alone ? commit(s) : 0;
	if (!result)
		result = send_message(s, &in->props, in->body, in->size);
	if (!result && alone)
		result = commit(s);
	return result;
}

static int send_json(struct sender *s, const char *line, size_t n)
{
	struct mq_properties defaults = s->given.props;
	struct jsonin in;
	char why[256];
	int result;

	if (is_blank(line, n))
		return 0;
	defaults.visible_at = visible_at(s);
	if (jsonin_parse(&in, line, n, &defaults, mq_now(s->c->mq), why, sizeof(why)))
		result = refuse(s, MQ_DATA, why);
	else
		result = send_parsed(s, &in);
	jsonin_free(&in);
	return result;
}

/* A consumer: the pieces are gathered to lines of JSON. */
static int json_piece(struct sender *s, enum piece piece, const char *data, size_t n)
{
	size_t length = s->length + n;

	if (piece == PIECE_LAST && s->length == 0)
		return send_json(s, data, n);
	if (length > s->room) {
		s->room = 2 * length;
		s->line = cmd_realloc(s->c, s->line, s->room);
	}
	memcpy(s->line + s->length, data, n);
	s->length = piece == PIECE_PART ? length : 0;
	if (piece == PIECE_PART)
		return commit(s); /* while a long line arrives, those before it must not wait */
	return send_json(s, s->line, length);
}

/* ---- inputs ------------------------------------------------------------ */

static int input_failed(struct sender *s)
{
	const char *why = strerror(errno);

	if (s->begun)
		mq_batch_abort(s->batch);
	s->begun = 0;
	s->length = 0;
	if (commit(s))
		return -1;
	cmd_error(s->c, MQ_IO, "%s: read: %s%s", s->source ? s->source : "standard input", why,
	    is_stream(s) && s->accepted ? accepted_note(s).text : "");
	return 1;
}

static int send_input(struct sender *s, int fd)
{
	const int delimiter = !is_stream(s) ? RECORDS_WHOLE : s->mode == '0' ? '\0' : '\n';
	enum piece piece;
	const char *data;
	size_t n;
	int result = 0;

	records_begin(&s->input, fd, delimiter);
	while (!result && (piece = records_next(&s->input, &data, &n)) != PIECE_END) {
		if (piece == PIECE_ERROR)
			result = input_failed(s);
		else if (piece == PIECE_PAUSE)
			result = commit(s);
		else if (s->mode == 'j')
			result = json_piece(s, piece, data, n);
		else
			result = payload_piece(s, piece, data, n);
	}
	return result;
}

static int send_file(struct sender *s, const char *path)
{
	int fd, result;

	s->source = NULL;
	if (strcmp(path, "-") == 0)
		return send_input(s, STDIN_FILENO);
	s->source = path;
	fd = cmd_open(path, O_RDONLY);
	if (fd < 0) {
		cmd_errno(s->c, path, "open");
		return 0;
	}
	result = send_input(s, fd);
	close(fd);
	return result;
}

/* ---- archives ---------------------------------------------------------- */

/* A path as a header's value: control characters, '%' and, unless it is UTF-8, the
 * bytes above 127 as %XX.  To be freed. */
static char *encode_path(struct sender *s, const char *path)
{
	static const char digits[] = "0123456789ABCDEF";
	int utf8 = mq_valid_utf8(path, strlen(path));
	char *value = cmd_realloc(s->c, NULL, 3 * strlen(path) + 1), *to = value;

	for (; *path; path++) {
		unsigned char byte = (unsigned char)*path;

		if (byte >= 0x20 && byte != 0x7f && byte != '%' && (utf8 || byte < 0x80)) {
			*to++ = *path;
			continue;
		}
		*to++ = '%';
		*to++ = digits[byte >> 4];
		*to++ = digits[byte & 15];
	}
	*to = '\0';
	return value;
}

/* The message is begun with all that is given for each, and its path. */
static int begin_member(struct sender *s, const char *path)
{
	struct mq_properties props = s->given.props;
	size_t n = props.nheaders;
	struct mq_header *headers = cmd_realloc(s->c, NULL, (n + 1) * sizeof(*headers));
	char *value = encode_path(s, path);
	int result;

	if (n)
		memcpy(headers, props.headers, n * sizeof(*headers));
	headers[n] = (struct mq_header){ "Path", value };
	props.headers = headers;
	props.nheaders = n + 1;
	props.visible_at = visible_at(s);
	s->path = path;
	result = begin(s, &props);
	free(value);
	free(headers);
	return result;
}

/* What its reader says of an archive that it cannot read on. */
static int archive_failed(struct sender *s, enum mq_status status, const char *why)
{
	mq_batch_abort(s->batch);
	return refuse(s, status, why);
}

/* 0 when there is more to come. */
static int take_frame(struct sender *s, enum frame type, const char *data, size_t n)
{
	int result;

	switch (type) {
	case FRAME_FILE:
		free(s->line);
		s->line = cmd_realloc(s->c, NULL, n + 1);
		memcpy(s->line, data, n + 1);
		return begin_member(s, s->line);
	case FRAME_DATA:
		return send_part(s, data, n);
	case FRAME_WHOLE:
		result = end(s);
		s->path = NULL;
		return result;
	case FRAME_END:
		return 1;
	case FRAME_FAILED:
		break;
	}
	return archive_failed(s, frame_status(data), n > 0 ? data + 1 : "?");
}

static int send_archive(struct sender *s, const char *file)
{
	struct frames frames;
	enum frame type;
	const char *data;
	size_t n;
	int result = 0;

	if (frames_begin(&frames, file)) {
		cmd_error(s->c, MQ_IO, "mq-import: run: %s", strerror(errno));
		return -1;
	}
	s->source = strcmp(file, "-") == 0 ? "standard input" : file;
	while (result == 0)
		if (frames_next(&frames, &type, &data, &n))
			result = archive_failed(s, MQ_IO, "mq-import has failed");
		else
			result = take_frame(s, type, data, n);
	frames_end(&frames);
	return result;
}

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
		s->given.props.visible_at = visible_at(s);
		result = send_message(s, &s->given.props, text, strlen(text));
	} else if (s->archive) {
		result = send_archive(s, s->archive);
	} else if (!*files) {
		result = send_input(s, STDIN_FILENO);
	}
	for (; *files && result >= 0; files++)
		result = send_file(s, *files);
	if (result >= 0)
		commit(s);
	warn_unrouted(s);
	free(s->line);
}

/* ---- arguments --------------------------------------------------------- */

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
	props.visible_at = visible_at(s);
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
	s->many = is_stream(s) || files > 1;
	check_time(s, t);
	if ((s->given.text || s->archive) && files > 0)
		cmd_usage(c, "-%c takes no FILE", s->mode);
	if (s->given.props.dedup_id && (is_stream(s) || files > 1))
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
