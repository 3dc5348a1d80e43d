/*
 * tidy.c - what nobody needs any more, removed by the way
 */
#include "receive/tidy.h"

#include "place/place.h"

#include <stdio.h>

#define LITTER_AGE (24 * 3600 * MQ_SECOND)

static int is_over(mq_queue *q, const struct entry *e)
{
	mq_time expiry = queue_expiry(q, e);

	return expiry && expiry <= queue_now(q);
}

/* Drop what has outlived the retention, from the front of each line. */
static void trim_line(mq_queue *q, enum line line, unsigned level)
{
	struct strip s = queue_strip(q, line, level);
	struct segment g = { 0 };
	char path[ENTRY_PATH];
	struct entry e;
	size_t i;
	int there = strip_first(&s, &g, queue_scratch, q);

	if (there == 1 && segment_is_closed(&g) && entry_parse(g.names[0].name, &e) == 0 &&
	    is_over(q, &e))
		there = line_open(q, &s, &g);
	for (i = 0; there == 1 && !segment_is_closed(&g) && i < g.n; i++) {
		if (entry_parse(g.names[i].name, &e) == -1)
			continue;
		if (!is_over(q, &e))
			break;
		segment_entry_path(&s, &g, g.names[i].name, path);
		place_expire(q, q->fd, path, &e);
	}
	segment_free(&g);
}

void trim(mq_queue *q)
{
	enum line line;
	unsigned level, mask;

	if (q->conf.retention == 0)
		return;
	for (line = LINE_READY; line <= LINE_BACK; line++)
		if (queue_levels(q, line, &mask) == 0)
			for (level = 0; level < LEVELS; level++)
				if (mask & 1u << level)
					trim_line(q, line, level);
}

void trim_dead_letters(mq_queue *q)
{
	char name[QUEUE_NAME_SIZE];
	mq_queue *dlq;

	if (q->is_dlq || q->conf.dlq_retention == 0 || fs_exists(q->fd, "dlq") != 1)
		return;
	queue_dlq_name(q, name);
	if (queue_open(q->mq, q->spool, name, &dlq) == MQ_OK) {
		trim(dlq);
		mq_queue_close(dlq);
	}
}

void remove_litter(int dir)
{
	char path[ENTRY_PATH];
	struct fs_dir d;
	struct stat st;
	const char *name;
	mq_time now = clock_wall(&(struct clock){ 0, 0 });

	if (fs_dir_open(&d, dir, "tmp") == -1)
		return;
	while ((name = fs_dir_next(&d)) != NULL) {
		snprintf(path, sizeof(path), "tmp/%.*s", NAME_SIZE, name);
		if (fs_stat(dir, path, &st) == -1 || fs_mtime(&st) > now - LITTER_AGE)
			continue;
		if (S_ISDIR(st.st_mode))
			fs_remove_tree(dir, path);
		else
			fs_unlink(dir, path);
	}
	fs_dir_close(&d);
}
