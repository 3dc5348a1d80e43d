/*
 * binding.h - what is bound to an exchange
 *
 *	x/EXCHANGE/bind/TARGET~HASH    one binding, made and removed whole
 *
 * The `/` of a dead-letter queue's name stands there as `:`.  HASH is that of
 * what the binding wants, which is also the file's text: for direct and topic
 * the key, for headers a line "all" or "any" and a "Name: value" line for each
 * header, sorted; for fanout nothing.  So what is bound twice is there once,
 * and the names alone tell where an exchange leads.
 */
#ifndef BINDING_H
#define BINDING_H

#include "base/names.h"
#include "spool/queue.h"

enum exchange_type { FANOUT, DIRECT, TOPIC, HEADERS };

#define EXCHANGE_PATH 128

/* x/EXCHANGE/PART */
void exchange_path(const char *exchange, const char *part, char path[EXCHANGE_PATH]);

struct binding {
	char target[QUEUE_NAME_SIZE];
	struct mq_binding wants; /* its strings are in text */
	char *text;
	struct mq_header *headers;
};

struct bindings {
	struct binding *all;
	size_t n;
};

/* All of an exchange, sorted by target and by what they want: 0, or -1 with
 * errno; EINVAL: the file named in bad is malformed. */
int bindings_read(int spool, const char *exchange, enum exchange_type, struct bindings *,
    char bad[NAME_SIZE]);
void bindings_free(struct bindings *);

/* Whether a file has the name of a binding; others are passed over. */
int binding_is_name(const char *file);

/* Add the targets of an exchange, each once: 0, or -1 with errno. */
int binding_targets(int spool, const char *exchange, struct names *);

/* Durably: 0, or -1 with errno.  What it wants is well formed. */
int binding_add(mq *, const char *exchange, enum exchange_type, const char *target,
    const struct mq_binding *);
/* Remove one, or (NULL) all of the target: how many, or -1 with errno. */
int binding_remove(mq *, const char *exchange, enum exchange_type, const char *target,
    const struct mq_binding *);
/* Remove all of a target, or of its dead-letter queue, from all exchanges. */
int binding_remove_everywhere(mq *, const char *target);

#endif
