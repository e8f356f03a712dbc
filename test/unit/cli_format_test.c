/* SPDX-License-Identifier: Apache-2.0 */
/* Output: six forms of one list, widths, and text from strangers that must not do anything. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base_limits.h"
#include "cli_format.h"
#include "cli_width.h"

static const struct cli_column columns[] = {{"RECEIVED", "T", CLI_TIME, 0},
    {"SUBJECT", "S", CLI_TEXT, 8}, {"SIZE", "In.N", CLI_BYTES, 0}, {"BIG", "B", CLI_YES, 0},
    {NULL, NULL, CLI_TEXT, 0}};

#define ITEMS                                                                                      \
	"[{\"T\":1795489703.5,\"S\":\"a,\\\"b\\\"\",\"In\":{\"N\":48100},\"B\":true},"             \
	"{\"S\":\"=SUM(1)\\n\\u001b[31mlonger\",\"In\":{\"N\":7},\"B\":false}]"

static const struct {
	const char *name;
	struct cli_format format;
	const char *text;
} form_rows[] = {
    {"table", {CLI_FORM_TABLE, true},
	"RECEIVED             SUBJECT      SIZE  BIG\n"
	"2026-11-24 03:08:23  a,\"b\"     48.1 kB  yes\n"
	"                     =SUM(1)\xe2\x80\xa6      7 B  no\n"},
    {"plain", {CLI_FORM_PLAIN, true}, "2026-11-24T03:08:23.500Z\n\n"},
    {"csv", {CLI_FORM_CSV, true},
	"received,subject,size,big\r\n2026-11-24T03:08:23.500Z,\"a,\"\"b\"\"\",48100,yes\r\n"
	",\"'=SUM(1)\n [31mlonger\",7,no\r\n"},
    {"csv without titles", {CLI_FORM_CSV, false},
	"2026-11-24T03:08:23.500Z,\"a,\"\"b\"\"\",48100,yes\r\n,\"'=SUM(1)\n "
	"[31mlonger\",7,no\r\n"},
    {"tsv", {CLI_FORM_TSV, true},
	"received\tsubject\tsize\tbig\n2026-11-24T03:08:23.500Z\ta,\"b\"\t48100\tyes\n"
	"\t=SUM(1)  [31mlonger\t7\tno\n"},
    {"jsonl", {CLI_FORM_JSONL, true},
	"{\"T\":1795489703.5,\"S\":\"a,\\\"b\\\"\",\"In\":{\"N\":48100},\"B\":true}\n"
	"{\"S\":\"=SUM(1)\\n\\u001b[31mlonger\",\"In\":{\"N\":7},\"B\":false}\n"},
};

static struct json *
parse(const char *text)
{
	struct err err;
	struct json *v = json_parse(bytes_of_str(text), &err);

	assert_non_null(v);
	return v;
}

static void
test_forms(void **state)
{
	struct json *items = parse(ITEMS);
	struct buf out;

	(void)state;
	buf_init(&out, LIMIT_MIB);
	for (size_t i = 0; i < sizeof form_rows / sizeof form_rows[0]; i++) {
		buf_reset(&out);
		cli_format_list(items, columns, &form_rows[i].format, &out);
		if (strcmp(buf_text(&out), form_rows[i].text) != 0)
			fail_msg("%s:\n%s", form_rows[i].name, buf_text(&out));
	}
	buf_fini(&out);
	json_free(&items);
}

static void
test_guard(void **state)
{
	static const char *const starts[] = {"=", "+", "-", "@"};
	static const struct cli_column one[] = {{"S", "S", CLI_TEXT, 0}, {NULL, NULL, CLI_TEXT, 0}};
	static const struct cli_format csv = {CLI_FORM_CSV, false};
	struct buf out;

	(void)state;
	buf_init(&out, LIMIT_MIB);
	for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++) {
		char text[64];
		struct json *items;

		(void)snprintf(text, sizeof text, "[{\"S\":\"%scmd\"}]", starts[i]);
		items = parse(text);
		buf_reset(&out);
		cli_format_list(items, one, &csv, &out);
		assert_int_equal(out.ptr[0], '\'');
		json_free(&items);
	}
	buf_fini(&out);
}

static void
test_object(void **state)
{
	struct json *v = parse("{\"Name\":\"a\\u0007b\",\"CreatedTimestamp\":1795489703,\"Count\":"
			       "1234567,\"On\":true,\"L\":[]}");
	struct buf out;

	(void)state;
	buf_init(&out, LIMIT_MIB);
	cli_format_object(v, &out);
	assert_string_equal(buf_text(&out),
	    "Name: a\xef\xbf\xbd"
	    "b\nCreatedTimestamp: 2026-11-24 03:08:23\nCount: 1,234,567\n"
	    "On: yes\nL:\n[]\n");
	buf_fini(&out);
	json_free(&v);
}

static void
test_columns(void **state)
{
	struct cli_column picked[4];
	struct err err;

	(void)state;
	assert_true(cli_columns_pick(columns, "size,Received", picked, 4, &err));
	assert_string_equal(picked[0].title, "SIZE");
	assert_string_equal(picked[1].title, "RECEIVED");
	assert_null(picked[2].title);
	assert_false(cli_columns_pick(columns, "size,colour", picked, 4, &err));
	assert_int_equal(err.code, ERR_USAGE);
	assert_false(cli_columns_pick(columns, "size,", picked, 4, &err));
	assert_false(cli_columns_pick(columns, "", picked, 4, &err));
	assert_false(cli_columns_pick(columns, "size,size,size,size", picked, 4, &err));
}

static const struct {
	const char *name, *text;
	size_t width_max;
	bool keep_lines;
	const char *safe;
	size_t width; /* of safe */
} width_rows[] = {
    {"ascii", "abc", SIZE_MAX, false, "abc", 3},
    {"exactly", "abc", 3, false, "abc", 3},
    {"cut", "abcd", 3, false, "ab\xe2\x80\xa6", 3},
    {"umlaut",
	"\xc3\xa4"
	"bc",
	3, false,
	"\xc3\xa4"
	"bc",
	3},
    {"combining",
	"a\xcc\x88"
	"bc",
	3, false,
	"a\xcc\x88"
	"bc",
	3},
    {"wide", "\xe6\x97\xa5\xe6\x9c\xac", 4, false, "\xe6\x97\xa5\xe6\x9c\xac", 4},
    {"wide, cut", "\xe6\x97\xa5\xe6\x9c\xac", 3, false, "\xe6\x97\xa5\xe2\x80\xa6", 3},
    {"wide does not fit", "\xe6\x97\xa5\xe6\x9c\xac", 2, false, "\xe2\x80\xa6", 1},
    {"escape", "\033[2J", SIZE_MAX, false, "\xef\xbf\xbd[2J", 4},
    {"C1",
	"\xc2\x9b"
	"2J",
	SIZE_MAX, false,
	"\xef\xbf\xbd"
	"2J",
	3},
    {"line", "a\nb\tc", SIZE_MAX, false,
	"a\xef\xbf\xbd"
	"b\xef\xbf\xbd"
	"c",
	5},
    {"line kept", "a\nb\tc\r", SIZE_MAX, true, "a\nb\tc\xef\xbf\xbd", 6},
    {"right to left override",
	"a\xe2\x80\xae"
	"gpj.exe",
	SIZE_MAX, false,
	"a\xef\xbf\xbd"
	"gpj.exe",
	9},
    {"zero width", "pay\xe2\x80\x8bpal", SIZE_MAX, false, "pay\xef\xbf\xbdpal", 7},
    {"bad bytes",
	"a\xff"
	"b",
	SIZE_MAX, false,
	"a\xef\xbf\xbd"
	"b",
	3},
};

