/* SPDX-License-Identifier: Apache-2.0 */
/* What the disk in memory still has after power loss: the model's rules, one by one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "os_fs_memory.h"

#define SEEDS 200u

static struct err err;

static struct os_file *
create(struct os_fs fs, const char *path)
{
	struct os_file *f;

	assert_true(os_fs_open(fs, path, OS_OPEN_CREATE, &f, &err));
	return f;
}

static void
write_text(struct os_file *f, uint64_t at, const char *text)
{
	assert_true(os_file_write_at(f, at, bytes_of_str(text), &err));
}

/* The file's text, or "-" when it is not there. */
static void
read_text(struct os_fs_memory *m, const char *path, struct buf *out)
{
	buf_reset(out);
	if (!os_fs_read_file(os_fs_memory(m), path, 1 << 20, out, &err))
		buf_append_str(out, "-");
}

/* What is found of /a and /b after each certain mode. */
struct expectation {
	const char *name;
	void (*run)(struct os_fs fs);
	const char *a[4], *b[4]; /* nothing, everything, data, metadata */
};

static void
only_created(struct os_fs fs)
{
	struct os_file *f = create(fs, "/a");

	write_text(f, 0, "one");
	assert_true(os_file_close(&f, &err));
}

static void
synced_without_name(struct os_fs fs)
{
	struct os_file *f = create(fs, "/a");

	write_text(f, 0, "one");
	assert_true(os_file_sync(f, &err));
	assert_true(os_file_close(&f, &err));
}

static void
name_without_sync(struct os_fs fs)
{
	struct os_file *f = create(fs, "/a");

	write_text(f, 0, "one");
	assert_true(os_fs_sync_dir(fs, "/", &err));
	assert_true(os_file_close(&f, &err));
}

static void
all_synced(struct os_fs fs)
{
	struct os_file *f = create(fs, "/a");

	write_text(f, 0, "one");
	assert_true(os_file_sync(f, &err));
	assert_true(os_file_close(&f, &err));
	assert_true(os_fs_sync_dir(fs, "/", &err));
}

static void
all_synced_at_once(struct os_fs fs)
{
	struct os_file *f = create(fs, "/a");

	write_text(f, 0, "one");
	assert_true(os_file_close(&f, &err));
	assert_true(os_fs_sync_all(fs, "/", &err));
}

static void
rewritten(struct os_fs fs)
{
	struct os_file *f;

	all_synced(fs);
	assert_true(os_fs_open(fs, "/a", OS_OPEN_READ_WRITE, &f, &err));
	write_text(f, 0, "two and more");
	assert_true(os_file_close(&f, &err));
}

static void
renamed_over(struct os_fs fs)
{
	struct os_file *f;

	all_synced(fs);
	f = create(fs, "/b");
	write_text(f, 0, "two");
	assert_true(os_file_sync(f, &err));
	assert_true(os_file_close(&f, &err));
	assert_true(os_fs_rename(fs, "/b", "/a", &err));
}

static void
renamed_unsynced_data(struct os_fs fs)
{
	struct os_file *f;

	all_synced(fs);
	f = create(fs, "/b");
	write_text(f, 0, "two");
	assert_true(os_file_close(&f, &err));
	assert_true(os_fs_rename(fs, "/b", "/a", &err));
	assert_true(os_fs_sync_dir(fs, "/", &err));
}

static void
removed(struct os_fs fs)
{
	all_synced(fs);
	assert_true(os_fs_unlink(fs, "/a", &err));
}

static void
replaced_whole(struct os_fs fs)
{
	all_synced(fs);
	assert_true(os_fs_write_file(fs, "/a", BYTES_LIT("two"), &err));
}

static void
shortened(struct os_fs fs)
{
	struct os_file *f;

	all_synced(fs);
	assert_true(os_fs_open(fs, "/a", OS_OPEN_READ_WRITE, &f, &err));
	assert_true(os_file_truncate(f, 1, &err));
	assert_true(os_file_close(&f, &err));
}

