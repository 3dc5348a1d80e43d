/*
 * calls.c - the system calls that commands make: see calls.h
 *
 * The letters of the arguments are
 *
 *	f	a descriptor; shown is what it is open on
 *	p	a path, or another string
 *	x	a number that tells calls apart, as flags do
 *	b	what is written; with the next argument for its length
 *	r	what is read, when it has been
 *	-	nothing of interest
 *
 * A call that is not in the table changes something, for all that one knows.
 */
#include "calls.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif

#define SHOWN 32 /* bytes of what is read and written */

#define NAMED(number) #number, number

static const struct call_error errors[] = {
	{ NAMED(EIO), "74" },
	{ NAMED(EMFILE), "74" },
	{ NAMED(ENOLCK), "74" },
	{ NAMED(ENOMEM), "74" },
	{ NAMED(EAGAIN), "74" },
	{ NAMED(EMLINK), "74" },
	{ NAMED(ENOSPC), "75" },
	{ NAMED(EDQUOT), "75" },
	{ NAMED(EACCES), "77" },
	{ NAMED(EPERM), "77" },
	{ NAMED(EINTR), "-" },
};

#define CALL(name) #name, SYS_##name

#define PLACES "EIO ENOSPC EDQUOT+" /* a new name wants some */

/* Calls that change something. */
static const struct call_kind changing[] = {
	{ CALL(write), "fb", "EIO ENOSPC EDQUOT EINTR" },
	{ CALL(fsync), "f", "EIO ENOSPC EDQUOT+ EINTR" },
	{ CALL(renameat), "fpfp", PLACES },
	{ CALL(mkdirat), "fpx", PLACES },
	{ CALL(symlinkat), "pfp", PLACES },
	{ CALL(mknodat), "fpxx", PLACES },
	{ CALL(linkat), "fpfpx", PLACES " EMLINK" },
	{ CALL(unlinkat), "fpx", "EIO EIO+" },
	{ CALL(utimensat), "fp-x", "EIO EPERM+" },
	{ CALL(ppoll), "", "EINTR" }, /* others may do something meanwhile */
	{ CALL(pipe2), "-x", "EMFILE" },
	{ CALL(inotify_init1), "x", "EMFILE" },
	{ CALL(inotify_add_watch), "fpx", "ENOSPC" },
	{ CALL(clone), "x", "EAGAIN" },
	{ CALL(clone3), "", "EAGAIN" },
	{ CALL(signalfd4), "f", "" },
	{ CALL(eventfd2), "", "" },
	{ CALL(kill), "-x", "" },
	{ CALL(exit_group), "x", "" },
#ifdef SYS_mkdir
	{ CALL(mkdir), "px", PLACES },
#endif
#ifdef SYS_fork
	{ CALL(fork), "", "EAGAIN" },
	{ CALL(vfork), "", "EAGAIN" },
#endif
};

