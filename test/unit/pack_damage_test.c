/* SPDX-License-Identifier: Apache-2.0 */
/* Damaged packs are noticed, named, and never crash (P2, P3, P5, P6, P10 of docs/formats/pack.md); writers that fail
 * leave no pack behind (P1). */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "pack_fixture.h"
#include "pack_reader_int.h"
#include "base_limits.h"
#include "crypt_digest.h"
#include "os_fs_failing.h"

#define FILE_BYTES_MAX (4 * LIMIT_MIB)

/* A pack of a few messages in several body blocks, and its bytes. */
static void
small_pack(struct pack_fixture *f, struct buf *file)
{
	struct err err;

	pack_fixture_init(f, NULL);
	pack_fixture_add(f, 3, BYTES_LIT("Subject: one\r\n\r\nhello\r\n"));
	pack_fixture_add(f, 1, BYTES_EMPTY);
	pack_fixture_add(f, 2, BYTES_LIT("Subject: three\r\n\r\nthree times three is nine\r\n"));
	pack_fixture_write(f, FIXTURE_DIR);
	buf_init(file, FILE_BYTES_MAX);
	assert_true(os_fs_read_file(f->fs, f->path, FILE_BYTES_MAX, file, &err));
}

/* The file at f->path becomes these bytes. */
static void
replace(struct pack_fixture *f, struct bytes data)
{
	struct os_file *file;
	struct err err;

	assert_true(os_fs_open(f->fs, f->path, OS_OPEN_READ_WRITE, &file, &err));
	assert_true(os_file_truncate(file, 0, &err));
	assert_true(os_file_write_at(file, 0, data, &err));
	assert_true(os_file_sync(file, &err)); /* else the disk in memory remembers every version */
	assert_true(os_file_close(&file, &err));
}

/* What opening says, or, when it opens, whether verification finds something. */
static bool
is_noticed(struct pack_fixture *f, struct err *err)
{
	struct pack_problems problems = {0};
	struct pack *p = NULL;
	uint64_t checked;

	if (!pack_open(f->fs, f->path, FIXTURE_ARCHIVE, f->key, &p, err)) {
		assert_null(p);
		assert_non_null(strstr(err->msg, f->path));
		return true;
	}
	assert_true(pack_verify(p, NULL, pack_problem_count, &problems, &checked, err));
	pack_release(&p);
	*err = (struct err){.code = ERR_CORRUPT};
	if (problems.count > 0)
		assert_non_null(strstr(problems.last, f->path));
	return problems.count > 0;
}

/* Reads every record; true when each answer was right or damage was reported. */
static bool
reads_are_right_or_corrupt(struct pack_fixture *f)
{
	struct pack *p = NULL;
	bool right = true;
	struct err err;

	if (!pack_open(f->fs, f->path, FIXTURE_ARCHIVE, f->key, &p, &err))
		return err.code == ERR_CORRUPT;
	for (size_t i = 0; i < f->count; i++) {
		struct pack_row row;
		struct arena arena;
		struct buf body;

		arena_init(&arena);
		buf_init(&body, LIMIT_MIB);
		right = right && (pack_row(p, i, &arena, &row, &err) || err.code == ERR_CORRUPT);
		right = right &&
			(pack_body(p, i, &body, &err) ? bytes_equal(buf_view(&body), f->bodies[i])
						      : err.code == ERR_CORRUPT);
		buf_fini(&body);
		arena_fini(&arena);
	}
	pack_release(&p);
	return right;
}

/* A flipped bit between header and directory: the pack opened before finds it. */
static bool
is_noticed_when_open(struct pack *p)
{
	struct pack_problems problems = {0};
	uint64_t checked;
	struct err err;

	assert_true(pack_verify(p, NULL, pack_problem_count, &problems, &checked, &err));
	return problems.count > 0;
}

/* P2 */
static void
every_flipped_bit_is_noticed(void **state)
{
	struct pack *p;
	struct pack_fixture f;
	struct buf file;
	size_t end;

	(void)state;
	small_pack(&f, &file);
	p = pack_fixture_open(&f);
	end = (size_t)p->footer.directory_offset;
	for (size_t at = 0; at < file.len; at++)
		for (unsigned bit = 0; bit < 8; bit++) {
			struct err err = {.code = ERR_CORRUPT};
			bool inside = at >= PACK_HEADER_BYTES && at < end;

			file.ptr[at] = (uint8_t)(file.ptr[at] ^ (1u << bit));
			replace(&f, buf_view(&file));
			if (!(inside ? is_noticed_when_open(p) : is_noticed(&f, &err)))
				fail_msg("byte %zu, bit %u: not noticed", at, bit);
			if (err.code != ERR_CORRUPT)
				fail_msg("byte %zu, bit %u: %s", at, bit, err_code_name(err.code));
			if (bit == at % 64 && !reads_are_right_or_corrupt(&f))
				fail_msg("byte %zu, bit %u: a wrong answer", at, bit);
			file.ptr[at] = (uint8_t)(file.ptr[at] ^ (1u << bit));
		}
	replace(&f, buf_view(&file));
	assert_true(reads_are_right_or_corrupt(&f));
	pack_release(&p);
	buf_fini(&file);
	pack_fixture_fini(&f);
}

