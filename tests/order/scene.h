/*
 * scene.h - who meets whom, and what must come of it
 *
 * A file of scenes is lines.  Those that begin with # say something to the reader.
 *
 *	scene NAME		begins one
 *		SHELL		lines with a tab before: make the spool, once; the variables
 *				that they set may be used in the roles
 *	at SECONDS		so long after a time that is a multiple of 64 seconds
 *	order LETTERS		messages that are received in this order, as far as they are
 *				left at the end, if nobody holds any, is killed or stopped for long
 *	group LETTERS		the same of one message group, whatever happened: besides, none
 *				was received while one before it was left
 *	until HOURS		so much time passes at most before all can be received (10)
 *	role NAME: COMMAND [< TEXT] [; CLAIM]...
 *	apart NAME NAME...	roles of which no two are a pair
 *	pairs			every two roles, and each with itself
 *	triples NAME...		every three of these
 *
 * A message is one letter, and maybe a newline.  TEXT is the standard input, where \n
 * stands for a newline.  What a role claims counts when it has ended with status 0:
 *
 *	sends LETTERS [COPIES]	they were accepted
 *	soon			what it sends is received at once, if no message of the scene is left
 *	next LETTERS		these are received at once, if they are left and nobody is killed, stopped
 *				for long or holds any
 *	once LETTERS		the same, but of all roles that send one of these, one does
 *	whole			all copies of what it sends are there or none, however it ended
 *	finds			it does not end with 1 while a message is there, unless time passes
 *	takes			the letters that it prints were received and acked
 *	works			the same; but when time passes, a job may print what it is too late to ack
 *	acks LETTERS		they are never received again
 *	keeps LETTERS		they are received by no other; for more hours than two stops have
 *	drained			none of the messages of the scene is left
 *	holds			it leaves leases behind
 *	drops LETTERS		may be gone, however it ended
 *	upsets STATUS...	who receives one of these may end so
 *	resets LETTERS		their receive counts may fall, however it ended
 *	exits STATUS...		it may end so; else with 0 alone
 *	late STATUS...		or so, when somebody was stopped for long while it went on
 *	later STATUS...		or so, when somebody was stopped for long
 *	seed NUMBER		where its random numbers begin: with some, a sender begins a segment
 *
 * In the shell, "pass SECONDS [NUMBER]" lets time pass, and sets where the random numbers of
 * the next command begin.
 */
#ifndef SCENE_H
#define SCENE_H

#include "inside.h"

#include <stddef.h>
#include <stdio.h>

#define ROLES_MAX    40
#define ORDERS_MAX   8
#define STATUSES_MAX 8
#define ARGS_MAX     16
#define LETTERS      128
#define CAST_SIZE    200

struct statuses {
	int of[STATUSES_MAX];
	size_t n;
};

struct role {
	char *name;
	char *command; /* shell words */
	char *input;   /* or NULL */
	unsigned char sends[LETTERS];
	char *once, *acks, *keeps, *drops, *resets, *nexts; /* letters, or "" */
	int soon, whole, finds, takes, works, drained, holds;
	unsigned long seed;
	struct statuses exits, late, later, upsets;
};

struct order {
	char *letters;
	int group;
};

struct cast { /* who acts together */
	int role[SEATS];
	int n;
};

struct scene {
	const char *file;
	char *name;
	char *setup; /* a script */
	double at;   /* seconds */
	int until;   /* hours */
	struct order orders[ORDERS_MAX];
	size_t norders;
	struct role roles[ROLES_MAX];
	size_t nroles;
	struct cast *casts;
	size_t ncasts;
};

/* ROLE+ROLE */
void cast_name(const struct scene *, const struct cast *, char name[CAST_SIZE]);

/* All scenes of a file, in an array that *scenes points to; how many.  Ends the process
 * when the file is malformed. */
size_t scenes_read(const char *path, struct scene **scenes);

#endif
