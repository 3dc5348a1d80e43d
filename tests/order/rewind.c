/*
 * rewind.c - memory and descriptors as they were: see rewind.h
 *
 * All writable memory that is in use is copied: the program's variables, its heap, and the
 * stack from the frame of rewind_remember() up.  Who writes it back stands further down the
 * stack, and leaves by longjmp().  malloc() is told to have room at once, to keep it, and to
 * map nothing; what it takes from the kernel all the same goes back, for it counts on zeros
 * there.
 */
#include "rewind.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define HEAP       (1 << 20) /* more than most commands take */
#define RANGES_MAX 16
#define MAPPED_MAX 32
#define KEPT       200 /* and above: copies of 0, 1, 2 and of the directory */

struct range {
	char *at;
	size_t size;
	char *copy;
};

static struct {
	pid_t pid; /* 0: nothing is remembered */
	int page;
	mode_t umask;
	sigset_t blocked;
	struct sigaction actions[SIGSYS + 1];
	char *heap; /* its end, */
	char *used; /* and that of what is in use */
	struct range ranges[RANGES_MAX];
	unsigned n;
} was;

/* By this process since then; elsewhere than what is written back. */
struct mapped {
	void *at[MAPPED_MAX];
	size_t size[MAPPED_MAX];
	unsigned n;
};
static struct mapped *mapped;

jmp_buf rewind_start;

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "order: rewind: %s: %s\n", what, strerror(errno));
	_exit(126);
}

/* ---- what is mapped since ----------------------------------------------------------------- */

void *__real_mmap64(void *, size_t, int, int, int, off_t);
void *__wrap_mmap64(void *at, size_t size, int protection, int flags, int fd, off_t from);
int __real_munmap(void *, size_t);
int __wrap_munmap(void *at, size_t size);

void *__wrap_mmap64(void *at, size_t size, int protection, int flags, int fd, off_t from)
{
	void *p = __real_mmap64(at, size, protection, flags, fd, from);

	if (!mapped || p == MAP_FAILED)
		return p;
	if (mapped->n == MAPPED_MAX)
		fail("too much is mapped");
	mapped->at[mapped->n] = p;
	mapped->size[mapped->n++] = size;
	return p;
}

int __wrap_munmap(void *at, size_t size)
{
	for (unsigned i = 0; mapped && i < mapped->n; i++)
		if (mapped->at[i] == at) {
			mapped->n--;
			mapped->at[i] = mapped->at[mapped->n];
			mapped->size[i] = mapped->size[mapped->n];
			break;
		}
	return __real_munmap(at, size);
}

/* ---- remember ------------------------------------------------------------------------------ */

static void *room(size_t size)
{
	void *p =
	    __real_mmap64(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		fail("mmap");
	return p;
}

/* What of a range, [from, to), is in use. */
static struct range in_use(uintptr_t from, uintptr_t to, char *frame)
{
	struct range r = { (char *)from, to - from, NULL };

	if (r.at < frame && frame < r.at + r.size) {
		r.size = (size_t)(r.at + r.size - frame);
		r.at = frame;
	} else if (r.at <= was.used && was.used < r.at + r.size) {
		r.size = (size_t)(was.used - r.at);
	}
	return r;
}

/* All ranges that are private and can be written; of the stack, from that frame up. */
static void find_ranges(char *frame)
{
	static char text[16384];
	int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	size_t n = 0;
	ssize_t r;

	while (fd != -1 && (r = read(fd, text + n, sizeof(text) - n - 1)) > 0)
		n += (size_t)r;
	close(fd);
	text[n] = '\0';
	for (char *line = text, *next; (next = strchr(line, '\n')); line = next + 1) {
		uintptr_t from, to;
		char may[5];

		if (sscanf(line, "%lx-%lx %4s", &from, &to, may) != 3 || strcmp(may, "rw-p") != 0)
			continue;
		if (was.n == RANGES_MAX)
			fail("too many ranges");
		was.ranges[was.n++] = in_use(from, to, frame);
	}
}

static void remember_descriptors(void)
{
	int dir = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);

	for (int i = 0; i < 3; i++)
		if (fcntl(i, F_DUPFD_CLOEXEC, KEPT + i) != KEPT + i)
			fail("fcntl");
	if (dir == -1 || fcntl(dir, F_DUPFD_CLOEXEC, KEPT + 3) != KEPT + 3)
		fail("its directory");
	close(dir);
}

static void keep_heap(void)
{
	mallopt(M_MMAP_THRESHOLD, 1 << 30);
	mallopt(M_TRIM_THRESHOLD, 1 << 30);
	mallopt(M_TOP_PAD, HEAP);
	free(malloc(HEAP));
	was.heap = sbrk(0);
	was.used = was.heap - mallinfo2().keepcost + 64; /* with the head of what is free */
}

void rewind_remember(int page)
{
	keep_heap();
	remember_descriptors();
	was.page = page;
	was.umask = umask(0);
	umask(was.umask);
	sigprocmask(SIG_SETMASK, NULL, &was.blocked);
	for (int i = 1; i <= SIGSYS; i++)
		sigaction(i, NULL, &was.actions[i]);
	find_ranges(__builtin_frame_address(0));
	mapped = room(sizeof(*mapped));
	for (unsigned i = 0; i < was.n; i++)
		was.ranges[i].copy = room(was.ranges[i].size);
	was.pid = getpid();
	/* From here on nothing changes that is copied. */
	for (unsigned i = 0; i < was.n; i++)
		memcpy(was.ranges[i].copy, was.ranges[i].at, was.ranges[i].size);
}

/* ---- rewind -------------------------------------------------------------------------------- */

int rewind_remembers(void)
{
	return was.pid && was.pid == getpid();
}

static void close_between(int first, int last)
{
	if (first <= last && syscall(SYS_close_range, first, last, 0))
		fail("close_range");
}

static void restore_descriptors(void)
{
	close_between(3, was.page - 1);
	close_between(was.page + 1, KEPT - 1);
	close_between(KEPT + 4, ~0U >> 1);
	for (int i = 0; i < 3; i++)
		dup2(KEPT + i, i);
	if (fchdir(KEPT + 3))
		fail("fchdir");
}

static void restore_signals(void)
{
	for (int i = 1; i <= SIGSYS; i++)
		if (i != SIGKILL && i != SIGSTOP)
			sigaction(i, &was.actions[i], NULL);
	sigprocmask(SIG_SETMASK, &was.blocked, NULL);
}

_Noreturn void rewind_now(void)
{
	while (mapped->n > 0)
		__wrap_munmap(mapped->at[0], mapped->size[0]);
	restore_descriptors();
	restore_signals();
	umask(was.umask);
	if (sbrk(0) != was.heap)
		brk(was.heap);
	for (unsigned i = 0; i < was.n; i++)
		memcpy(was.ranges[i].at, was.ranges[i].copy, was.ranges[i].size);
	longjmp(rewind_start, 1);
}
