/* SPDX-License-Identifier: Apache-2.0 */
/* The archives through archive.h: what was kept is found, read and sealed, before and after a restart. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "archive_fixture.h"
#include "base_limits.h"
#include "base_log.h"
#include "base_mem.h"
#include "os_fs_failing.h"

#define T0 1700000000000

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
open_ok(struct archive_fixture *f)
{
	if (!archive_fixture_open(f, &err))
		fail_msg("open: %s", err.msg);
}

static void
reopen(struct archive_fixture *f)
{
	archive_close(&f->archive);
	open_ok(f);
}

static void
set_up(struct archive_fixture *f)
{
	archive_fixture_init(f, NULL, 1);
	open_ok(f);
	assert_true(archive_create(f->archive, "a-one", &err));
	assert_true(archive_create(f->archive, "a-two", &err));
}

static void
keep(struct archive_fixture *f, uint32_t from, uint32_t to)
{
	for (uint32_t i = from; i < to; i++) {
		struct archive_fixture_message m = message(i);

		if (!archive_fixture_keep(f, &m, &err))
			fail_msg("message %u: %s", i, err.msg);
	}
}

static void
check(struct archive_fixture *f, uint32_t from, uint32_t to)
{
	for (uint32_t i = from; i < to; i++) {
		struct archive_fixture_message m = message(i);
		const char *wrong = archive_fixture_check(f, &m);

		if (wrong != NULL)
			fail_msg("message %u: %s", i, wrong);
	}
}

static void
seal(struct archive_fixture *f)
{
	if (!archive_seal(f->archive, true, &err))
		fail_msg("seal: %s", err.msg);
}

/* The ids a search gives, in its order. */
struct hits {
	struct id_record *ids;
	size_t count, room, stop_after;
};

static bool
hit(void *ctx, const struct pack_row *row)
{
	struct hits *h = ctx;

	if (h->count == h->room) {
		h->room = h->room == 0 ? 64 : 2 * h->room;
		h->ids = mem_realloc_array(h->ids, h->room, sizeof *h->ids);
	}
	h->ids[h->count++] = row->id;
	return h->stop_after == 0 || h->count < h->stop_after;
}

static void
search(struct archive_fixture *f, const char *id, int64_t from_ms, int64_t to_ms, uint64_t limit,
    struct hits *h)
{
	struct archive_search_report report;

	h->count = 0;
	if (!archive_search(
		f->archive, id, from_ms, to_ms, NULL, limit, NULL, hit, h, &report, &err))
		fail_msg("search: %s", err.msg);
	for (size_t i = 1; i < h->count; i++)
		if (id_record_compare(&h->ids[i - 1], &h->ids[i]) <= 0)
			fail_msg("hit %zu is out of order or twice", i);
}

static size_t
count_hits(struct archive_fixture *f, const char *id, int64_t from_ms, int64_t to_ms)
{
	struct hits h = {0};
	size_t count;

	search(f, id, from_ms, to_ms, UINT64_MAX, &h);
	count = h.count;
	mem_free(h.ids);
	return count;
}

static void
kept_messages_are_there(void **state)
{
	struct archive_stats stats;
	struct archive_fixture f;

	(void)state;
	set_up(&f);
	keep(&f, 0, 100);
	check(&f, 0, 100);
	assert_int_equal(count_hits(&f, "a-one", 0, INT64_MAX), 100);
	reopen(&f);
	assert_int_equal(f.recovery.log_records, 100);
	assert_int_equal(f.recovery.corrupt_records + f.recovery.torn_tail_bytes, 0);
	check(&f, 0, 100);
	assert_int_equal(archive_oldest_unsealed_ms(f.archive), T0);
	seal(&f);
	assert_int_equal(archive_oldest_unsealed_ms(f.archive), 0);
	check(&f, 0, 100);
	assert_int_equal(count_hits(&f, "a-one", 0, INT64_MAX), 100);
	keep(&f, 100, 130);
	reopen(&f);
	assert_true(f.recovery.packs >= 1);
	assert_int_equal(f.recovery.log_records, 30);
	check(&f, 0, 130);
	assert_int_equal(count_hits(&f, "a-one", 0, INT64_MAX), 130);
	assert_int_equal(count_hits(&f, "a-two", 0, INT64_MAX), 0);
	assert_true(archive_stats_get(f.archive, "a-one", &stats, &err));
	assert_int_equal(stats.messages, 130);
	assert_int_equal(stats.unsealed_messages, 30);
	assert_int_equal(stats.oldest_ms, T0);
	assert_int_equal(stats.newest_ms, T0 + 129);
	assert_true(stats.stored_bytes > 0);
	archive_fixture_fini(&f);
}

