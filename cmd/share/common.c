/*
 * common.c - what the commands share
 *
 * Option tables are the one source for getopt and for --help.  Standard output
 * goes through struct out rather than stdio, since stdio forgets the errno of
 * a failed write and cannot tell how much has gone out.
 */
#include "share/common.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#ifndef MQ_VERSION
#define MQ_VERSION "0.1.0"
#endif

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

/* ---- output ------------------------------------------------------------ */

static void write_all(struct out *o, const char *data, size_t n)
{
	if (o->sink) {
		if (o->sink(o, data, n))
			o->error = errno;
		return;
	}
	while (n > 0 && !o->error) {
		ssize_t w = write(o->fd, data, n);

		if (w >= 0) {
			data += w;
			n -= w;
			o->written += w;
		} else if (errno == EAGAIN) {
			poll(&(struct pollfd){ .fd = o->fd, .events = POLLOUT }, 1, -1);
		} else if (errno != EINTR) {
			o->error = errno;
		}
	}
}

void out_write(struct out *o, const void *data, size_t n)
{
	o->put += n;
	if (n > IO_SIZE - o->len)
		out_flush(o);
	if (!o->buf && !(o->buf = malloc(IO_SIZE)) && !o->error)
		o->error = ENOMEM;
	if (o->error)
		return;
	if (n >= IO_SIZE) {
		write_all(o, data, n);
		return;
	}
	memcpy(o->buf + o->len, data, n);
	o->len += n;
}

void out_text(struct out *o, const char *text)
{
	out_write(o, text, strlen(text));
}

void out_char(struct out *o, char c)
{
	out_write(o, &c, 1);
}

void out_format(struct out *o, const char *fmt, ...)
{
	va_list args;
	char *text;
	int n;

	va_start(args, fmt);
	n = vasprintf(&text, fmt, args);
	va_end(args);
	if (n < 0) {
		o->error = o->error ? o->error : ENOMEM;
		return;
	}
	out_write(o, text, n);
	free(text);
}

int out_flush(struct out *o)
{
	if (o->len > 0)
		write_all(o, o->buf, o->len);
	o->len = 0;
	return o->error ? -1 : 0;
}

void out_free(struct out *o)
{
	free(o->buf);
	o->buf = NULL;
}

int out_payload(struct out *o, mq_reader *reader)
{
	char buf[IO_SIZE];
	ssize_t n;

	while ((n = mq_reader_read(reader, buf, sizeof(buf))) > 0) {
		out_write(o, buf, n);
		if (o->error)
			return 0;
	}
	return n < 0 ? -1 : 0;
}

/* ---- options ----------------------------------------------------------- */

static const struct cmd_option common_options[] = {
	{ 's', "spool", "DIR", "the spool (default: $MQ_SPOOL)" },
	{ 'h', "help", NULL, "print this help" },
	{ 'V', "version", NULL, "print the version" },
	{ 0 },
};

#define DURATIONS "numbers of w, d, h, m, s (or no unit), ms or us, as in 1h30m"

/* Whether what an argument is called says that it is a duration. */
static int is_duration(const char *arg)
{
	static const char *const names[] = { "DELAY", "DURATION", "IDLE", "TIMEOUT", "TTL",
		"VISIBILITY", "WAIT", "WINDOW", "[=INTERVAL]" };

	for (size_t i = 0; arg && i < NELEMS(names); i++)
		if (strcmp(arg, names[i]) == 0)
			return 1;
	return 0;
}

static int is_optional(const struct cmd_option *o)
{
	return o->arg && *o->arg == '[';
}

static void add_options(struct cmd *c, const struct cmd_option *o)
{
	struct option *l = c->longs;
	char *s = c->letters + strlen(c->letters);

	while (l->name)
		l++;
	for (; o && o->letter; o++) {
		int may = is_optional(o);

		*l++ = (struct option){ o->name,
			may        ? optional_argument :
			    o->arg ? required_argument :
				     no_argument,
			NULL, o->letter };
		*s++ = o->letter;
		if (o->arg)
			*s++ = ':';
		if (may)
			*s++ = ':';
	}
}

/* Whether one of them takes a duration. */
static int print_options(struct out *out, const struct cmd_option *o)
{
	int durations = 0;

	for (; o && o->letter; o++) {
		char text[64];

		durations |= is_duration(o->arg);
		snprintf(text, sizeof(text), "-%c, --%s%s%s", o->letter, o->name,
		    o->arg && !is_optional(o) ? "=" : "", o->arg ? o->arg : "");
		out_format(out, "  %-36s %s\n", text, o->help);
	}
	return durations;
}

