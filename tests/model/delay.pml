/*
 * delay.pml - a message group: what its token waits for in delayed/, and who wakes it
 *
 * The steps of lib/place/lane.c and lib/manage/redrive.c around a token that is delayed, in
 * every interleaving of two redrives of one dead letter, A1, two receivers, and
 * two moments at which the token comes due.  A2 stands in the lane.  At the start
 * the token is leased, by one who holds the group for A1 or, with NACK, by one who
 * nacks A2, for long; and so do the receivers that get A2.  Checked:
 *
 *	- held, A2 is not delivered before A1 was
 *	- A1 is delivered once
 *	- when nothing moves any more, A1 is not in the lane while the token is
 *	  delayed: who changed what is first was not missed
 *	- with KILL, of a redrive at any step: not, after the held token came due
 *
 * Each macro takes away one step that the protocol needs:
 *
 *	WAKE_FIRST  a redrive wakes the token before its message is back
 *	NO_WAKE     it does not wake it
 *	NO_LOOK     who delays the token does not look at the lane after that
 *	NO_JUDGE    who takes a held token does not look whether A1 is back
 *	HELD_APART  a held token does not come due
 */
#ifdef KILL
#define KILLS 1
#else
#define KILLS 0
#endif
#ifdef NACK
#define HELD false
#else
#define HELD true
#endif
#ifdef HELD_APART
#define COMES_DUE (!held)
#else
#define COMES_DUE true
#endif

mtype = { DEAD, BACK, ACKED };
mtype = { DELAYED, TURNS, LEASED };

mtype a1 = DEAD;
mtype where = LEASED;   /* the token, */
byte name = 0;          /* and the name that it has there: none is used twice */
byte link = 0;          /* HASH.delayed */
byte names = 1;
bool held = HELD;
byte delays = 0, dues = 0, kills = 0;   /* so many yet */

#define MOVE(to)   where = to; name = names; names++
#define WAKE(seen) if :: where == DELAYED && name == seen -> MOVE(TURNS) :: else fi

/* The token of the name old to delayed/.  What changed before that woke nobody. */
inline delay(old, new)
{
	atomic { new = names; names++; link = new };
	if
	:: atomic { name == old && where != DELAYED -> where = DELAYED; name = new };
#ifndef NO_LOOK
		if
		:: atomic { a1 == BACK -> new = link }; atomic { WAKE(new) }
		:: atomic { a1 != BACK -> skip }
		fi
#endif
	:: atomic { !(name == old && where != DELAYED) -> skip }
	fi;
	new = 0
}

proctype holder()
{
	byte new;

	delay(0, new)
}

#define MAY_DIE :: atomic { kills < KILLS -> kills++; goto done }

proctype redrive()
{
	byte seen;

#ifdef WAKE_FIRST
	seen = link;
	atomic { WAKE(seen) };
#endif
	if
	:: atomic { a1 == DEAD -> a1 = BACK }
	:: atomic { a1 != DEAD -> goto done }
	MAY_DIE
	fi;
#if !defined(WAKE_FIRST) && !defined(NO_WAKE)
	if
	:: atomic { seen = link }
	MAY_DIE
	fi;
	if
	:: atomic { WAKE(seen) }
	MAY_DIE
	fi;
#endif
done:
	seen = 0
}

proctype receiver()
{
	byte seen, new;
	bool back;

end:
	do
	:: atomic { where == TURNS -> seen = name };
		/* what is first in the lane; then have the token */
		back = (a1 == BACK);
		if
		:: atomic { where == TURNS && name == seen -> MOVE(LEASED); seen = name }
		:: atomic { !(where == TURNS && name == seen) -> skip }; goto end
		fi;
		if
#ifndef NO_JUDGE
		:: atomic { held -> back = (a1 == BACK) };
			if
			:: back -> atomic { held = false; MOVE(TURNS) }
			:: !back && delays < 3 -> delays++; delay(seen, new)
			:: !back && delays == 3 -> break
			fi;
			goto end
		:: atomic { !held -> skip }
#else
		:: true
#endif
		fi;
		if
		:: atomic { back -> assert(a1 == BACK); a1 = ACKED; MOVE(TURNS) }
		:: atomic { !back -> assert(!held || a1 == ACKED) };
			if
			:: delays < 3 -> delays++; delay(seen, new)
			:: delays == 3 -> break
			fi
		fi
	od
}

/* At any time; once more after a kill, when nothing moves any more. */
proctype due()
{
end:
	do
	:: atomic { where == DELAYED && dues < 2 && COMES_DUE -> dues++; MOVE(TURNS) }
	:: atomic { timeout -> if
		:: kills && held && where == DELAYED && COMES_DUE -> MOVE(TURNS)
		:: else -> assert(!(a1 == BACK && where == DELAYED)); break
		fi }
	od
}

init {
	atomic {
		run holder();
		run redrive();
		run redrive();
		run receiver();
		run receiver();
		run due()
	}
}