/* P2, P6 */
static void
every_other_length_is_noticed(void **state)
{
	struct pack *p = NULL;
	struct pack_fixture f;
	struct buf file;
	struct err err;

	(void)state;
	small_pack(&f, &file);
	for (size_t len = 0; len < file.len; len++) {
		replace(&f, bytes_slice(buf_view(&file), 0, len));
		assert_false(pack_open(f.fs, f.path, FIXTURE_ARCHIVE, f.key, &p, &err));
		assert_int_equal(err.code, ERR_CORRUPT);
	}
	for (size_t more = 1; more < 400; more += 57) {
		static const uint8_t zeros[400];
		size_t len = file.len;

		buf_append_mem(&file, zeros, more);
		replace(&f, buf_view(&file));
		assert_false(pack_open(f.fs, f.path, FIXTURE_ARCHIVE, f.key, &p, &err));
		assert_int_equal(err.code, ERR_CORRUPT);
		file.len = len;
	}
	buf_fini(&file);
	pack_fixture_fini(&f);
}

/* P5: two blocks of equal length change places: three messages, each a block of its own. */
static void
swapped_blocks_are_noticed(void **state)
{
	size_t size = PACK_SKELETON_BYTES, found = 0; /* of a message and its count of recipes */
	struct pack_fixture f;
	uint8_t *swap;
	struct buf file;
	struct err err;

	(void)state;
	pack_fixture_init(&f, NULL);
	for (int64_t i = 0; i < 2; i++) {
		uint8_t *noise = arena_alloc(&f.arena, size);

		rng_fill(&f.rng, noise, size);
		pack_fixture_add(&f, i, bytes_of(noise, size - 2));
	}
	pack_fixture_write(&f, FIXTURE_DIR);
	buf_init(&file, FILE_BYTES_MAX);
	assert_true(os_fs_read_file(f.fs, f.path, FILE_BYTES_MAX, &file, &err));
	/* noise does not compress: both sealed blocks have one length, which is looked for */
	swap = arena_alloc(&f.arena, 2 * size);
	for (size_t len = size + CRYPT_TAG_BYTES; len < size + 200; len++) {
		struct pack_problems problems = {0};
		struct pack *p;
		uint64_t checked;

		memcpy(swap, file.ptr + PACK_HEADER_BYTES, len);
		memmove(file.ptr + PACK_HEADER_BYTES, file.ptr + PACK_HEADER_BYTES + len, len);
		memcpy(file.ptr + PACK_HEADER_BYTES + len, swap, len);
		replace(&f, buf_view(&file));
		p = pack_fixture_open(&f);
		assert_true(pack_verify(p, NULL, pack_problem_count, &problems, &checked, &err));
		assert_int_equal(checked, 0);
		assert_true(problems.count >= 3); /* the content's digest and both blocks */
		found += problems.count == 3;
		pack_release(&p);
		memcpy(swap, file.ptr + PACK_HEADER_BYTES, len);
		memmove(file.ptr + PACK_HEADER_BYTES, file.ptr + PACK_HEADER_BYTES + len, len);
		memcpy(file.ptr + PACK_HEADER_BYTES + len, swap, len);
	}
	assert_true(found > 0);
	buf_fini(&file);
	pack_fixture_fini(&f);
}

/* P5 */
static void
another_packs_name_is_noticed(void **state)
{
	struct pack *p = NULL;
	struct pack_fixture f;
	struct buf file;
	struct err err;

	(void)state;
	small_pack(&f, &file);
	f.path[strlen(FIXTURE_DIR) + 5] = f.path[strlen(FIXTURE_DIR) + 5] == 'a' ? 'b' : 'a';
	assert_true(os_fs_write_file(f.fs, f.path, buf_view(&file), &err));
	assert_false(pack_open(f.fs, f.path, FIXTURE_ARCHIVE, f.key, &p, &err));
	assert_int_equal(err.code, ERR_CORRUPT);
	buf_fini(&file);
	pack_fixture_fini(&f);
}

