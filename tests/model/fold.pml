/*
 * fold.pml - a folded bundle: leased whole, or unfolded by who wants less
 *
 * A folded bundle is a directory N= with one file F, which stands for all messages of the
 * bundle.  Whoever takes it whole renames the directory, and acks a row of messages
 * by one rename of F, whose name says how many are acked.  Whoever wants single ones
 * unfolds it:
 *
 *	1  make a directory U of one's own in N=, and link into it what is not acked
 *	2  rename F, by exactly the name it had then, to one that names U
 *	3  rename U to where single messages stand: N- in the line, and another name
 *	   beside the lease
 *	4  remove what others have begun, the name of step 2, and N=
 *
 * Step 2 chooses one of all that unfold it, and step 3 is done once, by whoever comes
 * first.  A reaper unfolds what has lapsed, then takes it back from there.  A rename finds
 * its directories first and acts on them later: N= may have been leased meanwhile.
 * Checked: a message stands in one place until it is acked and in none after that; nobody
 * has one that another holds; all that are not killed come to an end.
 *
 *	NO_LOOK      who has leased it does not look what is in it then
 *	NOT_EXACT    step 2 renames F, whatever is acked
 *	OPEN_DIR     who finds it unfolded acts in the directory that it listed, wherever
 *	             that has gone
 *	NAME_FIRST   the name of step 2 goes before U has moved
 *	REMOVE_BLIND what is in N= is removed although the name of step 2 was not seen
 *	LINK_BESIDE  messages are linked to their places before F is renamed
 */
#define N      2
#define USERS  6
#define LINE   0 /* where the bundle is */
#define LEASED 1
#define GONE   2
#define NONE   8  /* F is gone */
#define BY     10 /* F names the directory of BY + u; less: so many are acked */
#define INSIDE 1 /* where U is */
#define SINGLE 2

byte dir = LINE;
byte fold = 0;
byte state[USERS]; /* of each one's directory: 0, INSIDE */
byte base[USERS];  /* what was acked when it was made */
bool opened[N];    /* in N- */
bool beside[N];       /* beside the lease */
bool single[N], back[N], acked[N];
byte holder[N];
bool lapsed = false;

#define FOLDED     (fold < NONE)
#define CHOSEN     (fold - BY)
#define UNFOLDED   (fold >= BY)
#define IN_F(m)    (dir != GONE && FOLDED && m >= fold)
#define IN_U(m)    (dir != GONE && UNFOLDED && state[CHOSEN] == INSIDE && m >= base[CHOSEN])
#define PLACES(m)  (IN_F(m) + IN_U(m) + opened[m] + beside[m] + single[m] + back[m])
#define SOUND(m)   (PLACES(m) == (acked[m] -> 0 : 1))
#define EMPTY(r)   (!r[0] && !r[1])

inline may_die() {
	if
	:: true
	:: mortal -> goto dead
	fi
}

inline have(m) {
	assert(!acked[m] && holder[m] == 0);
	holder[m] = _pid
}

inline done(m) {
	acked[m] = true;
	holder[m] = 0
}

/* Steps 1 and 2; f: what F was. */
inline unfold(where) {
	atomic { /* one's own, so one step */
		ok = false;
		if
		:: dir == where && FOLDED -> state[u] = INSIDE; base[u] = f; ok = true
		:: else
		fi
	};
	may_die();
#ifdef LINK_BESIDE
	atomic {
		if
		:: ok && dir == where && where == LINE -> opened[0] = true; opened[1] = true
		:: else
		fi
	};
#endif
	atomic { ok = ok && dir == where };
	atomic {
		if
#ifdef NOT_EXACT
		:: ok && dir != GONE && FOLDED -> fold = BY + u
#else
		:: ok && dir != GONE && fold == f -> fold = BY + u
#endif
		:: else -> state[u] = 0
		fi;
		ok = false
	}
}

#ifdef OPEN_DIR
#define SAME(where) (dir != GONE)
#else
#define SAME(where) (dir == where)
#endif

/* Steps 3 and 4; v: the directory that was chosen. */
inline move(where) {
#ifdef NAME_FIRST
	atomic {
		if
		:: SAME(where) && fold == BY + v -> fold = NONE
		:: else
		fi
	};
	may_die();
#endif
	atomic { ok = SAME(where) };
	atomic {
		if
		:: ok && dir != GONE && state[v] == INSIDE ->
			state[v] = 0;
			for (m : 0 .. N - 1) {
				if
				:: m >= base[v] && where == LINE -> opened[m] = true
				:: m >= base[v] && where == LEASED -> beside[m] = true
				:: else
				fi
			}
		:: else
		fi;
		m = 0;
		ok = false
	};
	may_die();
	/* what others have begun is in nobody's way, so one step */
	atomic {
		if
		:: SAME(where) && fold == BY + v -> fold = NONE; dir = GONE
		:: SAME(where) && fold == NONE -> dir = GONE
		:: else
		fi;
		v = 0
	}
}

#ifdef REMOVE_BLIND
inline remove() {
	atomic {
		for (m : 0 .. USERS - 1) {
			state[m] = 0
		};
		m = 0
	}
}
#endif

/* What a listing of the directory shows. */
inline look(where) {
	atomic {
		f = NONE; v = 0;
		if
		:: dir == where && FOLDED -> f = fold
		:: dir == where && UNFOLDED -> f = fold; v = CHOSEN
		:: else
		fi
	}
}

