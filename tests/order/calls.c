/*
 * calls.c - the calls that are steps: see inside.h
 *
 * Each is wrapped: it waits for its turn, writes down what it touches, and is made.  What
 * stands outside the spool is no step.
 */
#include "inside.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define FDS_MAX   256
#define PATH_SIZE 512

static const char *const names[] = { "openat", "stat", "readlink", "list", "rename", "link",
	"unlink", "rmdir", "symlink", "mkdir", "mknod", "utimens", "flock", "poll", "sleep" };

enum call {
	OPEN,
	STAT,
	READLINK,
	LIST,
	RENAME,
	LINK,
	UNLINK,
	RMDIR,
	SYMLINK,
	MKDIR,
	MKNOD,
	UTIMENS,
	FLOCK,
	POLL,
	SLEEP
};

/* ---- paths ------------------------------------------------------------------------------- */

/* Those of open descriptors, as they were found at that number of moves. */
static struct {
	unsigned moves; /* plus one; 0: not known */
	char path[PATH_SIZE];
} known[FDS_MAX];

static const char *path_of(const struct inside *p, int fd, char buffer[PATH_SIZE])
{
	char link[40];
	char *path = fd >= 0 && fd < FDS_MAX ? known[fd].path : buffer;
	ssize_t n;

	if (path != buffer && known[fd].moves == p->moves + 1)
		return path;
	snprintf(link, sizeof(link), fd == AT_FDCWD ? "/proc/self/cwd" : "/proc/self/fd/%d", fd);
	n = readlink(link, path, PATH_SIZE - 1);
	path[n < 0 ? 0 : n] = '\0';
	if (path != buffer)
		known[fd].moves = p->moves + 1;
	return path;
}

static void forget(int fd)
{
	if (fd >= 0 && fd < FDS_MAX)
		known[fd].moves = 0;
}

/* What stands below the spool, from its slash on; NULL: it is not there. */
static const char *below(const struct inside *p, const char *path)
{
	size_t n = strlen(p->root);

	return strncmp(path, p->root, n) == 0 && (path[n] == '/' || !path[n]) ? path + n : NULL;
}

/* That of a name in a directory; NULL: outside the spool. */
static const char *whole_path(const struct inside *p, int dir, const char *name,
    char path[PATH_SIZE])
{
	char buffer[PATH_SIZE];
	size_t n = 0;

	if (*name != '/') {
		n = strlen(strcpy(path, path_of(p, dir, buffer)));
		if (*name)
			path[n++] = '/';
	}
	assert(n + strlen(name) < PATH_SIZE);
	n += strlen(strcpy(path + n, name));
	if (n > 1 && strcmp(path + n - 2, "/.") == 0)
		path[n - 2] = '\0';
	return below(p, path);
}

/* ---- turns -------------------------------------------------------------------------------- */

/* Until this process may make the next step. */
static void wait_for_turn(struct inside *p, int seat)
{
	p->seats[seat].waits = 0;
	while (p->n == p->stop_at)
		inside_stop(p, seat);
}

/* It would have to wait: what it is told. */
static int wait_until(struct inside *p, int seat, int64_t wakes, int for_jobs)
{
	struct seat *s = &p->seats[seat];

	s->waits = 1;
	s->wakes = wakes;
	s->for_jobs = for_jobs;
	s->told = AGAIN;
	inside_stop(p, seat);
	s->waits = 0;
	return s->told;
}

static struct step *begin(struct inside *p, int seat, enum call call, int how)
{
	struct step *s = &p->steps[p->n];

	if (p->n == STEPS_MAX)
		_exit(126);
	s->who = seat;
	s->how = how;
	s->call = call;
	s->others = p->others;
	s->is_free = p->n == p->free_at;
	s->access.n = 0;
	s->access.changes = 0;
	s->access.is_time = how != CALL;
	return s;
}

