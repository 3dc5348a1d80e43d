/*
 * trace.c - commands that stop before and after their system calls: ptrace(2), seccomp(2)
 */
#include "trace.h"

#include <elf.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
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

/* Of this process and those that come of it, let only the calls of these numbers be
 * seen by a tracer. */
static int filter(const long *numbers, size_t n)
{
	struct sock_filter program[2 * TRACE_ONLY_MAX + 2], *p = program;
	struct sock_fprog all = { .filter = program };

	*p++ = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
	    offsetof(struct seccomp_data, nr));
	for (size_t i = 0; i < n; i++) {
		*p++ = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)numbers[i],
		    0, 1);
		*p++ = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE);
	}
	*p++ = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	all.len = (unsigned short)(p - program);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -1;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &all);
}

_Noreturn static void become(char *const argv[], const sigset_t *mask, const long *only, size_t n)
{
	sigprocmask(SIG_SETMASK, mask, NULL);
	setpgid(0, 0);
	if (ptrace(PTRACE_TRACEME, 0, 0, 0) == 0 && (n == 0 || filter(only, n) == 0))
		execvp(argv[0], argv);
	_exit(errno);
}

int trace_start(struct trace *t, char *const argv[])
{
	return trace_start_only(t, argv, NULL, 0);
}

int trace_start_only(struct trace *t, char *const argv[], const long *only, size_t n)
{
	sigset_t child, mask;

	memset(t, 0, sizeof(*t));
	signal(SIGCHLD, SIG_DFL);
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, &mask);
	t->pid = fork();
	if (t->pid == 0)
		become(argv, &mask, only, n);
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
	t->filtered = n > 0;
	return (int)ptrace(PTRACE_SETOPTIONS, t->pid, 0,
	    PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL | PTRACE_O_TRACESECCOMP);
}

/* To the next stop, with a signal that it is to get; that it cannot, as it was killed
 * meanwhile, the next wait tells.  With a filter the kernel stops it before the calls that
 * are of interest; after one it has to be asked to. */
static void go_on(struct trace *t, long signal)
{
	int filtered = t->filtered && t->stop != TRACE_ENTER;

	t->stop = TRACE_RUNS;
	ptrace(filtered ? PTRACE_CONT : PTRACE_SYSCALL, t->pid, 0, signal);
}

void trace_go(struct trace *t)
{
	go_on(t, 0);
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

static void enter(struct trace *t, uint64_t number, const uint64_t *args)
{
	t->stop = TRACE_ENTER;
	t->number = (long)number;
	memcpy(t->args, args, sizeof(t->args));
	t->error = 0;
}

static void leave(struct trace *t, int64_t result)
{
	t->stop = TRACE_LEAVE;
	t->result = result;
	if (t->error && set_registers(t->pid, 1, -t->error) == 0)
		t->result = -t->error;
}

/* What waitpid told of it.  A stop of another kind is none: it goes on, with the
 * signal that stopped it. */
static void take(struct trace *t)
{
	struct __ptrace_syscall_info info = { .op = PTRACE_SYSCALL_INFO_NONE };
	int signal = WSTOPSIG(t->status), event = t->status >> 16;

	if (!WIFSTOPPED(t->status)) {
		t->stop = TRACE_ENDED;
		return;
	}
	if (signal == (SIGTRAP | 0x80) || event == PTRACE_EVENT_SECCOMP)
		ptrace(PTRACE_GET_SYSCALL_INFO, t->pid, sizeof(info), &info);
	if (info.op == PTRACE_SYSCALL_INFO_ENTRY)
		enter(t, info.entry.nr, (const uint64_t *)info.entry.args);
	else if (info.op == PTRACE_SYSCALL_INFO_SECCOMP)
		enter(t, info.seccomp.nr, (const uint64_t *)info.seccomp.args);
	else if (info.op == PTRACE_SYSCALL_INFO_EXIT)
		leave(t, info.exit.rval);
	else
		go_on(t, signal == SIGTRAP || signal == (SIGTRAP | 0x80) ? 0 : signal);
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
