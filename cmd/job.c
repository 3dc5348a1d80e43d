/*
 * job.c - a slot with a process for each message
 *
 * Standard input of a job is the file of the message itself where that holds
 * the payload and nothing else.  Where the payload is a part of a file, it is
 * copied: to memory when it is small, else to an unlinked temporary file.  A
 * command with {} gets the path of the one file or the other.
 *
 * With replies, standard output is an unlinked temporary file, which is sent
 * when the job has ended well.
 */
#include "crew.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#define SMALL (1 << 20)

struct job {
	struct slot slot;
	char *payload; /* a temporary file that {} stands for; NULL: none */
	int output;    /* what will be the reply; -1: none */
	char *reply_to;
	char *correlation_id;
};

static void job_open(struct slot *s)
{
	((struct job *)s)->output = -1;
}

static size_t job_room(const struct slot *s)
{
	return !s->pid && !s->crew->stop;
}

/* ---- files ------------------------------------------------------------- */

static const char *temporary_directory(void)
{
	const char *dir = getenv("TMPDIR");

	return dir && *dir ? dir : "/tmp";
}

/* A temporary file: its name is for the caller to free and remove. */
static int make_temporary(char **path)
{
	int fd;

	if (asprintf(path, "%s/mq-work.XXXXXX", temporary_directory()) < 0) {
		*path = NULL;
		return -1;
	}
	if ((fd = mkostemp(*path, O_CLOEXEC)) < 0) {
		free(*path);
		*path = NULL;
	}
	return fd;
}

static int make_unlinked(void)
{
	char *path;
	int fd = make_temporary(&path);

	if (path)
		unlink(path);
	free(path);
	return fd;
}

/* Copy the payload.  As that can take long, the leases are kept meanwhile. */
static int copy_payload(struct feed *f, int to, int from, off_t offset, uint64_t size)
{
	ssize_t n;

	while (size > 0) {
		n = sendfile(to, from, &offset, size < 8 * SMALL ? size : 8 * SMALL);
		if (n <= 0) {
			errno = n ? errno : EIO; /* it was cut short */
			return -1;
		}
		size -= n;
		feed_tick(f);
	}
	return lseek(to, 0, SEEK_SET) < 0 ? -1 : 0;
}

/* A descriptor that reads the payload from its start to its end. */
static int open_payload(struct job *j, mq_reader *reader)
{
	off_t offset;
	uint64_t size;
	struct stat st;
	int from = mq_reader_fd(reader, &offset, &size), to;

	if (offset == 0 && fstat(from, &st) == 0 && (uint64_t)st.st_size == size)
		return fcntl(from, F_DUPFD_CLOEXEC, 0);
	if (j->slot.crew->command.payload_path)
		to = make_temporary(&j->payload);
	else
		to = size <= SMALL ? memfd_create("payload", MFD_CLOEXEC) : make_unlinked();
	if (to >= 0 && copy_payload(j->slot.crew->feed, to, from, offset, size)) {
		close(to);
		return -1;
	}
	return to;
}

/* Standard output, if it is not ours: the reply, or nothing.  -1: ours; -2: it
 * cannot be made. */
static int open_output(struct job *j, mq_reader *reader)
{
	const char *reply_to = mq_reader_reply_to(reader);
	const char *id = mq_reader_correlation_id(reader);

	if (!j->slot.crew->reply)
		return -1;
	if (!reply_to)
		return j->slot.crew->no_output;
	j->output = make_unlinked();
	j->reply_to = strdup(reply_to);
	j->correlation_id = id ? strdup(id) : NULL;
	return j->output < 0 ? -2 : j->output;
}

static void forget_files(struct job *j)
{
	if (j->payload)
		unlink(j->payload);
	if (j->output >= 0)
		close(j->output);
	free(j->payload);
	free(j->reply_to);
	free(j->correlation_id);
	j->payload = j->reply_to = j->correlation_id = NULL;
	j->output = -1;
}

/* ---- start ------------------------------------------------------------- */

static void set_variables(struct crew *crew, const struct mq_message *m, mq_reader *reader)
{
	struct word sent = word_time(m->sent);
	const struct {
		const char *name, *value;
	} variables[] = {
		{ "MQ_QUEUE", m->queue },
		{ "MQ_ID", m->id },
		{ "MQ_RECEIPT", m->path },
		{ "MQ_SENT", sent.text },
		{ "MQ_GROUP", mq_reader_group(reader) },
		{ "MQ_KEY", mq_reader_key(reader) },
		{ "MQ_REPLY_TO", mq_reader_reply_to(reader) },
		{ "MQ_CORRELATION_ID", mq_reader_correlation_id(reader) },
	};
	char number[16];

	for (size_t i = 0; i < NELEMS(variables); i++)
		if (variables[i].value)
			command_variable(&crew->command, crew->c, variables[i].name,
			    variables[i].value);
	snprintf(number, sizeof(number), "%u", m->receives);
	command_variable(&crew->command, crew->c, "MQ_RECEIVES", number);
	snprintf(number, sizeof(number), "%u", m->priority);
	command_variable(&crew->command, crew->c, "MQ_PRIORITY", number);
}

