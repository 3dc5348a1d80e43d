/*
 * archives.c - each file in an archive as a message
 */
#include "send/sender.h"
#include "share/frames.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What its reader says of an archive that it cannot read on. */
static int archive_failed(struct sender *s, enum mq_status status, const char *why)
{
	mq_batch_abort(s->batch);
	return sender_refuse(s, status, why);
}

/* The message is begun with all that is given for each, and its path. */
static int begin_member(struct sender *s, const char *path)
{
	struct mq_properties props = s->given.props;
	size_t n = props.nheaders;
	struct mq_header *headers = cmd_realloc(s->c, NULL, (n + 1) * sizeof(*headers));
	char *value = mq_encode_line(path);
	int result;

	if (!value) {
		free(headers);
		return archive_failed(s, MQ_IO, "out of memory");
	}
	if (n)
		memcpy(headers, props.headers, n * sizeof(*headers));
	headers[n] = (struct mq_header){ "Path", value };
	props.headers = headers;
	props.nheaders = n + 1;
	props.visible_at = sender_visible_at(s);
	s->path = path;
	result = sender_begin(s, &props);
	free(value);
	free(headers);
	return result;
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
		return sender_write(s, data, n);
	case FRAME_WHOLE:
		result = sender_end(s);
		s->path = NULL;
		return result;
	case FRAME_END:
		return 1;
	case FRAME_FAILED:
		break;
	}
	return archive_failed(s, frame_status(data), n > 0 ? data + 1 : "?");
}

int sender_archive(struct sender *s, const char *file)
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
