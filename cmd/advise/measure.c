/*
 * measure.c - what a file system is, and how long it takes over what a queue does
 *
 * The spool's file system is tried in a directory .advise.XXXXXX of the spool (or,
 * when there is none, of the nearest directory above where it would be).  Each
 * round does what sending a message does: create, write, rename, fsync; a few
 * hundred names are then linked, renamed and unlinked, as receiving and acking do.
 * Rounds end when there are enough or the time is over, so that a slow disk is
 * not held up for long.
 *
 * All names in the directory are known beforehand: to remove it is to unlink each.
 * Signals that would end us only set a flag, the rounds look at it, the directory
 * goes, and the signal is raised again.  What SIGKILL or a crash has left is
 * removed by a later call when it is an hour old.
 */
#include "advise/measure.h"
#include "share/words.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#define PREFIX  ".advise."
#define STALE   3600            /* seconds: nobody measures for so long */
#define ROUNDS  40              /* of messages sent */
#define NAMES   200             /* linked, renamed, unlinked; at least ROUNDS */
#define LIMIT   (MQ_SECOND / 4) /* for the rounds, and for each of these */
#define LARGEST (UINT64_C(1) << 20)

/* ---- what it is --------------------------------------------------------- */

static const struct known {
	unsigned long magic;
	const char *name;
	int shared;
	int memory;
	unsigned syncs; /* of a send, see mq-spool(5) */
} known[] = {
	{ 0xef53, "ext4", 0, 0, 1 },
	{ 0x58465342, "xfs", 0, 0, 1 },
	{ 0x9123683e, "btrfs", 0, 0, 1 },
	{ 0x01021994, "tmpfs", 0, 1, 1 },
	{ 0x2fc12fc1, "zfs", 0, 0, 2 },
	{ 0xf2f52010, "f2fs", 0, 0, 2 },
	{ 0x794c7630, "overlay", 0, 0, 2 },
	{ 0x6969, "nfs", 1, 0, 2 },
	{ 0x517b, "smb", 1, 0, 2 },
	{ 0xff534d42, "cifs", 1, 0, 2 },
	{ 0xfe534d42, "smb2", 1, 0, 2 },
	{ 0x65735546, "fuse", 1, 0, 2 },
	{ 0x00c36400, "ceph", 1, 0, 2 },
	{ 0x01021997, "9p", 1, 0, 2 },
	{ 0x0bd00bd0, "lustre", 1, 0, 2 },
	{ 0x47504653, "gpfs", 1, 0, 2 },
	{ 0x7461636f, "ocfs2", 1, 0, 2 },
	{ 0x01161970, "gfs2", 1, 0, 2 },
	{ 0, "unknown", 0, 0, 2 },
};

/* The spool, or the nearest directory above it that is there; to be freed. */
static char *existing(struct cmd *c)
{
	size_t n = strlen(c->spool);
	char *path = cmd_realloc(c, NULL, n + 2);
	struct stat st;

	memcpy(path, c->spool, n + 1);
	while (stat(path, &st) && errno == ENOENT) {
		char *slash = strrchr(path, '/');

		if (!slash)
			strcpy(path, ".");
		else if (slash == path)
			path[1] = '\0';
		else
			*slash = '\0';
	}
	return path;
}

static uint64_t limit_of(uint64_t total, uint64_t left, uint64_t unit)
{
	return total == 0 ? UINT64_MAX : left * unit;
}

int disk_look(struct cmd *c, struct disk *d)
{
	char *path = existing(c);
	const struct known *k = known;
	struct statvfs room;
	struct statfs fs;
	int failed = statfs(path, &fs) || statvfs(path, &room);

	*d = (struct disk){ .type = "unknown" };
	if (failed) {
		cmd_errno(c, path, "statfs");
	} else {
		while (k->magic && k->magic != ((unsigned long)fs.f_type & 0xffffffffUL))
			k++;
		*d = (struct disk){ .type = k->name,
			.shared = k->shared,
			.volatile_ = k->memory,
			.syncs = k->syncs,
			.free_bytes = limit_of(room.f_blocks, room.f_bavail, room.f_frsize),
			.free_inodes = limit_of(room.f_files, room.f_favail, 1) };
	}
	free(path);
	return failed ? -1 : 0;
}

/* ---- signals ------------------------------------------------------------ */

static const int signals[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM };
static volatile sig_atomic_t caught;

static void catch (int signal)
{
	caught = signal;
}

static void catch_signals(struct sigaction old[])
{
	struct sigaction new = { .sa_handler = catch };

	for (size_t i = 0; i < NELEMS(signals); i++)
		if (sigaction(signals[i], NULL, &old[i]) == 0 && old[i].sa_handler != SIG_IGN)
			sigaction(signals[i], &new, NULL);
}

static void restore_signals(const struct sigaction old[])
{
	for (size_t i = 0; i < NELEMS(signals); i++)
		sigaction(signals[i], &old[i], NULL);
	if (caught)
		raise(caught);
}

/* ---- the directory ------------------------------------------------------ */

/* The names in it: a letter and a number. */
enum kind { WRITTEN = 'w', SENT = 's', LINKED = 'l', RENAMED = 'r' };

static struct word name_of(enum kind kind, int i)
{
	struct word name;

	snprintf(name.text, sizeof(name.text), "%c%d", kind, i);
	return name;
}

static void empty(int fd)
{
	static const enum kind kinds[] = { WRITTEN, SENT, LINKED, RENAMED };

	for (size_t k = 0; k < NELEMS(kinds); k++)
		for (int i = 0; i < NAMES; i++)
			unlinkat(fd, name_of(kinds[k], i).text, 0);
}

