/* SPDX-License-Identifier: Apache-2.0 */
/* The trusted clock, step by step (docs/formats/retention.md, section 3 and invariant 5). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "retain_int.h"

#define DAY   RETAIN_DAY_MS
#define START INT64_C(1790000000000)

/* One look: the machine's clocks since START, and what must be trusted then. */
struct look {
	int64_t now, mono;
	int64_t trusted;
	bool stopped;
	bool restart; /* before it: another process, whose monotonic clock begins anew */
};

struct row {
	const char *name;
	struct look looks[6];
	size_t count;
};

static const struct row ROWS[] = {
    {"runs along", {{0, 0, 0, false, false}, {DAY, DAY, DAY, false, false}}, 2},
    {"many days of one life",
	{{0, 0, 0, false, false}, {400 * DAY, 400 * DAY, 400 * DAY, false, false}}, 2},
    {"a day too much is allowed",
	{{0, 0, 0, false, false}, {DAY + 60000, 60000, DAY + 60000, false, false}}, 2},
    {"more than a day is not", {{0, 0, 0, false, false}, {DAY + 60001, 60000, 0, true, false}}, 2},
    {"twenty years", {{0, 0, 0, false, false}, {7305 * DAY, 60000, 0, true, false}}, 2},
    {"small steps do not add up",
	{{0, 0, 0, false, false}, {DAY, 1, DAY, false, false}, {2 * DAY, 2, DAY, true, false}}, 3},
    {"back again by itself",
	{{0, 0, 0, false, false}, {9 * DAY, 1, 0, true, false}, {5, 5, 5, false, false}}, 3},
    {"never backwards",
	{{10 * DAY, 10 * DAY, 10 * DAY, false, false}, {DAY, 10 * DAY + 1, 10 * DAY, false, false},
	    {10 * DAY + 5, 10 * DAY + 5, 10 * DAY + 5, false, false}},
	3},
    {"off for an hour", {{0, 0, 0, false, false}, {3600000, 3, 3600000, false, true}}, 2},
    {"off for a week", {{0, 0, 0, false, false}, {7 * DAY, 3, 0, true, true}}, 2},
    {"a restart does not confirm",
	{{0, 0, 0, false, false}, {9 * DAY, 1, 0, true, false}, {9 * DAY, 2, 0, true, true}}, 3},
    {"started with a clock that is behind, which jumps",
	{{30 * DAY, 0, 30 * DAY, false, false}, {0, 0, 30 * DAY, false, true},
	    {32 * DAY, 1, 30 * DAY, true, false}},
	3},
};

static void
steps_lead_where_they_should(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
		struct retain r = {.time = {.high_ms = START + ROWS[i].looks[0].now}};

		for (size_t k = 0; k < ROWS[i].count; k++) {
			const struct look *l = &ROWS[i].looks[k];
			int64_t before = r.time.high_ms;

			if (l->restart)
				r.anchored = false;
			retain_clock_step(&r, START + l->now, 1000 + l->mono);
			if (r.time.high_ms != START + l->trusted || r.time.stopped != l->stopped)
				fail_msg("%s, look %zu: trusted %lld ms, %s", ROWS[i].name, k,
				    (long long)(r.time.high_ms - START),
				    r.time.stopped ? "stopped" : "goes");
			assert_true(r.time.high_ms >= before);
		}
	}
}

/* Messages that came with too early a time count from when the clock was right again. */
static void
early_times_count_later(void **state)
{
	struct retain r = {.time = {.high_ms = START}};

	(void)state;
	retain_clock_step(&r, START, 0);
	retain_clock_step(&r, START - 3650 * DAY, 60000);
	retain_clock_step(&r, START - 3640 * DAY, 10 * DAY);
	assert_true(retain_clock_received(&r.time, START - 3645 * DAY) == START);
	retain_clock_step(&r, START + 20 * DAY, 20 * DAY);
	assert_false(r.time.stopped);
	assert_true(retain_clock_received(&r.time, START - 3645 * DAY) == START);
	assert_true(retain_clock_received(&r.time, START - 3700 * DAY) == START - 3700 * DAY);
	assert_true(retain_clock_received(&r.time, START - 100 * DAY) == START - 100 * DAY);
	assert_true(retain_clock_received(&r.time, START + 5 * DAY) == START + 5 * DAY);
}

/* However often it is turned back: the list stays short, and nothing on it is forgotten. */
static void
many_spans_become_fewer(void **state)
{
	struct retain r = {.time = {.high_ms = START}};

	(void)state;
	for (int64_t i = 1; i <= 50; i++) {
		retain_clock_step(&r, START - i * 10 * DAY, 2 * i);
		retain_clock_step(&r, START + i, 2 * i + 1);
	}
	assert_true(r.time.behind_count <= RETAIN_BEHIND_MAX);
	for (int64_t i = 1; i <= 50; i++)
		assert_true(retain_clock_received(&r.time, START - i * 10 * DAY) >= START);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(steps_lead_where_they_should),
	    cmocka_unit_test(early_times_count_later),
	    cmocka_unit_test(many_spans_become_fewer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
