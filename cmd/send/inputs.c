/*
 * inputs.c - messages from files and streams
 *
 * All input, whole or cut into records, goes through sender_input(), which hands
 * each piece to a consumer: payload_piece() streams it into the batch, however
 * large it is; json_piece() gathers a line and parses it.
 */
#include "send/sender.h"
#include "share/jsonin.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* A consumer: the pieces are the payload. */
static int payload_piece(struct sender *s, enum piece piece, const char *data, size_t n)
{
	int result = 0;

	if (!s->begun) {
		struct mq_properties props = s->given.props;

		props.visible_at = sender_visible_at(s);
		/* while a long record arrives, those before it must not wait */
		if (piece == PIECE_PART)
			result = sender_commit(s);
		if (!result)
			result = sender_begin(s, &props);
	}
	if (!result)
		result = sender_write(s, data, n);
	s->begun = !result && piece == PIECE_PART;
	if (!result && piece == PIECE_LAST)
		result = sender_end(s);
	return result;
}

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
		return sender_refuse(s, MQ_DATA, "dedup_id: an exchange takes none");
	result = alone ? sender_commit(s) : 0;
	if (!result)
		result = sender_message(s, &in->props, in->body, in->size);
	if (!result && alone)
		result = sender_commit(s);
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
	defaults.visible_at = sender_visible_at(s);
	if (jsonin_parse(&in, line, n, &defaults, mq_now(s->c->mq), why, sizeof(why)))
		result = sender_refuse(s, MQ_DATA, why);
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
		return sender_commit(s); /* those before a long line must not wait for it */
	return send_json(s, s->line, length);
}

static int input_failed(struct sender *s)
{
	const char *why = strerror(errno);

	if (s->begun)
		mq_batch_abort(s->batch);
	s->begun = 0;
	s->length = 0;
	if (sender_commit(s))
		return -1;
	cmd_error(s->c, MQ_IO, "%s: read: %s%s", s->source ? s->source : "standard input", why,
	    sender_is_stream(s) && s->accepted ? sender_accepted(s).text : "");
	return 1;
}

int sender_input(struct sender *s, int fd)
{
	const int delimiter = !sender_is_stream(s) ? RECORDS_WHOLE : s->mode == '0' ? '\0' : '\n';
	enum piece piece;
	const char *data;
	size_t n;
	int result = 0;

	records_begin(&s->input, fd, delimiter);
	while (!result && (piece = records_next(&s->input, &data, &n)) != PIECE_END) {
		if (piece == PIECE_ERROR)
			result = input_failed(s);
		else if (piece == PIECE_PAUSE)
			result = sender_commit(s);
		else if (s->mode == 'j')
			result = json_piece(s, piece, data, n);
		else
			result = payload_piece(s, piece, data, n);
	}
	return result;
}

int sender_file(struct sender *s, const char *path)
{
	int fd, result;

	s->source = NULL;
	if (strcmp(path, "-") == 0)
		return sender_input(s, STDIN_FILENO);
	s->source = path;
	fd = cmd_open(path, O_RDONLY);
	if (fd < 0) {
		cmd_errno(s->c, path, "open");
		return 0;
	}
	result = sender_input(s, fd);
	close(fd);
	return result;
}
