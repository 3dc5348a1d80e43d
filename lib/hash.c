/*
 * hash.c - leaf: any text as a short name
 */
#include "hash.h"

#include <sha2.h>
#include <string.h>

void hash_text(const char *text, char hash[HASH_SIZE])
{
	char whole[SHA256_DIGEST_STRING_LENGTH];

	SHA256Data((const uint8_t *)text, strlen(text), whole);
	memcpy(hash, whole, HASH_SIZE - 1);
	hash[HASH_SIZE - 1] = '\0';
}
