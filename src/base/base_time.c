/* SPDX-License-Identifier: Apache-2.0 */
/* Days from civil and back (proleptic Gregorian), and the text forms we use. */
#include "base_time.h"

#include <stdio.h>
#include <string.h>

#define MS_PER_DAY INT64_C(86400000)

static int64_t
floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

/* Days since 1970-01-01; years are counted from March so that the leap day is the year's last. */
static int64_t
days_of(int year, int month, int day)
{
	int64_t y = (int64_t)year - (month <= 2), era = floor_div(y, 400);
	int64_t yoe = y - era * 400, doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

void
time_civil_of(struct time_civil *out, int64_t ms)
{
	int64_t days = floor_div(ms, MS_PER_DAY), rest = ms - days * MS_PER_DAY, z = days + 719468;
	int64_t era = floor_div(z, 146097), doe = z - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;

	out->day = (int)(doy - (153 * mp + 2) / 5 + 1);
	out->month = (int)(mp < 10 ? mp + 3 : mp - 9);
	out->year = (int)(yoe + era * 400 + (out->month <= 2));
	out->hour = (int)(rest / 3600000);
	out->minute = (int)(rest / 60000 % 60);
	out->second = (int)(rest / 1000 % 60);
	out->milli = (int)(rest % 1000);
	out->weekday = (int)(((days + 4) % 7 + 7) % 7);
}

int64_t
time_civil_ms(const struct time_civil *c)
{
	return days_of(c->year, c->month, c->day) * MS_PER_DAY + (int64_t)c->hour * 3600000 +
	       (int64_t)c->minute * 60000 + (int64_t)c->second * 1000 + c->milli;
}

void
time_iso_format(char out[TIME_ISO_SIZE], int64_t ms)
{
	struct time_civil c;

	time_civil_of(&c, ms);
	(void)snprintf(out, TIME_ISO_SIZE, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ",
	    (unsigned)c.year % 10000, (unsigned)c.month % 100, (unsigned)c.day % 100,
	    (unsigned)c.hour % 100, (unsigned)c.minute % 100, (unsigned)c.second % 100,
	    (unsigned)c.milli % 1000);
}

void
time_amz_format(char out[TIME_AMZ_SIZE], int64_t ms)
{
	struct time_civil c;

	time_civil_of(&c, ms);
	(void)snprintf(out, TIME_AMZ_SIZE, "%04u%02u%02uT%02u%02u%02uZ", (unsigned)c.year % 10000,
	    (unsigned)c.month % 100, (unsigned)c.day % 100, (unsigned)c.hour % 100,
	    (unsigned)c.minute % 100, (unsigned)c.second % 100);
}

void
time_http_format(char out[TIME_HTTP_SIZE], int64_t ms)
{
	static const char *const DAYS[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
	static const char *const MONTHS[] = {
	    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	struct time_civil c;

	time_civil_of(&c, ms);
	(void)snprintf(out, TIME_HTTP_SIZE, "%s, %02u %s %04u %02u:%02u:%02u GMT", DAYS[c.weekday],
	    (unsigned)c.day % 100, MONTHS[c.month - 1], (unsigned)c.year % 10000,
	    (unsigned)c.hour % 100, (unsigned)c.minute % 100, (unsigned)c.second % 100);
}

/* Takes exactly count digits. */
static bool
digits(struct reader *r, size_t count, int *out)
{
	struct bytes d = reader_take(r, count);
	int v = 0;

	for (size_t i = 0; i < d.len; i++) {
		if (d.ptr[i] < '0' || d.ptr[i] > '9')
			return false;
		v = v * 10 + (d.ptr[i] - '0');
	}
	*out = v;
	return reader_ok(r);
}

static bool
literal(struct reader *r, char c)
{
	if (r->left.len == 0 || r->left.ptr[0] != (uint8_t)c)
		return false;
	(void)reader_u8(r);
	return true;
}

static int
month_days(int year, int month)
{
	static const int DAYS[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return month == 2 && leap ? 29 : DAYS[month - 1];
}

static bool
in_range(const struct time_civil *c)
{
	return c->month >= 1 && c->month <= 12 && c->day >= 1 &&
	       c->day <= month_days(c->year, c->month) && c->hour <= 23 && c->minute <= 59 &&
	       c->second <= 60;
}

static bool
parse_fraction(struct reader *r, int *milli_out)
{
	int milli = 0, scale = 100;

	if (r->left.len == 0 || r->left.ptr[0] < '0' || r->left.ptr[0] > '9')
		return false;
	while (r->left.len > 0 && r->left.ptr[0] >= '0' && r->left.ptr[0] <= '9') {
		milli += (reader_u8(r) - '0') * scale;
		scale /= 10;
	}
	*milli_out = milli;
	return true;
}

static bool
parse_zone(struct reader *r, int *minutes_out)
{
	int sign, hour, minute;

	*minutes_out = 0;
	if (r->left.len == 0 || literal(r, 'Z') || literal(r, 'z'))
		return true;
	sign = literal(r, '+') ? 1 : literal(r, '-') ? -1 : 0;
	if (sign == 0 || !digits(r, 2, &hour) || !literal(r, ':') || !digits(r, 2, &minute) ||
	    hour > 23 || minute > 59)
		return false;
	*minutes_out = sign * (hour * 60 + minute);
	return true;
}

bool
time_iso_parse(int64_t *ms_out, struct bytes text)
{
	struct time_civil c = {0};
	struct reader r;
	int zone = 0;

	reader_init(&r, text);
	if (!digits(&r, 4, &c.year) || !literal(&r, '-') || !digits(&r, 2, &c.month) ||
	    !literal(&r, '-') || !digits(&r, 2, &c.day))
		return false;
	if (literal(&r, 'T') || literal(&r, 't') || literal(&r, ' ')) {
		if (!digits(&r, 2, &c.hour) || !literal(&r, ':') || !digits(&r, 2, &c.minute))
			return false;
		if (literal(&r, ':') && !digits(&r, 2, &c.second))
			return false;
		if (literal(&r, '.') && !parse_fraction(&r, &c.milli))
			return false;
	}
	if (!parse_zone(&r, &zone) || !reader_done(&r) || !in_range(&c))
		return false;
	*ms_out = time_civil_ms(&c) - (int64_t)zone * 60000;
	return true;
}

bool
time_amz_parse(int64_t *ms_out, struct bytes text)
{
	struct time_civil c = {0};
	struct reader r;

	reader_init(&r, text);
	if (!digits(&r, 4, &c.year) || !digits(&r, 2, &c.month) || !digits(&r, 2, &c.day) ||
	    !literal(&r, 'T') || !digits(&r, 2, &c.hour) || !digits(&r, 2, &c.minute) ||
	    !digits(&r, 2, &c.second) || !literal(&r, 'Z') || !reader_done(&r) || !in_range(&c))
		return false;
	*ms_out = time_civil_ms(&c);
	return true;
}

int64_t
time_add_months(int64_t ms, int months)
{
	struct time_civil c;
	int64_t total;

	time_civil_of(&c, ms);
	total = (int64_t)c.year * 12 + (c.month - 1) + months;
	c.year = (int)floor_div(total, 12);
	c.month = (int)(total - (int64_t)c.year * 12) + 1;
	if (c.day > month_days(c.year, c.month))
		c.day = month_days(c.year, c.month);
	return time_civil_ms(&c);
}
