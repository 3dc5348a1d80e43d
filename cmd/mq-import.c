/*
 * mq-import - messages out of an archive
 *
 * Each member is a message, as mq-export writes it (member.h); the library takes
 * them as an import, so that one that was killed can be done again.  What is wrong
 * with the archive ends the import: the messages before it are kept.
 *
 * With -u it imports nothing, but passes the members of any archive on to
 * mq-send, which does not read archives itself (frames.h).
 */
#include "archive/member.h"
#include "archive/unpacker.h"
#include "share/common.h"
#include "share/frames.h"

#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PROGRESS 100 /* messages between two looks at the time */

static const struct cmd_option options[] = {
	{ 'm', "max-message", "SIZE", "refuse a member larger than SIZE (default: 1G)" },
	{ 'r', "max-ratio", "RATIO", "refuse what expands more than that (default: 1000)" },
	{ 'u', "unpack", NULL, "only pass the members of any archive on, for mq-send -A" },
	{ 0 },
};

struct importer {
	struct cmd *c;
	const char *queue;
	const char *source; /* FILE, or "standard input" */
	struct unpacker unpacker;
	mq_import *import;
	struct member member;
	uint64_t met, passed; /* messages; those that were there already */
};

/* ---- failures ---------------------------------------------------------- */

/* What ends the import, and what is kept nevertheless. */
static int fail(struct importer *i, enum mq_status status, const char *name, const char *why)
{
	uint64_t n = mq_import_count(i->import);

	cmd_error(i->c, status, "%s: %s: %.100s%s%s: %llu message%s imported", i->queue, i->source,
	    name ? name : "", name ? ": " : "", why, (unsigned long long)n,
	    n == 1 ? " was" : "s were");
	return -1;
}

static int commit(struct importer *i)
{
	int status = mq_import_commit(i->import);

	return status == MQ_OK ?
	    0 :
	    fail(i, (enum mq_status)status, NULL, mq_error_of(i->c->mq, i->queue));
}

/* So far and no further: the messages before this one are kept. */
static int refuse(struct importer *i, enum mq_status status, const char *name, const char *why)
{
	char text[1024];

	snprintf(text, sizeof(text), "%s", why);
	mq_import_abort(i->import);
	return commit(i) ? -1 : fail(i, status, name, text);
}

static int refuse_archive(struct importer *i, const char *name)
{
	return refuse(i, i->unpacker.status, name, i->unpacker.why);
}

static int refuse_message(struct importer *i, int status, const char *name)
{
	return refuse(i, (enum mq_status)status, name, mq_error_of(i->c->mq, i->queue));
}

/* ---- one message ------------------------------------------------------- */

/* The last part of a path: where it is to be unpacked does not matter. */
static const char *base_name(struct archive_entry *e)
{
	const char *path = archive_entry_pathname(e);
	const char *slash = path ? strrchr(path, '/') : NULL;

	return !path ? "" : slash ? slash + 1 : path;
}

/* Attributes of others are passed over: a file may come by some. */
static const char *read_properties(struct member *m, struct archive_entry *e)
{
	const size_t n = strlen(MEMBER_ATTRIBUTE);
	const char *name, *why = NULL;
	const void *value;
	size_t size;

	archive_entry_xattr_reset(e);
	while (!why && archive_entry_xattr_next(e, &name, &value, &size) == 0)
		if (!strncmp(name, MEMBER_ATTRIBUTE, n))
			why = member_property(m, name + n, value, size);
	return why;
}

/* The message of a member that has been begun. */
static int read_payload(struct importer *i, const char *name)
{
	char buf[IO_SIZE];
	ssize_t n;
	int status;

	while ((n = unpacker_data(&i->unpacker, buf, sizeof(buf))) > 0)
		if ((status = mq_import_write(i->import, buf, (size_t)n)) != MQ_OK)
			return refuse_message(i, status, name);
	if (n == -1)
		return refuse_archive(i, name);
	if ((status = mq_import_end(i->import)) != MQ_OK)
		return refuse_message(i, status, name);
	return 0;
}

static int import_message(struct importer *i, const char *name)
{
	int status = mq_import_begin(i->import, &i->member.props, &i->member.past);

	if (status == MQ_EMPTY) {
		i->passed++;
		return unpacker_skip(&i->unpacker) ? refuse_archive(i, name) : 0;
	}
	if (status != MQ_OK)
		return refuse_message(i, status, name);
	if (read_payload(i, name))
		return -1;
	return mq_import_full(i->import) ? commit(i) : 0;
}

static int import_member(struct importer *i, struct archive_entry *e)
{
	const char *name = base_name(e), *why;
	int r = -1;

	if (unpacker_is_directory(e))
		return 0;
	if (!unpacker_is_regular(e) || archive_entry_hardlink(e))
		return refuse(i, MQ_DATA, name, "neither a file nor a directory");
	if (archive_entry_sparse_count(e) > 0)
		return refuse(i, MQ_DATA, name, "a file with holes");
	if (member_begin(&i->member, name))
		return refuse(i, MQ_DATA, name, "not the id of a message");
	if ((why = read_properties(&i->member, e)) != NULL)
		refuse(i, MQ_DATA, name, why);
	else
		r = import_message(i, name);
	member_free(&i->member);
	if (++i->met % PROGRESS == 0)
		cmd_progress(i->c, i->met, "read");
	return r;
}

/* ---- the archive ------------------------------------------------------- */

