/*
 * marks.c - the deduplication marks of messages that are dropped
 */
#include "manage/marks.h"

#include "base/grow.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct mark {
	char id[KEY_SIZE]; /* of the message that it stands for */
	char hash[HASH_SIZE];
	uint64_t window;
};

static void mark_path(uint64_t window, const char *hash, char path[ENTRY_PATH])
{
	snprintf(path, ENTRY_PATH, "dedup/%llu/%.*s", (unsigned long long)window, HASH_SIZE - 1,
	    hash);
}

/* One that names no message, or that was removed just now, is none. */
static int add(struct marks *m, uint64_t window, const char *hash)
{
	char path[ENTRY_PATH], target[NAME_SIZE];
	struct mark *grown;
	struct entry e;

	mark_path(window, hash, path);
	if (strlen(hash) != HASH_SIZE - 1 ||
	    fs_readlink(m->q->fd, path, target, sizeof(target)) == -1 ||
	    entry_parse(target, &e) == -1)
		return 0;
	if ((grown = grow(m->of, &m->room, m->n + 1, sizeof(*grown))) == NULL)
		return -1;
	m->of = grown;
	grown = &m->of[m->n++];
	memcpy(grown->id, e.id, KEY_SIZE);
	memcpy(grown->hash, hash, HASH_SIZE);
	grown->window = window;
	return 0;
}

static int read_window(struct marks *m, uint64_t window)
{
	char path[ENTRY_PATH];
	struct fs_dir d;
	const char *hash;
	int r = 0;

	snprintf(path, sizeof(path), "dedup/%llu", (unsigned long long)window);
	if (fs_dir_open(&d, m->q->fd, path) == -1)
		return errno == ENOENT ? 0 : -1;
	while (r == 0 && (hash = fs_dir_next(&d)) != NULL)
		r = add(m, window, hash);
	return fs_dir_close(&d) == -1 ? -1 : r;
}

static int compare_ids(const void *a, const void *b)
{
	return strcmp(((const struct mark *)a)->id, ((const struct mark *)b)->id);
}

static int read_all(struct marks *m)
{
	struct strip windows = { .dir = m->q->fd, .path = "dedup" };
	uint64_t *starts;
	size_t i, n;
	int r = 0;

	if (strip_segments(&windows, &starts, &n) == -1)
		return -1;
	for (i = 0; r == 0 && i < n; i++)
		r = read_window(m, starts[i]);
	free(starts);
	if (m->n)
		qsort(m->of, m->n, sizeof(*m->of), compare_ids);
	return r;
}

/* Dead letters were sent to the queue above. */
static int find_owner(struct marks *m, mq_queue *q)
{
	char name[QUEUE_NAME_SIZE];

	if (!q->is_dlq) {
		m->q = queue_ref(q);
		return 0;
	}
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(q->name, "/"), q->name);
	errno = 0;
	return queue_open(q->mq, q->spool, name, &m->q) == MQ_OK ? 0 : -1;
}

int marks_read(struct marks *m, mq_queue *q)
{
	return find_owner(m, q) == 0 ? read_all(m) : -1;
}

/* By the id, which a message keeps when it comes back under another key.  It has a mark
 * in each of two windows. */
void marks_forget(const struct marks *m, const struct entry *e)
{
	const struct mark *found, *end = m->of + m->n;
	char path[ENTRY_PATH];
	struct mark want = { .window = 0 };

	memcpy(want.id, e->id, KEY_SIZE);
	if (m->n == 0 || (found = bsearch(&want, m->of, m->n, sizeof(want), compare_ids)) == NULL)
		return;
	while (found > m->of && !compare_ids(found - 1, &want))
		found--;
	for (; found < end && !compare_ids(found, &want); found++) {
		mark_path(found->window, found->hash, path);
		fs_unlink(m->q->fd, path);
	}
}

void marks_free(struct marks *m)
{
	mq_queue_close(m->q);
	free(m->of);
	memset(m, 0, sizeof(*m));
}