__attribute__((format(printf, 2, 3))) static void add_text(struct inside *p, const char *format,
    ...)
{
	char *text = p->texts[p->n];
	size_t n = strlen(text);
	va_list args;

	va_start(args, format);
	vsnprintf(text + n, TEXT_SIZE - n, format, args);
	va_end(args);
}

/* With what it touches. */
static void describe(struct inside *p, enum call call, const char *path, const char *other)
{
	if (!p->is_watched)
		return;
	p->texts[p->n][0] = '\0';
	add_text(p, "%s %s%s%s", names[call], path, other ? " " : "", other ? other : "");
}

/* The step was made. */
static void end(struct inside *p, int result)
{
	int error = errno;

	if (p->is_watched && result == -1)
		add_text(p, ": %s", strerror(error));
	p->n++;
	errno = error;
}

/* ---- calls of one path -------------------------------------------------------------------- */

enum { READS, CHANGES };

/* Before a call on a name, which is a step if this returns the page. */
static struct inside *before(enum call call, int how, int dir, const char *name)
{
	char path[PATH_SIZE];
	const char *inside;
	int seat;
	struct inside *p = inside_seated(&seat);
	struct step *s;

	if (!p || !whole_path(p, dir, name, path))
		return NULL;
	wait_for_turn(p, seat);
	inside = whole_path(p, dir, name, path); /* it may have moved */
	s = begin(p, seat, call, CALL);
	if (how == CHANGES)
		access_change(&s->access, inside);
	else
		access_read(&s->access, inside);
	describe(p, call, inside, NULL);
	return p;
}

static int after(struct inside *p, int result)
{
	if (p)
		end(p, result);
	return result;
}

int __real_openat64(int, const char *, int, ...);
int __wrap_openat64(int dir, const char *name, int flags, mode_t mode);

int __wrap_openat64(int dir, const char *name, int flags, mode_t mode)
{
	struct inside *p = before(OPEN, flags & O_CREAT ? CHANGES : READS, dir, name);
	int fd = __real_openat64(dir, name, flags, mode);

	forget(fd);
	return after(p, fd);
}

int __real_fstatat64(int, const char *, struct stat *, int);
int __wrap_fstatat64(int dir, const char *name, struct stat *st, int flags);

int __wrap_fstatat64(int dir, const char *name, struct stat *st, int flags)
{
	struct inside *p = before(STAT, READS, dir, name);

	return after(p, __real_fstatat64(dir, name, st, flags));
}

ssize_t __real_readlinkat(int, const char *, char *, size_t);
ssize_t __wrap_readlinkat(int dir, const char *name, char *to, size_t size);

ssize_t __wrap_readlinkat(int dir, const char *name, char *to, size_t size)
{
	struct inside *p = before(READLINK, READS, dir, name);

	return after(p, (int)__real_readlinkat(dir, name, to, size));
}

int __real_unlinkat(int, const char *, int);
int __wrap_unlinkat(int dir, const char *name, int flags);

int __wrap_unlinkat(int dir, const char *name, int flags)
{
	int is_rmdir = flags & AT_REMOVEDIR;
	struct inside *p = before(is_rmdir ? RMDIR : UNLINK, CHANGES, dir, name);
	char path[PATH_SIZE];

	if (p && is_rmdir) /* if it has no names */
		access_list(&p->steps[p->n].access, whole_path(p, dir, name, path));
	return after(p, __real_unlinkat(dir, name, flags));
}

int __real_symlinkat(const char *, int, const char *);
int __wrap_symlinkat(const char *target, int dir, const char *name);

int __wrap_symlinkat(const char *target, int dir, const char *name)
{
	struct inside *p = before(SYMLINK, CHANGES, dir, name);

	return after(p, __real_symlinkat(target, dir, name));
}

int __real_mkdirat(int, const char *, mode_t);
int __wrap_mkdirat(int dir, const char *name, mode_t mode);

