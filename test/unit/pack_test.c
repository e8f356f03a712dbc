/* SPDX-License-Identifier: Apache-2.0 */
/* Packs written, read, scanned and verified (docs/formats/pack.md, P1 to P12). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "pack_fixture.h"
#include "pack_format_int.h"
#include "pack_row_fixture.h"
#include "base_limits.h"
#include "base_mem.h"
#include "crypt_digest.h"

static void
packs_round_trip(void **state)
{
	static const struct {
		const char *name;
		size_t count, size_max;
	} ROWS[] = {
	    {"one empty message", 1, 0},
	    {"one small message", 1, 500},
	    {"empty and small messages", 50, 3},
	    {"messages of every block position", 300, 5000},
	    {"messages around a block", 12, 2 * PACK_BLOCK_BYTES},
	    {"more than one row group", 2600, 40},
	};

	(void)state;
	for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
		struct pack_fixture f;
		struct pack *p;

		pack_fixture_init(&f, NULL);
		for (size_t k = 0; k < ROWS[i].count; k++)
			pack_fixture_add(&f, (int64_t)rng_below(&f.rng, 5000),
			    pack_fixture_text(&f, rng_below(&f.rng, ROWS[i].size_max + 1)));
		pack_fixture_write(&f, FIXTURE_DIR);
		p = pack_fixture_open(&f);
		pack_fixture_check(&f, p);
		pack_release(&p);
		pack_fixture_fini(&f);
	}
}

/* Sizes at the edges of a block, on the kernel's file system. */
static void
edges_of_blocks_on_a_real_disk(void **state)
{
	static const size_t SIZES[] = {PACK_BLOCK_BYTES - 1, 1, PACK_BLOCK_BYTES, 0,
	    PACK_BLOCK_BYTES + 1, 10, 2 * PACK_BLOCK_BYTES, 2 * PACK_BLOCK_BYTES + 1, 5,
	    40 * LIMIT_MIB, 7};
	char dir[] = "/tmp/pack_test_XXXXXX";
	struct os_fs fs = os_fs_real();
	struct pack_fixture f;
	struct pack *p;
	struct err err;

	(void)state;
	assert_non_null(mkdtemp(dir));
	pack_fixture_init(&f, &fs);
	for (size_t i = 0; i < sizeof SIZES / sizeof *SIZES; i++)
		pack_fixture_add(&f, (int64_t)(i * 37 % 11), pack_fixture_text(&f, SIZES[i]));
	pack_fixture_write(&f, dir);
	p = pack_fixture_open(&f);
	pack_fixture_check(&f, p);
	pack_release(&p);
	assert_true(os_fs_unlink(fs, f.path, &err));
	assert_int_equal(rmdir(dir), 0); /* nothing else was left */
	pack_fixture_fini(&f);
}

static void
a_row_with_a_hundred_recipients(void **state)
{
	struct bytes recipients[100];
	struct pack_fixture f;
	struct pack *p;

	(void)state;
	pack_fixture_init(&f, NULL);
	for (size_t i = 0; i < 100; i++)
		recipients[i] = bytes_of_str(arena_printf(&f.arena, "user%zu@example.com", i));
	pack_fixture_add(&f, 0, pack_fixture_text(&f, 100));
	f.rows[0].recipients = recipients;
	f.rows[0].recipient_count = 100;
	pack_fixture_write(&f, FIXTURE_DIR);
	p = pack_fixture_open(&f);
	pack_fixture_check(&f, p);
	pack_release(&p);
	pack_fixture_fini(&f);
}

static void
find_misses_other_ids(void **state)
{
	struct pack_fixture f;
	struct pack *p;
	struct id_record id;

	(void)state;
	pack_fixture_init(&f, NULL);
	for (int64_t i = 0; i < 20; i++)
		pack_fixture_add(&f, i, BYTES_EMPTY);
	pack_fixture_write(&f, FIXTURE_DIR);
	p = pack_fixture_open(&f);
	for (int64_t i = -1; i < 22; i++) {
		id_record_new(&id, FIXTURE_T0 + i, &f.rng);
		assert_int_equal(pack_find(p, &id), SIZE_MAX);
	}
	pack_release(&p);
	pack_fixture_fini(&f);
}

/* P3 */
static void
another_key_or_archive_is_sealed(void **state)
{
	struct pack_fixture f;
	struct pack *p = NULL;
	struct secret *other;
	struct err err;

	(void)state;
	pack_fixture_init(&f, NULL);
	pack_fixture_add(&f, 0, BYTES_LIT("hello"));
	pack_fixture_write(&f, FIXTURE_DIR);
	other = secret_random(CRYPT_KEY_BYTES, &f.rng);
	assert_false(pack_open(f.fs, f.path, FIXTURE_ARCHIVE, other, &p, &err));
	assert_int_equal(err.code, ERR_SEALED);
	assert_false(pack_open(f.fs, f.path, "a-bbbbbbbbbbbbbbbbbbbbbbbb", f.key, &p, &err));
	assert_int_equal(err.code, ERR_SEALED);
	assert_null(p);
	secret_free(&other);
	pack_fixture_fini(&f);
}

struct seen {
	const struct pack_fixture *f;
	const struct pack_row *rows[64];
	size_t count, stop_after;
};

