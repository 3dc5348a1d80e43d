/*
 * topic.c - fuzz: topic patterns against a key, by the trie and by a plain matcher
 *
 * The first line is the key, each further line a pattern.
 */
#include "fuzz.h"

#include "format/topic.h"

#define PATTERNS 32
#define WORDS    48

struct words {
	const char *word[WORDS];
	int n;
};

/* Cut in place: 0, or -1 when there are too many words. */
static int cut(char *text, struct words *w)
{
	w->n = 0;
	while (*text || w->n > 0) {
		if (w->n == WORDS)
			return -1;
		w->word[w->n++] = text;
		if ((text = strchr(text, '.')) == NULL)
			break;
		*text++ = '\0';
	}
	return 0;
}

/* Whether the pattern matches the key, by a table: can[i][j] tells whether its
 * words from i on match those of the key from j on. */
static int matches(const struct words *p, const struct words *k)
{
	static int can[WORDS + 1][WORDS + 1];
	int i, j;

	for (i = p->n; i >= 0; i--) {
		for (j = k->n; j >= 0; j--) {
			if (i == p->n)
				can[i][j] = j == k->n;
			else if (!strcmp(p->word[i], "#"))
				can[i][j] = can[i + 1][j] || (j < k->n && can[i][j + 1]);
			else
				can[i][j] = j < k->n && can[i + 1][j + 1] &&
				    (!strcmp(p->word[i], "*") || !strcmp(p->word[i], k->word[j]));
		}
	}
	return can[0][0];
}

static void hit(void *ctx, uint32_t id)
{
	((int *)ctx)[id]++;
}

static void check(char *key, char **patterns, int n)
{
	struct topic *t = topic_new();
	int hits[PATTERNS] = { 0 }, i;
	struct words k, p;

	MUST(t);
	for (i = 0; i < n; i++)
		MUST(topic_add(t, patterns[i], (uint32_t)i) == 0);
	topic_match(t, key, hit, hits);
	if (cut(key, &k) == 0)
		for (i = 0; i < n; i++)
			if (cut(patterns[i], &p) == 0)
				MUST(hits[i] == matches(&p, &k));
	topic_free(t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size), *rest = text;
	char *key = strsep(&rest, "\n"), *patterns[PATTERNS];
	int n = 0;

	while (n < PATTERNS && rest)
		patterns[n++] = strsep(&rest, "\n");
	check(key, patterns, n);
	free(text);
	return 0;
}
