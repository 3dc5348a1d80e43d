/*
 * mq-stat - what is in the queues and how it flows, in figures and words
 *
 * With checks (-c) it prints no figures: it only names, on standard error,
 * the checks that are true, and exits 2.  Nor does it with a file to record
 * them in, or to draw from, and in place of a table there can be a live view.
 */
#include "live/watch.h"
#include "stat/diagnosis.h"
#include "stat/prometheus.h"
#include "stat/record.h"
#include "stat/statcheck.h"
#include "stat/svg.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#define EXIT_CHECK 2 /* no failure of a call, so not in the table of common.c */

static const struct cmd_option options[] = {
	{ 'j', "json", NULL, "print JSON" },
	{ 'p', "prometheus", NULL, "print Prometheus' text format" },
	{ 'c', "check", "'FIELD OP VALUE'", "exit 2 when this is true, as in visible>1000" },
	{ 'w', "watch", "[=INTERVAL]", "show them live, with graphs (every second)" },
	{ 'r', "record", "FILE", "append a sample of each queue to a file" },
	{ 'g', "svg", "FILE", "draw the samples in a file, as SVG on standard output" },
	{ 0 },
};

struct stat_cmd {
	struct cmd *c;
	struct statcheck *checks;
	size_t nchecks;
	enum { AS_TABLE, AS_JSON, AS_PROMETHEUS } as;
	mq_time watch;        /* how often; 0: no live view */
	const char *svg;      /* samples to draw, or NULL */
	struct record record; /* its file: NULL, or where samples go */
	int any;              /* there is a queue */
	int width;            /* of the longest name */
	struct table table;
	struct column columns[FIGURE_COLUMNS];
	enum figure figures[FIGURE_COLUMNS]; /* of each column */
	struct prometheus prometheus;
	const char *queue; /* that is looked at, */
	char *words;       /* and what was found, in lines */
	size_t nwords;
};

static void run_checks(struct stat_cmd *s, const char *queue, const struct mq_stats *stats)
{
	for (size_t i = 0; i < s->nchecks; i++)
		if (statcheck_run(s->c, queue, &s->checks[i], stats) && !s->c->exit)
			s->c->exit = EXIT_CHECK;
}

/* ---- output ------------------------------------------------------------ */

static void put_finding(void *ctx, const char *code, const char *words)
{
	struct json *j = ctx;

	json_open(j, NULL, '{');
	json_string(j, "code", code);
	json_string(j, "words", words);
	json_close(j, '}');
}

static int put_source(void *ctx, const char *name)
{
	json_string(ctx, NULL, name);
	return 0;
}

static void print_json(struct stat_cmd *s, mq_queue *q, const char *queue,
    const struct mq_stats *stats)
{
	struct json j = { .out = &s->c->out };

	json_open(&j, NULL, '{');
	json_string(&j, "queue", queue);
	figure_members(&j, stats);
	json_bool(&j, "paused", stats->paused);
	json_open(&j, "sources", '[');
	cmd_check(s->c, mq_sources(q, put_source, &j));
	json_close(&j, ']');
	json_open(&j, "findings", '[');
	diagnose(s->c, q, stats, put_finding, &j);
	json_close(&j, ']');
	json_close(&j, '}');
	json_newline(&j);
}

/* After the table, which it would break up. */
static void keep_finding(void *ctx, const char *code, const char *words)
{
	struct stat_cmd *s = ctx;
	size_t more = strlen(s->queue) + strlen(words) + 4;

	(void)code;
	s->words = cmd_realloc(s->c, s->words, s->nwords + more);
	s->nwords += (size_t)sprintf(s->words + s->nwords, "%s: %s\n", s->queue, words);
}

static void show_stats(struct stat_cmd *s, mq_queue *q, const char *name,
    const struct mq_stats *stats)
{
	if (s->nchecks) {
		run_checks(s, name, stats);
	} else if (s->record.file) {
		record_add(&s->record, name, stats);
	} else if (s->as == AS_JSON) {
		print_json(s, q, name, stats);
	} else if (s->as == AS_PROMETHEUS) {
		prometheus_add(s->c, &s->prometheus, name, stats);
	} else {
		figure_row(&s->table, s->columns, s->figures, name, stats);
		s->queue = name;
		if (s->table.human)
			diagnose(s->c, q, stats, keep_finding, s);
	}
}

static int measure_name(void *ctx, const char *name)
{
	struct stat_cmd *s = ctx;
	int width = strlen(name);

	if (s->width < width)
		s->width = width;
	return 0;
}

