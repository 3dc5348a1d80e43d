/*
 * dedup.pml - one deduplication id, sent by several at once near the ends of windows
 *
 * The steps of lib/place/dedup.c, one system call each where another process could come
 * between.  Three senders with one id, whose messages' times lie in the windows 1 to
 * 3 in any way, and a sweep that finishes what a killed sender left; a sender may be
 * killed anywhere.  Messages of one window count for each other; those of two that
 * follow each other may or may not.  Checked:
 *
 *	- of two messages that count for each other one is published
 *	- a sender that is told of another message is told of one that was published
 *	- none is published twice, and in the end none is pending
 *
 * Each macro takes away one step that the protocol needs:
 *
 *	OWN_WINDOW  a mark is made in the window of the message alone
 *	NO_HELP     a mark that was met counts, whether its message has both or not
 *	MARK_FIRST  a message is marked before it is pending
 */
#define N 3
#define NOBODY 9

byte window[N];       /* 1 to 3 */
bool near[N];         /* 0 and 1, 1 and 2, 0 and 2 count for each other if their windows touch */
byte mark[4] = NOBODY;/* of each window */
bool pending[N], unlinked[N];
byte published[N];
byte dead = 0, done = 0;

#define PAIR(a, b)   ((a) + (b) == 1 -> near[0] : ((a) + (b) == 3 -> near[1] : near[2]))
#define APART(a, b)  (window[a] > window[b] -> window[a] - window[b] : window[b] - window[a])
#define COUNTS(a, b) ((a) == (b) || APART(a, b) == 0 || (APART(a, b) == 1 && PAIR(a, b)))

/* Make a mark for m in the window w; if another has it that counts, that is next. */
inline contend(m, w, next)
{
	atomic {
		next = m;
		if
		:: mark[w] == NOBODY -> mark[w] = m
		:: mark[w] != NOBODY && COUNTS(mark[w], m) -> next = mark[w]
		:: else
		fi
	}
}

/* Which message counts for me: the one that has all the marks it needs. */
inline resolve(me, m, next)
{
	m = me;
	do
	:: true ->
#ifndef OWN_WINDOW
		contend(m, window[m] - 1, next);
		if
		:: next != m -> m = next;
#ifdef NO_HELP
			break
#else
			goto again
#endif
		:: else
		fi;
#endif
		contend(m, window[m], next);
		if
		:: next != m -> m = next;
#ifdef NO_HELP
			break
#else
			goto again
#endif
		:: else
		fi;
		break;
again:		skip
	od
}

/* By rename, so once. */
inline publish(m)
{
	atomic {
		if
		:: pending[m] -> pending[m] = false; published[m]++; assert(published[m] == 1)
		:: else
		fi
	}
}

inline finish(me, m, next)
{
	resolve(me, m, next);
	publish(m);
	if
	:: m != me -> atomic { pending[me] = false; unlinked[me] = true }
	:: else
	fi
}

#define MAY_DIE :: dead++; goto gone

proctype sender(byte me)
{
	byte m, next;

#ifdef MARK_FIRST
	resolve(me, m, next);
	if
	:: true
	MAY_DIE
	fi;
	pending[me] = true;
	publish(m);
#else
	pending[me] = true;
	if
	:: true
	MAY_DIE
	:: contend(me, window[me] - 1, next); dead++; goto gone /* between its marks */
	fi;
	resolve(me, m, next);
	if
	:: true
	MAY_DIE
	fi;
	publish(m);
	if
	:: m != me -> pending[me] = false
	:: else
	fi;
#endif
	assert(published[m]); /* it is told of this one */
gone:
	done++
}

proctype sweep()
{
	byte i, m, next;

	done == N;
	i = 0;
	do
	:: i < N ->
		if
		:: pending[i] -> finish(i, m, next)
		:: else
		fi;
		i++
	:: else -> break
	od;
	assert(!pending[0] && !pending[1] && !pending[2]);
	assert(!(published[0] && published[1] && COUNTS(0, 1)));
	assert(!(published[1] && published[2] && COUNTS(1, 2)));
	assert(!(published[0] && published[2] && COUNTS(0, 2)));
	assert(published[0] || published[1] || published[2])
}

inline choose(c)
{
	if
	:: c = 0
	:: c = 1
	fi
}

/* All that differs is chosen before anything runs.  Senders are alike: their windows
 * need not be tried in every order. */
init {
	atomic {
		choose(near[0]);
		choose(near[1]);
		choose(near[2]);
		window[0] = 1;
		if
		:: window[1] = 1
		:: window[1] = 2
		fi;
		if
		:: window[2] = window[1]
		:: window[2] = window[1] + 1
		fi;
		run sender(0);
		run sender(1);
		run sender(2);
		run sweep()
	}
}