/* P10 */
static void
a_later_version_is_unsupported(void **state)
{
	uint8_t sum[CRYPT_SHA256_BYTES];
	struct pack *p = NULL;
	struct pack_fixture f;
	struct buf file;
	struct err err;

	(void)state;
	small_pack(&f, &file);
	file.ptr[8] = 3;
	crypt_sha256(sum, bytes_slice(buf_view(&file), 0, 288));
	memcpy(file.ptr + 288, sum, 16);
	replace(&f, buf_view(&file));
	assert_false(pack_open(f.fs, f.path, FIXTURE_ARCHIVE, f.key, &p, &err));
	assert_int_equal(err.code, ERR_UNSUPPORTED);
	buf_fini(&file);
	pack_fixture_fini(&f);
}

/* A damaged block takes its own messages only. */
static void
other_messages_stay_readable(void **state)
{
	size_t size = PACK_SKELETON_BYTES / 2 + 100, good = 0;
	struct pack *p;
	struct pack_fixture f;
	struct buf file, body;
	struct err err;

	(void)state;
	pack_fixture_init(&f, NULL);
	for (int64_t i = 0; i < 5; i++)
		pack_fixture_add(&f, i, pack_fixture_text(&f, size));
	pack_fixture_write(&f, FIXTURE_DIR);
	buf_init(&file, FILE_BYTES_MAX);
	buf_init(&body, LIMIT_MIB);
	assert_true(os_fs_read_file(f.fs, f.path, FILE_BYTES_MAX, &file, &err));
	file.ptr[PACK_HEADER_BYTES + 17] ^= 1; /* in the first block: the oldest message */
	replace(&f, buf_view(&file));
	p = pack_fixture_open(&f);
	for (size_t i = 0; i < 5; i++) {
		buf_reset(&body);
		if (pack_body(p, i, &body, &err))
			good++;
		else
			assert_non_null(strstr(err.msg, "skeleton block 0"));
	}
	assert_int_equal(good, 4);
	pack_release(&p);
	buf_fini(&body);
	buf_fini(&file);
	pack_fixture_fini(&f);
}

static bool
name_keep(void *ctx, const char *name)
{
	char *kept = ctx;

	(void)snprintf(kept, 128, "%s", name);
	return true;
}

static bool
try_write(struct pack_fixture *f, struct os_fs fs, struct err *err)
{
	struct pack_writer *w = NULL;
	struct pack_written written;

	if (!pack_writer_new(
		fs, FIXTURE_DIR, FIXTURE_ARCHIVE, f->key, &f->rng, FIXTURE_T0, &w, err))
		return false;
	for (size_t i = 0; i < f->count; i++)
		if (!pack_writer_add(w, &f->rows[i], BYTES_EMPTY, f->bodies[i], err)) {
			pack_writer_drop(&w);
			return false;
		}
	return pack_writer_finish(&w, &written, err);
}

/* P1: the n-th operation of the disk fails, for every n and in every way: true means a whole pack, and a name that
 * ends in
 * .pack is a whole pack even after false. */
static void
failing_disks_leave_no_half_pack(void **state)
{
	static const enum os_fail_how HOWS[] = {OS_FAIL_BEFORE, OS_FAIL_PARTLY, OS_FAIL_AFTER};
	unsigned failures = 0, successes = 0;

	(void)state;
	for (unsigned how = 0; how < 3; how++)
		for (uint64_t n = 1;; n++) {
			struct os_failure failure = {OS_CALL_ANY, n, EIO, HOWS[how], false};
			struct os_fs_failing *failing;
			struct pack_fixture f;
			char name[128] = "";
			struct err err;
			bool ok;

			pack_fixture_init(&f, NULL);
			for (int64_t i = 0; i < 3; i++)
				pack_fixture_add(
				    &f, i, pack_fixture_text(&f, 300000)); /* more than one write */
			failing = os_fs_failing_new(f.fs);
			os_fs_failing_arm(failing, &failure);
			ok = try_write(&f, os_fs_failing(failing), &err);
			failures += !ok;
			successes += ok;
			assert_true(os_fs_list(f.fs, FIXTURE_DIR, name_keep, name, &err));
			if (ok || bytes_ends_with(bytes_of_str(name), BYTES_LIT(".pack"))) {
				struct pack *p;

				(void)snprintf(
				    f.path, sizeof f.path, "%s/%.100s", FIXTURE_DIR, name);
				p = pack_fixture_open(&f);
				pack_fixture_check(&f, p);
				pack_release(&p);
			}
			if (os_fs_failing_failed(failing) == 0) {
				assert_true(ok);
				n = UINT64_MAX - 1; /* past the last operation: done */
			}
			os_fs_failing_free(&failing);
			pack_fixture_fini(&f);
			if (n >= UINT64_MAX - 1)
				break;
		}
	assert_true(failures > 20);
	assert_in_range(successes, 3, 60); /* a failed unlink or close of a reader may pass */
}

