/*
 * trace.c - commands that stop before and after their system calls: ptrace(2)
 */
#include "trace.h"

#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096 /* none is smaller */

/* ---- what differs between machines -------------------------------------------- */

/* Before the call: have none made.  After it: what it came to. */
#if defined(__x86_64__)
static int set_registers(pid_t pid, int after, long result)
{
	struct user_regs_struct regs;

	if (ptrace(PTRACE_GETREGS, pid, 0, &regs))
		return -1;
	if (after)
		regs.rax = (unsigned long long)result;
	else
		regs.orig_rax = (unsigned long long)-1;
	return (int)ptrace(PTRACE_SETREGS, pid, 0, &regs);
}
#elif defined(__aarch64__)
static int set_registers(pid_t pid, int after, long result)
{
	struct user_regs_struct regs;
	int none = -1;
	struct iovec all = { &regs, sizeof(regs) }, number = { &none, sizeof(none) };

	if (!after)
		return (int)ptrace(PTRACE_SETREGSET, pid, 0x404 /* NT_ARM_SYSTEM_CALL */, &number);
	if (ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &all))
		return -1;
	regs.regs[0] = (unsigned long long)result;
	return (int)ptrace(PTRACE_SETREGSET, pid, NT_PRSTATUS, &all);
}
#else
static int set_registers(pid_t pid, int after, long result)
{
	(void)pid, (void)after, (void)result;
	errno = ENOSYS;
	return -1;
}
#endif

/* ---- start, and go on ----------------------------------------------------------- */

_Noreturn static void become(char *const argv[], const sigset_t *mask)
{
	sigprocmask(SIG_SETMASK, mask, NULL);
	setpgid(0, 0);
	if (ptrace(PTRACE_TRACEME, 0, 0, 0) == 0)
		execvp(argv[0], argv);
	_exit(errno);
}

int trace_start(struct trace *t, char *const argv[])
{
	sigset_t child, mask;

	memset(t, 0, sizeof(*t));
	signal(SIGCHLD, SIG_DFL);
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, &mask);
	t->pid = fork();
	if (t->pid == 0)
		become(argv, &mask);
	if (t->pid == -1)
		return -1;
	/* the exec of a tracee stops it */
	while (waitpid(t->pid, &t->status, 0) == -1)
		if (errno != EINTR)
			return -1;
	if (!WIFSTOPPED(t->status)) {
		errno = WIFEXITED(t->status) ? WEXITSTATUS(t->status) : EINTR;
		return -1;
	}
	t->stop = TRACE_START;
	return (int)ptrace(PTRACE_SETOPTIONS, t->pid, 0,
	    PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL);
}

/* That it cannot go on, as it was killed meanwhile, the next wait tells. */
void trace_go(struct trace *t)
{
	t->stop = TRACE_RUNS;
	ptrace(PTRACE_SYSCALL, t->pid, 0, 0);
}

void trace_release(struct trace *t)
{
	t->stop = TRACE_RUNS;
	ptrace(PTRACE_DETACH, t->pid, 0, 0);
}

int trace_fail(struct trace *t, int error)
{
	t->error = error;
	return set_registers(t->pid, 0, 0);
}

/* ---- stops ------------------------------------------------------------------------ */

static void enter(struct trace *t, const struct __ptrace_syscall_info *info)
{
	t->stop = TRACE_ENTER;
	t->number = (long)info->entry.nr;
	for (int i = 0; i < 6; i++)
		t->args[i] = info->entry.args[i];
	t->error = 0;
}

static void leave(struct trace *t, const struct __ptrace_syscall_info *info)
{
	t->stop = TRACE_LEAVE;
	t->result = info->exit.rval;
	if (t->error && set_registers(t->pid, 1, -t->error) == 0)
		t->result = -t->error;
}

/* What waitpid told of it.  A stop of another kind is none: it goes on, with the
 * signal that stopped it. */
static void take(struct trace *t)
{
	struct __ptrace_syscall_info info;
	int signal = WSTOPSIG(t->status), event = t->status >> 16;

	if (!WIFSTOPPED(t->status))
		t->stop = TRACE_ENDED;
	else if (signal != (SIGTRAP | 0x80))
		ptrace(PTRACE_SYSCALL, t->pid, 0, event ? 0L : (long)signal);
	else if (ptrace(PTRACE_GET_SYSCALL_INFO, t->pid, sizeof(info), &info) <= 0)
		trace_go(t);
	else if (info.op == PTRACE_SYSCALL_INFO_ENTRY)
		enter(t, &info);
	else
		leave(t, &info);
}

/* Until a child has something to tell, which may be another one: 0, or -1 at the
 * deadline. */
static int sleep_until(const struct timespec *end)
{
	struct timespec left = { 3600, 0 };
	sigset_t child;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	if (end) {
		clock_gettime(CLOCK_MONOTONIC, &left);
		left.tv_sec = end->tv_sec - left.tv_sec;
		left.tv_nsec = end->tv_nsec - left.tv_nsec;
		if (left.tv_nsec < 0) {
			left.tv_sec--;
			left.tv_nsec += 1000000000;
		}
		if (left.tv_sec < 0)
			return -1;
	}
	sigtimedwait(&child, NULL, &left);
	return 0;
}

enum trace_stop trace_wait(struct trace *t, const struct timespec *end)
{
	while (t->stop == TRACE_RUNS)
		if (waitpid(t->pid, &t->status, WNOHANG | __WALL) == t->pid)
			take(t);
		else if (sleep_until(end))
			break;
	return t->stop;
}

/* ---- memory -------------------------------------------------------------------------- */

size_t trace_read(const struct trace *t, uint64_t address, void *to, size_t size)
{
	size_t done = 0;

	while (done < size) {
		size_t n = PAGE - (address + done) % PAGE;
		struct iovec here = { (char *)to + done, n < size - done ? n : size - done };
		struct iovec there = { (void *)(uintptr_t)(address + done), here.iov_len };
		ssize_t got = process_vm_readv(t->pid, &here, 1, &there, 1, 0);

		if (got <= 0)
			break;
		done += (size_t)got;
	}
	return done;
}

void trace_string(const struct trace *t, uint64_t address, char *to, size_t size)
{
	size_t n = trace_read(t, address, to, size - 1);

	to[n] = '\0';
}
