/*
 * unfold.h - a bundle whose messages have one name, until somebody wants fewer of them
 *
 * A folded bundle is a directory with one file in it (fold.h), which stands for all its
 * messages.  Whoever takes it whole renames the directory, as with any bundle, and acks a
 * row of messages by one rename of the file, whose name says how many are acked.  Whoever
 * wants single ones unfolds it:
 *
 *	1  make a directory OWN of a never-used name in it, and link into that what is
 *	   not acked, each message under the name that it would have
 *	2  rename the file, by exactly the name that it had then, to =OWN
 *	3  rename OWN to where single messages of the bundle stand: its other name in the
 *	   line, or beside the lease
 *	4  remove what others have begun, =OWN, and the directory
 *
 * Step 2 chooses one of all who unfold it at once, and what they have linked until then does
 * not count.  Step 3 is done once, by whoever comes first: who sees =OWN goes on from there.
 * Nobody waits for anybody, so it does not matter who is stopped or killed.
 *
 * A rename finds its directories first, and acts on them later: in between a bundle can be
 * leased.  So whoever has leased one looks what is in it then, all go by paths and by no open
 * directory, and nothing is removed from it that may be in use: what others have begun goes
 * only when =OWN was seen.
 */
#ifndef UNFOLD_H
#define UNFOLD_H

#include "spool/segment.h"

#define OWN_SIZE 17 /* a nonce in hex, and NUL */

/* The names of the messages in the bundle at path, those of a folded one as if they stood
 * there: 0, or -1 with errno; *there as with segment_look.  What was being unfolded is
 * brought to its end: it stands at single then, and nothing here. */
int bundle_read(int dir, const char *path, const char *single, struct segment *, int *there);

/* See that the bundle at path is not folded: what was in it stands at single then.
 * 0, also when it is not there; 1: it is there, and is not folded; -1 with errno.  own: a
 * name never used before. */
int bundle_unfold(int dir, const char *path, const char *single, const char *own);

/* Say that all before the one at that index, and that many bytes, are acked, of the fold
 * that was read at path; it is then that.  When that is all, it goes.  ENOENT: the fold is
 * not what it was, or is not there. */
int bundle_ack(int dir, const char *path, struct fold *, unsigned acked, uint64_t bytes);

/* Whether the bundle at path is folded, and if so, how: 1, 0, -1 with errno. */
int bundle_look(int dir, const char *path, struct fold *);

/* The path of the folded file in the bundle. */
void bundle_file(const char *path, const struct fold *, char file[ENTRY_PATH]);

/* The path of the folded file that has the message which would stand at path, in a
 * directory of single messages: 1; 0: there is none; -1 with errno. */
int bundle_find(int dir, const char *path, char file[ENTRY_PATH]);

/* The bundle at path, N+ or NONCE+..., and where its single messages stand, N- or
 * NONCE-...: from one to the other.  0, or -1: path is that of no such directory. */
int bundle_single(const char *path, char single[ENTRY_PATH]);
int bundle_whole(const char *single, char path[ENTRY_PATH]);

#endif
