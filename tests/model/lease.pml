/*
 * lease.pml - taking back a lapsed lease, against a holder that extends it
 *
 * The steps of lib/receive/reap.c, and of receiving and extending (lib/receive/lease.c), one
 * system call each, in every interleaving of two reapers and one holder, the clock
 * ticking whenever it likes.  Checked: a message is not returned before the deadline
 * that its holder was promised; a holder that has never extended it late is not told
 * before then that the lease is over; and in the end it is returned: a reaper ends
 * only then, and one that waits for ever is an error.
 *
 * Each macro takes away one step that the protocol needs:
 *
 *	NAME_FIRST      a clock has its name before its time is set
 *	NO_SECOND_LOOK  a reaper does not look at the clock again once claimed
 *	ONE_CLAIM       all claims have the same name
 *	STAT_AND_RETURN no claim at all: look at the clock, return the entry
 */
#define END   5 /* when time stops */
#define LEASE 2

mtype = { LIVE, CLAIMED, DEAD, GONE };

mtype clock = GONE;   /* the clock's name: which phase, */
byte claim = 0;       /* and whose */
byte mtime = 0;       /* its deadline */
bool received = false;
bool leased = false;  /* the receipt is there */
byte now = 0;
byte promised = 0;    /* the holder was told it has until then */
bool late = false;    /* it has extended the lease when it was over already */
byte claims = 0;      /* so many were made */

proctype time_passes()
{
	do
	:: now < END -> now++
	:: now == END -> break
	od
}

/* What a holder finds when it is told that the lease is over. */
inline is_over()
{
	assert(late || now >= promised)
}

proctype holder()
{
	byte deadline, times = 0;

	/* the receive: a clock, */
	deadline = now + LEASE;
#ifdef NAME_FIRST
	atomic { clock = LIVE; mtime = now };
	atomic {
		if
		:: clock == LIVE -> mtime = deadline
		:: else -> received = true; goto done
		fi
	};
#else
	atomic { clock = LIVE; mtime = deadline };
#endif
	/* and the receipt beside it, if it is still there */
	atomic {
		received = true;
		if
		:: clock == LIVE -> leased = true; promised = deadline
		:: else -> goto done
		fi
	};
	do
	:: times < 2 ->
		times++;
		/* stat: the lease must still run */
		atomic {
			if
			:: clock == LIVE && mtime > now -> deadline = now + LEASE
			:: else -> is_over(); break
			fi
		};
		/* utimensat, by path */
		atomic {
			if
			:: clock == LIVE ->
				late = late || now >= promised;
				mtime = deadline
			:: else -> is_over(); break
			fi
		};
		/* is the receipt there? */
		atomic {
			if
			:: leased -> promised = deadline
			:: else -> is_over(); break
			fi
		}
	:: break
	od;
done:
	skip
}

inline return_entry()
{
	atomic {
		if
		:: leased ->
			assert(now >= promised);
			leased = false
		:: else
		fi
	}
}

proctype reaper()
{
	byte mine;
	bool lapsed;

look:
	if
	:: received && !leased && clock == GONE -> goto done
	:: received && now == END && !leased -> goto done
	:: atomic { clock == LIVE -> lapsed = (mtime <= now) }
		if
		:: !lapsed -> goto look
		:: else
		fi;
#ifdef STAT_AND_RETURN
		return_entry();
		clock = GONE;
		goto done;
#endif
		/* step 1: claim it under a name of one's own */
		atomic {
			if
			:: clock == LIVE ->
#ifdef ONE_CLAIM
				mine = 1;
#else
				claims++;
				mine = claims;
#endif
				clock = CLAIMED;
				claim = mine
			:: else -> goto look
			fi
		}
	:: atomic { clock == CLAIMED -> mine = claim }
	:: atomic { clock == DEAD -> mine = claim };
		goto condemned
	fi;

	/* step 2: its time is final now; look again */
	atomic {
		if
		:: clock == CLAIMED && claim == mine -> lapsed = (mtime <= now)
		:: else -> goto look
		fi
	}
#ifdef NO_SECOND_LOOK
	lapsed = true;
#endif
	if
	:: lapsed ->
		atomic {
			if
			:: clock == CLAIMED && claim == mine -> clock = DEAD
			:: else -> goto look
			fi
		}
	:: else ->
		atomic {
			if
			:: clock == CLAIMED && claim == mine -> clock = LIVE
			:: else
			fi
		};
		goto look
	fi;

condemned:
	/* step 3: return the entry, then remove the clock */
	return_entry();
	atomic {
		if
		:: clock == DEAD && claim == mine -> clock = GONE
		:: else
		fi
	};
	goto look;
done:
	skip
}

init {
	atomic {
		run time_passes();
		run holder();
		run reaper();
		run reaper()
	}
}
