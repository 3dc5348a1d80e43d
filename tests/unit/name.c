/*
 * name.c - the names of messages and clocks: each has one form, and no other
 * is taken for it
 */
#include "format/name.h"

#include "tap.h"

#include <string.h>

#define KEY   "1763681547123456789-1a2b3c4d"
#define GROUP "0123456789abcdef0123456789abcdef"
#define KEY2  "1763681547123456790-1a2b3c4d"

/* Parsed and formatted again it is the same. */
static int is_canonical(const char *name)
{
	struct entry e;
	char again[NAME_SIZE];

	if (entry_parse(name, &e) == -1)
		return 0;
	entry_format(&e, again);
	return !strcmp(name, again);
}

static void test_good_entries(struct tap *t)
{
	struct entry e;

	CHECK(t, is_canonical(KEY ",p4,b0"));
	CHECK(t, is_canonical(KEY ",p0,r12,o1048576,h20,b5368709120"));
	CHECK(t,
	    is_canonical(KEY ",i" KEY2 ",p9,r1,b5,x1763681547123,d1a2b3c4d,v1763681547999,"
			     "l0123456789abcdef"));
	CHECK(t, is_canonical(KEY ",p4,b5,s0123456789abcdef"));
	CHECK(t, entry_parse(KEY ",p7,r2,o3,h4,b5,x6,d1a2b3c4d,v8,s00000000000000ff", &e) == 0);
	CHECK(t, !strcmp(e.key, KEY) && !strcmp(e.id, KEY));
	CHECK(t, e.priority == 7 && e.receives == 2 && e.offset == 3 && e.header == 4);
	CHECK(t, e.body == 5 && e.expires == 6 && e.visible == 8);
	CHECK(t, !strcmp(e.death, "1a2b3c4d") && e.lease == LEASE_SHARED && e.nonce == 255);
	CHECK(t, key_time(e.key) == 1763681547123456789);
}

static void test_groups(struct tap *t)
{
	struct entry e;

	CHECK(t, is_canonical(KEY ",p4,b5,g" GROUP));
	CHECK(t, is_canonical(KEY ",p4,r1,b5,x6,d1a2b3c4d,g" GROUP ",v8,l0123456789abcdef"));
	CHECK(t, is_canonical(KEY ",p4,t" GROUP));
	CHECK(t, is_canonical(KEY ",p0,r2,d1a2b3c4d,t" GROUP ",v8,s0123456789abcdef"));
	CHECK(t, is_canonical(KEY ",p0,r2,x6,d1a2b3c4d,t" GROUP));
	CHECK(t, is_canonical(KEY ",p4,r7,w" GROUP ",v8,l0123456789abcdef"));
	CHECK(t, is_canonical(KEY ",i" KEY2 ",p4,r7,x6,d1a2b3c4d,w" GROUP ",v8"));
	CHECK(t, entry_parse(KEY ",p4,w" GROUP, &e) == 0 && e.token == TOKEN_BLOCKED);
	CHECK(t, entry_parse(KEY ",p4,b5,g" GROUP, &e) == 0);
	CHECK(t, !e.token && !strcmp(e.group, GROUP));
	CHECK(t, entry_parse(KEY ",p4,r3,t" GROUP ",v8", &e) == 0);
	CHECK(t, e.token == TOKEN_MOVES && !strcmp(e.group, GROUP));
	CHECK(t, e.receives == 3 && e.visible == 8);
}

