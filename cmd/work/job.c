/*
 * job.c - a slot with a process for each message
 *
 * Standard input of a job is the file of the message itself where that holds
 * the payload and nothing else.  Where the payload is a part of a file, it is
 * copied: to memory when it is small, else to an unlinked temporary file.
 *
 * A command with {} gets the path of a copy, as it may do with that what it
 * likes; or of the message's own file, where it was told to and there is one.
 *
 * What fails before the job is started is the message's fault or the machine's:
 * a failed delivery, or the end of mq-work.
 *
 * With replies, standard output is an unlinked temporary file, which is sent
 * when the job has ended well.
 */
#include "share/words.h"
#include "work/crew.h"

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
#define HOURS (3600 * MQ_SECOND)

struct job {
	struct slot slot;
	char *payload;   /* the copy that {} stands for; NULL: none */
	mq_time touched; /* when it was told last that it is no litter */
	int output;      /* what will be the reply; -1: none */
	char *reply_to;
	char *correlation_id;
};

static void job_open(struct slot *s)
{
	((struct job *)s)->output = -1;
}

static size_t job_room(const struct slot *s)
{
	return !s->pid && crew_may_start(s->crew);
}

/* ---- files ------------------------------------------------------------- */

/* Whatever copies calls this now and then: the leases are kept meanwhile. */
static void keep_leases(void *feed)
{
	feed_tick(feed);
}

static const char *temporary_directory(void)
{
	const char *dir = getenv("TMPDIR");

	return dir && *dir ? dir : "/tmp";
}

static int make_unlinked(void)
{
	char *path;
	int fd;

	if (asprintf(&path, "%s/mq-work.XXXXXX", temporary_directory()) < 0)
		return -1;
	if ((fd = mkostemp(path, O_CLOEXEC)) >= 0)
		unlink(path);
	free(path);
	return fd;
}

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
		keep_leases(f);
	}
	return lseek(to, 0, SEEK_SET) < 0 ? -1 : 0;
}

/* Whether the payload is all of that file. */
static int is_whole(int fd, off_t offset, uint64_t size)
{
	struct stat st;

	return offset == 0 && fstat(fd, &st) == 0 && (uint64_t)st.st_size == size;
}

/* There is no temporary file: with errno. */
static int no_file(struct job *j, mq_reader *reader)
{
	int status = mq_status_of_errno(errno);
	char text[256];

	snprintf(text, sizeof(text), "%s: temporary file in %.100s: %s",
	    mq_reader_message(reader)->queue, temporary_directory(), strerror(errno));
	crew_broken(j->slot.crew, status, text);
	return status;
}

/* The payload cannot be read, or is too large to be copied. */
static int no_payload(struct job *j, mq_reader *reader)
{
	const struct mq_message *m = mq_reader_message(reader);

	cmd_error(j->slot.crew->c, MQ_OK, "%s: %s: copy: %s", m->queue, m->id, strerror(errno));
	return MQ_DATA;
}

/* What reads the payload from its start to its end.  MQ_DATA: there is none for this
 * message; any other: the machine fails. */
static int open_input(struct job *j, mq_reader *reader, int *in)
{
	off_t offset;
	uint64_t size;
	int from = mq_reader_fd(reader, &offset, &size), failed, error;
	char byte;

	if (is_whole(from, offset, size))
		return (*in = fcntl(from, F_DUPFD_CLOEXEC, 0)) < 0 ? no_file(j, reader) : MQ_OK;
	*in = size <= SMALL ? memfd_create("payload", MFD_CLOEXEC) : make_unlinked();
	if (*in < 0)
		return no_file(j, reader);
	if (!copy_payload(j->slot.crew->feed, *in, from, offset, size))
		return MQ_OK;
	error = errno;
	failed = error == EFBIG || pread(from, &byte, 1, offset) != 1;
	errno = error;
	return failed ? no_payload(j, reader) : no_file(j, reader);
}

/* The path in place of {}: that of a copy, or where that is wanted and there, of the
 * message's file. */
static int make_path(struct job *j, mq_reader *reader)
{
	struct crew *crew = j->slot.crew;
	off_t offset;
	uint64_t size;
	int from = mq_reader_fd(reader, &offset, &size), status;

	if (crew->in_place && is_whole(from, offset, size))
		return MQ_OK;
	j->touched = crew->feed->now;
	status = mq_reader_copy(reader, &j->payload, keep_leases, crew->feed);
	if (status == MQ_DATA)
		cmd_error(crew->c, MQ_OK, "%s", mq_error(crew->c->mq));
	else if (status != MQ_OK)
		crew_broken(crew, status, mq_error(crew->c->mq));
	return status;
}

