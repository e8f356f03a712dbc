/* SPDX-License-Identifier: Apache-2.0 */
/* The same expectations of every file driver: the kernel's, the one in memory, the failing one told to fail nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base_mem.h"
#include "os_fs.h"
#include "os_fs_failing.h"
#include "os_fs_memory.h"

struct place {
	struct os_fs fs;
	char root[64];
	struct os_fs_memory *memory;
	struct os_fs_failing *failing;
	char path[2][160];
};

static struct err err;

/* Two paths may be in use at a time. */
static const char *
at(struct place *p, const char *name)
{
	memcpy(p->path[1], p->path[0], sizeof p->path[0]);
	(void)snprintf(p->path[0], sizeof p->path[0], "%s/%s", p->root, name);
	return p->path[0];
}

static void
put(struct place *p, const char *name, const char *text)
{
	assert_true(os_fs_write_file(p->fs, at(p, name), bytes_of_str(text), &err));
}

static void
expect_file(struct place *p, const char *name, const char *text)
{
	struct buf out;

	buf_init(&out, 1 << 20);
	assert_true(os_fs_read_file(p->fs, at(p, name), 1 << 20, &out, &err));
	assert_string_equal(buf_text(&out), text);
	buf_fini(&out);
}

static void
create_reads_back(struct place *p)
{
	struct os_file *f;
	char out[16] = "";
	size_t got;
	uint64_t size;

	assert_true(os_fs_open(p->fs, at(p, "a"), OS_OPEN_CREATE, &f, &err));
	assert_true(os_file_write_at(f, 0, BYTES_LIT("hello world"), &err));
	assert_true(os_file_write_at(f, 6, BYTES_LIT("there"), &err));
	assert_true(os_file_sync(f, &err));
	assert_true(os_file_read_at(f, 6, out, sizeof out, &got, &err));
	assert_int_equal(got, 5);
	assert_memory_equal(out, "there", 5);
	assert_true(os_file_read_at(f, 100, out, sizeof out, &got, &err));
	assert_int_equal(got, 0);
	assert_true(os_file_size(f, &size, &err));
	assert_int_equal(size, 11);
	assert_false(os_file_read_exact(f, 6, out, 6, &err));
	assert_int_equal(err.code, ERR_CORRUPT);
	assert_true(os_file_close(&f, &err));
	assert_null(f);
	assert_true(os_file_close(&f, &err));
}

static void
open_modes(struct place *p)
{
	struct os_file *f;

	assert_false(os_fs_open(p->fs, at(p, "a"), OS_OPEN_READ, &f, &err));
	assert_int_equal(err.code, ERR_NOT_FOUND);
	assert_null(f);
	assert_false(os_fs_open(p->fs, at(p, "a"), OS_OPEN_READ_WRITE, &f, &err));
	assert_int_equal(err.code, ERR_NOT_FOUND);
	put(p, "a", "x");
	assert_false(os_fs_open(p->fs, at(p, "a"), OS_OPEN_CREATE, &f, &err));
	assert_int_equal(err.code, ERR_EXISTS);
	assert_true(os_fs_open(p->fs, at(p, "a"), OS_OPEN_READ, &f, &err));
	assert_false(os_file_write_at(f, 0, BYTES_LIT("y"), &err));
	assert_true(os_file_close(&f, &err));
	assert_true(os_fs_open(p->fs, at(p, "a"), OS_OPEN_READ_WRITE, &f, &err));
	assert_true(os_file_write_at(f, 1, BYTES_LIT("y"), &err));
	assert_true(os_file_close(&f, &err));
	expect_file(p, "a", "xy");
	assert_false(os_fs_open(p->fs, p->root, OS_OPEN_READ, &f, &err));
	assert_false(os_fs_open(p->fs, at(p, "a/b"), OS_OPEN_CREATE, &f, &err));
	assert_int_equal(err.code, ERR_NOT_FOUND);
	assert_false(os_fs_open(p->fs, at(p, "no/b"), OS_OPEN_CREATE, &f, &err));
	assert_int_equal(err.code, ERR_NOT_FOUND);
}

static void
holes_and_lengths(struct place *p)
{
	struct os_file *f;
	uint8_t out[8];
	uint64_t size;

	assert_true(os_fs_open(p->fs, at(p, "a"), OS_OPEN_CREATE, &f, &err));
	assert_true(os_file_write_at(f, 6, BYTES_LIT("zz"), &err));
	assert_true(os_file_read_exact(f, 0, out, 8, &err));
	assert_memory_equal(out, "\0\0\0\0\0\0zz", 8);
	assert_true(os_file_truncate(f, 7, &err));
	assert_true(os_file_truncate(f, 8, &err));
	assert_true(os_file_read_exact(f, 0, out, 8, &err));
	assert_memory_equal(out, "\0\0\0\0\0\0z\0", 8);
	assert_true(os_file_allocate(f, 700000, &err));
	assert_true(os_file_allocate(f, 10, &err));
	assert_true(os_file_size(f, &size, &err));
	assert_int_equal(size, 700000);
	assert_true(os_file_read_exact(f, 6, out, 2, &err));
	assert_memory_equal(out, "z\0", 2);
	assert_true(os_file_read_exact(f, 699992, out, 8, &err));
	assert_memory_equal(out, "\0\0\0\0\0\0\0\0", 8);
	assert_false(os_file_write_at(f, UINT64_MAX - 3, BYTES_LIT("none"), &err));
	assert_true(os_file_close(&f, &err));
}

