/*
 * mq-export - an archive of messages
 *
 * Looks at the messages in the order in which they would be taken, those in flight
 * before all others, and writes each as a member (member.h).  What someone takes meanwhile is passed over.
 *
 * With -m it receives them instead, as many at once as a receive gives: writes
 * them, syncs the archive, and only then acks them.  When that fails, or is
 * interrupted, the archive is cut to what was synced, and the others are given
 * back; when it is killed, their leases lapse, and the archive has no end, but
 * all that was acked.
 *
 * A FILE that is written whole (not with -m) gets its name when it is.
 */
#include "archive/member.h"
#include "archive/packer.h"
#include "share/common.h"

#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <search.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define VISIBILITY (2 * 60 * MQ_SECOND) /* of what -m has received */
#define PROGRESS   100                  /* messages between two looks at the time */

static const struct cmd_option options[] = {
	{ 'S', "state", "STATE", "only ready, delayed, leased or dead ones; repeatable" },
	{ 'z', "compress", "HOW", "gzip, zstd, xz or none (default: by FILE's suffix)" },
	{ 'm', "move", NULL, "receive the messages, and ack them once FILE is safe" },
	{ 0 },
};

struct exporter {
	struct cmd *c;
	mq_queue *q;
	mq_queue *other;   /* that of dead letters, as last met */
	mq_reader *reader; /* of the last message */
	void *leased;      /* the ids of those in flight, for tsearch */
	unsigned states;
	int move;
	uint64_t count;
	int failed; /* the archive cannot be what it should */
	struct archive_entry *entry;
	struct packer packer;

	const char *file; /* NULL: standard output */
	char *made;       /* the file under construction, or NULL */

	/* -m */
	mq_hold *hold;
	mq_time keep; /* when to keep the leases, monotonic */
	mq_lease *leases[MQ_RECV_MAX];
	size_t n;
};

/* ---- interruption ------------------------------------------------------- */

static volatile sig_atomic_t interrupted;

static void interrupt(int signal)
{
	interrupted = signal;
}

