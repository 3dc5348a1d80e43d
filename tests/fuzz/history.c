/*
 * history.c - fuzz: a line of a message's history
 */
#include "fuzz.h"

#include "../../lib/spool/death.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct death d;
	char *line = fuzz_text(data, size), *text;
	struct death_event again;

	line[strcspn(line, "\n")] = '\0';
	memset(&d, 0, sizeof(d));
	if (parse_event(line, &d.event[0]) == 0) {
		MUST(d.event[0].first >= 0 && d.event[0].last >= 0);
		d.n = 1;
		MUST((text = death_text(&d)) != NULL);
		text[strlen(text) - 1] = '\0';
		memset(&again, 0, sizeof(again));
		MUST(parse_event(text, &again) == 0);
		MUST(again.count == d.event[0].count && again.first == d.event[0].first &&
		    again.last == d.event[0].last && !strcmp(again.queue, d.event[0].queue) &&
		    !strcmp(again.reason, d.event[0].reason));
		free(text);
		add_event(&d, "why", "q", 1);
		MUST(d.n >= 1 && d.n <= DEATH_EVENTS);
	}
	free(line);
	return 0;
}