/* What was killed there before: ours, or it stays. */
static void remove_stale(int parent)
{
	int fd = openat(parent, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;
	struct stat st;

	while (dir && (e = readdir(dir))) {
		if (strncmp(e->d_name, PREFIX, strlen(PREFIX)) != 0)
			continue;
		fd = openat(parent, e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd >= 0 && fstat(fd, &st) == 0 && st.st_uid == geteuid() &&
		    st.st_mtime < time(NULL) - STALE) {
			empty(fd);
			unlinkat(parent, e->d_name, AT_REMOVEDIR);
		}
		if (fd >= 0)
			close(fd);
	}
	if (dir)
		closedir(dir);
}

/* ---- rounds ------------------------------------------------------------- */

struct trial {
	struct disk *d;
	int fd; /* the directory */
	const char *data;
	size_t size;
	double sync[ROUNDS], create[ROUNDS];
};

static double seconds_since(mq_time begin)
{
	return (double)(monotonic() - begin) / MQ_SECOND;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *v, int n)
{
	qsort(v, n, sizeof(*v), compare);
	return v[n / 2];
}

static int write_fully(int fd, const char *data, size_t n)
{
	while (n > 0) {
		ssize_t w = write(fd, data, n);

		if (w < 0 && errno != EINTR)
			return -1;
		data += w > 0 ? w : 0;
		n -= w > 0 ? w : 0;
	}
	return 0;
}

/* As a message is sent. */
static int send_one(struct trial *t, int i)
{
	struct word from = name_of(WRITTEN, i), to = name_of(SENT, i);
	mq_time begin = monotonic();
	struct stat st;
	int fd, failed;

	fd = openat(t->fd, from.text, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -1;
	failed = write_fully(fd, t->data, t->size) || renameat(t->fd, from.text, t->fd, to.text);
	t->create[i] = seconds_since(begin);
	begin = monotonic();
	while (!failed && (failed = fsync(fd)) && errno == EINTR && !caught)
		;
	t->sync[i] = seconds_since(begin);
	if (!failed && fstat(fd, &st) == 0)
		t->d->allocated = (uint64_t)st.st_blocks * 512;
	return close(fd) || failed ? -1 : 0;
}

static int send_some(struct trial *t)
{
	mq_time begin = monotonic();
	int n;

	for (n = 0; n < ROUNDS && !caught && (n < 3 || monotonic() - begin < LIMIT); n++)
		if (send_one(t, n))
			return -1;
	if (n > 0) {
		t->d->sync = median(t->sync, n);
		t->d->create = median(t->create, n);
	}
	return 0;
}

static int link_one(struct trial *t, int i)
{
	return linkat(t->fd, name_of(SENT, 0).text, t->fd, name_of(LINKED, i).text, 0);
}

static int rename_one(struct trial *t, int i)
{
	return renameat(t->fd, name_of(LINKED, i).text, t->fd, name_of(RENAMED, i).text);
}

static int unlink_one(struct trial *t, int i)
{
	return unlinkat(t->fd, name_of(RENAMED, i).text, 0);
}

/* For *n names; then *took is the mean of one, and *n how many were done. */
static int each_name(struct trial *t, int (*step)(struct trial *, int), int *n, double *took)
{
	mq_time begin = monotonic();
	int i;

	for (i = 0; i < *n && !caught && monotonic() - begin < LIMIT; i++)
		if (step(t, i)) {
			if (errno == EMLINK && i > 0)
				break; /* that many links are all there can be */
			return -1;
		}
	*n = i;
	*took = i ? seconds_since(begin) / i : 0;
	return 0;
}

static int run(struct trial *t)
{
	int n = NAMES;

	if (send_some(t) || each_name(t, link_one, &n, &t->d->link) ||
	    each_name(t, rename_one, &n, &t->d->rename) ||
	    each_name(t, unlink_one, &n, &t->d->unlink))
		return -1;
	return 0;
}

/* In the directory parent, with data to write. */
static int measure_in(struct cmd *c, struct disk *d, const char *parent, const char *data,
    size_t size)
{
	struct trial t = { .d = d, .data = data, .size = size };
	char *path = NULL;
	int failed = -1;

	if (asprintf(&path, "%s/" PREFIX "XXXXXX", parent) < 0 || !mkdtemp(path)) {
		cmd_errno(c, parent, "make a directory to measure in");
		free(path);
		return -1;
	}
	t.fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (t.fd < 0 || (failed = run(&t)))
		cmd_errno(c, path, "measure");
	if (t.fd >= 0) {
		empty(t.fd);
		close(t.fd);
	}
	if (rmdir(path))
		cmd_errno(c, path, "remove");
	free(path);
	return failed;
}

int disk_measure(struct cmd *c, struct disk *d, uint64_t size)
{
	size_t tried = size < LARGEST ? size : LARGEST;
	char *parent = existing(c), *data = cmd_realloc(c, NULL, tried);
	int fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC), failed = -1;
	struct sigaction old[NELEMS(signals)];

	memset(data, 'x', tried);
	if (fd < 0) {
		cmd_errno(c, parent, "open");
	} else {
		remove_stale(fd);
		close(fd);
		catch_signals(old);
		failed = measure_in(c, d, parent, data, tried);
		restore_signals(old);
	}
	d->measured = !failed;
	d->allocated = d->allocated * ((double)size / tried);
	free(data);
	free(parent);
	return failed;
}
