/*
 * name.h - the names of messages, leases and clocks
 *
 * A message's name carries all that differs from queue to queue and changes
 * over its life; what is the sender's stands in the file.  The form is
 *
 *	KEY[,iID],pPRIORITY[,rRECEIVES][,oOFFSET][,hHEADER],bBODY
 *	    [,xEXPIRES][,dDEATH][,gGROUP][,vVISIBLE][,lNONCE|,sNONCE]
 *
 * and that of a message group's token (see lane.h)
 *
 *	KEY,pPRIORITY[,rRECEIVES][,xEXPIRES][,dDEATH],tGROUP[,vVISIBLE]
 *	    [,lNONCE|,sNONCE]
 *
 * or, while a dead letter holds the group, the same with [,iID] and wGROUP,
 *
 * in this order, numbers in decimal without leading zeros and left out when
 * zero (p and b always stand), so that each entry has exactly one name:
 * entry_format(entry_parse(name)) is name, or the name is refused.
 */
#ifndef NAME_H
#define NAME_H

#include "base/hash.h"

#include <stddef.h>
#include <stdint.h>

#define KEY_SIZE      29  /* 19 digits of nanoseconds, '-', 8 hex digits, NUL */
#define NAME_SIZE     256 /* NAME_MAX on every file system that matters, and NUL */
#define CLOCK_SIZE    64
#define LEASE_OWN     'l' /* the lease's clock is its own */
#define LEASE_SHARED  's' /* the clock of all that one call received */
#define LEASE_BUNDLE  'b' /* the same, but the name is as it was: its bundle was leased */
#define BUNDLE_SIZE   40
#define TOKEN_MOVES   1 /* from message to message */
#define TOKEN_BLOCKED 2 /* waits for the dead letter of its id, "expires" being since when */

struct entry {
	char key[KEY_SIZE]; /* sorts: when it came to this queue */
	char id[KEY_SIZE];  /* the message's id for good; mostly the key */
	unsigned priority;  /* 0..9 */
	unsigned receives;
	uint64_t offset;       /* where its slice starts in the file */
	uint64_t header;       /* bytes of the header block, then */
	uint64_t body;         /* bytes of the payload */
	int64_t expires;       /* ms since the epoch; 0: never */
	char death[9];         /* the tag of its history; "": never failed */
	char group[HASH_SIZE]; /* of its message group's key; "": none */
	int token;             /* no message, but the token of a group: TOKEN_... */
	int64_t visible;       /* delayed until, ms since the epoch */
	char lease;            /* LEASE_OWN, LEASE_SHARED, or 0: never leased */
	uint64_t nonce;        /* of its present or last lease */
};

/* A number in decimal at p, without a NUL; what follows it.  Names are made for
 * every message: no printf. */
char *put_decimal(char *p, uint64_t);

int entry_parse(const char *name, struct entry *); /* 0, or -1: no entry */
void entry_format(const struct entry *, char name[NAME_SIZE]);

/* A bundle in flight: NONCE+LEVEL.NUMBER, the nonce that of its clock, then where
 * it stood.  0, or -1: no such name.  Ends at a slash, too. */
int bundle_name_parse(const char *name, uint64_t *nonce);
void bundle_name_format(uint64_t nonce, unsigned level, uint64_t number, char name[BUNDLE_SIZE]);

/* The entry of a bundle that is leased, from what its name says: the lease counts
 * as a receive.  entry_format gives its name again. */
void bundle_lease(struct entry *, uint64_t nonce);
/* As it leaves the bundle, to have a name of its own. */
void bundle_leave(struct entry *);

void key_format(char key[KEY_SIZE], int64_t ns, uint32_t nonce);
int64_t key_time(const char *key); /* nanoseconds */
int key_valid(const char *text);   /* a whole key and nothing else */

/* Clocks: NONCE, or NONCE.KEY for one message of a shared lease that was
 * extended alone; while it is being reaped, ~rCLAIM or ~dCLAIM follows. */
enum clock_phase { CLOCK_LIVE, CLOCK_CLAIMED, CLOCK_DEAD };

struct clock_name {
	uint64_t nonce;
	char key[KEY_SIZE]; /* "": not one message's own */
	enum clock_phase phase;
	uint64_t claim;
};

int clock_name_parse(const char *name, struct clock_name *);
void clock_name_format(const struct clock_name *, char name[CLOCK_SIZE]);

#endif
