/* SPDX-License-Identifier: Apache-2.0 */
/* Retention periods: the API's words, and their ends on the calendar. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pack_row.h"
#include "base_time.h"

static int64_t
ms_of(const char *iso)
{
	int64_t ms = 0;

	assert_true(time_iso_parse(&ms, bytes_of_str(iso)));
	return ms;
}

static void
periods_end_on_the_calendar(void **state)
{
	static const struct {
		const char *name, *word, *received, *until; /* until NULL: for ever */
	} ROWS[] = {
	    {"plain", "THREE_MONTHS", "2026-01-15T10:20:30.456Z", "2026-04-15T10:20:30.456Z"},
	    {"month end, shorter month", "THREE_MONTHS", "2026-11-30T23:59:59.999Z",
		"2027-02-28T23:59:59.999Z"},
	    {"month end, leap year", "THREE_MONTHS", "2027-11-30T00:00:00Z",
		"2028-02-29T00:00:00Z"},
	    {"across a year", "SIX_MONTHS", "2026-08-31T12:00:00Z", "2027-02-28T12:00:00Z"},
	    {"nine months", "NINE_MONTHS", "2026-05-31T00:00:00Z", "2027-02-28T00:00:00Z"},
	    {"a leap day and a year", "ONE_YEAR", "2028-02-29T08:00:00Z", "2029-02-28T08:00:00Z"},
	    {"a leap day and four years", "FOUR_YEARS", "2028-02-29T08:00:00Z",
		"2032-02-29T08:00:00Z"},
	    {"eighteen months", "EIGHTEEN_MONTHS", "2026-11-24T00:00:00Z", "2028-05-24T00:00:00Z"},
	    {"two years", "TWO_YEARS", "2026-11-24T00:00:00Z", "2028-11-24T00:00:00Z"},
	    {"thirty months", "THIRTY_MONTHS", "2026-08-31T00:00:00Z", "2029-02-28T00:00:00Z"},
	    {"three years", "THREE_YEARS", "2026-11-24T00:00:00Z", "2029-11-24T00:00:00Z"},
	    {"five years", "FIVE_YEARS", "2026-11-24T00:00:00Z", "2031-11-24T00:00:00Z"},
	    {"six years", "SIX_YEARS", "2026-11-24T00:00:00Z", "2032-11-24T00:00:00Z"},
	    {"seven years", "SEVEN_YEARS", "2026-11-24T00:00:00Z", "2033-11-24T00:00:00Z"},
	    {"eight years", "EIGHT_YEARS", "2026-11-24T00:00:00Z", "2034-11-24T00:00:00Z"},
	    {"nine years", "NINE_YEARS", "2026-11-24T00:00:00Z", "2035-11-24T00:00:00Z"},
	    {"ten years", "TEN_YEARS", "2026-11-24T00:00:00Z", "2036-11-24T00:00:00Z"},
	    {"for ever", "PERMANENT", "2026-11-24T00:00:00Z", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
		enum pack_retention r = PACK_RETENTION_PERMANENT;
		char until[TIME_ISO_SIZE], want[TIME_ISO_SIZE];
		int64_t ms;

		assert_true(pack_retention_parse(&r, ROWS[i].word));
		assert_string_equal(pack_retention_name(r), ROWS[i].word);
		ms = pack_retention_until_ms(r, ms_of(ROWS[i].received));
		time_iso_format(until, ms);
		time_iso_format(want, ROWS[i].until == NULL ? 0 : ms_of(ROWS[i].until));
		if (ROWS[i].until == NULL)
			assert_int_equal(ms, 0);
		assert_string_equal(until, want);
	}
}

static void
other_words_are_refused(void **state)
{
	static const char *const WORDS[] = {
	    "", "ONE_MONTH", "seven_years", "SEVEN_YEARS ", "SEVEN", "ELEVEN_YEARS"};
	enum pack_retention r;

	(void)state;
	for (size_t i = 0; i < sizeof WORDS / sizeof *WORDS; i++)
		assert_false(pack_retention_parse(&r, WORDS[i]));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(periods_end_on_the_calendar),
	    cmocka_unit_test(other_words_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