static bool
row_see(void *ctx, const struct pack_row *row)
{
	struct seen *seen = ctx;
	size_t i = 0;

	while (i < seen->f->count && id_record_compare(&seen->f->rows[i].id, &row->id) != 0)
		i++;
	assert_true(i < seen->f->count);
	assert_true(row_fixture_equal(&seen->f->rows[i], row));
	if (seen->count < 64)
		seen->rows[seen->count] = &seen->f->rows[i];
	return ++seen->count != seen->stop_after;
}

/* Against a loop over what was added. */
static void
scans_fit_a_plain_loop(void **state)
{
	static const struct bytes GREETING[] = {
	    {(const uint8_t *)"GRÜSSE", 8}, {(const uint8_t *)"件", 3}};
	static const struct pack_condition SUBJECT = {PACK_ATTRIBUTE_SUBJECT, false, GREETING, 2};
	static const struct pack_condition ATTACHMENTS = {
	    PACK_ATTRIBUTE_HAS_ATTACHMENTS, true, NULL, 0};
	static const struct pack_filter FILTERS[] = {
	    {0}, {&SUBJECT, NULL, 1, 0}, {&SUBJECT, &ATTACHMENTS, 1, 1}};
	static const struct {
		int64_t from, to;
		uint64_t limit;
		size_t stop_after;
	} ROWS[] = {{INT64_MIN, INT64_MAX, 60, 0}, {FIXTURE_T0, FIXTURE_T0 + 1000, 1000, 50},
	    {FIXTURE_T0 + 100, FIXTURE_T0 + 101, 1000, 0},
	    {FIXTURE_T0 + 50, FIXTURE_T0 + 60, UINT64_MAX, 0},
	    {FIXTURE_T0 + 60, FIXTURE_T0 + 50, 9, 0}, {FIXTURE_T0, FIXTURE_T0 + 900, 0, 0},
	    {INT64_MIN, FIXTURE_T0, 9, 0}, {FIXTURE_T0 + 1000, INT64_MAX, 9, 0}};
	struct pack_fixture f;
	struct pack *p;

	(void)state;
	pack_fixture_init(&f, NULL);
	for (size_t i = 0; i < 3000; i++)
		pack_fixture_add(&f, (int64_t)rng_below(&f.rng, 1000), BYTES_EMPTY);
	pack_fixture_write(&f, FIXTURE_DIR);
	p = pack_fixture_open(&f);
	for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS * 3; i++) {
		struct pack_match *m = pack_match_new(&FILTERS[i % 3]);
		struct seen seen = {.f = &f, .stop_after = ROWS[i / 3].stop_after};
		uint64_t scanned;
		size_t hits = 0;
		struct err err;

		assert_true(pack_scan(p, ROWS[i / 3].from, ROWS[i / 3].to, m, ROWS[i / 3].limit,
		    NULL, row_see, &seen, &scanned, &err));
		for (size_t k = f.count; k > 0 && hits < ROWS[i / 3].limit; k--) {
			const struct pack_row *row = &f.rows[k - 1];

			if (row->received_ms < ROWS[i / 3].from ||
			    row->received_ms >= ROWS[i / 3].to || !pack_match_row(m, row))
				continue;
			if (hits < seen.count && hits < 64)
				assert_ptr_equal(
				    seen.rows[hits], row); /* newest first, larger id first */
			if (++hits == ROWS[i / 3].stop_after)
				break;
		}
		assert_int_equal(seen.count, hits);
		assert_true(scanned >= hits);
		pack_match_free(&m);
	}
	pack_release(&p);
	pack_fixture_fini(&f);
}

static void
cancelled_work_stops(void **state)
{
	struct pack_problems problems = {0};
	struct pack_match *m = pack_match_new(NULL);
	struct pack_fixture f;
	struct pack *p;
	struct seen seen = {.f = &f};
	atomic_bool cancel;
	uint64_t count;
	struct err err;

	(void)state;
	atomic_init(&cancel, true);
	pack_fixture_init(&f, NULL);
	pack_fixture_add(&f, 0, BYTES_LIT("x"));
	pack_fixture_write(&f, FIXTURE_DIR);
	p = pack_fixture_open(&f);
	assert_false(pack_scan(p, 0, INT64_MAX, m, 1, &cancel, row_see, &seen, &count, &err));
	assert_int_equal(err.code, ERR_CANCELLED);
	assert_false(pack_verify(p, &cancel, pack_problem_count, &problems, &count, &err));
	assert_int_equal(err.code, ERR_CANCELLED);
	assert_int_equal(problems.count, 0);
	pack_release(&p);
	pack_match_free(&m);
	pack_fixture_fini(&f);
}

static void
the_last_holder_frees(void **state)
{
	struct pack *p, *held;
	struct pack_fixture f;

	(void)state;
	pack_fixture_init(&f, NULL);
	pack_fixture_add(&f, 0, BYTES_LIT("x"));
	pack_fixture_write(&f, FIXTURE_DIR);
	p = pack_fixture_open(&f);
	held = pack_hold(p);
	pack_release(&p);
	assert_null(p);
	assert_string_equal(pack_path(held), f.path);
	pack_release(&held);
	pack_release(&held);
	pack_fixture_fini(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(packs_round_trip),
	    cmocka_unit_test(edges_of_blocks_on_a_real_disk),
	    cmocka_unit_test(a_row_with_a_hundred_recipients),
	    cmocka_unit_test(find_misses_other_ids),
	    cmocka_unit_test(another_key_or_archive_is_sealed),
	    cmocka_unit_test(scans_fit_a_plain_loop),
	    cmocka_unit_test(cancelled_work_stops),
	    cmocka_unit_test(the_last_holder_frees),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