/* Calls that change nothing, or nothing that the next does not: a mode, a lock. */
static const struct call_kind harmless[] = {
	{ CALL(openat), "fpxx", "EIO EMFILE EMFILE+ EACCES EINTR" },
	{ CALL(openat2), "fp", "EIO EMFILE EMFILE+ EACCES EINTR" },
	{ CALL(read), "fr", "EIO EIO+ EINTR" },
	{ CALL(pread64), "fr", "EIO EIO+ EINTR" },
	{ CALL(newfstatat), "fp-x", "EIO EIO+" },
	{ CALL(getdents64), "f", "EIO EIO+" },
	{ CALL(readlinkat), "fp", "EIO EACCES+" },
	{ CALL(fchmod), "fx", "EIO EPERM+" },
	{ CALL(fchmodat), "fpx", "EIO EPERM+" },
	{ CALL(fstatfs), "f", "EIO" },
	{ CALL(ftruncate), "f", "EIO EINTR" },
	{ CALL(flock), "fx", "ENOLCK EINTR" },
	{ CALL(mmap), "--xxf", "ENOMEM" },
	{ CALL(close), "f", "EIO" },
	{ CALL(fcntl), "fx", "" },
	{ CALL(execve), "p", "" },
	{ CALL(brk), "", "" },
	{ CALL(clock_gettime), "x", "" },
	{ CALL(clock_nanosleep), "", "" },
	{ CALL(exit), "", "" },
	{ CALL(faccessat), "fp", "" },
	{ CALL(fadvise64), "f", "" },
	{ CALL(fstat), "f", "" },
	{ CALL(futex), "", "" },
	{ CALL(getcwd), "", "" },
	{ CALL(getegid), "", "" },
	{ CALL(geteuid), "", "" },
	{ CALL(getgid), "", "" },
	{ CALL(getpid), "", "" },
	{ CALL(getppid), "", "" },
	{ CALL(getrandom), "", "" },
	{ CALL(gettid), "", "" },
	{ CALL(getuid), "", "" },
	{ CALL(ioctl), "fx", "" },
	{ CALL(lseek), "f", "" },
	{ CALL(madvise), "", "" },
	{ CALL(mprotect), "", "" },
	{ CALL(munmap), "", "" },
	{ CALL(prlimit64), "", "" },
	{ CALL(readv), "f", "" },
	{ CALL(rt_sigaction), "", "" },
	{ CALL(rt_sigprocmask), "", "" },
	{ CALL(rt_sigpending), "", "" },
	{ CALL(rt_sigreturn), "", "" },
	{ CALL(rt_sigtimedwait), "", "" },
	{ CALL(sched_getaffinity), "", "" },
	{ CALL(sched_yield), "", "" },
	{ CALL(set_robust_list), "", "" },
	{ CALL(set_tid_address), "", "" },
	{ CALL(sigaltstack), "", "" },
	{ CALL(statfs), "p", "" },
	{ CALL(statx), "fp", "" },
	{ CALL(sysinfo), "", "" },
	{ CALL(umask), "", "" },
	{ CALL(uname), "", "" },
#ifdef SYS_faccessat2
	{ CALL(faccessat2), "fp", "" },
#endif
	{ CALL(fchmodat2), "fpx", "" },
#ifdef SYS_getrlimit
	{ CALL(getrlimit), "", "" },
#endif
#ifdef SYS_rseq
	{ CALL(rseq), "", "" },
#endif
#ifdef SYS_poll
	{ CALL(poll), "", "EINTR" },
	{ CALL(open), "px", "" },
	{ CALL(access), "p", "" },
	{ CALL(arch_prctl), "", "" },
	{ CALL(lstat), "p", "" },
	{ CALL(stat), "p", "" },
	{ CALL(readlink), "p", "EIO EACCES+" },
#endif
};

const long calls_start[CALLS_START] = {
	SYS_clone,
	SYS_clone3,
#ifdef SYS_fork
	SYS_fork,
	SYS_vfork,
#endif
};

static const struct call_kind unknown = { "unknown", -1, "", "" };

static const struct call_kind *find(const struct call_kind *kinds, size_t n, long number)
{
	while (n-- > 0)
		if (kinds[n].number == number)
			return &kinds[n];
	return NULL;
}

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

const struct call_kind *call_kind(long number)
{
	const struct call_kind *kind = find(changing, COUNT(changing), number);

	if (!kind)
		kind = find(harmless, COUNT(harmless), number);
	return kind ? kind : &unknown;
}

long call_number(const char *name)
{
	for (size_t i = 0; i < COUNT(changing); i++)
		if (strcmp(changing[i].name, name) == 0)
			return changing[i].number;
	for (size_t i = 0; i < COUNT(harmless); i++)
		if (strcmp(harmless[i].name, name) == 0)
			return harmless[i].number;
	return -1;
}

static int is_harmless(const struct call_kind *kind)
{
	return kind >= harmless && kind < harmless + COUNT(harmless);
}

static const struct call_error *error_of(const char *name, size_t n)
{
	for (size_t i = 0; i < COUNT(errors); i++)
		if (strncmp(errors[i].name, name, n) == 0 && errors[i].name[n] == '\0')
			return &errors[i];
	return NULL;
}

const struct call_error *call_error_of(const char *name)
{
	return error_of(name, strlen(name));
}

/* ---- the text ------------------------------------------------------------------------ */

__attribute__((format(printf, 2, 3))) static void add(struct call *c, const char *format, ...)
{
	size_t n = strlen(c->text);
	va_list args;

	va_start(args, format);
	vsnprintf(c->text + n, sizeof(c->text) - n, format, args);
	va_end(args);
}

