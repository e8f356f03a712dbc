/* SPDX-License-Identifier: Apache-2.0 */
/* Reverse and forward paths, row by row. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base_limits.h"
#include "base_mem.h"
#include "smtp_path.h"

#define REV SMTP_PATH_REVERSE
#define FWD SMTP_PATH_FORWARD

struct row {
	const char *name;
	const char *text;
	enum smtp_path_kind kind;
	enum smtp_path_result result;
	const char *local, *domain, *rest; /* of a good one */
};

static const struct row rows[] = {
    {"plain", "<a@b.test>", REV, SMTP_PATH_OK, "a", "b.test", ""},
    {"with parameters", "<a@b.test> SIZE=1", REV, SMTP_PATH_OK, "a", "b.test", " SIZE=1"},
    {"null reverse path", "<>", REV, SMTP_PATH_OK, "", "", ""},
    {"null forward path", "<>", FWD, SMTP_PATH_BAD, 0, 0, 0},
    {"postmaster", "<PostMaster>", FWD, SMTP_PATH_OK, "PostMaster", "", ""},
    {"postmaster as sender", "<Postmaster>", REV, SMTP_PATH_BAD, 0, 0, 0},
    {"other name without domain", "<root>", FWD, SMTP_PATH_BAD, 0, 0, 0},
    {"case is kept", "<User.Name+Tag@Example.TEST>", FWD, SMTP_PATH_OK, "User.Name+Tag",
	"Example.TEST", ""},
    {"every atom character", "<!#$%&'*+-/=?^_`{|}~@b.test>", REV, SMTP_PATH_OK,
	"!#$%&'*+-/=?^_`{|}~", "b.test", ""},
    {"dots anywhere", "<.a..b.@b.test>", REV, SMTP_PATH_OK, ".a..b.", "b.test", ""},
    {"quoted", "<\"a b\\\"c\"@b.test>", REV, SMTP_PATH_OK, "\"a b\\\"c\"", "b.test", ""},
    {"quoted with bracket and at", "<\"a>@<b\"@b.test>", REV, SMTP_PATH_OK, "\"a>@<b\"", "b.test",
	""},
    {"quoted empty", "<\"\"@b.test>", REV, SMTP_PATH_OK, "\"\"", "b.test", ""},
    {"quote not closed", "<\"a@b.test>", REV, SMTP_PATH_BAD, 0, 0, 0},
    {"quote ends in backslash", "<\"a\\", REV, SMTP_PATH_BAD, 0, 0, 0},
    {"text behind quote", "<\"a\"b@b.test>", REV, SMTP_PATH_BAD, 0, 0, 0},
    {"tab in quote", "<\"a\tb\"@b.test>", REV, SMTP_PATH_BAD, 0, 0, 0},
    {"route", "<@x.test,@y.test:a@b.test>", REV, SMTP_PATH_OK, "a", "b.test", ""},
    {"route of one", "<@x.test:a@b.test>", FWD, SMTP_PATH_OK, "a", "b.test", ""},
    {"route without colon", "<@x.test>", REV, SMTP_PATH_BAD, 0, 0, 0},
    {"route without address", "<@x.test:>", REV, SMTP_PATH_BAD, 0, 0, 0},
    {"route with a bad domain", "<@-x.test:a@b.test>", REV, SMTP_PATH_BAD, 0, 0, 0},
    {"route with a gap", "<@x.test,:a@b.test>", REV, SMTP_PATH_BAD, 0, 0, 0},
    {"IPv4 literal", "<a@[192.0.2.1]>", REV, SMTP_PATH_OK, "a", "[192.0.2.1]", ""},
    {"IPv4 literal too large", "<a@[192.0.2.256]>", REV, SMTP_PATH_BAD, 0, 0, 0},
    {"IPv6 literal", "<a@[IPv6:2001:db8::1]>", REV, SMTP_PATH_OK, "a", "[IPv6:2001:db8::1]", ""},
    {"IPv6 literal, any case", "<a@[ipv6:::1]>", REV, SMTP_PATH_OK, "a", "[ipv6:::1]", ""},
    {"IPv6 literal, nonsense", "<a@[IPv6:zz]>", REV, SMTP_PATH_BAD, 0, 0, 0},
    {"IPv6 literal without tag", "<a@[2001:db8::1]>", REV, SMTP_PATH_BAD, 0, 0, 0},
    {"empty literal", "<a@[]>", REV, SMTP_PATH_BAD, 0, 0, 0},
    {"literal not closed", "<a@[192.0.2.1>", REV, SMTP_PATH_BAD, 0, 0, 0},
    {"no bracket", "a@b.test", REV, SMTP_PATH_NO_BRACKET, 0, 0, 0},
    {"empty", "", REV, SMTP_PATH_NO_BRACKET, 0, 0, 0},
    {"only a bracket", "<", REV, SMTP_PATH_BAD, 0, 0, 0},
    {"not closed", "<a@b.test", REV, SMTP_PATH_BAD, 0, 0, 0},
    {"two ats", "<a@b@c.test>", REV, SMTP_PATH_BAD, 0, 0, 0},
    {"no local part", "<@b.test>", FWD, SMTP_PATH_BAD, 0, 0, 0},
    {"no domain", "<a@>", REV, SMTP_PATH_BAD, 0, 0, 0},
    {"space", "<a b@b.test>", REV, SMTP_PATH_BAD, 0, 0, 0},
    {"space before bracket", "<a@b.test >", REV, SMTP_PATH_BAD, 0, 0, 0},
    {"shell", "<;sleep 66;@b.test>", REV, SMTP_PATH_BAD, 0, 0, 0},
    {"empty label", "<a@b..test>", REV, SMTP_PATH_BAD, 0, 0, 0},
    {"final dot", "<a@b.test.>", REV, SMTP_PATH_BAD, 0, 0, 0},
    {"label ends in hyphen", "<a@b-.test>", REV, SMTP_PATH_BAD, 0, 0, 0},
    {"underscore", "<a@_b.test>", REV, SMTP_PATH_OK, "a", "_b.test", ""},
    {"one label", "<a@localhost>", REV, SMTP_PATH_OK, "a", "localhost", ""},
    {"UTF-8", "<\xc3\xbc@b\xc3\xbc.test>", REV, SMTP_PATH_OK, "\xc3\xbc", "b\xc3\xbc.test", ""},
    {"not UTF-8", "<\xff@b.test>", REV, SMTP_PATH_OK, "\xff", "b.test", ""},
};

