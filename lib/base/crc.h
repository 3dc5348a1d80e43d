/*
 * crc.h - CRC-32C, the checksum of payloads (Castagnoli; RFC 3720, B.4)
 */
#ifndef CRC_H
#define CRC_H

#include <stddef.h>
#include <stdint.h>

/* The sum of what was summed before, 0 at the beginning, and of these n bytes. */
uint32_t crc32c(uint32_t before, const void *data, size_t n);

#endif
