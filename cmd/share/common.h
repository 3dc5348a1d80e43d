/*
 * common.h - what the commands share: options, operands, errors
 *
 * A command fills in the description part of a struct cmd, then calls
 * cmd_begin(), cmd_option() until it returns -1, cmd_start(), does its work,
 * and returns cmd_end() from main.  Failures are reported where they happen,
 * one line each; the command goes on with its other operands, and the exit
 * code is that of the first failure.
 */
#ifndef MQ_CMD_COMMON_H
#define MQ_CMD_COMMON_H

#include <getopt.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "mq.h"
#include "share/out.h"

#define NELEMS(a) (sizeof(a) / sizeof(*(a)))

/* ---- the command ------------------------------------------------------- */

/* One option; a table of them ends with a zero letter.  -s, -h and -V are
 * understood by every command and not listed. */
struct cmd_option {
	char letter;
	const char *name; /* the long twin */
	const char *arg;  /* what its argument is called; NULL: takes none; "[=NAME]":
			   * takes one that is joined to it, or none (optarg is NULL) */
	const char *help;
};

#define CMD_OPTIONS_MAX 24

struct cmd {
	/* filled in by the command */
	const char *name;
	const char *usage; /* what follows the name in the usage line, which is one line */
	const char *about; /* one sentence */
	const struct cmd_option *options;
	const struct cmd_option *more_options; /* NULL, or a table that commands share */
	const char *may_be_empty; /* the options whose argument may be so; NULL: none */
	int may_be_empty_from; /* the operand, from 1, from which on they may be empty; 0: none */
	int in_order;          /* options end at the first operand: what follows may have its own */

	/* for the command to use */
	int argc; /* the operands, once the options are read */
	char **argv;
	const char *spool;
	mq *mq;
	mode_t umask;   /* the user's */
	struct out out; /* standard output */
	int exit;       /* the exit code so far: that of the first failure */

	/* private to common.c, options.c and operands.c */
	char *default_spool;
	mq_wait *wait;
	char letters[3 * CMD_OPTIONS_MAX];
	struct option longs[CMD_OPTIONS_MAX];
	int out_reported;
	int progress_shown;
	mq_time progress_due;
};

void cmd_begin(struct cmd *, int argc, char **argv);

/* The letter of the next option, its argument in optarg; -1 when none is
 * left.  Deals with -s, -h and -V, and exits on an unknown option, or on an empty
 * argument of one that must have something. */
int cmd_option(struct cmd *);

/* Between the options and the work: exits with a usage error unless the count
 * of operands is in min..max (max < 0: any) and none is empty that must not be,
 * then opens the handle. */
void cmd_start(struct cmd *, int min, int max);

/* Flush and check standard output, close the handle; the exit code.  When a
 * mq_wait is open, which takes the kernel some 10 ms to close, this ends the
 * process, so that its caller need not wait for that. */
int cmd_end(struct cmd *);

/* ---- arguments: exit with a usage error when malformed ------------------ */

uint64_t cmd_number(struct cmd *, int letter, uint64_t min, uint64_t max);
mq_time cmd_duration(struct cmd *, int letter);

/* A visibility: like a duration, but 0 is a deadline of now, where the library
 * takes 0 as "the queue's setting". */
mq_time cmd_visibility(struct cmd *, int letter);

/* One or more states of messages, with commas between them, as a mask. */
unsigned cmd_states(struct cmd *, int letter);

/* The operands from first on as key=value settings; *n of them, to be freed. */
struct mq_setting *cmd_settings(struct cmd *, int first, size_t *n);

/* ---- failures ---------------------------------------------------------- */

/* The caller's mistake: how the command is used, after what it was; exits. */
_Noreturn void cmd_exit_usage(struct cmd *);
_Noreturn void cmd_usage(struct cmd *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Report a failure on standard error and remember its exit code, unless an
 * earlier one is remembered.  With MQ_OK the line is just news. */
void cmd_error(struct cmd *, enum mq_status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The same for the library's last failure.  MQ_OK and MQ_EMPTY are not
 * reported; MQ_EMPTY sets the exit code as long as nothing has failed.  Returns
 * the status. */
int cmd_check(struct cmd *, int status);

/* The same for errno: what failed with object. */
void cmd_errno(struct cmd *, const char *object, const char *what);

/* Flush standard output; its first failure is reported once, with note (say,
 * what was done nevertheless) after it.  0, or -1 when it has failed. */
int cmd_flush(struct cmd *, const char *note);

/* A file that is there, for O_RDONLY or O_WRONLY: a descriptor, or -1 with errno. */
int cmd_open(const char *path, int flags);

/* A file that the user names, made with the mode that their umask gives.  flags: O_CREAT
 * and more.  A descriptor, or -1 with errno. */
int cmd_create(struct cmd *, const char *path, int flags);

/* The umask.  cmd_start() has it let the group in: what a command makes in a spool that
 * users share must be open to the others from the first moment, or they fail, and for good
 * when this command is killed in the next.  What the user names, and the commands that they
 * have run, get the user's: between these two. */
void cmd_umask_user(struct cmd *);
void cmd_umask_spool(struct cmd *);

/* realloc, or exit. */
void *cmd_realloc(struct cmd *, void *, size_t);

/* ---- waiting ----------------------------------------------------------- */

/* As mq_wait_open; cmd_end closes the last one.  NULL: the failure has been
 * reported. */
mq_wait *cmd_wait_open(struct cmd *, mq_queue *const *queues, size_t n);

/* Call receive, which reports its failures, whenever there may be something in
 * the queues, until it returns something else than MQ_EMPTY, and return that.
 * MQ_EMPTY: it has not for so long; c->exit says so. */
int cmd_wait(struct cmd *, mq_queue *const *queues, size_t n, mq_time wait,
    int (*receive)(void *ctx), void *ctx);

/* ---- operands ---------------------------------------------------------- */

/* The queue or the exchange, or NULL when the failure has been reported. */
mq_queue *cmd_queue(struct cmd *, const char *name);
mq_exchange *cmd_exchange(struct cmd *, const char *name);

/* Call each for the operands from first on; "-" stands for what is on standard
 * input, ended by newlines or, when zero, by NULs. */
void cmd_operands(struct cmd *, int first, int zero, void (*each)(void *ctx, const char *),
    void *ctx);

/* Apply verdict to the lease that each operand names. */
void cmd_verdicts(struct cmd *, int zero, int (*verdict)(mq_lease *, void *ctx), void *ctx);

mq_time monotonic(void);

/* Where a long task stands: "COUNT WHAT" on standard error, when that is a
 * terminal, now and then; wiped by the next error line or at the end. */
void cmd_progress(struct cmd *, uint64_t count, const char *what);

#endif