static void
one_reception_in_two_archives(void **state)
{
	struct archive_fixture_message m = message(1);
	struct archive_stats stats;
	struct archive_fixture f;

	(void)state;
	set_up(&f);
	m.archive_ids[1] = "a-two";
	assert_true(archive_fixture_keep(&f, &m, &err));
	for (int round = 0; round < 3; round++) {
		assert_null(archive_fixture_check(&f, &m));
		assert_int_equal(count_hits(&f, "a-one", 0, INT64_MAX), 1);
		assert_int_equal(count_hits(&f, "a-two", 0, INT64_MAX), 1);
		if (round == 0)
			seal(&f);
		else
			reopen(&f);
	}
	assert_true(archive_stats_get(f.archive, NULL, &stats, &err));
	assert_int_equal(stats.messages, 2);
	archive_fixture_fini(&f);
}

static void
refusals(void **state)
{
	struct archive_search_report report;
	struct archive_fixture_message m = message(1);
	const char *archive_id;
	struct archive_stats stats;
	struct pack_row row;
	struct archive_fixture f;
	struct id_record id = {{1}};
	struct arena arena;
	struct buf body;

	(void)state;
	set_up(&f);
	arena_init(&arena);
	buf_init(&body, SMTP_MESSAGE_BYTES_CEIL + LIMIT_MIB);
	m.archive_ids[0] = "a-none";
	assert_false(archive_fixture_keep(&f, &m, &err));
	assert_int_equal(err.code, ERR_NOT_FOUND);
	assert_false(
	    archive_search(f.archive, "a-none", 0, 1, NULL, 1, NULL, hit, NULL, &report, &err));
	assert_int_equal(err.code, ERR_NOT_FOUND);
	assert_false(archive_stats_get(f.archive, "a-none", &stats, &err));
	assert_int_equal(err.code, ERR_NOT_FOUND);
	assert_false(archive_read(f.archive, &id, &arena, &archive_id, &row, &body, &err));
	assert_int_equal(err.code, ERR_NOT_FOUND);
	assert_false(archive_create(f.archive, "../x", &err));
	assert_false(archive_create(f.archive, "", &err));
	assert_true(archive_create(f.archive, "a-one", &err));
	buf_fini(&body);
	arena_fini(&arena);
	archive_fixture_fini(&f);
}

static int
descending(const void *a, const void *b)
{
	return id_record_compare(b, a);
}

/* Times all over, some equal, sealed now and then: packs overlap, and the order is still that of the ids. */
static void
search_merges_in_order(void **state)
{
	enum { MESSAGES = 1500 };
	struct id_record *expected = mem_calloc(MESSAGES, sizeof *expected);
	struct rng_seeded seeded = {5};
	struct rng rng = rng_seeded(&seeded);
	struct archive_fixture f;
	struct hits h = {0};

	(void)state;
	set_up(&f);
	for (uint32_t i = 0; i < MESSAGES; i++) {
		struct archive_fixture_message m = message(i);

		m.body_bytes = 20;
		m.received_ms = T0 + (int64_t)rng_below(&rng, 400) + i / 3;
		archive_fixture_id(&expected[i], &m, 0);
		assert_true(archive_fixture_keep(&f, &m, &err));
		if (rng_below(&rng, 300) == 0 || i == 1300)
			seal(&f);
	}
	qsort(expected, MESSAGES, sizeof *expected, descending);
	search(&f, "a-one", 0, INT64_MAX, UINT64_MAX, &h);
	assert_int_equal(h.count, MESSAGES);
	assert_memory_equal(h.ids, expected, MESSAGES * sizeof *expected);
	for (int i = 0; i < 100; i++) {
		int64_t from = T0 + (int64_t)rng_below(&rng, 900),
			to = from + (int64_t)rng_below(&rng, 300);
		uint64_t limit = 1 + rng_below(&rng, 200);
		size_t first = 0, count = 0;

		while (first < MESSAGES && id_record_ms(&expected[first]) >= to)
			first++;
		while (first + count < MESSAGES && id_record_ms(&expected[first + count]) >= from)
			count++;
		h.stop_after = (size_t)rng_below(&rng, 3) == 0 ? 7 : 0;
		if (count > limit)
			count = (size_t)limit;
		if (h.stop_after > 0 && count > h.stop_after)
			count = h.stop_after;
		search(&f, "a-one", from, to, limit, &h);
		assert_int_equal(h.count, count);
		if (count > 0)
			assert_memory_equal(h.ids, &expected[first], count * sizeof *expected);
	}
	mem_free(h.ids);
	mem_free(expected);
	archive_fixture_fini(&f);
}

