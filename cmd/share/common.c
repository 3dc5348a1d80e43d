/*
 * common.c - how a command starts and ends, and tells of failures
 */
#include "share/common.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* The exit codes, by what a call came to. */
static const int exit_codes[] = {
	[MQ_OK] = 0,
	[MQ_EMPTY] = 1,
	[MQ_LAPSED] = 3,
	[MQ_USAGE] = 64,
	[MQ_DATA] = 65,
	[MQ_NOTFOUND] = 66,
	[MQ_CREATE] = 73,
	[MQ_IO] = 74,
	[MQ_BUSY] = 75,
	[MQ_DENIED] = 77,
	[MQ_SETTING] = 78,
};

/* ---- start and end ----------------------------------------------------- */

static char *default_spool(void)
{
	const char *env = getenv("MQ_SPOOL");
	const char *state = getenv("XDG_STATE_HOME");
	const char *home = getenv("HOME");
	char *path = NULL;
	int n;

	if (env && *env)
		n = asprintf(&path, "%s", env);
	else if (geteuid() != 0 && state && *state)
		n = asprintf(&path, "%s/mq", state);
	else if (geteuid() != 0 && home && *home)
		n = asprintf(&path, "%s/.local/state/mq", home);
	else
		n = asprintf(&path, "/var/spool/mq");
	return n < 0 ? NULL : path;
}

#ifdef MQ_TESTING
static mq_time test_shift(struct cmd *c, const char *variable)
{
	const char *text = getenv(variable);
	int negative = text && *text == '-';
	mq_time t = 0;

	if (text && mq_parse_duration(text + negative, &t))
		cmd_usage(c, "%s: '%s' is not a duration", variable, text);
	return negative ? -t : t;
}
#endif

static int is_set(const char *variable)
{
	const char *value = getenv(variable);

	return value && *value && strcmp(value, "0") != 0;
}

/* As for the arguments of options. */
static void check_operands(struct cmd *c)
{
	int n = c->may_be_empty_from ? c->may_be_empty_from - 1 : c->argc;

	for (int i = 0; i < n && i < c->argc; i++)
		if (!*c->argv[i])
			cmd_usage(c, "an operand is empty");
}

void cmd_start(struct cmd *c, int min, int max)
{
	if (c->argc < min)
		cmd_usage(c, "missing operand");
	if (max >= 0 && c->argc > max)
		cmd_usage(c, "extra operand '%s'", c->argv[max]);
	check_operands(c);
	cmd_umask_spool(c);
	if (!c->spool)
		c->spool = c->default_spool = default_spool();
	c->mq = c->spool ? mq_open(c->spool) : NULL;
	if (!c->mq) {
		cmd_error(c, MQ_IO, "out of memory");
		exit(cmd_end(c));
	}
	if (is_set("MQ_POLL"))
		mq_poll(c->mq);
#ifdef MQ_TESTING
	mq_clock_shift(c->mq, test_shift(c, "MQ_TEST_PASSED"), test_shift(c, "MQ_TEST_STEPPED"));
#endif
}

static void wipe_progress(struct cmd *c)
{
	if (c->progress_shown)
		fputs("\r\033[K", stderr);
	c->progress_shown = 0;
}

/* Exit, and let a child be the last to close what is open.  What was inherited,
 * unlike what we have opened, is not closed on exec: of that the child keeps
 * nothing, nor a file system, as somebody may wait for these to be let go. */
_Noreturn static void exit_at_once(const struct cmd *c)
{
	pid_t parent = getpid();

	for (int fd = 0; fd <= 2; fd++)
		close(fd);
	if (fork() == 0) {
		(void)!chdir("/");
		for (int fd = 3; fd < 256; fd++)
			if (fcntl(fd, F_GETFD) == 0)
				close(fd);
		while (getppid() == parent)
			usleep(100);
	}
	_exit(c->exit);
}

