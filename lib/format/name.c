/*
 * name.c - the names of messages, leases and clocks
 */
#include "format/name.h"

#include <string.h>

#define KEY_DIGITS 19
#define MAX_DIGITS 18 /* so that no number overflows */

static int digit(char c)
{
	return c >= '0' && c <= '9';
}

static int hex_value(char c)
{
	if (digit(c))
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Exactly n lower-case hex digits; NULL when they are not there. */
static const char *scan_hex(const char *p, int n, uint64_t *value)
{
	*value = 0;
	for (; n > 0; n--, p++) {
		if (hex_value(*p) < 0)
			return NULL;
		*value = *value << 4 | (unsigned)hex_value(*p);
	}
	return p;
}

/* A decimal number without leading zeros; zero itself only where allowed. */
static const char *scan_number(const char *p, int zero, uint64_t *value)
{
	const char *start = p;

	for (*value = 0; digit(*p); p++) {
		if (p - start == MAX_DIGITS)
			return NULL;
		*value = *value * 10 + (unsigned)(*p - '0');
	}
	if (p == start || (*start == '0' && (p != start + 1 || !zero)))
		return NULL;
	return p;
}

static const char *scan_key(const char *p, char key[KEY_SIZE])
{
	uint64_t nonce;
	int i;

	for (i = 0; i < KEY_DIGITS; i++)
		if (!digit(p[i]))
			return NULL;
	if (p[i] != '-' || !scan_hex(p + i + 1, 8, &nonce))
		return NULL;
	memcpy(key, p, KEY_SIZE - 1);
	key[KEY_SIZE - 1] = '\0';
	return p + KEY_SIZE - 1;
}

int key_valid(const char *text)
{
	char key[KEY_SIZE];
	const char *end = scan_key(text, key);

	return end && *end == '\0';
}

int64_t key_time(const char *key)
{
	uint64_t ns = 0;
	int i;

	for (i = 0; i < KEY_DIGITS; i++)
		ns = ns * 10 + (unsigned)(key[i] - '0');
	return ns > INT64_MAX ? INT64_MAX : (int64_t)ns;
}

static const char hex_digits[] = "0123456789abcdef";

static char *put_hex(char *p, uint64_t value, int digits)
{
	int i;

	for (i = digits - 1; i >= 0; i--, value >>= 4)
		p[i] = hex_digits[value & 15];
	return p + digits;
}

void key_format(char key[KEY_SIZE], int64_t ns, uint32_t nonce)
{
	int i;

	for (i = KEY_DIGITS - 1; i >= 0; i--, ns /= 10)
		key[i] = (char)('0' + ns % 10);
	key[KEY_DIGITS] = '-';
	*put_hex(key + KEY_DIGITS + 1, nonce, 8) = '\0';
}

/* The optional field ",<letter>NUMBER" at p: past it, or p when it is not
 * there, or NULL when it is malformed. */
static const char *field(const char *p, char letter, uint64_t *value)
{
	*value = 0;
	if (p[0] != ',' || p[1] != letter)
		return p;
	return scan_number(p + 2, 0, value);
}

/* The field of a group, by what the entry is: 0, TOKEN_MOVES, TOKEN_BLOCKED. */
static const char group_letter[] = "gtw";

/* Whether the name goes on as a token's, which has no body. */
static int is_token(const char *p)
{
	return p[0] == ',' && p[1] && strchr("xdtw", p[1]);
}

static const char *parse_sizes(const char *p, struct entry *e)
{
	uint64_t receives;

	if ((p = field(p, 'r', &receives)) == NULL || receives > 999999999)
		return NULL;
	e->receives = (unsigned)receives;
	if (is_token(p)) {
		e->token = TOKEN_MOVES;
		return p;
	}
	if ((p = field(p, 'o', &e->offset)) == NULL || (p = field(p, 'h', &e->header)) == NULL)
		return NULL;
	if (p[0] != ',' || p[1] != 'b')
		return NULL;
	return scan_number(p + 2, 1, &e->body);
}

/* The optional field ",<letter>HEX" of so many digits, as text: past it, p when
 * it is not there, NULL when it is malformed. */
static const char *hex_field(const char *p, char letter, int digits, char *text)
{
	uint64_t value;

	if (p[0] != ',' || p[1] != letter)
		return p;
	if (!scan_hex(p + 2, digits, &value))
		return NULL;
	memcpy(text, p + 2, (size_t)digits);
	return p + 2 + digits;
}

static const char *parse_tail(const char *p, struct entry *e)
{
	uint64_t expires, visible;

	if ((p = field(p, 'x', &expires)) == NULL || (p = hex_field(p, 'd', 8, e->death)) == NULL)
		return NULL;
	if (e->token && p[0] == ',' && p[1] == group_letter[TOKEN_BLOCKED])
		e->token = TOKEN_BLOCKED;
	if ((p = hex_field(p, group_letter[e->token], HASH_SIZE - 1, e->group)) == NULL ||
	    (e->token && !e->group[0]))
		return NULL;
	if ((p = field(p, 'v', &visible)) == NULL)
		return NULL;
	if (p[0] == ',' && (p[1] == LEASE_OWN || p[1] == LEASE_SHARED)) {
		e->lease = p[1];
		if ((p = scan_hex(p + 2, 16, &e->nonce)) == NULL)
			return NULL;
	}
	e->expires = (int64_t)expires;
	e->visible = (int64_t)visible;
	return p;
}

int entry_parse(const char *name, struct entry *e)
{
	const char *p;

	memset(e, 0, sizeof(*e));
	if ((p = scan_key(name, e->key)) == NULL)
		return -1;
	memcpy(e->id, e->key, KEY_SIZE);
	if (p[0] == ',' && p[1] == 'i') {
		if ((p = scan_key(p + 2, e->id)) == NULL || !strcmp(e->id, e->key))
			return -1;
	}
	if (p[0] != ',' || p[1] != 'p' || !digit(p[2]))
		return -1;
	e->priority = (unsigned)(p[2] - '0');
	if ((p = parse_sizes(p + 3, e)) == NULL || (p = parse_tail(p, e)) == NULL)
		return -1;
	return *p == '\0' ? 0 : -1;
}

/* Names are made once or more per message: no printf on this path. */
static char *put_text(char *p, char letter, const char *text, size_t n)
{
	*p++ = ',';
	*p++ = letter;
	memcpy(p, text, n);
	return p + n;
}

char *put_decimal(char *p, uint64_t value)
{
	char digits[24];
	size_t n = sizeof(digits);

	do
		digits[--n] = (char)('0' + value % 10);
	while ((value /= 10) != 0);
	memcpy(p, digits + n, sizeof(digits) - n);
	return p + sizeof(digits) - n;
}

static char *put_number(char *p, char letter, uint64_t value)
{
	*p++ = ',';
	*p++ = letter;
	return put_decimal(p, value);
}

static char *put_nonzero(char *p, char letter, uint64_t value)
{
	return value ? put_number(p, letter, value) : p;
}

static char *put_nonce(char *p, char letter, uint64_t nonce)
{
	*p++ = ',';
	*p++ = letter;
	return put_hex(p, nonce, 16);
}

void entry_format(const struct entry *e, char name[NAME_SIZE])
{
	char *p = name;

	memcpy(p, e->key, KEY_SIZE - 1);
	p += KEY_SIZE - 1;
	if (strcmp(e->id, e->key) != 0)
		p = put_text(p, 'i', e->id, KEY_SIZE - 1);
	p = put_number(p, 'p', e->priority);
	p = put_nonzero(p, 'r', e->receives - (e->lease == LEASE_BUNDLE));
	if (!e->token) {
		p = put_nonzero(p, 'o', e->offset);
		p = put_nonzero(p, 'h', e->header);
		p = put_number(p, 'b', e->body);
	}
	p = put_nonzero(p, 'x', (uint64_t)e->expires);
	if (e->death[0])
		p = put_text(p, 'd', e->death, 8);
	if (e->group[0])
		p = put_text(p, group_letter[e->token], e->group, HASH_SIZE - 1);
	p = put_nonzero(p, 'v', (uint64_t)e->visible);
	if (e->lease && e->lease != LEASE_BUNDLE)
		p = put_nonce(p, e->lease, e->nonce);
	*p = '\0';
}

int bundle_name_parse(const char *name, uint64_t *nonce)
{
	const char *p = scan_hex(name, 16, nonce);
	uint64_t number;

	if (p == NULL || p[0] != '+' || !digit(p[1]) || p[2] != '.' ||
	    (p = scan_number(p + 3, 1, &number)) == NULL)
		return -1;
	return *p == '\0' || *p == '/' ? 0 : -1;
}

void bundle_name_format(uint64_t nonce, unsigned level, uint64_t number, char name[BUNDLE_SIZE])
{
	char *p = put_hex(name, nonce, 16);

	*p++ = '+';
	p = put_decimal(p, level);
	*p++ = '.';
	*put_decimal(p, number) = '\0';
}

void bundle_lease(struct entry *e, uint64_t nonce)
{
	e->receives++;
	e->lease = LEASE_BUNDLE;
	e->nonce = nonce;
}

void bundle_leave(struct entry *e)
{
	if (e->lease == LEASE_BUNDLE)
		e->lease = LEASE_SHARED;
}

int clock_name_parse(const char *name, struct clock_name *c)
{
	const char *p;

	memset(c, 0, sizeof(*c));
	if ((p = scan_hex(name, 16, &c->nonce)) == NULL)
		return -1;
	if (*p == '.' && (p = scan_key(p + 1, c->key)) == NULL)
		return -1;
	if (*p == '~' && (p[1] == 'r' || p[1] == 'd')) {
		c->phase = p[1] == 'r' ? CLOCK_CLAIMED : CLOCK_DEAD;
		if ((p = scan_hex(p + 2, 8, &c->claim)) == NULL)
			return -1;
	}
	return *p == '\0' ? 0 : -1;
}

void clock_name_format(const struct clock_name *c, char name[CLOCK_SIZE])
{
	char *p = put_hex(name, c->nonce, 16);

	if (c->key[0])
		p = stpcpy(stpcpy(p, "."), c->key);
	if (c->phase != CLOCK_LIVE) {
		*p++ = '~';
		*p++ = c->phase == CLOCK_CLAIMED ? 'r' : 'd';
		p = put_hex(p, c->claim, 8);
	}
	*p = '\0';
}
