/*
 * process.h - a command that is started many times
 */
#ifndef MQ_CMD_PROCESS_H
#define MQ_CMD_PROCESS_H

#include <signal.h>
#include <spawn.h>

#include "share/common.h"
#include "share/words.h"

#define COMMAND_VARIABLES 16

struct command {
	const char *path; /* the file that is run */
	char **args;      /* as given; args[0] is its name */
	int payload_path; /* an argument is {} */

	/* private to process.c */
	char **vector; /* a place for the shell, then args with {} replaced, NULL */
	char **environment;
	size_t inherited, variables; /* of ours, so many, then so many more */
	posix_spawnattr_t attributes;
};

/* Look for args[0] in PATH.  Exits with 127 when it is not there, with 126
 * when it cannot be run. */
void command_find(struct command *, struct cmd *, char **args);
void command_free(struct command *);

/* A variable for the next start, besides what the environment has. */
void command_variable(struct command *, struct cmd *, const char *name, const char *value);

/* Start it as a process group of its own, with in and out as its standard
 * input and output (-1: those of this process) and path in place of {}.  0, or
 * the errno of what failed: to make the process, or to execute the file in it. */
int command_start(struct command *, struct cmd *, int in, int out, const char *path, pid_t *);

/* Report that it cannot be executed: the exit status that says so. */
int command_cannot_run(const struct command *, struct cmd *, int error);

/* How it ended: "exit status 3", "killed by SIGTERM"; and in short: "3", "TERM". */
struct word process_reason(const siginfo_t *);
struct word process_status(const siginfo_t *);

#endif
