/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8 over every character and every bad form; hex, base64 (RFC 4648 §10) and decimal by rows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base_rng.h"
#include "base_text.h"

static void
every_character(void **state)
{
	(void)state;
	for (uint32_t c = 0; c <= 0x10ffff; c++) {
		uint8_t space[8];
		struct buf b = {.ptr = space, .cap = 7, .max = 7};
		size_t at = 0, want = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

		if (c >= 0xd800 && c <= 0xdfff)
			continue;
		text_utf8_append(&b, c);
		if (b.len != want || !text_utf8_valid(buf_view(&b)))
			fail_msg("U+%04X: %zu bytes", c, b.len);
		if (text_utf8_next(buf_view(&b), &at) != c || at != want)
			fail_msg("U+%04X comes back as another", c);
	}
}

struct bad_row {
	const char *name, *text;
	size_t count; /* characters, bad bytes as one each */
};

static const struct bad_row bad_rows[] = {
    {"continuation alone", "\x80", 1},
    {"overlong slash", "\xc0\xaf", 2},
    {"overlong c1", "\xc1\xbf", 2},
    {"overlong of three", "\xe0\x9f\xbf", 3},
    {"overlong of four", "\xf0\x8f\xbf\xbf", 4},
    {"surrogate", "\xed\xa0\x80", 3},
    {"past U+10FFFF", "\xf4\x90\x80\x80", 4},
    {"f5", "\xf5\x80\x80\x80", 4},
    {"ff", "\xff", 1},
    {"cut of two", "a\xc3", 2},
    {"cut of three", "\xe2\x82", 2},
    {"cut of four", "\xf0\x9f\x98", 3},
    {"letter inside",
	"\xe2\x82"
	"A",
	3},
};

static void
bad_utf8(void **state)
{
	struct buf b;

	(void)state;
	for (size_t i = 0; i < sizeof bad_rows / sizeof *bad_rows; i++) {
		struct bytes text = bytes_of_str(bad_rows[i].text);

		if (text_utf8_valid(text))
			fail_msg("%s is accepted", bad_rows[i].name);
		if (text_utf8_count(text) != bad_rows[i].count)
			fail_msg("%s: %zu characters", bad_rows[i].name, text_utf8_count(text));
		assert_false(text_is_ascii(text));
	}
	assert_true(text_utf8_valid(BYTES_EMPTY));
	assert_true(text_is_ascii(BYTES_LIT("a\x7f")));
	buf_init(&b, 20);
	text_utf8_append(&b, 0xd800);
	text_utf8_append(&b, 0x110000);
	assert_string_equal(buf_text(&b), "\xef\xbf\xbd\xef\xbf\xbd");
	buf_fini(&b);
}

static void
hex(void **state)
{
	uint8_t out[3] = {0};
	char text[7];

	(void)state;
	text_hex_format(text, BYTES_LIT("\x00\xaf\x10"));
	assert_string_equal(text, "00af10");
	assert_true(text_hex_parse(out, 3, BYTES_LIT("00aF10")));
	assert_memory_equal(out, "\x00\xaf\x10", 3);
	assert_false(text_hex_parse(out, 3, BYTES_LIT("00af1")));
	assert_false(text_hex_parse(out, 3, BYTES_LIT("00af100")));
	assert_false(text_hex_parse(out, 3, BYTES_LIT("00ag10")));
	assert_false(text_hex_parse(out, 3, BYTES_LIT("00 f10")));
	assert_true(text_hex_parse(out, 0, BYTES_EMPTY));
}

struct base64_row {
	const char *text, *data; /* data NULL: refused */
};

static const struct base64_row base64_rows[] = {
    {"", ""},
    {"Zg==", "f"},
    {"Zm8=", "fo"},
    {"Zm9v", "foo"},
    {"Zm9vYg==", "foob"},
    {"Zm9vYmE=", "fooba"},
    {"Zm9vYmFy", "foobar"},
    {"+/+/", "\xfb\xff\xbf"},
    {"Zg=", NULL},
    {"Zg", NULL},
    {"Zh==", NULL}, /* unused bits */
    {"Zm9=", NULL},
    {"Zg==Zg==", NULL},
    {"Z===", NULL},
    {"====", NULL},
    {"Z=g=", NULL},
    {"Zm 9", NULL},
    {"Zm9v\r\n", NULL},
    {"Zm9-", NULL},
    {"Zm9_", NULL},
};

static void
base64(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 1000);
	for (size_t i = 0; i < sizeof base64_rows / sizeof *base64_rows; i++) {
		const struct base64_row *row = &base64_rows[i];

		buf_reset(&b);
		if (text_base64_decode(&b, bytes_of_str(row->text)) != (row->data != NULL))
			fail_msg("decoding '%s'", row->text);
		if (row->data == NULL)
			continue;
		assert_string_equal(buf_text(&b), row->data);
		buf_reset(&b);
		text_base64_encode(&b, bytes_of_str(row->data));
		assert_string_equal(buf_text(&b), row->text);
	}
	assert_false(text_base64_decode(&b, BYTES_LIT("Zm\0v")));
	buf_fini(&b);
	buf_init(&b, 2);
	assert_false(text_base64_decode(&b, BYTES_LIT("Zm9v"))); /* past the ceiling */
	buf_fini(&b);
}

static void
base64_of_anything(void **state)
{
	struct rng_seeded seed = {3};
	struct rng rng = rng_seeded(&seed);

	(void)state;
	for (size_t len = 0; len < 200; len++) {
		uint8_t data[200];
		struct buf text, back;

		rng_fill(&rng, data, sizeof data);
		buf_init(&text, 400);
		buf_init(&back, 400);
		text_base64_encode(&text, bytes_of(data, len));
		assert_int_equal(text.len, (len + 2) / 3 * 4);
		assert_true(text_base64_decode(&back, buf_view(&text)));
		assert_true(bytes_equal(buf_view(&back), bytes_of(data, len)));
		buf_fini(&text);
		buf_fini(&back);
	}
}

static void
decimal(void **state)
{
	static const char *const bad[] = {"", "-1", "+1", " 1", "1 ", "0x1", "1a",
	    "18446744073709551616", "99999999999999999999"};
	uint64_t v = 0;

	(void)state;
	assert_true(text_u64_parse(&v, BYTES_LIT("18446744073709551615")) && v == UINT64_MAX);
	assert_true(text_u64_parse(&v, BYTES_LIT("0007")) && v == 7);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (text_u64_parse(&v, bytes_of_str(bad[i])))
			fail_msg("'%s' is a number", bad[i]);
	assert_int_equal(v, 7); /* a refusal writes nothing */
}

static void
suggestions(void **state)
{
	static const char *const words[] = {"archive", "search", "export", "ls", NULL};

	(void)state;
	assert_string_equal(text_suggest("serach", words), "search");
	assert_string_equal(text_suggest("archives", words), "archive");
	assert_string_equal(text_suggest("archive", words), "archive");
	assert_null(text_suggest("elephant", words));
	assert_null(text_suggest("xy", words)); /* every letter replaced is no hint */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_character),
	    cmocka_unit_test(bad_utf8),
	    cmocka_unit_test(hex),
	    cmocka_unit_test(base64),
	    cmocka_unit_test(base64_of_anything),
	    cmocka_unit_test(decimal),
	    cmocka_unit_test(suggestions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