/* P1: power lost before any operation: what bears the name is whole. */
struct crash {
	struct pack_fixture *f;
	uint64_t index;
	enum os_crash mode;
	struct os_fs_memory *found;
};

static void
crash_hook(void *ctx, struct os_fs_memory *m, uint64_t index, const char *operation)
{
	struct crash *crash = ctx;

	(void)operation;
	if (index == crash->index)
		crash->found = os_fs_memory_crash(m, crash->mode, index);
}

static void
lost_power_leaves_no_half_pack(void **state)
{
	(void)state;
	for (unsigned mode = 0; mode < OS_CRASH_MODES; mode++)
		for (uint64_t index = 1;; index++) {
			struct crash crash = {.index = index, .mode = (enum os_crash)mode};
			struct pack_fixture f;
			char name[128] = "";
			struct err err;

			pack_fixture_init(&f, NULL);
			assert_true(os_fs_sync_dir(f.fs, "/", &err));
			crash.f = &f;
			crash.index += os_fs_memory_operations(f.memory);
			for (int64_t i = 0; i < 3; i++)
				pack_fixture_add(&f, i, pack_fixture_text(&f, 300000));
			os_fs_memory_set_hook(f.memory, crash_hook, &crash);
			assert_true(try_write(&f, f.fs, &err));
			if (crash.found == NULL) {
				pack_fixture_fini(&f);
				break;
			}
			os_fs_memory_free(&f.memory);
			f.memory = crash.found;
			f.fs = os_fs_memory(f.memory);
			assert_true(os_fs_list(f.fs, FIXTURE_DIR, name_keep, name, &err));
			if (bytes_ends_with(bytes_of_str(name), BYTES_LIT(".pack"))) {
				struct pack *p;

				(void)snprintf(
				    f.path, sizeof f.path, "%s/%.100s", FIXTURE_DIR, name);
				p = pack_fixture_open(&f);
				pack_fixture_check(&f, p);
				pack_release(&p);
			}
			pack_fixture_fini(&f);
		}
}

/* Read back finds a row that lies about its message; equal ids; nothing at all. */
static void
wrong_rows_make_no_pack(void **state)
{
	struct pack_fixture f;
	char name[128] = "";
	struct err err;

	(void)state;
	pack_fixture_init(&f, NULL);
	assert_false(try_write(&f, f.fs, &err));
	assert_int_equal(err.code, ERR_USAGE);
	pack_fixture_add(&f, 0, BYTES_LIT("hello"));
	pack_fixture_add(&f, 1, BYTES_LIT("world"));
	f.rows[1].sha256[3] ^= 1;
	assert_false(try_write(&f, f.fs, &err));
	assert_int_equal(err.code, ERR_CORRUPT);
	assert_non_null(strstr(err.msg, "is not the one its row names"));
	f.rows[1].sha256[3] ^= 1;
	f.rows[1].size_bytes++;
	assert_false(try_write(&f, f.fs, &err));
	assert_int_equal(err.code, ERR_USAGE);
	f.rows[1].size_bytes--;
	f.rows[1].id = f.rows[0].id;
	assert_false(try_write(&f, f.fs, &err));
	assert_int_equal(err.code, ERR_EXISTS);
	assert_true(os_fs_list(f.fs, FIXTURE_DIR, name_keep, name, &err));
	assert_string_equal(name, ""); /* no temporary file either */
	pack_fixture_fini(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_flipped_bit_is_noticed),
	    cmocka_unit_test(every_other_length_is_noticed),
	    cmocka_unit_test(swapped_blocks_are_noticed),
	    cmocka_unit_test(another_packs_name_is_noticed),
	    cmocka_unit_test(a_later_version_is_unsupported),
	    cmocka_unit_test(other_messages_stay_readable),
	    cmocka_unit_test(failing_disks_leave_no_half_pack),
	    cmocka_unit_test(lost_power_leaves_no_half_pack),
	    cmocka_unit_test(wrong_rows_make_no_pack),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
