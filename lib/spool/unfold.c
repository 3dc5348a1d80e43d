/*
 * unfold.c - a bundle whose messages have one name, until somebody wants fewer of them
 */
#include "spool/unfold.h"

#include "base/fs.h"
#include "format/nameparts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void join(const char *dir, const char *mark, const char *name, char path[ENTRY_PATH])
{
	stpcpy(stpcpy(stpcpy(stpcpy(path, dir), "/"), mark), name);
}

void bundle_file(const char *path, const struct fold *f, char file[ENTRY_PATH])
{
	char name[NAME_SIZE];

	fold_format(f, name);
	join(path, "", name, file);
}

/* ---- what is in it ----------------------------------------------------- */

static int is_own(const char *name)
{
	uint64_t nonce;
	const char *end = scan_hex(name, OWN_SIZE - 1, &nonce);

	return end && *end == '\0';
}

/* The OWN of =OWN; NULL: none was chosen. */
static const char *find_chosen(const struct segment *g)
{
	size_t i;

	for (i = 0; i < g->n; i++)
		if (g->names[i].name[0] == '=' && is_own(g->names[i].name + 1))
			return g->names[i].name + 1;
	return NULL;
}

/* Which of the names is the folded file's; g->n: none. */
static size_t find_fold(const struct segment *g, struct fold *f)
{
	size_t i;

	for (i = 0; i < g->n && fold_parse(g->names[i].name, f) == -1; i++)
		;
	return i;
}

/* What others have begun are no messages. */
static void pass_over_begun(struct segment *g)
{
	size_t i, kept = 0;

	for (i = 0; i < g->n; i++)
		if (!is_own(g->names[i].name))
			g->names[kept++] = g->names[i];
	g->n = kept;
}

/* The fold's messages, which the caller frees: NULL with errno, EBADMSG when the file is
 * none of them, or torn. */
static struct entry *read_entries(int dir, const char *file, const struct fold *f)
{
	unsigned char table[FOLD_TABLE];
	size_t size = fold_table_size(f);
	struct entry *entries = NULL;
	int fd = fs_open_message(dir, file);
	ssize_t got;

	if (fd == -1)
		return NULL;
	got = fs_pread(fd, table, size, (off_t)f->table);
	fs_close(fd);
	if (got == -1 || (entries = calloc(f->count, sizeof(*entries))) == NULL)
		return NULL;
	if ((size_t)got == size && fold_entries(f, table, entries) == 0)
		return entries;
	free(entries);
	errno = EBADMSG;
	return NULL;
}

/* The messages, which are the segment's then, instead of their file. */
static int expand(struct segment *g, const struct fold *f, uint64_t inode, struct entry *entries)
{
	char name[NAME_SIZE];
	unsigned i;

	segment_clear(g);
	g->entries = entries;
	for (i = f->acked; i < f->count; i++) {
		entry_format(&entries[i], name);
		if (segment_add(g, name, inode) == -1)
			return -1;
	}
	segment_sort(g);
	g->folded = 1;
	g->fold = *f;
	return 0;
}

/* 1; 0: it is not what it was; -1.  One that is damaged keeps its own name, which is that
 * of no message. */
static int read_fold(int dir, const char *path, struct segment *g, const struct fold *f, size_t at)
{
	uint64_t inode = g->names[at].inode;
	struct entry *entries;
	char file[ENTRY_PATH];

	join(path, "", g->names[at].name, file);
	if ((entries = read_entries(dir, file, f)) == NULL)
		return errno == ENOENT ? 0 : errno == EBADMSG ? 1 : -1;
	return expand(g, f, inode, entries) == -1 ? -1 : 1;
}

/* ---- unfolding it ------------------------------------------------------ */

/* What was begun, and cannot be chosen any more. */
static void remove_begun(int dir, const char *path, const struct segment *g)
{
	char name[ENTRY_PATH];
	size_t i;

	for (i = 0; i < g->n; i++) {
		if (!is_own(g->names[i].name))
			continue;
		join(path, "", g->names[i].name, name);
		fs_remove_tree(dir, name);
	}
}

