/*
 * check.c - faults found, and what is done about them
 */
#include "manage/check.h"

#include "spool/line.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void tell(struct check *c, const char *path, struct mq_fault f)
{
	char whole[3 * QUEUE_NAME_SIZE + ENTRY_PATH] = "";

	/* What is missing of a queue that was removed meanwhile is no fault. */
	if (c->q && !queue_is_there(c->q))
		c->ended = 1;
	if (c->ended)
		return;
	if (c->q) {
		f.queue = c->q->name;
		queue_path(c->q->name, whole);
		strcat(whole, "/");
	}
	snprintf(strchr(whole, '\0'), ENTRY_PATH, "%s", path);
	f.path = whole;
	c->ended = c->each(c->ctx, &f);
}

void check_fault(struct check *c, const char *path, const char *what, const char *done)
{
	tell(c, path, (struct mq_fault){ .what = what, .done = done });
}

void check_litter(struct check *c, const char *path, const char *what)
{
	int gone = c->repair && fs_unlink(c->q->fd, path) == 0;

	tell(c, path,
	    (struct mq_fault){ .what = what, .done = gone ? "removed" : NULL, .litter = 1 });
}

void check_repaired(struct check *c, const char *path, const char *what, int repair,
    const char *done)
{
	char failed[128];

	if (repair != -1) {
		check_fault(c, path, what, repair == CHECK_ONLY ? NULL : done);
		return;
	}
	snprintf(failed, sizeof(failed), "%s; cannot repair: %s", what, strerror(errno));
	check_fault(c, path, failed, NULL);
}

void check_stray(struct check *c, const char *path, const char *what)
{
	check_repaired(c, path, what, c->repair ? line_bad(c->q, path) : CHECK_ONLY,
	    "moved to bad/");
}

void check_names(struct check *c, const char *path, check_name_fn *each, void *ctx)
{
	struct fs_dir d;
	const char *name;

	if (c->ended)
		return;
	if (fs_dir_open(&d, c->q->fd, path) == -1) {
		if (errno != ENOENT)
			check_fault(c, path, strerror(errno), NULL);
		return;
	}
	while (!c->ended && (name = fs_dir_next(&d)) != NULL)
		each(ctx, path, name);
	if (!c->ended && errno)
		check_fault(c, path, strerror(errno), NULL);
	fs_dir_close(&d);
}

/* ---- strips --------------------------------------------------------------- */

struct strip_check {
	struct check *c;
	const struct strip *strip;
	check_name_fn *each;
	void *ctx;
};

/* Every receive lists the first segment.  One that takes no more shrinks as its
 * messages are taken. */
static void check_size(struct strip_check *s, const char *path, uint64_t number)
{
	static const char what[] = "a segment of so many entries that receiving is slow";
	int r = CHECK_ONLY;

	if (fs_dir_has(s->strip->dir, path, SEGMENT_MOST + 1) != 1)
		return;
	if (s->c->repair)
		r = strip_rotate(s->strip, number, queue_scratch, s->c->q);
	check_repaired(s->c, path, what, r, "it takes no more");
}

static void check_segment(struct strip_check *s, char *path, uint64_t number)
{
	char *end = path + strlen(path);

	if (end[-1] != '+' && end[-1] != '-')
		check_size(s, path, number);
	if (s->c->repair && end[-1] == '+') { /* to repair is to move single entries */
		strcpy(end, "/");
		strip_open_at(s->strip->dir, path);
		*end = '\0';
	}
	check_names(s->c, path, s->each, s->ctx);
}

static void check_in_strip(void *ctx, const char *dir, const char *name)
{
	struct strip_check *s = ctx;
	char path[ENTRY_PATH + 1];
	uint64_t number;
	struct stat st;

	if (!strcmp(name, "head") || !strcmp(name, "tail") || !strcmp(name, "lock"))
		return;
	snprintf(path, sizeof(path), "%s/%.*s", dir, NAME_SIZE, name);
	if (strip_segment_number(name, &number) == -1)
		check_stray(s->c, path, "no segment");
	else if (fs_stat(s->strip->dir, path, &st) == 0 && !S_ISDIR(st.st_mode))
		check_stray(s->c, path, "not a directory");
	else
		check_segment(s, path, number);
}

/* The marks may be seen amid a change, which has the lock. */
static const char *marks_fault(const struct strip *s)
{
	const char *what = strip_fault(s);
	char path[ENTRY_PATH];
	int lock;

	if (what == NULL)
		return NULL;
	snprintf(path, sizeof(path), "%s/lock", s->path);
	if (fs_exists(s->dir, path) == 1) {
		if ((lock = fs_lock(s->dir, path, LOCK_AT_ONCE)) == -1)
			return errno == EWOULDBLOCK ? NULL : what;
		what = strip_fault(s);
		fs_unlock(lock);
	}
	return what;
}

void check_strip(struct check *c, const struct strip *s, check_name_fn *each, void *ctx)
{
	struct strip_check sc = { c, s, each, ctx };
	const char *what = marks_fault(s);
	int r = CHECK_ONLY;

	/* A lane's strip goes when it is empty. */
	if (what && fs_exists(s->dir, s->path) == 1) {
		if (c->repair)
			r = strip_repair(s, 0, queue_scratch, c->q);
		check_repaired(c, s->path, what, r, "head and tail set by the segments");
	}
	check_names(c, s->path, check_in_strip, &sc);
}
