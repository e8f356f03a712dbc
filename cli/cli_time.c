/* SPDX-License-Identifier: Apache-2.0 */
/* Times as people write them. */
#include "cli_time.h"

#include <string.h>

#include "base_text.h"
#include "base_time.h"

#define SECOND_MS INT64_C(1000)
#define DAY_MS    (86400 * SECOND_MS)
#define YEARS_100 (36525 * DAY_MS)

static bool
parse_duration(struct bytes text, int64_t *ms_out)
{
	static const struct {
		char letter;
		int64_t ms;
	} units[] = {{'s', SECOND_MS}, {'m', 60 * SECOND_MS}, {'h', 3600 * SECOND_MS},
	    {'d', DAY_MS}, {'w', 7 * DAY_MS}};
	uint64_t n;

	if (text.len < 2 || !text_u64_parse(&n, bytes_slice(text, 0, text.len - 1)) || n == 0)
		return false;
	for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
		if (text.ptr[text.len - 1] != (uint8_t)units[i].letter)
			continue;
		if (n > (uint64_t)(YEARS_100 / units[i].ms))
			return false;
		*ms_out = (int64_t)n * units[i].ms;
		return true;
	}
	return false;
}

bool
cli_time_duration(const char *text, int64_t *ms_out, struct err *err)
{
	if (parse_duration(bytes_of_str(text), ms_out))
		return true;
	return ERR(err, ERR_USAGE, "%.40s is not a duration: write 30m, 12h, 7d or 2w", text);
}

bool
cli_time_point(const char *text, int64_t now_ms, int64_t *ms_out, struct err *err)
{
	int64_t midnight = now_ms - now_ms % DAY_MS, ago;

	if (strcmp(text, "now") == 0)
		*ms_out = now_ms;
	else if (strcmp(text, "today") == 0)
		*ms_out = midnight;
	else if (strcmp(text, "yesterday") == 0)
		*ms_out = midnight - DAY_MS;
	else if (parse_duration(bytes_of_str(text), &ago))
		*ms_out = now_ms - ago;
	else if (!time_iso_parse(ms_out, bytes_of_str(text)))
		return ERR(err, ERR_USAGE,
		    "%.40s is not a time: write 2026-11-24, 2026-11-24T08:00Z, yesterday, or 12h "
		    "for 12 "
		    "hours ago",
		    text);
	return true;
}