/* Steps 3 and 4.  What cannot be removed is in nobody's way. */
static int finish(int dir, const char *path, const char *single, const struct segment *g,
    const char *own)
{
	char name[ENTRY_PATH];

	join(path, "", own, name);
	if (fs_rename(dir, name, dir, single) == -1 && errno != ENOENT)
		return -1;
	remove_begun(dir, path, g);
	join(path, "=", own, name);
	fs_unlink(dir, name);
	fs_rmdir(dir, path);
	return 0;
}

int bundle_read(int dir, const char *path, const char *single, struct segment *g, int *there)
{
	const char *chosen;
	struct fold f;
	size_t at;
	int r;

	do {
		if (segment_look(dir, path, g, there) == -1)
			return -1;
		if ((chosen = find_chosen(g)) != NULL) {
			r = finish(dir, path, single, g, chosen);
			segment_clear(g);
			return r;
		}
		if ((at = find_fold(g, &f)) == g->n) {
			pass_over_begun(g);
			return 0;
		}
		r = read_fold(dir, path, g, &f, at);
	} while (r == 0);
	if (r == -1)
		segment_clear(g);
	return r == -1 ? -1 : 0;
}

#define COPY      "copy" /* of the file, while it is linked */
#define COPY_STEP (8 * 1024 * 1024)

/* All of the file, durably, as it is to take its place. */
static int copy_all(int from, int to)
{
	ssize_t n;
	off_t at = 0;

	if (fs_clone(to, from) == 0)
		return fs_sync(to);
	while ((n = fs_copy(to, from, at, COPY_STEP)) > 0)
		at += n;
	return n == 0 ? fs_sync(to) : -1;
}

static int make_copy(int dir, const char *file, int into)
{
	int from = fs_open_message(dir, file), to, r = -1;

	if (from == -1)
		return -1;
	if ((to = fs_create(into, COPY)) != -1) {
		r = copy_all(from, to);
		fs_close(to);
	}
	fs_close(from);
	return r;
}

/* The file may have as many links as it can: then those of a copy are linked. */
static int link_each(int dir, const char *file, int into, const struct entry *e, size_t n)
{
	char name[NAME_SIZE];
	int copied = 0, r = 0;
	size_t i;

	for (i = 0; r == 0 && i < n; i++) {
		entry_format(&e[i], name);
		r = copied ? fs_link(into, COPY, into, name) : fs_link(dir, file, into, name);
		if (r == -1 && errno == EMLINK && !copied && make_copy(dir, file, into) == 0) {
			copied = 1;
			r = fs_link(into, COPY, into, name);
		}
	}
	if (r == 0 && copied)
		r = fs_unlink(into, COPY);
	return r;
}

/* Step 1. */
static int link_all(int dir, const char *file, const char *mine, const struct fold *f)
{
	struct entry *entries = read_entries(dir, file, f);
	int r = -1, into;

	if (entries && (into = fs_open_dir(dir, mine)) != -1) {
		r = link_each(dir, file, into, entries + f->acked, f->count - f->acked);
		fs_close(into);
	}
	free(entries);
	return r;
}

/* Steps 1 and 2: 0; -1, with ENOENT when another has acked, leased or unfolded it. */
static int choose(int dir, const char *path, const char *name, const struct fold *f,
    const char *own)
{
	char file[ENTRY_PATH], mine[ENTRY_PATH], chosen[ENTRY_PATH];
	int saved;

	join(path, "", name, file);
	join(path, "", own, mine);
	join(path, "=", own, chosen);
	if (fs_mkdir(dir, mine) == -1)
		return -1;
	if (link_all(dir, file, mine, f) == 0 && fs_rename(dir, file, dir, chosen) == 0)
		return 0;
	saved = errno;
	fs_remove_tree(dir, mine);
	errno = saved;
	return -1;
}

