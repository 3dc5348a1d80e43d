/*
 * journal.c - fuzz: names in a publish's journal
 */
#include "fuzz.h"

#include "../../lib/place/journal.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *name = fuzz_text(data, size), again[MEMBER_SIZE];
	struct member m;

	if (!strchr(name, '/') && strlen(name) < NAME_SIZE && parse_member(name, &m) == 0) {
		MUST(valid_queue_name(m.queue) && m.level < LEVELS);
		if (!m.is_bundle) {
			journal_entry(m.queue, &m.entry, m.dead, again);
			MUST(!strcmp(again, name));
		}
	}
	free(name);
	return 0;
}
