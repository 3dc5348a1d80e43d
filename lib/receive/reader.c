/*
 * reader.c - a message opened for reading
 */
#include "format/message.h"
#include "format/whereabouts.h"
#include "receive/lease.h"
#include "receive/memory.h"
#include "receive/show.h"
#include "spool/death.h"
#include "spool/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct mq_reader {
	mq_queue *q;
	struct entry entry;
	char *path;
	struct mq_message message;
	struct message_block block;
	struct death *death; /* NULL until asked for */
	struct file *file;
	uint64_t at; /* of the payload read so far */
};

/* The properties of a message; *torn when the file is not what its name says. */
static int read_block(mq_reader *r, int *torn)
{
	const struct entry *e = &r->entry;
	char *text;

	*torn = r->file->size < e->offset + e->header + e->body || e->header > MESSAGE_BLOCK_MAX;
	if (*torn || e->header == 0)
		return 0;
	if ((text = malloc(e->header)) == NULL)
		return -1;
	if (file_read(r->file, text, e->header, e->offset) != (ssize_t)e->header) {
		free(text);
		return -1;
	}
	if (message_parse(text, e->header, &r->block) == 0)
		return 0;
	*torn = errno == EBADMSG;
	return *torn ? 0 : -1;
}

static int is_alone(const struct file *f, const struct entry *e)
{
	return e->offset == 0 && f->size == e->header + e->body;
}

/* The file at rest below r->q.  Of what was sent together it is mostly open.  What was
 * sent alone has one of its own each time: who gets its descriptor as standard input
 * moves the offset, and another attempt begins at the start again. */
static struct file *open_file(mq_reader *r, const char *rest, uint64_t inode)
{
	struct memory *m = memory_of(r->q);

	if (inode && m && m->file && m->file->inode == inode)
		return file_ref(m->file);
	r->file = file_open(r->q->fd, rest);
	if (r->file != NULL && inode && m && !is_alone(r->file, &r->entry)) {
		file_unref(m->file);
		m->file = file_ref(r->file);
	}
	return r->file;
}

/* The message r->entry at r->path, which is rest below r->q, in a file of that inode
 * if it is not 0. */
static int open_message(mq *h, mq_reader *r, const char *path, const char *rest, uint64_t inode,
    enum mq_state state)
{
	int torn;

	r->file = open_file(r, rest, inode);
	if (r->file == NULL && errno == ENOENT)
		return state == MQ_LEASED ? fail(h, MQ_LAPSED, path, "the lease has lapsed") :
					    fail(h, MQ_NOTFOUND, path, "no such message");
	if (r->file == NULL && (errno == ELOOP || errno == EINVAL))
		return fail(h, MQ_DATA, path, "not a message's file");
	if (r->file == NULL || r->path == NULL)
		return fail_errno(h, path, "cannot open the message");
	if (read_block(r, &torn) == -1)
		return fail_errno(h, path, "cannot read the message");
	if (torn)
		return fail(h, MQ_DATA, path, "the message is damaged");
	show_entry(r->q, &r->entry, state, r->path, &r->message);
	return mq_reader_rewind(r);
}

static mq_reader *new_reader(mq *h, const char *path, int *status)
{
	mq_reader *r = calloc(1, sizeof(*r));

	*status = r ? MQ_OK : fail_errno(h, path, "cannot open the message");
	return r;
}

/* *out is the reader if it could be opened. */
static int opened(mq_reader *r, int status, mq_reader **out)
{
	if (status == MQ_OK)
		*out = r;
	else
		mq_reader_close(r);
	return status;
}