static const struct expectation EXPECTATIONS[] = {
    {"only created", only_created, {"-", "one", "-", ""}, {"-", "-", "-", "-"}},
    {"synced, name not", synced_without_name, {"-", "one", "-", "one"}, {"-", "-", "-", "-"}},
    {"name synced, data not", name_without_sync, {"", "one", "one", ""}, {"-", "-", "-", "-"}},
    {"all synced", all_synced, {"one", "one", "one", "one"}, {"-", "-", "-", "-"}},
    {"all synced at once", all_synced_at_once, {"one", "one", "one", "one"}, {"-", "-", "-", "-"}},
    {"rewritten", rewritten, {"one", "two and more", "two and more", "one"}, {"-", "-", "-", "-"}},
    {"renamed over", renamed_over, {"one", "two", "one", "two"}, {"-", "-", "-", "-"}},
    {"renamed, data not synced", renamed_unsynced_data, {"", "two", "two", ""},
	{"-", "-", "-", "-"}},
    {"removed", removed, {"one", "-", "one", "-"}, {"-", "-", "-", "-"}},
    {"replaced by write_file", replaced_whole, {"two", "two", "two", "two"}, {"-", "-", "-", "-"}},
    {"shortened", shortened, {"one", "o", "o", "one"}, {"-", "-", "-", "-"}},
};

static void
certain_modes_keep_what_they_say(void **state)
{
	struct buf text;

	(void)state;
	buf_init(&text, 1 << 20);
	for (size_t i = 0; i < sizeof EXPECTATIONS / sizeof *EXPECTATIONS; i++) {
		const struct expectation *e = &EXPECTATIONS[i];
		struct os_fs_memory *m = os_fs_memory_new();

		print_message("  %s\n", e->name);
		e->run(os_fs_memory(m));
		for (unsigned mode = 0; mode < 4; mode++) {
			struct os_fs_memory *found = os_fs_memory_crash(m, (enum os_crash)mode, 0);

			read_text(found, "/a", &text);
			assert_string_equal(buf_text(&text), e->a[mode]);
			read_text(found, "/b", &text);
			assert_string_equal(buf_text(&text), e->b[mode]);
			os_fs_memory_free(&found);
		}
		os_fs_memory_free(&m);
	}
	buf_fini(&text);
}

/* Rule 1: a write of four sectors over four of old content; every sector is one or the other. */
static void
torn_write_mixes_sectors(void **state)
{
	struct os_fs_memory *m = os_fs_memory_new();
	struct os_fs fs = os_fs_memory(m);
	struct os_file *f = create(fs, "/a");
	static uint8_t old[4 * OS_SECTOR_BYTES], young[4 * OS_SECTOR_BYTES],
	    out[4 * OS_SECTOR_BYTES];
	size_t partial = 0, none = 0, all = 0;

	(void)state;
	memset(old, 'o', sizeof old);
	memset(young, 'y', sizeof young);
	assert_true(os_file_write_at(f, 0, bytes_of(old, sizeof old), &err));
	assert_true(os_file_sync(f, &err));
	assert_true(os_fs_sync_dir(fs, "/", &err));
	assert_true(os_file_write_at(f, 0, bytes_of(young, sizeof young), &err));
	assert_true(os_file_close(&f, &err));
	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		struct os_fs_memory *found = os_fs_memory_crash(m, OS_CRASH_TORN, seed);
		size_t fresh = 0;

		assert_true(os_fs_open(os_fs_memory(found), "/a", OS_OPEN_READ, &f, &err));
		assert_true(os_file_read_exact(f, 0, out, sizeof out, &err));
		assert_true(os_file_close(&f, &err));
		for (size_t s = 0; s < 4; s++) {
			const uint8_t *sector = out + s * OS_SECTOR_BYTES;
			bool is_young = memcmp(sector, young, OS_SECTOR_BYTES) == 0;

			assert_true(is_young || memcmp(sector, old, OS_SECTOR_BYTES) == 0);
			fresh += is_young ? 1 : 0;
		}
		none += fresh == 0 ? 1 : 0;
		all += fresh == 4 ? 1 : 0;
		partial += fresh > 0 && fresh < 4 ? 1 : 0;
		os_fs_memory_free(&found);
	}
	assert_true(partial > 0 && none > 0 && all > 0);
	os_fs_memory_free(&m);
}

