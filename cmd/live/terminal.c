/*
 * terminal.c - the whole terminal, for a while
 *
 * Signals that end the process, and that of a new size, are blocked and read from a
 * descriptor, so that none comes amid the drawing and the terminal is always put back.
 * SIGTSTP is left to curses.  A terminal that has gone away is a hangup to poll(2); or
 * an end of file: there is something to read, and it is nothing.
 */
#include "live/terminal.h"

#include <curses.h>
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <term.h>
#include <termios.h>
#include <unistd.h>

static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH };

/* ---- taking it -------------------------------------------------------------- */

/* What curses needs: to put the cursor somewhere. */
static int check_type(struct cmd *c)
{
	const char *type = getenv("TERM");
	const char *move;
	int error, bad;

	if (!type || !*type) {
		cmd_error(c, MQ_USAGE, "-w: TERM is not set: no telling what the terminal can do");
		return -1;
	}
	if (setupterm(NULL, STDOUT_FILENO, &error) != OK) {
		cmd_error(c, MQ_USAGE, "-w: TERM is '%s': no such terminal is known here", type);
		return -1;
	}
	move = tigetstr("cup");
	bad = !move || move == (char *)-1;
	del_curterm(cur_term);
	if (bad)
		cmd_error(c, MQ_USAGE, "-w: TERM is '%s': such a terminal has no full screen",
		    type);
	return bad ? -1 : 0;
}

static int check_terminal(struct cmd *c)
{
	if (!isatty(STDOUT_FILENO) || !isatty(STDIN_FILENO)) {
		cmd_error(c, MQ_USAGE, "-w: standard %s is not a terminal",
		    isatty(STDOUT_FILENO) ? "input" : "output");
		return -1;
	}
	return check_type(c);
}

static void block_signals(struct terminal *t)
{
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < NELEMS(signals); i++)
		sigaddset(&set, signals[i]);
	sigprocmask(SIG_BLOCK, &set, &t->before);
	t->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void use_colours(void)
{
	const char *no = getenv("NO_COLOR");

	if ((no && *no) || start_color() != OK || use_default_colors() != OK)
		return;
	for (short i = 1; i < 8; i++)
		init_pair(i, i, -1);
}

static void set_modes(void)
{
	struct termios modes;

	cbreak();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	set_escdelay(50);
	curs_set(0);
	/* nor shall Ctrl-S stop it: it would not come to see a signal */
	if (tcgetattr(STDIN_FILENO, &modes) == 0) {
		modes.c_iflag &= ~IXON;
		tcsetattr(STDIN_FILENO, TCSADRAIN, &modes);
	}
	def_prog_mode();
}

int terminal_open(struct terminal *t, struct cmd *c)
{
	const char *type = getenv("TERM");

	*t = (struct terminal){ .c = c, .signals = -1 };
	setlocale(LC_CTYPE, "");
	if (check_terminal(c))
		return -1;
	block_signals(t);
	if (t->signals < 0)
		cmd_errno(c, "signals", "signalfd");
	else if (!(t->screen = newterm(NULL, stdout, stdin)))
		cmd_error(c, MQ_USAGE, "-w: TERM is '%s': curses cannot use it", type);
	if (!t->screen) {
		terminal_close(t);
		return -1;
	}
	set_modes();
	use_colours();
	/* the console of Linux has UTF-8, but not these */
	t->braille = strcmp(nl_langinfo(CODESET), "UTF-8") == 0 && strcmp(type, "linux") != 0;
	return 0;
}

void terminal_close(struct terminal *t)
{
	if (t->screen) {
		endwin();
		delscreen(t->screen);
	}
	if (t->signals >= 0)
		close(t->signals);
	if (t->ended_by) {
		signal(t->ended_by, SIG_DFL);
		raise(t->ended_by);
	}
	sigprocmask(SIG_SETMASK, &t->before, NULL);
}

/* ---- using it ---------------------------------------------------------------- */

static enum terminal_event read_signals(struct terminal *t)
{
	enum terminal_event event = TERMINAL_TIME;
	struct signalfd_siginfo info;
	struct winsize size;

	while (read(t->signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo != SIGWINCH) {
			t->ended_by = (int)info.ssi_signo;
			return TERMINAL_END;
		}
		event = TERMINAL_RESIZE;
	}
	if (event == TERMINAL_RESIZE && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 &&
	    size.ws_row > 0 && size.ws_col > 0) {
		resizeterm(size.ws_row, size.ws_col);
		clearok(stdscr, TRUE);
	}
	return event;
}

static int is_nothing(int fd)
{
	int n;

	return ioctl(fd, FIONREAD, &n) == 0 && n == 0;
}

enum terminal_event terminal_wait(struct terminal *t, mq_time until)
{
	struct pollfd fds[] = { { .fd = t->signals, .events = POLLIN },
		{ .fd = STDIN_FILENO, .events = POLLIN } };
	mq_time left = until - monotonic();
	struct timespec timeout = { 0 };

	if (left > 0)
		timeout = (struct timespec){ left / MQ_SECOND, left % MQ_SECOND };
	/* -1: curses has gone on after a stop, and drawn all anew */
	if (ppoll(fds, NELEMS(fds), &timeout, NULL) <= 0)
		return TERMINAL_TIME;
	if (fds[0].revents)
		return read_signals(t);
	if (fds[1].revents & (POLLHUP | POLLERR | POLLNVAL))
		return TERMINAL_GONE;
	return is_nothing(STDIN_FILENO) ? TERMINAL_GONE : TERMINAL_KEY;
}

int terminal_takes(void)
{
	struct pollfd fd = { .fd = STDOUT_FILENO, .events = POLLOUT };

	return poll(&fd, 1, 0) > 0 && fd.revents == POLLOUT;
}
