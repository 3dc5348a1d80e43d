/*
 * checkqueue.c - look for faults in a queue
 *
 * One walk along every part of the queue looks at each name, and keeps a hash of
 * each message's key (8 bytes a message), as no key stands twice in a queue, and
 * of each history that is referred to.  A second walk, if keys seemed to be
 * there twice, finds out which.
 *
 * The parts are walked against the way that messages take where it matters:
 * what is in flight first and, for the histories, once more at the end.  A
 * message that moved was seen twice, or not at all; so a key is there twice only
 * if both names are there at one moment, and a history is nobody's only if it
 * was there long before the walk began.
 */
#include "base/grow.h"
#include "base/names.h"
#include "format/message.h"
#include "manage/check.h"
#include "place/lane.h"
#include "place/lanerepair.h"
#include "place/place.h"
#include "place/token.h"
#include "receive/sweep.h"
#include "spool/depth.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HISTORY_AGE (60 * MQ_SECOND) /* younger: its message may be on its way */

enum part_of { LINE_OF_MESSAGES, LINE_OF_TOKENS, DELAYED, LEASED, LANE };

struct hashes {
	uint64_t *of;
	size_t n, room;
};

struct queue_check {
	struct check c;
	enum part_of part;
	unsigned level;    /* of the line */
	const char *group; /* of the lane */
	uint64_t bundle;   /* in flight: the nonce of its clock, or 0 */
	enum { LOOKING, ONLY_HISTORIES, FINDING_TWICE } pass;
	struct hashes keys, histories;
	struct names twice;      /* "KEY path": what stands under a key that was met twice */
	struct names dead;       /* the ids of dead letters of groups, read when first needed */
	int dead_known, no_room; /* no memory */
	struct tokens_seen tokens;
	mq_time began;
};

/* ---- hashes --------------------------------------------------------------- */

static void keep(struct queue_check *k, struct hashes *h, uint64_t hash)
{
	uint64_t *grown = grow(h->of, &h->room, h->n + 1, sizeof(*grown));

	if (grown == NULL) {
		k->no_room = 1;
		return;
	}
	h->of = grown;
	h->of[h->n++] = hash;
}

static uint64_t hash_of(const char *text)
{
	uint64_t hash = 14695981039346656037u; /* FNV-1a */

	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * 1099511628211u;
	return hash;
}

