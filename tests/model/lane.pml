/*
 * lane.pml - a message group: its lane, its token, and who may deliver
 *
 * The steps of lib/place/lane.c, and of recvgroup.c and group.c in lib/receive, one system
 * call each where another process could come between, in every interleaving of two
 * senders, two consumers that ack or nack, and the reaper.  Who holds the lock
 * may be killed (with KILL), or else a consumer stopped so long that its lease
 * lapses; killed elsewhere is no more than stopped for good.  Checked:
 *
 *	- a message is delivered only when all that were sent before it are acked
 *	- no two consumers have valid leases of the group
 *	- a message that was sent and is not acked is in the lane
 *	- as long as there is a lane, its token is where it is looked for
 *
 * A token in delayed/ counts as one in turns/; the reaper does its steps in any
 * order and at any time.
 *
 * Each macro takes away one step that the protocol needs:
 *
 *	NO_LOCK     a lane is born without the lock
 *	MKDIR_FIRST it is born before its token
 *	NO_IDENTITY whether a token is the valid one is not seen
 *	NO_LOOK     that it is still leased is not seen after the receipt's link
 *	NO_SEAL     a lane is removed because it was seen to be empty
 *	CLOSE_BLIND it is closed without a look whether the token is still leased
 *	SAME_NAMES  a token's name in turns/ tells group and message only
 */
#ifdef KILL /* rather than stop */
#define KILLS    1
#define LAPSES   0
#endif
#ifndef LAPSES
#define KILLS    0
#define LAPSES   1
#endif
#define TOKENS   3 /* from 1; 0: none */
#define LEASES   4
#ifndef EACH
#define EACH     1 /* messages of a sender */
#endif

mtype = { GONE, TURNS, LEASED };         /* where a token's moving name is */
mtype = { NONE, LIVE, DEAD };            /* a lease's clock */

bool lane = false;      /* the directory is there, */
byte inside = 0;        /* and these messages (a set) */
byte acked = 0, linked = 0;
byte begun = 0;         /* messages have ids in the order in which they are begun */
byte before[2 * EACH];  /* what was sent when that one was begun */
byte lock = 0;          /* whose it is */

mtype where[TOKENS + 1];
byte at[TOKENS + 1];    /* leased: by which lease */
byte token = 0;         /* HASH.token is a link of this one */
#ifdef SAME_NAMES
byte names[TOKENS + 1];
#endif

mtype clock[LEASES];
bool lapsed[LEASES];    /* it has, in the eyes of its holder */
bool receipt[LEASES];

byte uses[2], has[2];   /* a consumer's lease, from 1, and token */
bool holds[2];          /* it was given a message, and no verdict yet */
byte kills = 0, lapses = 0;

#define ONE(m)        (1 << (m))
#define IS_LEASED(t, n) (where[t] == LEASED && at[t] == n)

inline invariants()
{
	assert(lock || !lane || (token && where[token] != GONE));
	assert((linked & ~(acked | inside)) == 0)
}

/* The first of the lane by name; NOTHING: it is empty. */
#define NOTHING 9
inline look_at_head(m)
{
	if
	:: inside & 1 -> m = 0
	:: !(inside & 1) && inside & 2 -> m = 1
	:: !(inside & 3) && inside & 4 -> m = 2
	:: !(inside & 7) && inside & 8 -> m = 3
	:: inside == 0 -> m = NOTHING
	fi
}

/* A name that was never used, unless... */
inline name_in_turns(t, m)
{
#ifdef SAME_NAMES
	i = 1;
	do
	:: i <= TOKENS ->
		if
		:: i != t && where[i] == TURNS && names[i] == m -> where[i] = GONE
		:: else
		fi;
		i++
	:: else -> break
	od;
	i = 0;
	names[t] = m;
#endif
	where[t] = TURNS;
	at[t] = 0
}

/* Of the lease n, to turns/, if it is still there. */
inline put_back(t, n, m)
{
	if
	:: IS_LEASED(t, n) -> name_in_turns(t, m)
	:: else
	fi
}

/* An inode that nobody has or compares with. */
#define IS_FREE(t) (where[t] == GONE && token != t && has[0] != t && has[1] != t)
inline new_token(t)
{
	if
	:: IS_FREE(1) -> t = 1
	:: !IS_FREE(1) && IS_FREE(2) -> t = 2
	:: !IS_FREE(1) && !IS_FREE(2) && IS_FREE(3) -> t = 3
	fi
}

