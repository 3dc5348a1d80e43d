/*
 * words.h - times and states as text
 */
#ifndef MQ_CMD_WORDS_H
#define MQ_CMD_WORDS_H

#include "mq.h"

struct word {
	char text[40];
};
struct word word_time(mq_time);    /* 2026-11-20T12:00:00.123Z */
struct word word_seconds(mq_time); /* 12.345 */

const char *state_name(enum mq_state);

#endif