static void
cancelled_search_says_so(void **state)
{
	struct archive_search_report report;
	atomic_bool cancel = true;
	struct archive_fixture f;
	struct hits h = {0};

	(void)state;
	set_up(&f);
	keep(&f, 0, 10);
	assert_false(archive_search(
	    f.archive, "a-one", 0, INT64_MAX, NULL, UINT64_MAX, &cancel, hit, &h, &report, &err));
	assert_int_equal(err.code, ERR_CANCELLED);
	seal(&f);
	assert_false(archive_search(
	    f.archive, "a-one", 0, INT64_MAX, NULL, UINT64_MAX, &cancel, hit, &h, &report, &err));
	assert_int_equal(err.code, ERR_CANCELLED);
	mem_free(h.ids);
	archive_fixture_fini(&f);
}

static void
message_larger_than_a_log_file(void **state)
{
	struct archive_fixture_message m = message(7);
	struct archive_fixture f;

	(void)state;
	set_up(&f);
	keep(&f, 0, 3);
	m.body_bytes = 300000;
	assert_true(archive_fixture_keep(&f, &m, &err));
	keep(&f, 10, 13);
	assert_null(archive_fixture_check(&f, &m));
	reopen(&f);
	assert_null(archive_fixture_check(&f, &m));
	seal(&f);
	reopen(&f);
	assert_null(archive_fixture_check(&f, &m));
	check(&f, 0, 3);
	check(&f, 10, 13);
	archive_fixture_fini(&f);
}

static void
full_disk_defers_and_recovers(void **state)
{
	struct archive_fixture f;
	uint32_t kept = 0, refused = 0;

	(void)state;
	set_up(&f);
	os_fs_memory_set_capacity(f.disk, 200 * 1024);
	for (; refused < 5; kept++) {
		struct archive_fixture_message m = message(kept);

		f.now.mono_ms += 2000;
		if (archive_fixture_keep(&f, &m, &err))
			continue;
		assert_int_equal(err.code, ERR_NO_SPACE);
		assert_false(archive_failed(f.archive));
		refused++;
		kept--;
	}
	assert_true(archive_space_low(f.archive) || kept > 0);
	check(&f, 0, kept);
	assert_int_equal(count_hits(&f, "a-one", 0, INT64_MAX), kept);
	os_fs_memory_set_capacity(f.disk, 0);
	f.now.mono_ms += 2000;
	keep(&f, kept, kept + 10);
	reopen(&f);
	check(&f, 0, kept + 10);
	assert_int_equal(count_hits(&f, "a-one", 0, INT64_MAX), kept + 10);
	archive_fixture_fini(&f);
}

static void
quiet(void *ctx, enum log_level level, const char *line)
{
	(void)level;
	(void)line;
	(*(size_t *)ctx)++;
}

