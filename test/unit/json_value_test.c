/* SPDX-License-Identifier: Apache-2.0 */
/* JSON values: what is read, what is refused, how numbers print. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base_limits.h"
#include "json_value.h"

static struct json *
parsed(const char *text)
{
	struct err err = {0};
	struct json *v = json_parse(bytes_of_str(text), &err);

	if (v == NULL)
		fail_msg("%s: %s", text, err.msg);
	return v;
}

static void
assert_prints(const struct json *v, const char *want)
{
	struct buf out;

	buf_init(&out, 1 << 20);
	json_print(v, &out);
	assert_string_equal(buf_text(&out), want);
	buf_fini(&out);
}

static void
test_prints_as_read(void **state)
{
	static const struct {
		const char *name, *in, *out;
	} rows[] = {
	    {"empty object", "{}", "{}"},
	    {"empty array", " [ ] ", "[]"},
	    {"order is kept", "{\"b\":1,\"a\":[true,false,null]}",
		"{\"b\":1,\"a\":[true,false,null]}"},
	    {"time with milliseconds", "1700000000.123", "1700000000.123"},
	    {"time with tenths", "1769904000.5", "1769904000.5"},
	    {"integer stays integer", "1700000000", "1700000000"},
	    {"real stays real", "5.0", "5.0"},
	    {"negative real", "-0.125", "-0.125"},
	    {"negative thousandth", "-0.001", "-0.001"},
	    {"tenth", "0.1", "0.1"},
	    {"more than three decimals", "0.12345", "0.12345"},
	    {"seventeen digits", "0.30000000000000004", "0.30000000000000004"},
	    {"large real", "1e300", "1e+300"},
	    {"smallest integer", "-9223372036854775808", "-9223372036854775808"},
	    {"largest integer", "9223372036854775807", "9223372036854775807"},
	    {"escapes", "\"\\u0041\\n\\t\\\"\\\\\\/\\u001f\"", "\"A\\n\\t\\\"\\\\/\\u001f\""},
	    {"surrogate pair", "\"\\ud83d\\ude00\"", "\"\xf0\x9f\x98\x80\""},
	    {"text", "\"l\xc3\xa9gal\"", "\"l\xc3\xa9gal\""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct json *v = parsed(rows[i].in);
		print_message("%s\n", rows[i].name);
		assert_prints(v, rows[i].out);
		json_free(&v);
		assert_null(v);
	}
}

static void
test_refuses(void **state)
{
	static const struct {
		const char *name, *in;
		size_t len; /* 0 = all */
		enum err_code code;
		const char *says;
	} rows[] = {
	    {"nothing", "", 0, ERR_SYNTAX, "line"},
	    {"white space", " \n", 0, ERR_SYNTAX, "line"},
	    {"duplicate key", "{\"a\":1,\n\"a\":2}", 0, ERR_SYNTAX, "duplicate key at line 2"},
	    {"trailing text", "{} x", 0, ERR_SYNTAX, "line 1"},
	    {"NUL escape", "\"\\u0000\"", 0, ERR_SYNTAX, "NUL"},
	    {"NUL byte", "\"a\0b\"", 5, ERR_SYNTAX, "line 1"},
	    {"NaN", "NaN", 0, ERR_SYNTAX, "line 1"},
	    {"real out of range", "1e400", 0, ERR_SYNTAX, "out of range"},
	    {"integer out of range", "9223372036854775808", 0, ERR_SYNTAX, "out of range"},
	    {"bad UTF-8", "\"\xff\"", 0, ERR_SYNTAX, "UTF-8"},
	    {"overlong UTF-8", "\"\xc0\xaf\"", 0, ERR_SYNTAX, "UTF-8"},
	    {"lone surrogate", "\"\\ud800\"", 0, ERR_SYNTAX, "line 1"},
	    {"byte order mark", "\xef\xbb\xbf{}", 0, ERR_SYNTAX, "line 1"},
	    {"comma at the end", "[1,]", 0, ERR_SYNTAX, "line 1"},
	    {"leading zero", "01", 0, ERR_SYNTAX, "line 1"},
	    {"comment", "/**/{}", 0, ERR_SYNTAX, "line 1"},
	    {"secret is not quoted back", "{\"Password\":hunter2}", 0, ERR_SYNTAX,
		"invalid JSON at line 1"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct err err = {0};
		size_t len = rows[i].len > 0 ? rows[i].len : strlen(rows[i].in);
		print_message("%s\n", rows[i].name);
		assert_null(json_parse(bytes_of(rows[i].in, len), &err));
		assert_int_equal(err.code, rows[i].code);
		if (strstr(err.msg, rows[i].says) == NULL)
			fail_msg("%s: %s", rows[i].name, err.msg);
		assert_null(strstr(err.msg, "hunter2"));
	}
}

static void
test_depth_and_size_limits(void **state)
{
	struct err err = {0};
	struct json *v;
	struct buf text;

	(void)state;
	buf_init(&text, 4 * LIMIT_MIB);
	for (unsigned deep = JSON_DEPTH_MAX; deep <= JSON_DEPTH_MAX + 1; deep++) {
		buf_reset(&text);
		for (unsigned i = 0; i < deep; i++)
			buf_append_byte(&text, '[');
		buf_append_str(&text, "\"[[\\\"[\"");
		for (unsigned i = 0; i < deep; i++)
			buf_append_byte(&text, ']');
		v = json_parse(buf_view(&text), &err);
		assert_int_equal(v != NULL, deep == JSON_DEPTH_MAX);
		json_free(&v);
	}
	assert_int_equal(err.code, ERR_LIMIT);
	buf_reset(&text);
	buf_append_byte(&text, '[');
	for (unsigned i = 0; i < JSON_VALUES_MAX; i++)
		buf_append_str(&text, "1,");
	buf_append_str(&text, "1]");
	assert_null(json_parse(buf_view(&text), &err));
	assert_int_equal(err.code, ERR_LIMIT);
	buf_fini(&text);
}

