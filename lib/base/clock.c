/*
 * clock.c - time, and numbers that no one else has
 */
#include "base/clock.h"

#include "base/fs.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

static int64_t read_clock(clockid_t id)
{
	struct timespec t = { 0, 0 };

	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t clock_wall(const struct clock *c)
{
	return read_clock(CLOCK_REALTIME) + c->passed + c->stepped;
}

int64_t clock_up(const struct clock *c)
{
#ifdef CLOCK_BOOTTIME
	return read_clock(CLOCK_BOOTTIME) + c->passed;
#else
	return read_clock(CLOCK_MONOTONIC) + c->passed;
#endif
}

#define AT_ONCE 100000000 /* ns: as far as two readings may lie apart */

/* The wall clock was read between two readings of the other: if these are near, so
 * is it to both. */
struct clock_moment clock_moment(const struct clock *c)
{
	struct clock_moment m;
	int64_t before;

	do {
		before = clock_up(c);
		m.wall = clock_wall(c);
		m.up = clock_up(c);
	} while (m.up - before > AT_ONCE);
	return m;
}

static uint64_t hash(const void *data, size_t n)
{
	const unsigned char *p = data;
	uint64_t h = 14695981039346656037u; /* FNV-1a */

	while (n-- > 0)
		h = (h ^ *p++) * 1099511628211u;
	return h;
}

/* The second in which the machine was started, which a step of the wall clock moves:
 * as good as another boot, for which more is looked at than need be. */
static uint64_t boot_by_clock(void)
{
	static const struct clock machine;
	struct clock_moment now = clock_moment(&machine);
	int64_t began = (now.wall - now.up) / 1000000000;

	return hash(&began, sizeof(began));
}

uint64_t clock_boot(void)
{
	char text[64];
	ssize_t n;
	int fd;

	fd = fs_open(AT_FDCWD, "/proc/sys/kernel/random/boot_id", O_RDONLY);
	if (fd == -1)
		return boot_by_clock();
	n = fs_read(fd, text, sizeof(text));
	fs_close(fd);
	return n > 0 ? hash(text, (size_t)n) : boot_by_clock();
}

/* Memory that is zeros in the child of a fork, so that nobody need ask the kernel for
 * each number whether this is one; NULL where the kernel has none. */
static struct nonce_state *open_state(void)
{
#ifdef MADV_WIPEONFORK
	void *p = mmap(NULL, sizeof(struct nonce_state), PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	if (madvise(p, sizeof(struct nonce_state), MADV_WIPEONFORK) == 0)
		return p;
	munmap(p, sizeof(struct nonce_state));
#endif
	return NULL;
}

/* Of a state that a fork wipes it does not matter whose it is. */
static void seed(struct nonce_state *s, int wiped)
{
	s->pid = wiped ? 1 : getpid();
	if (getrandom(&s->number, sizeof(s->number), 0) != sizeof(s->number))
		s->number = (uint64_t)read_clock(CLOCK_MONOTONIC) ^ (uint64_t)getpid() << 40;
}

/* splitmix64: every state once before any repeats. */
uint64_t nonce_next(struct nonce *n)
{
	struct nonce_state *s;
	uint64_t z;

	if (n->at == NULL && (n->at = open_state()) == NULL)
		n->at = &n->own;
	s = n->at;
	if (s->pid == 0 || (s == &n->own && s->pid != getpid()))
		seed(s, s != &n->own);
	z = s->number += 0x9e3779b97f4a7c15u;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

void nonce_free(struct nonce *n)
{
	if (n->at && n->at != &n->own)
		munmap(n->at, sizeof(struct nonce_state));
}