static void
failed_sync_closes_for_writing(void **state)
{
	struct os_failure broken = {.call = OS_CALL_SYNC, .nth = 1, .sys_errno = EIO};
	struct archive_fixture_message m = message(10);
	struct os_fs_failing *failing;
	struct archive_fixture f;
	size_t lines = 0;

	(void)state;
	archive_fixture_init(&f, NULL, 1);
	failing = os_fs_failing_new(f.fs);
	f.fs = os_fs_failing(failing);
	open_ok(&f);
	assert_true(archive_create(f.archive, "a-one", &err));
	keep(&f, 0, 10);
	os_fs_failing_arm(failing, &broken);
	log_set_sink(quiet, &lines);
	assert_false(archive_fixture_keep(&f, &m, &err));
	log_set_sink(NULL, NULL);
	assert_int_equal(lines, 1);
	assert_int_equal(err.code, ERR_IO);
	assert_true(archive_failed(f.archive));
	assert_false(archive_fixture_keep(&f, &m, &err));
	assert_int_equal(err.code, ERR_IO);
	check(&f, 0, 10);
	assert_false(archive_seal(f.archive, true, &err));
	reopen(&f);
	assert_false(archive_failed(f.archive));
	check(&f, 0, 10);
	keep(&f, 11, 15);
	archive_close(&f.archive);
	os_fs_failing_free(&failing);
	archive_fixture_fini(&f);
}

static void
flip(struct archive_fixture *f, const char *path, uint64_t at)
{
	struct os_file *file;
	uint8_t byte;

	assert_true(os_fs_open(f->fs, path, OS_OPEN_READ_WRITE, &file, &err));
	assert_true(os_file_read_exact(file, at, &byte, 1, &err));
	byte ^= 0x55;
	assert_true(os_file_write_at(file, at, bytes_of(&byte, 1), &err));
	assert_true(os_file_close(&file, &err));
}

static void
count_problem(void *ctx, const char *what)
{
	(void)what;
	(*(size_t *)ctx)++;
}

static void
damaged_record_is_skipped_and_named(void **state)
{
	struct archive_fixture f;
	uint64_t checked;
	size_t lines = 0;

	(void)state;
	set_up(&f);
	keep(&f, 0, 10);
	archive_close(&f.archive);
	flip(&f, "/data/intake/00000001.log", 8192 + 200);
	log_set_sink(quiet, &lines);
	open_ok(&f);
	assert_true(lines >= 1);
	assert_int_equal(f.recovery.corrupt_records, 1);
	assert_int_equal(f.recovery.log_records, 9);
	check(&f, 1, 10);
	seal(&f);
	check(&f, 1, 10);
	reopen(
	    &f); /* the file with the damaged record stays, and its other records are not shown twice */
	assert_int_equal(f.recovery.corrupt_records, 1);
	check(&f, 1, 10);
	assert_int_equal(count_hits(&f, "a-one", 0, INT64_MAX), 9);
	log_set_sink(NULL, NULL);
	lines = 0;
	assert_true(
	    archive_verify(f.archive, "a-one", NULL, count_problem, &lines, &checked, &err));
	assert_int_equal(lines, 1);
	assert_int_equal(checked, 9);
	archive_fixture_fini(&f);
}

struct found {
	char name[64];
};

static bool
first_pack(void *ctx, const char *name)
{
	struct found *found = ctx;

	if (!bytes_ends_with(bytes_of_str(name), BYTES_LIT(".pack")))
		return true;
	(void)snprintf(found->name, sizeof found->name, "%s", name);
	return false;
}

static void
path_of_pack(struct archive_fixture *f, char out[128])
{
	struct found found = {""};

	assert_true(os_fs_list(f->fs, "/data/archives/a-one/packs", first_pack, &found, &err));
	(void)snprintf(out, 128, "/data/archives/a-one/packs/%s", found.name);
}

static void
copy(struct archive_fixture *f, const char *from, const char *to)
{
	struct buf data;

	buf_init(&data, 1 << 24);
	assert_true(os_fs_read_file(f->fs, from, 1 << 24, &data, &err));
	assert_true(os_fs_write_file(f->fs, to, buf_view(&data), &err));
	buf_fini(&data);
}

static void
damaged_pack_is_set_aside(void **state)
{
	struct archive_search_report report;
	struct archive_stats stats;
	struct archive_fixture f;
	struct os_stat st;
	struct hits h = {0};
	size_t lines = 0;
	char path[128];

	(void)state;
	set_up(&f);
	keep(&f, 0, 10);
	seal(&f);
	keep(&f, 10, 20);
	archive_close(&f.archive);
	path_of_pack(&f, path);
	assert_true(os_fs_stat(f.fs, path, &st, &err));
	flip(&f, path, st.size_bytes - 1);
	log_set_sink(quiet, &lines);
	open_ok(&f);
	log_set_sink(NULL, NULL);
	assert_int_equal(lines > 0, 1);
	assert_int_equal(f.recovery.corrupt_packs, 1);
	assert_true(archive_search(
	    f.archive, "a-one", 0, INT64_MAX, NULL, UINT64_MAX, NULL, hit, &h, &report, &err));
	assert_int_equal(h.count, 10);
	assert_int_equal(report.packs_skipped, 1);
	assert_true(archive_stats_get(f.archive, "a-one", &stats, &err));
	assert_int_equal(stats.corrupt_packs, 1);
	check(&f, 10, 20);
	mem_free(h.ids);
	archive_fixture_fini(&f);
}

