/*
 * samples.c - figures of queues as lines of a file
 */
#include "stat/samples.h"

#include "share/figures.h"
#include "share/words.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TOLD 10 /* bad lines; of a file that is something else, all are */

struct field {
	const char *name;
	size_t at; /* in struct mq_stats: a uint64_t, or */
	int age;   /* an mq_time */
};

/* The figures in the order in which they stand; the counters follow. */
static const struct field states[] = {
	{ "visible", offsetof(struct mq_stats, visible), 0 },
	{ "in_flight", offsetof(struct mq_stats, in_flight), 0 },
	{ "delayed", offsetof(struct mq_stats, delayed), 0 },
	{ "dead", offsetof(struct mq_stats, dead), 0 },
	{ "oldest_age", offsetof(struct mq_stats, oldest_age), 1 },
	{ "bytes", offsetof(struct mq_stats, bytes), 0 },
};

#define FIELDS (NELEMS(states) + COUNTERS)

static struct field field(size_t i)
{
	const struct counter *k;

	if (i < NELEMS(states))
		return states[i];
	k = &counters[i - NELEMS(states)];
	return (struct field){ k->name, offsetof(struct mq_stats, total) + k->at, 0 };
}

/* ---- writing ------------------------------------------------------------ */

void sample_put_header(FILE *f)
{
	fputs("#time\tqueue", f);
	for (size_t i = 0; i < FIELDS; i++)
		fprintf(f, "\t%s", field(i).name);
	fputc('\n', f);
}

void sample_put(FILE *f, const struct sample *s)
{
	fprintf(f, "%s\t%s", word_time(s->at).text, s->queue);
	for (size_t i = 0; i < FIELDS; i++) {
		struct field figure = field(i);
		const char *at = (const char *)&s->stats + figure.at;

		if (figure.age)
			fprintf(f, "\t%s", word_seconds(*(const mq_time *)at).text);
		else
			fprintf(f, "\t%llu", (unsigned long long)*(const uint64_t *)at);
	}
	fputc('\n', f);
}

/* ---- reading ------------------------------------------------------------ */

static int parse_count(const char *text, uint64_t *n)
{
	char *end;

	errno = 0;
	*n = strtoull(text, &end, 10);
	return *text < '0' || *text > '9' || *end || errno ? -1 : 0;
}

/* What can stand in a picture, which is XML. */
static int is_text(const char *name)
{
	size_t n = strlen(name);

	for (const char *p = name; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			return 0;
	return n > 0 && mq_valid_utf8(name, n) && !strstr(name, "\xef\xbf\xbe") &&
	    !strstr(name, "\xef\xbf\xbf");
}

/* Take a line, without its newline, apart.  -1: it is not a sample. */
static int sample_parse(char *line, struct sample *s)
{
	const char *time = strsep(&line, "\t");

	*s = (struct sample){ .queue = line ? strsep(&line, "\t") : "" };
	if (mq_parse_time(time, &s->at) || !is_text(s->queue))
		return -1;
	for (size_t i = 0; i < FIELDS; i++) {
		struct field figure = field(i);
		char *at = (char *)&s->stats + figure.at;
		const char *text = line ? strsep(&line, "\t") : "";

		if (figure.age ? mq_parse_duration(text, (mq_time *)at) :
				 parse_count(text, (uint64_t *)at))
			return -1;
	}
	return line ? -1 : 0;
}

static void tell_line(struct cmd *c, const char *name, uint64_t number, uint64_t bad)
{
	if (bad <= TOLD)
		cmd_error(c, MQ_DATA, "%s: line %llu is not a sample", name,
		    (unsigned long long)number);
}

int samples_read(struct cmd *c, FILE *f, const char *name, int tell,
    void (*each)(void *ctx, const struct sample *), void *ctx)
{
	uint64_t number = 0, bad = 0;
	struct sample s;
	char *line = NULL;
	size_t size = 0;
	ssize_t n = -1;
	int failed = fseeko(f, 0, SEEK_SET);

	errno = failed ? errno : 0;
	/* what comes with an error is not the whole of a line */
	while (!failed && (n = getline(&line, &size, f)) >= 0 && !ferror(f)) {
		number++;
		if (n > 0 && line[n - 1] == '\n')
			line[--n] = '\0';
		if (*line == '#' || n == 0)
			continue;
		if (strlen(line) == (size_t)n && sample_parse(line, &s) == 0)
			each(ctx, &s);
		else if (tell)
			tell_line(c, name, number, ++bad);
	}
	if (bad > TOLD)
		cmd_error(c, MQ_DATA, "%s: nor are %llu lines more", name,
		    (unsigned long long)(bad - TOLD));
	failed = failed || ferror(f);
	if (failed)
		cmd_errno(c, name, errno == ESPIPE ? "read twice" : "read");
	free(line);
	return failed ? -1 : 0;
}
