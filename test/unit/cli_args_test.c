/* SPDX-License-Identifier: Apache-2.0 */
/* The command line's words: options, operands, times. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli_args.h"
#include "cli_time.h"

#define NOW INT64_C(1795489703000) /* 2026-11-24T03:08:23Z */

static const struct cli_option own[] = {
    {"from", "TEXT", "", true},
    {"limit", "N", "", false},
    {"wait", NULL, "", false},
    {NULL, NULL, NULL, false},
};
static const struct cli_option common[] = {
    {"output", "FILE", "", false},
    {"help", NULL, "", false},
    {NULL, NULL, NULL, false},
};

static const struct {
	const char *name;
	const char *words; /* separated by single spaces */
	const char *error; /* a part of it; NULL = accepted */
	const char *from;  /* values of --from, joined by '|' */
	const char *operands;
} rows[] = {
    {"nothing", "", NULL, "", ""},
    {"value in the next word", "--from ann", NULL, "ann", ""},
    {"value after equals", "--from=ann", NULL, "ann", ""},
    {"empty value", "--from=", NULL, "", ""},
    {"value with equals", "--from=a=b", NULL, "a=b", ""},
    {"value like an option", "--from --wait", NULL, "--wait", ""},
    {"repeated", "--from a --from b x", NULL, "a|b", "x"},
    {"flag and operand", "--wait id", NULL, "", "id"},
    {"flag twice", "--wait --wait", NULL, "", ""},
    {"after --", "-- --from -h", NULL, "", "--from|-h"},
    {"a dash alone", "-", NULL, "", "-"},
    {"output", "-o file", NULL, "", ""},
    {"misspelt", "--form ann", "did you mean --from?", NULL, NULL},
    {"unknown", "--zzzzzzzz", "unknown option --zzzzzzzz", NULL, NULL},
    {"unknown letter", "-x", "unknown option -x", NULL, NULL},
    {"no value", "--from", "--from wants a value", NULL, NULL},
    {"flag with value", "--wait=1", "--wait takes no value", NULL, NULL},
    {"twice", "--limit 1 --limit 2", "--limit is given twice", NULL, NULL},
    {"too often",
	"--from 1 --from 2 --from 3 --from 4 --from 5 --from 6 --from 7 --from 8 --from 9 --from "
	"10 --from 11",
	"more than 10 times", NULL, NULL},
    {"too many operands", "1 2 3 4 5 6 7 8 9", "too many words", NULL, NULL},
};

static int
split(char *words, char **argv, int max)
{
	char *save = NULL;
	int n = 0;

	argv[n++] = words;
	for (char *w = strtok_r(words, " ", &save); w != NULL && n < max;
	     w = strtok_r(NULL, " ", &save))
		argv[n++] = w;
	return n;
}

static void
join(char *out, size_t size, const char *const *values, size_t count)
{
	size_t len = 0;

	out[0] = '\0';
	for (size_t i = 0; i < count; i++)
		len += (size_t)snprintf(out + len, size - len, "%s%s", i > 0 ? "|" : "", values[i]);
}

static void
test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char words[256], from[128], operands[128];
		char *argv[32];
		const char *const *values = NULL;
		struct cli_args a;
		struct err err;
		size_t count;
		int argc;
		bool ok;

		(void)snprintf(words, sizeof words, "%s", rows[i].words);
		argc = split(words, argv, 32);
		ok = cli_args_parse(own, common, argc, argv, &a, &err);
		if (ok != (rows[i].error == NULL))
			fail_msg("%s: %s", rows[i].name, ok ? "accepted" : err.msg);
		if (!ok) {
			if (err.code != ERR_USAGE || strstr(err.msg, rows[i].error) == NULL)
				fail_msg("%s: %s", rows[i].name, err.msg);
			continue;
		}
		count = cli_args_values(&a, "from", &values);
		join(from, sizeof from, values, count);
		join(operands, sizeof operands, a.operands, a.operand_count);
		if (strcmp(from, rows[i].from) != 0 || strcmp(operands, rows[i].operands) != 0)
			fail_msg("%s: from %s, operands %s", rows[i].name, from, operands);
	}
}

