/* SPDX-License-Identifier: Apache-2.0 */
/* One log file: batches come back, torn ones are cut, damaged ones are named, old ones in a recycled file are gone. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "archive_log_int.h"
#include "base_mem.h"
#include "os_fs_failing.h"
#include "os_fs_memory.h"

#define FILE_BYTES (64 * 1024)

static struct err err;

struct bench {
	struct os_fs_memory *disk;
	struct os_fs_failing *failing;
	struct rng_seeded seeded;
	struct secret *kek;
	struct crypt_keys *keys;
	struct archive_log_place place;
	struct archive_log *log;
};

static void
begin(struct bench *b, bool fresh, uint64_t sequence)
{
	struct archive_log_failure failure;

	assert_true(
	    archive_log_begin(&b->place, 1, fresh, sequence, FILE_BYTES, &b->log, &failure, &err));
}

static void
set_up(struct bench *b)
{
	*b = (struct bench){
	    .disk = os_fs_memory_new(), .seeded = {42}, .kek = secret_new(CRYPT_KEY_BYTES)};
	b->failing = os_fs_failing_new(os_fs_memory(b->disk));
	b->place.rng = rng_seeded(&b->seeded);
	b->keys = crypt_keys_new(b->kek, &b->place.rng);
	b->place.keys = b->keys;
	b->place.fs = os_fs_failing(b->failing);
	b->place.dir = "/intake";
	assert_true(os_fs_mkdir_path(b->place.fs, "/intake", &err));
	begin(b, true, 1);
}

static void
tear_down(struct bench *b)
{
	archive_log_close(&b->log);
	os_fs_failing_free(&b->failing);
	os_fs_memory_free(&b->disk);
	crypt_keys_free(&b->keys);
	secret_free(&b->kek);
}

/* A batch of count records "PREFIX0", "PREFIX1" … */
static bool
write_batch(struct bench *b, const char *prefix, int count, struct archive_log_failure *failure)
{
	struct buf batch;
	uint64_t offset;
	bool ok;

	buf_init(&batch, FILE_BYTES);
	for (int i = 0; i < count; i++) {
		char text[64];

		(void)snprintf(text, sizeof text, "%s%d", prefix, i);
		archive_log_append(b->log, bytes_of_str(text), &batch, &offset);
	}
	ok = archive_log_commit(b->log, &batch, failure, &err);
	buf_fini(&batch);
	return ok;
}

static void
write_batch_ok(struct bench *b, const char *prefix, int count)
{
	struct archive_log_failure failure;

	assert_true(write_batch(b, prefix, count, &failure));
}

/* What a scan says, as text: records by content, "!" damaged, "~" torn. */
struct telling {
	struct archive_log *log;
	struct bytes data;
	struct buf text;
	uint64_t first_offset[8];
	size_t count;
};

static bool
tell(void *ctx, const struct archive_log_item *item)
{
	struct telling *t = ctx;
	struct buf plain;

	buf_init(&plain, 4096);
	if (t->count < 8)
		t->first_offset[t->count] = item->offset;
	t->count++;
	if (t->text.len > 0)
		buf_append_byte(&t->text, ' ');
	if (item->damaged)
		buf_append_str(&t->text, item->torn ? "~" : "!");
	else if (archive_record_unseal(t->log->read_sealer, t->log->header.salt,
		     bytes_slice(t->data, item->offset, item->length), &plain, &err))
		buf_append(&t->text, buf_view(&plain));
	else
		buf_append_str(&t->text, "?");
	buf_fini(&plain);
	return true;
}

static uint64_t
expect_scan(
    struct bench *b, struct buf *data, bool last, const char *expected, uint64_t *first_offsets)
{
	struct telling t = {.data = buf_view(data)};
	struct archive_log_extent extent;
	uint64_t sequence;
	struct archive_log *log = NULL;