/* Sealed, and the log file as it was before: power went between the two. */
static void
sealed_records_in_the_log_are_not_shown_twice(void **state)
{
	struct archive_fixture f;

	(void)state;
	set_up(&f);
	keep(&f, 0, 10);
	copy(&f, "/data/intake/00000001.log", "/saved");
	seal(&f);
	archive_close(&f.archive);
	copy(&f, "/saved", "/data/intake/00000001.log");
	open_ok(&f);
	assert_int_equal(count_hits(&f, "a-one", 0, INT64_MAX), 10);
	check(&f, 0, 10);
	keep(&f, 10, 15); /* the file was freed, and is used again */
	reopen(&f);
	assert_int_equal(count_hits(&f, "a-one", 0, INT64_MAX), 15);
	archive_fixture_fini(&f);
}

static bool
count_pack(void *ctx, const char *name)
{
	*(size_t *)ctx += bytes_ends_with(bytes_of_str(name), BYTES_LIT(".pack"));
	return true;
}

static size_t
packs_on_disk(struct archive_fixture *f)
{
	size_t count = 0;

	assert_true(os_fs_list(f->fs, "/data/archives/a-one/packs", count_pack, &count, &err));
	return count;
}

/* The last sync of a seal fails: the pack has its name, but may lose it. It goes, and its records are sealed again. */
static void
failed_pack_is_removed(void **state)
{
	struct os_failure broken = {.call = OS_CALL_SYNC_DIR, .nth = 1, .sys_errno = EIO};
	struct os_fs_failing *failing;
	struct archive_fixture f;

	(void)state;
	archive_fixture_init(&f, NULL, 1);
	failing = os_fs_failing_new(f.fs);
	f.fs = os_fs_failing(failing);
	open_ok(&f);
	assert_true(archive_create(f.archive, "a-one", &err));
	keep(&f, 0, 10);
	os_fs_failing_arm(failing, &broken);
	assert_false(archive_seal(f.archive, true, &err));
	assert_int_equal(packs_on_disk(&f), 0);
	check(&f, 0, 10);
	seal(&f);
	assert_int_equal(packs_on_disk(&f), 1);
	assert_int_equal(count_hits(&f, "a-one", 0, INT64_MAX), 10);
	archive_close(&f.archive);
	os_fs_failing_free(&failing);
	archive_fixture_fini(&f);
}

static bool
take_pack(void *ctx, const char *name)
{
	if (bytes_ends_with(bytes_of_str(name), BYTES_LIT(".pack")))
		(void)snprintf(ctx, 256, "/data/archives/a-one/packs/%s", name);
	return true;
}

/* Two packs with the same records: one goes by the next start. */
static void
twin_pack_is_dropped(void **state)
{
	struct archive_fixture f;
	char pack[256] = "";
	size_t lines = 0;

	(void)state;
	set_up(&f);
	keep(&f, 0, 10);
	copy(&f, "/data/intake/00000001.log", "/saved");
	seal(&f);
	archive_close(&f.archive);
	assert_true(os_fs_list(f.fs, "/data/archives/a-one/packs", take_pack, pack, &err));
	assert_true(os_fs_rename(f.fs, pack, "/twin", &err));
	copy(&f, "/saved", "/data/intake/00000001.log");
	f.now.now_ms++;
	open_ok(&f);
	seal(&f);
	archive_close(&f.archive);
	assert_true(os_fs_rename(f.fs, "/twin", pack, &err));
	assert_int_equal(packs_on_disk(&f), 2);
	assert_true(os_fs_write_file(
	    f.fs, "/data/archives/a-one/packs/half.pack.tmp", BYTES_LIT("half"), &err));
	log_set_sink(quiet, &lines);
	open_ok(&f);
	log_set_sink(NULL, NULL);
	assert_int_equal(lines, 2); /* the twin, the temporary file */
	assert_int_equal(f.recovery.packs, 1);
	assert_int_equal(f.recovery.removed_temporary_files, 1);
	assert_int_equal(packs_on_disk(&f), 1);
	assert_int_equal(count_hits(&f, "a-one", 0, INT64_MAX), 10);
	check(&f, 0, 10);
	archive_fixture_fini(&f);
}