static void
test_width(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, LIMIT_MIB);
	for (size_t i = 0; i < sizeof width_rows / sizeof width_rows[0]; i++) {
		buf_reset(&out);
		cli_width_append_safe(&out, bytes_of_str(width_rows[i].text),
		    width_rows[i].width_max, width_rows[i].keep_lines);
		if (strcmp(buf_text(&out), width_rows[i].safe) != 0 ||
		    cli_width(buf_view(&out)) != width_rows[i].width)
			fail_msg("%s: %s", width_rows[i].name, buf_text(&out));
	}
	buf_fini(&out);
}

static void
test_numbers(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, 4096);
	cli_format_count(&out, 9204118);
	buf_append_byte(&out, ' ');
	cli_format_count(&out, -123456);
	buf_append_byte(&out, ' ');
	cli_format_count(&out, 999);
	buf_append_byte(&out, ' ');
	cli_format_bytes(&out, 999);
	buf_append_byte(&out, ' ');
	cli_format_bytes(&out, 48123);
	buf_append_byte(&out, ' ');
	cli_format_bytes(&out, INT64_C(3200000000));
	assert_string_equal(buf_text(&out), "9,204,118 -123,456 999 999 B 48.1 kB 3.2 GB");
	buf_fini(&out);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_forms),
	    cmocka_unit_test(test_guard),
	    cmocka_unit_test(test_object),
	    cmocka_unit_test(test_columns),
	    cmocka_unit_test(test_width),
	    cmocka_unit_test(test_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
