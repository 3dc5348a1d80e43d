/*
 * topic.h - the patterns of topic bindings, matched all at once
 *
 * A key is words with dots between them; "" has no word, "." two empty ones.
 * In a pattern a word `*` stands for exactly one word, `#` for any number.
 */
#ifndef TOPIC_H
#define TOPIC_H

#include <stdint.h>

struct topic;

/* NULL: no memory. */
struct topic *topic_new(void);
void topic_free(struct topic *);

/* Whether `*` and `#` stand for words in it, and are not a part of one. */
int topic_valid(const char *pattern);

/* Add a pattern that stands for id: 0, or -1 when memory ran out. */
int topic_add(struct topic *, const char *pattern, uint32_t id);

/* Tell the id of every pattern that matches, once for each of them. */
void topic_match(struct topic *, const char *key, void (*each)(void *ctx, uint32_t id), void *ctx);

#endif