int cmd_end(struct cmd *c)
{
	wipe_progress(c);
	cmd_flush(c, "");
	/* some file systems tell of a failed write only here */
	if (close(c->out.fd) && !c->out_reported)
		cmd_error(c, MQ_IO, "standard output: close: %s", strerror(errno));
	out_free(&c->out);
	if (c->wait && mq_wait_fd(c->wait) >= 0)
		exit_at_once(c);
	mq_wait_close(c->wait);
	mq_close(c->mq);
	free(c->default_spool);
	return c->exit;
}

/* ---- failures ---------------------------------------------------------- */

/* One line on standard error.  What it quotes may hold anything: control
 * characters are not passed on to the terminal. */
static void complain(struct cmd *c, const char *fmt, va_list args)
{
	char *text;

	wipe_progress(c);
	if (vasprintf(&text, fmt, args) < 0)
		text = NULL;
	for (char *p = text; p && *p; p++)
		if (iscntrl((unsigned char)*p))
			*p = '?';
	fprintf(stderr, "%s: %s\n", c->name, text ? text : "out of memory");
	free(text);
}

void cmd_exit_usage(struct cmd *c)
{
	fprintf(stderr, "usage: %s %s\n", c->name, c->usage);
	exit(exit_codes[MQ_USAGE]);
}

void cmd_usage(struct cmd *c, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	complain(c, fmt, args);
	va_end(args);
	cmd_exit_usage(c);
}

void cmd_error(struct cmd *c, enum mq_status status, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	complain(c, fmt, args);
	va_end(args);
	/* to have found nothing is no failure: it gives way to one */
	if (!c->exit || c->exit == exit_codes[MQ_EMPTY])
		c->exit = exit_codes[status];
}

int cmd_check(struct cmd *c, int status)
{
	if (status == MQ_EMPTY && !c->exit)
		c->exit = exit_codes[status];
	else if (status != MQ_OK && status != MQ_EMPTY)
		cmd_error(c, status, "%s", mq_error(c->mq));
	return status;
}

void cmd_errno(struct cmd *c, const char *object, const char *what)
{
	int status = errno == ENOENT ? MQ_NOTFOUND : mq_status_of_errno(errno);

	cmd_error(c, status, "%s: %s: %s", object, what, strerror(errno));
}

int cmd_flush(struct cmd *c, const char *note)
{
	if (out_flush(&c->out) == 0)
		return 0;
	if (!c->out_reported)
		cmd_error(c, MQ_IO, "standard output: write: %s%s", strerror(c->out.error), note);
	c->out_reported = 1;
	return -1;
}

int cmd_open(const char *path, int flags)
{
	int fd;

	do
		fd = open(path, flags | O_CLOEXEC, 0666);
	while (fd == -1 && errno == EINTR);
	return fd;
}

int cmd_create(struct cmd *c, const char *path, int flags)
{
	int fd;

	cmd_umask_user(c);
	fd = cmd_open(path, flags);
	cmd_umask_spool(c);
	return fd;
}

void cmd_umask_user(struct cmd *c)
{
	umask(c->umask);
}

void cmd_umask_spool(struct cmd *c)
{
	c->umask = umask(007);
}

void *cmd_realloc(struct cmd *c, void *p, size_t n)
{
	p = realloc(p, n ? n : 1);
	if (!p) {
		cmd_error(c, MQ_IO, "out of memory");
		exit(cmd_end(c));
	}
	return p;
}

/* ---- progress ---------------------------------------------------------- */

mq_time monotonic(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * MQ_SECOND + ts.tv_nsec;
}

void cmd_progress(struct cmd *c, uint64_t count, const char *what)
{
	mq_time now = monotonic();

	if (!c->progress_due && isatty(STDERR_FILENO))
		c->progress_due = now + MQ_SECOND / 2; /* short tasks show nothing */
	if (!c->progress_due || now < c->progress_due)
		return;
	c->progress_due = now + MQ_SECOND / 5;
	c->progress_shown = 1;
	fprintf(stderr, "\r%s: %llu %s\033[K", c->name, (unsigned long long)count, what);
}