_Noreturn static void print_help(struct cmd *c)
{
	int durations;

	out_format(&c->out, "usage: %s %s\n%s\n\n", c->name, c->usage, c->about);
	durations = print_options(&c->out, c->options);
	durations |= print_options(&c->out, c->more_options);
	print_options(&c->out, common_options);
	if (durations)
		out_text(&c->out, "\nDurations are " DURATIONS ".\n");
	exit(cmd_end(c));
}

_Noreturn static void print_version(struct cmd *c)
{
	out_format(&c->out, "%s %s\n", c->name, MQ_VERSION);
	exit(cmd_end(c));
}

/* A standard descriptor that is closed must not be given to the next file
 * opened: what is meant for it would end up there.  Opened the wrong way
 * round, its use fails as it should. */
static void occupy_standard_descriptors(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			(void)!open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY);
}

void cmd_begin(struct cmd *c, int argc, char **argv)
{
	occupy_standard_descriptors();
	signal(SIGPIPE, SIG_IGN); /* a reader that went away is a failed write, to be told */
	c->out.fd = STDOUT_FILENO;
	c->argc = argc;
	c->argv = argv;
	argv[0] = (char *)c->name; /* getopt's messages begin with it */
	if (c->in_order)
		strcpy(c->letters, "+");
	add_options(c, c->options);
	add_options(c, c->more_options);
	add_options(c, common_options);
}

_Noreturn static void exit_usage(struct cmd *c)
{
	fprintf(stderr, "usage: %s %s\n", c->name, c->usage);
	exit(exit_codes[MQ_USAGE]);
}

static int may_be_empty(const struct cmd *c, int letter)
{
	return c->may_be_empty && strchr(c->may_be_empty, letter);
}

/* The next option.  An empty argument is most often a variable that was not set: it
 * must not pass for a name, nor for "all". */
static int next_option(struct cmd *c)
{
	int opt = getopt_long(c->argc, c->argv, c->letters, c->longs, NULL);

	if (opt != -1 && opt != '?' && optarg && !*optarg && !may_be_empty(c, opt))
		cmd_usage(c, "-%c: its argument is empty", opt);
	return opt;
}

int cmd_option(struct cmd *c)
{
	int opt;

	while ((opt = next_option(c)) == 's')
		c->spool = optarg;
	switch (opt) {
	case -1:
		c->argc -= optind;
		c->argv += optind;
		return -1;
	case '?':
		exit_usage(c);
	case 'h':
		print_help(c);
	case 'V':
		print_version(c);
	}
	return opt;
}

uint64_t cmd_number(struct cmd *c, int letter, uint64_t min, uint64_t max)
{
	char *end;
	unsigned long long n;

	errno = 0;
	n = strtoull(optarg, &end, 10);
	/* strtoull itself takes signs and leading blanks */
	if (*optarg < '0' || *optarg > '9' || *end)
		cmd_usage(c, "-%c: '%s' is not a number", letter, optarg);
	if (errno || n < min || n > max)
		cmd_usage(c, "-%c: %s is out of range", letter, optarg);
	return n;
}

mq_time cmd_duration(struct cmd *c, int letter)
{
	mq_time t;

	if (mq_parse_duration(optarg, &t))
		cmd_usage(c, "-%c: '%s' is not a duration: %s", letter, optarg, DURATIONS);
	return t;
}

mq_time cmd_visibility(struct cmd *c, int letter)
{
	mq_time t = cmd_duration(c, letter);

	return t ? t : 1;
}

unsigned cmd_states(struct cmd *c, int letter)
{
	const char *text = optarg;
	unsigned states = 0;

	for (;;) {
		size_t n = strcspn(text, ",");
		unsigned state;

		for (state = MQ_READY; state <= MQ_DEAD; state <<= 1)
			if (strlen(state_name(state)) == n && !memcmp(state_name(state), text, n))
				break;
		if (state > MQ_DEAD)
			cmd_usage(c, "-%c: no such state: '%.*s'", letter, (int)n, text);
		states |= state;
		if (!text[n])
			return states;
		text += n + 1;
	}
}

struct mq_setting *cmd_settings(struct cmd *c, int first, size_t *n)
{
	struct mq_setting *list = cmd_realloc(c, NULL, c->argc * sizeof(*list));

	*n = 0;
	for (int i = first; i < c->argc; i++) {
		char *equals = strchr(c->argv[i], '=');

		if (!equals)
			cmd_usage(c, "'%s' is not of the form key=value", c->argv[i]);
		*equals = '\0';
		list[(*n)++] = (struct mq_setting){ c->argv[i], equals + 1 };
	}
	return list;
}

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