/* Twenty small packs, a search going on in the old ones: few are left, and every record is there once. */
struct merging {
	struct archive_fixture *f;
	size_t rows;
};

static bool
seal_in_the_middle(void *ctx, const struct pack_row *row)
{
	struct merging *m = ctx;

	(void)row;
	if (m->rows++ == 3) {
		keep(m->f, 1000, 1003);
		seal(m->f); /* the eighth pack: merged under the eyes of this search */
	}
	return true;
}

static void
small_packs_are_merged(void **state)
{
	struct archive_search_report report;
	struct archive_fixture f;
	struct merging m = {.f = &f};

	(void)state;
	set_up(&f);
	for (uint32_t i = 0; i < 7; i++) {
		keep(&f, 10 * i, 10 * i + 5);
		seal(&f);
	}
	assert_int_equal(packs_on_disk(&f), 7);
	assert_true(archive_search(f.archive, "a-one", 0, INT64_MAX, NULL, UINT64_MAX, NULL,
	    seal_in_the_middle, &m, &report, &err));
	assert_int_equal(m.rows, 35);
	assert_int_equal(report.packs_skipped, 0);
	assert_int_equal(packs_on_disk(&f), 8 + 1 - 1); /* the old ones are held, but the last */
	seal(&f);
	assert_int_equal(packs_on_disk(&f), 1);
	assert_int_equal(count_hits(&f, "a-one", 0, INT64_MAX), 38);
	for (uint32_t i = 0; i < 7; i++)
		check(&f, 10 * i, 10 * i + 5);
	reopen(&f);
	assert_int_equal(f.recovery.packs, 1);
	check(&f, 1000, 1003);
	archive_fixture_fini(&f);
}

static void
no_problem(void *ctx, const char *what)
{
	(void)ctx;
	fail_msg("%s", what);
}

static void
verify_reads_everything(void **state)
{
	struct archive_fixture f;
	uint64_t checked;

	(void)state;
	set_up(&f);
	keep(&f, 0, 40);
	seal(&f);
	keep(&f, 40, 60);
	assert_true(archive_verify(f.archive, "a-one", NULL, no_problem, NULL, &checked, &err));
	assert_int_equal(checked, 60);
	assert_true(archive_verify(f.archive, NULL, NULL, no_problem, NULL, &checked, &err));
	assert_int_equal(checked, 60);
	assert_false(archive_verify(f.archive, "a-none", NULL, no_problem, NULL, &checked, &err));
	archive_fixture_fini(&f);
}

/* Every file of a directory is without the words of a message. */
struct secrecy {
	struct archive_fixture *f;
	const char *dir;
	size_t files;
};

static bool
no_clear_words(void *ctx, const char *name)
{
	struct secrecy *s = ctx;
	struct os_stat st;
	struct buf data;
	char path[256];

	(void)snprintf(path, sizeof path, "%s/%s", s->dir, name);
	assert_true(os_fs_stat(s->f->fs, path, &st, &err));
	if (st.kind == OS_KIND_DIR) {
		struct secrecy below = {.f = s->f, .dir = path};

		assert_true(os_fs_list(s->f->fs, path, no_clear_words, &below, &err));
		s->files += below.files;
		return true;
	}
	buf_init(&data, 1 << 24);
	assert_true(os_fs_read_file(s->f->fs, path, 1 << 24, &data, &err));
	assert_int_equal(bytes_find(buf_view(&data), 0, BYTES_LIT("message")), SIZE_MAX);
	assert_int_equal(bytes_find(buf_view(&data), 0, BYTES_LIT("example.com")), SIZE_MAX);
	buf_fini(&data);
	s->files++;
	return true;
}