static void test_bad_entries(struct tap *t)
{
	static const char *const bad[] = {
		"",
		"lock",
		"1763681547123456789",
		KEY,
		KEY ",p4",
		KEY ",b5",
		KEY ",b5,p4",
		KEY ",p10,b5",
		KEY ",p4,b05",
		KEY ",p4,r0,b5",
		KEY ",p4,o0,b5",
		KEY ",p4,b5,",
		KEY ",p4,b5,x",
		KEY ",p4,x5",
		KEY ",p4,d1a2b3c4d",
		KEY ",p4,b5,w" GROUP,
		KEY ",p4,x5,g" GROUP,
		KEY ",p4,b5 ",
		KEY ",p4,b-5",
		KEY ",p4,b1234567890123456789",
		KEY ",i" KEY ",p4,b5",
		KEY ",p4,b5,d1A2B3C4D",
		KEY ",p4,b5,l123",
		KEY ",p4,b5,l0123456789abcdef,v5",
		KEY ",p4,b5,l0123456789ABCDEF",
		"x763681547123456789-1a2b3c4d,p4,b5",
		"1763681547123456789-1a2b3c4,p4,b5",
		KEY ",p4,h2,o1,b5",
		KEY ",p4,r1234567890,b5",
		KEY ",p4,b5,g0123456789abcdef",
		KEY ",p4,b5,g" GROUP "0",
		KEY ",p4,b5,g" GROUP ",d1a2b3c4d",
		KEY ",p4,b5,t" GROUP,
		KEY ",p4,g" GROUP,
		KEY ",p4,t" GROUP ",b5",
		KEY ",p4,d1a2b3c4d,x6,t" GROUP,
		KEY ",p4,d1a2b3c4,t" GROUP,
	};
	struct entry e;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		tap_check(t, entry_parse(bad[i], &e) == -1, bad[i], __FILE__, __LINE__);
}

static void test_longest(struct tap *t)
{
	struct entry e;
	char name[NAME_SIZE];

	memset(&e, 0, sizeof(e));
	key_format(e.key, INT64_MAX, 0xffffffff);
	key_format(e.id, INT64_MAX - 1, 0xffffffff);
	e.priority = 9;
	e.receives = 999999999;
	e.offset = e.header = e.body = 999999999999999999;
	e.expires = e.visible = 999999999999999999;
	memcpy(e.death, "ffffffff", 9);
	memcpy(e.group, GROUP, sizeof(e.group));
	e.lease = LEASE_SHARED;
	e.nonce = UINT64_MAX;
	entry_format(&e, name);
	CHECK(t, strlen(name) < 255 && is_canonical(name));
}

static void test_keys(struct tap *t)
{
	char a[KEY_SIZE], b[KEY_SIZE];

	key_format(a, 1763681547123456789, 0x1a2b3c4d);
	CHECK(t, !strcmp(a, KEY));
	key_format(a, 999999999, 0xffffffff);
	key_format(b, 1000000000, 0);
	CHECK(t, strcmp(a, b) < 0);
	CHECK(t, key_valid(KEY) && !key_valid(KEY "0") && !key_valid("") && !key_valid("../x"));
}

static int clock_is_canonical(const char *name)
{
	struct clock_name c;
	char again[CLOCK_SIZE];

	if (clock_name_parse(name, &c) == -1)
		return 0;
	clock_name_format(&c, again);
	return !strcmp(name, again);
}

static void test_clocks(struct tap *t)
{
	struct clock_name c;

	CHECK(t, clock_is_canonical("0123456789abcdef"));
	CHECK(t, clock_is_canonical("0123456789abcdef." KEY));
	CHECK(t, clock_is_canonical("0123456789abcdef~r0000beef"));
	CHECK(t, clock_is_canonical("0123456789abcdef." KEY "~d0000beef"));
	CHECK(t, clock_name_parse("0123456789abcde", &c) == -1);
	CHECK(t, clock_name_parse("0123456789abcdef~x0000beef", &c) == -1);
	CHECK(t, clock_name_parse("0123456789abcdef~r0000bee", &c) == -1);
	CHECK(t, clock_name_parse("0123456789abcdef.", &c) == -1);
	CHECK(t, clock_name_parse(KEY ",p4,b5", &c) == -1);
}

int main(void)
{
	struct tap t = { 0, 0 };

	test_good_entries(&t);
	test_groups(&t);
	test_bad_entries(&t);
	test_longest(&t);
	test_keys(&t);
	test_clocks(&t);
	return tap_end(&t);
}
