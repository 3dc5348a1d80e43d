/*
 * frames.c - the members of an archive in a pipe
 */
#include "share/frames.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define READER   "mq-import"
#define TEXT_MAX (1 << 20) /* of a path, or of what is wrong */

void frame_put(struct out *o, enum frame type, const void *data, size_t n)
{
	out_format(o, "%c%08zx", type, n);
	out_write(o, data, n);
}

void frame_put_failure(struct out *o, enum mq_status status, const char *why)
{
	char text[1024];
	int n = snprintf(text, sizeof(text), "%c%.*s", '0' + (int)status, 1000, why);

	frame_put(o, FRAME_FAILED, text, (size_t)n);
}

enum mq_status frame_status(const char *text)
{
	return *text > '0' && *text <= '9' ? (enum mq_status)(*text - '0') : MQ_IO;
}

/* ---- reading ----------------------------------------------------------- */

/* More into the buffer: 0, or -1 at the end. */
static int fill(struct frames *f)
{
	ssize_t n;

	do
		n = read(f->fd, f->buf, sizeof(f->buf));
	while (n == -1 && errno == EINTR);
	f->at = 0;
	f->len = n > 0 ? (size_t)n : 0;
	return n > 0 ? 0 : -1;
}

static int get(struct frames *f, char *to, size_t n)
{
	size_t part;

	for (; n > 0; n -= part) {
		if (f->at == f->len && fill(f))
			return -1;
		part = n < f->len - f->at ? n : f->len - f->at;
		memcpy(to, f->buf + f->at, part);
		f->at += part;
		to += part;
	}
	return 0;
}

static int next_head(struct frames *f)
{
	char head[FRAME_HEAD + 1] = "", *end;

	if (get(f, head, FRAME_HEAD))
		return -1;
	f->type = (enum frame)head[0];
	f->left = strtoul(head + 1, &end, 16);
	return *end || !strchr("FDEZX", head[0]) ? -1 : 0;
}

/* A frame of text, as a string. */
static int whole(struct frames *f, const char **data, size_t *n)
{
	if (f->left > TEXT_MAX)
		return -1;
	free(f->text);
	if ((f->text = malloc(f->left + 1)) == NULL || get(f, f->text, f->left))
		return -1;
	f->text[f->left] = '\0';
	*data = f->text;
	*n = f->left;
	f->left = 0;
	return 0;
}

int frames_next(struct frames *f, enum frame *type, const char **data, size_t *n)
{
	if (f->left == 0 && next_head(f))
		return -1;
	*type = f->type;
	if (f->type != FRAME_DATA)
		return whole(f, data, n);
	if (f->left > 0 && f->at == f->len && fill(f))
		return -1;
	*n = f->left < f->len - f->at ? f->left : f->len - f->at;
	*data = f->buf + f->at;
	f->at += *n;
	f->left -= *n;
	return 0;
}

/* ---- the reader -------------------------------------------------------- */

/* It is beside this program, or in PATH. */
static void find_reader(char path[4096])
{
	ssize_t n = readlink("/proc/self/exe", path, 4096 - sizeof(READER));

	path[n > 0 ? n : 0] = '\0';
	if (strrchr(path, '/'))
		strcpy(strrchr(path, '/') + 1, READER);
	if (access(path, X_OK))
		strcpy(path, READER);
}

static int start(pid_t *pid, int out, const char *file)
{
	char path[4096];
	char *args[] = { READER, "-u", "--", (char *)file, NULL };
	posix_spawn_file_actions_t actions;
	int error;

	find_reader(path);
	if (posix_spawn_file_actions_init(&actions))
		return -1;
	posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	error = posix_spawnp(pid, path, &actions, NULL, args, environ);
	posix_spawn_file_actions_destroy(&actions);
	errno = error;
	return error ? -1 : 0;
}

int frames_begin(struct frames *f, const char *file)
{
	int ends[2], r, saved;

	f->at = f->len = f->left = 0;
	f->text = NULL;
	if (pipe2(ends, O_CLOEXEC))
		return -1;
	f->fd = ends[0];
	r = start(&f->pid, ends[1], file);
	saved = errno;
	close(ends[1]);
	if (r)
		close(ends[0]);
	errno = saved;
	return r;
}

void frames_end(struct frames *f)
{
	close(f->fd); /* it is not to write on */
	while (waitpid(f->pid, NULL, 0) == -1 && errno == EINTR)
		;
	free(f->text);
}