static void
assert_view(const char *name, const char *what, struct bytes got, const char *expected)
{
	if (!bytes_equal(got, bytes_of_str(expected)))
		fail_msg("%s: %s is '%.*s', not '%s'", name, what, (int)got.len,
		    (const char *)got.ptr, expected);
}

static void
test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct row *r = &rows[i];
		struct bytes text = bytes_of_str(r->text);
		struct smtp_path path;
		size_t used = 0;
		enum smtp_path_result result = smtp_path_parse(text, r->kind, &path, &used);

		if (result != r->result)
			fail_msg("%s: result %d, not %d", r->name, (int)result, (int)r->result);
		if (result != SMTP_PATH_OK)
			continue;
		assert_view(r->name, "local", path.local, r->local);
		assert_view(r->name, "domain", path.domain, r->domain);
		assert_view(r->name, "rest", bytes_slice(text, used, text.len), r->rest);
		if (path.domain.len > 0)
			assert_int_equal(path.address.len, path.local.len + 1 + path.domain.len);
	}
}

static void
test_flags(void **state)
{
	struct smtp_path path;
	size_t used;

	(void)state;
	assert_int_equal(
	    smtp_path_parse(BYTES_LIT("<\"x\"@[::1]>"), REV, &path, &used), SMTP_PATH_BAD);
	assert_int_equal(
	    smtp_path_parse(BYTES_LIT("<\"x\"@[1.2.3.4]>"), REV, &path, &used), SMTP_PATH_OK);
	assert_true(path.quoted && path.literal && !path.has_8bit && path.utf8_valid);
	assert_int_equal(
	    smtp_path_parse(BYTES_LIT("<\xc3\xbc@b.test>"), REV, &path, &used), SMTP_PATH_OK);
	assert_true(path.has_8bit && path.utf8_valid && !path.quoted && !path.literal);
	assert_int_equal(
	    smtp_path_parse(BYTES_LIT("<\xff@b.test>"), REV, &path, &used), SMTP_PATH_OK);
	assert_true(path.has_8bit && !path.utf8_valid);
	assert_int_equal(
	    smtp_path_parse(BYTES_LIT("<a\0@b.test>"), REV, &path, &used), SMTP_PATH_BAD);
}

/* long_path: "<" + n times c + suffix. */
static enum smtp_path_result
long_path(char c, size_t n, const char *prefix, const char *suffix)
{
	struct smtp_path path;
	struct buf text;
	size_t used;
	enum smtp_path_result result;

	buf_init(&text, 8192);
	buf_append_str(&text, prefix);
	for (size_t i = 0; i < n; i++)
		buf_append_byte(&text, (uint8_t)c);
	buf_append_str(&text, suffix);
	result = smtp_path_parse(buf_view(&text), REV, &path, &used);
	buf_fini(&text);
	return result;
}

static void
test_limits(void **state)
{
	(void)state;
	assert_int_equal(long_path('a', 65, "<", "@b.test>"), SMTP_PATH_OK);
	assert_int_equal(long_path('a', 200, "<", "@b.test>"), SMTP_PATH_OK);
	assert_int_equal(long_path('a', SMTP_PATH_BYTES_MAX - 9, "<", "@b.test>"), SMTP_PATH_OK);
	assert_int_equal(long_path('a', SMTP_PATH_BYTES_MAX - 8, "<", "@b.test>"), SMTP_PATH_BAD);
	assert_int_equal(long_path('b', 63, "<a@", ".test>"), SMTP_PATH_OK);
	assert_int_equal(long_path('b', 64, "<a@", ".test>"), SMTP_PATH_BAD);
}

static void
test_domains(void **state)
{
	static const struct {
		const char *text;
		bool good;
	} domains[] = {
	    {"client.test", true},
	    {"localhost", true},
	    {"[127.0.0.1]", true},
	    {"[IPv6:::1]", true},
	    {"my_host", true},
	    {"127.0.0.1", true},
	    {"", false},
	    {"a b", false},
	    {"[IPv6:zz]", false},
	    {"a.", false},
	    {".a", false},
	    {"[127.0.0.1]x", false},
	    {"a/b", false},
	    {"\xff", false},
	    {"-a", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof domains / sizeof domains[0]; i++) {
		if (smtp_path_is_domain(bytes_of_str(domains[i].text)) != domains[i].good)
			fail_msg(
			    "'%s' is%s a domain?", domains[i].text, domains[i].good ? " not" : "");
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rows),
	    cmocka_unit_test(test_flags),
	    cmocka_unit_test(test_limits),
	    cmocka_unit_test(test_domains),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
