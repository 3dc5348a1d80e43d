/*
 * serve.h - what the crash tests ask for at every point
 *
 * What is wrong is told on standard output, what calls of the library have to say of
 * an error on standard error.  The queues are those of $MQ_SPOOL.
 */
#ifndef SERVE_H
#define SERVE_H

/* Make directory TO what FROM is; without FROM there is no TO.  What fails ends the
 * process. */
void restore(const char *from, const char *to);

/* Take and ack all that can be taken in an hour, from one queue after the other (the
 * last is NULL), and print the payloads, each in brackets; sorted: by number, with
 * blanks between.  1: one could not be taken. */
int look_left(char **queues, int sorted);

/* 0: the queue is fit for use in 20 days.  A message that is sent then comes, and no
 * other; then there is none that counts, and no file that an empty queue should not
 * have.  In all tmp/ of the spool there are at most so many pieces of litter, which a
 * killed command was building. */
int look_well(const char *queue, unsigned litter);

/* 0: no file under construction is in the spool. */
int look_litter(void);

#endif
