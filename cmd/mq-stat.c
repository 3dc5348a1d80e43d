/*
 * mq-stat - what is in the queues, in figures
 *
 * With checks (-c) it prints no figures: it only names, on standard error,
 * the checks that are true, and exits 2.  Nor does it with a file to record
 * them in, or to draw from, and in place of a table there can be a live view.
 */
#include "common.h"
#include "json.h"
#include "record.h"
#include "svg.h"
#include "table.h"
#include "watch.h"

#include <stdlib.h>
#include <string.h>

#define EXIT_CHECK 2 /* no failure of a call, so not in the table of common.c */

static const struct cmd_option options[] = {
	{ 'j', "json", NULL, "print JSON" },
	{ 'c', "check", "'FIELD OP VALUE'", "exit 2 when this is true, as in visible>1000" },
	{ 'w', "watch", "[=INTERVAL]", "show them live, with graphs (every second)" },
	{ 'r', "record", "FILE", "append a sample of each queue to a file" },
	{ 'g', "svg", "FILE", "draw the samples in a file, as SVG on standard output" },
	{ 0 },
};

enum field { VISIBLE, IN_FLIGHT, DELAYED, DEAD, OLDEST_AGE, BYTES, FIELDS };

static const char *const field_names[FIELDS] = {
	"visible",
	"in_flight",
	"delayed",
	"dead",
	"oldest_age",
	"bytes",
};

enum op { ABOVE, AT_LEAST, BELOW, AT_MOST, EQUAL, UNEQUAL, OPS };

static const char *const op_names[OPS] = { ">", ">=", "<", "<=", "=", "!=" };

struct check {
	const char *text;
	enum field field;
	enum op op;
	uint64_t value;
};

struct stat_cmd {
	struct cmd *c;
	struct check *checks;
	size_t nchecks;
	int json;
	mq_time watch;        /* how often; 0: no live view */
	const char *svg;      /* samples to draw, or NULL */
	struct record record; /* its file: NULL, or where samples go */
	int any;              /* there is a queue */
	int width;            /* of the longest name */
	struct table table;
};

static uint64_t field_value(const struct mq_stats *s, enum field field)
{
	const uint64_t values[FIELDS] = { s->visible, s->in_flight, s->delayed, s->dead,
		s->oldest_age, s->bytes };

	return values[field];
}

/* ---- checks ------------------------------------------------------------ */

/* Which of the n words the text of that length is; n: none. */
static size_t find_word(const char *const *words, size_t n, const char *text, size_t length)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (strlen(words[i]) == length && memcmp(words[i], text, length) == 0)
			break;
	return i;
}

static int parse_value(enum field field, const char *text, uint64_t *value)
{
	mq_time age;

	if (field != OLDEST_AGE)
		return mq_parse_size(text, value);
	if (mq_parse_duration(text, &age))
		return -1;
	*value = age;
	return 0;
}

/* FIELD OP VALUE, with or without blanks between them. */
static void parse_check(struct cmd *c, const char *text, struct check *check)
{
	static const char blanks[] = " \t";
	size_t nfield = strcspn(text, " \t<>=!");
	const char *op = text + nfield + strspn(text + nfield, blanks);
	size_t nop = strspn(op, "<>=!");
	const char *value = op + nop + strspn(op + nop, blanks);

	check->text = text;
	check->field = find_word(field_names, FIELDS, text, nfield);
	check->op = find_word(op_names, OPS, op, nop);
	if (check->field == FIELDS)
		cmd_usage(c, "-c '%s': no such field: '%.*s'", text, (int)nfield, text);
	if (check->op == OPS)
		cmd_usage(c, "-c '%s': not one of > >= < <= = !=: '%.*s'", text, (int)nop, op);
	if (parse_value(check->field, value, &check->value))
		cmd_usage(c, "-c '%s': bad value: '%s'", text, value);
}

static int is_true(const struct check *check, uint64_t is)
{
	switch (check->op) {
	case ABOVE:
		return is > check->value;
	case AT_LEAST:
		return is >= check->value;
	case BELOW:
		return is < check->value;
	case AT_MOST:
		return is <= check->value;
	case EQUAL:
		return is == check->value;
	default:
		return is != check->value;
	}
}