	buf_init(&t.text, 4096);
	assert_true(archive_log_open(&b->place, 1, &log, &sequence, &err));
	t.log = log;
	assert_true(archive_log_scan(t.data, log->header.salt, last, tell, &t, &extent));
	assert_string_equal(buf_text(&t.text), expected);
	if (first_offsets != NULL)
		memcpy(first_offsets, t.first_offset, sizeof t.first_offset);
	buf_fini(&t.text);
	archive_log_close(&log);
	return extent.torn;
}

static void
read_file(struct bench *b, struct buf *out)
{
	buf_init(out, 1 << 20);
	assert_true(os_fs_read_file(b->place.fs, "/intake/00000001.log", 1 << 20, out, &err));
}

static void
batches_come_back(void **state)
{
	struct buf data, plain;
	uint64_t offsets[8];
	struct bench b;

	(void)state;
	set_up(&b);
	write_batch_ok(&b, "a", 3);
	write_batch_ok(&b, "b", 1);
	read_file(&b, &data);
	assert_int_equal(data.len, b.log->end);
	assert_int_equal(expect_scan(&b, &data, true, "a0 a1 a2 b0", offsets), 0);
	buf_init(&plain, 100);
	assert_true(archive_log_read(
	    b.log, offsets[1], ARCHIVE_FRAME_BYTES + 2 + CRYPT_TAG_BYTES, &plain, &err));
	assert_true(bytes_equal(buf_view(&plain), BYTES_LIT("a1")));
	assert_false(
	    archive_log_read(b.log, offsets[1] + 1, ARCHIVE_FRAME_BYTES + 18, &plain, &err));
	assert_int_equal(err.code, ERR_CORRUPT);
	buf_fini(&plain);
	buf_fini(&data);
	tear_down(&b);
}