static void
test_builds_and_looks(void **state)
{
	struct json *v = json_new_object(), *list = json_new_array(), *copy;
	const struct json *member;
	const char *key;

	(void)state;
	json_set_str(v, "s", "text");
	json_set_str(v, "absent", NULL);
	json_set_text(v, "dirty", bytes_of("a\0b\xff", 4));
	json_set_integer(v, "n", -3);
	json_set_bool(v, "yes", true);
	json_set_seconds(v, "t", 1700000000123);
	json_set_seconds(v, "whole", 1700000000000);
	json_set(v, "null", json_new_null());
	json_push(list, json_new_real(0.5));
	json_set(v, "list", list);
	json_set(v, "\xff", json_new_bool(false));
	assert_prints(v, "{\"s\":\"text\",\"dirty\":\"a\xef\xbf\xbd"
			 "b\xef\xbf\xbd\",\"n\":-3,\"yes\":true,"
			 "\"t\":1700000000.123,\"whole\":1700000000,\"null\":null,\"list\":[0.5],"
			 "\"\xef\xbf\xbd\":false}");
	assert_int_equal(json_ms(json_get(v, "t")), 1700000000123);
	assert_int_equal(json_ms(json_get(v, "whole")), 1700000000000);
	assert_string_equal(json_get_str(v, "s"), "text");
	assert_null(json_get_str(v, "n"));
	assert_int_equal(json_get_integer(v, "n", 7), -3);
	assert_int_equal(json_get_integer(v, "s", 7), 7);
	assert_true(json_get_bool(v, "yes", false));
	assert_true(json_get_bool(v, "n", true));
	assert_non_null(json_get(v, "null"));
	assert_null(json_find(v, "null"));
	assert_null(json_get(v, "nothing"));
	assert_null(json_get(NULL, "s"));
	assert_int_equal(json_kind(json_at(json_get(v, "list"), 0)), JSON_REAL);
	assert_null(json_at(json_get(v, "list"), 1));
	assert_true(json_member(v, 2, &key, &member));
	assert_string_equal(key, "n");
	assert_false(json_member(v, 9, &key, &member));
	assert_int_equal(json_count(v), 9);
	copy = json_copy(v);
	assert_true(json_equal(v, copy));
	json_unset(copy, "s");
	json_unset(copy, "never there");
	assert_false(json_equal(v, copy));
	json_free(&copy);
	json_free(&v);
	json_free(&v);
}

static void
test_canonical_and_pretty(void **state)
{
	struct json *a = parsed("{\"b\":{\"z\":1,\"y\":[]},\"a\":[1,{}]}");
	struct json *b = parsed("{\"a\":[1,{}],\"b\":{\"y\":[],\"z\":1}}");
	struct buf one, two;

	(void)state;
	buf_init(&one, 4096);
	buf_init(&two, 4096);
	json_print_sorted(a, &one);
	json_print_sorted(b, &two);
	assert_string_equal(buf_text(&one), "{\"a\":[1,{}],\"b\":{\"y\":[],\"z\":1}}");
	assert_string_equal(buf_text(&one), buf_text(&two));
	assert_true(json_equal(a, b));
	buf_reset(&one);
	json_print_pretty(a, &one);
	assert_string_equal(buf_text(&one), "{\n  \"b\": {\n    \"z\": 1,\n    \"y\": []\n  },\n  "
					    "\"a\": [\n    1,\n    {}\n  ]\n}");
	buf_fini(&one);
	buf_fini(&two);
	json_free(&a);
	json_free(&b);
}

static void
test_seconds_are_exact(void **state)
{
	static const struct {
		const char *in;
		int64_t ms;
	} rows[] = {
	    {"0", 0},
	    {"0.0004", 0},
	    {"0.0005", 1},
	    {"-1.5", -1500},
	    {"1700000000.999", 1700000000999},
	    {"1e300", 1000000000000000},
	    {"-1e300", -1000000000000000},
	    {"9223372036854775807", 1000000000000000},
	    {"-9223372036854775808", -1000000000000000},
	    {"\"7\"", 0},
	    {"null", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct json *v = parsed(rows[i].in);
		assert_int_equal(json_ms(v), rows[i].ms);
		json_free(&v);
	}
	for (int64_t ms = 1763972425000; ms < 1763972427000; ms++) {
		struct json *v = json_new_seconds(ms), *again;
		struct buf out;
		buf_init(&out, 64);
		json_print(v, &out);
		assert_true(out.len <= strlen("1763972425.123"));
		again = parsed(buf_text(&out));
		assert_int_equal(json_ms(again), ms);
		buf_fini(&out);
		json_free(&again);
		json_free(&v);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_prints_as_read),
	    cmocka_unit_test(test_refuses),
	    cmocka_unit_test(test_depth_and_size_limits),
	    cmocka_unit_test(test_builds_and_looks),
	    cmocka_unit_test(test_canonical_and_pretty),
	    cmocka_unit_test(test_seconds_are_exact),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