int __wrap_mkdirat(int dir, const char *name, mode_t mode)
{
	struct inside *p = before(MKDIR, CHANGES, dir, name);

	return after(p, __real_mkdirat(dir, name, mode));
}

int __real_mknodat(int, const char *, mode_t, dev_t);
int __wrap_mknodat(int dir, const char *name, mode_t mode, dev_t dev);

int __wrap_mknodat(int dir, const char *name, mode_t mode, dev_t dev)
{
	struct inside *p = before(MKNOD, CHANGES, dir, name);

	return after(p, __real_mknodat(dir, name, mode, dev));
}

int __real_utimensat(int, const char *, const struct timespec *, int);
int __wrap_utimensat(int dir, const char *name, const struct timespec *times, int flags);

int __wrap_utimensat(int dir, const char *name, const struct timespec *times, int flags)
{
	struct inside *p = before(UTIMENS, CHANGES, dir, name ? name : "");

	return after(p, __real_utimensat(dir, name, times, flags));
}

/* ---- of two ------------------------------------------------------------------------------- */

static struct inside *before_two(enum call call, int how, int fromdir, const char *from, int todir,
    const char *to)
{
	struct inside *p = before(call, how, fromdir, from);
	char path[PATH_SIZE];
	const char *other;

	if (!p || !(other = whole_path(p, todir, to, path)))
		return p;
	access_change(&p->steps[p->n].access, other);
	if (p->is_watched)
		add_text(p, " %s", other);
	return p;
}

int __real_renameat(int, const char *, int, const char *);
int __wrap_renameat(int fromdir, const char *from, int todir, const char *to);