/* Damage byte at of record (in batches a: 3 records, b: 2 records). */
static void
damage_is_told(void **state)
{
	static const struct {
		const char *name;
		int record;
		size_t at;
		const char *last, *complete;
	} ROWS[] = {
	    {"payload in an earlier batch", 1, 30, "a0 ! a2 b0 b1", "a0 ! a2 b0 b1"},
	    {"frame in an earlier batch", 1, 9, "a0 ! a2 b0 b1", "a0 ! a2 b0 b1"},
	    {"first frame of all", 0, 0, "! a1 a2 b0 b1", "! a1 a2 b0 b1"},
	    {"payload in the last batch", 3, 30, "a0 a1 a2 ~ b1", "a0 a1 a2 ! b1"},
	    {"frame in the last batch", 3, 24, "a0 a1 a2 ~ b1", "a0 a1 a2 ! b1"},
	    {"last record", 4, 40, "a0 a1 a2 b0 ~", "a0 a1 a2 b0 !"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
		uint64_t offsets[8];
		struct buf data;
		struct bench b;

		print_message("  %s\n", ROWS[i].name);
		set_up(&b);
		write_batch_ok(&b, "a", 3);
		write_batch_ok(&b, "b", 2);
		read_file(&b, &data);
		(void)expect_scan(&b, &data, true, "a0 a1 a2 b0 b1", offsets);
		data.ptr[offsets[ROWS[i].record] + ROWS[i].at] ^= 1;
		(void)expect_scan(&b, &data, true, ROWS[i].last, NULL);
		(void)expect_scan(&b, &data, false, ROWS[i].complete, NULL);
		buf_fini(&data);
		tear_down(&b);
	}
}

/* Cut anywhere in the last batch: all of it goes, nothing of the one before. */
static void
torn_batch_is_cut(void **state)
{
	uint64_t offsets[8], end;
	struct buf data;
	struct bench b;

	(void)state;
	set_up(&b);
	write_batch_ok(&b, "a", 2);
	write_batch_ok(&b, "b", 2);
	end = b.log->end;
	read_file(&b, &data);
	(void)expect_scan(&b, &data, true, "a0 a1 b0 b1", offsets);
	for (uint64_t cut = offsets[2]; cut < end; cut++) {
		struct buf torn;

		buf_init(&torn, 1 << 20);
		buf_append(&torn, buf_view(&data));
		memset(torn.ptr + cut, 0, torn.len - cut);
		(void)expect_scan(&b, &torn, true, "a0 a1", NULL);
		buf_reset(&torn);
		buf_append(&torn, bytes_slice(buf_view(&data), 0, cut));
		(void)expect_scan(&b, &torn, true, "a0 a1", NULL);
		buf_fini(&torn);
	}
	buf_fini(&data);
	tear_down(&b);
}

static void
recycled_file_starts_empty(void **state)
{
	struct archive_log *none = NULL;
	uint64_t sequence;
	struct buf data;
	struct bench b;

	(void)state;
	set_up(&b);
	write_batch_ok(&b, "old", 5);
	archive_log_complete(b.log);
	assert_true(archive_log_free(&b.place, b.log, &err));
	assert_false(archive_log_open(&b.place, 1, &none, &sequence, &err));
	assert_int_equal(err.code, ERR_EXISTS);
	assert_int_equal(sequence, 1);
	archive_log_close(&b.log);
	begin(&b, false, 2);
	read_file(&b, &data);
	(void)expect_scan(&b, &data, true, "", NULL);
	buf_fini(&data);
	write_batch_ok(&b, "new", 1);
	read_file(&b, &data);
	(void)expect_scan(&b, &data, true, "new0", NULL);
	buf_fini(&data);
	tear_down(&b);
}

static void
refused_batch_is_never_found(void **state)
{
	static const enum os_fail_how HOWS[] = {OS_FAIL_BEFORE, OS_FAIL_PARTLY, OS_FAIL_AFTER};

	(void)state;
	for (size_t i = 0; i < sizeof HOWS / sizeof *HOWS; i++) {
		struct os_failure full = {
		    .call = OS_CALL_WRITE, .nth = 1, .sys_errno = ENOSPC, .how = HOWS[i]};
		struct archive_log_failure failure;
		struct buf data;
		struct bench b;

		set_up(&b);
		write_batch_ok(&b, "kept", 2);
		os_fs_failing_arm(b.failing, &full);
		assert_false(write_batch(&b, "refused", 20, &failure));
		assert_int_equal(err.code, ERR_NO_SPACE);
		assert_false(failure.fatal);
		assert_int_equal(archive_log_room(b.log), 0);
		read_file(&b, &data);
		(void)expect_scan(&b, &data, false, "kept0 kept1", NULL);
		buf_fini(&data);
		tear_down(&b);
	}
}

static void
failed_sync_is_fatal(void **state)
{
	struct os_failure broken = {.call = OS_CALL_SYNC, .nth = 1, .sys_errno = EIO};
	struct archive_log_failure failure;
	struct bench b;

	(void)state;
	set_up(&b);
	os_fs_failing_arm(b.failing, &broken);
	assert_false(write_batch(&b, "x", 1, &failure));
	assert_true(failure.fatal);
	assert_int_equal(
	    os_fs_failing_count(b.failing, OS_CALL_SYNC), 2); /* header, batch: no second try */
	tear_down(&b);
}

static void
names_are_eight_digits(void **state)
{
	uint64_t number;
	char *path = archive_log_path("/x", 12);

	(void)state;
	assert_string_equal(path, "/x/00000012.log");
	assert_true(archive_log_parse_name("00000012.log", &number));
	assert_int_equal(number, 12);
	assert_false(archive_log_parse_name("0000001a.log", &number));
	assert_false(archive_log_parse_name("12.log", &number));
	assert_false(archive_log_parse_name("00000012.log.tmp", &number));
	mem_free(path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(batches_come_back),
	    cmocka_unit_test(damage_is_told),
	    cmocka_unit_test(torn_batch_is_cut),
	    cmocka_unit_test(recycled_file_starts_empty),
	    cmocka_unit_test(refused_batch_is_never_found),
	    cmocka_unit_test(failed_sync_is_fatal),
	    cmocka_unit_test(names_are_eight_digits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
