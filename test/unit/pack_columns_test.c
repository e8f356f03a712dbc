/* SPDX-License-Identifier: Apache-2.0 */
/* Rows as bytes: C1 to C6 of docs/formats/columns.md. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "pack_columns.h"
#include "pack_row_fixture.h"
#include "base_limits.h"
#include "base_mem.h"
#include "base_text.h"

#define T0 1795510800000 /* 2026-11-24T09:00:00Z */

/* C1, C4 */
static void
rows_round_trip(void **state)
{
	struct rng_seeded seeded = {1};
	struct rng rng = rng_seeded(&seeded);
	struct arena arena;
	struct buf first, again;
	struct err err;

	(void)state;
	arena_init(&arena);
	buf_init(&first, LIMIT_MIB);
	buf_init(&again, LIMIT_MIB);
	for (int64_t i = 0; i < 500; i++) {
		struct pack_row row, back;
		struct reader r;

		row_fixture_random(&arena, &rng, T0 + i, &row);
		row.size_bytes = rng_u64(&rng);
		buf_reset(&first);
		buf_reset(&again);
		pack_row_encode(&row, &first);
		reader_init(&r, buf_view(&first));
		assert_true(pack_row_decode(&r, &arena, &back, &err));
		assert_true(reader_done(&r));
		assert_true(row_fixture_equal(&row, &back));
		pack_row_encode(&back, &again);
		assert_true(bytes_equal(buf_view(&first), buf_view(&again)));
	}
	buf_fini(&first);
	buf_fini(&again);
	arena_fini(&arena);
}

/* C5: every proper prefix is refused, and a changed byte never does more than change a value. */
static void
damaged_rows_are_refused(void **state)
{
	struct rng_seeded seeded = {2};
	struct rng rng = rng_seeded(&seeded);
	struct arena arena;
	struct pack_row row, back;
	struct buf whole;
	struct reader r;
	struct err err;

	(void)state;
	arena_init(&arena);
	buf_init(&whole, LIMIT_MIB);
	row_fixture_random(&arena, &rng, T0, &row);
	pack_row_encode(&row, &whole);
	for (size_t len = 0; len < whole.len; len++) {
		reader_init(&r, bytes_slice(buf_view(&whole), 0, len));
		assert_false(pack_row_decode(&r, &arena, &back, &err));
		assert_int_equal(err.code, ERR_CORRUPT);
	}
	for (size_t at = 0; at < whole.len; at++)
		for (unsigned bit = 0; bit < 8; bit++) {
			whole.ptr[at] = (uint8_t)(whole.ptr[at] ^ (1u << bit));
			reader_init(&r, buf_view(&whole));
			if (!pack_row_decode(&r, &arena, &back, &err))
				assert_int_equal(err.code, ERR_CORRUPT);
			whole.ptr[at] = (uint8_t)(whole.ptr[at] ^ (1u << bit));
		}
	buf_fini(&whole);
	arena_fini(&arena);
}

/* C2: a subject of `len` bytes, all "ü" (two bytes each) behind `lead` ASCII bytes. */
static void
long_text_is_cut_at_a_character(void **state)
{
	static const struct {
		const char *name;
		size_t lead, len, want;
		bool limited;
	} ROWS[] = {
	    {"at the limit", 0, PACK_SUBJECT_BYTES_MAX, PACK_SUBJECT_BYTES_MAX, false},
	    {"a character past it", 0, PACK_SUBJECT_BYTES_MAX + 2, PACK_SUBJECT_BYTES_MAX, true},
	    {"a character across it", 1, PACK_SUBJECT_BYTES_MAX + 1, PACK_SUBJECT_BYTES_MAX - 1,
		true},
	};
	uint8_t *text = mem_alloc(PACK_SUBJECT_BYTES_MAX + 2);
	struct buf out;

	(void)state;
	buf_init(&out, LIMIT_MIB);
	for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
		struct pack_columns c = {.subject = {text, ROWS[i].len}}, back;
		struct arena arena;
		struct reader r;
		struct err err;

		for (size_t at = 0; at < ROWS[i].len; at++)
			text[at] = at < ROWS[i].lead              ? 'x'
				   : (at - ROWS[i].lead) % 2 == 0 ? 0xc3
								  : 0xbc;
		arena_init(&arena);
		buf_reset(&out);
		pack_columns_encode(&c, &out);
		reader_init(&r, buf_view(&out));
		assert_true(pack_columns_decode(&r, &arena, &back, &err));
		assert_int_equal(back.subject.len, ROWS[i].want);
		assert_true(text_utf8_valid(back.subject));
		assert_int_equal(back.parse_flags, ROWS[i].limited ? PACK_PARSE_LIMITED : 0);
		arena_fini(&arena);
	}
	buf_fini(&out);
	mem_free(text);
}

/* C2 */
static void
too_much_is_left_out_and_flagged(void **state)
{
	struct bytes *received = mem_calloc(PACK_RECEIVED_COUNT_MAX + 1, sizeof *received);
	uint8_t *text = mem_calloc(PACK_EXPLANATION_BYTES_MAX + 1, 1);
	struct pack_columns lists = {
	    .received_headers = received, .received_header_count = PACK_RECEIVED_COUNT_MAX + 1};
	struct pack_columns json = {.explanation = {text, PACK_EXPLANATION_BYTES_MAX + 1}}, back;
	struct arena arena;
	struct buf out;
	struct reader r;
	struct err err;

	(void)state;
	arena_init(&arena);
	buf_init(&out, LIMIT_MIB);
	pack_columns_encode(&lists, &out);
	reader_init(&r, buf_view(&out));
	assert_true(pack_columns_decode(&r, &arena, &back, &err));
	assert_int_equal(back.received_header_count, PACK_RECEIVED_COUNT_MAX);
	assert_int_equal(back.parse_flags, PACK_PARSE_LIMITED);
	buf_reset(&out);
	pack_columns_encode(&json, &out);
	reader_init(&r, buf_view(&out));
	assert_true(pack_columns_decode(&r, &arena, &back, &err));
	assert_int_equal(back.explanation.len, 0);
	assert_int_equal(back.parse_flags, PACK_PARSE_LIMITED);
	buf_fini(&out);
	arena_fini(&arena);
	mem_free(text);
	mem_free(received);
}

/* C5: a count that the bytes cannot hold allocates nothing. */
static void
a_count_beyond_the_bytes_costs_nothing(void **state)
{
	struct pack_row row = {.retention = PACK_RETENTION_ONE_YEAR, .leaf_index = PACK_LEAF_NONE},
			back;
	struct arena arena;
	struct buf out;
	struct reader r;
	struct err err;

	(void)state;
	arena_init(&arena);
	buf_init(&out, LIMIT_MIB);
	pack_row_encode(&row, &out);
	memset(out.ptr + 1 + 16 + 8 + 32 + 1, 0xff, 4); /* recipients */
	reader_init(&r, buf_view(&out));
	assert_false(pack_row_decode(&r, &arena, &back, &err));
	assert_int_equal(err.code, ERR_CORRUPT);
	assert_int_equal(arena.used_bytes, 0);
	buf_fini(&out);
	arena_fini(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(rows_round_trip),
	    cmocka_unit_test(damaged_rows_are_refused),
	    cmocka_unit_test(long_text_is_cut_at_a_character),
	    cmocka_unit_test(too_much_is_left_out_and_flagged),
	    cmocka_unit_test(a_count_beyond_the_bytes_costs_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
