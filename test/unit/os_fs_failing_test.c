/* SPDX-License-Identifier: Apache-2.0 */
/* The failing disk fails exactly what it was told to fail. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "os_fs_failing.h"
#include "os_fs_memory.h"

static struct err err;

struct bench {
	struct os_fs_memory *memory;
	struct os_fs_failing *failing;
	struct os_fs fs;
	struct os_file *f; /* "/a", open */
};

static void
set_up(struct bench *b)
{
	b->memory = os_fs_memory_new();
	b->failing = os_fs_failing_new(os_fs_memory(b->memory));
	b->fs = os_fs_failing(b->failing);
	assert_true(os_fs_open(b->fs, "/a", OS_OPEN_CREATE, &b->f, &err));
	assert_true(os_file_write_at(b->f, 0, BYTES_LIT("12345678"), &err));
	assert_true(os_file_sync(b->f, &err));
	assert_true(os_fs_sync_dir(b->fs, "/", &err));
}

static void
tear_down(struct bench *b)
{
	os_fs_failing_disarm(b->failing);
	assert_true(os_file_close(&b->f, &err));
	os_fs_failing_free(&b->failing);
	os_fs_memory_free(&b->memory);
}

static bool
visit(void *ctx, const char *name)
{
	(void)ctx;
	(void)name;
	return true;
}

static bool
do_open(struct bench *b)
{
	struct os_file *f;

	return os_fs_open(b->fs, "/a", OS_OPEN_READ, &f, &err) && os_file_close(&f, &err);
}

static bool
do_read(struct bench *b)
{
	char out[4];
	size_t got;

	return os_file_read_at(b->f, 0, out, sizeof out, &got, &err);
}

static bool
do_write(struct bench *b)
{
	return os_file_write_at(b->f, 0, BYTES_LIT("abcdefgh"), &err);
}

static bool
do_sync(struct bench *b)
{
	return os_file_sync(b->f, &err);
}

static bool
do_rename(struct bench *b)
{
	return os_fs_rename(b->fs, "/a", "/a", &err);
}

static bool
do_unlink(struct bench *b)
{
	/* Not there: without a failure told, not-found is what comes; it counts as passed. */
	return os_fs_unlink(b->fs, "/none", &err) || err.code == ERR_NOT_FOUND;
}

static bool
do_mkdir(struct bench *b)
{
	return os_fs_mkdir(b->fs, "/", &err) || err.code == ERR_EXISTS;
}

static bool
do_sync_dir(struct bench *b)
{
	return os_fs_sync_dir(b->fs, "/", &err);
}

static bool
do_sync_all(struct bench *b)
{
	return os_fs_sync_all(b->fs, "/", &err);
}

static bool
do_list(struct bench *b)
{
	return os_fs_list(b->fs, "/", visit, NULL, &err);
}

static bool
do_stat(struct bench *b)
{
	struct os_stat st;

	return os_fs_stat(b->fs, "/a", &st, &err);
}

static bool
do_size(struct bench *b)
{
	uint64_t size;

	return os_file_size(b->f, &size, &err);
}

static bool
do_space(struct bench *b)
{
	uint64_t space;

	return os_fs_space(b->fs, "/", &space, &err);
}

static bool
do_allocate(struct bench *b)
{
	return os_file_allocate(b->f, 16, &err);
}

static bool
do_truncate(struct bench *b)
{
	return os_file_truncate(b->f, 8, &err);
}

static bool
do_close(struct bench *b)
{
	struct os_file *f;

	if (!os_fs_open(b->fs, "/a", OS_OPEN_READ, &f, &err))
		return false;
	return os_file_close(&f, &err);
}

static const struct {
	const char *name;
	enum os_call call;
	bool (*run)(struct bench *b);
	int sys_errno;
	enum err_code code;
} ROWS[] = {
    {"open", OS_CALL_OPEN, do_open, EMFILE, ERR_LIMIT},
    {"read", OS_CALL_READ, do_read, EIO, ERR_IO},
    {"write, disk full", OS_CALL_WRITE, do_write, ENOSPC, ERR_NO_SPACE},
    {"write, quota", OS_CALL_WRITE, do_write, EDQUOT, ERR_NO_SPACE},
    {"write, file too large", OS_CALL_WRITE, do_write, EFBIG, ERR_NO_SPACE},
    {"sync", OS_CALL_SYNC, do_sync, EIO, ERR_IO},
    {"rename", OS_CALL_RENAME, do_rename, ENOSPC, ERR_NO_SPACE},
    {"unlink", OS_CALL_UNLINK, do_unlink, EIO, ERR_IO},
    {"mkdir", OS_CALL_MKDIR, do_mkdir, EDQUOT, ERR_NO_SPACE},
    {"sync_dir", OS_CALL_SYNC_DIR, do_sync_dir, EINTR, ERR_IO},
    {"sync_all", OS_CALL_SYNC_ALL, do_sync_all, EIO, ERR_IO},
    {"list", OS_CALL_LIST, do_list, ENOMEM, ERR_IO},
    {"stat", OS_CALL_STAT, do_stat, EIO, ERR_IO},
    {"size", OS_CALL_STAT, do_size, EIO, ERR_IO},
    {"space", OS_CALL_STAT, do_space, EIO, ERR_IO},
    {"allocate", OS_CALL_ALLOCATE, do_allocate, ENOSPC, ERR_NO_SPACE},
    {"truncate", OS_CALL_TRUNCATE, do_truncate, EIO, ERR_IO},
    {"close", OS_CALL_CLOSE, do_close, EIO, ERR_IO},
};

