/* SPDX-License-Identifier: Apache-2.0 */
/* Backups on a disk in memory: incremental, crashed at every operation, refused by every failing call, damaged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "backup.h"
#include "base_log.h"
#include "os_fs_failing.h"
#include "os_fs_memory.h"

static const char *const MANIFEST_PATHS[][2] = {{"archives/a-1/packs/x.pack", "ok"}, {"a", "ok"},
    {"a b", "ok"}, {"", "no"}, {"/a", "no"}, {"a/", "no"}, {"a//b", "no"}, {"..", "no"},
    {"a/../b", "no"}, {"./a", "no"}, {"a\nb", "no"}, {"a\x7f", "no"}};

static void
paths(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof MANIFEST_PATHS / sizeof MANIFEST_PATHS[0]; i++)
		if (backup_manifest_path_ok(bytes_of_str(MANIFEST_PATHS[i][0])) !=
		    (strcmp(MANIFEST_PATHS[i][1], "ok") == 0))
			fail_msg("path '%s'", MANIFEST_PATHS[i][0]);
}

/* What is printed parses back; one changed byte anywhere does not. */
static void
manifest(void **state)
{
	struct backup_file files[] = {{"archives/a-1/packs", true, 0, {0}},
	    {"audit/key", false, 77, {1, 2, 3}}, {"catalog.db", false, 4096, {0xff, 0xee}}};
	struct backup_manifest m = {1790000000123, "0.1.0", "0123456789abcdef", files, 3}, back;
	struct arena arena;
	struct buf text;
	struct err err;

	(void)state;
	buf_init(&text, 4096);
	arena_init(&arena);
	backup_manifest_print(&m, &text);
	if (!backup_manifest_parse(buf_view(&text), &arena, &back, &err))
		fail_msg("%s", err.msg);
	assert_int_equal(back.count, 3);
	assert_int_equal(back.created_ms, m.created_ms);
	assert_string_equal(back.files[1].path, "audit/key");
	assert_memory_equal(back.files[2].sha256, files[2].sha256, CRYPT_SHA256_BYTES);
	assert_true(back.files[0].dir && !back.files[1].dir);
	for (size_t i = 0; i < text.len; i++) {
		text.ptr[i] ^= 1;
		assert_false(backup_manifest_parse(buf_view(&text), &arena, &back, &err));
		text.ptr[i] ^= 1;
		assert_false(
		    backup_manifest_parse(bytes_slice(buf_view(&text), 0, i), &arena, &back, &err));
	}
	arena_fini(&arena);
	buf_fini(&text);
}

static void
file_put(struct os_fs fs, const char *path, const char *content)
{
	char dir[128];
	struct err err;

	(void)snprintf(dir, sizeof dir, "%s", path);
	*strrchr(dir, '/') = '\0';
	assert_true(os_fs_mkdir_path(fs, dir, &err));
	if (!os_fs_write_file(fs, path, bytes_of_str(content), &err))
		fail_msg("%s", err.msg);
}

/* A data directory in one of two states; in the second a pack is another, one is new, the log has grown. */
static void
data_put(struct os_fs fs, int version)
{
	struct err err;

	file_put(fs, "/data/audit/head", version == 1 ? "head 1" : "head 2");
	file_put(fs, "/data/audit/00000001.log", version == 1 ? "records" : "records more");
	file_put(fs, "/data/archives/a-1/key", "wrapped");
	file_put(fs, "/data/archives/a-1/packs/one.pack", "pack one");
	file_put(fs, "/data/credentials", "in the clear");
	file_put(fs, "/data/intake/00000001.log", "left out");
	file_put(fs, "/data/tls/smtp.key", "in the clear");
	assert_true(os_fs_mkdir_path(fs, "/data/archives/a-2/packs", &err));
	file_put(fs, "/data/catalog.db", "not this one");
	file_put(fs, "/place/catalog", version == 1 ? "catalog 1" : "catalog 2");
	if (version == 1) {
		file_put(fs, "/data/archives/a-1/packs/small.pack", "pack small");
	} else {
		assert_true(os_fs_unlink(fs, "/data/archives/a-1/packs/small.pack", &err));
		file_put(fs, "/data/archives/a-1/packs/merged.pack", "pack merged");
	}
}

static struct backup_options
options(struct os_fs fs)
{
	return (struct backup_options){.fs = fs,
	    .backup = "/place/backup",
	    .data = "/data",
	    .catalog = "/place/catalog",
	    .program = "test",
	    .now_ms = 1790000000000};
}

