/*
 * words.c - times and states as text
 */
#include "share/words.h"

#include <stdio.h>
#include <time.h>

struct word word_time(mq_time t)
{
	struct word iso;
	time_t seconds = t / MQ_SECOND;
	struct tm tm;
	size_t n;

	gmtime_r(&seconds, &tm);
	n = strftime(iso.text, sizeof(iso.text), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(iso.text + n, sizeof(iso.text) - n, ".%03dZ", (int)(t % MQ_SECOND / 1000000));
	return iso;
}

struct word word_seconds(mq_time t)
{
	struct word w;

	t = t > 0 ? t : 0; /* an age, when the clock was stepped back */
	snprintf(w.text, sizeof(w.text), "%lld.%03d", (long long)(t / MQ_SECOND),
	    (int)(t % MQ_SECOND / 1000000));
	return w;
}

const char *state_name(enum mq_state state)
{
	switch (state) {
	case MQ_READY:
		return "ready";
	case MQ_DELAYED:
		return "delayed";
	case MQ_LEASED:
		return "leased";
	case MQ_DEAD:
		return "dead";
	}
	return "?";
}