/* Rules 1 and 2: an append may leave length without data (zeros), or data without length, but no foreign bytes. */
static void
torn_append_is_zero_or_data(void **state)
{
	struct os_fs_memory *m = os_fs_memory_new();
	struct os_fs fs = os_fs_memory(m);
	struct os_file *f = create(fs, "/a");
	static uint8_t data[3 * OS_SECTOR_BYTES];
	size_t zero_sectors = 0, short_files = 0;
	struct buf out;

	(void)state;
	memset(data, 'd', sizeof data);
	buf_init(&out, 1 << 20);
	assert_true(os_fs_sync_dir(fs, "/", &err));
	assert_true(os_file_write_at(f, 0, bytes_of(data, OS_SECTOR_BYTES), &err));
	assert_true(
	    os_file_write_at(f, OS_SECTOR_BYTES, bytes_of(data, 2 * OS_SECTOR_BYTES), &err));
	assert_true(os_file_close(&f, &err));
	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		struct os_fs_memory *found = os_fs_memory_crash(m, OS_CRASH_TORN, seed);

		buf_reset(&out);
		assert_true(os_fs_read_file(os_fs_memory(found), "/a", sizeof data, &out, &err));
		assert_true(out.len == 0 || out.len == OS_SECTOR_BYTES || out.len == sizeof data);
		short_files += out.len < sizeof data ? 1 : 0;
		for (size_t i = 0; i < out.len; i++) {
			assert_true(out.ptr[i] == 'd' || out.ptr[i] == 0);
			assert_int_equal(out.ptr[i], out.ptr[i - i % OS_SECTOR_BYTES]);
			zero_sectors += i % OS_SECTOR_BYTES == 0 && out.ptr[i] == 0 ? 1 : 0;
		}
		os_fs_memory_free(&found);
	}
	assert_true(zero_sectors > 0 && short_files > 0);
	buf_fini(&out);
	os_fs_memory_free(&m);
}

/* A cut that survived is never undone by older data coming back. */
static void
truncated_data_stays_away(void **state)
{
	struct os_fs_memory *m = os_fs_memory_new();
	struct os_fs fs = os_fs_memory(m);
	struct os_file *f;
	struct buf out;

	(void)state;
	buf_init(&out, 1 << 20);
	assert_true(os_fs_write_file(fs, "/a", BYTES_LIT("secret"), &err));
	assert_true(os_fs_open(fs, "/a", OS_OPEN_READ_WRITE, &f, &err));
	assert_true(os_file_truncate(f, 0, &err));
	assert_true(os_file_allocate(f, 12, &err));
	assert_true(os_file_close(&f, &err));
	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		struct os_fs_memory *found = os_fs_memory_crash(m, OS_CRASH_TORN, seed);

		read_text(found, "/a", &out);
		if (out.len == 12)
			assert_memory_equal(out.ptr, "\0\0\0\0\0\0\0\0\0\0\0\0", 12);
		else
			assert_true(
			    out.len == 0 || bytes_equal(buf_view(&out), BYTES_LIT("secret")));
		os_fs_memory_free(&found);
	}
	buf_fini(&out);
	os_fs_memory_free(&m);
}

static bool
has(struct os_fs_memory *m, const char *path)
{
	struct os_stat st;

	return os_fs_stat(os_fs_memory(m), path, &st, &err);
}

/* Rule 4: unrelated names are lost in any combination, one file's names are not, and sync_dir separates. */
static void
reordering_keeps_order_of_one_name(void **state)
{
	struct os_fs_memory *m = os_fs_memory_new();
	struct os_fs fs = os_fs_memory(m);
	size_t late_without_early = 0;

	(void)state;
	only_created(fs);
	assert_true(os_fs_sync_dir(fs, "/", &err));
	assert_true(os_fs_mkdir(fs, "/early", &err));
	assert_true(os_fs_mkdir(fs, "/late", &err));
	assert_true(os_fs_rename(fs, "/a", "/b", &err));
	assert_true(os_fs_rename(fs, "/b", "/c", &err));
	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		struct os_fs_memory *found = os_fs_memory_crash(m, OS_CRASH_REORDERED, seed);

		late_without_early += has(found, "/late") && !has(found, "/early") ? 1 : 0;
		assert_int_equal((has(found, "/a") ? 1 : 0) + (has(found, "/b") ? 1 : 0) +
				     (has(found, "/c") ? 1 : 0),
		    1);
		os_fs_memory_free(&found);
		found = os_fs_memory_crash(m, OS_CRASH_TORN, seed);
		assert_false(has(found, "/late") && !has(found, "/early"));
		os_fs_memory_free(&found);
	}
	assert_true(late_without_early > 0);
	os_fs_memory_free(&m);
}

