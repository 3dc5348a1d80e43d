/*
 * process.c - a command that is started many times
 *
 * What can be done once is done once: PATH is searched, and the arguments and
 * the environment are laid out so that a start fills in what is its own.
 *
 * posix_spawn(3) does not copy the memory of this process as fork(2) does, and
 * tells when the file cannot be executed.
 */
#include "share/words.h"
#include "work/process.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CANNOT_RUN = 126, NOT_FOUND = 127 }; /* as in the shell */

/* What tells of a message: none of the one that we ourselves may be a job for. */
static const char *const message_variables[] = { "MQ_QUEUE", "MQ_ID", "MQ_RECEIPT", "MQ_RECEIVES",
	"MQ_SENT", "MQ_PRIORITY", "MQ_CORRELATION_ID", "MQ_REPLY_TO", "MQ_GROUP", "MQ_KEY" };

extern char **environ;

/* ---- found ------------------------------------------------------------- */

static int is_executable(const char *path)
{
	struct stat st;

	if (stat(path, &st) || access(path, X_OK))
		return 0;
	if (!S_ISREG(st.st_mode))
		errno = EACCES;
	return S_ISREG(st.st_mode);
}

/* As execvp(3): the first in PATH that can be executed; NULL with errno. */
static char *search(const char *name)
{
	const char *dir = getenv("PATH"), *end;
	int error = ENOENT;
	char *path;

	if (strchr(name, '/'))
		return is_executable(name) ? strdup(name) : NULL;
	for (dir = dir ? dir : "/bin:/usr/bin"; *name; dir = end + 1) {
		end = strchrnul(dir, ':');
		if (asprintf(&path, "%.*s%s%s", (int)(end - dir), dir, end > dir ? "/" : "./",
			name) < 0)
			return NULL;
		if (is_executable(path))
			return path;
		if (errno != ENOENT && errno != ENOTDIR)
			error = errno;
		free(path);
		if (!*end)
			break;
	}
	errno = error;
	return NULL;
}

int command_cannot_run(const struct command *command, struct cmd *c, int error)
{
	cmd_error(c, MQ_OK, "%s: cannot run: %s", command->args[0], strerror(error));
	return error == ENOENT ? NOT_FOUND : CANNOT_RUN;
}

/* Descriptors and signals are this program's business, not the command's. */
static void set_attributes(posix_spawnattr_t *a)
{
	sigset_t none, changed;

	sigemptyset(&none);
	sigemptyset(&changed);
	sigaddset(&changed, SIGPIPE);
	posix_spawnattr_init(a);
	posix_spawnattr_setflags(a,
	    POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setpgroup(a, 0);
	posix_spawnattr_setsigmask(a, &none);
	posix_spawnattr_setsigdefault(a, &changed);
}

void command_find(struct command *command, struct cmd *c, char **args)
{
	size_t n = 0, variables = 0;

	*command = (struct command){ .args = args, .path = search(args[0]) };
	if (!command->path) {
		c->exit = command_cannot_run(command, c, errno);
		exit(cmd_end(c));
	}
	while (args[n])
		command->payload_path |= strcmp(args[n++], "{}") == 0;
	command->vector = cmd_realloc(c, NULL, (n + 2) * sizeof(char *));
	for (size_t i = 0; i < NELEMS(message_variables); i++)
		unsetenv(message_variables[i]);
	while (environ[variables])
		variables++;
	command->environment =
	    cmd_realloc(c, NULL, (variables + COMMAND_VARIABLES + 1) * sizeof(char *));
	memcpy(command->environment, environ, variables * sizeof(char *));
	command->inherited = variables;
	set_attributes(&command->attributes);
}

void command_free(struct command *command)
{
	free((char *)command->path);
	free(command->vector);
	free(command->environment);
	posix_spawnattr_destroy(&command->attributes);
}

/* ---- started ----------------------------------------------------------- */

void command_variable(struct command *command, struct cmd *c, const char *name, const char *value)
{
	size_t size = strlen(name) + strlen(value) + 2;
	char *text;

	if (command->variables == COMMAND_VARIABLES)
		return;
	text = cmd_realloc(c, NULL, size);
	snprintf(text, size, "%s=%s", name, value);
	command->environment[command->inherited + command->variables++] = text;
}

/* A script without #! is one for the shell. */
static int spawn(struct command *command, const posix_spawn_file_actions_t *files, pid_t *pid)
{
	char **args = command->vector + 1;
	int error = posix_spawn(pid, command->path, files, &command->attributes, args,
	    command->environment);

	if (error != ENOEXEC)
		return error;
	command->vector[0] = (char *)"/bin/sh";
	args[0] = (char *)command->path;
	return posix_spawn(pid, "/bin/sh", files, &command->attributes, command->vector,
	    command->environment);
}

int command_start(struct command *command, struct cmd *c, int in, int out, const char *path,
    pid_t *pid)
{
	char **variables = command->environment + command->inherited;
	posix_spawn_file_actions_t files;
	size_t i;
	int error;

	for (i = 0; command->args[i]; i++)
		command->vector[i + 1] =
		    strcmp(command->args[i], "{}") == 0 ? (char *)path : command->args[i];
	command->vector[i + 1] = NULL;
	variables[command->variables] = NULL;
	posix_spawn_file_actions_init(&files);
	if (in >= 0)
		posix_spawn_file_actions_adddup2(&files, in, STDIN_FILENO);
	if (out >= 0)
		posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
	cmd_umask_user(c);
	error = spawn(command, &files, pid);
	cmd_umask_spool(c);
	posix_spawn_file_actions_destroy(&files);
	while (command->variables > 0)
		free(variables[--command->variables]);
	return error;
}

/* ---- ended ------------------------------------------------------------- */

/* What a signal is called without its SIG, or NULL: sigabbrev_np(3) is glibc's alone. */
static const char *signal_name(int number)
{
#define S(name) [SIG##name] = #name
	static const char *const names[] = { S(HUP), S(INT), S(QUIT), S(ILL), S(TRAP), S(ABRT),
		S(BUS), S(FPE), S(KILL), S(USR1), S(SEGV), S(USR2), S(PIPE), S(ALRM), S(TERM),
		S(CHLD), S(CONT), S(STOP), S(TSTP), S(TTIN), S(TTOU), S(URG), S(XCPU), S(XFSZ),
		S(VTALRM), S(PROF), S(WINCH), S(POLL), S(PWR), S(SYS) };
#undef S
	return number > 0 && (size_t)number < NELEMS(names) ? names[number] : NULL;
}

struct word process_status(const siginfo_t *info)
{
	const char *name = info->si_code == CLD_EXITED ? NULL : signal_name(info->si_status);
	struct word w;

	if (name)
		snprintf(w.text, sizeof(w.text), "%s", name);
	else
		snprintf(w.text, sizeof(w.text), "%d", info->si_status);
	return w;
}

struct word process_reason(const siginfo_t *info)
{
	struct word w;

	snprintf(w.text, sizeof(w.text), "%s%.20s",
	    info->si_code == CLD_EXITED ? "exit status " : "killed by SIG",
	    process_status(info).text);
	return w;
}