static void
renaming(struct place *p)
{
	char from[160];

	put(p, "a", "first");
	put(p, "b", "second");
	(void)snprintf(from, sizeof from, "%s/a", p->root);
	assert_true(os_fs_rename(p->fs, from, at(p, "b"), &err));
	expect_file(p, "b", "first");
	assert_false(os_fs_rename(p->fs, from, at(p, "c"), &err));
	assert_int_equal(err.code, ERR_NOT_FOUND);
	assert_true(os_fs_mkdir(p->fs, at(p, "d"), &err));
	(void)snprintf(from, sizeof from, "%s/b", p->root);
	assert_true(os_fs_rename(p->fs, from, at(p, "d/e"), &err));
	expect_file(p, "d/e", "first");
	put(p, "f", "x");
	(void)snprintf(from, sizeof from, "%s/f", p->root);
	assert_false(os_fs_rename(p->fs, from, at(p, "d"), &err));
	(void)snprintf(from, sizeof from, "%s/d", p->root);
	assert_false(os_fs_rename(p->fs, from, at(p, "d/g"), &err));
	assert_true(os_fs_unlink(p->fs, at(p, "d/e"), &err));
}

static void
removing(struct place *p)
{
	struct os_file *f;
	char out;
	size_t got;

	assert_false(os_fs_unlink(p->fs, at(p, "a"), &err));
	assert_int_equal(err.code, ERR_NOT_FOUND);
	put(p, "a", "x");
	assert_true(os_fs_open(p->fs, at(p, "a"), OS_OPEN_READ, &f, &err));
	assert_true(os_fs_unlink(p->fs, at(p, "a"), &err));
	assert_true(os_file_read_at(f, 0, &out, 1, &got, &err));
	assert_int_equal(out, 'x');
	assert_true(os_file_close(&f, &err));
	assert_true(os_fs_mkdir(p->fs, at(p, "d"), &err));
	assert_false(os_fs_unlink(p->fs, at(p, "d"), &err));
}

static void
directories(struct place *p)
{
	struct os_stat st;

	assert_true(os_fs_mkdir(p->fs, at(p, "d"), &err));
	assert_false(os_fs_mkdir(p->fs, at(p, "d"), &err));
	assert_int_equal(err.code, ERR_EXISTS);
	assert_true(os_fs_mkdir_path(p->fs, at(p, "d/e//f/"), &err));
	assert_true(os_fs_mkdir_path(p->fs, at(p, "d/e/f"), &err));
	assert_true(os_fs_stat(p->fs, at(p, "d/e/f"), &st, &err));
	assert_int_equal(st.kind, OS_KIND_DIR);
	put(p, "a", "12345");
	assert_true(os_fs_stat(p->fs, at(p, "a"), &st, &err));
	assert_int_equal(st.kind, OS_KIND_FILE);
	assert_int_equal(st.size_bytes, 5);
	assert_false(os_fs_mkdir_path(p->fs, at(p, "a/x"), &err));
	assert_int_equal(err.code, ERR_EXISTS);
	assert_false(os_fs_stat(p->fs, at(p, "none"), &st, &err));
	assert_int_equal(err.code, ERR_NOT_FOUND);
	assert_false(os_fs_sync_dir(p->fs, at(p, "none"), &err));
	assert_false(os_fs_sync_dir(p->fs, at(p, "a"), &err));
	assert_true(os_fs_sync_dir(p->fs, at(p, "d"), &err));
	assert_false(os_fs_sync_all(p->fs, at(p, "none"), &err));
	assert_true(os_fs_sync_all(p->fs, at(p, "d"), &err));
}

struct seen {
	size_t count, stop_after;
	bool odd;
};

static bool
see(void *ctx, const char *name)
{
	struct seen *seen = ctx;

	seen->odd = seen->odd || strlen(name) != 1;
	return ++seen->count != seen->stop_after;
}

