/*
 * options.c - options and their arguments
 *
 * Tables of options are the one source for getopt and for --help.
 */
#include "share/common.h"
#include "share/words.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef MQ_VERSION
#define MQ_VERSION "0.1.0"
#endif

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
	struct pollfd all[] = { { .fd = 0 }, { .fd = 1 }, { .fd = 2 } };

	if (poll(all, NELEMS(all), 0) == 0) /* one call, and most often none has news */
		return;
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
		cmd_exit_usage(c);
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
		char *equals = c->argv[i] + strcspn(c->argv[i], "=");

		if (!*equals)
			cmd_usage(c, "'%s' is not of the form key=value", c->argv[i]);
		*equals = '\0';
		list[(*n)++] = (struct mq_setting){ c->argv[i], equals + 1 };
	}
	return list;
}
