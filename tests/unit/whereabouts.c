/*
 * whereabouts.c - what is a message's path, and what only looks like one
 */
#include "format/whereabouts.h"

#include "tap.h"

#include <string.h>

#define KEY   "1763681547123456789-1a2b3c4d"
#define HASH  "0123456789abcdef0123456789abcdef"
#define ENTRY KEY ",p4,r1,b5,l0123456789abcdef"

/* "SPOOL QUEUE REST" of a path, or "" when it is none. */
static const char *parts(const char *path)
{
	static char text[512];
	struct whereabouts w;

	text[0] = '\0';
	if (whereabouts_parse(path, &w) == 0)
		snprintf(text, sizeof(text), "%s %s %d %s", w.spool, w.queue, w.part, w.rest);
	whereabouts_free(&w);
	return text;
}

static int is(const char *path, const char *expected)
{
	return !strcmp(parts(path), expected);
}

int main(void)
{
	struct tap t = { 0, 0 };

	CHECK(&t, is("/s/q/jobs/leased/16/" ENTRY, "/s jobs 3 leased/16/" ENTRY));
	CHECK(&t, is("/s/q/jobs/dlq/leased/16/" ENTRY, "/s jobs/dlq 3 leased/16/" ENTRY));
	CHECK(&t, is("/q/q/q/q/leased/16/" ENTRY, "/q/q q 3 leased/16/" ENTRY));
	CHECK(&t, is("/q/jobs/leased/16/" ENTRY, "/ jobs 3 leased/16/" ENTRY));
	CHECK(&t, is("q/jobs/leased/16/" ENTRY, ". jobs 3 leased/16/" ENTRY));
	CHECK(&t, is("s/q/jobs/ready/p4/0/" ENTRY, "s jobs 0 ready/p4/0/" ENTRY));
	CHECK(&t, is("s/q/jobs/back/p4/0/" ENTRY, "s jobs 1 back/p4/0/" ENTRY));
	CHECK(&t, is("s/q/jobs/delayed/32/" ENTRY, "s jobs 2 delayed/32/" ENTRY));
	CHECK(&t, is("s/q/jobs/groups/01/" HASH "/" ENTRY, "s jobs 4 groups/01/" HASH "/" ENTRY));
	CHECK(&t,
	    is("/s/q/jobs/groups/01/" HASH "/more/7/" ENTRY,
		"/s jobs 4 groups/01/" HASH "/more/7/" ENTRY));
	CHECK(&t, is("/s/q/jobs/groups/01/" HASH "/other/7/" ENTRY, ""));
	CHECK(&t, is("/s/q/jobs/01/" HASH "/" ENTRY, ""));
	CHECK(&t, is("/s/q/jobs/groups/../" HASH "/" ENTRY, ""));
	CHECK(&t, is("/s/q/jobs/groups/02/" HASH "/" ENTRY, ""));
	CHECK(&t, is("/s/q/jobs/ready/../0/" ENTRY, ""));
	CHECK(&t, is("/s/q/jobs/back/p44/0/" ENTRY, ""));
	CHECK(&t, is("/s/q/jobs/leased/16/" KEY ",p4,t" HASH, ""));
	CHECK(&t, is("", ""));
	CHECK(&t, is(ENTRY, ""));
	CHECK(&t, is("/etc/passwd", ""));
	CHECK(&t, is("leased/16/" ENTRY, ""));
	CHECK(&t, is("/leased/16/" ENTRY, ""));
	CHECK(&t, is("jobs/leased/16/" ENTRY, ""));
	CHECK(&t, is("/s/x/jobs/leased/16/" ENTRY, ""));
	CHECK(&t, is("/s/q/jobs/leased/xx/" ENTRY, ""));
	CHECK(&t, is("/s/q/jobs/leased/" ENTRY, ""));
	CHECK(&t, is("/s/q/jobs/leased/16/x", ""));
	CHECK(&t, is("/s/q/jobs/leased/16/" ENTRY "/", ""));
	CHECK(&t, is("/s/q/../leased/16/" ENTRY, ""));
	CHECK(&t, is("/s/q/jobs//leased/16/" ENTRY, ""));
	CHECK(&t, is("/s/q/.jobs/leased/16/" ENTRY, ""));
	CHECK(&t, is("/s/q/jobs/other/leased/16/" ENTRY, ""));
	return tap_end(&t);
}