int mq_reader_open(mq *h, const char *path, mq_reader **out)
{
	static const enum mq_state states[] = {
		[PART_READY] = MQ_READY,
		[PART_BACK] = MQ_READY,
		[PART_DELAYED] = MQ_DELAYED,
		[PART_LEASED] = MQ_LEASED,
		[PART_LANE] = MQ_READY,
	};
	struct whereabouts w = { 0 };
	mq_reader *r;
	int status;

	*out = NULL;
	if ((r = new_reader(h, path, &status)) == NULL)
		return status;
	if (queue_parse_path(path, &w) == -1) {
		status = fail(h, MQ_DATA, path, "not a message's path");
	} else if ((status = queue_open_in(h, w.spool, w.queue, &r->q)) == MQ_OK) {
		r->entry = w.entry;
		if (asprintf(&r->path, "%s/%s", r->q->path, w.rest) == -1)
			r->path = NULL;
		status = open_message(h, r, path, w.rest, 0, states[w.part]);
	}
	whereabouts_free(&w);
	return opened(r, status, out);
}

int mq_reader_of(mq_lease *l, mq_reader **out)
{
	mq *h = l->queue->mq;
	mq_reader *r;
	int status;

	*out = NULL;
	if ((r = new_reader(h, l->path, &status)) == NULL)
		return status;
	r->q = queue_ref(l->queue);
	r->entry = l->entry;
	r->path = strdup(l->path);
	return opened(r, open_message(h, r, l->path, l->receipt, l->inode, MQ_LEASED), out);
}

static void forget_message(mq_reader *r)
{
	message_free(&r->block);
	memset(&r->block, 0, sizeof(r->block));
	free(r->death);
	free(r->path);
	file_unref(r->file);
	r->death = NULL;
	r->path = NULL;
	r->file = NULL;
}

static int open_at(mq_reader *r, mq_queue *q, const struct mq_message *m, const char *rest)
{
	struct stat st;

	/* In a lane, what its token knows counts. */
	r->entry.receives = m->receives;
	snprintf(r->entry.death, sizeof(r->entry.death), "%s", m->tag);
	if (r->q != q) {
		mq_queue_close(r->q);
		r->q = queue_ref(q);
	}
	r->path = strdup(m->path);
	return open_message(q->mq, r, m->path, rest, fs_stat(q->fd, rest, &st) == 0 ? st.st_ino : 0,
	    m->state);
}

int mq_reader_at(mq_queue *q, const struct mq_message *m, mq_reader **out)
{
	size_t n = strlen(q->path);
	mq_reader *r = *out;
	int status = MQ_OK;

	*out = NULL;
	if (r == NULL && (r = new_reader(q->mq, m->path, &status)) == NULL)
		return status;
	forget_message(r);
	if (strcmp(m->queue, q->name) != 0 || strncmp(m->path, q->path, n) != 0 ||
	    m->path[n] != '/' || entry_parse(strrchr(m->path, '/') + 1, &r->entry) == -1)
		status = fail(q->mq, MQ_DATA, m->path, "not a message of this queue");
	else
		status = open_at(r, q, m, m->path + n + 1);
	return opened(r, status, out);
}

void mq_reader_close(mq_reader *r)
{
	if (r == NULL)
		return;
	forget_message(r);
	mq_queue_close(r->q);
	free(r);
}

const struct mq_message *mq_reader_message(const mq_reader *r)
{
	return &r->message;
}

static const char *own_property(const mq_reader *r, const char *name)
{
	size_t i;

	for (i = 0; i < r->block.n; i++)
		if (!strcmp(r->block.headers[i].name, name))
			return r->block.headers[i].value;
	return NULL;
}

const char *mq_reader_reply_to(const mq_reader *r)
{
	return own_property(r, MESSAGE_REPLY_TO);
}

const char *mq_reader_correlation_id(const mq_reader *r)
{
	return own_property(r, MESSAGE_CORRELATION_ID);
}

const char *mq_reader_group(const mq_reader *r)
{
	return r->block.group;
}

const char *mq_reader_key(const mq_reader *r)
{
	return own_property(r, MESSAGE_KEY);
}