void cmd_usage(struct cmd *c, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	complain(c, fmt, args);
	va_end(args);
	exit_usage(c);
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

int cmd_open(const char *path, int mode)
{
	int fd;

	do
		fd = open(path, mode | O_CLOEXEC);
	while (fd == -1 && errno == EINTR);
	return fd;
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

/* ---- waiting ----------------------------------------------------------- */

mq_time monotonic(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * MQ_SECOND + ts.tv_nsec;
}

mq_wait *cmd_wait_open(struct cmd *c, mq_queue *const *queues, size_t n)
{
	cmd_check(c, mq_wait_open(c->mq, queues, n, &c->wait));
	return c->wait;
}

static int wait_until(struct cmd *c, mq_wait *w, mq_time end, int (*receive)(void *ctx), void *ctx)
{
	mq_time within, left;
	int look, status;

	for (;;) {
		status = cmd_check(c, mq_wait_arm(w, &look, &within));
		if (status)
			return status;
		status = look ? receive(ctx) : MQ_EMPTY;
		left = end - monotonic();
		if (status != MQ_EMPTY || left <= 0)
			return status;
		mq_wait_sleep(w, within < 0 || within > left ? left : within);
	}
}

int cmd_wait(struct cmd *c, mq_queue *const *queues, size_t n, mq_time wait,
    int (*receive)(void *ctx), void *ctx)
{
	mq_time end = monotonic() + wait;
	mq_wait *w = cmd_wait_open(c, queues, n);
	int status;

	if (!w)
		return MQ_IO;
	status = wait_until(c, w, end, receive, ctx);
	mq_wait_leave(w);
	if (status == MQ_EMPTY)
		cmd_check(c, status);
	return status;
}

/* ---- operands ---------------------------------------------------------- */

mq_queue *cmd_queue(struct cmd *c, const char *name)
{
	mq_queue *q = NULL;

	return cmd_check(c, mq_queue_open(c->mq, name, &q)) ? NULL : q;
}

mq_exchange *cmd_exchange(struct cmd *c, const char *name)
{
	mq_exchange *x = NULL;

	return cmd_check(c, mq_exchange_open(c->mq, name, &x)) ? NULL : x;
}

static void each_on_stdin(struct cmd *c, int zero, void (*each)(void *ctx, const char *), void *ctx)
{
	char *line = NULL;
	size_t size = 0;
	ssize_t n;

	/* what comes with an error is not the whole of a line */
	while ((n = getdelim(&line, &size, zero ? '\0' : '\n', stdin)) >= 0 && !ferror(stdin)) {
		if (!zero && n > 0 && line[n - 1] == '\n')
			line[--n] = '\0';
		/* cut there, what comes after it would be passed over in silence */
		if (!zero && strlen(line) != (size_t)n)
			cmd_error(c, MQ_DATA,
			    "standard input: a NUL in a line: -0 reads such lists");
		else if (*line)
			each(ctx, line);
	}
	if (ferror(stdin))
		cmd_errno(c, "standard input", "read");
	clearerr(stdin);
	free(line);
}

void cmd_operands(struct cmd *c, int first, int zero, void (*each)(void *ctx, const char *),
    void *ctx)
{
	for (int i = first; i < c->argc; i++)
		if (strcmp(c->argv[i], "-") == 0)
			each_on_stdin(c, zero, each, ctx);
		else
			each(ctx, c->argv[i]);
}

struct verdict {
	struct cmd *c;
	int (*apply)(mq_lease *, void *ctx);
	void *ctx;
};

static void apply_verdict(void *ctx, const char *receipt)
{
	const struct verdict *v = ctx;
	mq_lease *lease;

	if (cmd_check(v->c, mq_lease_of(v->c->mq, receipt, &lease)))
		return;
	cmd_check(v->c, v->apply(lease, v->ctx));
	mq_lease_free(lease);
}

void cmd_verdicts(struct cmd *c, int zero, int (*verdict)(mq_lease *, void *ctx), void *ctx)
{
	struct verdict v = { c, verdict, ctx };

	cmd_operands(c, 0, zero, apply_verdict, &v);
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

/* ---- words ------------------------------------------------------------- */

struct word word_time(mq_time t)
{
	struct word iso;
	time_t seconds = t / MQ_SECOND;
	struct tm tm;
	size_t n;

	gmtime_r(&seconds, &tm);
	n = strftime(iso.text, sizeof(iso.text), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(iso.text + n, sizeof(iso.text) - n, ".%03dZ", (int)(t % MQ_SECOND / 1000000));
	return iso;
}

struct word word_seconds(mq_time t)
{
	struct word w;

	t = t > 0 ? t : 0; /* an age, when the clock was stepped back */
	snprintf(w.text, sizeof(w.text), "%lld.%03d", (long long)(t / MQ_SECOND),
	    (int)(t % MQ_SECOND / 1000000));
	return w;
}

const char *state_name(enum mq_state state)
{
	switch (state) {
	case MQ_READY:
		return "ready";
	case MQ_DELAYED:
		return "delayed";
	case MQ_LEASED:
		return "leased";
	case MQ_DEAD:
		return "dead";
	}
	return "?";
}