int __wrap_renameat(int fromdir, const char *from, int todir, const char *to)
{
	struct inside *p = before_two(RENAME, CHANGES, fromdir, from, todir, to);
	struct stat st;

	if (p && __real_fstatat64(fromdir, from, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISDIR(st.st_mode))
		p->moves++;
	return after(p, __real_renameat(fromdir, from, todir, to));
}

int __real_linkat(int, const char *, int, const char *, int);
int __wrap_linkat(int fromdir, const char *from, int todir, const char *to, int flags);

int __wrap_linkat(int fromdir, const char *from, int todir, const char *to, int flags)
{
	struct inside *p = before_two(LINK, READS, fromdir, from, todir, to);

	return after(p, __real_linkat(fromdir, from, todir, to, flags));
}

/* ---- of descriptors ------------------------------------------------------------------------ */

int __real_close(int);
int __wrap_close(int fd);

int __wrap_close(int fd)
{
	forget(fd);
	return __real_close(fd);
}

/* A step when it has the lock; it gives back what it had first, as the call would. */
int __real_flock(int, int);
int __wrap_flock(int fd, int how);

int __wrap_flock(int fd, int how)
{
	int seat, r;
	struct inside *p = inside_seated(&seat);
	char path[PATH_SIZE];

	if (!p || !whole_path(p, fd, "", path))
		return __real_flock(fd, how);
	for (;;) {
		wait_for_turn(p, seat);
		r = __real_flock(fd, how | LOCK_NB);
		if (r == 0 || errno != EWOULDBLOCK || how & LOCK_NB)
			break;
		wait_until(p, seat, INT64_MAX, 0);
	}
	access_change(&begin(p, seat, FLOCK, CALL)->access, whole_path(p, fd, "", path));
	describe(p, FLOCK, below(p, path), how & LOCK_UN ? "UN" : how & LOCK_NB ? "NB" : "");
	return after(p, r);
}

long __real_syscall(long, ...);
long __wrap_syscall(long number, long a, long b, long c, long d, long e, long f);

/* openat2 and getdents64 have no functions everywhere. */
long __wrap_syscall(long number, long a, long b, long c, long d, long e, long f)
{
	struct inside *p = NULL;
	char path[PATH_SIZE];
	long r;

	if (number == SYS_openat2)
		p = before(OPEN, READS, (int)a, (const char *)b);
	if (number == SYS_getdents64 && (p = before(LIST, READS, (int)a, "")))
		access_list(&p->steps[p->n].access, whole_path(p, (int)a, "", path));
	r = __real_syscall(number, a, b, c, d, e, f);
	if (number == SYS_openat2)
		forget((int)r);
	after(p, (int)r);
	return r;
}

/* ---- waiting ---------------------------------------------------------------------------------- */

static int64_t end_of(const struct inside *p, const struct timespec *t)
{
	return t ? p->time + (int64_t)t->tv_sec * 1000000000 + t->tv_nsec : INT64_MAX;
}

int __real_nanosleep(const struct timespec *, struct timespec *);
int __wrap_nanosleep(const struct timespec *t, struct timespec *left);

/* A job takes no time: or what is seen of it would not be the same each time.  One that does
 * not end by itself is not waited for. */
static void let_job_end(void)
{
	for (int ms = 0; ms < 2000 && inside_children() == CHILDREN_RUN; ms++)
		__real_nanosleep(&(struct timespec){ 0, 1000000 }, NULL);
}

int __real_ppoll(struct pollfd *, nfds_t, const struct timespec *, const sigset_t *);
int __wrap_ppoll(struct pollfd *fds, nfds_t n, const struct timespec *t, const sigset_t *mask);

/* What comes of jobs comes at no time of the page's: it is really waited for. */
int __wrap_ppoll(struct pollfd *fds, nfds_t n, const struct timespec *t, const sigset_t *mask)
{
	static const struct timespec at_once = { 0, 0 }, long_enough = { 20, 0 };
	int seat, r, told = AGAIN;
	struct inside *p = inside_seated(&seat);
	int64_t wakes;

	if (!p)
		return __real_ppoll(fds, n, t, mask);
	wakes = end_of(p, t);
	for (;;) {
		if (told == AGAIN)
			wait_for_turn(p, seat);
		let_job_end();
		r = __real_ppoll(fds, n, told == REALLY ? &long_enough : &at_once, mask);
		if (r != 0 || told != AGAIN || (t && !t->tv_sec && !t->tv_nsec))
			break;
		told = wait_until(p, seat, wakes, inside_children() != NO_CHILDREN);
	}
	begin(p, seat, POLL, told == OVER ? WAKE : told == REALLY ? JOBS : CALL);
	describe(p, POLL, told == OVER ? "time is over" : "", NULL);
	return after(p, r);
}

static void sleep_until(int64_t wakes)
{
	int seat;
	struct inside *p = inside_seated(&seat);

	while (wait_until(p, seat, wakes, 0) != OVER)
		;
	begin(p, seat, SLEEP, WAKE);
	describe(p, SLEEP, "", NULL);
	end(p, 0);
}

int __wrap_nanosleep(const struct timespec *t, struct timespec *left)
{
	int seat;
	struct inside *p = inside_seated(&seat);

	if (!p)
		return __real_nanosleep(t, left);
	sleep_until(end_of(p, t));
	return 0;
}

int __wrap_usleep(useconds_t us);

int __wrap_usleep(useconds_t us)
{
	return __wrap_nanosleep(&(struct timespec){ us / 1000000, us % 1000000 * 1000 }, NULL);
}

int __real_clock_nanosleep(clockid_t, int, const struct timespec *, struct timespec *);
int __wrap_clock_nanosleep(clockid_t id, int flags, const struct timespec *t,
    struct timespec *left);

int __wrap_clock_nanosleep(clockid_t id, int flags, const struct timespec *t, struct timespec *left)
{
	struct timespec up;
	int seat;
	struct inside *p = inside_seated(&seat);

	if (!p)
		return __real_clock_nanosleep(id, flags, t, left);
	if (!flags)
		return __wrap_nanosleep(t, left);
	clock_gettime(id, &up);
	sleep_until(end_of(p, t) - ((int64_t)up.tv_sec * 1000000000 + up.tv_nsec));
	return 0;
}
