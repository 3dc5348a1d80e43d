/*
 * lane.c - a message group's lane and its token, from every state that a kill may leave
 */
#include "place/lane.h"

#include "bench.h"
#include "place/lanerepair.h"
#include "place/token.h"
#include "place/tokenparts.h"

#include <errno.h>
#include <string.h>

/* The last token that a walk met, and how many it met. */
struct seen {
	unsigned n;
	char path[ENTRY_PATH];
	struct entry token;
};

static int note(void *ctx, mq_queue *q, const char *path, const struct entry *e)
{
	struct seen *s = ctx;

	(void)q;
	s->n++;
	strcpy(s->path, path);
	s->token = *e;
	return 0;
}

static struct seen tokens(struct bench *b)
{
	struct seen s = { 0 };

	token_walk(b->q, note, &s);
	return s;
}

/* The group's hash, of the one lane. */
static int note_group(void *ctx, mq_queue *q, const char *group)
{
	(void)q;
	strcpy(ctx, group);
	return 0;
}

static int is_in(const struct seen *s, const char *part)
{
	return s->n == 1 && !strncmp(s->path, part, strlen(part));
}

/* The messages of a lane are dropped, and its token closes it. */
static void end(struct tap *t, struct bench *b, const char *group)
{
	struct lane_view v;
	struct seen s;

	while (lane_look(b->q, group, NULL, &v) == 0 && v.found)
		fs_unlink(b->q->fd, v.first.path);
	s = tokens(b);
	CHECK(t, token_pass_on(b->q, s.path, &s.token, NULL) == 0);
	CHECK(t, tokens(b).n == 0);
	CHECK(t, lane_look(b->q, group, NULL, &v) == -1 && errno == ENOENT);
}

static void begin(struct bench *b, int n, char group[HASH_SIZE])
{
	bench_send(b, n, "group");
	lane_walk(b->q, note_group, group);
}

/* Its first message is gone; *v is how it was before. */
static void drop_first(struct bench *b, const char *group, struct lane_view *v)
{
	lane_look(b->q, group, NULL, v);
	fs_unlink(b->q->fd, v->first.path);
}

/* With two, in order; one is first, by whichever way it is looked for. */
static void test_born(struct tap *t, struct bench *b)
{
	char group[HASH_SIZE] = "";
	struct lane_view v, key;
	struct seen s;

	begin(b, 3, group);
	s = tokens(b);
	CHECK(t, is_in(&s, "turns/") && token_valid(b->q, group, s.path) == 1);
	CHECK(t, lane_look(b->q, group, NULL, &v) == 0 && v.found && v.has_next);
	CHECK(t, strcmp(v.first.entry.key, v.next.entry.key) < 0);
	CHECK(t, strcmp(s.token.key, v.first.entry.key) == 0);
	CHECK(t, lane_look(b->q, group, v.next.entry.key, &key) == 0 && key.found);
	CHECK(t, strcmp(key.first.path, v.next.path) == 0);
	CHECK(t, strcmp(key.next.path, v.first.path) == 0);
	end(t, b, group);
}

/* A lane with a message is not closed: its token goes on to that. */
static void test_not_empty(struct tap *t, struct bench *b)
{
	char group[HASH_SIZE] = "";
	struct lane_view v;
	struct seen s;

	begin(b, 2, group);
	drop_first(b, group, &v);
	s = tokens(b);
	CHECK(t, token_pass_on(b->q, s.path, &s.token, NULL) == 0);
	s = tokens(b);
	CHECK(t, is_in(&s, "turns/") && strcmp(s.token.key, v.next.entry.key) == 0);
	CHECK(t, token_pass_on(b->q, "turns/p4/0/none", &s.token, NULL) == -1 && errno == ENOENT);
	end(t, b, group);
}

/* Its first message comes later: it is delayed with it, until another comes first. */
static void test_delayed(struct tap *t, struct bench *b)
{
	char group[HASH_SIZE] = "";
	struct seen s;

	begin(b, 1, group);
	s = tokens(b);
	s.token.visible = (mq_now(b->mq) + 60 * MQ_SECOND) / MILLISECOND;
	CHECK(t, token_return(b->q, s.path, &s.token) == 0);
	s = tokens(b);
	CHECK(t, is_in(&s, "delayed/"));
	CHECK(t, token_wake(b->q, group) == 0);
	s = tokens(b);
	CHECK(t, is_in(&s, "turns/"));
	CHECK(t, token_wake(b->q, group) == 0); /* by a link that leads nowhere now */
	CHECK(t, tokens(b).n == 1);
	end(t, b, group);
}

/* Held for a dead letter, it is held again when it comes due, until it is released. */
static void test_held(struct tap *t, struct bench *b)
{
	char group[HASH_SIZE] = "";
	struct lane_view v;
	struct seen s;

	begin(b, 2, group);
	b->q->conf.group_blocks = 1;
	drop_first(b, group, &v);
	s = tokens(b);
	s.token.token = TOKEN_BLOCKED;
	s.token.expires = mq_now(b->mq) / MILLISECOND;
	CHECK(t, token_block(b->q, s.path, &s.token) == 0);
	s = tokens(b);
	CHECK(t, is_in(&s, "delayed/") && s.token.token == TOKEN_BLOCKED);
	CHECK(t, token_sort(b->q, s.path, &s.token) == 0);
	s = tokens(b);
	CHECK(t, is_in(&s, "delayed/") && s.token.token == TOKEN_BLOCKED);
	CHECK(t, token_wake(b->q, group) == 0); /* as it is: come due */
	s = tokens(b);
	CHECK(t, is_in(&s, "turns/") && s.token.token == TOKEN_BLOCKED);
	CHECK(t, token_release(b->q, "turns/p4/0/none", &s.token) == 0);
	CHECK(t, tokens(b).token.token == TOKEN_BLOCKED);
	CHECK(t, token_release_all(b->q) == 0);
	s = tokens(b);
	CHECK(t, is_in(&s, "turns/") && s.token.token == TOKEN_MOVES);
	b->q->conf.group_blocks = 0;
	end(t, b, group);
}

/* A crash took the token; or it left an old one beside the new. */
static void test_lost(struct tap *t, struct bench *b)
{
	struct tokens_seen seen = { .known = 0 };
	char group[HASH_SIZE] = "", old[ENTRY_PATH] = "turns/p4/0/";
	struct seen s;

	begin(b, 1, group);
	s = tokens(b);
	CHECK(t, !lane_is_stuck(b->q, group, &seen));
	CHECK(t, fs_unlink(b->q->fd, s.path) == 0);
	CHECK(t, lane_is_stuck(b->q, group, &seen));
	CHECK(t, lane_mend(b->q, group) == 0);
	CHECK(t, !lane_is_stuck(b->q, group, &seen));
	names_free(&seen.names);
	CHECK(t, tokens(b).n == 1);
	strcat(old, strrchr(s.path, '/') + 1);
	CHECK(t, fs_symlink("of before", b->q->fd, old) == 0 && tokens(b).n == 2);
	CHECK(t, token_valid(b->q, group, old) == 0);
	CHECK(t, token_sort(b->q, old, &s.token) == 0 && tokens(b).n == 1);
	s = tokens(b);
	CHECK(t, token_valid(b->q, group, s.path) == 1);
	end(t, b, group);
}

int main(void)
{
	bench_test *const tests[] = { test_born, test_not_empty, test_delayed, test_held, test_lost,
		NULL };

	return bench_run("30s", tests);
}