static void
second_call_fails_and_only_it(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
		struct os_failure failure = {
		    .call = ROWS[i].call, .nth = 2, .sys_errno = ROWS[i].sys_errno};
		struct bench b;
		uint64_t before;

		print_message("  %s\n", ROWS[i].name);
		set_up(&b);
		before = os_fs_failing_count(b.failing, ROWS[i].call);
		os_fs_failing_arm(b.failing, &failure);
		assert_true(ROWS[i].run(&b));
		assert_false(ROWS[i].run(&b));
		assert_int_equal(err.code, ROWS[i].code);
		assert_int_equal(err.sys_errno, ROWS[i].sys_errno);
		assert_true(ROWS[i].run(&b));
		assert_int_equal(os_fs_failing_failed(b.failing), 1);
		assert_int_equal(os_fs_failing_count(b.failing, ROWS[i].call) - before, 3);
		failure.nth = 1;
		failure.from_then_on = true;
		os_fs_failing_arm(b.failing, &failure);
		assert_false(ROWS[i].run(&b));
		assert_false(ROWS[i].run(&b));
		tear_down(&b);
	}
}

static void
expect_text(struct bench *b, const char *text)
{
	struct buf out;

	buf_init(&out, 100);
	assert_true(os_fs_read_file(os_fs_memory(b->memory), "/a", 100, &out, &err));
	assert_string_equal(buf_text(&out), text);
	buf_fini(&out);
}

static void
write_fails_before_partly_after(void **state)
{
	static const struct {
		enum os_fail_how how;
		const char *left;
	} rows[] = {
	    {OS_FAIL_BEFORE, "12345678"},
	    {OS_FAIL_PARTLY, "abcd5678"},
	    {OS_FAIL_AFTER, "abcdefgh"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct os_failure failure = {
		    .call = OS_CALL_ANY, .nth = 1, .sys_errno = EIO, .how = rows[i].how};
		struct bench b;

		set_up(&b);
		os_fs_failing_arm(b.failing, &failure);
		assert_false(do_write(&b));
		expect_text(&b, rows[i].left);
		tear_down(&b);
	}
}

/* What a failed sync was to save is lost, whatever later syncs claim. */
static void
sync_after_failed_sync_saves_nothing(void **state)
{
	struct os_failure failure = {.call = OS_CALL_SYNC, .nth = 1, .sys_errno = EIO};
	struct os_fs_memory *found;
	struct buf out;
	struct bench b;

	(void)state;
	set_up(&b);
	os_fs_failing_arm(b.failing, &failure);
	assert_true(do_write(&b));
	assert_false(do_sync(&b));
	assert_true(do_sync(&b));
	found = os_fs_memory_crash(b.memory, OS_CRASH_NOTHING, 0);
	buf_init(&out, 100);
	assert_true(os_fs_read_file(os_fs_memory(found), "/a", 100, &out, &err));
	assert_string_equal(buf_text(&out), "12345678");
	buf_fini(&out);
	os_fs_memory_free(&found);
	tear_down(&b);
}

/* Every failure of every call within write_file leaves old or new content, and says false for old. */
static void
write_file_survives_any_failure(void **state)
{
	(void)state;
	for (unsigned how = OS_FAIL_BEFORE; how <= OS_FAIL_AFTER; how++) {
		bool done = false;

		for (uint64_t nth = 1; !done; nth++) {
			struct os_failure failure = {.call = OS_CALL_ANY,
			    .nth = nth,
			    .sys_errno = EIO,
			    .how = (enum os_fail_how)how};
			struct bench b;
			struct buf out;

			assert_true(nth < 20);
			set_up(&b);
			os_fs_failing_arm(b.failing, &failure);
			done = os_fs_write_file(b.fs, "/a", BYTES_LIT("new"), &err);
			os_fs_failing_disarm(b.failing);
			buf_init(&out, 100);
			assert_true(os_fs_read_file(b.fs, "/a", 100, &out, &err));
			if (strcmp(buf_text(&out), "12345678") != 0)
				assert_string_equal(buf_text(&out), "new");
			else
				assert_false(done);
			buf_fini(&out);
			tear_down(&b);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(second_call_fails_and_only_it),
	    cmocka_unit_test(write_fails_before_partly_after),
	    cmocka_unit_test(sync_after_failed_sync_saves_nothing),
	    cmocka_unit_test(write_file_survives_any_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
