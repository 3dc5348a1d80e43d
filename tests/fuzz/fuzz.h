/*
 * fuzz.h - what the fuzz targets share
 *
 * A target is one function that is given bytes.  What it claims of them it
 * claims with MUST, which ends the process; so does whatever a sanitizer finds.
 * libFuzzer calls it with bytes of its making (make fuzz), replay.c with those
 * of the target's corpus (make check).
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition)                                                                          \
	do {                                                                                     \
		if (!(condition)) {                                                              \
			fprintf(stderr, "%s:%d: must be: %s\n", __FILE__, __LINE__, #condition); \
			abort();                                                                 \
		}                                                                                \
	} while (0)

/* The bytes as a string, to be freed: up to the first NUL, so that a sanitizer
 * sees any step beyond its end. */
static inline char *fuzz_text(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size);

	MUST(text);
	return text;
}

#endif
