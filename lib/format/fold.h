/*
 * fold.h - the name of a folded bundle's file, and the table in it
 *
 * Many messages that were sent together stand in one file, one after the other, under one
 * name:
 *
 *	KEY[,iID],pPRIORITY,nCOUNT,oOFFSET,tTABLE,bBYTES[,xEXPIRES],cSUM[,aACKED]
 *
 * KEY and ID are the first one's; those of the others follow, a nanosecond each.  At TABLE
 * in the file stands a row for each,
 *
 *	header, body    4 bytes each: the lengths of its parts, the first one's at OFFSET
 *	sum             4 bytes: the CRC-32C of these
 *	expires         8 bytes, only where the name has EXPIRES, which is the earliest
 *
 * the least significant byte first; SUM is that of the rows.  BYTES is what the payloads
 * have that are not acked.  Numbers are as in other names (name.h).
 */
#ifndef FOLD_H
#define FOLD_H

#include "format/name.h"

#define FOLD_MOST  1000 /* messages */
#define FOLD_ROW   20   /* bytes, at most */
#define FOLD_TABLE ((size_t)FOLD_MOST * FOLD_ROW)

struct fold {
	char key[KEY_SIZE];
	char id[KEY_SIZE];
	unsigned priority;
	unsigned count;
	unsigned acked; /* so many, from the first one on */
	uint64_t offset, table, bytes;
	int64_t expires; /* 0: none of them does */
	uint32_t sum;
};

int fold_parse(const char *name, struct fold *); /* 0, or -1: no such name */
void fold_format(const struct fold *, char name[NAME_SIZE]);

/* How many of these messages, which stand in one file, can be folded together, from the
 * first one on. */
size_t fold_run(const struct entry *, size_t n);

/* Fold them: the fold, but for where its table is to stand, and the table.  Its size. */
size_t fold_make(struct fold *, const struct entry *, size_t n, unsigned char table[FOLD_TABLE]);

size_t fold_table_size(const struct fold *);

/* The messages, acked or not, which are count: 0, or -1: this is not the table. */
int fold_entries(const struct fold *, const unsigned char *table, struct entry *);

/* Where in a fold the message of that key is; -1: not in this one. */
int fold_index(const struct fold *, const char *key);

#endif
