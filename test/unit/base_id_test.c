/* SPDX-License-Identifier: Apache-2.0 */
/* Identifiers: their alphabet, their order, and that parsing is the exact inverse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base_id.h"

static void
resource_ids(void **state)
{
	struct rng_seeded seed = {7};
	struct rng rng = rng_seeded(&seed);
	char a[ID_TEXT_SIZE], b[ID_TEXT_SIZE];

	(void)state;
	id_new(a, "inp-", &rng);
	id_new(b, "inp-", &rng);
	assert_int_equal(strlen(a), 4 + ID_RANDOM_CHARS);
	assert_memory_equal(a, "inp-", 4);
	assert_int_equal(strspn(a + 4, "abcdefghijklmnopqrstuvwxyz234567"), ID_RANDOM_CHARS);
	assert_string_not_equal(a, b);
	id_new(a, "12345678", &rng);
	assert_int_equal(strlen(a), ID_TEXT_SIZE - 1);
	id_new(a, "", &rng);
	assert_int_equal(strlen(a), ID_RANDOM_CHARS);
}

/* Byte order, text order and time order are one order; text and id are one thing. */
static void
records_are_in_time_order(void **state)
{
	static const int64_t times[] = {
	    0, 1, 255, 256, 1795508425123, 1795508425124, (INT64_C(1) << 48) - 1};
	struct rng_seeded seed = {9};
	struct rng rng = rng_seeded(&seed);
	struct id_record last, id, again;
	char last_text[ID_RECORD_TEXT_SIZE], text[ID_RECORD_TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
		id_record_new(&id, times[i], &rng);
		assert_true(id_record_ms(&id) == times[i]);
		id_record_format(text, &id);
		assert_int_equal(strlen(text), ID_RECORD_TEXT_SIZE - 1);
		assert_true(id_record_parse(&again, bytes_of_str(text)));
		assert_int_equal(id_record_compare(&again, &id), 0);
		if (i > 0) {
			assert_true(id_record_compare(&last, &id) < 0);
			assert_true(strcmp(last_text, text) < 0);
		}
		last = id;
		memcpy(last_text, text, sizeof text);
	}
}

/* Many in one millisecond are in the order they were made; an earlier time changes nothing for those after it. */
static void
records_of_a_millisecond_are_in_order(void **state)
{
	struct rng_seeded seed = {11};
	struct rng rng = rng_seeded(&seed);
	struct id_record last = {{0}}, before, id, early;

	(void)state;
	id_record_new_after(&before, &last, 1795508425123, &rng);
	for (int i = 0; i < 10000; i++) {
		id_record_new_after(&id, &last, 1795508425123, &rng);
		assert_true(id_record_compare(&before, &id) < 0);
		assert_int_equal(id_record_compare(&last, &id), 0);
		assert_true(id_record_ms(&id) == 1795508425123);
		if (i % 100 == 0) {
			id_record_new_after(&early, &last, 1795508425122, &rng);
			assert_true(id_record_ms(&early) == 1795508425122);
			assert_int_equal(id_record_compare(&last, &id), 0);
		}
		before = id;
	}
	id_record_new_after(&id, &last, 1795508425124, &rng);
	assert_true(id_record_compare(&before, &id) < 0);
	/* At the very end of a millisecond there is nothing greater; the time is kept, and so is what was last. */
	memset(last.raw + 6, 0xff, sizeof last.raw - 6);
	before = last;
	id_record_new_after(&id, &last, 1795508425124, &rng);
	assert_true(id_record_ms(&id) == 1795508425124);
	assert_true(id_record_compare(&id, &before) != 0);
	assert_int_equal(id_record_compare(&last, &before), 0);
}

struct row {
	const char *name, *text;
	bool good;
};

static const struct row rows[] = {
    {"lowest", "22222222222222222222222222", true},
    {"highest", "zzzzzzzzzzzzzzzzzzzzzzzzzw", true},
    {"bits past the end", "zzzzzzzzzzzzzzzzzzzzzzzzzz", false},
    {"too short", "2222222222222222222222222", false},
    {"too long", "222222222222222222222222222", false},
    {"empty", "", false},
    {"capitals", "A2222222222222222222222222", false},
    {"digit that is none", "12222222222222222222222222", false},
    {"space", "2222222222222 222222222222", false},
};

static void
record_texts(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct id_record id;
		char text[ID_RECORD_TEXT_SIZE];

		if (id_record_parse(&id, bytes_of_str(rows[i].text)) != rows[i].good)
			fail_msg("%s", rows[i].name);
		if (!rows[i].good)
			continue;
		id_record_format(text, &id);
		assert_string_equal(text, rows[i].text);
	}
	assert_false(id_record_parse(
	    &(struct id_record){{0}}, bytes_of("2\0002222222222222222222222222", 26)));
}

static void
uuids(void **state)
{
	struct rng_seeded seed = {11};
	struct rng rng = rng_seeded(&seed);

	(void)state;
	for (int i = 0; i < 100; i++) {
		char text[ID_UUID_TEXT_SIZE];

		id_uuid_new(text, &rng);
		assert_int_equal(strlen(text), 36);
		assert_int_equal(strspn(text, "0123456789abcdef-"), 36);
		assert_true(
		    text[8] == '-' && text[13] == '-' && text[18] == '-' && text[23] == '-');
		assert_int_equal(text[14], '4');
		assert_non_null(strchr("89ab", text[19]));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(resource_ids),
	    cmocka_unit_test(records_are_in_time_order),
	    cmocka_unit_test(records_of_a_millisecond_are_in_order),
	    cmocka_unit_test(record_texts),
	    cmocka_unit_test(uuids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