static bool
content_is(struct os_fs fs, const char *path, const char *want)
{
	struct buf text;
	struct err err;
	bool same;

	buf_init(&text, 4096);
	same = os_fs_read_file(fs, path, 4096, &text, &err) &&
	       bytes_equal(buf_view(&text), bytes_of_str(want));
	buf_fini(&text);
	return same;
}

static bool
there(struct os_fs fs, const char *path)
{
	struct os_stat st;
	struct err err;

	return os_fs_stat(fs, path, &st, &err);
}

/* Restores into /again: 0 = that failed, else the version that came out, whole. */
static int
restored(struct os_fs fs)
{
	struct backup_options o = options(fs);
	struct backup_progress p;
	struct err err;
	int version;

	o.data = "/again/data";
	assert_true(os_fs_mkdir_path(fs, "/again", &err));
	if (!backup_restore(&o, &p, &err)) {
		assert_false(there(fs, "/again/data"));
		return 0;
	}
	version = content_is(fs, "/again/data/catalog.db", "catalog 1") ? 1 : 2;
	assert_true(
	    content_is(fs, "/again/data/catalog.db", version == 1 ? "catalog 1" : "catalog 2"));
	assert_true(content_is(fs, "/again/data/audit/head", version == 1 ? "head 1" : "head 2"));
	assert_true(content_is(
	    fs, "/again/data/audit/00000001.log", version == 1 ? "records" : "records more"));
	assert_true(content_is(fs, "/again/data/archives/a-1/packs/one.pack", "pack one"));
	assert_true(content_is(fs, "/again/data/archives/a-1/packs/small.pack", "pack small") ==
		    (version == 1));
	assert_true(content_is(fs, "/again/data/archives/a-1/packs/merged.pack", "pack merged") ==
		    (version == 2));
	assert_true(there(fs, "/again/data/archives/a-2/packs"));
	assert_false(there(fs, "/again/data/credentials"));
	assert_false(there(fs, "/again/data/intake"));
	assert_false(there(fs, "/again/data/tls"));
	return version;
}

static void
create_or_fail(struct os_fs fs, struct backup_progress *p)
{
	struct backup_options o = options(fs);
	struct err err;

	if (!backup_create(&o, p, &err))
		fail_msg("%s", err.msg);
}

static void
incremental(void **state)
{
	struct os_fs_memory *disk = os_fs_memory_new();
	struct os_fs fs = os_fs_memory(disk);
	struct backup_options o = options(fs);
	struct backup_progress p;
	struct err err;

	(void)state;
	data_put(fs, 1);
	create_or_fail(fs, &p);
	assert_int_equal(p.copied_files, 6);
	create_or_fail(fs, &p);
	assert_int_equal(p.copied_files, 0);
	assert_int_equal(p.removed_files, 0);
	data_put(fs, 2);
	create_or_fail(fs, &p);
	assert_int_equal(p.copied_files, 4); /* head, log, merged.pack, catalog */
	assert_int_equal(p.removed_files, 4);
	assert_true(backup_verify(&o, &p, &err));
	assert_int_equal(restored(fs), 2);
	assert_false(backup_restore(&o, &p, &err)); /* /data is there */
	assert_int_equal(err.code, ERR_EXISTS);
	os_fs_memory_free(&disk);
}

struct crash {
	enum os_crash mode;
	uint64_t wanted;
	struct os_fs_memory *disk;
};

static void
crash_hook(void *ctx, struct os_fs_memory *m, uint64_t index, const char *operation)
{
	struct crash *c = ctx;

	(void)operation;
	if (index == c->wanted && c->disk == NULL)
		c->disk = os_fs_memory_crash(m, c->mode, index * 17 + 3);
}

/* Power loss during the second backup: the first or the second is there, whole; and the next try ends well. */
static void
crashes(void **state)
{
	unsigned states = 0;

	(void)state;
	for (int mode = 0; mode < OS_CRASH_MODES; mode++) {
		bool more = true;

		for (uint64_t step = 0; more; step++) {
			struct os_fs_memory *disk = os_fs_memory_new();
			struct crash c = {.mode = (enum os_crash)mode};
			struct os_fs fs = os_fs_memory(disk);
			struct backup_progress p;
			int version;

			data_put(fs, 1);
			create_or_fail(fs, &p);
			data_put(fs, 2);
			c.wanted = os_fs_memory_operations(disk) + step;
			os_fs_memory_set_hook(disk, crash_hook, &c);
			create_or_fail(fs, &p);
			more = c.disk != NULL;
			if (more) {
				struct os_fs_memory *second =
				    os_fs_memory_crash(c.disk, OS_CRASH_EVERYTHING, 1);

				version = restored(os_fs_memory(c.disk));
				if (version == 0)
					fail_msg("%s at %llu: no backup", os_crash_name(c.mode),
					    (unsigned long long)step);
				create_or_fail(os_fs_memory(second), &p);
				assert_int_equal(restored(os_fs_memory(second)), 2);
				os_fs_memory_free(&second);
				os_fs_memory_free(&c.disk);
				states++;
			}
			os_fs_memory_free(&disk);
		}
	}
	print_message("durability backup states=%u lost=0\n", states);
}

