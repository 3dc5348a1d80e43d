/*
 * nameparts.h - the fields of a name, for those who make and read such names
 *
 * Each scan goes past what it has read, or returns NULL when that is malformed; each put
 * goes past what it has written, and writes no NUL.  No printf: names are made once or more
 * for every message.
 */
#ifndef NAMEPARTS_H
#define NAMEPARTS_H

#include "format/name.h"

/* A decimal number without leading zeros; zero itself only where allowed. */
const char *scan_number(const char *p, int zero, uint64_t *value);

/* Exactly n lower-case hex digits. */
const char *scan_hex(const char *p, int n, uint64_t *value);

/* The optional field ",<letter>NUMBER": p when it is not there. */
const char *field(const char *p, char letter, uint64_t *value);

/* KEY[,iID], the id left out when it is the key. */
const char *scan_keys(const char *p, char key[KEY_SIZE], char id[KEY_SIZE]);
char *put_keys(char *p, const char *key, const char *id);

char *put_number(char *p, char letter, uint64_t value);
char *put_nonzero(char *p, char letter, uint64_t value);
char *put_hex_field(char *p, char letter, uint64_t value, int digits);

/* Put the time of a key, in nanoseconds, where its first digit is. */
void key_put_time(char *key, int64_t ns);

#endif