static void add_bytes(struct call *c, const struct trace *t, uint64_t address, size_t size)
{
	char bytes[SHOWN];
	size_t n = trace_read(t, address, bytes, size < SHOWN ? size : SHOWN);

	add(c, "\"");
	for (size_t i = 0; i < n; i++)
		add(c, "%c", bytes[i] >= ' ' && bytes[i] < 0x7f ? bytes[i] : '.');
	add(c, "\"");
}

static void add_string(struct call *c, const struct trace *t, uint64_t address)
{
	char path[256];

	trace_string(t, address, path, sizeof(path));
	add(c, "\"%s\"", path);
}

static void add_descriptor(struct call *c, const struct trace *t, int fd)
{
	char link[40], path[256];
	ssize_t n;

	if (fd == AT_FDCWD) {
		add(c, "-");
		return;
	}
	snprintf(link, sizeof(link), "/proc/%d/fd/%d", (int)t->pid, fd);
	n = readlink(link, path, sizeof(path));
	add(c, "%d<%.*s>", fd, (int)(n < 0 ? 0 : n), path);
}

static void describe(struct call *c, const struct trace *t)
{
	snprintf(c->text, sizeof(c->text), "%s(", c->kind->name);
	for (int i = 0; c->kind->args[i]; i++) {
		add(c, i ? ", " : "");
		switch (c->kind->args[i]) {
		case 'f':
			add_descriptor(c, t, (int)t->args[i]);
			break;
		case 'p':
			add_string(c, t, t->args[i]);
			break;
		case 'x':
			add(c, "0x%llx", (unsigned long long)t->args[i]);
			break;
		case 'b':
			add_bytes(c, t, t->args[i], t->args[i + 1]);
			break;
		}
	}
	add(c, ")");
}

void call_result(struct call *c, const struct trace *t)
{
	if (t->result < 0)
		add(c, ": %s", strerror((int)-t->result));
	else if (strchr(c->kind->args, 'r'))
		add_bytes(c, t, t->args[1], (size_t)t->result);
	else
		add(c, t->result ? ": %lld" : ": none", (long long)t->result);
}

/* ---- errors ---------------------------------------------------------------------------- */

static int creates(const struct trace *t)
{
	return t->number == SYS_openat && (t->args[2] & O_CREAT);
}

/* Whether it may fail at all, other than by the name of it. */
static int may_fail(const struct call *c, const struct trace *t)
{
	switch (t->number) {
	case SYS_write: /* where errors are told */
		return c->fd != STDERR_FILENO;
	case SYS_close: /* of what was written, some file systems tell only then */
		return c->fd == STDOUT_FILENO;
	case SYS_read: /* signals and events come by reading, too */
		return !strstr(c->text, "<anon_inode:");
	case SYS_flock:
		return !(t->args[1] & LOCK_UN);
	case SYS_mmap: /* of a file */
		return (int)t->args[4] != -1;
	}
	return 1;
}

static void add_errors(struct call *c, const char *names)
{
	const struct call_error *error;

	for (size_t n; *names; names += n + strspn(names + n, "+ ")) {
		n = strcspn(names, "+ ");
		error = error_of(names, n);
		/* no handler is there to interrupt what stdio reads */
		if (error->number == EINTR && c->fd == STDIN_FILENO)
			continue;
		c->errors[c->nerrors].error = error;
		c->errors[c->nerrors++].lasts = names[n] == '+';
	}
}

void call_look(struct call *c, const struct trace *t)
{
	memset(c, 0, sizeof(*c));
	c->kind = call_kind(t->number);
	c->changes = !is_harmless(c->kind) || creates(t);
	c->fd = c->kind->args[0] == 'f' ? (int)t->args[0] : -1;
	describe(c, t);
	if (!may_fail(c, t))
		return;
	add_errors(c, c->kind->errors);
	if (creates(t))
		add_errors(c, "ENOSPC EDQUOT+");
}

int call_makes_events(const struct call_kind *k)
{
	return k->number == SYS_signalfd4 || k->number == SYS_inotify_init1 ||
	    k->number == SYS_eventfd2;
}

int call_starts_another(const struct call_kind *k)
{
	for (size_t i = 0; i < CALLS_START; i++)
		if (calls_start[i] == k->number)
			return 1;
	return 0;
}
