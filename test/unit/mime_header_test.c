/* SPDX-License-Identifier: Apache-2.0 */
/* Where fields begin and end, and where the header does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base_limits.h"
#include "mime_header.h"

static void
fields(void **state)
{
	static const struct {
		const char *name, *message, *want; /* name=raw;… */
		bool malformed;
		const char *body;
	} rows[] = {
	    {"two", "A: x\r\nB:y\r\n\r\nbody", "A= x;B=y;", false, "body"},
	    {"bare line feeds", "A: x\nB: y\n\nbody", "A= x;B= y;", false, "body"},
	    {"fold", "A: x\r\n y\r\nB: z\r\n\r\n", "A= x\r\n y;B= z;", false, ""},
	    {"a fold of white space only", "A: x\r\n \r\n y\r\n\r\nb", "A= x\r\n \r\n y;", false,
		"b"},
	    {"space before the colon", "A : x\r\n\r\n", "A= x;", false, ""},
	    {"empty value", "A:\r\nB:\n\n", "A=;B=;", false, ""},
	    {"no body", "A: x\r\n", "A= x;", false, ""},
	    {"last line without end", "A: x", "A= x;", false, ""},
	    {"carriage return at the end", "A: x\r", "A= x\r;", false, ""},
	    {"no header", "\r\nbody", "", false, "body"},
	    {"no empty line", "A: x\r\nbody is here\r\n", "A= x;", true, "body is here\r\n"},
	    {"only a body", "body is here", "", true, "body is here"},
	    {"fold at the start", " x\r\nA: y\r\n\r\n", "", true, " x\r\nA: y\r\n\r\n"},
	    {"colon first", ": x\r\n\r\n", "", true, ": x\r\n\r\n"},
	    {"mailbox separator", "From a@b Tue Nov 24 10:00\nA: x\n\nb", "A= x;", false, "b"},
	    {"quoted separator", ">From a@b\nA: x\n\nb", "A= x;", false, "b"},
	    {"a field all the same", "From : a@b\n\nb", "From= a@b;", false, "b"},
	    {"empty", "", "", false, ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct bytes message = bytes_of_str(rows[i].message);
		struct mime_header_cursor c;
		struct mime_field f;
		struct buf text;

		print_message("%s\n", rows[i].name);
		buf_init(&text, 4096);
		mime_header_init(&c, message);
		while (mime_header_next(&c, &f)) {
			buf_append(&text, f.name);
			buf_append_byte(&text, '=');
			buf_append(&text, f.raw);
			buf_append_byte(&text, ';');
		}
		assert_string_equal(buf_text(&text), rows[i].want);
		assert_int_equal(c.malformed, rows[i].malformed);
		assert_false(c.limited);
		assert_string_equal(rows[i].message + mime_header_body(message), rows[i].body);
		buf_fini(&text);
	}
}

static void
limits(void **state)
{
	static const struct {
		const char *name, *unit;
		size_t count, fields;
		bool limited;
	} rows[] = {
	    {"as many as there may be", "X: y\r\n", MIME_FIELDS_MAX, MIME_FIELDS_MAX, false},
	    {"one more", "X: y\r\n", MIME_FIELDS_MAX + 1, MIME_FIELDS_MAX, true},
	    {"one long field", " 0123456789\r\n", MIME_HEADER_BYTES_MAX / 13 + 1, 0, true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct mime_header_cursor c;
		struct mime_field f;
		struct buf text;
		size_t n = 0;

		print_message("%s\n", rows[i].name);
		buf_init(&text, 4 * LIMIT_MIB);
		if (rows[i].unit[0] == ' ')
			buf_append_str(&text, "X:\r\n");
		for (size_t k = 0; k < rows[i].count; k++)
			buf_append_str(&text, rows[i].unit);
		buf_append_str(&text, "\r\nbody");
		mime_header_init(&c, buf_view(&text));
		while (mime_header_next(&c, &f))
			n++;
		assert_int_equal(n, rows[i].fields);
		assert_int_equal(c.limited, rows[i].limited);
		assert_int_equal(mime_header_body(buf_view(&text)), text.len - 4);
		buf_fini(&text);
	}
}

static void
finds(void **state)
{
	struct bytes message = BYTES_LIT("Subject: one\r\nSUBJECT: two\r\n\r\nTo: body\r\n");
	struct mime_field f;

	(void)state;
	assert_true(mime_header_find(message, "subject", &f));
	assert_true(bytes_equal(f.raw, BYTES_LIT(" one")));
	assert_false(mime_header_find(message, "To", &f));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(fields), cmocka_unit_test(limits), cmocka_unit_test(finds)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