static void finish(struct importer *i)
{
	if (commit(i) || cmd_check(i->c, mq_import_finish(i->import)))
		return;
	if (i->passed)
		cmd_error(i->c, MQ_OK, "%s: %llu of the messages were there already", i->queue,
		    (unsigned long long)i->passed);
	out_format(&i->c->out, "%llu\n", (unsigned long long)mq_import_count(i->import));
}

static void import_all(struct importer *i)
{
	struct archive_entry *e;
	int r = unpacker_begin(&i->unpacker) ? -1 : 1;

	while (r == 1 && (r = unpacker_next(&i->unpacker, &e)) == 1)
		if (import_member(i, e))
			return;
	if (r == 0)
		finish(i);
	else
		refuse_archive(i, NULL);
}

static void import_into(struct importer *i)
{
	mq_queue *q = cmd_queue(i->c, i->queue);

	if (q && cmd_check(i->c, mq_import_open(q, &i->import)) == MQ_OK)
		import_all(i);
	mq_import_close(i->import);
	mq_queue_close(q);
}

/* ---- for mq-send ------------------------------------------------------- */

static int pass_member(struct unpacker *u, struct archive_entry *e, struct out *out)
{
	const char *path = archive_entry_pathname(e);
	char buf[IO_SIZE];
	ssize_t n;

	if (!path)
		path = "";
	frame_put(out, FRAME_FILE, path, strlen(path));
	while ((n = unpacker_data(u, buf, sizeof(buf))) > 0 && !out->error)
		frame_put(out, FRAME_DATA, buf, (size_t)n);
	if (n == 0)
		frame_put(out, FRAME_WHOLE, "", 0);
	return n == 0 ? 0 : -1;
}

/* Of a file with several names the data stands with one, in cpio with the last. */
static int is_file(struct archive_entry *e)
{
	int named_before = archive_entry_hardlink(e) != NULL;
	int named_again =
	    !named_before && archive_entry_nlink(e) > 1 && archive_entry_size_is_set(e);

	return unpacker_is_regular(e) &&
	    !((named_before || named_again) && archive_entry_size(e) == 0);
}

static void pass_all(struct importer *i)
{
	struct unpacker *u = &i->unpacker;
	struct out *out = &i->c->out;
	struct archive_entry *e;
	int r;

	signal(SIGPIPE, SIG_DFL);       /* mq-send has no more use for it */
	setlocale(LC_CTYPE, "C.UTF-8"); /* or paths of other languages cannot be told */
	u->any = 1;
	r = unpacker_begin(u) ? -1 : 1;
	while (r == 1 && !out->error && (r = unpacker_next(u, &e)) == 1)
		if (is_file(e) && pass_member(u, e, out))
			r = -1;
	if (r == 0)
		frame_put(out, FRAME_END, "", 0);
	else if (r == -1)
		frame_put_failure(out, u->status, u->why);
}

/* ---- arguments --------------------------------------------------------- */

/* 0, or -1 with errno. */
static int open_source(struct importer *i, const char *file)
{
	i->source = "standard input";
	i->unpacker.fd = STDIN_FILENO;
	if (file && strcmp(file, "-") != 0) {
		i->source = file;
		i->unpacker.fd = cmd_open(file, O_RDONLY);
	} else if (isatty(STDIN_FILENO)) {
		cmd_usage(i->c, "standard input is a terminal: where is the archive?");
	}
	return i->unpacker.fd >= 0 ? 0 : -1;
}

static void unpack(struct importer *i, const char *file)
{
	char why[128];

	if (open_source(i, file) == 0) {
		pass_all(i);
		return;
	}
	snprintf(why, sizeof(why), "open: %s", strerror(errno));
	frame_put_failure(&i->c->out, errno == ENOENT ? MQ_NOTFOUND : mq_status_of_errno(errno),
	    why);
}

static void import(struct importer *i, const char *file)
{
	if (open_source(i, file) == 0)
		import_into(i);
	else
		cmd_errno(i->c, file, "open");
}

static void take_option(struct importer *i, int opt, int *unpacks)
{
	switch (opt) {
	case 'm':
		if (mq_parse_size(optarg, &i->unpacker.max_member))
			cmd_usage(i->c, "-m: '%s' is not a size", optarg);
		break;
	case 'r':
		i->unpacker.ratio = cmd_number(i->c, opt, 1, UINT32_MAX);
		break;
	case 'u':
		*unpacks = 1;
		break;
	}
}

int main(int argc, char **argv)
{
	struct cmd c = {
		.name = "mq-import",
		.usage = "[-u] [-m SIZE] [-r RATIO] [-s DIR] QUEUE [FILE]",
		.about = "Put the messages of an archive, as mq-export writes it, into a queue; "
			 "print how many.",
		.options = options,
	};
	struct importer i = {
		.c = &c,
		.unpacker = { .ratio = UNPACKER_RATIO, .max_member = UNPACKER_MEMBER },
	};
	int opt, unpacks = 0;

	cmd_begin(&c, argc, argv);
	while ((opt = cmd_option(&c)) != -1)
		take_option(&i, opt, &unpacks);
	cmd_start(&c, unpacks ? 0 : 1, unpacks ? 1 : 2);
	i.queue = c.argv[0];
	if (unpacks)
		unpack(&i, c.argv[0]);
	else
		import(&i, c.argv[1]);
	unpacker_free(&i.unpacker);
	return cmd_end(&c);
}
