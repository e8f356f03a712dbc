/* SPDX-License-Identifier: Apache-2.0 */
/* Civil time: known moments, every day of eight centuries, and what is no time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base_time.h"

#define DAY_MS INT64_C(86400000)

struct known_row {
	int64_t ms;
	const char *iso, *amz, *http;
};

static const struct known_row known_rows[] = {
    {0, "1970-01-01T00:00:00.000Z", "19700101T000000Z", "Thu, 01 Jan 1970 00:00:00 GMT"},
    {1795508425123, "2026-11-24T08:20:25.123Z", "20261124T082025Z",
	"Tue, 24 Nov 2026 08:20:25 GMT"},
    {951782400000, "2000-02-29T00:00:00.000Z", "20000229T000000Z", "Tue, 29 Feb 2000 00:00:00 GMT"},
    {-1, "1969-12-31T23:59:59.999Z", "19691231T235959Z", "Wed, 31 Dec 1969 23:59:59 GMT"},
    {253402300799999, "9999-12-31T23:59:59.999Z", "99991231T235959Z",
	"Fri, 31 Dec 9999 23:59:59 GMT"},
};

static void
known_moments(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof known_rows / sizeof *known_rows; i++) {
		const struct known_row *row = &known_rows[i];
		char iso[TIME_ISO_SIZE], amz[TIME_AMZ_SIZE], http[TIME_HTTP_SIZE];
		int64_t ms = 1;

		time_iso_format(iso, row->ms);
		time_amz_format(amz, row->ms);
		time_http_format(http, row->ms);
		assert_string_equal(iso, row->iso);
		assert_string_equal(amz, row->amz);
		assert_string_equal(http, row->http);
		assert_true(time_iso_parse(&ms, bytes_of_str(iso)) && ms == row->ms);
		assert_true(time_amz_parse(&ms, bytes_of_str(amz)));
		assert_true(ms <= row->ms && row->ms - ms < 1000);
	}
}

/* Each day follows the one before, and comes back from its fields. */
static void
every_day(void **state)
{
	struct time_civil last, c;

	(void)state;
	time_civil_of(&last, -135000 * DAY_MS);
	for (int64_t day = -134999; day < 160000; day++) {
		time_civil_of(&c, day * DAY_MS + 1);
		if (time_civil_ms(&c) != day * DAY_MS + 1)
			fail_msg("day %lld does not come back", (long long)day);
		if (c.weekday != (last.weekday + 1) % 7)
			fail_msg("day %lld has the wrong name", (long long)day);
		if (c.day != last.day + 1 &&
		    !(c.day == 1 && last.day >= 28 &&
			(c.month == last.month + 1 || (c.month == 1 && last.month == 12))))
			fail_msg("%d-%d-%d does not follow", c.year, c.month, c.day);
		last = c;
	}
}

struct parse_row {
	const char *text;
	int64_t ms; /* INT64_MIN: refused */
};

static const struct parse_row parse_rows[] = {
    {"1970-01-02", DAY_MS},
    {"1970-01-01T01:02", 3720000},
    {"1970-01-01 01:02:03", 3723000},
    {"1970-01-01t00:00:00z", 0},
    {"1970-01-01T00:00:00.5Z", 500},
    {"1970-01-01T00:00:00.123456789Z", 123},
    {"1970-01-01T01:30:00+01:30", 0},
    {"1969-12-31T23:00:00-01:00", 0},
    {"1970-01-01T23:59:60Z", DAY_MS},
    {"2023-02-29", INT64_MIN},
    {"1900-02-29", INT64_MIN},
    {"1970-13-01", INT64_MIN},
    {"1970-00-01", INT64_MIN},
    {"1970-01-00", INT64_MIN},
    {"1970-04-31", INT64_MIN},
    {"1970-01-01T24:00", INT64_MIN},
    {"1970-01-01T00:60", INT64_MIN},
    {"1970-01-01T00:00:61", INT64_MIN},
    {"1970-01-01T", INT64_MIN},
    {"1970-01-01T00:00:00.", INT64_MIN},
    {"1970-01-01T00:00:00+1:00", INT64_MIN},
    {"1970-01-01T00:00:00+24:00", INT64_MIN},
    {"1970-01-01T00:00:00ZZ", INT64_MIN},
    {"1970-1-01", INT64_MIN},
    {"+970-01-01", INT64_MIN},
    {"", INT64_MIN},
};

static void
parses(void **state)
{
	int64_t ms;

	(void)state;
	for (size_t i = 0; i < sizeof parse_rows / sizeof *parse_rows; i++) {
		ms = INT64_MIN;
		if (time_iso_parse(&ms, bytes_of_str(parse_rows[i].text)) !=
			(parse_rows[i].ms != INT64_MIN) ||
		    ms != parse_rows[i].ms)
			fail_msg("'%s': %lld", parse_rows[i].text, (long long)ms);
	}
	assert_false(time_amz_parse(&ms, BYTES_LIT("20261124T082025")));
	assert_false(time_amz_parse(&ms, BYTES_LIT("20261324T082025Z")));
	assert_false(time_amz_parse(&ms, BYTES_LIT("20261124 082025Z")));
	assert_false(time_amz_parse(&ms, BYTES_LIT("20261124T082025Z ")));
}

struct month_row {
	const char *from;
	int months;
	const char *to;
};

static const struct month_row month_rows[] = {
    {"2026-01-31T10:00:00.007Z", 1, "2026-02-28T10:00:00.007Z"},
    {"2024-01-31T10:00:00.000Z", 1, "2024-02-29T10:00:00.000Z"},
    {"2024-02-29T00:00:00.000Z", 12, "2025-02-28T00:00:00.000Z"},
    {"2024-02-29T00:00:00.000Z", 48, "2028-02-29T00:00:00.000Z"},
    {"2026-12-15T00:00:00.000Z", 1, "2027-01-15T00:00:00.000Z"},
    {"2026-01-15T00:00:00.000Z", -1, "2025-12-15T00:00:00.000Z"},
    {"2026-03-31T00:00:00.000Z", 0, "2026-03-31T00:00:00.000Z"},
};

static void
months(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof month_rows / sizeof *month_rows; i++) {
		char text[TIME_ISO_SIZE];
		int64_t ms = 0;

		assert_true(time_iso_parse(&ms, bytes_of_str(month_rows[i].from)));
		time_iso_format(text, time_add_months(ms, month_rows[i].months));
		assert_string_equal(text, month_rows[i].to);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(known_moments),
	    cmocka_unit_test(every_day),
	    cmocka_unit_test(parses),
	    cmocka_unit_test(months),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
