/* SPDX-License-Identifier: Apache-2.0 */
/* CBOR: the bytes real clients send, the forms RFC 8949 allows, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base_limits.h"
#include "base_text.h"
#include "json_value.h"

static struct json *
parse_hex(const char *hex, struct err *err)
{
	uint8_t raw[256];
	size_t len = strlen(hex) / 2;

	assert_true(len <= sizeof(raw) && text_hex_parse(raw, len, bytes_of_str(hex)));
	return json_cbor_parse(bytes_of(raw, len), err);
}

static void
test_reads(void **state)
{
	static const struct {
		const char *name, *hex, *json;
	} rows[] = {
	    {"a request as sent",
		"a36b417263686976654e616d656c6a6f75726e616c2d3230323669526574656e74696f6ea16f526574"
		"656e7469"
		"6f6e506572696f646b534556454e5f59454152536b436c69656e74546f6b656e63742d31",
		"{\"ArchiveName\":\"journal-2026\",\"Retention\":{\"RetentionPeriod\":\"SEVEN_"
		"YEARS\"},"
		"\"ClientToken\":\"t-1\"}"},
	    {"time", "c11a6955b900", "1767225600"},
	    {"time with fraction", "c1fb41d954fc4007df3b", "1700000000.123"},
	    {"zero", "00", "0"},
	    {"23", "17", "23"},
	    {"one byte", "1818", "24"},
	    {"two bytes", "1903e8", "1000"},
	    {"eight bytes", "1b7fffffffffffffff", "9223372036854775807"},
	    {"minus one", "20", "-1"},
	    {"smallest", "3b7fffffffffffffff", "-9223372036854775808"},
	    {"head longer than needed", "1b0000000000000001", "1"},
	    {"half", "f93c00", "1.0"},
	    {"half, subnormal", "f90001", "5.9604644775390625e-08"},
	    {"half, largest", "f97bff", "65504.0"},
	    {"half, negative", "f9c400", "-4.0"},
	    {"single", "fa47c35000", "100000.0"},
	    {"double", "fb3ff199999999999a", "1.1"},
	    {"false true null undefined", "84f4f5f6f7", "[false,true,null,null]"},
	    {"bytes", "4401020304", "\"AQIDBA==\""},
	    {"indefinite bytes", "5f42010243030405ff", "\"AQIDBAU=\""},
	    {"indefinite text", "7f657374726561646d696e67ff", "\"streaming\""},
	    {"indefinite array", "9f018202039f0405ffff", "[1,[2,3],[4,5]]"},
	    {"indefinite map", "bf61610161629f0203ffff", "{\"a\":1,\"b\":[2,3]}"},
	    {"empty", "a0", "{}"},
	    {"empty text", "60", "\"\""},
	    {"indefinite key", "a17f6161ff01", "{\"a\":1}"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct err err = {0};
		struct json *v = parse_hex(rows[i].hex, &err);
		struct buf out;
		if (v == NULL)
			fail_msg("%s: %s", rows[i].name, err.msg);
		buf_init(&out, 4096);
		json_print(v, &out);
		assert_string_equal(buf_text(&out), rows[i].json);
		buf_fini(&out);
		json_free(&v);
	}
}

static void
test_refuses(void **state)
{
	static const struct {
		const char *name, *hex;
	} rows[] = {
	    {"nothing", ""},
	    {"trailing byte", "0000"},
	    {"short head", "19ff"},
	    {"short text", "6561"},
	    {"short array", "8201"},
	    {"huge array", "9bffffffffffffffff"},
	    {"huge text", "7bffffffffffffffff"},
	    {"huge map", "bbffffffffffffffff01"},
	    {"duplicate key", "a2616101616102"},
	    {"key is a number", "a10101"},
	    {"bad UTF-8", "61ff"},
	    {"character split between chunks", "7f61c361a9ff"},
	    {"NUL in text", "6100"},
	    {"NUL in key", "a1610001"},
	    {"bytes chunk in text", "7f4161ff"},
	    {"nested indefinite text", "7f7f6161ffff"},
	    {"missing break", "9f01"},
	    {"lone break", "ff"},
	    {"break in definite array", "81ff"},
	    {"odd indefinite map", "bf6161ff"},
	    {"indefinite integer", "1f"},
	    {"indefinite tag", "df00"},
	    {"reserved information", "1c"},
	    {"past 64 bits", "1b8000000000000000"},
	    {"past 64 bits, negative", "3b8000000000000000"},
	    {"bignum", "c249010000000000000000"},
	    {"time as text", "c16161"},
	    {"NaN", "f97e00"},
	    {"infinity", "fa7f800000"},
	    {"simple value", "f0"},
	    {"two-byte simple value", "f8ff"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct err err = {0};
		print_message("%s\n", rows[i].name);
		assert_null(parse_hex(rows[i].hex, &err));
		assert_int_equal(err.code, ERR_SYNTAX);
	}
}

static void
test_depth(void **state)
{
	uint8_t raw[JSON_DEPTH_MAX + 2];
	struct err err = {0};
	struct json *v;

	(void)state;
	memset(raw, 0x81, sizeof(raw));
	raw[JSON_DEPTH_MAX] = 0x01;
	v = json_cbor_parse(bytes_of(raw, JSON_DEPTH_MAX + 1), &err);
	assert_non_null(v);
	json_free(&v);
	raw[JSON_DEPTH_MAX] = 0x81;
	raw[JSON_DEPTH_MAX + 1] = 0x01;
	assert_null(json_cbor_parse(bytes_of(raw, JSON_DEPTH_MAX + 2), &err));
	assert_int_equal(err.code, ERR_LIMIT);
}

static bool
is_time(const char *key)
{
	return strcmp(key, "LastUpdatedTimestamp") == 0;
}

static void
test_prints(void **state)
{
	static const struct {
		const char *json, *hex;
	} rows[] = {
	    {"[0,23,24,255,256,65535,65536,4294967295,4294967296]",
		"890017181818ff19010019ffff1a000100001affffffff1b0000000100000000"},
	    {"[-1,-24,-25,-9223372036854775808]", "84203738183b7fffffffffffffff"},
	    {"[0.5,1.1]", "82fa3f000000fb3ff199999999999a"},
	    {"[true,false,null,\"a\",{}]", "85f5f4f66161a0"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct err err = {0};
		struct json *v = json_parse(bytes_of_str(rows[i].json), &err);
		char hex[256];
		struct buf out;
		buf_init(&out, 100);
		json_cbor_print(v, is_time, &out);
		text_hex_format(hex, buf_view(&out));
		assert_string_equal(hex, rows[i].hex);
		buf_fini(&out);
		json_free(&v);
	}
}

static void
test_times_are_tagged(void **state)
{
	struct json *v = json_new_object();
	struct buf out;

	(void)state;
	json_set_integer(v, "LastUpdatedTimestamp", 1);
	json_set_integer(v, "n", 1);
	buf_init(&out, 100);
	json_cbor_print(v, is_time, &out);
	assert_memory_equal(out.ptr, "\xa2\x74LastUpdatedTimestamp\xc1\x01\x61n\x01", out.len);
	assert_int_equal(out.len, 2 + 20 + 2 + 3);
	buf_fini(&out);
	json_free(&v);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_reads),
	    cmocka_unit_test(test_refuses),
	    cmocka_unit_test(test_depth),
	    cmocka_unit_test(test_prints),
	    cmocka_unit_test(test_times_are_tagged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