int mq_reader_header(const mq_reader *r, size_t i, const char **name, const char **value)
{
	size_t k;

	for (k = 0; k < r->block.n; k++) {
		if (!strncmp(r->block.headers[k].name, "Mq-", 3) || i-- > 0)
			continue;
		*name = r->block.headers[k].name;
		*value = r->block.headers[k].value;
		return 1;
	}
	return 0;
}

ssize_t mq_reader_read(mq_reader *r, void *buf, size_t n)
{
	const struct entry *e = &r->entry;
	ssize_t got;

	if (n > e->body - r->at)
		n = (size_t)(e->body - r->at);
	got = n ? file_read(r->file, buf, n, e->offset + e->header + r->at) : 0;
	if (got == -1)
		fail_errno(r->q->mq, r->path, "cannot read the message");
	else
		r->at += (uint64_t)got;
	return got;
}

int mq_reader_rewind(mq_reader *r)
{
	r->at = 0;
	return MQ_OK;
}

int mq_reader_fd(const mq_reader *r, off_t *offset, uint64_t *size)
{
	*offset = (off_t)(r->entry.offset + r->entry.header);
	*size = r->entry.body;
	return r->file->fd;
}

/* ---- a copy ------------------------------------------------------------- */

#define COPY_STEP (8 * 1024 * 1024)

/* The payload to an empty file: 0, or -1 with errno. */
static int copy_payload(const mq_reader *r, int to, void (*progress)(void *ctx), void *ctx)
{
	off_t at = (off_t)(r->entry.offset + r->entry.header);
	uint64_t left = r->entry.body;
	ssize_t n;

	if (is_alone(r->file, &r->entry) && at == 0 && fs_clone(to, r->file->fd) == 0)
		return 0;
	for (; left > 0; at += n, left -= (uint64_t)n) {
		n = fs_copy(to, r->file->fd, at, left < COPY_STEP ? (size_t)left : COPY_STEP);
		if (n <= 0) {
			errno = n ? errno : EIO; /* it was cut short */
			return -1;
		}
		if (progress)
			progress(ctx);
	}
	return 0;
}

/* Why there is no copy, with errno: because the payload cannot be read, or because
 * there is no place for it. */
static int cannot_copy(mq_reader *r)
{
	int error = errno, alone;
	char byte;

	alone = error == EFBIG ||
	    (r->entry.body > 0 &&
		fs_pread(r->file->fd, &byte, 1,
		    (off_t)(r->entry.offset + r->entry.header + r->entry.body - 1)) != 1);
	errno = error;
	if (!alone)
		return fail_errno(r->q->mq, r->q->name, "cannot copy a message");
	return fail(r->q->mq, MQ_DATA, r->path, "cannot copy the message");
}

int mq_reader_copy(mq_reader *r, char **path, void (*progress)(void *ctx), void *ctx)
{
	char made[ENTRY_PATH];
	int fd, status = MQ_OK;

	*path = NULL;
	scratch_path(r->q->mq, made, sizeof(made));
	if ((fd = fs_create(r->q->fd, made)) == -1)
		return cannot_copy(r);
	if (fs_chmod(r->q->fd, made, 0600) == -1 || copy_payload(r, fd, progress, ctx) == -1 ||
	    asprintf(path, "%s/%s", r->q->path, made) == -1)
		status = cannot_copy(r);
	fs_close(fd);
	if (status != MQ_OK) {
		fs_unlink(r->q->fd, made);
		*path = NULL;
	}
	return status;
}

int mq_reader_event(const mq_reader *reader, size_t i, struct mq_event *event)
{
	mq_reader *r = (mq_reader *)reader; /* read at first use */
	const struct death_event *v;

	if (r->death == NULL) {
		if ((r->death = malloc(sizeof(*r->death))) == NULL)
			return 0;
		if (death_read(r->q->fd, &r->entry, r->death) == -1)
			r->death->n = 0;
	}
	if (i >= r->death->n)
		return 0;
	v = &r->death->event[i];
	*event = (struct mq_event){ v->reason, v->queue, v->count, v->first, v->last };
	return 1;
}