int bundle_unfold(int dir, const char *path, const char *single, const char *own)
{
	struct segment g = { 0 };
	const char *chosen;
	struct fold f;
	size_t at;
	int there, r = 0;

	for (;;) {
		if ((r = segment_look(dir, path, &g, &there)) == -1)
			break;
		if ((chosen = find_chosen(&g)) != NULL) {
			r = finish(dir, path, single, &g, chosen);
			break;
		}
		if ((at = find_fold(&g, &f)) == g.n) {
			r = there;
			break;
		}
		if ((r = choose(dir, path, g.names[at].name, &f, own)) == -1 && errno != ENOENT)
			break;
	}
	segment_free(&g);
	return r;
}

/* ---- where its messages stand ------------------------------------------- */

/* The last part of the path has one of these marks at most. */
static int swap(const char *path, char from, char to, char other[ENTRY_PATH])
{
	char *last, *mark;

	if (strlen(path) >= ENTRY_PATH)
		return -1;
	strcpy(other, path);
	last = strrchr(other, '/');
	if ((mark = strchr(last ? last : other, from)) == NULL)
		return -1;
	*mark = to;
	return 0;
}

int bundle_single(const char *path, char single[ENTRY_PATH])
{
	return swap(path, '+', '-', single);
}

int bundle_whole(const char *single, char path[ENTRY_PATH])
{
	return swap(single, '-', '+', path);
}

int bundle_look(int dir, const char *path, struct fold *f)
{
	struct segment g = { 0 };
	int there, r = segment_look(dir, path, &g, &there);

	if (r == 0)
		r = find_fold(&g, f) < g.n;
	segment_free(&g);
	return r;
}

/* Whether it is the message of that fold which has the name, and is not acked. */
static int has_message(int dir, const char *file, const struct fold *f, const char *name)
{
	struct entry *entries, wanted;
	char its[NAME_SIZE];
	int i, r = 0;

	if (entry_parse(name, &wanted) == -1 || (i = fold_index(f, wanted.key)) < (int)f->acked)
		return 0;
	if ((entries = read_entries(dir, file, f)) == NULL)
		return errno == ENOENT || errno == EBADMSG ? 0 : -1;
	entry_format(&entries[i], its);
	r = !strcmp(its, name);
	free(entries);
	return r;
}

int bundle_find(int dir, const char *path, char file[ENTRY_PATH])
{
	const char *name = strrchr(path, '/');
	char single[ENTRY_PATH], whole[ENTRY_PATH];
	struct fold f;
	int r;

	if (name == NULL || name - path >= ENTRY_PATH)
		return 0;
	memcpy(single, path, (size_t)(name - path));
	single[name - path] = '\0';
	if (bundle_whole(single, whole) == -1)
		strcpy(whole, single); /* it was listed as in the bundle */
	if ((r = bundle_look(dir, whole, &f)) != 1)
		return r;
	bundle_file(whole, &f, file);
	return has_message(dir, file, &f, name + 1);
}

/* ---- acking a row ------------------------------------------------------ */

/* The bundle's file is gone. */
static void remove_bundle(int dir, const char *path)
{
	struct segment g = { 0 };

	if (fs_rmdir(dir, path) == 0)
		return;
	if (segment_read(dir, path, &g) == 0)
		remove_begun(dir, path, &g);
	segment_free(&g);
	fs_rmdir(dir, path);
}

int bundle_ack(int dir, const char *path, struct fold *f, unsigned acked, uint64_t bytes)
{
	char from[ENTRY_PATH], to[ENTRY_PATH];
	struct fold next = *f;

	bundle_file(path, f, from);
	next.acked = acked;
	next.bytes -= bytes < next.bytes ? bytes : next.bytes;
	if (acked == f->count) {
		if (fs_unlink(dir, from) == -1)
			return -1;
		remove_bundle(dir, path);
	} else {
		bundle_file(path, &next, to);
		if (fs_rename(dir, from, dir, to) == -1)
			return -1;
	}
	*f = next;
	return 0;
}
