/*
 * worklog.c - what mq-work tells of its jobs: a log, and a line on a terminal
 *
 * The rate is that of the last ten seconds: a ring of counters, one for each
 * second, of which the oldest is dropped when a new second begins.
 */
#include "share/words.h"
#include "work/worklog.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void worklog_open(struct worklog *l, struct cmd *c, const char *file)
{
	*l = (struct worklog){ .c = c, .terminal = isatty(STDERR_FILENO), .file = file };
	if (!file)
		return;
	l->out = cmd_realloc(c, NULL, sizeof(*l->out));
	memset(l->out, 0, sizeof(*l->out));
	l->out->fd = STDERR_FILENO;
	if (strcmp(file, "-") != 0)
		l->out->fd = cmd_create(c, file, O_WRONLY | O_APPEND | O_CREAT);
	if (l->out->fd < 0) {
		cmd_errno(c, file, "open");
		exit(cmd_end(c));
	}
}

void worklog_flush(struct worklog *l)
{
	int reported = l->out && l->out->error;

	if (l->out && out_flush(l->out) && !reported)
		cmd_error(l->c, MQ_IO, "%s: write: %s", l->file, strerror(l->out->error));
}

void worklog_close(struct worklog *l)
{
	worklog_flush(l);
	if (l->out && l->out->fd != STDERR_FILENO && close(l->out->fd))
		cmd_errno(l->c, l->file, "close");
	free(l->out);
	l->out = NULL;
}

void worklog_end(struct worklog *l, const struct mq_message *m, mq_time started,
    const char *verdict, const char *status)
{
	mq_time end;

	l->done += strcmp(verdict, "ack") == 0;
	l->failed += strcmp(verdict, "nack") == 0 || strcmp(verdict, "dead") == 0;
	if (started && l->terminal)
		l->ended[l->second % RATE_SECONDS]++;
	if (!started || !l->out)
		return;
	end = mq_now(l->c->mq);
	out_format(l->out, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%u\n", word_time(started).text,
	    word_time(end).text, word_seconds(end - started).text, verdict, status, m->queue, m->id,
	    m->receives);
}

/* What has ended a second, of late. */
static double rate(struct worklog *l, mq_time now)
{
	int64_t second = now / MQ_SECOND, age;
	uint64_t sum = 0;

	if (!l->first)
		l->first = l->second = second;
	for (; l->second < second; l->second++)
		l->ended[(l->second + 1) % RATE_SECONDS] = 0;
	for (int i = 0; i < RATE_SECONDS; i++)
		sum += l->ended[i];
	age = second - l->first + 1;
	return (double)sum / (double)(age < RATE_SECONDS ? age : RATE_SECONDS);
}

void worklog_progress(struct worklog *l, mq_time now, size_t in_flight, uint64_t left)
{
	char text[160];
	double each;
	long long seconds;
	int n;

	if (!l->terminal)
		return;
	each = rate(l, now);
	n = snprintf(text, sizeof(text), "done, %llu failed, %.1f/s, %zu in flight",
	    (unsigned long long)l->failed, each, in_flight);
	if (left != UINT64_MAX && each > 0) {
		seconds = (long long)((double)left / each);
		snprintf(text + n, sizeof(text) - n, ", %lld:%02lld left", seconds / 60,
		    seconds % 60);
	}
	cmd_progress(l->c, l->done, text);
}
