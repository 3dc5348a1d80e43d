/*
 * topic.c - topic patterns: the rules, and the trie against a plain matcher
 */
#include "format/topic.h"

#include "tap.h"

#include <stdlib.h>
#include <string.h>

static void count(void *ctx, uint32_t id)
{
	(void)id;
	++*(int *)ctx;
}

/* How often one pattern matches the key. */
static int matches(const char *pattern, const char *key)
{
	struct topic *t = topic_new();
	int n = 0;

	topic_add(t, pattern, 7);
	topic_match(t, key, count, &n);
	topic_free(t);
	return n;
}

static void test_rules(struct tap *t)
{
	CHECK(t, matches("a.b", "a.b") == 1 && !matches("a.b", "a") && !matches("a.b", "a.b.c"));
	CHECK(t, matches("a.*", "a.b") && !matches("a.*", "a") && !matches("a.*", "a.b.c"));
	CHECK(t, matches("a.*", "a.") && matches("*", "a") && !matches("*", ""));
	CHECK(t, matches("*.*", ".") && matches("*..b", "a..b") && !matches("a.b", "a..b"));
	CHECK(t,
	    matches("#", "") && matches("#", "a") && matches("#", "a.b.c") && matches("#", "."));
	CHECK(t, matches("a.#", "a") && matches("a.#", "a.b.c") && !matches("a.#", "ab"));
	CHECK(t, matches("#.b", "b") && matches("#.b", "a.a.b") && !matches("#.b", "b.a"));
	CHECK(t, matches("a.#.b", "a.b") && matches("a.#.b", "a.x.y.b") && !matches("a.#.b", "a"));
	CHECK(t, matches("#.#", "") == 1 && matches("#.#.#", "a.b") == 1);
	CHECK(t, matches("#.*", "a") && !matches("#.*", "") && matches("*.#", "a.b"));
	CHECK(t, matches("", "") && !matches("", "a") && !matches("a", ""));
	CHECK(t, !matches("A", "a") && matches("\xc3\xa4.*", "\xc3\xa4.b"));
}

static void test_valid(struct tap *t)
{
	CHECK(t,
	    topic_valid("") && topic_valid("#") && topic_valid("a.*.#.b") && topic_valid(".."));
	CHECK(t,
	    !topic_valid("a*") && !topic_valid("**") && !topic_valid("a.#b") &&
		!topic_valid("*#.a"));
}

/* ---- against a matcher that is plainly right --------------------------- */

struct words {
	const char *word[16];
	int n;
	char text[64];
};

static void cut(const char *text, struct words *w)
{
	char *p = w->text;

	w->n = 0;
	strcpy(p, text);
	while (*text) {
		w->word[w->n++] = p;
		if ((p = strchr(p, '.')) == NULL)
			break;
		*p++ = '\0';
	}
}

static int plain(const struct words *p, int i, const struct words *k, int j)
{
	if (i == p->n)
		return j == k->n;
	if (!strcmp(p->word[i], "#"))
		return plain(p, i + 1, k, j) || (j < k->n && plain(p, i, k, j + 1));
	return j < k->n && (!strcmp(p->word[i], "*") || !strcmp(p->word[i], k->word[j])) &&
	    plain(p, i + 1, k, j + 1);
}

static void random_text(const char *const *words, int n, char *text)
{
	int i, parts = rand() % 7;

	*text = '\0';
	for (i = 0; i < parts; i++)
		strcat(strcat(text, i ? "." : ""), words[rand() % n]);
}

#define PATTERNS 300

struct result {
	int hits[PATTERNS];
};

static void hit(void *ctx, uint32_t id)
{
	((struct result *)ctx)->hits[id]++;
}

static void test_random(struct tap *t)
{
	static const char *const words[] = { "a", "b", "", "aa", "*", "#", "#" };
	static char patterns[PATTERNS][64];
	struct topic *trie = topic_new();
	struct words p, k;
	struct result r;
	char key[64];
	int i, n, good = 1;

	srand(1);
	for (i = 0; i < PATTERNS; i++) {
		random_text(words, 7, patterns[i]);
		good &= topic_add(trie, patterns[i], (uint32_t)i) == 0;
	}
	for (n = 0; n < 3000; n++) {
		random_text(words, 4, key);
		memset(&r, 0, sizeof(r));
		topic_match(trie, key, hit, &r);
		cut(key, &k);
		for (i = 0; i < PATTERNS; i++) {
			cut(patterns[i], &p);
			good &= r.hits[i] == plain(&p, 0, &k, 0);
		}
	}
	CHECK(t, good);
	topic_free(trie);
}

/* What takes a matcher that tries every split longer than anyone waits. */
static void test_many_hashes(struct tap *t)
{
	char pattern[256] = "", key[256] = "";
	int i;

	for (i = 0; i < 40; i++)
		strcat(pattern, "#.a.");
	strcat(pattern, "b");
	for (i = 0; i < 100; i++)
		strcat(key, "a.");
	strcat(key, "a");
	CHECK(t, !matches(pattern, key));
	strcat(key, ".b");
	CHECK(t, matches(pattern, key) == 1);
}

int main(void)
{
	struct tap t = { 0, 0 };

	test_rules(&t);
	test_valid(&t);
	test_random(&t);
	test_many_hashes(&t);
	return tap_end(&t);
}
