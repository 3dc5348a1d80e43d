/*
 * archives.c - each file in an archive as a message
 */
#include "send/sender.h"
#include "share/frames.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

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
	props.visible_at = sender_visible_at(s);
	s->path = path;
	result = sender_begin(s, &props);
	free(value);
	free(headers);
	return result;
}

/* What its reader says of an archive that it cannot read on. */
static int archive_failed(struct sender *s, enum mq_status status, const char *why)
{
	mq_batch_abort(s->batch);
	return sender_refuse(s, status, why);
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
