/*
 * exchange.h - an exchange
 *
 *	x/EXCHANGE/conf  bind/  and, when needed, stat/
 *
 * conf holds type=TYPE and, if there is one, alternate=EXCHANGE.  The file
 * SPOOL/lock is held while a queue or an exchange is made or removed by name
 * and while it is changed where an exchange leads: so no name is taken twice,
 * and nothing comes to lead back to where it began.
 */
#ifndef EXCHANGE_H
#define EXCHANGE_H

#include "spool/binding.h"

struct exchange_conf {
	enum exchange_type type;
	char alternate[QUEUE_NAME_SIZE]; /* "": none */
};

struct mq_exchange {
	int refs;
	mq *mq;
	struct spool *spool;
	char name[QUEUE_NAME_SIZE];
	struct exchange_conf conf; /* when it was opened */
	int page_opened;           /* by exchange_page() */
	struct page_use page;
};

const char *exchange_type_name(enum exchange_type);
/* 0, or -1: no such type. */
int exchange_type_of(const char *name, enum exchange_type *);

mq_exchange *exchange_ref(mq_exchange *);

/* 1, 0, or -1 with errno; an exchange is there when its conf is. */
int exchange_exists(const struct spool *, const char *name);

/* MQ_NOTFOUND: there is none. */
int exchange_read_conf(mq *, struct spool *, const char *name, struct exchange_conf *);
/* Durably. */
int exchange_write_conf(mq *, const char *name, const struct exchange_conf *);

/* Make an exchange that is not there, in the handle's spool.  An MQ_ status. */
int exchange_make(mq *, const char *name, const struct exchange_conf *);

/* Whether what is published to from can come to the exchange to, by bindings
 * and alternates: 1, 0, or -1 with errno. */
int exchange_reaches(mq *, const char *from, const char *to);

/* SPOOL/lock, for fs_unlock; -1 with errno. */
int exchange_lock(mq *);

/* The host's page of this exchange, which has the last id given out. */
struct page *exchange_page(mq_exchange *);

#endif
