/*
 * names.c - fuzz: names of messages, tokens and clocks; each has exactly one
 */
#include "fuzz.h"

#include "format/name.h"

static void check_entry(const char *text)
{
	char name[NAME_SIZE];
	struct entry e;

	if (entry_parse(text, &e) == -1)
		return;
	entry_format(&e, name);
	MUST(strcmp(name, text) == 0);
	MUST(strlen(name) < 255);
	MUST(key_valid(e.key) && key_valid(e.id));
	MUST(e.priority <= 9 && e.expires >= 0 && e.visible >= 0);
	MUST(key_time(e.key) >= 0);
	MUST(!e.token || (e.group[0] && !e.body && !e.header && !e.offset));
	MUST(e.group[0] == '\0' || strlen(e.group) == HASH_SIZE - 1);
	MUST(e.death[0] == '\0' || strlen(e.death) == 8);
	/* No sum of these overflows. */
	MUST(e.offset + e.header + e.body >= e.body);
}

static void check_clock(const char *text)
{
	char name[CLOCK_SIZE];
	struct clock_name c;

	if (clock_name_parse(text, &c) == -1)
		return;
	clock_name_format(&c, name);
	MUST(strcmp(name, text) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);
	struct clock_name c;
	struct entry e;

	check_entry(text);
	check_clock(text);
	MUST(entry_parse(text, &e) == -1 || clock_name_parse(text, &c) == -1);
	free(text);
	return 0;
}