/* Rule 3: a rename between directories is whole, and drags along what happened before to its other end. */
static void
rename_between_directories_is_whole(void **state)
{
	struct os_fs_memory *m = os_fs_memory_new();
	struct os_fs fs = os_fs_memory(m);
	struct os_fs_memory *found;

	(void)state;
	assert_true(os_fs_mkdir_path(fs, "/x", &err));
	assert_true(os_fs_mkdir_path(fs, "/y", &err));
	assert_true(os_fs_write_file(fs, "/x/old", BYTES_LIT("old"), &err));
	assert_true(os_fs_write_file(fs, "/y/new", BYTES_LIT("new"), &err));
	assert_true(os_fs_unlink(fs, "/x/old", &err));
	assert_true(os_fs_rename(fs, "/y/new", "/x/old", &err));
	assert_true(os_fs_sync_dir(fs, "/y", &err));
	found = os_fs_memory_crash(m, OS_CRASH_NOTHING, 0);
	assert_false(has(found, "/y/new"));
	assert_true(has(found, "/x/old"));
	os_fs_memory_free(&found);
	os_fs_memory_free(&m);
}

/* A directory is reached only through its own durable name. */
static void
unsynced_directory_is_gone(void **state)
{
	struct os_fs_memory *m = os_fs_memory_new();
	struct os_fs fs = os_fs_memory(m);
	struct os_fs_memory *found;

	(void)state;
	assert_true(os_fs_mkdir(fs, "/d", &err));
	assert_true(os_fs_write_file(fs, "/d/a", BYTES_LIT("x"), &err));
	found = os_fs_memory_crash(m, OS_CRASH_NOTHING, 0);
	assert_false(has(found, "/d"));
	os_fs_memory_free(&found);
	assert_true(os_fs_sync_dir(fs, "/", &err));
	found = os_fs_memory_crash(m, OS_CRASH_NOTHING, 0);
	assert_true(has(found, "/d/a"));
	os_fs_memory_free(&found);
	os_fs_memory_free(&m);
}

struct watcher {
	uint64_t next;
	struct buf text;
};

/* At every operation of a whole-file replacement, in every mode: the old content or the new, and nothing else. */
static void
crash_here(void *ctx, struct os_fs_memory *m, uint64_t index, const char *operation)
{
	struct watcher *w = ctx;

	assert_int_equal(index, w->next);
	w->next++;
	for (unsigned mode = 0; mode < OS_CRASH_MODES; mode++) {
		for (uint64_t seed = 0; seed < 20; seed++) {
			struct os_fs_memory *found =
			    os_fs_memory_crash(m, (enum os_crash)mode, seed);

			read_text(found, "/a", &w->text);
			if (strcmp(buf_text(&w->text), "old") != 0 &&
			    strcmp(buf_text(&w->text), "new") != 0)
				fail_msg("before %s, %s, seed %u: '%s'", operation,
				    os_crash_name((enum os_crash)mode), (unsigned)seed,
				    buf_text(&w->text));
			os_fs_memory_free(&found);
		}
	}
}

static void
write_file_is_atomic_at_every_operation(void **state)
{
	struct os_fs_memory *m = os_fs_memory_new();
	struct os_fs fs = os_fs_memory(m);
	struct watcher w = {0};

	(void)state;
	buf_init(&w.text, 1 << 16);
	assert_true(os_fs_write_file(fs, "/a", BYTES_LIT("old"), &err));
	w.next = os_fs_memory_operations(m);
	os_fs_memory_set_hook(m, crash_here, &w);
	assert_true(os_fs_write_file(fs, "/a", BYTES_LIT("new"), &err));
	crash_here(&w, m, w.next, "end");
	os_fs_memory_set_hook(m, NULL, NULL);
	read_text(m, "/a", &w.text);
	assert_string_equal(buf_text(&w.text), "new");
	buf_fini(&w.text);
	os_fs_memory_free(&m);
}

