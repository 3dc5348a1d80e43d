/*
 * record.c - append samples of queues to a file
 *
 * All lines of a run go out by one write to a file opened for appending, which the
 * kernel does not mix with those of others.  The lock is for what is looked at before:
 * the size of a file that is being written to may be anything.
 */
#include "stat/record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
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

/* Where to begin: in an empty file with the header; after a line that was cut short (the
 * machine went down) with the newline of that. */
static const char *beginning(const struct record *r, int fd, off_t size)
{
	char last = '\n';

	if (size == 0)
		return r->text;
	if (pread(fd, &last, 1, size - 1) < 1)
		last = '\n';
	return strchr(r->text, '\n') + (last == '\n');
}

static void append(const struct record *r, int fd)
{
	struct stat st;
	const char *from;
	ssize_t n;

	while (flock(fd, LOCK_EX) && errno == EINTR)
		;
	if (fstat(fd, &st)) {
		cmd_errno(r->c, r->file, "stat");
		return;
	}
	from = beginning(r, fd, st.st_size);
	n = write(fd, from, strlen(from));
	if (n < 0) {
		cmd_errno(r->c, r->file, "write");
	} else if ((size_t)n < strlen(from)) {
		(void)!ftruncate(fd, st.st_size); /* all or nothing */
		cmd_error(r->c, MQ_BUSY, "%s: write: %s", r->file, strerror(ENOSPC));
	}
}

void record_end(struct record *r)
{
	int fd = -1;
	int failed = fclose(r->memory);

	if (failed) {
		cmd_errno(r->c, "samples", "write");
	} else if (r->size > 0) {
		fd = cmd_create(r->c, r->file, O_RDWR | O_APPEND | O_CREAT);
		if (fd < 0)
			cmd_errno(r->c, r->file, "open");
		else
			append(r, fd);
	}
	if (fd >= 0 && close(fd))
		cmd_errno(r->c, r->file, "close");
	free(r->text);
}