static const struct {
	const char *text;
	bool ok;
	long value;
} number_rows[] = {{"1", true, 1}, {"1000", true, 1000}, {"0", false, 0}, {"1001", false, 0},
    {"-1", false, 0}, {"1e3", false, 0}, {"", false, 0}, {"1000000000000000000000", false, 0}};

static void
test_numbers(void **state)
{
	struct cli_args a;
	struct err err;
	long n;

	(void)state;
	for (size_t i = 0; i < sizeof number_rows / sizeof number_rows[0]; i++) {
		char first[] = "x", text[64];
		char *argv[] = {first, text};

		(void)snprintf(text, sizeof text, "--limit=%s", number_rows[i].text);
		assert_true(cli_args_parse(own, common, 2, argv, &a, &err));
		if (cli_args_number(&a, "limit", 1, 1000, 7, &n, &err) != number_rows[i].ok)
			fail_msg("%s", number_rows[i].text);
		if (number_rows[i].ok)
			assert_int_equal(n, number_rows[i].value);
		assert_true(cli_args_has(&a, "limit"));
		assert_false(cli_args_has(&a, "wait"));
		assert_false(cli_args_has(&a, "absent"));
		assert_null(cli_args_value(&a, "from"));
	}
	assert_true(cli_args_parse(own, NULL, 0, NULL, &a, &err));
	assert_true(cli_args_number(&a, "limit", 1, 1000, 7, &n, &err));
	assert_int_equal(n, 7);
}

static const struct {
	const char *text;
	int64_t ms; /* -1: refused */
} duration_rows[] = {{"12h", 43200000}, {"1s", 1000}, {"30m", 1800000}, {"7d", 604800000},
    {"2w", 1209600000}, {"0h", -1}, {"h", -1}, {"12", -1}, {"", -1}, {"-1h", -1}, {"1.5h", -1},
    {"12 h", -1}, {"12y", -1}, {"99999999999999999h", -1}, {"36525d", INT64_C(3155760000000)},
    {"36526d", -1}};

static void
test_durations(void **state)
{
	struct err err;
	int64_t ms;

	(void)state;
	for (size_t i = 0; i < sizeof duration_rows / sizeof duration_rows[0]; i++) {
		bool ok = cli_time_duration(duration_rows[i].text, &ms, &err);

		if (ok != (duration_rows[i].ms >= 0) || (ok && ms != duration_rows[i].ms))
			fail_msg("\"%s\"", duration_rows[i].text);
		if (!ok)
			assert_int_equal(err.code, ERR_USAGE);
	}
}

static const struct {
	const char *text;
	int64_t ms; /* -1: refused */
} point_rows[] = {{"now", NOW}, {"today", INT64_C(1795478400000)},
    {"yesterday", INT64_C(1795392000000)}, {"1h", NOW - 3600000},
    {"2026-11-24", INT64_C(1795478400000)}, {"2026-11-24T03:08:23Z", NOW},
    {"2026-11-24T04:08:23+01:00", NOW}, {"tomorrow", -1}, {"24.11.2026", -1}, {"", -1}};

static void
test_points(void **state)
{
	struct err err;
	int64_t ms;

	(void)state;
	for (size_t i = 0; i < sizeof point_rows / sizeof point_rows[0]; i++) {
		bool ok = cli_time_point(point_rows[i].text, NOW, &ms, &err);

		if (ok != (point_rows[i].ms >= 0) || (ok && ms != point_rows[i].ms))
			fail_msg("\"%s\"", point_rows[i].text);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rows),
	    cmocka_unit_test(test_numbers),
	    cmocka_unit_test(test_durations),
	    cmocka_unit_test(test_points),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