/* Standard output, if it is not ours (-1): the reply, or nothing. */
static int open_output(struct job *j, mq_reader *reader, int *out)
{
	const char *reply_to = mq_reader_reply_to(reader);
	const char *id = mq_reader_correlation_id(reader);

	if (!j->slot.crew->reply)
		return MQ_OK;
	*out = j->slot.crew->no_output;
	if (!reply_to)
		return MQ_OK;
	j->reply_to = strdup(reply_to);
	j->correlation_id = id ? strdup(id) : NULL;
	if (!j->reply_to || (id && !j->correlation_id) || (j->output = make_unlinked()) < 0)
		return no_file(j, reader);
	*out = j->output;
	return MQ_OK;
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

/* 0, or -1 with *v. */
static int start(struct job *j, const struct task *t, mq_reader *reader, struct verdict *v)
{
	const struct mq_message *m = mq_lease_message(t->lease);
	struct crew *crew = j->slot.crew;
	int by_path = crew->command.payload_path, in = -1, out = -1, failed = -1;
	int status = by_path ? make_path(j, reader) : open_input(j, reader, &in);

	if (status == MQ_OK)
		status = open_output(j, reader, &out);
	*v = (struct verdict){ .kind = GIVEBACK, .status = "not started" };
	if (status == MQ_DATA)
		*v = (struct verdict){ NACK, -1, "unreadable", "unreadable" };
	feed_tick(crew->feed); /* that may have taken longer than the lease lasts */
	if (status == MQ_OK && t->fate == HELD && !crew_is_told()) {
		set_variables(crew, m, reader);
		failed = slot_start(&j->slot, by_path ? crew->no_input : in, out,
		    j->payload ? j->payload : m->path, v);
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
	struct verdict v;
	int failed;

	if (status != MQ_OK) {
		crew_unreadable(s->crew, t, status);
		return;
	}
	failed = start(j, t, reader, &v);
	mq_reader_close(reader);
	if (failed) {
		forget_files(j);
		feed_settle(s->crew->feed, t, v);
		return;
	}
	fifo_put(&s->tasks, t);
	s->turn = s->crew->feed->now;
}

/* ---- the end ----------------------------------------------------------- */

static ssize_t read_output(const struct job *j, char *buf, size_t size, off_t at)
{
	ssize_t n;

	do
		n = pread(j->output, buf, size, at);
	while (n < 0 && errno == EINTR);
	return n;
}

/* The output cannot be read: with errno. */
static void no_output(struct job *j)
{
	char text[80];

	snprintf(text, sizeof(text), "temporary file: read: %s", strerror(errno));
	crew_broken(j->slot.crew, MQ_IO, text);
}

/* The output as a message of the batch. */
static int write_reply(struct job *j, mq_batch *b)
{
	const struct mq_properties properties = { .priority = MQ_PRIORITY_DEFAULT,
		.correlation_id = j->correlation_id };
	char buf[IO_SIZE];
	off_t at = 0;
	ssize_t n;
	int status = mq_batch_begin(b, &properties);

	while (status == MQ_OK && (n = read_output(j, buf, sizeof(buf), at)) != 0) {
		if (n < 0) {
			no_output(j);
			return MQ_IO;
		}
		at += n;
		status = mq_batch_write(b, buf, n);
		keep_leases(j->slot.crew->feed);
	}
	return status == MQ_OK ? mq_batch_end(b) : status;
}

/* It cannot be sent.  That is the machine's fault, or that of who is to have it. */
static void no_reply(struct job *j, struct verdict *v, int status, int committing)
{
	struct crew *crew = j->slot.crew;
	const char *error = mq_error(crew->c->mq);
	char text[320];

	snprintf(text, sizeof(text), "%s: cannot reply: %s", j->reply_to, error);
	v->status = v->reason = "cannot reply";
	if (status == MQ_IO)
		crew_broken(crew, MQ_IO, text);
	else if (status == MQ_BUSY && !committing) /* no room on the disk */
		feed_refused(crew->feed, status, text);
	else
		cmd_error(crew->c, MQ_OK, "%s", text);
	if (status == MQ_IO || (status == MQ_BUSY && !committing))
		v->kind = GIVEBACK;
}

/* A caller that has gone does not wait for a reply. */
static void send_reply(struct job *j, struct verdict *v)
{
	mq_queue *q = NULL;
	mq_batch *b = NULL;
	int status = mq_queue_open(j->slot.crew->c->mq, j->reply_to, &q), committing = 0;

	if (status == MQ_OK)
		status = mq_batch_open(q, &b);
	if (status == MQ_OK)
		status = write_reply(j, b);
	if (status == MQ_OK) {
		committing = 1;
		status = mq_batch_commit(b, 0, &(size_t){ 0 }, NULL, NULL);
	}
	if (status == MQ_NOTFOUND)
		v->status = "unclaimed";
	else if (status != MQ_OK)
		no_reply(j, v, status, committing);
	if (status == MQ_OK || status == MQ_NOTFOUND)
		v->kind = ACK;
	mq_batch_close(b);
	mq_queue_close(q);
}

static void judge(struct job *j, const siginfo_t *info, struct verdict *v)
{
	int exited = info->si_code == CLD_EXITED;

	if (j->slot.killed == TIMED_OUT)
		v->reason = v->status = "timeout";
	else if (j->slot.killed == ABORTED && !exited)
		v->kind = GIVEBACK;
	else if (exited && info->si_status == 0 && j->reply_to)
		send_reply(j, v);
	else if (exited && info->si_status == 0)
		v->kind = ACK;
	else if (exited && (info->si_status == 65 || info->si_status == 100))
		v->kind = REJECT;
	else if (crew_blames_output(j->slot.crew, j->output))
		v->kind = GIVEBACK;
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

/* A day after it was touched last, the copy of a job that still runs is litter. */
static mq_time job_due(const struct slot *s)
{
	const struct job *j = (const struct job *)s;

	return s->pid && j->payload ? j->touched + 6 * HOURS : NEVER;
}

static void job_check(struct slot *s)
{
	struct job *j = (struct job *)s;

	if (s->crew->feed->now < job_due(s))
		return;
	j->touched = s->crew->feed->now;
	utimensat(AT_FDCWD, j->payload, NULL, AT_SYMLINK_NOFOLLOW);
}

const struct slot_kind slot_job = {
	.size = sizeof(struct job),
	.open = job_open,
	.room = job_room,
	.take = job_take,
	.ended = job_ended,
	.due = job_due,
	.check = job_check,
};
