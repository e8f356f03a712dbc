/* SPDX-License-Identifier: Apache-2.0 */
/* Retention periods: their names, and when they end. */
#include <string.h>

#include "archive_row.h"
#include "base_time.h"

struct period {
	const char *name;
	int months; /* 0 = for ever */
};
static const struct period PERIODS[] = {
    [ARCHIVE_RETENTION_THREE_MONTHS] = {"THREE_MONTHS", 3},
    [ARCHIVE_RETENTION_SIX_MONTHS] = {"SIX_MONTHS", 6},
    [ARCHIVE_RETENTION_NINE_MONTHS] = {"NINE_MONTHS", 9},
    [ARCHIVE_RETENTION_ONE_YEAR] = {"ONE_YEAR", 12},
    [ARCHIVE_RETENTION_EIGHTEEN_MONTHS] = {"EIGHTEEN_MONTHS", 18},
    [ARCHIVE_RETENTION_TWO_YEARS] = {"TWO_YEARS", 24},
    [ARCHIVE_RETENTION_THIRTY_MONTHS] = {"THIRTY_MONTHS", 30},
    [ARCHIVE_RETENTION_THREE_YEARS] = {"THREE_YEARS", 36},
    [ARCHIVE_RETENTION_FOUR_YEARS] = {"FOUR_YEARS", 48},
    [ARCHIVE_RETENTION_FIVE_YEARS] = {"FIVE_YEARS", 60},
    [ARCHIVE_RETENTION_SIX_YEARS] = {"SIX_YEARS", 72},
    [ARCHIVE_RETENTION_SEVEN_YEARS] = {"SEVEN_YEARS", 84},
    [ARCHIVE_RETENTION_EIGHT_YEARS] = {"EIGHT_YEARS", 96},
    [ARCHIVE_RETENTION_NINE_YEARS] = {"NINE_YEARS", 108},
    [ARCHIVE_RETENTION_TEN_YEARS] = {"TEN_YEARS", 120},
    [ARCHIVE_RETENTION_PERMANENT] = {"PERMANENT", 0},
};

static const struct period *
period_of(enum archive_retention r)
{
	must(r >= ARCHIVE_RETENTION_THREE_MONTHS && r <= ARCHIVE_RETENTION_PERMANENT);
	return &PERIODS[r];
}

bool
archive_retention_parse(enum archive_retention *out, const char *word)
{
	for (unsigned r = ARCHIVE_RETENTION_THREE_MONTHS; r <= ARCHIVE_RETENTION_PERMANENT; r++)
		if (strcmp(PERIODS[r].name, word) == 0) {
			*out = (enum archive_retention)r;
			return true;
		}
	return false;
}

const char *
archive_retention_name(enum archive_retention r)
{
	return period_of(r)->name;
}

int64_t
archive_retention_until_ms(enum archive_retention r, int64_t received_ms)
{
	const struct period *period = period_of(r);

	return period->months == 0 ? 0 : time_add_months(received_ms, period->months);
}
