/*
 * statcheck.c - checks of figures, as in 'visible>1000'
 */
#include "stat/statcheck.h"

#include <string.h>

static const char *const op_names[OPS] = { ">", ">=", "<", "<=", "=", "!=" };

/* Which of the n words the text of that length is; n: none. */
static size_t find_word(const char *const *words, size_t n, const char *text, size_t length)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (strlen(words[i]) == length && memcmp(words[i], text, length) == 0)
			break;
	return i;
}

void statcheck_parse(struct cmd *c, const char *text, struct statcheck *check)
{
	static const char blanks[] = " \t";
	size_t nfigure = strcspn(text, " \t<>=!");
	const char *op = text + nfigure + strspn(text + nfigure, blanks);
	size_t nop = strspn(op, "<>=!");
	const char *value = op + nop + strspn(op + nop, blanks);

	check->text = text;
	check->figure = find_word(figure_names, FIGURES, text, nfigure);
	check->op = find_word(op_names, OPS, op, nop);
	if (check->figure == FIGURES)
		cmd_usage(c, "-c '%s': no such field: '%.*s'", text, (int)nfigure, text);
	if (check->op == OPS)
		cmd_usage(c, "-c '%s': not one of > >= < <= = !=: '%.*s'", text, (int)nop, op);
	if (figure_parse(check->figure, value, &check->value))
		cmd_usage(c, "-c '%s': bad value: '%s'", text, value);
}

/* What is not a number, as nothing was measured, is above and below nothing. */
static int is_true(const struct statcheck *check, double is)
{
	switch (check->op) {
	case ABOVE:
		return is > check->value;
	case AT_LEAST:
		return is >= check->value;
	case BELOW:
		return is < check->value;
	case AT_MOST:
		return is <= check->value;
	case EQUAL:
		return is == check->value;
	default:
		return is < check->value || is > check->value;
	}
}

int statcheck_run(struct cmd *c, const char *queue, const struct statcheck *check,
    const struct mq_stats *s)
{
	double is = figure_value(s, check->figure);

	if (!is_true(check, is))
		return 0;
	cmd_error(c, MQ_OK, "%s: %s is %s: %s", queue, figure_names[check->figure],
	    figure_word(check->figure, is).text, check->text);
	return 1;
}