/* A token of before is dropped. */
inline drop_token(t, n)
{
	if
	:: IS_LEASED(t, n) -> where[t] = GONE; at[t] = 0
	:: else
	fi
}

#define MAY_DIE(me) :: atomic { kills < KILLS -> kills++; \
	lock = (lock == me -> 0 : lock); invariants(); goto killed }

proctype sender(byte me)
{
	byte m, t, n, i;

next:
	if
	:: n == EACH -> goto done
	:: atomic { n < EACH -> n++; m = begun; begun++; before[m] = linked }
	fi;
send:
	/* link the message into the lane */
	if
	:: atomic { lane ->
		inside = inside | ONE(m); linked = linked | ONE(m);
		m = 0; invariants() };
		goto next
	:: atomic { !lane -> skip }
	fi;
	/* no lane: make one, unless somebody was quicker */
#ifndef NO_LOCK
	if
	:: atomic { lock == 0 && lane -> skip }; goto send
	:: atomic { lock == 0 && !lane -> lock = me }
	fi;
#endif
#ifdef MKDIR_FIRST
	if
	:: atomic { lane = true; invariants() }
	MAY_DIE(me)
	fi;
#endif
	/* a new token in tmp/; HASH.token is a link of that one from now on */
	if
	:: atomic { new_token(t) -> token = t; invariants() }
	MAY_DIE(me)
	fi;
	if
	:: atomic { name_in_turns(t, m); t = 0; invariants() }
	MAY_DIE(me)
	fi;
	/* mkdir; unlock */
	if
	:: atomic { lane = true; lock = (lock == me -> 0 : lock); invariants() }; goto send
	MAY_DIE(me)
	fi;
killed:
	skip;
done:
	m = 0; t = 0; n = 0
}

#define N        (uses[me] - 1)
#define T        has[me]
#define OTHER    (1 - me)
#define OTHERS   (uses[OTHER] - 1)
#define RETIRE   T = 0; uses[me] = 0; m = 0; holds[me] = false
#define DROP     clock[N] = NONE; lapsed[N] = false; RETIRE
#define IS_UNUSED(n) (clock[n] == NONE && !receipt[n] && !IS_LEASED(1, n) && \
	!IS_LEASED(2, n) && !IS_LEASED(3, n))

/* The lease goes to the consumer: now it must be its own. */
inline deliver()
{
	assert((before[m] & ~acked) == 0);
	assert(!holds[OTHER] || lapsed[OTHERS] || lapsed[N]);
	assert(!holds[OTHER] || !IS_LEASED(has[OTHER], OTHERS) || clock[OTHERS] != LIVE ||
	    clock[N] != LIVE);
	holds[me] = true
}

