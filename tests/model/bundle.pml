/*
 * bundle.pml - bundles in a strip: who installs them, and who takes them
 *
 * The steps of lib/spool/strip.c and lib/place/journal.c, one system call each.  A publisher
 * and a helper, who may be killed at any step, both deliver the bundle A of two
 * messages from the journal, and the publisher then sends one message.  A consumer
 * takes bundles whole or opens them, as it likes.  Checked: nothing is taken twice,
 * what was listed of a bundle that was taken whole is in it, what was sent is found
 * before the strip is called empty, and a message comes after those that were sent
 * before it was begun.
 *
 * OTHERS  instead of the helper one who sends the bundle B, and one more message
 * TWO     instead of the helper one who sends B; two consumers, who keep no order
 *
 * Each of these takes away one step that the protocol needs:
 *
 *	LOOK_FIRST   the tail is read after the look at a number
 *	NO_AGAIN     when a segment that may be the last has an entry, its bundle is
 *	             not looked for once more
 *	MINUS_FIRST  the opened bundle is looked for before the closed one
 *	FROM_CLOSED  single messages are taken from a bundle that is not opened
 *	NAME_FIRST   a bundle from the journal gets its name before the tail is moved
 *	NO_SEGMENT   the segment of the new tail is left to be made by who adds to it
 *	NO_LOCK      two may install at once
 *	NO_CLAIM     who delivers a bundle one by one leaves it its name
 *	LEFT_ALONE   what another delivers one by one is left to that one
 */
#define SEGMENTS 5
#define MESSAGES 5 /* 0 and 1 in A, 2 after it, 3 in B, 4 alone */
#define A        0
#define B        1
#define NOWHERE  9
#define IN(b)    (10 + (b)) /* instead of a segment's number */

#define MADE    0 /* the forms of a bundle */
#define CLAIMED 1 /* to be delivered one by one */
#define CLOSED  2
#define OPENED  3
#define TAKEN   4

byte tail = 0, head = 0;
bool exists[SEGMENTS];
byte form[2], number[2];
byte place[MESSAGES];
bool sent[MESSAGES], taken[MESSAGES];
byte lock = 0; /* who has it */
byte senders;

#define IS(f, n) (form[A] == f && number[A] == n || form[B] == f && number[B] == n)

inline may_die(mortal)
{
	if
	:: true
	:: mortal -> goto killed
	fi
}

/* To the tail; it makes the segment that only a crash, or NO_SEGMENT, took away. */
inline add(m, from)
{
	do
	:: seen = tail;
		atomic {
			if
			:: place[m] != from -> break
			:: place[m] == from && exists[seen] -> place[m] = seen; break
			:: else
			fi
		};
		if
		:: tail == seen -> exists[seen] = true
		:: else
		fi
	od;
	seen = 0
}

/* got: false when the lock is not free, or the bundle not there. */
inline install(b, mortal)
{
#ifndef NO_LOCK
	atomic {
		if
		:: lock == 0 && form[b] == MADE -> lock = _pid; got = true
		:: else -> got = false
		fi
	};
#else
	got = form[b] == MADE;
#endif
	if
	:: got ->
		seen = tail + 1;
#ifndef NO_SEGMENT
		exists[seen] = true;
		may_die(mortal);
#endif
#ifndef NAME_FIRST
		tail = seen;
		may_die(mortal);
#endif
		atomic {
			if
			:: form[b] == MADE && !IS(CLOSED, seen) -> form[b] = CLOSED; number[b] = seen
			:: else -> got = false
			fi
		};
		may_die(mortal);
#ifdef NAME_FIRST
		tail = seen;
#endif
		atomic { unlock(); seen = 0 }
	:: else
	fi
}

inline unlock()
{
	if
	:: lock == _pid -> lock = 0
	:: else
	fi
}

#ifdef NO_CLAIM
#define HERE (form[b] == MADE)
#elif defined(LEFT_ALONE)
#define HERE (form[b] == CLAIMED && got)
#else
#define HERE (form[b] == CLAIMED)
#endif

/* Each step a rename: the kernel finds the directory, then takes from it. */
inline one_by_one(b, m, mortal)
{
#ifndef NO_CLAIM
	atomic {
		if
		:: form[b] == MADE -> form[b] = CLAIMED; got = true
		:: else
		fi
	};
	may_die(mortal);
#endif
	if
	:: HERE -> add(m, IN(b))
	:: else
	fi;
	may_die(mortal);
	if
	:: HERE -> add(m + 1, IN(b))
	:: else
	fi
}

proctype helper()
{
	byte seen;
	bool got;

	may_die(true);
	install(A, true);
	if
	:: !got -> one_by_one(A, 0, true)
	:: else
	fi;
killed:
	atomic { unlock(); senders-- }
}

proctype publisher()
{
	byte seen;
	bool got;

	install(A, false);
	if
	:: !got -> one_by_one(A, 0, false)
	:: else
	fi;
	atomic { sent[0] = true; sent[1] = true };
	may_die(true);
	add(2, NOWHERE);
	sent[2] = true;
killed:
	senders--
}

