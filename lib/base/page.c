/*
 * page.c - one mapped page per queue and host
 */
#include "base/page.h"

#include "base/clock.h"
#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>

_Static_assert(sizeof(struct page) <= PAGE_SIZE_ON_DISK, "one page");

/* stat/HOST, the host's name cut to what a file name may hold. */
static void page_path(char *path, size_t size)
{
	struct utsname u;
	size_t i;

	if (uname(&u) == -1 || u.nodename[0] == '\0' || u.nodename[0] == '.')
		strcpy(u.nodename, "localhost");
	for (i = 0; u.nodename[i]; i++)
		if (u.nodename[i] == '/')
			u.nodename[i] = '_';
	snprintf(path, size, "stat/%s", u.nodename);
}

/* Built whole before it has its name, so that nobody maps a short file. */
static int make_page(int dir, const char *path, const char *scratch)
{
	static const union {
		struct page page;
		char bytes[PAGE_SIZE_ON_DISK];
	} begin = { .page.mark = PAGE_MARK };
	int r = -1, fd;

	if (fs_have_dir(dir, "stat") == -1)
		return -1;
	if ((fd = fs_create(dir, scratch)) == -1)
		return -1;
	fs_overwrite(fd);
	if (fs_write(fd, begin.bytes, sizeof(begin)) == 0 &&
	    (fs_link(dir, scratch, dir, path) == 0 || errno == EEXIST))
		r = 0;
	fs_unlink(dir, scratch);
	fs_close(fd);
	return r;
}

/* Have the kernel find a block for the next store: 1, 0 when there is none, or -1: it
 * cannot be asked, as before Linux 5.14. */
static int has_room(struct page *p)
{
#ifdef MADV_POPULATE_WRITE
	int r;

	do
		r = madvise(p, PAGE_SIZE_ON_DISK, MADV_POPULATE_WRITE);
	while (r == -1 && errno == EINTR);
	if (r == 0 || errno != EINVAL)
		return r == 0;
#else
	(void)p;
#endif
	return -1;
}

/* What then has to do: room in plenty, for now. */
static int has_plenty(int fd)
{
	uint64_t bytes, files;

	return fs_free(fd, &bytes, &files) == 0 && bytes >= 1024 * 1024;
}

/* Whether there is a mark; without one, if there is room for it, all begins anew. */
static int mark(struct page *p, int room)
{
	if (atomic_load(&p->mark) == PAGE_MARK)
		return 1;
	if (!room)
		return 0;
	memset(p, 0, sizeof(*p));
	atomic_store(&p->mark, PAGE_MARK);
	return 1;
}

static int open_page(int dir, const char *path, const char *scratch)
{
	int fd = fs_open(dir, path, O_RDWR | O_NOFOLLOW | O_NONBLOCK);

	if (fd == -1 && errno == ENOENT && make_page(dir, path, scratch) == 0)
		fd = fs_open(dir, path, O_RDWR | O_NOFOLLOW | O_NONBLOCK);
	return fd;
}

void page_open(struct page_use *u, int dir, const char *scratch)
{
	void *p = MAP_FAILED;
	char path[128];
	struct stat st;
	int fd, room;

	page_path(path, sizeof(path));
	if ((fd = open_page(dir, path, scratch)) == -1)
		return;
	if (fs_fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size >= PAGE_SIZE_ON_DISK)
		p = mmap(NULL, PAGE_SIZE_ON_DISK, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p != MAP_FAILED) {
		u->shared = p;
		room = has_room(p);
		/* In place once will do: it has its block from then on. */
		u->ask = room != -1 && (room == 0 || !fs_overwrites(fd));
		if ((room == -1 && !has_plenty(fd)) || !mark(p, room))
			page_close(u);
	}
	fs_close(fd);
}

void page_close(struct page_use *u)
{
	if (u->shared)
		munmap(u->shared, PAGE_SIZE_ON_DISK);
	u->shared = NULL;
}

#define ASK_AGAIN 1000000000 /* ns: to be refused takes a file system long */

static void raise_last_id(struct page *p, int64_t id)
{
	int64_t last = atomic_load(&p->last_id);

	while (last < id && !atomic_compare_exchange_weak(&p->last_id, &last, id))
		;
}

/* What was placed and removed meanwhile is not in its depth. */
static void use_shared_again(struct page_use *u)
{
	u->refused = 0;
	raise_last_id(u->shared, atomic_load(&u->own.last_id));
	atomic_store(&u->shared->counted, 0);
}

struct page *page_now(struct page_use *u)
{
	static const struct clock machine;
	int64_t up;

	if (u->shared == NULL || !u->ask)
		return u->shared ? u->shared : &u->own;
	up = u->refused ? clock_up(&machine) : 0;
	if (u->refused && up - u->refused < ASK_AGAIN)
		return &u->own;
	if (has_room(u->shared) == 1) {
		if (u->refused)
			use_shared_again(u);
		return u->shared;
	}
	if (!u->refused)
		memcpy(&u->own, u->shared, sizeof(u->own));
	u->refused = clock_up(&machine);
	return &u->own;
}

/* What is too short, or bears no mark, is no page. */
static void add_meter(int dir, const char *name, int64_t now, struct meter_sum *sum)
{
	char path[300];
	struct page p;
	int fd;

	snprintf(path, sizeof(path), "stat/%.*s", 255, name);
	if ((fd = fs_open(dir, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)) == -1)
		return;
	if (fs_read(fd, &p, sizeof(p)) == (ssize_t)sizeof(p) && p.mark == PAGE_MARK)
		meter_add_up(sum, &p.meter, now);
	fs_close(fd);
}

int page_meters(int dir, int64_t now, struct meter_sum *sum)
{
	struct fs_dir d;
	const char *name;

	memset(sum, 0, sizeof(*sum));
	if (fs_dir_open(&d, dir, "stat") == -1)
		return errno == ENOENT ? 0 : -1;
	while ((name = fs_dir_next(&d)) != NULL)
		add_meter(dir, name, now, sum);
	fs_dir_close(&d);
	return errno ? -1 : 0;
}

int64_t page_reserve_ids(struct page *p, int64_t now, int64_t n)
{
	int64_t last = atomic_load(&p->last_id), first;

	do
		first = now > last ? now : last + 1;
	while (!atomic_compare_exchange_weak(&p->last_id, &last, first + n - 1));
	return first;
}