static int show_queue(void *ctx, const char *name)
{
	struct stat_cmd *s = ctx;
	struct mq_stats stats;
	mq_queue *q;
	int status = mq_queue_open(s->c->mq, name, &q);

	if (status == MQ_NOTFOUND && s->c->argc == 0)
		return 0; /* deleted since it was listed */
	s->any = 1;
	if (cmd_check(s->c, status))
		return 0;
	if (cmd_check(s->c, mq_stat(q, &stats)) == MQ_OK)
		show_stats(s, q, name, &stats);
	mq_queue_close(q);
	return s->c->out.error;
}

/* The queues named, or all. */
static int each_queue(struct stat_cmd *s, int (*each)(void *ctx, const char *name))
{
	if (s->c->argc == 0)
		return mq_queues(s->c->mq, each, s);
	for (int i = 0; i < s->c->argc && !each(s, s->c->argv[i]); i++)
		;
	return MQ_OK;
}

/* Of the terminal, or as wide as need be. */
static int width_of(int fd)
{
	struct winsize w;

	return ioctl(fd, TIOCGWINSZ, &w) == 0 && w.ws_col > 0 ? w.ws_col : INT_MAX;
}

static void begin_table(struct stat_cmd *s)
{
	s->width = strlen("QUEUE");
	each_queue(s, measure_name);
	figure_columns(s->columns, s->figures, s->width, width_of(s->c->out.fd));
	table_begin(&s->table, &s->c->out, s->columns);
}

static void show_all(struct stat_cmd *s)
{
	if (s->record.file)
		record_begin(&s->record, s->c, s->record.file);
	else if (!s->nchecks && s->as == AS_TABLE)
		begin_table(s);
	cmd_check(s->c, each_queue(s, show_queue));
	if (!s->any)
		cmd_check(s->c, MQ_EMPTY);
	if (s->record.file)
		record_end(&s->record);
	if (s->as == AS_PROMETHEUS && !s->nchecks)
		prometheus_write(&s->c->out, &s->prometheus);
	if (s->nwords) {
		out_char(&s->c->out, '\n');
		out_write(&s->c->out, s->words, s->nwords);
	}
	free(s->words);
}

/* How often to look: a screen is not read faster than ten times a second.  A word that
 * follows is the interval, too, if it is a duration. */
static mq_time watch_interval(struct cmd *c, char **argv)
{
	mq_time interval = MQ_SECOND;

	if (!optarg && argv[optind] && mq_parse_duration(argv[optind], &interval) == 0)
		optarg = argv[optind++];
	else if (optarg)
		interval = cmd_duration(c, 'w');
	if (interval < MQ_SECOND / 10)
		cmd_usage(c, "-w: %s is less than 100ms", optarg);
	return interval;
}

static void check_options(const struct stat_cmd *s)
{
	int ways = !!s->watch + !!s->svg + !!s->record.file + (s->nchecks || s->as != AS_TABLE);

	if (ways > 1)
		cmd_usage(s->c, "-g, -r and -w go with none of -c, -j and -p, nor with each other");
}

int main(int argc, char **argv)
{
	struct cmd c = {
		.name = "mq-stat",
		.usage =
		    "[-j | -p | -w | -r FILE | -g FILE] [-c 'FIELD OP VALUE']... [-s DIR] [QUEUE]...",
		.about =
		    "Tell how much is in the queues, and how it flows.  FIELD is visible, in_flight,\n"
		    "delayed, dead, oldest_age, bytes, in_rate, out_rate, latency_p50, latency_p95,\n"
		    "latency_p99, failed or lag, OP is one of > >= < <= = !=.",
		.options = options,
	};
	struct stat_cmd s = { .c = &c };
	int opt;

	cmd_begin(&c, argc, argv);
	s.checks = cmd_realloc(&c, NULL, argc * sizeof(*s.checks));
	while ((opt = cmd_option(&c)) != -1) {
		switch (opt) {
		case 'j':
			s.as = AS_JSON;
			break;
		case 'p':
			s.as = AS_PROMETHEUS;
			break;
		case 'c':
			statcheck_parse(&c, optarg, &s.checks[s.nchecks++]);
			break;
		case 'w':
			s.watch = watch_interval(&c, argv);
			break;
		case 'r':
			s.record.file = optarg;
			break;
		case 'g':
			s.svg = optarg;
			break;
		}
	}
	check_options(&s);
	cmd_start(&c, 0, -1);
	if (s.watch)
		watch_run(&c, s.watch);
	else if (s.svg)
		svg_write(&c, s.svg);
	else
		show_all(&s);
	free(s.checks);
	return cmd_end(&c);
}
