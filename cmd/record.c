/*
 * record.c - append samples of queues to a file
 *
 * All lines of a run go out by one write to a file opened for appending, which the
 * kernel does not mix with those of others.  Of two runs that both find the file
 * empty each writes the line that names the fields; as a comment it does no harm.
 */
#include "record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void record_begin(struct record *r, struct cmd *c, const char *file)
{
	*r = (struct record){ .c = c, .file = file };
	r->memory = open_memstream(&r->text, &r->size);
	if (!r->memory) {
		cmd_error(c, MQ_IO, "out of memory");
		exit(cmd_end(c));
	}
}

void record_add(struct record *r, const char *queue, const struct mq_stats *stats)
{
	const struct sample s = { mq_now(r->c->mq), queue, *stats };

	if (ftello(r->memory) == 0)
		sample_put_header(r->memory);
	sample_put(r->memory, &s);
}

/* What a file has at its end decides how to go on: without a newline there, a write
 * was cut short (the disk was full), and its last line ends before ours. */
static void append(const struct record *r, int fd)
{
	const char *from = r->text;
	char last = '\n';
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) == 0 && st.st_size > 0) {
		if (pread(fd, &last, 1, st.st_size - 1) < 1)
			last = '\n'; /* no such thing as an end: a terminal */
		from = strchr(from, '\n') + (last == '\n');
	}
	n = write(fd, from, strlen(from));
	if (n < 0)
		cmd_errno(r->c, r->file, "write");
	else if ((size_t)n < strlen(from))
		cmd_error(r->c, MQ_IO, "%s: write: only a part was written", r->file);
}

void record_end(struct record *r)
{
	int fd = -1;
	int failed = fclose(r->memory);

	if (failed) {
		cmd_errno(r->c, "samples", "write");
	} else if (r->size > 0) {
		fd = open(r->file, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
		if (fd < 0)
			cmd_errno(r->c, r->file, "open");
		else
			append(r, fd);
	}
	if (fd >= 0 && close(fd))
		cmd_errno(r->c, r->file, "close");
	free(r->text);
}
