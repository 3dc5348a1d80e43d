/*
 * answer.c - answer every line with "ok"
 *
 * The least that a command of mq-work -L can do: what its input has at a time
 * is answered at once.
 */
#include <string.h>
#include <unistd.h>

int main(void)
{
	static char in[65536], out[3 * sizeof(in)];
	ssize_t n;

	while ((n = read(STDIN_FILENO, in, sizeof(in))) > 0) {
		char *put = out, *end = in + n;

		for (char *p = in; (p = memchr(p, '\n', (size_t)(end - p))); p++, put += 3)
			memcpy(put, "ok\n", 3);
		for (char *p = out; p < put; p += n) {
			n = write(STDOUT_FILENO, p, (size_t)(put - p));
			if (n < 0)
				return 1;
		}
	}
	return n < 0;
}
