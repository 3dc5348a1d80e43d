/*
 * meddle.c - a command that is killed at a call, or whose call fails
 *
 * usage: meddle [-t SECONDS] [-o REPORT] -r COMMAND...
 *        meddle [-t SECONDS] [-o REPORT] [-a] -k CALL:N COMMAND...
 *        meddle [-t SECONDS] [-o REPORT] [-a] -f CALL:N:ERROR[+] COMMAND...
 *
 * -r leaves it in peace, and writes into REPORT what can be tried with it, a line for
 * each: "kill CALL" for each kind of call that changes something, and "fault CALL:N:ERROR"
 * for each error that its Nth call of this kind may have; with a plus, it and those of
 * its kind after it that may have it.  Of calls that are alike but for numbers only the
 * first is worth a fault, and so are those after the start of main, which calls
 * poll() on three files first.  A line "alone" says that it starts no process and no thread;
 * then -a is faster, as the command stops at calls of the one kind only.
 *
 * -k kills it just before its Nth call of that kind.
 *
 * -f has that call fail.  When it did, REPORT gets a line: the exit status that tells of
 * it ("-": there is none, it does no harm), and the call.  Beside others the Nth may be
 * another call than it was when left in peace: it fails if it may have that error.
 *
 * The exit status is the command's; 128 and the signal that killed it; 124 when it took
 * too long, and was told to end, and a second later killed; 125 when it could not be
 * traced.  Standard input and output are the command's.
 */
#include "calls.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define KINDS 128 /* of calls that one command makes, at most */
#define LIKES 4096
#define HEX   "0123456789abcdef"

#define EXIT_LATE  124
#define EXIT_FAULT 125

struct count {
	const struct call_kind *kind;
	unsigned n;
	int changes;
};

struct meddle {
	struct trace t;
	enum { RECORD = 'r', KILL = 'k', FAIL = 'f' } how;
	char *name; /* of the kind, */
	unsigned n; /* which of them, */
	const struct call_error *error;
	int lasts;
	int alone;
	FILE *report;
	int hit;

	struct count counts[KINDS];
	struct count *count; /* of the kind of call at hand, */
	struct call call;    /* and that, when it is of interest */

	/* what was seen of one that is left in peace */
	int begun;             /* main has */
	int events;            /* it gets some */
	int starts;            /* others */
	uint64_t likes[LIKES]; /* what its calls looked like */
	size_t nlikes;
	char *faults; /* lines */
	size_t size;
	FILE *lines;
};

static struct count *count(struct meddle *m, const struct call_kind *kind)
{
	struct count *c = m->counts;

	while (c->kind && c->kind != kind)
		c++;
	if (c == m->counts + KINDS - 1)
		abort();
	c->kind = kind;
	c->n++;
	return c;
}

/* ---- left in peace ------------------------------------------------------------------- */

/* A hash of the text but for its numbers, also hexadecimal ones. */
static uint64_t likeness(const char *text)
{
	uint64_t hash = 14695981039346656037u; /* FNV-1a */
	size_t n;

	for (; *text; text += n) {
		n = strspn(text, HEX);
		if (strncmp(text, "0x", 2) == 0) /* flags, which tell calls apart */
			n = 2 + strspn(text + 2, HEX);
		else if (n && strcspn(text, "0123456789") < n)
			continue;
		n = n ? n : 1;
		for (size_t i = 0; i < n; i++)
			hash = (hash ^ (unsigned char)text[i]) * 1099511628211u;
	}
	return hash;
}

static int is_new(struct meddle *m)
{
	uint64_t hash = likeness(m->call.text);

	for (size_t i = 0; i < m->nlikes; i++)
		if (m->likes[i] == hash)
			return 0;
	if (m->nlikes == LIKES)
		abort();
	m->likes[m->nlikes++] = hash;
	return 1;
}

static int is_poll(long number)
{
#ifdef SYS_poll
	if (number == SYS_poll)
		return 1;
#endif
	return number == SYS_ppoll;
}

static void record(struct meddle *m)
{
	m->starts |= call_starts_another(m->call.kind);
	m->events |= call_makes_events(m->call.kind);
	m->begun |= is_poll(m->t.number) && m->t.args[1] == 3;
	if (!m->begun || !m->call.nerrors || !is_new(m))
		return;
	for (size_t i = 0; i < m->call.nerrors; i++)
		fprintf(m->lines, "fault %s:%u:%s%s\n", m->call.kind->name, m->count->n,
		    m->call.errors[i].error->name, m->call.errors[i].lasts ? "+" : "");
}

static int is_of(const char *line, const char *name, const char *error)
{
	size_t n = strlen("fault "), m = strlen(name);

	return strncmp(line + n, name, m) == 0 && line[n + m] == ':' &&
	    strcmp(strrchr(line, ':') + 1, error) == 0;
}

/* Who gets signals and events by reading reads on when a job's pipe fails for ever; no
 * handler is there to interrupt what it opens. */
static int is_due(const struct meddle *m, const char *line)
{
	return !m->events || !(is_of(line, "read", "EIO+") || is_of(line, "openat", "EINTR"));
}

static void tell(struct meddle *m)
{
	for (struct count *c = m->counts; c->kind; c++)
		if (c->changes)
			fprintf(m->report, "kill %s\n", c->kind->name);
	fclose(m->lines);
	for (char *line = strtok(m->faults, "\n"); line; line = strtok(NULL, "\n"))
		if (is_due(m, line))
			fprintf(m->report, "%s\n", line);
	if (!m->starts)
		fputs("alone\n", m->report);
	free(m->faults);
}

