/*
 * page.c - leaf: one mapped page per queue and host
 */
#include "page.h"

#include "fs.h"

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
	static const char zeros[PAGE_SIZE_ON_DISK];
	int r = -1, fd;

	if (fs_mkdir(dir, "stat") == -1 && errno != EEXIST)
		return -1;
	if ((fd = fs_create(dir, scratch)) == -1)
		return -1;
	if (fs_write(fd, zeros, sizeof(zeros)) == 0 &&
	    (fs_link(dir, scratch, dir, path) == 0 || errno == EEXIST))
		r = 0;
	fs_unlink(dir, scratch);
	fs_close(fd);
	return r;
}

/* A store to a mapped page whose block cannot be allocated is a SIGBUS.  File
 * systems that copy on write need room for each; with room to spare there is
 * none to fear, and without it the process keeps its own page. */
static int safe_to_store(int fd)
{
	uint64_t bytes, files;

	return fs_free(fd, &bytes, &files) == 0 && bytes >= 1024 * 1024;
}

struct page *page_open(int dir, const char *scratch)
{
	char path[128];
	struct stat st;
	void *p = MAP_FAILED;
	int fd;

	page_path(path, sizeof(path));
	fd = fs_open(dir, path, O_RDWR | O_NOFOLLOW | O_NONBLOCK);
	if (fd == -1 && errno == ENOENT && make_page(dir, path, scratch) == 0)
		fd = fs_open(dir, path, O_RDWR | O_NOFOLLOW | O_NONBLOCK);
	if (fd == -1)
		return NULL;
	if (fs_fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size >= PAGE_SIZE_ON_DISK &&
	    safe_to_store(fd))
		p = mmap(NULL, PAGE_SIZE_ON_DISK, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	fs_close(fd);
	return p == MAP_FAILED ? NULL : p;
}

void page_close(struct page *p)
{
	if (p)
		munmap(p, PAGE_SIZE_ON_DISK);
}

/* What is too short is no page. */
static void add_meter(int dir, const char *name, int64_t now, struct meter_sum *sum)
{
	char path[300];
	struct page p;
	int fd;

	snprintf(path, sizeof(path), "stat/%.*s", 255, name);
	if ((fd = fs_open(dir, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)) == -1)
		return;
	if (fs_read(fd, &p, sizeof(p)) == (ssize_t)sizeof(p))
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