static void
failing_calls(void **state)
{
	static const int errors[] = {EIO, ENOSPC};

	(void)state;
	for (size_t e = 0; e < 2; e++)
		for (int how = OS_FAIL_BEFORE; how <= OS_FAIL_AFTER; how++)
			for (uint64_t nth = 1; nth < 120; nth++) {
				struct os_fs_memory *disk = os_fs_memory_new();
				struct os_fs fs = os_fs_memory(disk);
				struct os_fs_failing *failing = os_fs_failing_new(fs);
				struct backup_options o = options(os_fs_failing(failing));
				struct backup_progress p;
				struct err err;
				bool ok;
				int version;

				data_put(fs, 1);
				create_or_fail(fs, &p);
				data_put(fs, 2);
				os_fs_failing_arm(failing, &(struct os_failure){.call = OS_CALL_ANY,
							       .nth = nth,
							       .sys_errno = errors[e],
							       .how = (enum os_fail_how)how});
				ok = backup_create(&o, &p, &err);
				version = restored(fs);
				if (version == 0 || (ok && version != 2))
					fail_msg("error %d how %d call %llu: ok %d, version %d",
					    errors[e], how, (unsigned long long)nth, ok, version);
				os_fs_failing_disarm(failing);
				os_fs_failing_free(&failing);
				os_fs_memory_free(&disk);
			}
}

struct names {
	char list[16][96];
	size_t count;
};

static bool
name_add(void *ctx, const char *name)
{
	struct names *n = ctx;

	(void)snprintf(n->list[n->count++], 96, "%s", name);
	return true;
}

static void
problem_count(void *ctx, const char *what)
{
	unsigned *count = ctx;

	(void)what;
	(*count)++;
}

/* Every byte of every file, and every file gone: found by verify and by restore. */
static void
damage(void **state)
{
	struct os_fs_memory *disk = os_fs_memory_new();
	struct names names = {.count = 0};
	struct backup_progress p;
	struct err err;

	(void)state;
	data_put(os_fs_memory(disk), 1);
	create_or_fail(os_fs_memory(disk), &p);
	assert_true(os_fs_list(os_fs_memory(disk), "/place/backup/files", name_add, &names, &err));
	assert_int_equal(names.count, 6);
	for (size_t i = 0; i <= names.count; i++) {
		char path[160];
		struct os_stat st;

		(void)snprintf(path, sizeof path, "/place/backup/%s%s",
		    i < names.count ? "files/" : "", i < names.count ? names.list[i] : "manifest");
		assert_true(os_fs_stat(os_fs_memory(disk), path, &st, &err));
		for (uint64_t at = 0; at <= st.size_bytes; at++) {
			struct os_fs_memory *broken =
			    os_fs_memory_crash(disk, OS_CRASH_EVERYTHING, 1);
			struct os_fs fs = os_fs_memory(broken);
			struct backup_options o = options(fs);
			unsigned problems = 0;
			struct os_file *file;
			uint8_t byte;

			if (at == st.size_bytes) {
				assert_true(os_fs_unlink(fs, path, &err));
			} else {
				assert_true(os_fs_open(fs, path, OS_OPEN_READ_WRITE, &file, &err));
				assert_true(os_file_read_exact(file, at, &byte, 1, &err));
				byte ^= (uint8_t)(1u << at % 8);
				assert_true(os_file_write_at(file, at, bytes_of(&byte, 1), &err));
				assert_true(os_file_close(&file, &err));
			}
			o.problem = problem_count;
			o.ctx = &problems;
			assert_false(backup_verify(&o, &p, &err));
			assert_int_equal(problems, i < names.count ? 1 : 0);
			assert_int_equal(restored(fs), 0);
			os_fs_memory_free(&broken);
		}
	}
	os_fs_memory_free(&disk);
}

static void
quiet(void *ctx, enum log_level level, const char *line)
{
	(void)ctx;
	(void)level;
	(void)line;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(paths),
	    cmocka_unit_test(manifest),
	    cmocka_unit_test(incremental),
	    cmocka_unit_test(crashes),
	    cmocka_unit_test(failing_calls),
	    cmocka_unit_test(damage),
	};

	log_set_sink(quiet, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
