/*
 * known.c - remembered counts: of many directories, of those that come and go, and
 * from a file that is broken
 */
#include "base/known.h"

#include "base/fs.h"
#include "tap.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SECOND INT64_C(1000000000)
#define NOW    (INT64_C(1800000000) * SECOND)
#define FILES  "counts"

/* The i-th directory, that was changed so many seconds ago. */
static struct stat dir_of(uint64_t i, int64_t ago)
{
	struct stat st = { .st_ino = 1000 + i * 7 % 1000003 };

	st.st_mtim.tv_sec = st.st_ctim.tv_sec = NOW / SECOND - ago;
	st.st_ctim.tv_nsec = (long)(i % 1000);
	return st;
}

static int64_t until_of(uint64_t i)
{
	return i == 5 ? NOW + 10 * SECOND : INT64_MAX;
}

/* A count of the directories [from, to) as mq-stat does it: how many were known. */
static size_t count(int dir, uint64_t from, uint64_t to, int64_t ago, int64_t now, uint64_t kind)
{
	static struct known k;
	size_t found = 0;

	known_load(&k, dir, FILES, kind);
	for (uint64_t i = from; i < to; i++) {
		struct known_place place = { i / 50000, i };
		struct stat st = dir_of(i, ago);
		struct tally t = { 0 };

		if (known_find(&k, place, &st, now, &t)) {
			found += t.n == 200 + i % 50 && t.bytes == i && t.oldest == (int64_t)i;
			continue;
		}
		t = (struct tally){ 200 + i % 50, i, (int64_t)i };
		known_put(&k, place, &st, now, until_of(i), &t);
	}
	known_save(&k, dir, FILES, "scratch");
	known_free(&k);
	return found;
}

/* KiB of memory at the most; 0 where sanitizers have much of their own. */
static long peak(void)
{
	char line[128];
	long kib = 0;
#ifndef __SANITIZE_ADDRESS__
	FILE *f = fopen("/proc/self/status", "re");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "VmHWM: %ld", &kib) == 1)
			break;
	if (f)
		fclose(f);
#else
	(void)line;
#endif
	return kib;
}

static void test_many(struct tap *t, int dir)
{
	const uint64_t n = 3 * KNOWN_ANEW - 10;

	CHECK(t, count(dir, 0, n, 60, NOW, 1) == 0);
	CHECK(t, count(dir, 0, n, 60, NOW, 1) == KNOWN_ANEW);
	CHECK(t, count(dir, 0, n, 60, NOW, 1) == 2 * KNOWN_ANEW);
	CHECK(t, count(dir, 0, n, 60, NOW, 1) == n);
	CHECK(t, peak() < 4 * 1024); /* all of them at once are 3 MiB */
	/* those at the head went, and some came */
	CHECK(t, count(dir, 1000, n + 1000, 60, NOW, 1) == n - 1000);
	CHECK(t, count(dir, 1000, n + 1000, 60, NOW, 2) == 0); /* other settings */
	unlinkat(dir, FILES, 0);
}

static void test_times(struct tap *t, int dir)
{
	CHECK(t, count(dir, 0, 100, 1, NOW, 1) == 0);
	CHECK(t, count(dir, 0, 100, 1, NOW, 1) == 0); /* changed just now: not believed */
	CHECK(t, count(dir, 0, 100, 60, NOW, 1) == 0);
	CHECK(t, count(dir, 0, 100, 60, NOW, 1) == 100);
	CHECK(t, count(dir, 0, 100, 60, NOW + 11 * SECOND, 1) == 99); /* one holds no longer */
	CHECK(t, count(dir, 0, 100, 59, NOW, 1) == 0);                /* changed since */
	unlinkat(dir, FILES, 0);
}

/* Whatever is cut off or changed, nothing of it is believed. */
static void test_broken(struct tap *t, int dir)
{
	struct stat st;
	int fd, wrong = 0;

	count(dir, 0, 100, 60, NOW, 1);
	CHECK(t, fstatat(dir, FILES, &st, 0) == 0);
	for (off_t at = 0; at < st.st_size; at += 61) {
		char c;

		fd = openat(dir, FILES, O_RDWR | O_CLOEXEC);
		wrong += pread(fd, &c, 1, at) != 1;
		c ^= 1;
		wrong += pwrite(fd, &c, 1, at) != 1;
		wrong += count(dir, 0, 100, 60, NOW, 1) != 0;
		close(fd);
		fd = openat(dir, FILES, O_RDWR | O_CLOEXEC); /* it was made anew */
		wrong += ftruncate(fd, at) != 0;
		wrong += count(dir, 0, 100, 60, NOW, 1) != 0;
		close(fd);
	}
	CHECK(t, wrong == 0);
	CHECK(t, count(dir, 0, 100, 60, NOW, 1) == 100);
	unlinkat(dir, FILES, 0);
}

int main(void)
{
	char path[] = "/tmp/mq-unit-XXXXXX";
	struct tap t = { 0 };
	int dir;

	if (mkdtemp(path) == NULL || (dir = fs_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY)) == -1)
		return 1;
	test_many(&t, dir);
	test_times(&t, dir);
	test_broken(&t, dir);
	fs_close(dir);
	rmdir(path);
	return tap_end(&t);
}