proctype consumer(byte me)
{
	byte m, i;

idle:
	/* choose a token of turns/; see which message it would be; make a clock */
	atomic {
		if
		:: where[1] == TURNS -> T = 1
		:: where[2] == TURNS -> T = 2
		:: where[3] == TURNS -> T = 3
		fi;
		if
		:: IS_UNUSED(2 * me) -> uses[me] = 2 * me + 1
		:: !IS_UNUSED(2 * me) && IS_UNUSED(2 * me + 1) -> uses[me] = 2 * me + 2
		fi;
		clock[N] = LIVE; lapsed[N] = false;
		look_at_head(m)
	};
	/* lease the token under a name that tells lease and message */
	if
	:: atomic { where[T] == TURNS -> where[T] = LEASED; at[T] = N }
	:: atomic { where[T] != TURNS -> DROP }; goto idle
	fi;
	if
	:: m == NOTHING -> goto close
	:: else
	fi;
	/* link the receipt */
	if
	:: atomic { inside & ONE(m) -> receipt[N] = true }
	:: atomic { !(inside & ONE(m)) -> put_back(T, N, m); DROP; invariants() }; goto idle
	fi;
#ifndef NO_IDENTITY
	/* is it the valid token? */
	if
	:: atomic { token == T -> skip }
	:: atomic { token != T -> receipt[N] = false };
		if
		:: atomic { drop_token(T, N); DROP; invariants() }; goto idle
			fi
	fi;
#endif
	/* is it still leased? */
	if
#ifdef NO_LOOK
	:: atomic { deliver() }
#else
	:: atomic { IS_LEASED(T, N) -> deliver() }
	:: atomic { !IS_LEASED(T, N) -> receipt[N] = false; RETIRE }; goto idle
#endif
	fi;
	/* before a verdict: the clock, the token, the receipt */
	if
	:: atomic { clock[N] == LIVE && IS_LEASED(T, N) && receipt[N] -> skip }
	:: atomic { clock[N] == LIVE && IS_LEASED(T, N) && receipt[N] -> skip }; goto nack
	:: atomic { !(clock[N] == LIVE && IS_LEASED(T, N) && receipt[N]) -> RETIRE }; goto idle
	fi;
	/* ack: remove the message; the receipt; see what is next */
	if
	:: atomic { inside & ONE(m) ->
		inside = inside & ~ONE(m); acked = acked | ONE(m); holds[me] = false }
	:: atomic { !(inside & ONE(m)) -> RETIRE }; goto idle
	fi;
	if
	:: atomic { receipt[N] = false; look_at_head(m) }
	fi;
	if
	:: atomic { m == NOTHING -> skip }; goto close
	:: atomic { m != NOTHING -> put_back(T, N, m); DROP; invariants() }; goto idle
	fi;
nack:
	if
	:: atomic { IS_LEASED(T, N) -> put_back(T, N, m); holds[me] = false; m = 0;
		invariants() }
	:: atomic { !IS_LEASED(T, N) -> RETIRE }; goto idle
	fi;
	if
	:: atomic { receipt[N] = false; DROP }; goto idle
	fi;

close:
	/* with the lock, and only if the token is its own still, and the valid one */
	if
	:: atomic { lock != 0 && token == T -> put_back(T, N, m); DROP; invariants() }; goto idle
	:: atomic { lock != 0 && token != T -> drop_token(T, N); DROP; invariants() }; goto idle
#ifdef CLOSE_BLIND
	:: atomic { lock == 0 -> lock = me + 3; m = 0 }
#else
	:: atomic { lock == 0 && IS_LEASED(T, N) && token == T -> lock = me + 3; m = 0 }
	:: atomic { lock == 0 && IS_LEASED(T, N) && token != T -> drop_token(T, N); DROP }; goto idle
	:: atomic { lock == 0 && !IS_LEASED(T, N) -> RETIRE }; goto idle
#endif
	fi;
	/* rmdir */
	if
	:: atomic { lane && inside -> look_at_head(m); put_back(T, N, m); lock = 0; DROP;
		invariants() }; goto idle
#ifdef NO_SEAL
	:: atomic { !(lane && inside) -> skip }
	MAY_DIE(me + 3)
	fi;
	if
	:: atomic { lane = false; inside = 0; invariants() }
#else
	:: atomic { !(lane && inside) -> lane = false }
#endif
	MAY_DIE(me + 3)
	fi;
	/* the token's link; the token; unlock */
	if
	:: atomic { token = 0; invariants() }
	MAY_DIE(me + 3)
	fi;
	if
	:: atomic { drop_token(T, N); lock = 0; DROP; invariants() }; goto idle
	MAY_DIE(me + 3)
	fi;
killed:
	atomic { RETIRE };
	goto idle
}

#define OWNED(n) (uses[0] == n + 1 || uses[1] == n + 1)

proctype reaper()
{
	byte n, t, i;

end:
	do
	:: atomic {
		n = 0;
		do
		:: n < LEASES - 1 -> n++
		:: break
		od;
		t = 0;
		if
		:: IS_LEASED(1, n) -> t = 1
		:: IS_LEASED(2, n) -> t = 2
		:: IS_LEASED(3, n) -> t = 3
		:: else
		fi;
		if
		:: clock[n] == LIVE && OWNED(n) && lapses < LAPSES ->
			lapses++; clock[n] = DEAD; lapsed[n] = true
		:: clock[n] == LIVE && !OWNED(n) -> clock[n] = DEAD; lapsed[n] = true
		:: clock[n] == DEAD && receipt[n] -> receipt[n] = false
#ifdef SAME_NAMES
		:: clock[n] == DEAD && t -> put_back(t, n, names[t])
#else
		:: clock[n] == DEAD && t -> put_back(t, n, 0)
#endif
		:: clock[n] == DEAD && !t && !receipt[n] ->
			clock[n] = NONE; lapsed[n] = OWNED(n)
		:: clock[n] == NONE && (t || receipt[n]) -> clock[n] = LIVE
		:: else
		fi;
		invariants();
		n = 0; t = 0
	   }
	od
}

init {
	byte i;

	atomic {
		for (i : 1 .. TOKENS) {
			where[i] = GONE
		}
		for (i : 0 .. LEASES - 1) {
			clock[i] = NONE
		}
		run sender(1);
		run sender(2);
		run consumer(0);
		run consumer(1);
		run reaper()
	}
}