static int compare_hashes(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static void sort(struct hashes *h)
{
	if (h->n)
		qsort(h->of, h->n, sizeof(*h->of), compare_hashes);
}

static int has(const struct hashes *h, uint64_t hash)
{
	return h->n && bsearch(&hash, h->of, h->n, sizeof(hash), compare_hashes) != NULL;
}

/* Of the sorted, keep those that are there twice. */
static void keep_twice(struct hashes *h)
{
	size_t i, n = 0;

	for (i = 1; i < h->n; i++)
		if (h->of[i] == h->of[i - 1])
			h->of[n++] = h->of[i];
	h->n = n;
}

/* ---- one message ------------------------------------------------------------ */

/* Whether the message's block of properties is one: 1, 0, or -1 with errno, which says
 * nothing of it. */
static int has_block(int fd, const struct entry *e)
{
	struct message_block block = { 0 };
	char *text = malloc(e->header);
	int r;

	if (text == NULL || fs_pread(fd, text, e->header, (off_t)e->offset) == -1) {
		free(text);
		return -1;
	}
	r = message_parse(text, e->header, &block) == 0 ? 1 : errno == EBADMSG ? 0 : -1;
	message_free(&block);
	return r;
}

/* Why the message cannot be looked at, unless it is gone. */
static const char *unknown(int *known)
{
	*known = 0;
	return errno == ENOENT ? NULL : strerror(errno);
}

/* The message is more than its file has, or its block of properties is none: in
 * words; NULL: it is whole, or gone.  Not known: the words say why not. */
static const char *damage(mq_queue *q, const char *path, const struct entry *e, int *known)
{
	struct stat st;
	int fd, r;

	*known = 1;
	if (fs_stat(q->fd, path, &st) == -1)
		return unknown(known);
	if ((uint64_t)st.st_size < e->offset + e->header + e->body)
		return "torn: its file is shorter than its name says";
	if (e->header == 0)
		return NULL;
	if (e->header > MESSAGE_BLOCK_MAX)
		return "its block of properties is too large";
	if ((fd = fs_open_message(q->fd, path)) == -1)
		return errno == EINVAL || errno == ELOOP ? NULL : unknown(known);
	r = has_block(fd, e);
	fs_close(fd);
	if (r == -1)
		return unknown(known);
	return r ? NULL : "its block of properties is damaged";
}

static void set_aside(struct queue_check *k, const char *path, const struct entry *e,
    const char *what)
{
	if (k->c.repair && e)
		depth_release(k->c.q, 1, e->body);
	check_stray(&k->c, path, what);
}

static int move_home(mq_queue *q, const char *path, struct entry *e)
{
	struct source from = { q->fd, path, STRIP_RENAME };

	bundle_leave(e);
	if (e->token)
		return token_return(q, path, e);
	if (e->visible * MILLISECOND > queue_now(q))
		return place_delayed(q, &from, e);
	return lane_wants(q, e) ? place_ready(q, &from, e, NULL) : place_back(q, &from, e);
}

/* It stands in a part of the queue where it has no business. */
static void put_right(struct queue_check *k, const char *path, struct entry *e, const char *what)
{
	check_repaired(&k->c, path, what, k->c.repair ? move_home(k->c.q, path, e) : CHECK_ONLY,
	    "put where it belongs");
}

/* What is wrong with where it is, in words, or NULL. */
static const char *misplaced(const struct queue_check *k, const char *path, const struct entry *e)
{
	uint64_t due;

	switch (k->part) {
	case LINE_OF_MESSAGES:
		if (e->token)
			return "a message group's token among messages";
		if (lane_wants(k->c.q, e))
			return "a message of a group outside of its lane";
		return e->priority != k->level ? "in the line of another priority" : NULL;
	case LINE_OF_TOKENS:
		return e->token ? NULL : "a message among tokens";
	case LEASED:
		if (k->bundle && e->lease != LEASE_BUNDLE)
			return "in flight with a bundle and alone";
		return e->lease ? NULL : "in flight without a lease";
	case DELAYED:
		if (lane_wants(k->c.q, e) && !e->token)
			return "a message of a group outside of its lane";
		due = strtoull(path + strlen("delayed/"), NULL, 10);
		return e->visible && (uint64_t)e->visible / 1000 < due ?
		    "where it comes later than it is due" :
		    NULL;
	case LANE:
		return strcmp(e->group, k->group) != 0 ? "in the lane of another group" : NULL;
	}
	return NULL;
}

/* The receipt of a group's message, which itself is in its lane. */
static int is_receipt(const struct queue_check *k, const struct entry *e)
{
	return k->part == LEASED && lane_wants(k->c.q, e) && !e->token;
}

static int note_dead(void *ctx, const struct mq_message *m)
{
	struct queue_check *k = ctx;
	struct entry e;

	if (entry_parse(strrchr(m->path, '/') + 1, &e) == 0 && e.group[0] &&
	    names_add(&k->dead, e.id) == -1)
		k->no_room = 1;
	return 0;
}

/* Whether the dead letter of that id is there.  Read once: those who look hold few
 * groups. */
static int has_dead(struct queue_check *k, const char *id)
{
	size_t i;

	if (!k->dead_known)
		mq_list(k->c.q, MQ_DEAD, note_dead, k);
	k->dead_known = 1;
	for (i = 0; i < k->dead.n; i++)
		if (!strcmp(k->dead.name[i], id))
			return 1;
	return 0;
}

/* A blocked token that goes on when it comes due, or is not there any more, is no fault. */
static void check_blocked(struct queue_check *k, const char *path, const struct entry *e)
{
	static const char what[] = "a group is blocked by a dead letter that is not there any more";
	struct lane_view v;

	if (!k->c.q->conf.group_blocks || has_dead(k, e->id) ||
	    lane_look(k->c.q, e->group, e->id, &v) == -1 || v.found ||
	    fs_exists(k->c.q->fd, path) != 1)
		return;
	check_repaired(&k->c, path, what, k->c.repair ? token_release(k->c.q, path, e) : CHECK_ONLY,
	    "the group goes on");
}

static void check_message(struct queue_check *k, const char *path, struct entry *e)
{
	struct stat st;
	int known = 1;
	const char *what = e->token ? NULL : damage(k->c.q, path, e, &known);

	if (what && known) {
		set_aside(k, path, e, what);
		return;
	}
	if (what)
		check_fault(&k->c, path, what, NULL);
	if ((what = misplaced(k, path, e)) != NULL && fs_stat(k->c.q->fd, path, &st) == 0) {
		put_right(k, path, e, what);
		return;
	}
	if (e->token == TOKEN_BLOCKED && k->part != LEASED)
		check_blocked(k, path, e);
	if (e->death[0])
		keep(k, &k->histories, hash_of(e->death));
	if (!e->token && !is_receipt(k, e))
		keep(k, &k->keys, hash_of(e->key));
}

static void note_twice(struct queue_check *k, const char *path, const struct entry *e)
{
	char line[KEY_SIZE + ENTRY_PATH + NAME_SIZE];

	if (e->token || is_receipt(k, e) || !has(&k->keys, hash_of(e->key)))
		return;
	snprintf(line, sizeof(line), "%s %s", e->key, path);
	if (names_add(&k->twice, line) == -1)
		k->no_room = 1;
}

/* One name in a directory of messages. */
static void meet(void *ctx, const char *dir, const char *name)
{
	struct queue_check *k = ctx;
	char path[ENTRY_PATH + NAME_SIZE];
	struct entry e;
	struct stat st;

	snprintf(path, sizeof(path), "%s/%.*s", dir, NAME_SIZE, name);
	if (entry_parse(name, &e) == -1) {
		if (k->pass == LOOKING)
			set_aside(k, path, NULL, "not the name of a message");
		return;
	}
	if (k->bundle && !e.lease)
		bundle_lease(&e, k->bundle);
	switch (k->pass) {
	case LOOKING:
		if (fs_stat(k->c.q->fd, path, &st) == -1)
			return;
		if (e.token ? !S_ISDIR(st.st_mode) : S_ISREG(st.st_mode))
			check_message(k, path, &e);
		else
			set_aside(k, path, NULL, "not a file");
		break;
	case ONLY_HISTORIES:
		if (e.death[0])
			keep(k, &k->histories, hash_of(e.death));
		break;
	case FINDING_TWICE:
		note_twice(k, path, &e);
		break;
	}
}

/* ---- the parts -------------------------------------------------------------- */

static void walk_line(struct queue_check *k, enum line line)
{
	unsigned mask;

	k->part = line == LINE_TURNS ? LINE_OF_TOKENS : LINE_OF_MESSAGES;
	if (queue_levels(k->c.q, line, &mask) == -1)
		return; /* told when the parts were looked at */
	for (k->level = 0; k->level < LEVELS; k->level++) {
		struct strip s = queue_strip(k->c.q, line, k->level);

		if (mask & 1u << k->level)
			check_strip(&k->c, &s, meet, k);
	}
}

/* leased/DUE: besides messages there are bundles, clocks, and marks of other
 * buckets. */
static void meet_leased(void *ctx, const char *dir, const char *name)
{
	struct queue_check *k = ctx;
	char path[ENTRY_PATH];
	struct clock_name clock;
	uint64_t due, nonce;

	if (bundle_name_parse(name, &nonce) == 0) {
		snprintf(path, sizeof(path), "%.*s/%.*s", STRIP_PATH, dir, NAME_SIZE, name);
		k->bundle = nonce;
		check_names(&k->c, path, meet, k);
		k->bundle = 0;
	} else if (clock_name_parse(name, &clock) == -1 &&
	    !(name[0] == '@' && strip_number(name + 1, &due) == 0))
		meet(ctx, dir, name);
}

static void meet_bucket(void *ctx, const char *dir, const char *name)
{
	struct queue_check *k = ctx;
	char path[ENTRY_PATH];
	uint64_t due;
	struct stat st;

	snprintf(path, sizeof(path), "%s/%.*s", dir, NAME_SIZE, name);
	if (strip_number(name, &due) == 0 && due % BUCKET_SECONDS == 0 &&
	    fs_stat(k->c.q->fd, path, &st) == 0 && S_ISDIR(st.st_mode))
		check_names(&k->c, path, k->part == LEASED ? meet_leased : meet, k);
	else if (k->pass == LOOKING && fs_exists(k->c.q->fd, path) == 1)
		check_stray(&k->c, path, "no directory of a time");
}

static void walk_buckets(struct queue_check *k, enum part_of part)
{
	k->part = part;
	check_names(&k->c, part == LEASED ? "leased" : "delayed", meet_bucket, k);
}

/* ---- message groups ----------------------------------------------------------- */

/* A lane: messages, and perhaps a strip of more. */
static void meet_in_lane(void *ctx, const char *dir, const char *name)
{
	struct queue_check *k = ctx;
	struct strip more;

	if (strcmp(name, "more") != 0) {
		meet(ctx, dir, name);
	} else {
		more = lane_more(k->c.q, k->group);
		check_strip(&k->c, &more, meet, k);
	}
}

static void check_lane(struct queue_check *k, const char *path, const char *group)
{
	static const char what[] = "a group without a token: nothing of it would be delivered";

	k->group = group;
	check_names(&k->c, path, meet_in_lane, k);
	if (k->pass != LOOKING || !lane_is_stuck(k->c.q, group, &k->tokens))
		return;
	check_repaired(&k->c, path, what, k->c.repair ? lane_mend(k->c.q, group) : CHECK_ONLY,
	    "given a token");
}

/* In groups/HH/: HASH, HASH.token, HASH.delayed or lock. */
static void meet_group(void *ctx, const char *dir, const char *name)
{
	struct queue_check *k = ctx;
	char path[ENTRY_PATH + NAME_SIZE];
	size_t n = strspn(name, "0123456789abcdef");
	const char *rest = name + n;
	struct stat st;
	int is_dir;

	snprintf(path, sizeof(path), "%s/%.*s", dir, NAME_SIZE, name);
	if (!strcmp(name, "lock") || fs_stat(k->c.q->fd, path, &st) == -1)
		return;
	is_dir = S_ISDIR(st.st_mode);
	if (n == HASH_SIZE - 1 && !strncmp(name, strrchr(dir, '/') + 1, 2) &&
	    (*rest == '\0') == is_dir) {
		if (is_dir) {
			check_lane(k, path, name);
			return;
		}
		if (!strcmp(rest, ".token") || !strcmp(rest, ".delayed") || !strcmp(rest, ".held"))
			return;
	}
	if (k->pass == LOOKING)
		check_stray(&k->c, path, "no group");
}

static void meet_groups(void *ctx, const char *dir, const char *name)
{
	struct queue_check *k = ctx;
	char path[ENTRY_PATH + NAME_SIZE];

	snprintf(path, sizeof(path), "%s/%.*s", dir, NAME_SIZE, name);
	if (strlen(name) == 2 && strspn(name, "0123456789abcdef") == 2)
		check_names(&k->c, path, meet_group, k);
	else if (k->pass == LOOKING)
		check_stray(&k->c, path, "no directory of groups");
}

static void walk_lanes(struct queue_check *k)
{
	k->part = LANE;
	check_names(&k->c, "groups", meet_groups, k);
}

/* ---- the whole ---------------------------------------------------------------- */

static void walk(struct queue_check *k)
{
	walk_buckets(k, LEASED);
	walk_buckets(k, DELAYED);
	walk_line(k, LINE_TURNS);
	walk_line(k, LINE_BACK);
	walk_line(k, LINE_READY);
	walk_lanes(k);
}

/* Of two names of one message the lease stays, or what was delivered more often. */
static int is_better(const char *a, const char *b)
{
	struct entry x, y;
	int leased = !strncmp(a, "leased/", 7);

	if (leased != !strncmp(b, "leased/", 7))
		return leased;
	if (entry_parse(strrchr(a, '/') + 1, &x) == -1 ||
	    entry_parse(strrchr(b, '/') + 1, &y) == -1)
		return 1;
	return x.receives >= y.receives;
}

/* Two paths that were met with one key: both there at one moment? */
static void check_pair(struct queue_check *k, const char *a, const char *b)
{
	const char *spare = is_better(a, b) ? b : a;
	struct stat sa, sb;
	int fd = k->c.q->fd;

	if (fs_stat(fd, a, &sa) == -1 || fs_stat(fd, b, &sb) == -1 || fs_stat(fd, a, &sa) == -1)
		return;
	if (sa.st_ino != sb.st_ino)
		check_stray(&k->c, spare, "another message with the same key");
	else
		check_repaired(&k->c, spare, "a second name of one message",
		    k->c.repair ? fs_unlink(fd, spare) : CHECK_ONLY, "that name removed");
}

static void check_twice(struct queue_check *k)
{
	size_t i;

	sort(&k->keys);
	keep_twice(&k->keys);
	if (k->keys.n == 0)
		return;
	k->pass = FINDING_TWICE;
	walk(k);
	names_sort(&k->twice);
	for (i = 1; i < k->twice.n; i++)
		if (!strncmp(k->twice.name[i], k->twice.name[i - 1], KEY_SIZE))
			check_pair(k, k->twice.name[i - 1] + KEY_SIZE, k->twice.name[i] + KEY_SIZE);
}

static void meet_history(void *ctx, const char *dir, const char *name)
{
	struct queue_check *k = ctx;
	char path[ENTRY_PATH + NAME_SIZE];
	const char *tag = strchr(name, '.');
	struct stat st;

	snprintf(path, sizeof(path), "%s/%.*s", dir, NAME_SIZE, name);
	if (tag && strlen(tag + 1) == 8 && has(&k->histories, hash_of(tag + 1)))
		return;
	if (fs_stat(k->c.q->fd, path, &st) == -1 || fs_mtime(&st) > k->began - HISTORY_AGE)
		return;
	if (tag == NULL || strlen(tag + 1) != 8)
		check_stray(&k->c, path, "not the history of a message");
	else
		check_litter(&k->c, path, "the history of no message");
}

static void check_histories(struct queue_check *k)
{
	if (fs_exists(k->c.q->fd, "why") != 1)
		return;
	k->pass = ONLY_HISTORIES;
	walk_buckets(k, LEASED); /* came there from a part before it was walked */
	sort(&k->histories);
	check_names(&k->c, "why", meet_history, k);
}

/* Every name that a queue has, and whether it has it from its making. */
static const struct {
	const char *name;
	int always, directory;
} parts[] = {
	{ "back", 1, 1 },
	{ "bad", 0, 1 },
	{ "bell", 0, 0 },
	{ "blocked", 0, 1 },
	{ "conf", 0, 0 },
	{ "consumers", 0, 1 },
	{ "counts", 0, 0 },
	{ "dedup", 0, 1 },
	{ "delayed", 1, 1 },
	{ "dlq", 0, 1 },
	{ "groups", 0, 1 },
	{ "import", 0, 1 },
	{ "leased", 1, 1 },
	{ "lock", 0, 0 },
	{ "owner", 0, 0 },
	{ "ready", 1, 1 },
	{ "sources", 0, 1 },
	{ "stat", 0, 1 },
	{ "tmp", 1, 1 },
	{ "turns", 0, 1 },
	{ "waiting", 0, 1 },
	{ "why", 0, 1 },
};
#define PARTS (sizeof(parts) / sizeof(parts[0]))

static void meet_part(void *ctx, const char *dir, const char *name)
{
	struct queue_check *k = ctx;
	struct stat st;
	size_t i;

	(void)dir;
	for (i = 0; i < PARTS && strcmp(name, parts[i].name) != 0; i++)
		;
	if (fs_stat(k->c.q->fd, name, &st) == -1)
		return;
	if (i == PARTS)
		check_stray(&k->c, name, "nothing that a queue has");
	else if (parts[i].directory ? !S_ISDIR(st.st_mode) : !S_ISREG(st.st_mode))
		check_stray(&k->c, name, parts[i].directory ? "not a directory" : "not a file");
}

static void check_parts(struct queue_check *k)
{
	size_t i;

	check_names(&k->c, ".", meet_part, k);
	for (i = 0; i < PARTS; i++) {
		if (!parts[i].always || fs_exists(k->c.q->fd, parts[i].name) != 0)
			continue;
		check_repaired(&k->c, parts[i].name, "is missing",
		    k->c.repair ? fs_mkdir(k->c.q->fd, parts[i].name) : CHECK_ONLY, "made");
	}
}

static void check_all(struct queue_check *k)
{
	check_parts(k);
	if (k->c.repair) {
		sweep_all(k->c.q); /* what a crash of the machine left is put right first */
	}
	walk(k);
	check_histories(k);
	check_twice(k);
}

/* A queue whose settings are not understood is not used. */
static int is_unusable(struct check *c, const char *name, const char *why)
{
	struct mq_fault f = { .queue = name, .what = why };
	char path[2 * QUEUE_NAME_SIZE];

	queue_path(name, path);
	f.path = strcat(path, "/conf");
	if (strncmp(why, name, strlen(name)) == 0 && !strncmp(why + strlen(name), ": ", 2))
		f.what = why + strlen(name) + 2;
	c->each(c->ctx, &f);
	return MQ_OK;
}

/* With its dead letters, if there are any. */
int mq_check_queue(mq *h, const char *name, int repair,
    int (*each)(void *ctx, const struct mq_fault *), void *ctx)
{
	struct queue_check k = { .c = { NULL, repair, each, ctx, 0 }, .began = mq_now(h) };
	char dlq[QUEUE_NAME_SIZE];
	int r = mq_queue_open(h, name, &k.c.q);

	if (r == MQ_SETTING)
		return is_unusable(&k.c, name, mq_error(h));
	if (r != MQ_OK)
		return r;
	check_all(&k);
	if (!k.c.q->is_dlq && !k.c.ended && fs_exists(k.c.q->fd, "dlq") == 1) {
		queue_dlq_name(k.c.q, dlq);
		r = mq_check_queue(h, dlq, repair, each, ctx);
	}
	if (k.no_room) {
		errno = ENOMEM;
		r = fail_errno(h, name, "cannot check all of it");
	}
	free(k.keys.of);
	free(k.histories.of);
	names_free(&k.twice);
	names_free(&k.dead);
	names_free(&k.tokens.names);
	mq_queue_close(k.c.q);
	return r;
}

int mq_count_bad(mq_queue *q, uint64_t *n)
{
	static const char *const dirs[] = { "bad", "dlq/bad" };
	struct names files = { 0 };
	size_t i;
	int r = 0;

	for (i = 0; r == 0 && i < 2; i++)
		r = names_read(&files, q->fd, dirs[i]);
	*n = files.n;
	names_free(&files);
	return r == 0 ? MQ_OK : queue_fail(q, "cannot look into bad/");
}
