/*
 * hash.c - any text as a short name
 */
#include "base/hash.h"

#include <sha2.h>
#include <string.h>

void hash_text(const char *text, char hash[HASH_SIZE])
{
	static const char digits[] = "0123456789abcdef";
	uint8_t whole[SHA256_DIGEST_LENGTH];
	SHA2_CTX sha;

	SHA256Init(&sha);
	SHA256Update(&sha, (const uint8_t *)text, strlen(text));
	SHA256Final(whole, &sha);
	for (int i = 0; i < HASH_SIZE - 1; i++)
		hash[i] = digits[i % 2 ? whole[i / 2] & 15 : whole[i / 2] >> 4];
	hash[HASH_SIZE - 1] = '\0';
}
