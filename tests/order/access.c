/*
 * access.c - names as hashes: see access.h
 */
#include "access.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PATH_SIZE 512
#define SEED      14695981039346656037u

enum { READ, CHANGE };

static const struct kind {
	long number;
	const char *name;
	/* of each argument: d, a descriptor, for the path after it; p, that path, which is
	 * read, and c, which is changed; f, an open file, which is read, F, which is changed;
	 * t, a text; l, an open directory, which is listed; x, a number to show; -, nothing */
	const char *args;
} kinds[] = {
	{ SYS_openat, "openat", "dpx" },
	{ SYS_openat2, "openat2", "dp" },
	{ SYS_newfstatat, "fstatat", "dp" },
	{ SYS_readlinkat, "readlinkat", "dp" },
	{ SYS_getdents64, "getdents64", "l" },
	{ SYS_renameat, "renameat", "dcdc" },
	{ SYS_linkat, "linkat", "dpdc" },
	{ SYS_unlinkat, "unlinkat", "dcx" },
	{ SYS_symlinkat, "symlinkat", "tdc" },
	{ SYS_mkdirat, "mkdirat", "dc" },
	{ SYS_mknodat, "mknodat", "dc" },
	{ SYS_utimensat, "utimensat", "dc" },
	{ SYS_flock, "flock", "Fx" },
	{ SYS_ppoll, "ppoll", "" },
	{ SYS_clock_nanosleep, "nanosleep", "" },
};

static const struct kind *kind_of(long number)
{
	static const struct kind other = { -1, "?", "" };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (kinds[i].number == number)
			return &kinds[i];
	return &other;
}

const char *access_call(long number)
{
	return kind_of(number)->name;
}

/* ---- paths -------------------------------------------------------------------------- */

/* That of a descriptor; n: so far. */
static size_t path_of(const struct trace *t, int fd, char *path)
{
	char link[40];
	ssize_t n;

	if (fd == AT_FDCWD)
		snprintf(link, sizeof(link), "/proc/%d/cwd", (int)t->pid);
	else
		snprintf(link, sizeof(link), "/proc/%d/fd/%d", (int)t->pid, fd);
	n = readlink(link, path, PATH_SIZE - 1);
	n = n < 0 ? 0 : n;
	path[n] = '\0';
	return (size_t)n;
}

/* The path of arguments i and i + 1. */
static void full_path(const struct trace *t, int i, char *path)
{
	char name[PATH_SIZE];
	size_t n = 0;

	trace_string(t, t->args[i + 1], name, sizeof(name));
	if (*name != '/') {
		n = path_of(t, (int)t->args[i], path);
		if (*name)
			path[n++] = '/';
	}
	snprintf(path + n, PATH_SIZE - n, "%s", name);
}

/* What stands below the root; NULL: it is not there. */
static const char *below(const char *path, const char *root)
{
	size_t n = strlen(root);

	if (strncmp(path, root, n) != 0 || (path[n] && path[n] != '/'))
		return NULL;
	return path + n;
}

/* ---- objects ------------------------------------------------------------------------- */

static void add(struct access *a, uint64_t hash, int changes)
{
	if (a->n == ACCESSES_MAX)
		abort();
	a->objects[a->n++] = (hash & ~(uint64_t)1) | (uint64_t)changes;
	a->changes |= changes;
}

/* The names on the way are read, and the last is read or changed; and so is, for a change,
 * the list of names in the directory that it is in. */
static void add_path(struct access *a, const char *path, const char *root, int how)
{
	const char *p = below(path, root);
	uint64_t hash = SEED, parent = SEED;

	if (!p)
		return;
	for (; *p; p++) {
		if (*p == '/' && hash != SEED) {
			add(a, hash, READ);
			parent = hash;
		}
		hash = (hash ^ (unsigned char)*p) * 1099511628211u;
	}
	add(a, hash, how);
	if (how == CHANGE)
		add(a, ~parent, CHANGE);
}

/* Which names a directory has. */
static void add_list(struct access *a, const char *path, const char *root)
{
	const char *p = below(path, root);
	uint64_t hash = SEED;

	if (!p)
		return;
	for (; *p; p++)
		hash = (hash ^ (unsigned char)*p) * 1099511628211u;
	add(a, ~hash, READ);
}

static int opens_to_create(const struct trace *t)
{
	return t->number == SYS_openat && t->args[2] & O_CREAT;
}

void access_look(struct access *a, const struct trace *t, const char *root)
{
	const char *args = kind_of(t->number)->args;
	char path[PATH_SIZE];

	a->n = 0;
	a->changes = a->is_time = 0;
	for (int i = 0; args[i]; i++)
		switch (args[i]) {
		case 'd':
			full_path(t, i, path);
			add_path(a, path, root,
			    args[i + 1] == 'c' || opens_to_create(t) ? CHANGE : READ);
			if (t->number == SYS_unlinkat && t->args[2] & AT_REMOVEDIR)
				add_list(a, path, root);
			break;
		case 'l':
			path_of(t, (int)t->args[i], path);
			add_list(a, path, root);
			break;
		case 'f':
		case 'F':
			path_of(t, (int)t->args[i], path);
			add_path(a, path, root, args[i] == 'F' ? CHANGE : READ);
			break;
		}
}

int access_commute(const struct access *a, const struct access *b)
{
	if (a->is_time || b->is_time)
		return 0;
	for (unsigned i = 0; i < a->n; i++)
		for (unsigned j = 0; j < b->n; j++)
			if ((a->objects[i] ^ b->objects[j]) <= 1 &&
			    (a->objects[i] | b->objects[j]) & 1)
				return 0;
	return 1;
}

/* ---- words --------------------------------------------------------------------------- */

void access_describe(const struct trace *t, const char *root, char *text, size_t size)
{
	const struct kind *k = kind_of(t->number);
	char path[PATH_SIZE];
	const char *p;
	size_t n = (size_t)snprintf(text, size, "%s", k->name);

	for (int i = 0; k->args[i] && n < size; i++) {
		switch (k->args[i]) {
		case 'd':
			full_path(t, i, path);
			break;
		case 'l':
		case 'f':
		case 'F':
			path_of(t, (int)t->args[i], path);
			break;
		case 't':
			trace_string(t, t->args[i], path, sizeof(path));
			break;
		case 'x':
			snprintf(path, sizeof(path), "0x%llx", (unsigned long long)t->args[i]);
			break;
		default:
			continue;
		}
		p = below(path, root);
		n += (size_t)snprintf(text + n, size - n, " %s", p ? (*p ? p + 1 : ".") : path);
	}
}
