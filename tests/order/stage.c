/*
 * stage.c - the spool of a scene, and its roles in words: see play.h
 */
#include "play.h"

#include "actor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define HOUR (3600 * (int64_t)1000000000)

static _Noreturn void fail(const struct stage *s, const char *what)
{
	fprintf(stderr, "order: %s: %s: %s\n", s->scene->name, what, strerror(errno));
	exit(2);
}

/* A file without a name, of which a descriptor is inherited. */
int stage_memory(const struct stage *s)
{
	int fd = memfd_create("order", 0);

	if (fd == -1)
		fail(s, "memfd_create");
	return fd;
}

/* What the machine's clock says lies far from it, so that nothing that the kernel stamps
 * looks new; and its place in the buckets of 16 seconds is always the same. */
static int64_t beginning(void)
{
	int64_t now = (int64_t)time(NULL) * 1000000000 + 6 * HOUR;

	return now - now % (64 * (int64_t)1000000000);
}

/* The scene's commands, then each role's words, ended by NULs, and an empty one after. */
static char *script_of(const struct scene *scene)
{
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		abort();
	/* the ballast is for full disks */
	fprintf(f, "set -eu\n%s\nrm -rf \"$MQ_SPOOL/ballast\"\n", scene->setup);
	for (size_t i = 0; i < scene->nroles; i++)
		fprintf(f, "printf '%%s\\0' %s '' >&9\n", scene->roles[i].command);
	fclose(f);
	return text;
}

static void run_script(struct stage *s, int words)
{
	char *text = script_of(s->scene), page[16];
	int status;
	pid_t pid;

	snprintf(page, sizeof(page), "%d", s->page_fd);
	setenv(INSIDE_PAGE, page, 1);
	pid = fork();
	if (pid == 0) {
		dup2(words, 9);
		dup2(open("/dev/null", O_WRONLY), STDOUT_FILENO);
		if (chdir(s->dir) == 0)
			execlp("sh", "sh", "-c", text, (char *)NULL);
		_exit(127);
	}
	if (pid == -1 || waitpid(pid, &status, 0) != pid || status) {
		errno = EINVAL;
		fail(s, "its commands failed");
	}
	free(text);
}

static void take_words(struct stage *s, int fd)
{
	off_t size = lseek(fd, 0, SEEK_END);
	char *text = malloc((size_t)size + 1), *p = text;

	if (!text || pread(fd, text, (size_t)size, 0) != size)
		fail(s, "its roles");
	for (size_t i = 0; i < s->scene->nroles; i++) {
		size_t n = 0;

		s->words[i] = calloc(ARGS_MAX + 1, sizeof(char *));
		for (; *p && n < ARGS_MAX; p += strlen(p) + 1)
			s->words[i][n++] = strdup(p);
		p++;
	}
	free(text);
}

void stage_open(struct stage *s, const char *dir, const struct scene *scene)
{
	int64_t begin = beginning();
	int words;

	s->dir = dir;
	s->scene = scene;
	if (asprintf(&s->root, "%s/spool", dir) < 0)
		abort();
	setenv("MQ_SPOOL", s->root, 1);
	if (!s->page) {
		s->page_fd = stage_memory(s);
		if (ftruncate(s->page_fd, sizeof(*s->page)) || !(s->page = inside_map(s->page_fd)))
			fail(s, "its page");
	}
	s->page->time = begin;
	if (snprintf(s->page->root, sizeof(s->page->root), "%s", s->root) >=
	    (int)sizeof(s->page->root))
		fail(s, "its path is too long");
	s->page->random = 1;
	snap_empty(dir);
	words = stage_memory(s);
	run_script(s, words);
	take_words(s, words);
	close(words);
	s->time = begin + (int64_t)(scene->at * 1e9);
	if (s->time < s->page->time)
		s->time = s->page->time;
	s->snap = snap_take(s->root);
	s->hired = calloc(SEATS * scene->nroles, sizeof(*s->hired));
	if (!s->hired)
		abort();
}

void stage_close(struct stage *s)
{
	for (size_t i = 0; i < SEATS * s->scene->nroles; i++)
		if (s->hired[i].role)
			actor_dismiss(&s->hired[i]);
	free(s->hired);
	for (size_t i = 0; i < s->scene->nroles; i++) {
		for (char **word = s->words[i]; *word; word++)
			free(*word);
		free(s->words[i]);
	}
	snap_free(s->snap);
	free(s->root);
}

void stage_reset(struct stage *s)
{
	snap_restore(s->snap, s->root);
	s->page->time = s->time;
}

/* How many before it have the same role. */
static int nth_of_role(const struct cast *cast, int i)
{
	int n = 0;

	for (int k = 0; k < i; k++)
		n += cast->role[k] == cast->role[i];
	return n;
}

void stage_cast(struct stage *s, const struct cast *cast)
{
	s->cast = cast;
	s->n = cast->n;
	for (int i = 0; i < s->n; i++) {
		int nth = nth_of_role(cast, i);
		struct actor *a = &s->hired[SEATS * cast->role[i] + nth];

		if (!a->role)
			actor_hire(a, s, cast->role[i], nth);
		a->seat = i;
		s->actors[i] = a;
	}
}
