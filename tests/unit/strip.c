/*
 * strip.c - the strip over a real directory: order, rotation, sealing, and
 * what a crash of the machine may leave of it
 */
#include "spool/strip.h"

#include "base/fs.h"
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct bench {
	int dir;
	int made;
	struct strip strip;
};

static void scratch(void *ctx, char path[ENTRY_PATH])
{
	struct bench *b = ctx;

	snprintf(path, ENTRY_PATH, "tmp/%d", b->made++);
}

/* Add the n-th entry, to the segment given. */
static int add(struct bench *b, int n, uint64_t *segment)
{
	char from[ENTRY_PATH], name[NAME_SIZE], key[KEY_SIZE];

	scratch(b, from);
	fs_close(fs_create(b->dir, from));
	key_format(key, 1000000 + n, 0);
	snprintf(name, sizeof(name), "%s,p4,b0", key);
	return strip_add(&b->strip, segment, b->dir, from, name, STRIP_RENAME, scratch, b);
}

static int add_at_tail(struct bench *b, int n)
{
	uint64_t segment = STRIP_TAIL;

	return add(b, n, &segment);
}

static void rotate(struct bench *b)
{
	uint64_t segment = STRIP_TAIL;

	/* The segment that is the tail, by way of an entry that is taken back. */
	add(b, 999999, &segment);
	strip_rotate(&b->strip, segment, scratch, b);
}

/* Take the first entry: its number, or -1. */
static int take(struct bench *b)
{
	struct segment g = { 0 };
	char path[ENTRY_PATH];
	int n = -1;

	while (strip_head(&b->strip, &g, scratch, b) == 1) {
		strip_entry_path(&b->strip, g.number, g.names[0].name, path);
		fs_unlink(b->dir, path);
		n = (int)(key_time(g.names[0].name) - 1000000);
		if (n != 999999)
			break;
		n = -1;
	}
	segment_free(&g);
	return n;
}

static void test_order(struct tap *t, struct bench *b)
{
	int i, good = 1;

	CHECK(t, take(b) == -1);
	for (i = 0; i < 40; i++) {
		good &= add_at_tail(b, i) == 0;
		if (i % 10 == 9)
			rotate(b);
	}
	CHECK(t, good);
	for (i = 0; i < 40; i++)
		good &= take(b) == i;
	CHECK(t, good);
	CHECK(t, take(b) == -1);
}

/* Segments order, whatever the keys: the clock stepped back between them. */
static void test_clock_step(struct tap *t, struct bench *b)
{
	add_at_tail(b, 50);
	rotate(b);
	add_at_tail(b, 10);
	CHECK(t, take(b) == 50 && take(b) == 10 && take(b) == -1);
}

/* A sender that read the tail long ago finds its segment sealed. */
static void test_sealed(struct tap *t, struct bench *b)
{
	uint64_t old = STRIP_TAIL;

	add(b, 1, &old);
	CHECK(t, take(b) == 1);
	rotate(b);
	CHECK(t, take(b) == -1);
	uint64_t segment = old;
	CHECK(t, add(b, 2, &segment) == 0 && segment > old);
	CHECK(t, take(b) == 2);
}

static void test_lost_source(struct tap *t, struct bench *b)
{
	uint64_t segment = STRIP_TAIL;

	CHECK(t,
	    strip_add(&b->strip, &segment, b->dir, "tmp/nothing", "name", STRIP_RENAME, scratch,
		b) == -1 &&
		errno == ENOENT);
}

/* head and tail lost or behind, segments beyond the tail, the tail's gone. */
static void test_repair(struct tap *t, struct bench *b)
{
	uint64_t *numbers;
	char path[ENTRY_PATH];
	size_t n;

	add_at_tail(b, 1);
	rotate(b);
	add_at_tail(b, 2);
	strip_segments(&b->strip, &numbers, &n);
	CHECK(t, n == 2);
	snprintf(path, sizeof(path), "%s/tail", b->strip.path);
	fs_unlink(b->dir, path);
	fs_symlink("0", b->dir, path);
	snprintf(path, sizeof(path), "%s/head", b->strip.path);
	fs_unlink(b->dir, path);
	fs_symlink("1000000", b->dir, path);
	CHECK(t, take(b) == 1); /* found before the strip is called empty */
	add_at_tail(b, 1);
	snprintf(path, sizeof(path), "%s/tail", b->strip.path);
	fs_unlink(b->dir, path);
	fs_symlink("0", b->dir, path);
	CHECK(t, strip_repair(&b->strip, 0, scratch, b) == 0);
	CHECK(t, add_at_tail(b, 3) == 0);
	CHECK(t, take(b) == 1 && take(b) == 2 && take(b) == 3 && take(b) == -1);
	snprintf(path, sizeof(path), "%s/%llu", b->strip.path, (unsigned long long)numbers[1]);
	fs_remove_tree(b->dir, path);
	CHECK(t, add_at_tail(b, 4) == 0 && take(b) == 4);
	free(numbers);
}

int main(void)
{
	char root[] = "/tmp/mq-strip-XXXXXX";
	struct tap t = { 0, 0 };
	struct bench b = { .strip = { .path = "line" } };

	if (mkdtemp(root) == NULL ||
	    (b.dir = fs_open(AT_FDCWD, root, O_RDONLY | O_DIRECTORY)) == -1)
		return 1;
	b.strip.dir = b.dir;
	fs_mkdir(b.dir, "tmp");
	test_order(&t, &b);
	test_clock_step(&t, &b);
	test_sealed(&t, &b);
	test_lost_source(&t, &b);
	test_repair(&t, &b);
	fs_remove_tree(b.dir, "tmp");
	fs_remove_tree(b.dir, "line");
	fs_close(b.dir);
	rmdir(root);
	return tap_end(&t);
}
