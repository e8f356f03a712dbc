/* SPDX-License-Identifier: Apache-2.0 */
/* Many messages read in a row, and log files that are sealed together. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "archive_fixture.h"
#include "base_limits.h"

#define T0 INT64_C(1700000000000) /* 2023-11-14 */

static struct err err;

static struct archive_fixture_message
message(uint32_t number)
{
	return (struct archive_fixture_message){.number = number,
	    .received_ms = T0 + number,
	    .body_bytes = 900,
	    .archive_ids = {"a-one"}};
}

static void
set_up(struct archive_fixture *f)
{
	archive_fixture_init(f, NULL, 1);
	if (!archive_fixture_open(f, &err))
		fail_msg("open: %s", err.msg);
	assert_true(archive_create(f->archive, "a-one", &err));
}

static void
keep(struct archive_fixture *f, uint32_t from, uint32_t to, int64_t later_ms)
{
	for (uint32_t i = from; i < to; i++) {
		struct archive_fixture_message m = message(i);

		m.received_ms += later_ms;
		if (!archive_fixture_keep(f, &m, &err))
			fail_msg("message %u: %s", i, err.msg);
	}
}

static void
seal(struct archive_fixture *f)
{
	if (!archive_seal(f->archive, true, &err))
		fail_msg("seal: %s", err.msg);
}

static bool
count_name(void *ctx, const char *name)
{
	*(size_t *)ctx += bytes_ends_with(bytes_of_str(name), BYTES_LIT(".pack"));
	return true;
}

static size_t
packs_on_disk(struct archive_fixture *f)
{
	size_t count = 0;

	assert_true(os_fs_list(f->fs, "/data/archives/a-one/packs", count_name, &count, &err));
	return count;
}

/* Is this the message, all of it, from this reader? */
static bool
reads(struct archive_reader *r, uint32_t number)
{
	struct archive_fixture_message m = message(number);
	struct buf body, wanted;
	struct arena arena;
	const char *archive;
	struct pack_row row;
	struct id_record id;
	bool same;

	arena_init(&arena);
	buf_init(&body, 2 * SMTP_MESSAGE_BYTES_CEIL);
	buf_init(&wanted, 2 * SMTP_MESSAGE_BYTES_CEIL);
	archive_fixture_id(&id, &m, 0);
	archive_fixture_body(&wanted, &m, 0);
	same = archive_reader_read(r, &id, &arena, &archive, &row, &body, &err) &&
	       bytes_equal(buf_view(&body), buf_view(&wanted)) &&
	       id_record_compare(&row.id, &id) == 0 && row.received_ms == m.received_ms &&
	       bytes_equal(bytes_of_str(archive), BYTES_LIT("a-one"));
	buf_fini(&body);
	buf_fini(&wanted);
	arena_fini(&arena);
	return same;
}

/* In any order, from packs and from the log, over a merge of the packs it reads from. */
static void
one_reader_reads_everything(void **state)
{
	struct archive_fixture f;
	struct archive_reader *r;

	(void)state;
	set_up(&f);
	for (uint32_t i = 0; i < 7; i++) {
		keep(&f, 10 * i, 10 * i + 10, 0);
		seal(&f);
	}
	keep(&f, 70, 80, 0);
	assert_int_equal(packs_on_disk(&f), 7);
	r = archive_reader_new(f.archive);
	for (uint32_t i = 80; i-- > 0;)
		assert_true(reads(r, i));
	for (uint32_t i = 0; i < 80; i++)
		assert_true(reads(r, i * 37 % 80));
	assert_false(reads(r, 80));
	assert_int_equal(err.code, ERR_NOT_FOUND);
	assert_true(reads(r, 3));
	seal(&f); /* the eighth: all are merged, and the one that is read stays for so long */
	assert_int_equal(packs_on_disk(&f), 2);
	assert_true(reads(r, 4));
	seal(&f);
	assert_int_equal(packs_on_disk(&f), 1);
	for (uint32_t i = 80; i-- > 0;)
		assert_true(reads(r, i));
	archive_reader_free(&r);
	archive_reader_free(&r);
	archive_fixture_fini(&f);
}

/* Five files are two packs: four files together, and the fifth. */
static void
files_are_sealed_together(void **state)
{
	struct archive_fixture f;
	struct archive_reader *r;
	struct archive_stats stats;

	(void)state;
	set_up(&f);
	for (uint32_t i = 0; i < 5; i++) {
		keep(&f, 20 * i, 20 * i + 19, 0);
		/* too long for what is left of the file: it is complete */
		struct archive_fixture_message m = message(20 * i + 19);

		m.body_bytes = 25000;
		if (!archive_fixture_keep(&f, &m, &err))
			fail_msg("%s", err.msg);
	}
	assert_int_equal(packs_on_disk(&f), 0);
	seal(&f);
	assert_in_range(packs_on_disk(&f), 2, 3);
	assert_true(archive_stats_get(f.archive, "a-one", &stats, &err));
	assert_int_equal(stats.messages, 100);
	assert_int_equal(stats.unsealed_messages, 0);
	r = archive_reader_new(f.archive);
	for (uint32_t i = 0; i < 19; i++)
		assert_true(reads(r, i));
	archive_reader_free(&r);
	archive_fixture_fini(&f);
}

/* What waits is of two months: so are the packs. */
static void
months_stay_apart(void **state)
{
	struct archive_fixture f;
	struct archive_stats stats;

	(void)state;
	set_up(&f);
	keep(&f, 0, 30, 0);
	keep(&f, 30, 60, INT64_C(20) * 86400 * 1000);
	seal(&f);
	assert_int_equal(packs_on_disk(&f), 2);
	assert_true(archive_stats_get(f.archive, "a-one", &stats, &err));
	assert_int_equal(stats.messages, 60);
	archive_fixture_fini(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(one_reader_reads_everything),
	    cmocka_unit_test(files_are_sealed_together),
	    cmocka_unit_test(months_stay_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
