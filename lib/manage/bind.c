/*
 * bind.c - bind queues and exchanges to an exchange
 */
#include "format/message.h"
#include "format/topic.h"
#include "spool/exchange.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- what may be bound ------------------------------------------------- */

/* What the type goes by is given, and nothing else. */
static int check_kind(mq_exchange *x, const struct mq_binding *b)
{
	char why[64];

	switch (x->conf.type) {
	case FANOUT:
		if (b->key || b->nheaders)
			return fail(x->mq, MQ_USAGE, x->name, "a fanout exchange takes no key");
		break;
	case DIRECT:
	case TOPIC:
		if (b->key && !b->nheaders)
			break;
		snprintf(why, sizeof(why), "a %s exchange goes by one key", mq_exchange_type(x));
		return fail(x->mq, MQ_USAGE, x->name, why);
	case HEADERS:
		if (b->key)
			return fail(x->mq, MQ_USAGE, x->name, "a headers exchange takes no key");
		break;
	}
	if (b->any && x->conf.type != HEADERS)
		return fail(x->mq, MQ_USAGE, x->name, "any is for a headers exchange");
	return MQ_OK;
}

/* Keys and headers follow the same rules as those of messages. */
static int check_wants(mq_exchange *x, const struct mq_binding *b)
{
	struct mq_properties p = { .key = b->key, .headers = b->headers, .nheaders = b->nheaders };
	const char *why;
	size_t size;
	char *block;
	int r;

	if ((r = check_kind(x, b)) != MQ_OK)
		return r;
	if ((block = message_block(&p, &size, &why)) == NULL)
		return why ? fail(x->mq, MQ_DATA, x->name, why) :
			     fail_errno(x->mq, x->name, "cannot bind");
	free(block);
	if (x->conf.type == TOPIC && !topic_valid(b->key))
		return fail(x->mq, MQ_DATA, x->name, "in a pattern * and # are words of their own");
	return MQ_OK;
}

/* The target is there, and does not lead back. */
static int check_target(mq_exchange *x, const char *target)
{
	char why[QUEUE_NAME_SIZE + 64];
	int r = mq_valid_name(target) ? exchange_exists(x->spool, target) : 0;

	if (r == 1) {
		if ((r = exchange_reaches(x->mq, target, x->name)) == 0)
			return MQ_OK;
		snprintf(why, sizeof(why), "cannot lead to %s, which leads back to it", target);
		return r == 1 ? fail(x->mq, MQ_CREATE, x->name, why) :
				fail_errno(x->mq, x->name, "cannot read where it leads");
	}
	if (r == 0 && (r = queue_exists(x->spool, target)) == 1)
		return MQ_OK;
	return r == 0 ? fail(x->mq, MQ_NOTFOUND, target, "no such queue or exchange") :
			fail_errno(x->mq, target, "cannot look for it");
}

/* ---- the verbs --------------------------------------------------------- */

/* It may have been removed since it was opened, and another made. */
static int look_again(mq_exchange *x)
{
	struct exchange_conf c;
	int r = exchange_read_conf(x->mq, x->spool, x->name, &c);

	if (r == MQ_OK && c.type != x->conf.type)
		r = fail(x->mq, MQ_NOTFOUND, x->name, "the exchange was removed");
	return r;
}

static int lock_and_look(mq_exchange *x, int *lock)
{
	int r;

	if ((*lock = exchange_lock(x->mq)) == -1)
		return fail_errno(x->mq, x->name, "cannot lock the spool");
	if ((r = look_again(x)) != MQ_OK)
		fs_unlock(*lock);
	return r;
}

int mq_bind(mq_exchange *x, const char *target, const struct mq_binding *b)
{
	int r, lock;

	if ((r = check_wants(x, b)) != MQ_OK || (r = lock_and_look(x, &lock)) != MQ_OK)
		return r;
	if ((r = check_target(x, target)) == MQ_OK &&
	    binding_add(x->mq, x->name, x->conf.type, target, b) == -1)
		r = fail_errno(x->mq, x->name, "cannot bind");
	fs_unlock(lock);
	return r;
}

int mq_unbind(mq_exchange *x, const char *target, const struct mq_binding *b)
{
	int r, lock, removed;

	if (!valid_queue_name(target))
		return fail(x->mq, MQ_NOTFOUND, target, "no such queue or exchange: bad name");
	if ((b && (r = check_wants(x, b)) != MQ_OK) || (r = lock_and_look(x, &lock)) != MQ_OK)
		return r;
	removed = binding_remove(x->mq, x->name, x->conf.type, target, b);
	if (removed == -1)
		r = fail_errno(x->mq, x->name, "cannot unbind");
	else if (removed == 0)
		r = fail(x->mq, MQ_EMPTY, target, "not bound");
	fs_unlock(lock);
	return r;
}

int mq_bindings(mq_exchange *x,
    int (*each)(void *ctx, const char *target, const struct mq_binding *), void *ctx)
{
	char bad[NAME_SIZE], why[NAME_SIZE + 32];
	struct bindings l;
	size_t i;
	int r;

	if ((r = look_again(x)) != MQ_OK)
		return r;
	if (bindings_read(x->spool->fd, x->name, x->conf.type, &l, bad) == -1) {
		snprintf(why, sizeof(why), "a malformed binding: %s", bad);
		return errno == EINVAL ? fail(x->mq, MQ_SETTING, x->name, why) :
					 fail_errno(x->mq, x->name, "cannot read its bindings");
	}
	for (i = 0; i < l.n && each(ctx, l.all[i].target, &l.all[i].wants) == 0; i++)
		;
	bindings_free(&l);
	return MQ_OK;
}
