/*
 * look.c - what is in the spool after a command was stopped, as commands would find it
 *
 * Each message is taken with a handle of its own, as one command for each would, and
 * by the same calls of the library: nothing is remembered from one to the next.  What
 * these calls have to say of an error goes to standard error.
 */
#include "serve.h"

#include "mq.h"

#include <fnmatch.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define HOUR     ((mq_time)3600 * MQ_SECOND)
#define MESSAGES 100000 /* that are left, at most */

/* ---- one command ------------------------------------------------------------------ */

struct visit {
	mq *mq;
	mq_queue *q;
};

static int failed(const struct visit *v)
{
	fprintf(stderr, "look: %s\n", mq_error(v->mq));
	return -1;
}

static int begin(struct visit *v, const char *queue, mq_time passed)
{
	v->q = NULL;
	v->mq = mq_open(getenv("MQ_SPOOL"));
	mq_clock_shift(v->mq, passed, 0);
	return mq_queue_open(v->mq, queue, &v->q) ? failed(v) : 0;
}

static void end(struct visit *v)
{
	if (v->q)
		mq_queue_close(v->q);
	mq_close(v->mq);
}

/* ---- messages ------------------------------------------------------------------------ */

struct payload {
	char *text;
	size_t size;
};

static int read_all(struct visit *v, mq_lease *lease, struct payload *p)
{
	FILE *f = open_memstream(&p->text, &p->size);
	mq_reader *r;
	char part[4096];
	ssize_t n;

	if (mq_reader_of(lease, &r))
		return failed(v);
	while ((n = mq_reader_read(r, part, sizeof(part))) > 0)
		fwrite(part, 1, (size_t)n, f);
	mq_reader_close(r);
	fclose(f);
	while (p->size && p->text[p->size - 1] == '\n') /* as $(...) has it */
		p->text[--p->size] = '\0';
	return n < 0 ? failed(v) : 0;
}

/* As mq-recv -a: 1: there was one; 0; -1: failed. */
static int take(const char *queue, mq_time passed, struct payload *p)
{
	struct visit v;
	mq_lease *lease;
	size_t n;
	int taken = -1, status;

	if (begin(&v, queue, passed) == 0) {
		status = mq_recv(v.q, 1, 0, &lease, &n);
		if (status == MQ_EMPTY)
			taken = 0;
		else if (status || read_all(&v, lease, p) || mq_ack(lease))
			failed(&v);
		else
			taken = 1;
		if (status == MQ_OK)
			mq_lease_free(lease);
	}
	end(&v);
	return taken;
}

static int by_number(const void *a, const void *b)
{
	const struct payload *p = a, *q = b;
	long x = strtol(p->text, NULL, 10), y = strtol(q->text, NULL, 10);

	return x != y ? (x > y) - (x < y) : strcmp(p->text, q->text);
}

int look_left(char **queues, int sorted)
{
	struct payload *all = calloc(MESSAGES, sizeof(*all));
	size_t n = 0;
	int taken = 0;

	if (!all)
		abort();

	for (; *queues && taken == 0; queues++)
		while (n < MESSAGES && (taken = take(*queues, HOUR, &all[n])) == 1)
			n++;
	if (sorted)
		qsort(all, n, sizeof(*all), by_number);
	for (size_t i = 0; i < n; i++)
		if (sorted)
			printf("%s%s", i ? " " : "", all[i].text);
		else
			printf("[%s]", all[i].text);
	while (n)
		free(all[--n].text);
	free(all);
	return taken != 0;
}

/* ---- all is well ------------------------------------------------------------------------ */

static int send(const char *queue, const char *text)
{
	struct mq_properties props = { .priority = MQ_PRIORITY_DEFAULT };
	struct visit v;
	mq_batch *b = NULL;
	size_t accepted;
	int bad = begin(&v, queue, 20 * 24 * HOUR);

	if (!bad) {
		bad = mq_batch_open(v.q, &b) || mq_batch_begin(b, &props) ||
		    mq_batch_write(b, text, strlen(text)) || mq_batch_end(b) ||
		    mq_batch_commit(b, 0, &accepted, NULL, NULL);
		if (bad)
			failed(&v);
		mq_batch_close(b);
	}
	end(&v);
	return bad;
}

/* What is sent comes, and nothing else. */
static int works(const char *queue)
{
	static const char sent[] = "again";
	struct payload p = { NULL, 0 };
	int n = 0, taken, bad = send(queue, sent);

	while ((taken = take(queue, 20 * 24 * HOUR, &p)) == 1)
		if (n++ || strcmp(p.text, sent) != 0) {
			printf("%s: there is still: %s\n", queue, p.text);
			bad = 1;
		}
	free(p.text);
	if (n == 0)
		printf("%s: what is sent does not come\n", queue);
	return bad || taken || n != 1;
}

static int counts_none(const char *queue)
{
	struct visit v;
	struct mq_stats s;
	int bad = begin(&v, queue, 20 * 24 * HOUR);

	if (!bad && mq_stat(v.q, &s))
		bad = failed(&v);
	if (!bad && (s.visible || s.in_flight || s.delayed)) {
		printf("%s: %llu visible, %llu in flight, %llu delayed\n", queue,
		    (unsigned long long)s.visible, (unsigned long long)s.in_flight,
		    (unsigned long long)s.delayed);
		bad = 1;
	}
	end(&v);
	return bad;
}

static size_t spool_length;
static char queue_path[300]; /* below the spool */
static unsigned remains, litter;

static int is_like(const char *path, const char *pattern)
{
	return fnmatch(pattern, path, 0) == 0;
}

static int visit_file(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	const char *below = path + spool_length;
	size_t n = strlen(queue_path);

	(void)type, (void)ftw;
	if (is_like(below, "*/tmp/*") && !is_like(below, "*/tmp/*/*"))
		litter++;
	if (strncmp(below, queue_path, n) != 0 || S_ISDIR(st->st_mode))
		return 0;
	below += n - 1;
	if (is_like(below, "*/leased/*") || is_like(below, "*/delayed/*") ||
	    is_like(below, "*/bad/*") || is_like(below, "*/dedup/pending/*") ||
	    is_like(below, "*/turns/*,*") || is_like(below, "*/groups/*,*")) {
		printf("left behind: %s\n", path);
		remains++;
	}
	return 0;
}

static int clean(const char *queue, unsigned most)
{
	const char *spool = getenv("MQ_SPOOL");

	remains = litter = 0;
	spool_length = strlen(spool);
	snprintf(queue_path, sizeof(queue_path), "/q/%s/", queue);
	if (nftw(spool, visit_file, 16, FTW_PHYS)) {
		perror("look");
		return 1;
	}
	if (litter > most)
		printf("%u pieces of litter\n", litter);
	return remains || litter > most;
}

int look_well(const char *queue, unsigned most)
{
	int bad = works(queue);

	bad |= counts_none(queue);
	return !!(clean(queue, most) | bad);
}

static int visit_litter(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	const char *below = path + spool_length;

	(void)st, (void)type, (void)ftw;
	if (is_like(below, "*/tmp/*") || is_like(below, "*/dedup/pending/*") ||
	    is_like(below, "*/bad/*")) {
		printf("litter: %s\n", path);
		litter++;
	}
	return 0;
}

int look_litter(void)
{
	const char *spool = getenv("MQ_SPOOL");

	litter = 0;
	spool_length = strlen(spool);
	nftw(spool, visit_litter, 16, FTW_PHYS); /* there may be none */
	return !!litter;
}