static void
nothing_lies_in_the_clear(void **state)
{
	struct secrecy s = {.dir = "/data"};
	struct archive_fixture f;

	(void)state;
	set_up(&f);
	keep(&f, 0, 40);
	seal(&f);
	keep(&f, 40, 60);
	s.f = &f;
	assert_true(os_fs_list(f.fs, "/data", no_clear_words, &s, &err));
	assert_true(s.files >= 4);
	archive_fixture_fini(&f);
}

#define SENDERS    4
#define PER_SENDER 60

struct sender {
	struct archive_fixture *f;
	uint32_t first;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool done, ok;
};

static void
sender_done(void *ctx, bool ok, const struct err *e)
{
	struct sender *s = ctx;

	(void)e;
	must(pthread_mutex_lock(&s->lock) == 0);
	s->done = true;
	s->ok = ok;
	must(pthread_cond_signal(&s->wake) == 0);
	must(pthread_mutex_unlock(&s->lock) == 0);
}

static void *
sender_run(void *ctx)
{
	struct sender *s = ctx;
	struct err mine;

	for (uint32_t i = 0; i < PER_SENDER; i++) {
		struct archive_fixture_message m = message(s->first + i);

		s->done = false;
		must(archive_fixture_append(s->f, &m, sender_done, s, &mine));
		must(pthread_mutex_lock(&s->lock) == 0);
		while (!s->done)
			must(pthread_cond_wait(&s->wake, &s->lock) == 0);
		must(pthread_mutex_unlock(&s->lock) == 0);
		must(s->ok);
		must(archive_fixture_check(s->f, &m) == NULL);
	}
	return NULL;
}

static void
threads_see_every_record_once(void **state)
{
	struct sender senders[SENDERS];
	pthread_t threads[SENDERS];
	struct archive_fixture f;
	size_t count = 0, before = 0;

	(void)state;
	archive_fixture_init(&f, NULL, 1);
	f.threads = true;
	open_ok(&f);
	assert_true(archive_create(f.archive, "a-one", &err));
	for (uint32_t i = 0; i < SENDERS; i++) {
		senders[i] = (struct sender){.f = &f, .first = 1000 * i};
		assert_int_equal(pthread_mutex_init(&senders[i].lock, NULL), 0);
		assert_int_equal(pthread_cond_init(&senders[i].wake, NULL), 0);
		assert_int_equal(pthread_create(&threads[i], NULL, sender_run, &senders[i]), 0);
	}
	/* Seals go on all the while; a search may miss what is not acknowledged, and nothing else. */
	while (count < SENDERS * PER_SENDER) {
		seal(&f);
		count = count_hits(&f, "a-one", 0, INT64_MAX);
		assert_true(count >= before);
		before = count;
	}
	for (uint32_t i = 0; i < SENDERS; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		(void)pthread_mutex_destroy(&senders[i].lock);
		(void)pthread_cond_destroy(&senders[i].wake);
	}
	assert_int_equal(count, SENDERS * PER_SENDER);
	for (uint32_t i = 0; i < SENDERS; i++)
		check(&f, 1000 * i, 1000 * i + PER_SENDER);
	reopen(&f);
	for (uint32_t i = 0; i < SENDERS; i++)
		check(&f, 1000 * i, 1000 * i + PER_SENDER);
	archive_fixture_fini(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(kept_messages_are_there),
	    cmocka_unit_test(one_reception_in_two_archives),
	    cmocka_unit_test(refusals),
	    cmocka_unit_test(search_merges_in_order),
	    cmocka_unit_test(cancelled_search_says_so),
	    cmocka_unit_test(message_larger_than_a_log_file),
	    cmocka_unit_test(full_disk_defers_and_recovers),
	    cmocka_unit_test(failed_sync_closes_for_writing),
	    cmocka_unit_test(damaged_record_is_skipped_and_named),
	    cmocka_unit_test(damaged_pack_is_set_aside),
	    cmocka_unit_test(sealed_records_in_the_log_are_not_shown_twice),
	    cmocka_unit_test(failed_pack_is_removed),
	    cmocka_unit_test(twin_pack_is_dropped),
	    cmocka_unit_test(small_packs_are_merged),
	    cmocka_unit_test(verify_reads_everything),
	    cmocka_unit_test(nothing_lies_in_the_clear),
	    cmocka_unit_test(threads_see_every_record_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
