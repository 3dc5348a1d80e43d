/*
 * wait.pml - those who wait for messages, in line
 *
 * The steps of lib/receive/wait.c and lib/receive/turn.c, one system call each, in every
 * interleaving of a sender, of waiters that come, take a message, come again
 * or leave, and of kills.  Checked: when nothing moves any more, there is no
 * message left while somebody is asleep.  That a follower also looks by itself
 * now and then is left out: it would hide what is missing.
 *
 * Each macro takes away one step that the protocol needs:
 *
 *	LOOK_FIRST     the first in line looks before it watches
 *	WATCH_ONCE     it does not watch again after it was told
 *	NO_CLOSE       who leaves does not close its FIFO
 *	NO_DEATH       the kernel does not close it for one who was killed
 *	BEHIND_GONE    who finds the one before it gone waits for it nevertheless
 */
#ifdef THREE /* of them: a longer line, with less going on */
#define WAITERS  3
#define MESSAGES 1
#else
#define WAITERS  2
#define MESSAGES 2
#endif
#define KILLS    1

byte visible = 0, sent = 0, kills = 0;
byte moment = 0;         /* places are numbered by it */
byte place[WAITERS];     /* 0: none */
byte ahead[WAITERS];     /* whose FIFO is held open, from 1 */
bool watching[WAITERS];  /* for one event */
bool told[WAITERS];
bool ended[WAITERS];     /* gone for good, or killed */

/* A message comes: all who watch are told, once. */
inline tell_watchers()
{
	i = 0;
	do
	:: i < WAITERS ->
		told[i] = told[i] || watching[i];
		watching[i] = false;
		i++
	:: else -> break
	od;
	i = 0
}

/* A FIFO has no reader any more. */
inline tell_followers(who)
{
	i = 0;
	do
	:: i < WAITERS ->
		told[i] = told[i] || ahead[i] == who + 1;
		i++
	:: else -> break
	od;
	i = 0
}

proctype sender()
{
	byte i;

	do
	:: atomic {
		sent < MESSAGES ->
		sent++;
		visible++;
		tell_watchers()
	   }
	:: sent == MESSAGES -> break
	od
}

proctype killer()
{
	byte i, who;

	atomic {
		kills < KILLS;
		kills++;
		select(who : 0 .. WAITERS - 1);
		if
		:: !ended[who] ->
			ended[who] = true;
			place[who] = 0;
			ahead[who] = 0;
			watching[who] = false;
#ifndef NO_DEATH
			tell_followers(who)
#endif
		:: else
		fi
	}
}

/* The nearest place before ours: who has it, from 1; 0: nobody. */
inline find_ahead(me)
{
	d_step {
		i = 0;
		before = 0;
		do
		:: i < WAITERS ->
			if
			:: place[i] && place[i] < place[me] &&
			   (before == 0 || place[i] > place[before - 1]) -> before = i + 1
			:: else
			fi;
			i++
		:: else -> break
		od;
		i = 0
	}
}

proctype waiter(byte me)
{
	byte i, before, mine;

	{
		skip;
look:
		if
		:: atomic { visible > 0 -> visible--; goto got }
		:: atomic { visible == 0 -> skip }
		fi;
arm:
		told[me] = false;
		if
		:: place[me] == 0 ->
			atomic { moment++; mine = moment };
			atomic { place[me] = mine; mine = 0 }
		:: else
		fi;
find:
		ahead[me] = 0;
		find_ahead(me);
		if
		:: before == 0 -> goto first
		:: else
		fi;
		/* open its FIFO: unless it is gone by now */
		atomic {
			if
			:: place[before - 1] && place[before - 1] < place[me] ->
				ahead[me] = before;
				before = 0
#ifdef BEHIND_GONE
			:: else -> ahead[me] = before; before = 0
#else
			:: else -> before = 0; goto find
#endif
			fi
		};
end_behind:
		told[me]; /* asleep: it may end so */
		goto arm;
first:
#ifndef LOOK_FIRST
		watching[me] = true;
#endif
look_again:
		if
		:: atomic { visible > 0 -> visible--; goto got }
		:: atomic { visible == 0 -> skip }
		fi;
#ifdef LOOK_FIRST
		watching[me] = true;
#endif
end_first:
		told[me];
#ifdef WATCH_ONCE
		told[me] = false;
		goto look_again
#else
		goto arm
#endif
		;
got:
		/* leave the line: the name, then the FIFO */
		ahead[me] = 0;
		place[me] = 0;
#ifndef NO_CLOSE
		atomic { tell_followers(me) };
#endif
		if
		:: goto look
		:: atomic { watching[me] = false; ended[me] = true }
		fi
	} unless {
		ended[me]
	}
}

active proctype check()
{
	byte i;
	bool asleep = false;

	atomic {
		run sender();
		run killer();
		i = 0;
		do
		:: i < WAITERS -> run waiter(i); i++
		:: else -> break
		od
	};
	timeout;
	d_step {
		i = 0;
		do
		:: i < WAITERS -> asleep = asleep || !ended[i]; i++
		:: else -> break
		od;
		assert(visible == 0 || !asleep)
	}
}
