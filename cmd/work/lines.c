/*
 * lines.c - a slot with a process that stays and takes messages as lines
 *
 * Messages are written as JSON lines to the process and answered in their
 * order, a line each, so the first task of the slot is the one whose turn it
 * is.  Neither side waits for the other: what the pipe does not take is kept
 * in text, and many lines are on their way before the first is answered.  How
 * many follows from how long the answers take, so that a slow process does not
 * hoard what another one could do.
 *
 * When the process ends, the message whose turn it was has failed; the others
 * are given back, as if it had not seen them.
 */
#include "share/json.h"
#include "share/words.h"
#include "work/crew.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ANSWER_MAX  4096  /* the longest line that is an answer */
#define AHEAD_MAX   256   /* messages that wait for their answers */
#define TEXT_ENOUGH 65536 /* to have at hand what the pipe takes next */
#define TEXT_KEPT   16384 /* room for text that is kept when nothing is written */

struct lines {
	struct slot slot;
	struct out out; /* writes to text */
	int to, from;   /* the pipes; -1: closed */
	char *text;     /* lines; text[at..end) are still to be written */
	size_t at, end, size;
	char *rest; /* of the answers: an n bytes long beginning of a line, or NULL */
	size_t n;
	mq_time since;  /* when the process had the first message it has not answered, */
	mq_time pace;   /* and what it takes for an answer, of late; 0: not known */
	uint64_t count; /* of answers since the process was started */
	mq_time restart_at, pause;
};

/* ---- to the process ---------------------------------------------------- */

/* The sink of out. */
static int keep_text(struct out *out, const char *data, size_t n)
{
	struct lines *l = (struct lines *)((char *)out - offsetof(struct lines, out));
	char *text = l->text;

	if (l->end + n > l->size) {
		text = realloc(text, 2 * (l->end + n));
		if (!text)
			return -1;
		l->text = text;
		l->size = 2 * (l->end + n);
	}
	memcpy(text + l->end, data, n);
	l->end += n;
	return 0;
}

static void lines_open(struct slot *s)
{
	struct lines *l = (struct lines *)s;

	l->to = l->from = -1;
	l->out.sink = keep_text;
}

static size_t window_of(const struct lines *l)
{
	int64_t prefetch = l->slot.crew->prefetch;

	if (prefetch >= 0)
		return prefetch ? prefetch : 1;
	return 1 + in_a_moment(l->pace, 1, AHEAD_MAX - 1);
}

static size_t lines_room(const struct slot *s)
{
	const struct lines *l = (const struct lines *)s;
	size_t window = window_of(l);

	if (s->crew->stop || s->killed || s->tasks.n >= window)
		return 0;
	if (!s->pid && !crew_may_start(s->crew))
		return 0;
	if (s->pid && (l->to < 0 || l->from < 0)) /* it is about to end */
		return 0;
	if (s->crew->feed->now < l->restart_at || l->end - l->at > TEXT_ENOUGH)
		return 0;
	return window - s->tasks.n;
}

