/*
 * crc.c - CRC-32C
 *
 * By the processor's instruction where it has one; else four bits at a time, from a table
 * that is as small as the polynomial.
 */
#include "base/crc.h"

#include <string.h>

static uint32_t by_table(uint32_t c, const unsigned char *p, size_t n)
{
	static const uint32_t of[16] = { 0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc,
		0x5125dad3, 0x61c69362, 0x7198540d, 0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
		0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75 };

	for (; n > 0; n--) {
		c ^= *p++;
		c = c >> 4 ^ of[c & 15];
		c = c >> 4 ^ of[c & 15];
	}
	return c;
}

#if defined(__x86_64__)

#define HAS_INSTRUCTION __builtin_cpu_supports("sse4.2")

__attribute__((target("sse4.2"))) static uint32_t by_instruction(uint32_t c, const unsigned char *p,
    size_t n)
{
	uint64_t eight;

	for (; n >= sizeof(eight); n -= sizeof(eight), p += sizeof(eight)) {
		memcpy(&eight, p, sizeof(eight));
		c = (uint32_t)__builtin_ia32_crc32di(c, eight);
	}
	for (; n > 0; n--)
		c = __builtin_ia32_crc32qi(c, *p++);
	return c;
}

#else

#define HAS_INSTRUCTION 0
#define by_instruction  by_table

#endif

uint32_t crc32c(uint32_t before, const void *data, size_t n)
{
	uint32_t (*of)(uint32_t, const unsigned char *, size_t) =
	    HAS_INSTRUCTION ? by_instruction : by_table;

	return ~of(~before, data, n);
}
