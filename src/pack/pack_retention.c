/* SPDX-License-Identifier: Apache-2.0 */
/* Retention periods: their names, and when they end. */
#include <string.h>

#include "pack_row.h"
#include "base_time.h"

struct period {
	const char *name;
	int months; /* 0 = for ever */
};
static const struct period PERIODS[] = {
    [PACK_RETENTION_THREE_MONTHS] = {"THREE_MONTHS", 3},
    [PACK_RETENTION_SIX_MONTHS] = {"SIX_MONTHS", 6},
    [PACK_RETENTION_NINE_MONTHS] = {"NINE_MONTHS", 9},
    [PACK_RETENTION_ONE_YEAR] = {"ONE_YEAR", 12},
    [PACK_RETENTION_EIGHTEEN_MONTHS] = {"EIGHTEEN_MONTHS", 18},
    [PACK_RETENTION_TWO_YEARS] = {"TWO_YEARS", 24},
    [PACK_RETENTION_THIRTY_MONTHS] = {"THIRTY_MONTHS", 30},
    [PACK_RETENTION_THREE_YEARS] = {"THREE_YEARS", 36},
    [PACK_RETENTION_FOUR_YEARS] = {"FOUR_YEARS", 48},
    [PACK_RETENTION_FIVE_YEARS] = {"FIVE_YEARS", 60},
    [PACK_RETENTION_SIX_YEARS] = {"SIX_YEARS", 72},
    [PACK_RETENTION_SEVEN_YEARS] = {"SEVEN_YEARS", 84},
    [PACK_RETENTION_EIGHT_YEARS] = {"EIGHT_YEARS", 96},
    [PACK_RETENTION_NINE_YEARS] = {"NINE_YEARS", 108},
    [PACK_RETENTION_TEN_YEARS] = {"TEN_YEARS", 120},
    [PACK_RETENTION_PERMANENT] = {"PERMANENT", 0},
};

static const struct period *
period_of(enum pack_retention r)
{
	must(r >= PACK_RETENTION_THREE_MONTHS && r <= PACK_RETENTION_PERMANENT);
	return &PERIODS[r];
}

bool
pack_retention_parse(enum pack_retention *out, const char *word)
{
	for (unsigned r = PACK_RETENTION_THREE_MONTHS; r <= PACK_RETENTION_PERMANENT; r++)
		if (strcmp(PERIODS[r].name, word) == 0) {
			*out = (enum pack_retention)r;
			return true;
		}
	return false;
}

const char *
pack_retention_name(enum pack_retention r)
{
	return period_of(r)->name;
}

int64_t
pack_retention_until_ms(enum pack_retention r, int64_t received_ms)
{
	const struct period *period = period_of(r);

	return period->months == 0 ? 0 : time_add_months(received_ms, period->months);
}