static void close_pipe(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* Pipes of which only our ends do not block. */
static int open_pipes(int to[2], int from[2])
{
	if (pipe2(to, O_CLOEXEC))
		return -1;
	if (pipe2(from, O_CLOEXEC)) {
		close(to[0]);
		close(to[1]);
		return -1;
	}
	fcntl(to[1], F_SETFL, O_NONBLOCK);
	fcntl(from[0], F_SETFL, O_NONBLOCK);
	return 0;
}

/* 0, or -1 when that failed and was reported. */
static int start_process(struct lines *l)
{
	int to[2], from[2], failed;
	struct verdict v;

	if (open_pipes(to, from)) {
		char text[80];

		snprintf(text, sizeof(text), "pipe: %s", strerror(errno));
		crew_broken(l->slot.crew, MQ_IO, text);
		return -1;
	}
	failed = slot_start(&l->slot, to[0], from[1], NULL, &v);
	close(to[0]);
	close(from[1]);
	l->to = to[1];
	l->from = from[0];
	l->at = l->end = l->count = 0;
	if (!failed)
		return 0;
	close_pipe(&l->to);
	close_pipe(&l->from);
	return -1;
}

/* There is no memory for that message. */
static void too_large(struct lines *l, struct task *t)
{
	const struct mq_message *m = mq_lease_message(t->lease);
	struct crew *crew = l->slot.crew;

	cmd_error(crew->c, MQ_OK, "%s: %s: line: %s", m->queue, m->id, strerror(l->out.error));
	feed_settle(crew->feed, t,
	    (struct verdict){ NACK, -1, "too large for memory", "unreadable" });
}

/* The message as a line at the end of text: 0, or -1 when it cannot be read. */
static int add_line(struct lines *l, struct task *t)
{
	struct json j = { .out = &l->out };
	size_t before = l->end;
	mq_reader *reader;
	int status = mq_reader_of(t->lease, &reader), utf8 = 0;

	if (status == MQ_OK) {
		if ((utf8 = json_probe(reader)) < 0 ||
		    json_message(&j, mq_lease_message(t->lease), reader, utf8))
			status = MQ_IO;
		mq_reader_close(reader);
	}
	if (status == MQ_OK && !out_flush(&l->out))
		return 0;
	l->end = before;
	l->out.len = 0;
	if (status == MQ_OK)
		too_large(l, t);
	else
		crew_unreadable(l->slot.crew, t, status);
	l->out.error = 0;
	return -1;
}

/* It is the turn of the first task. */
static void begin_turn(struct slot *s)
{
	s->turn = s->crew->feed->now;
	if (s->tasks.first)
		s->tasks.first->started = mq_now(s->crew->c->mq);
}

static void lines_take(struct slot *s, struct task *t)
{
	struct lines *l = (struct lines *)s;
	struct feed *f = s->crew->feed;

	if (!s->pid && start_process(l)) {
		feed_settle(f, t, (struct verdict){ GIVEBACK, 0, NULL, "not started" });
		return;
	}
	if (add_line(l, t))
		return;
	fifo_put(&s->tasks, t);
	if (s->tasks.n == 1) {
		l->since = f->now;
		begin_turn(s);
	}
}

/* One that does not read any more, or will not answer any more, is expected to
 * end soon. */
static void expect_end(struct lines *l, int *fd)
{
	close_pipe(fd);
	if (l->slot.term_at == NEVER && l->slot.kill_at == NEVER)
		l->slot.kill_at = l->slot.crew->feed->now + MQ_SECOND;
}

static void write_lines(struct lines *l)
{
	ssize_t n;

	while (l->to >= 0 && l->at < l->end) {
		n = write(l->to, l->text + l->at, l->end - l->at);
		if (n >= 0)
			l->at += n;
		else if (errno == EAGAIN)
			return;
		else if (errno != EINTR)
			expect_end(l, &l->to);
	}
	l->at = l->end = 0;
	if (l->size > TEXT_KEPT) {
		free(l->text);
		l->text = NULL;
		l->size = 0;
	}
}

/* ---- from the process -------------------------------------------------- */

static char *next_word(char **rest)
{
	char *word = *rest + strspn(*rest, " \t\r");

	*rest = word + strcspn(word, " \t\r");
	if (**rest)
		*(*rest)++ = '\0';
	*rest += strspn(*rest, " \t\r");
	return word;
}

/* 19 digits, a dash, 8 more: neither a verdict, a delay nor a likely reason. */
static int begins_with_id(const char *text)
{
	return strspn(text, "0123456789") == 19 && text[19] == '-' &&
	    strspn(text + 20, "0123456789abcdef") == 8 && strchr(" \t\r", text[28]);
}

/* What an answer says of the message with that id; what is wrong with it, or
 * NULL. */
static const char *parse_answer(char *text, const char *id, struct verdict *v)
{
	const char *named, *word;

	text += strspn(text, " \t\r");
	named = begins_with_id(text) ? next_word(&text) : NULL;
	word = next_word(&text);
	if (!named && begins_with_id(text))
		named = next_word(&text);
	if (named && strcmp(named, id) != 0)
		return "another message's turn";
	*v = (struct verdict){ .delay = -1, .status = word };
	if (strcmp(word, "ok") == 0) {
		v->kind = ACK;
	} else if (strcmp(word, "retry") == 0) {
		v->kind = NACK;
		v->reason = word;
		if (*text && mq_parse_duration(next_word(&text), &v->delay))
			return "not a duration";
	} else if (strcmp(word, "dead") == 0) {
		v->kind = REJECT;
		v->reason = *text ? text : NULL;
		return NULL;
	} else {
		return "not a verdict";
	}
	return *text ? "more than a verdict" : NULL;
}

static void bad_answer(struct lines *l, const char *answer, const char *why)
{
	const struct task *t = l->slot.tasks.first;
	const struct mq_message *m = t ? mq_lease_message(t->lease) : NULL;

	cmd_error(l->slot.crew->c, MQ_OK, "%s: %s: '%.80s': %s", l->slot.crew->command.args[0],
	    m ? m->id : "answer", answer, why);
	slot_kill(&l->slot, BAD_VERDICT);
}

static void take_answer(struct lines *l, char *text)
{
	struct slot *s = &l->slot;
	struct task *t = s->tasks.first;
	const char *wrong = "there was no message";
	char *copy = strdupa(text);
	struct verdict v;

	if (t)
		wrong = parse_answer(text, mq_lease_message(t->lease)->id, &v);
	if (wrong) {
		bad_answer(l, copy, wrong);
		return;
	}
	l->count++;
	feed_settle(s->crew->feed, fifo_take(&s->tasks), v);
	begin_turn(s);
}

/* Take the answers that are complete, and keep the rest. */
static void take_answers(struct lines *l, char *text, size_t n)
{
	char *all = text + n, *end;

	while (!l->slot.killed && (end = memchr(text, '\n', all - text))) {
		*end = '\0';
		if (end - text > ANSWER_MAX)
			bad_answer(l, text, "longer than 4 KiB");
		else if (strlen(text) != (size_t)(end - text))
			bad_answer(l, text, "a NUL in it");
		else
			take_answer(l, text);
		text = end + 1;
	}
	l->n = all - text;
	if (l->n > ANSWER_MAX && !l->slot.killed) {
		text[ANSWER_MAX] = '\0';
		bad_answer(l, text, "longer than 4 KiB");
	}
	if (l->slot.killed)
		l->n = 0;
	if (l->n > 0)
		l->rest = memcpy(cmd_realloc(l->slot.crew->c, NULL, l->n), text, l->n);
}

/* Many answers may come at once: what one takes is the mean of them. */
static void measure(struct lines *l, uint64_t count)
{
	mq_time now = l->slot.crew->feed->now;

	if (count == 0)
		return;
	l->pace = follow(l->pace, (now - l->since) / (mq_time)count);
	l->since = now;
}

static void forget_rest(struct lines *l)
{
	free(l->rest);
	l->rest = NULL;
	l->n = 0;
}

/* Read what there is, and no more: how much. */
static ssize_t read_answers(struct lines *l)
{
	char text[ANSWER_MAX + IO_SIZE];
	uint64_t before = l->count;
	size_t had = l->n;
	ssize_t n;

	if (l->from < 0 || l->slot.killed)
		return 0;
	n = read(l->from, text + had, sizeof(text) - had);
	if (n == 0)
		expect_end(l, &l->from);
	if (n <= 0)
		return n;
	if (had > 0)
		memcpy(text, l->rest, had);
	forget_rest(l);
	take_answers(l, text, had + n);
	measure(l, l->count - before);
	return n;
}

static size_t lines_poll(struct slot *s, struct pollfd fds[SLOT_FDS])
{
	struct lines *l = (struct lines *)s;
	size_t n = 0;

	write_lines(l);
	if (l->from >= 0 && !s->killed)
		fds[n++] = (struct pollfd){ .fd = l->from, .events = POLLIN };
	if (l->to >= 0) /* without events, for POLLERR: it has closed its end */
		fds[n++] = (struct pollfd){ .fd = l->to, .events = l->at < l->end ? POLLOUT : 0 };
	return n;
}

static void lines_ready(struct slot *s, const struct pollfd *fd)
{
	struct lines *l = (struct lines *)s;

	if (fd->fd == l->from)
		read_answers(l);
	else if (fd->fd == l->to && (fd->revents & POLLERR))
		expect_end(l, &l->to);
}

/* ---- the end ----------------------------------------------------------- */

static void lines_dismiss(struct slot *s)
{
	close_pipe(&((struct lines *)s)->to);
}

/* The verdict on the message whose turn it was. */
static struct verdict judge(struct slot *s, const siginfo_t *info, const char *reason,
    const char *status)
{
	const struct verdict giveback = { GIVEBACK, 0, NULL, status };

	switch (s->killed) {
	case TIMED_OUT:
		return (struct verdict){ NACK, -1, "timeout", "timeout" };
	case BAD_VERDICT:
		return (struct verdict){ NACK, -1, "bad verdict", "bad verdict" };
	case LEASE_LOST: /* that of another message: this one was worked on all the same */
		return (struct verdict){ NACK, -1, "killed as another lease had lapsed", status };
	case NOT_KILLED:
		if (s->tasks.n && crew_blames_output(s->crew, -1))
			return giveback;
		if (s->tasks.n || info->si_code != CLD_EXITED || info->si_status != 0)
			cmd_error(s->crew->c, MQ_OK, "%s: %s, %zu unanswered",
			    s->crew->command.args[0], reason, s->tasks.n);
		return (struct verdict){ NACK, -1, reason, status };
	default:
		return giveback;
	}
}

static void lines_ended(struct slot *s, const siginfo_t *info)
{
	struct word reason = process_reason(info), status = process_status(info);
	struct lines *l = (struct lines *)s;
	struct verdict v;
	struct task *t;

	while (read_answers(l) > 0)
		;
	v = judge(s, info, reason.text, status.text);
	while ((t = fifo_take(&s->tasks))) {
		feed_settle(s->crew->feed, t, v);
		v = (struct verdict){ GIVEBACK, 0, NULL, status.text };
	}
	close_pipe(&l->to);
	close_pipe(&l->from);
	forget_rest(l);
	l->at = l->end = 0;
	if (l->count > 0)
		l->pause = 0;
	else
		l->pause = l->pause ? 2 * l->pause : 100 * MILLISECOND;
	if (l->pause > 10 * MQ_SECOND)
		l->pause = 10 * MQ_SECOND;
	l->restart_at = s->crew->feed->now + l->pause;
}

static void lines_close(struct slot *s)
{
	struct lines *l = (struct lines *)s;

	out_free(&l->out);
	free(l->text);
	free(l->rest);
}

static mq_time lines_due(const struct slot *s)
{
	const struct lines *l = (const struct lines *)s;

	return l->restart_at > s->crew->feed->now ? l->restart_at : NEVER;
}

const struct slot_kind slot_lines = {
	.size = sizeof(struct lines),
	.answers = 1,
	.open = lines_open,
	.room = lines_room,
	.take = lines_take,
	.ended = lines_ended,
	.poll = lines_poll,
	.ready = lines_ready,
	.dismiss = lines_dismiss,
	.due = lines_due,
	.close = lines_close,
};