/* Nobody else has B: it gets its name, and the next free number, before the tail
 * is moved.  A kill leaves it behind the tail. */
proctype bundler()
{
	byte seen;

	atomic { lock == 0 -> lock = _pid };
	may_die(true);
	seen = tail + 1;
	if
	:: IS(CLOSED, seen) -> seen++
	:: else
	fi;
	atomic { form[B] = CLOSED; number[B] = seen };
	may_die(true);
	exists[seen] = true;
	tail = seen;
	sent[3] = true;
killed:
	atomic { unlock(); seen = 0; senders-- }
}

proctype sender()
{
	byte seen;

	add(4, NOWHERE);
	atomic { sent[4] = true; senders-- }
}

/* The first message in that directory, or NOWHERE; what is listed, as bits. */
inline list(where)
{
	found = NOWHERE;
	listed = 0;
	for (m : 0 .. MESSAGES - 1) {
		if
		:: place[m] == where ->
			listed = listed | (1 << m);
			if
			:: found == NOWHERE -> found = m
			:: else
			fi
		:: else
		fi
	}
	m = 0
}

/* The same, if a bundle of that form and number is there: it is b. */
inline list_bundle(f)
{
	found = NOWHERE;
	listed = 0;
	b = (form[A] == f && number[A] == at -> A : B);
	if
	:: IS(f, at) -> list(IN(b))
	:: else
	fi
}

inline have(m)
{
	assert(!taken[m]);
#ifndef TWO
	assert(m != 2 || taken[0] && taken[1]);
#endif
	taken[m] = true;
	place[m] = NOWHERE
}

inline have_all()
{
	for (m : 0 .. MESSAGES - 1) {
		if
		:: listed & (1 << m) ->
			assert(place[m] == IN(b));
			have(m)
		:: else
		fi
	}
	m = 0
}

inline take_from(where)
{
	if
	:: place[found] == where -> have(found)
	:: else
	fi;
	listed = 0
}

proctype consumer()
{
	byte at, b, m, found, listed;
	bool quiet, sure;

look:
	atomic { at = head; quiet = senders == 0 };
probe:
#ifdef LOOK_FIRST
	sure = true;
#else
	sure = at < tail;
#endif
#ifdef MINUS_FIRST
	if
	:: IS(OPENED, at) -> goto opened
	:: else
	fi;
#endif
	/* N+ */
	atomic { list_bundle(CLOSED) };
	if
	:: found == NOWHERE
	:: found != NOWHERE -> /* whole */
		atomic {
			if
			:: form[b] == CLOSED ->
				form[b] = TAKEN;
				have_all()
			:: else
			fi;
			listed = 0;
			goto look
		}
	:: found != NOWHERE ->
#ifdef FROM_CLOSED
		atomic {
			if
			:: form[b] == CLOSED -> take_from(IN(b))
			:: else
			fi;
			listed = 0;
			goto look
		}
#else
		atomic {
			if
			:: form[b] == CLOSED -> form[b] = OPENED
			:: else
			fi;
			listed = 0;
			goto opened
		}
#endif
	fi;
#ifdef MINUS_FIRST
	goto segment;
#endif
opened:
	/* N- */
	atomic { list_bundle(OPENED) };
	if
	:: found != NOWHERE ->
		atomic { take_from(IN(b)); goto look }
	:: else
	fi;
segment:
	/* N */
	atomic {
		found = NOWHERE;
		if
		:: exists[at] -> list(at)
		:: else
		fi
	};
	if
	:: found != NOWHERE ->
#ifndef NO_AGAIN
		if
		:: !sure && (IS(CLOSED, at) || IS(OPENED, at)) -> goto probe
		:: else
		fi;
#endif
		atomic { take_from(at); goto look }
	:: else
	fi;
	atomic {
#ifdef LOOK_FIRST
		sure = at < tail;
#endif
		if
		:: !sure && quiet ->
			for (m : 0 .. MESSAGES - 1) {
				assert(!sent[m] || taken[m])
			}
			goto done
		:: !sure && !quiet -> goto look
		:: sure
		fi
	};
	/* rmdir: when somebody was late, look again */
	atomic {
		list(at);
		if
		:: exists[at] && found != NOWHERE -> listed = 0; goto probe
		:: else -> exists[at] = false
		fi;
		at++;
		head = at;
		goto probe
	};
done:
	skip
}

init {
	byte i;

	atomic {
		for (i : 0 .. MESSAGES - 1) {
			place[i] = NOWHERE
		}
		place[0] = IN(A);
		place[1] = IN(A);
		place[3] = IN(B);
		exists[0] = true;
		run publisher();
#ifdef OTHERS
		run sender();
#endif
#if defined(OTHERS) || defined(TWO)
		run bundler();
#else
		run helper();
#endif
		senders = _nr_pr - 1;
		run consumer();
#ifdef TWO
		run consumer()
#endif
	}
}
