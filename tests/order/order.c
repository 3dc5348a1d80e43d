/*
 * order.c - the real commands, in every order
 *
 * usage: order [-vq] [-j JOBS] [-s SWITCHES] [-e EVERY[,EVERY]] [-n RANDOM] [-S SEED]
 *              [-o SCENE] [-c ROLE+ROLE] FILE...
 *        order -r 'FILE SCENE ROLE+ROLE SCHEDULE'
 *
 * Plays the scenes of the files (scene.h): all schedules of each cast with up to SWITCHES
 * (2) forced switches, of those with that many one in EVERY (1), of triples one in the second
 * EVERY, and RANDOM (0) by chance; SEED (1) chooses which.  -o and -c choose one scene and
 * one cast, its roles in the order of the file.  JOBS casts are played side by side.  -v tells
 * of each cast, -q ends with the first that fails.  A schedule that fails is printed as a line
 * that -r takes, with what is wrong; -r plays it alone and tells each step.
 *
 * The spools stand below /dev/shm, or TMPDIR if that is set.  The exit status is 1 when a
 * schedule failed, and 2 when none could be played.
 */
#include "explore.h"

#include <errno.h>
#include <malloc.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct file {
	struct scene *scenes;
	size_t n;
};

struct shared {
	atomic_uint next; /* cast to be played */
	atomic_uint pairs, triples, failed;
	atomic_ullong schedules, steps, judged, pruned;
};

struct program {
	struct file *files;
	size_t nfiles;
	const char *only;      /* one scene */
	const char *only_cast; /* ROLE+ROLE */
	struct wish wish;
	unsigned every_of_three; /* of casts of three */
	int verbose, quits;
	unsigned jobs;
	struct shared *shared;
	char dir[200];
};

static struct judge verdicts; /* large */

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "order: %s: %s\n", what, strerror(errno));
	exit(2);
}

/* The machine's: the library's clock, which is this process's too, stands in its page. */
static void real_time(struct timespec *t)
{
	syscall(SYS_clock_gettime, CLOCK_MONOTONIC, t);
}

/* ---- all ------------------------------------------------------------------------------- */

static void play_cast(struct program *p, struct stage *s, const struct cast *cast)
{
	struct wish wish = p->wish;
	struct figures f = { 0 };
	struct timespec a, b;
	char name[CAST_SIZE];

	if (cast->n > 2)
		wish.every = p->every_of_three;
	real_time(&a);
	alarm(3600);
	stage_cast(s, cast);
	if (explore(s, cast, &verdicts, &wish, &f))
		atomic_fetch_add(&p->shared->failed, 1);
	real_time(&b);
	atomic_fetch_add(cast->n == 2 ? &p->shared->pairs : &p->shared->triples, 1);
	atomic_fetch_add(&p->shared->schedules, f.schedules);
	atomic_fetch_add(&p->shared->steps, f.steps);
	atomic_fetch_add(&p->shared->judged, f.judged);
	atomic_fetch_add(&p->shared->pruned, f.pruned);
	if (!p->verbose)
		return;
	cast_name(s->scene, cast, name);
	printf("%s %s: %llu schedules of %llu steps, %llu pruned, %llu judged, %ld ms\n",
	    s->scene->name, name, (unsigned long long)f.schedules,
	    (unsigned long long)(f.schedules ? f.steps / f.schedules : 0),
	    (unsigned long long)f.pruned, (unsigned long long)f.judged,
	    (b.tv_sec - a.tv_sec) * 1000 + (b.tv_nsec - a.tv_nsec) / 1000000);
	fflush(stdout);
}

static int is_wanted(const struct program *p, const struct scene *scene, const struct cast *cast)
{
	char name[CAST_SIZE];

	if (p->only && strcmp(scene->name, p->only) != 0)
		return 0;
	cast_name(scene, cast, name);
	return !p->only_cast || strcmp(name, p->only_cast) == 0;
}

/* Play those casts that nobody else does; the spool is made once for a scene. */
static void work(struct program *p, const char *dir)
{
	struct stage s = { 0 };
	unsigned mine = atomic_fetch_add(&p->shared->next, 1), n = 0;

	for (size_t i = 0; i < p->nfiles; i++)
		for (size_t k = 0; k < p->files[i].n; k++) {
			struct scene *scene = &p->files[i].scenes[k];
			int is_open = 0;

			for (size_t c = 0; c < scene->ncasts; c++) {
				if (!is_wanted(p, scene, &scene->casts[c]) || n++ != mine ||
				    (p->quits && p->shared->failed))
					continue;
				if (!is_open++) {
					stage_open(&s, dir, scene);
					judge_scene(&verdicts, &s);
				}
				play_cast(p, &s, &scene->casts[c]);
				mine = atomic_fetch_add(&p->shared->next, 1);
			}
			if (is_open)
				stage_close(&s);
		}
}

static pid_t start_worker(struct program *p, unsigned i, unsigned cpu)
{
	char dir[240];
	cpu_set_t cpus;
	pid_t pid = fork();

	if (pid == -1)
		fail("fork");
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* who takes turns with its children is faster beside them */
	CPU_ZERO(&cpus);
	CPU_SET(cpu % (unsigned)get_nprocs(), &cpus);
	sched_setaffinity(0, sizeof(cpus), &cpus);
	snprintf(dir, sizeof(dir), "%s/%u", p->dir, i);
	snap_empty(dir);
	work(p, dir);
	exit(0);
}