proctype whole(byte u; bool mortal) {
	byte f = 0, m = 0, v = 0, mine = 0;
	bool ok = false;

	look(LINE);
	if
	:: f < NONE
	:: else -> goto dead
	fi;
	atomic {
		if
		:: dir == LINE -> dir = LEASED
		:: else -> goto dead
		fi
	};
	may_die();
#ifndef NO_LOOK
	look(LEASED);
#endif
	if
	:: f >= BY -> move(LEASED); goto singles
	:: f == NONE -> goto dead
	:: else
	fi;
	/* It is told what it has: what lapsed by then is not. */
	atomic {
		if
		:: lapsed -> goto dead
		:: else
		fi;
		for (m : 0 .. N - 1) { have(m) };
		m = 0
	};
	do
	:: mine < N ->
		may_die();
		look(LEASED);
		if
		:: lapsed || f == NONE -> goto dead
		:: f >= BY -> move(LEASED); goto singles
		:: else
		fi;
		if
		:: true -> atomic { /* a row of one */
				if
				:: fold == mine && dir == LEASED && mine + 1 < N -> done(mine); fold = mine + 1; mine++
				:: fold == mine && dir == LEASED && mine + 1 == N -> done(mine); fold = NONE; mine++
				:: else
				fi
			}
		:: mine == 0 -> atomic {
				if
				:: fold == 0 && dir == LEASED -> done(0); done(1); fold = NONE; mine = N
				:: else
				fi
			}
		:: true -> unfold(LEASED)
		fi
	:: mine == N ->
		may_die();
		atomic {
			if
			:: dir == LEASED && fold == NONE -> dir = GONE
			:: else
			fi
		};
		goto dead
	od;
singles:
	/* What it was not told before it has only while nobody took it back. */
	m = 0;
	do
	:: m < N ->
		may_die();
		if
		:: lapsed -> goto dead
		:: else
		fi;
		atomic {
			if
			:: beside[m] ->
				beside[m] = false;
				if
				:: holder[m] == 0 -> have(m)
				:: else -> assert(holder[m] == _pid)
				fi;
				done(m)
			:: else
			fi;
			m++
		}
	:: m == N -> break
	od;
dead:
	atomic { m = 0; f = 0; mine = 0; v = 0; ok = false }
}

/* The lease may end at any time. */
proctype lapse() {
	byte m;

end:	atomic {
		dir == LEASED || !EMPTY(beside);
		lapsed = true;
		for (m : 0 .. N - 1) {
			if
			:: !single[m] -> holder[m] = 0
			:: else
			fi
		}
		m = 0
	}
}

proctype reaper(byte u; bool mortal) {
	byte f = 0, m = 0, v = 0;
	bool ok = false;

	do
	:: lapsed && dir == LEASED ->
		look(LEASED);
		if
		:: f < NONE -> unfold(LEASED)
		:: f >= BY -> move(LEASED)
		:: else ->
#ifdef REMOVE_BLIND
			remove();
#endif
			atomic {
				if
				:: dir == LEASED && fold == NONE -> dir = GONE
				:: else
				fi
			}
		fi;
		may_die()
	:: lapsed && !EMPTY(beside) ->
		for (m : 0 .. N - 1) {
			atomic {
				if
				:: beside[m] -> beside[m] = false; back[m] = true
				:: else
				fi
			};
			may_die()
		}
		m = 0
	:: dir == GONE && EMPTY(beside) -> break
	od;
dead:
	atomic { f = 0; m = 0; v = 0; ok = false }
}

/* Wants one: unfolds the bundle, or takes what came back. */
proctype taker(byte u; bool mortal) {
	byte f = 0, m = 0, v = 0;
	bool ok = false;

	do
	:: dir == LINE ->
		look(LINE);
		if
		:: f < NONE -> unfold(LINE)
		:: f >= BY -> move(LINE)
		:: else ->
			atomic {
				if
				:: dir == LINE && fold == NONE -> dir = GONE
				:: else
				fi
			}
		fi;
		may_die()
	:: !EMPTY(opened) && dir != LINE ->
		for (m : 0 .. N - 1) {
			atomic {
				if
				:: opened[m] -> opened[m] = false; single[m] = true; have(m)
				:: else
				fi
			};
			may_die();
			atomic {
				if
				:: single[m] && holder[m] == _pid -> single[m] = false; done(m)
				:: else
				fi
			}
		}
		m = 0
	:: atomic { back[0] -> back[0] = false; single[0] = true; have(0) };
		may_die();
		atomic { single[0] = false; done(0) }
	:: atomic { back[1] -> back[1] = false; single[1] = true; have(1) };
		may_die();
		atomic { single[1] = false; done(1) }
	:: dir == GONE && EMPTY(opened) && EMPTY(back) && EMPTY(beside) -> break
	od;
dead:
	atomic { f = 0; m = 0; v = 0; ok = false }
}

active proctype monitor() {
	assert(SOUND(0) && SOUND(1))
}

init {
	atomic {
		run whole(1, true);
		run lapse();
		run reaper(3, false);
		run taker(5, false);
#ifdef REAPERS
		run reaper(2, true)
#else
		run taker(4, true)
#endif
	}
}
