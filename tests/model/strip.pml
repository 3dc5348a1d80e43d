/*
 * strip.pml - the strip: senders, a rotation, and a consumer that seals
 *
 * The steps of lib/spool/strip.c, one system call each: two senders of two messages
 * each rotate whenever they like, one consumer takes and removes segments, and
 * a sender may be killed at any step.  Checked: messages sent one after the
 * other come out in that order, and none is left behind the head.
 *
 * Each macro takes away one step that the protocol needs:
 *
 *	NO_SEAL    an empty segment is passed without removing it
 *	NO_LOCK    two may rotate at once
 *	NO_LOOK    who rotates does not look whether the tail has moved meanwhile
 *	HEAD_FIRST the head moves on before the segment is removed
 */
#define SEGMENTS 4
#define MESSAGES 4
#define NOWHERE  9

byte tail = 0, head = 0;
bool exists[SEGMENTS];
byte place[MESSAGES];   /* the segment that a message is in */
bool sent[MESSAGES];    /* its sender was told so */
bool taken[MESSAGES];
bool before[16];        /* [a * 4 + b]: a was sent before b was begun */
bool lock = false;
byte senders = 2;

inline note_order(m)
{
	byte k;

	for (k : 0 .. MESSAGES - 1) {
		if
		:: sent[k] -> before[k * 4 + m] = true
		:: else
		fi
	}
	k = 0
}

proctype sender(byte first)
{
	byte m = first, seen;

next:
	if
	:: m == first + 2 -> goto done
	:: m < first + 2 -> goto killed
	:: m < first + 2 -> atomic { note_order(m) }
	fi;
again:
	seen = tail;
	/* rename into that segment */
	atomic {
		if
		:: exists[seen] -> place[m] = seen
		:: else -> goto again
		fi
	};
	if
	:: goto report
	:: tail + 1 < SEGMENTS -> skip /* this one rotates */
	:: goto killed
	fi;
#ifndef NO_LOCK
	atomic {
		if
		:: !lock -> lock = true
		:: else -> goto report
		fi
	};
#endif
#ifndef NO_LOOK
	if
	:: tail == seen
	:: else -> goto unlock
	fi;
#endif
	if
	:: seen + 1 < SEGMENTS -> exists[seen + 1] = true
	:: else -> goto unlock
	fi;
	if
	:: skip
	:: lock = false; goto killed /* between mkdir and the new tail */
	fi;
	tail = seen + 1;
unlock:
	lock = false;
report:
	sent[m] = true;
	m++;
	goto next;
killed:
	skip;
done:
	senders--
}

proctype consumer()
{
	byte at, end, m, found;

look:
	at = head;
list:
	/* getdents of one segment is a snapshot; the lowest name goes first */
	atomic {
		found = NOWHERE;
		for (m : 0 .. MESSAGES - 1) {
			if
			:: exists[at] && place[m] == at && !taken[m] && found == NOWHERE ->
				found = m
			:: exists[at] && place[m] == at && !taken[m] && found != NOWHERE &&
			    before[m * 4 + found] -> found = m
			:: else
			fi
		}
	};
	if
	:: found != NOWHERE ->
		atomic {
			for (m : 0 .. MESSAGES - 1) {
				assert(!(before[m * 4 + found] && sent[m] && !taken[m]))
			}
			taken[found] = true;
			place[found] = NOWHERE
		};
		goto look
	:: else
	fi;
	end = tail;
	if
	:: at >= end ->
		if
		:: atomic { senders == 0 && at >= tail ->
			for (m : 0 .. MESSAGES - 1) {
				assert(place[m] == NOWHERE || place[m] >= at)
			} }
			if
			:: atomic { exists[at] -> found = 0;
				for (m : 0 .. MESSAGES - 1) {
					if
					:: place[m] == at -> found = NOWHERE
					:: else
					fi
				} }
				if
				:: found == NOWHERE -> goto look
				:: else -> goto done
				fi
			:: else -> goto done
			fi
		:: else -> goto look
		fi
	:: else
	fi;
#ifdef HEAD_FIRST
	head = at + 1;
	if
	:: skip
	:: goto look /* killed here, and the next consumer comes */
	fi;
#endif
#ifndef NO_SEAL
	/* rmdir, unless somebody was late */
	atomic {
		if
		:: exists[at] ->
			found = 0;
			for (m : 0 .. MESSAGES - 1) {
				if
				:: place[m] == at -> found = 1
				:: else
				fi
			}
			if
			:: found == 1 -> goto list
			:: else -> exists[at] = false
			fi
		:: else
		fi
	};
#endif
	at++;
	head = at;
	goto list;
done:
	/* all that was accepted was delivered */
	atomic {
		for (m : 0 .. MESSAGES - 1) {
			assert(!sent[m] || taken[m])
		}
	}
}

init {
	byte i;

	atomic {
		for (i : 0 .. MESSAGES - 1) {
			place[i] = NOWHERE
		}
		exists[0] = true;
		run sender(0);
		run sender(2);
		run consumer()
	}
}
