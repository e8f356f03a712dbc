/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses as text: what is taken, what is refused, and how it prints. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "os_socket.h"

static const struct {
	const char *name, *text;
	const char *printed; /* NULL: refused */
	const char *ip;
} ROWS[] = {
    {"IPv4", "127.0.0.1:2525", "127.0.0.1:2525", "127.0.0.1"},
    {"IPv4 any", "0.0.0.0:0", "0.0.0.0:0", "0.0.0.0"},
    {"IPv6", "[::1]:25", "[::1]:25", "::1"},
    {"IPv6 is printed short", "[2001:0DB8:0:0:0:0:0:1]:65535", "[2001:db8::1]:65535",
	"2001:db8::1"},
    {"mapped IPv4 is IPv4", "[::ffff:192.0.2.1]:25", "192.0.2.1:25", "192.0.2.1"},
    {"empty", "", NULL, NULL},
    {"no port", "127.0.0.1", NULL, NULL},
    {"no port after colon", "127.0.0.1:", NULL, NULL},
    {"port too large", "127.0.0.1:65536", NULL, NULL},
    {"port with sign", "127.0.0.1:+25", NULL, NULL},
    {"port with leading zero", "127.0.0.1:025", NULL, NULL},
    {"port with space", "127.0.0.1: 25", NULL, NULL},
    {"name", "localhost:25", NULL, NULL},
    {"only port", ":25", NULL, NULL},
    {"IPv6 without brackets", "::1:25", NULL, NULL},
    {"IPv4 in brackets", "[127.0.0.1]:25", NULL, NULL},
    {"bracket not closed", "[::1:25", NULL, NULL},
    {"scope", "[fe80::1%lo]:25", NULL, NULL},
    {"empty brackets", "[]:25", NULL, NULL},
    {"three numbers", "127.0.1:25", NULL, NULL},
    {"number too large", "127.0.0.256:25", NULL, NULL},
};

static void
rows_parse_and_print(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
		struct os_address a;
		char text[OS_ADDRESS_TEXT_SIZE];
		struct err err = {0};
		bool ok = os_address_parse(&a, bytes_of_str(ROWS[i].text), &err);

		print_message("  %s\n", ROWS[i].name);
		assert_int_equal(ok, ROWS[i].printed != NULL);
		if (!ok) {
			assert_int_equal(err.code, ERR_SYNTAX);
			continue;
		}
		os_address_format(text, &a);
		assert_string_equal(text, ROWS[i].printed);
		os_address_format_ip(text, &a);
		assert_string_equal(text, ROWS[i].ip);
	}
}

static void
nul_inside_is_refused(void **state)
{
	struct os_address a;
	struct err err;

	(void)state;
	assert_false(os_address_parse(&a, BYTES_LIT("127.0.0.1\0x:25"), &err));
}

static void
equality(void **state)
{
	struct os_address a, b;
	struct err err;

	(void)state;
	assert_true(os_address_parse(&a, BYTES_LIT("192.0.2.1:25"), &err));
	assert_true(os_address_parse(&b, BYTES_LIT("[::ffff:192.0.2.1]:25"), &err));
	assert_true(os_address_equal(&a, &b));
	b.port = 26;
	assert_false(os_address_equal(&a, &b));
	assert_true(os_address_parse(&b, BYTES_LIT("[2001:db8::1]:25"), &err));
	assert_false(os_address_equal(&a, &b));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(rows_parse_and_print),
	    cmocka_unit_test(nul_inside_is_refused),
	    cmocka_unit_test(equality),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
