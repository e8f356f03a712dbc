/* SPDX-License-Identifier: Apache-2.0 */
/* Civil time without locale or time zone files: UTC only. */
#ifndef BASE_TIME_H
#define BASE_TIME_H

#include <stdbool.h>
#include <stdint.h>

#include "base_bytes.h"

#define TIME_ISO_SIZE 25 /* "2026-11-24T08:20:25.123Z" and NUL */
#define TIME_AMZ_SIZE 17 /* "20261124T082025Z" and NUL          */

struct time_civil {
	int year, month, day; /* month 1..12, day 1..31 */
	int hour, minute, second, milli;
	int weekday; /* 0 = Sunday */
};

void time_civil_of(struct time_civil *out, int64_t ms);
/* time_civil_ms: the inverse; fields are not range-checked. */
int64_t time_civil_ms(const struct time_civil *civil);

void time_iso_format(char out[TIME_ISO_SIZE], int64_t ms);
/* time_iso_parse: YYYY-MM-DD[THH:MM[:SS[.fff]]][Z|±HH:MM]; without a zone it is UTC. */
MUST_USE bool time_iso_parse(int64_t *ms_out, struct bytes text);
void time_amz_format(char out[TIME_AMZ_SIZE], int64_t ms);
MUST_USE bool time_amz_parse(int64_t *ms_out, struct bytes text);
/* time_http_format: RFC 9110 §5.6.7, "Tue, 24 Nov 2026 08:20:25 GMT". */
#define TIME_HTTP_SIZE 30
void time_http_format(char out[TIME_HTTP_SIZE], int64_t ms);
/* time_add_months: same day of month, clipped to the month's length. */
int64_t time_add_months(int64_t ms, int months);

#endif
