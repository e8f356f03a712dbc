/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mime_fold.h"

static void
folds(void **state)
{
	static const struct {
		const char *name, *in, *out;
	} rows[] = {
	    {"ascii", "Hello WORLD 42", "hello world 42"},
	    {"accents stay", "\xC3\x89t\xC3\x89", "\xC3\xA9t\xC3\xA9"},
	    {"sharp s", "Stra\xC3\x9F\x65", "strasse"},
	    {"greek final sigma", "\xCE\xA3\xCF\x82", "\xCF\x83\xCF\x83"},
	    {"beyond the BMP", "\xF0\x90\x90\x80", "\xF0\x90\x90\xA8"},
	    {"a byte that is no UTF-8", "a\xFFz", "a\xEF\xBF\xBDz"},
	    {"empty", "", ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct buf out;

		print_message("%s\n", rows[i].name);
		buf_init(&out, 1000);
		mime_fold(bytes_of_str(rows[i].in), &out);
		assert_string_equal(buf_text(&out), rows[i].out);
		assert_true(mime_fold_equal(bytes_of_str(rows[i].in), buf_view(&out)));
		buf_fini(&out);
	}
}

static void
contains(void **state)
{
	static const struct {
		const char *name, *text, *needle;
		bool want;
	} rows[] = {
	    {"begin", "Hello", "he", true},
	    {"end", "Hello", "LLO", true},
	    {"longer than the text", "Hi", "high", false},
	    {"equal", "AbC", "aBc", true},
	    {"accent counts", "resume", "r\xC3\xA9sum\xC3\xA9", false},
	    {"accent, other case", "R\xC3\x89SUM\xC3\x89", "r\xC3\xA9sum\xC3\xA9", true},
	    {"ss finds sharp s", "Gro\xC3\x9F", "GROSS", true},
	    {"empty needle", "x", "", true},
	    {"empty text", "", "x", false},
	    {"ascii needle in other text", "\xE6\x9D\x8E Chan", "CHAN", true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct buf needle;

		print_message("%s\n", rows[i].name);
		buf_init(&needle, 1000);
		mime_fold(bytes_of_str(rows[i].needle), &needle);
		assert_int_equal(mime_fold_contains(bytes_of_str(rows[i].text), buf_view(&needle)),
		    rows[i].want);
		buf_fini(&needle);
	}
}

/* The needle begins at every place of the text and nearly ends there. */
static void
slow(void **state)
{
	struct buf text, needle;

	(void)state;
	buf_init(&text, 4u << 20);
	buf_init(&needle, 1u << 20);
	for (size_t i = 0; i < 2u << 20; i++)
		buf_append_byte(&text, 'A');
	for (size_t i = 0; i < 1u << 19; i++)
		buf_append_byte(&needle, 'a');
	assert_true(mime_fold_contains(buf_view(&text), buf_view(&needle)));
	buf_append_byte(&needle, 'b');
	assert_false(mime_fold_contains(buf_view(&text), buf_view(&needle)));
	buf_append_byte(&text, 'B');
	assert_true(mime_fold_contains(buf_view(&text), buf_view(&needle)));
	buf_fini(&needle);
	buf_fini(&text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(folds), cmocka_unit_test(contains), cmocka_unit_test(slow)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