static void
capacity_and_time(void **state)
{
	struct os_fs_memory *m = os_fs_memory_new();
	struct os_fs fs = os_fs_memory(m);
	struct os_file *f = create(fs, "/a");
	struct os_stat st;
	uint64_t space;

	(void)state;
	os_fs_memory_set_capacity(m, 10);
	os_fs_memory_set_time(m, 77);
	write_text(f, 0, "12345678");
	assert_false(os_file_write_at(f, 8, BYTES_LIT("9ab"), &err));
	assert_int_equal(err.code, ERR_NO_SPACE);
	assert_false(os_file_allocate(f, 11, &err));
	write_text(f, 0, "again");
	assert_true(os_fs_space(fs, "/", &space, &err));
	assert_int_equal(space, 2);
	assert_true(os_fs_stat(fs, "/a", &st, &err));
	assert_int_equal(st.modified_ms, 77);
	assert_true(os_file_close(&f, &err));
	assert_true(os_fs_unlink(fs, "/a", &err));
	assert_true(os_fs_space(fs, "/", &space, &err));
	assert_int_equal(space, 10);
	os_fs_memory_free(&m);
}

/* A sync promises what had been done as it began: of a file, of a directory, of everything. */
static void
sync_covers_what_was_before_it_began(void **state)
{
	static const char *const whats[] = {"file", "directory", "everything"};
	struct buf text;

	(void)state;
	buf_init(&text, 1 << 20);
	for (size_t i = 0; i < 3; i++) {
		struct os_fs_memory *m = os_fs_memory_new(), *found;
		struct os_fs fs = os_fs_memory(m);
		struct os_file *a = create(fs, "/a"), *b;
		uint64_t mark;

		print_message("%s\n", whats[i]);
		write_text(a, 0, "old");
		if (i == 0)
			assert_true(os_fs_sync_dir(fs, "/", &err));
		if (i == 1)
			assert_true(os_file_sync(a, &err));
		mark = os_fs_memory_operations(m);
		write_text(a, 0, "newer");
		b = create(fs, "/b");
		assert_true(
		    os_fs_memory_sync_until(m, i == 0 ? a : NULL, i == 1 ? "/" : NULL, mark, &err));
		found = os_fs_memory_crash(m, OS_CRASH_NOTHING, 1);
		read_text(found, "/a", &text);
		assert_true(bytes_equal(buf_view(&text), BYTES_LIT("old")));
		read_text(found, "/b", &text);
		assert_true(bytes_equal(buf_view(&text), BYTES_LIT("-")));
		os_fs_memory_free(&found);
		/* What came later is not forgotten. */
		assert_true(os_fs_sync_all(fs, "/", &err));
		found = os_fs_memory_crash(m, OS_CRASH_NOTHING, 1);
		read_text(found, "/a", &text);
		assert_true(bytes_equal(buf_view(&text), BYTES_LIT("newer")));
		read_text(found, "/b", &text);
		assert_int_equal(text.len, 0);
		os_fs_memory_free(&found);
		os_file_drop(&a);
		os_file_drop(&b);
		os_fs_memory_free(&m);
	}
	buf_fini(&text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(certain_modes_keep_what_they_say),
	    cmocka_unit_test(torn_write_mixes_sectors),
	    cmocka_unit_test(torn_append_is_zero_or_data),
	    cmocka_unit_test(truncated_data_stays_away),
	    cmocka_unit_test(reordering_keeps_order_of_one_name),
	    cmocka_unit_test(rename_between_directories_is_whole),
	    cmocka_unit_test(unsynced_directory_is_gone),
	    cmocka_unit_test(write_file_is_atomic_at_every_operation),
	    cmocka_unit_test(sync_covers_what_was_before_it_began),
	    cmocka_unit_test(capacity_and_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
