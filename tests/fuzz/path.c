/*
 * path.c - fuzz: receipts and other paths of messages
 */
#include "fuzz.h"

#include "format/whereabouts.h"

/* What it was taken apart into is what it is made of. */
static void check_parts(const char *path, const struct whereabouts *w)
{
	size_t size = strlen(w->spool) + strlen(w->queue) + strlen(w->rest) + 8;
	char *again = malloc(size), name[NAME_SIZE];

	MUST(again);
	snprintf(again, size, "%s/q/%s/%s", w->spool, w->queue, w->rest);
	MUST(!strcmp(again, path) || (!strcmp(w->spool, "/") && !strcmp(again + 1, path)) ||
	    (!strcmp(w->spool, ".") && !strcmp(again + 2, path)));
	free(again);
	MUST(valid_queue_name(w->queue));
	entry_format(&w->entry, name);
	MUST(!w->entry.token && !strcmp(name, strrchr(path, '/') + 1));
	/* Nothing below the queue leads out of it. */
	MUST(!strstr(w->rest, "/../") && !strstr(w->rest, "//") && w->rest[0] != '/' &&
	    strncmp(w->rest, "../", 3) != 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *path = fuzz_text(data, size);
	struct whereabouts w;

	if (whereabouts_parse(path, &w) == 0)
		check_parts(path, &w);
	whereabouts_free(&w);
	free(path);
	return 0;
}