/* 0, or -1 when that failed for a reason that is not the message's. */
static int start(struct job *j, const struct mq_message *m, mq_reader *reader)
{
	struct slot *s = &j->slot;
	struct crew *crew = s->crew;
	int in = open_payload(j, reader);
	int out = in < 0 ? -2 : open_output(j, reader);
	int failed = -1;

	if (out == -2) {
		int error = errno;
		char text[256];

		snprintf(text, sizeof(text), "%s: temporary file in %.100s: %s", m->queue,
		    temporary_directory(), strerror(error));
		errno = error;
		feed_refused(crew->feed, mq_status_of_errno(errno), text);
	} else {
		set_variables(crew, m, reader);
		failed = slot_start(s, crew->command.payload_path ? crew->no_input : in, out,
		    j->payload ? j->payload : m->path);
	}
	if (in >= 0)
		close(in);
	return failed;
}

static void job_take(struct slot *s, struct task *t)
{
	struct job *j = (struct job *)s;
	mq_reader *reader;
	int status = mq_reader_of(t->lease, &reader);
	int failed;

	if (status != MQ_OK) {
		crew_unreadable(s->crew, t, status);
		return;
	}
	failed = start(j, mq_lease_message(t->lease), reader);
	mq_reader_close(reader);
	if (failed) {
		forget_files(j);
		feed_settle(s->crew->feed, t, (struct verdict){ GIVEBACK, 0, NULL, "not started" });
		return;
	}
	fifo_put(&s->tasks, t);
	s->turn = s->crew->feed->now;
}

/* ---- the end ----------------------------------------------------------- */

static int write_reply(struct job *j, mq_batch *b)
{
	const struct mq_properties properties = { .priority = MQ_PRIORITY_DEFAULT,
		.correlation_id = j->correlation_id };
	char buf[IO_SIZE];
	off_t at = 0;
	ssize_t n;
	int status = mq_batch_begin(b, &properties);

	while (status == MQ_OK && (n = pread(j->output, buf, sizeof(buf), at)) != 0) {
		if (n < 0)
			return MQ_IO;
		at += n;
		status = mq_batch_write(b, buf, n);
		feed_tick(j->slot.crew->feed);
	}
	if (status == MQ_OK)
		status = mq_batch_end(b);
	return status == MQ_OK ? mq_batch_commit(b, 0, &(size_t){ 0 }, NULL, NULL) : status;
}

static int send_reply(struct job *j)
{
	mq_queue *q = NULL;
	mq_batch *b = NULL;
	int status = mq_queue_open(j->slot.crew->c->mq, j->reply_to, &q);

	if (status == MQ_OK)
		status = mq_batch_open(q, &b);
	if (status == MQ_OK)
		status = write_reply(j, b);
	if (status != MQ_OK && status != MQ_NOTFOUND)
		cmd_error(j->slot.crew->c, MQ_OK, "%s: cannot reply: %s", j->reply_to,
		    mq_error(j->slot.crew->c->mq));
	mq_batch_close(b);
	mq_queue_close(q);
	return status;
}

/* The job has done its work: so has its message, unless there is a reply that
 * cannot be sent.  A caller that has gone does not wait for one. */
static void judge_done(struct job *j, struct verdict *v)
{
	int status = j->reply_to ? send_reply(j) : MQ_OK;

	if (status == MQ_OK || status == MQ_NOTFOUND)
		v->kind = ACK;
	if (status == MQ_NOTFOUND)
		v->status = "unclaimed";
	else if (status != MQ_OK)
		v->reason = v->status = "cannot reply";
}

static void judge(struct job *j, const siginfo_t *info, struct verdict *v)
{
	int exited = info->si_code == CLD_EXITED;

	if (j->slot.killed == TIMED_OUT)
		v->reason = v->status = "timeout";
	else if (j->slot.killed == ABORTED && !exited)
		v->kind = GIVEBACK;
	else if (slot_cannot_run(&j->slot, info))
		v->kind = GIVEBACK;
	else if (exited && info->si_status == 0)
		judge_done(j, v);
	else if (exited && (info->si_status == 65 || info->si_status == 100))
		v->kind = REJECT;
}

static void job_ended(struct slot *s, const siginfo_t *info)
{
	struct word reason = process_reason(info), status = process_status(info);
	struct verdict v = { NACK, -1, reason.text, status.text };
	struct job *j = (struct job *)s;
	struct crew *crew = s->crew;

	crew->pace = follow(crew->pace, crew->feed->now - s->turn);
	judge(j, info, &v);
	feed_settle(crew->feed, fifo_take(&s->tasks), v);
	forget_files(j);
}

const struct slot_kind slot_job = {
	.size = sizeof(struct job),
	.open = job_open,
	.room = job_room,
	.take = job_take,
	.ended = job_ended,
};
