/*
 * conf.c - settings: the defaults, good and bad values, the file and back
 */
#include "format/conf.h"

#include "tap.h"

#include <stdlib.h>
#include <string.h>

static enum conf_error set(const char *key, const char *value)
{
	struct conf_text t;

	conf_defaults(&t);
	return conf_set(&t, key, value);
}

static void test_defaults(struct tap *t)
{
	struct conf_text text;
	struct conf c;

	conf_defaults(&text);
	conf_parse(&text, &c);
	CHECK(t, c.visibility == 30 * MQ_SECOND && c.max_receives == 5);
	CHECK(t, c.backoff_min == MQ_SECOND && c.backoff_max == 300 * MQ_SECOND);
	CHECK(t, c.retention == 0 && c.dlq_retention == 0 && c.dedup_window == 300 * MQ_SECOND);
	CHECK(t, c.max_depth == 0 && c.max_bytes == 0 && c.max_message == 0);
	CHECK(t, c.overflow == OVERFLOW_REJECT && c.dead_letter_to[0] == '\0');
	CHECK(t, c.priority_aging == 0 && !c.paused && c.sync);
}

static void test_values(struct tap *t)
{
	CHECK(t, set("visibility", "10m") == CONF_OK && set("visibility", "0") == CONF_BAD);
	CHECK(t, set("max-receives", "0") == CONF_OK && set("max-receives", "-1") == CONF_BAD);
	CHECK(t, set("max-receives", "1K") == CONF_BAD && set("max-receives", "") == CONF_BAD);
	CHECK(t, set("backoff", "0") == CONF_OK && set("backoff", "1s..1s") == CONF_OK);
	CHECK(t, set("backoff", "5m..1s") == CONF_BAD && set("backoff", "1s..") == CONF_BAD);
	CHECK(t, set("backoff", "..5m") == CONF_BAD && set("backoff", "x") == CONF_BAD);
	CHECK(t, set("max-bytes", "10M") == CONF_OK && set("max-bytes", "10X") == CONF_BAD);
	CHECK(t, set("overflow", "drop-head") == CONF_OK && set("overflow", "drop") == CONF_BAD);
	CHECK(t, set("paused", "yes") == CONF_OK && set("paused", "1") == CONF_BAD);
	CHECK(t, set("sync", "none") == CONF_OK && set("sync", "") == CONF_BAD);
	CHECK(t, set("dead-letter-to", "x/dlq") == CONF_OK);
	CHECK(t, set("dead-letter-to", "../x") == CONF_BAD);
	CHECK(t, set("visibilty", "1s") == CONF_UNKNOWN && set("", "") == CONF_UNKNOWN);
}

/* What is written reads back; what somebody broke is named. */
static void test_file(struct tap *t)
{
	char lines[] = "# a comment\n\nvisibility=5m\nsync=none\n";
	char unknown[] = "sync=none\nnew-setting=7\n";
	char bad[] = "visibility=never\n";
	char no_line[] = "visibility\n";
	struct conf_text text;
	struct conf c;
	char *file;

	conf_defaults(&text);
	file = conf_write(&text);
	CHECK(t, file && *file == '\0');
	free(file);
	CHECK(t, conf_read(&text, lines) == NULL);
	conf_parse(&text, &c);
	CHECK(t, c.visibility == 300 * MQ_SECOND && !c.sync && c.max_receives == 5);
	file = conf_write(&text);
	CHECK(t, file && !strcmp(file, "visibility=5m\nsync=none\n"));
	free(file);
	CHECK(t, !strcmp(conf_read(&text, unknown), "new-setting"));
	CHECK(t, !strcmp(conf_read(&text, bad), "visibility"));
	CHECK(t, !strcmp(conf_read(&text, no_line), "visibility"));
}

int main(void)
{
	struct tap t = { 0, 0 };

	test_defaults(&t);
	test_values(&t);
	test_file(&t);
	return tap_end(&t);
}