static void report_check(struct cmd *c, const char *queue, const struct check *check, uint64_t is)
{
	if (check->field == OLDEST_AGE)
		cmd_error(c, MQ_OK, "%s: %s is %ss: %s", queue, field_names[check->field],
		    word_seconds(is).text, check->text);
	else
		cmd_error(c, MQ_OK, "%s: %s is %llu: %s", queue, field_names[check->field],
		    (unsigned long long)is, check->text);
	if (!c->exit)
		c->exit = EXIT_CHECK;
}

static void run_checks(struct stat_cmd *s, const char *queue, const struct mq_stats *stats)
{
	for (size_t i = 0; i < s->nchecks; i++) {
		uint64_t is = field_value(stats, s->checks[i].field);

		if (is_true(&s->checks[i], is))
			report_check(s->c, queue, &s->checks[i], is);
	}
}

/* ---- output ------------------------------------------------------------ */

static void print_json(struct stat_cmd *s, const char *queue, const struct mq_stats *stats)
{
	struct json j = { .out = &s->c->out };

	json_open(&j, NULL, '{');
	json_string(&j, "queue", queue);
	for (int f = 0; f < FIELDS; f++)
		if (f == OLDEST_AGE)
			json_seconds(&j, field_names[f], field_value(stats, f));
		else
			json_count(&j, field_names[f], field_value(stats, f));
	json_bool(&j, "paused", stats->paused);
	json_close(&j, '}');
	json_newline(&j);
}

static void print_row(struct stat_cmd *s, const char *queue, const struct mq_stats *stats)
{
	table_text(&s->table, queue);
	table_count(&s->table, stats->visible);
	table_count(&s->table, stats->in_flight);
	table_count(&s->table, stats->delayed);
	table_count(&s->table, stats->dead);
	table_age(&s->table, stats->oldest_age);
	table_size(&s->table, stats->bytes);
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
	if (cmd_check(s->c, mq_stat(q, &stats)) == MQ_OK) {
		if (s->nchecks)
			run_checks(s, name, &stats);
		else if (s->record.file)
			record_add(&s->record, name, &stats);
		else if (s->json)
			print_json(s, name, &stats);
		else
			print_row(s, name, &stats);
	}
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

static void show_all(struct stat_cmd *s)
{
	struct column columns[] = {
		{ "QUEUE", 0 },
		{ "VISIBLE", 9 },
		{ "IN_FLIGHT", 9 },
		{ "DELAYED", 9 },
		{ "DEAD", 9 },
		{ "OLDEST_AGE", 10 },
		{ "BYTES", 7 },
		{ NULL, 0 },
	};

	if (s->record.file) {
		record_begin(&s->record, s->c, s->record.file);
	} else if (!s->nchecks && !s->json) {
		s->width = strlen(columns[0].title);
		each_queue(s, measure_name);
		columns[0].width = -s->width;
		table_begin(&s->table, &s->c->out, columns);
	}
	cmd_check(s->c, each_queue(s, show_queue));
	if (!s->any)
		cmd_check(s->c, MQ_EMPTY);
	if (s->record.file)
		record_end(&s->record);
}

/* How often to look: a screen is not read faster than ten times a second. */
static mq_time watch_interval(struct cmd *c)
{
	mq_time interval = optarg ? cmd_duration(c, 'w') : MQ_SECOND;

	if (interval < MQ_SECOND / 10)
		cmd_usage(c, "-w: %s is less than 100ms", optarg);
	return interval;
}

static void check_options(const struct stat_cmd *s)
{
	int ways = !!s->watch + !!s->svg + !!s->record.file + s->json + !!s->nchecks;

	if (ways > 1)
		cmd_usage(s->c, "-c, -g, -j, -r and -w do not go together");
}

int main(int argc, char **argv)
{
	struct cmd c = {
		.name = "mq-stat",
		.usage =
		    "[-j | -w | -r FILE | -g FILE] [-c 'FIELD OP VALUE']... [-s DIR] [QUEUE]...",
		.about =
		    "Tell how much is in the queues.  FIELD is visible, in_flight, delayed, dead,\n"
		    "oldest_age or bytes, OP is one of > >= < <= = !=.",
		.options = options,
	};
	struct stat_cmd s = { .c = &c };
	int opt;

	cmd_begin(&c, argc, argv);
	s.checks = cmd_realloc(&c, NULL, argc * sizeof(*s.checks));
	while ((opt = cmd_option(&c)) != -1) {
		switch (opt) {
		case 'j':
			s.json = 1;
			break;
		case 'c':
			parse_check(&c, optarg, &s.checks[s.nchecks++]);
			break;
		case 'w':
			s.watch = watch_interval(&c);
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
