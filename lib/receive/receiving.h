/*
 * receiving.h - one receive under way
 */
#ifndef RECEIVING_H
#define RECEIVING_H

#include "receive/lease.h"
#include "receive/recv.h"

#define ROWS (LINES * LEVELS)

struct row {
	struct strip strip;
	enum line line;
	unsigned level;
	struct segment segment;
	size_t next; /* the entry to take */
	int stuck;   /* one of them stays where it is */
	enum { UNREAD, OPEN, SPENT } state;
};

struct receiving {
	mq_queue *q;
	mq_time now, visibility;
	struct lease_clock *clock;
	uint64_t sized_inode, size; /* of the last message's file, of the row read last */
	int trouble, passed_over;   /* errno of the first entry that others are not to wait for */
	int moved;                  /* a token went elsewhere, maybe into a line read already */
	struct row rows[ROWS];
	size_t nrows;
	mq_lease **leases;
	size_t n, max;
};

/* The name beside the clock of what is being leased. */
typedef void lease_name_fn(const struct receiving *, void *what, char name[NAME_SIZE]);

/* Rename path beside the clock, which is made if need be and gives it the name that is
 * put into to: 0, also when the race for it was *lost; -1. */
int recv_put(struct receiving *, const char *path, lease_name_fn *name_of, void *what,
    char to[ENTRY_PATH], int *lost);

/* The same for an entry, which is then leased. */
int recv_lease(struct receiving *, const char *path, struct entry *, char to[ENTRY_PATH],
    int *lost);

/* Hand out what was leased: 0, or -1: no memory, it will lapse. */
int recv_keep(struct receiving *, const struct entry *, const char *dir, uint64_t inode);

/* Whether it was torn by a power cut, and thus never accepted, or is gone.  Those of
 * one file come together, so its size is mostly known.  -1: it cannot be looked at,
 * which says nothing. */
int recv_is_torn(struct receiving *, const char *path, uint64_t inode, const struct entry *);

/* What cannot be done with one entry must not stop the others: 0. */
int recv_pass_over(struct receiving *);

/* recvgroup.c: take the first message of the group whose token is at path, or put the
 * token where it belongs: 0, or -1. */
int recv_token(struct receiving *, const char *path, struct entry *token, int *lost);

#endif
