/*
 * conf.c - fuzz: a queue's settings file
 */
#include "fuzz.h"

#include "format/conf.h"

static void check_values(const struct conf_text *t)
{
	struct conf c;

	conf_parse(t, &c);
	MUST(c.visibility > 0 && c.visibility <= DURATION_MAX);
	MUST(c.dedup_window > 0 && c.dedup_window <= DURATION_MAX);
	MUST(c.backoff_min >= 0 && c.backoff_min <= c.backoff_max && c.backoff_max <= DURATION_MAX);
	MUST(c.retention >= 0 && c.dlq_retention >= 0 && c.priority_aging >= 0);
	MUST(c.overflow <= OVERFLOW_DEAD_LETTER);
	MUST(c.dead_letter_to[0] == '\0' || valid_queue_name(c.dead_letter_to));
	MUST((c.paused | c.group_blocks | c.sync) <= 1);
	MUST(c.max_bytes <= INT64_MAX && c.max_depth <= INT64_MAX && c.max_message <= INT64_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct conf_text t, again;
	char *text = fuzz_text(data, size), *file;
	size_t i;

	conf_defaults(&t);
	if (conf_read(&t, text) == NULL) {
		check_values(&t);
		MUST((file = conf_write(&t)) != NULL);
		conf_defaults(&again);
		MUST(conf_read(&again, file) == NULL);
		for (i = 0; i < CONF_SETTINGS; i++)
			MUST(!strcmp(t.value[i], again.value[i]));
		free(file);
	}
	free(text);
	return 0;
}