static void
listing(struct place *p)
{
	struct seen all = {0}, some = {.stop_after = 2}, none = {0};

	put(p, "a", "1");
	put(p, "b", "2");
	assert_true(os_fs_mkdir(p->fs, at(p, "c"), &err));
	assert_true(os_fs_list(p->fs, p->root, see, &all, &err));
	assert_int_equal(all.count, 3);
	assert_false(all.odd);
	assert_true(os_fs_list(p->fs, p->root, see, &some, &err));
	assert_int_equal(some.count, 2);
	assert_true(os_fs_list(p->fs, at(p, "c"), see, &none, &err));
	assert_int_equal(none.count, 0);
	assert_false(os_fs_list(p->fs, at(p, "x"), see, &none, &err));
	assert_int_equal(err.code, ERR_NOT_FOUND);
	assert_false(os_fs_list(p->fs, at(p, "a"), see, &none, &err));
}

static void
whole_files(struct place *p)
{
	struct buf out;
	uint64_t space;
	struct seen seen = {0};
	struct os_file *stale;

	put(p, "a", "old content");
	/* the rest of a call that was cut short must not be in the way */
	assert_true(os_fs_open(p->fs, at(p, "a.tmp"), OS_OPEN_CREATE, &stale, &err));
	assert_true(
	    os_file_write_at(stale, 0, BYTES_LIT("a longer left-over than all the rest"), &err));
	assert_true(os_file_close(&stale, &err));
	put(p, "a", "new");
	expect_file(p, "a", "new");
	assert_true(os_fs_list(p->fs, p->root, see, &seen, &err));
	assert_int_equal(seen.count, 1);
	buf_init(&out, 100);
	assert_true(os_fs_read_file(p->fs, at(p, "a"), 3, &out, &err));
	assert_false(os_fs_read_file(p->fs, at(p, "a"), 2, &out, &err));
	assert_int_equal(err.code, ERR_LIMIT);
	buf_fini(&out);
	buf_init(&out, 2);
	assert_false(os_fs_read_file(p->fs, at(p, "a"), 100, &out, &err));
	assert_int_equal(err.code, ERR_LIMIT);
	buf_fini(&out);
	put(p, "e", "");
	expect_file(p, "e", "");
	assert_false(os_fs_write_file(p->fs, at(p, "no/a"), BYTES_LIT("x"), &err));
	assert_int_equal(err.code, ERR_NOT_FOUND);
	assert_true(os_fs_space(p->fs, p->root, &space, &err));
	assert_true(space > 0);
}

static const struct {
	const char *name;
	void (*run)(struct place *p);
} ROWS[] = {
    {"create, write, read back", create_reads_back},
    {"open modes", open_modes},
    {"holes, truncate, allocate", holes_and_lengths},
    {"rename", renaming},
    {"unlink", removing},
    {"directories", directories},
    {"list", listing},
    {"whole files", whole_files},
};

static bool
collect(void *ctx, const char *name)
{
	struct buf *names = ctx;

	buf_append_mem(names, name, strlen(name) + 1);
	return true;
}

/* The tests make two levels of files and directories at most below d. */
static void
remove_tree(const char *path)
{
	struct buf names;
	struct os_stat st;

	buf_init(&names, 1 << 16);
	assert_true(os_fs_list(os_fs_real(), path, collect, &names, &err));
	for (size_t i = 0; i < names.len; i += strlen((const char *)names.ptr + i) + 1) {
		char inner[512];

		(void)snprintf(inner, sizeof inner, "%s/%s", path, (const char *)names.ptr + i);
		assert_true(os_fs_stat(os_fs_real(), inner, &st, &err));
		if (st.kind == OS_KIND_DIR)
			remove_tree(inner);
		else
			assert_true(os_fs_unlink(os_fs_real(), inner, &err));
	}
	assert_int_equal(rmdir(path), 0);
	buf_fini(&names);
}

static void
on_real(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
		struct place p = {.fs = os_fs_real(), .root = "/tmp/os_fs_test.XXXXXX"};

		print_message("  real: %s\n", ROWS[i].name);
		assert_non_null(mkdtemp(p.root));
		ROWS[i].run(&p);
		remove_tree(p.root);
	}
}

static void
on_memory(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
		struct place p = {.root = "/root", .memory = os_fs_memory_new()};

		print_message("  memory: %s\n", ROWS[i].name);
		p.fs = os_fs_memory(p.memory);
		assert_true(os_fs_mkdir(p.fs, p.root, &err));
		ROWS[i].run(&p);
		os_fs_memory_free(&p.memory);
	}
}

static void
on_failing(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
		struct place p = {.root = "/root", .memory = os_fs_memory_new()};

		print_message("  failing: %s\n", ROWS[i].name);
		p.failing = os_fs_failing_new(os_fs_memory(p.memory));
		p.fs = os_fs_failing(p.failing);
		assert_true(os_fs_mkdir(p.fs, p.root, &err));
		ROWS[i].run(&p);
		assert_int_equal(os_fs_failing_failed(p.failing), 0);
		os_fs_failing_free(&p.failing);
		os_fs_memory_free(&p.memory);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(on_real),
	    cmocka_unit_test(on_memory),
	    cmocka_unit_test(on_failing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