/* ---- faults ---------------------------------------------------------------------------- */

static int may_fail(const struct meddle *m)
{
	for (size_t i = 0; i < m->call.nerrors; i++)
		if (m->call.errors[i].error == m->error)
			return 1;
	return 0;
}

static int fail(struct meddle *m)
{
	/* what cannot be written is told as that, whatever else went wrong */
	const char *status = m->call.fd == STDOUT_FILENO ? "74" : m->error->status;

	if (!m->hit++)
		fprintf(m->report, "%s %s\n", status, m->call.text);
	return trace_fail(&m->t, m->error->number);
}

/* ---- the command --------------------------------------------------------------------- */

/* It is about to make a call. */
static int enter(struct meddle *m)
{
	const struct count *c = m->count = count(m, call_kind(m->t.number));

	if (m->how == RECORD) {
		call_look(&m->call, &m->t);
		m->count->changes |= m->call.changes;
		return 0;
	}
	if (m->alone && call_starts_another(c->kind)) {
		errno = ECHILD; /* as it is not alone */
		return -1;
	}
	if (strcmp(c->kind->name, m->name) != 0 || c->n < m->n || (c->n > m->n && !m->lasts))
		return 0;
	if (m->how == KILL)
		return kill(m->t.pid, SIGKILL);
	call_look(&m->call, &m->t);
	return may_fail(m) ? fail(m) : 0;
}

/* It has made it.  When no more is to be done to it, it may run as fast as it can. */
static void leave(struct meddle *m)
{
	if (m->how == RECORD) {
		call_result(&m->call, &m->t);
		record(m);
	} else if (m->how == FAIL && !m->lasts && m->hit && !m->alone) {
		trace_release(&m->t);
	}
}

/* It takes too long: it is asked to end, then killed, with its jobs. */
static int end_it(struct meddle *m)
{
	struct timespec end;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec++;
	kill(-m->t.pid, SIGTERM);
	for (;;)
		switch (trace_wait(&m->t, &end)) {
		case TRACE_ENDED:
			return EXIT_LATE;
		case TRACE_RUNS:
			kill(-m->t.pid, SIGKILL);
			end.tv_sec += 3600;
			break;
		default:
			trace_go(&m->t);
		}
}

static int start(struct meddle *m, char **argv)
{
	long only[1 + CALLS_START];

	if (!m->alone)
		return trace_start(&m->t, argv);
	only[0] = call_number(m->name);
	memcpy(only + 1, calls_start, sizeof(calls_start));
	return trace_start_only(&m->t, argv, only, 1 + CALLS_START);
}

static int run(struct meddle *m, long patience)
{
	struct timespec end;
	int failed = 0;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += patience;
	while (!failed) {
		if (m->t.stop != TRACE_RUNS)
			trace_go(&m->t);
		switch (trace_wait(&m->t, &end)) {
		case TRACE_ENTER:
			failed = enter(m);
			break;
		case TRACE_LEAVE:
			leave(m);
			break;
		case TRACE_ENDED:
			return WIFSIGNALED(m->t.status) ? 128 + WTERMSIG(m->t.status) :
							  WEXITSTATUS(m->t.status);
		default:
			return end_it(m);
		}
	}
	perror("meddle");
	return EXIT_FAULT;
}

static _Noreturn void usage(void)
{
	fputs("usage: meddle [-t SECONDS] [-o REPORT] "
	      "{-r | [-a] -k CALL:N | [-a] -f CALL:N:ERROR[+]} COMMAND...\n",
	    stderr);
	exit(EXIT_FAULT);
}

/* CALL:N[:ERROR[+]] */
static void take_point(struct meddle *m, char *text)
{
	char *n, *error;

	m->name = strsep(&text, ":");
	n = strsep(&text, ":");
	error = strsep(&text, ":");
	if (!n || (m->how == FAIL) != !!error)
		usage();
	m->n = (unsigned)strtoul(n, NULL, 10);
	if (!error)
		return;
	m->lasts = !!strchr(error, '+');
	m->error = call_error_of(strsep(&error, "+"));
	if (!m->error)
		usage();
}

int main(int argc, char **argv)
{
	static struct meddle m;
	const char *report = "/dev/null";
	long patience = 20;
	int opt, status;

	while ((opt = getopt(argc, argv, "+t:o:ark:f:")) != -1)
		switch (opt) {
		case 't':
			patience = strtol(optarg, NULL, 10);
			break;
		case 'o':
			report = optarg;
			break;
		case 'a':
			m.alone = 1;
			break;
		case RECORD:
		case KILL:
		case FAIL:
			m.how = opt;
			if (optarg)
				take_point(&m, optarg);
			break;
		default:
			usage();
		}
	if (!m.how || optind == argc)
		usage();
	m.alone = m.alone && m.name && call_number(m.name) != -1;
	m.report = fopen(report, "we");
	m.lines = open_memstream(&m.faults, &m.size);
	if (!m.report || !m.lines || start(&m, argv + optind)) {
		perror("meddle");
		return EXIT_FAULT;
	}
	status = run(&m, patience);
	if (m.how == RECORD)
		tell(&m);
	fclose(m.report);
	return status;
}