static int play_all(struct program *p)
{
	unsigned cpu = (unsigned)sched_getcpu();
	int status, bad = 0;

	p->shared = mmap(NULL, sizeof(*p->shared), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (p->shared == MAP_FAILED)
		fail("mmap");
	for (unsigned i = 0; i < p->jobs; i++)
		start_worker(p, i, cpu + i);
	while (wait(&status) > 0) {
		if (WIFSIGNALED(status))
			fprintf(stderr, "order: a worker died of signal %d\n", WTERMSIG(status));
		bad |= status != 0;
	}
	printf(
	    "%u pairs, %u triples: %llu schedules, %llu steps, %llu judged, %llu pruned, %u failed\n",
	    p->shared->pairs, p->shared->triples, p->shared->schedules, p->shared->steps,
	    p->shared->judged, p->shared->pruned, p->shared->failed);
	if (bad || !(p->shared->pairs + p->shared->triples))
		return 2;
	return p->shared->failed != 0;
}

/* ---- one, again ---------------------------------------------------------------------------- */

static void tell(const struct stage *s)
{
	for (unsigned i = 0; i < s->page->n; i++)
		printf("%4u  %-12s  %s\n", i,
		    s->scene->roles[s->cast->role[s->page->steps[i].who]].name, s->page->texts[i]);
}

static struct scene *scene_of(const struct file *f, const char *name)
{
	for (size_t i = 0; i < f->n; i++)
		if (strcmp(f->scenes[i].name, name) == 0)
			return &f->scenes[i];
	errno = ENOENT;
	fail(name);
}

static int role_of(const struct scene *s, const char *name)
{
	for (size_t i = 0; i < s->nroles; i++)
		if (strcmp(s->roles[i].name, name) == 0)
			return (int)i;
	errno = ENOENT;
	fail(name);
}

static int play_again(struct program *p, char *text)
{
	char *file = strsep(&text, " "), *name = strsep(&text, " "), *roles = strsep(&text, " ");
	static struct record r;
	struct stage s = { 0 };
	struct schedule schedule;
	struct cast cast = { .n = 0 };
	struct file f;
	struct scene *scene;
	int bad;

	if (!text || schedule_parse(&schedule, text))
		return 2;
	f.n = scenes_read(file, &f.scenes);
	scene = scene_of(&f, name);
	for (char *role = strsep(&roles, "+"); role && cast.n < SEATS; role = strsep(&roles, "+"))
		cast.role[cast.n++] = role_of(scene, role);
	r.steps = calloc(STEPS_MAX, sizeof(*r.steps));
	stage_open(&s, p->dir, scene);
	judge_scene(&verdicts, &s);
	stage_cast(&s, &cast);
	s.page->is_watched = 1;
	bad = play(&s, &schedule, &r);
	s.page->is_watched = 0;
	tell(&s);
	if (bad) {
		fprintf(stderr, "order: it cannot be played\n");
		return 2;
	}
	for (int i = 0; i < cast.n; i++)
		printf("%s: %s %d: %s%s", scene->roles[cast.role[i]].name,
		    (const char *[]){ "ended", "killed", "stuck", "signal" }[r.endings[i].how],
		    r.endings[i].status, r.endings[i].output, r.endings[i].errors);
	bad = judge(&verdicts, &s, &cast, &r);
	printf("%s", verdicts.verdict);
	stage_close(&s);
	return bad ? 1 : 0;
}

/* ---- options --------------------------------------------------------------------------- */

static void make_dir(struct program *p)
{
	const char *dir = getenv("TMPDIR");

	snprintf(p->dir, sizeof(p->dir), "%s/mq-order.XXXXXX", dir && *dir ? dir : "/dev/shm");
	if (!mkdtemp(p->dir))
		fail(p->dir);
}

static void remove_dir(const struct program *p)
{
	snap_empty(p->dir);
	rmdir(p->dir);
}

static void read_files(struct program *p, char **paths, int n)
{
	p->files = calloc((size_t)n + 1, sizeof(*p->files));
	for (int i = 0; i < n; i++)
		p->files[i].n = scenes_read(paths[i], &p->files[i].scenes);
	p->nfiles = (size_t)n;
}

int main(int argc, char **argv)
{
	struct program p = { .wish = { .switches = 2, .every = 1, .seed = 1 },
		.every_of_three = 1,
		.jobs = 1 };
	char *again = NULL;
	int opt, status;

	while ((opt = getopt(argc, argv, "vqj:s:e:n:S:o:c:r:")) != -1)
		switch (opt) {
		case 'v':
			p.verbose = 1;
			break;
		case 'q':
			p.quits = 1;
			break;
		case 'j':
			p.jobs = (unsigned)atoi(optarg);
			break;
		case 's':
			p.wish.switches = (unsigned)atoi(optarg);
			break;
		case 'e':
			p.wish.every = p.every_of_three = (unsigned)atoi(strsep(&optarg, ","));
			if (optarg)
				p.every_of_three = (unsigned)atoi(optarg);
			break;
		case 'n':
			p.wish.random = (unsigned)atoi(optarg);
			break;
		case 'S':
			p.wish.seed = strtoull(optarg, NULL, 10);
			break;
		case 'o':
			p.only = optarg;
			break;
		case 'c':
			p.only_cast = optarg;
			break;
		case 'r':
			again = optarg;
			break;
		default:
			return 2;
		}
	/* what goes back to the kernel costs a fault when it comes again */
	mallopt(M_MMAP_THRESHOLD, 1 << 30);
	mallopt(M_TRIM_THRESHOLD, 1 << 30);
	make_dir(&p);
	read_files(&p, argv + optind, argc - optind);
	status = again ? play_again(&p, again) : play_all(&p);
	remove_dir(&p);
	return status;
}
