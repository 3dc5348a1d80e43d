/*
 * hash.h - any text as a short name
 */
#ifndef HASH_H
#define HASH_H

#define HASH_SIZE 33 /* 128 bits in hex, and NUL */

void hash_text(const char *text, char hash[HASH_SIZE]);

#endif