static void catch_signals(void)
{
	static const int signals[] = { SIGHUP, SIGINT, SIGTERM };
	struct sigaction action = { .sa_handler = interrupt, .sa_flags = SA_RESETHAND };
	struct sigaction old;

	for (size_t i = 0; i < NELEMS(signals); i++)
		if (sigaction(signals[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
			sigaction(signals[i], &action, NULL);
}

/* ---- one message -------------------------------------------------------- */

/* The leases that -m has are kept as long as it writes. */
static int keep(struct exporter *x)
{
	mq_time again;

	if (interrupted)
		return -1;
	if (!x->hold || monotonic() < x->keep)
		return 0;
	if (cmd_check(x->c, mq_hold_keep(x->hold, &again)))
		return -1;
	x->keep = monotonic() + again;
	return 0;
}

static int write_payload(struct exporter *x, mq_reader *reader, uint64_t size)
{
	char buf[IO_SIZE];
	ssize_t n;

	for (; size > 0; size -= (uint64_t)n) {
		n = mq_reader_read(reader, buf, sizeof(buf));
		if (n == 0)
			cmd_error(x->c, MQ_DATA, "%s: the message is damaged",
			    mq_reader_message(reader)->path);
		else if (n < 0)
			cmd_check(x->c, MQ_IO);
		if (n <= 0 || packer_data(&x->packer, buf, (size_t)n) || keep(x))
			return -1;
	}
	return 0;
}

static int write_message(struct exporter *x, const struct mq_message *m, mq_reader *reader,
    unsigned receives)
{
	if (member_put(x->entry, m, reader, receives)) {
		cmd_error(x->c, MQ_IO, "out of memory");
		return -1;
	}
	if (packer_entry(&x->packer, x->entry) || write_payload(x, reader, m->size) ||
	    packer_entry_end(&x->packer) || keep(x))
		return -1;
	if (++x->count % PROGRESS == 0)
		cmd_progress(x->c, x->count, "exported");
	return 0;
}

/* ---- looking ------------------------------------------------------------ */

/* The queue that the message is in: dead letters are in another. */
static mq_queue *queue_of(struct exporter *x, const struct mq_message *m)
{
	if (!strcmp(m->queue, mq_queue_name(x->q)))
		return x->q;
	if (x->other && strcmp(m->queue, mq_queue_name(x->other)) != 0) {
		mq_queue_close(x->other);
		x->other = NULL;
	}
	if (!x->other)
		x->other = cmd_queue(x->c, m->queue);
	return x->other;
}

static int show_message(void *ctx, const struct mq_message *m)
{
	struct exporter *x = ctx;
	mq_queue *q = queue_of(x, m);
	int status;

	if (!q)
		return x->failed = -1;
	status = mq_reader_at(q, m, &x->reader);
	if (status == MQ_NOTFOUND || status == MQ_LAPSED)
		return 0; /* someone took it meanwhile */
	if (cmd_check(x->c, status))
		return 0;
	return x->failed = write_message(x, m, x->reader, m->receives);
}

static int compare_ids(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* Those in flight come first, as they would be before all others again.  But then
 * what is received meanwhile is met nowhere: those in flight are looked at once
 * more, but for those that were so before. */
static int show_leased(void *ctx, const struct mq_message *m)
{
	struct exporter *x = ctx;
	char *id = strdup(m->id), **found = id ? tsearch(id, &x->leased, compare_ids) : NULL;

	if (!found) {
		free(id);
		cmd_error(x->c, MQ_IO, "out of memory");
		return x->failed = -1;
	}
	if (*found == id)
		return show_message(x, m);
	free(id);
	return 0;
}

static int look_at(struct exporter *x, unsigned states,
    int (*each)(void *, const struct mq_message *))
{
	if (!(x->states & states))
		return 0;
	return cmd_check(x->c, mq_list(x->q, x->states & states, each, x)) || x->failed ? -1 : 0;
}

static int look(struct exporter *x)
{
	int r = look_at(x, MQ_LEASED, show_leased) ||
	    look_at(x, MQ_READY | MQ_DELAYED, show_message) ||
	    (x->states != MQ_LEASED && look_at(x, MQ_LEASED, show_leased)) ||
	    look_at(x, MQ_DEAD, show_message);

	tdestroy(x->leased, free);
	mq_reader_close(x->reader);
	return r ? -1 : 0;
}

/* ---- moving ------------------------------------------------------------- */

static int write_leases(struct exporter *x)
{
	for (size_t i = 0; i < x->n; i++) {
		const struct mq_message *m = mq_lease_message(x->leases[i]);
		struct mq_message ready = *m;
		mq_reader *reader;
		int r;

		if (cmd_check(x->c, mq_reader_of(x->leases[i], &reader)))
			return -1;
		ready.state = MQ_READY; /* as it was; nobody has seen it */
		r = write_message(x, &ready, reader, m->receives - 1);
		mq_reader_close(reader);
		if (r)
			return -1;
	}
	return packer_sync(&x->packer);
}

/* How many have lapsed. */
static size_t end_leases(struct exporter *x, int (*verdict)(mq_lease *))
{
	size_t lapsed = 0;

	for (size_t i = 0; i < x->n; i++) {
		int status = verdict(x->leases[i]);

		if (status == MQ_LAPSED)
			lapsed++;
		else
			cmd_check(x->c, status);
		mq_lease_free(x->leases[i]);
	}
	x->n = 0;
	return lapsed;
}

static int move_some(struct exporter *x)
{
	uint64_t before = x->count;
	size_t lapsed;

	if (write_leases(x)) {
		end_leases(x, mq_giveback);
		x->count = before;
		return -1;
	}
	lapsed = end_leases(x, mq_ack);
	if (lapsed)
		cmd_error(x->c, MQ_LAPSED,
		    "%s: %zu leases lapsed before the archive was safe: those messages stay, too",
		    mq_queue_name(x->q), lapsed);
	return 0;
}

static int move(struct exporter *x)
{
	int status, r = 0;

	if (cmd_check(x->c, mq_hold_open(x->q, VISIBILITY, &x->hold)))
		return -1;
	x->keep = 0;
	while (r == 0 && !interrupted) {
		status = mq_hold_recv(x->hold, MQ_RECV_MAX, x->leases, &x->n);
		if (status == MQ_EMPTY)
			break;
		r = cmd_check(x->c, status) ? -1 : move_some(x);
	}
	mq_hold_close(x->hold);
	x->hold = NULL;
	return interrupted ? -1 : r;
}

/* ---- the file ----------------------------------------------------------- */

static void file_failed(struct exporter *x, const char *what)
{
	cmd_error(x->c, errno == ENOENT || errno == ENOTDIR ? MQ_CREATE : mq_status_of_errno(errno),
	    "%s: %s: %s", x->file, what, strerror(errno));
}

/* A new file beside FILE, which it is to replace; not private, as its name is not. */
static int make_file(struct exporter *x)
{
	x->made = cmd_realloc(x->c, NULL, strlen(x->file) + 8);
	sprintf(x->made, "%s.XXXXXX", x->file);
	x->packer.fd = mkostemp(x->made, O_CLOEXEC);
	if (x->packer.fd == -1) {
		file_failed(x, "create");
		free(x->made);
		x->made = NULL;
		return -1;
	}
	fchmod(x->packer.fd, 0666 & ~x->c->umask);
	return 0;
}

/* What was moved to a file before must not go. */
static int make_new_file(struct exporter *x)
{
	x->packer.fd = cmd_create(x->c, x->file, O_WRONLY | O_CREAT | O_EXCL);
	if (x->packer.fd >= 0)
		return 0;
	if (errno == EEXIST)
		cmd_error(x->c, MQ_CREATE, "%s: it is there: -m makes a new file", x->file);
	else
		file_failed(x, "create");
	return -1;
}

static int open_file(struct exporter *x)
{
	struct stat st;

	if (x->move)
		return make_new_file(x);
	if (stat(x->file, &st) || S_ISREG(st.st_mode))
		return make_file(x);
	if ((x->packer.fd = cmd_open(x->file, O_WRONLY)) >= 0)
		return 0;
	file_failed(x, "open");
	return -1;
}

/* The directory that has the name. */
static int sync_name(struct exporter *x)
{
	char *copy = strdup(x->file);
	int fd = copy ? cmd_open(dirname(copy), O_RDONLY | O_DIRECTORY) : -1;
	int r = fd < 0 || fsync(fd) ? -1 : 0;

	if (r)
		file_failed(x, "sync");
	if (fd >= 0)
		close(fd);
	free(copy);
	return r;
}

static int give_name(struct exporter *x)
{
	if (!x->made)
		return 0;
	if (fsync(x->packer.fd) || rename(x->made, x->file)) {
		file_failed(x, "write");
		return -1;
	}
	free(x->made);
	x->made = NULL;
	return sync_name(x);
}

/* ---- the archive -------------------------------------------------------- */

static int write_all(struct exporter *x)
{
	if (packer_begin(&x->packer) || look(x) || packer_end(&x->packer))
		return -1;
	return x->file ? give_name(x) : 0;
}

/* What was acked is in the file, and stays. */
static int move_all(struct exporter *x)
{
	int r;

	if (sync_name(x) || packer_begin(&x->packer))
		return -1;
	r = move(x);
	if (r && x->packer.synced == 0)
		unlink(x->file);
	else if (r)
		r = packer_rewind(&x->packer) || packer_end(&x->packer) || packer_sync(&x->packer);
	else
		r = packer_end(&x->packer) || packer_sync(&x->packer);
	return r;
}

static void export(struct exporter *x)
{
	int r;

	x->entry = archive_entry_new();
	if (!x->entry) {
		cmd_error(x->c, MQ_IO, "out of memory");
		return;
	}
	catch_signals();
	r = x->move ? move_all(x) : write_all(x);
	if (r && x->made)
		unlink(x->made);
	free(x->made);
	packer_free(&x->packer);
	archive_entry_free(x->entry);
	mq_queue_close(x->other);
}

/* Where it goes to: standard output is closed by cmd_end(). */
static void export_to(struct exporter *x)
{
	x->packer.name = x->file ? x->file : "standard output";
	x->packer.fd = STDOUT_FILENO;
	if (x->file && open_file(x))
		return;
	export(x);
	if (x->file && close(x->packer.fd) && !x->c->exit)
		file_failed(x, "close");
}

static void check_arguments(struct exporter *x)
{
	struct cmd *c = x->c;
	struct stat st;

	cmd_start(c, 1, 2);
	if (c->argc > 1 && strcmp(c->argv[1], "-") != 0)
		x->file = c->argv[1];
	if (!x->file && isatty(STDOUT_FILENO))
		cmd_usage(c, "standard output is a terminal: an archive is not for that");
	if (x->move && x->states)
		cmd_usage(c, "-m moves what is ready: it takes no -S");
	/* What went into a pipe may never have arrived. */
	if (x->move && !x->file)
		cmd_usage(c, "-m needs a FILE");
	if (x->move && stat(x->file, &st) == 0 && !S_ISREG(st.st_mode))
		cmd_usage(c, "-m needs a FILE that is a file");
	if (!x->states)
		x->states = MQ_READY | MQ_DELAYED | MQ_LEASED | MQ_DEAD;
}

static void take_option(struct exporter *x, int opt, int *compressed)
{
	switch (opt) {
	case 'S':
		x->states |= cmd_states(x->c, opt);
		break;
	case 'z':
		if (packer_compression(&x->packer, optarg))
			cmd_usage(x->c, "-z: '%s' is not gzip, zstd, xz or none", optarg);
		*compressed = 1;
		break;
	case 'm':
		x->move = 1;
		break;
	}
}

int main(int argc, char **argv)
{
	struct cmd c = {
		.name = "mq-export",
		.usage =
		    "[-m] [-S ready|delayed|leased|dead] [-z gzip|zstd|xz|none] [-s DIR] QUEUE "
		    "[FILE]",
		.about = "Write a pax archive of the messages of a queue.",
		.options = options,
	};
	struct exporter x = { 0 };
	int opt, compressed = 0;

	x.c = x.packer.c = &c;
	cmd_begin(&c, argc, argv);
	while ((opt = cmd_option(&c)) != -1)
		take_option(&x, opt, &compressed);
	check_arguments(&x);
	if (!compressed && x.file)
		packer_suffix(&x.packer, x.file);
	if ((x.q = cmd_queue(&c, c.argv[0])) != NULL)
		export_to(&x);
	mq_queue_close(x.q);
	opt = cmd_end(&c);
	if (interrupted)
		raise(interrupted); /* which is no longer caught */
	return opt;
}
