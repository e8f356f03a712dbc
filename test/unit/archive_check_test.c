/* SPDX-License-Identifier: Apache-2.0 */
/* Checks in steps: everything or a sample, stopped and taken up again, and damage named by either. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "archive_check.h"
#include "archive_fixture.h"
#include "archive_proof.h"
#include "pack.h"

#define T0       1700000000000
#define MESSAGES 60u

static struct err err;

struct told {
	unsigned count;
	char first[384];
};

static void
on_problem(void *ctx, const char *what)
{
	struct told *t = ctx;

	if (t->count++ == 0)
		(void)snprintf(t->first, sizeof t->first, "%s", what);
}

/* Three packs of twenty, and five that are in none. */
static void
set_up(struct archive_fixture *f)
{
	archive_fixture_init(f, NULL, 3);
	f->merge_packs = 100;
	assert_true(archive_fixture_open(f, &err));
	assert_true(archive_create(f->archive, "a-one", &err));
	assert_true(archive_create(f->archive, "a-two", &err));
	for (uint32_t i = 0; i < MESSAGES + 5; i++) {
		struct archive_fixture_message m = {.number = i,
		    .received_ms = T0 + i,
		    .body_bytes = 500,
		    .archive_ids = {i % 20 == 7 ? "a-two" : "a-one"}};

		if (!archive_fixture_keep(f, &m, &err))
			fail_msg("%s", err.msg);
		if (i % 20 == 19 && i < MESSAGES)
			assert_true(archive_seal(f->archive, true, &err));
	}
}

static struct archive_check_step
run(struct archive_fixture *f, uint32_t per_million, uint64_t seed, const char *after,
    struct told *told, unsigned *packs_out)
{
	struct archive_check c = {.archive_id = "a-one",
	    .per_million = per_million,
	    .seed = seed,
	    .problem = on_problem,
	    .ctx = told};
	char place[ARCHIVE_SCRUB_PLACE_SIZE];
	struct archive_check_step step = {0}, sum = {0};

	*told = (struct told){0};
	(void)snprintf(place, sizeof place, "%s", after);
	for (*packs_out = 0; !step.none; *packs_out += step.none ? 0 : 1) {
		if (!archive_check_next(f->archive, &c, place, &step, &err))
			fail_msg("%s", err.msg);
		sum.messages += step.messages;
		sum.proved += step.proved;
	}
	if (!archive_check_rest(f->archive, &c, &step, &err))
		fail_msg("%s", err.msg);
	sum.messages += step.messages;
	sum.waiting += step.waiting;
	return sum;
}

static void
everything_and_samples(void **state)
{
	struct archive_check_step all, half, same, other;
	struct archive_fixture f;
	struct told told;
	unsigned packs;

	(void)state;
	set_up(&f);
	all = run(&f, ARCHIVE_CHECK_ALL, 1, "", &told, &packs);
	if (told.count != 0)
		fail_msg("%s", told.first);
	assert_int_equal(packs, 3);
	assert_int_equal(all.messages, MESSAGES - 3 + 5);
	half = run(&f, ARCHIVE_CHECK_ALL / 2, 1, "", &told, &packs);
	assert_int_equal(told.count, 0);
	assert_in_range(half.messages, 15, 50);
	assert_int_equal(half.proved + half.waiting, half.messages);
	same = run(&f, ARCHIVE_CHECK_ALL / 2, 1, "", &told, &packs);
	assert_int_equal(same.messages, half.messages);
	other = run(&f, ARCHIVE_CHECK_ALL - 1, 2, "", &told, &packs);
	assert_int_equal(other.messages, all.messages);
	assert_int_equal(other.proved, MESSAGES - 3);
	assert_int_equal(other.waiting, 5);
	archive_fixture_fini(&f);
}

static void
goes_on_where_it_stopped(void **state)
{
	atomic_bool stop;
	struct told told = {0};
	struct archive_check c = {.archive_id = "a-one",
	    .per_million = ARCHIVE_CHECK_ALL,
	    .cancel = &stop,
	    .problem = on_problem,
	    .ctx = &told};
	char place[ARCHIVE_SCRUB_PLACE_SIZE] = "", first[ARCHIVE_SCRUB_PLACE_SIZE];
	struct archive_check_step step, rest;
	struct archive_fixture f;
	unsigned packs;

	(void)state;
	atomic_init(&stop, false);
	set_up(&f);
	assert_true(archive_check_next(f.archive, &c, place, &step, &err));
	memcpy(first, place, sizeof first);
	assert_int_equal(step.messages, 19);
	atomic_store(&stop, true);
	assert_false(archive_check_next(f.archive, &c, place, &step, &err));
	assert_int_equal(err.code, ERR_CANCELLED);
	assert_string_equal(place, first);
	rest = run(&f, ARCHIVE_CHECK_ALL, 0, place, &told, &packs);
	assert_int_equal(packs, 2);
	assert_int_equal(rest.messages, MESSAGES - 3 + 5 - 19);
	c.archive_id = "a-none";
	assert_false(archive_check_next(f.archive, &c, place, &step, &err));
	assert_int_equal(err.code, ERR_NOT_FOUND);
	archive_fixture_fini(&f);
}

static bool
flip(struct archive_fixture *f, const char *path)
{
	struct os_file *file;
	uint64_t size;
	uint8_t byte;
	bool ok;

	if (!os_fs_open(f->fs, path, OS_OPEN_READ_WRITE, &file, &err) ||
	    !os_file_size(file, &size, &err) || !os_file_read_exact(file, size / 2, &byte, 1, &err))
		return false;
	byte ^= 4;
	ok = os_file_write_at(file, size / 2, bytes_of(&byte, 1), &err);
	os_file_drop(&file);
	return ok;
}

/* What lies on the disk is looked at, not what is in memory. */
static void
damage_of_the_log_is_named(void **state)
{
	static const struct {
		const char *name, *path;
	} ROWS[] = {
	    {"tile", "/data/archives/a-one/proof/tile/0/000.p/57"},
	    {"entries", "/data/archives/a-one/proof/tile/entries/000.p/57"},
	    {"checkpoint", "/data/archives/a-one/proof/checkpoint"},
	    {"name", "/data/archives/a-one/proof/vkey"},
	};
	struct told told;
	unsigned packs;

	(void)state;
	for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
		struct archive_fixture f;

		set_up(&f);
		if (!flip(&f, ROWS[i].path))
			fail_msg("%s: %s", ROWS[i].name, err.msg);
		told = (struct told){0};
		assert_true(archive_check_logs(f.archive, NULL, NULL, on_problem, &told, &err));
		if (told.count == 0 || strstr(told.first, "a-one") == NULL)
			fail_msg("%s: told: %s", ROWS[i].name, told.first);
		(void)run(&f, ARCHIVE_CHECK_ALL, 0, "", &told, &packs);
		if (told.count == 0)
			fail_msg("%s: not found by a full check", ROWS[i].name);
		archive_fixture_fini(&f);
	}
}

static bool
take_name(void *ctx, const char *name)
{
	char *path = ctx;

	if (strstr(name, ".pack") == NULL)
		return true;
	(void)snprintf(path, 256, "/data/archives/a-one/packs/%s", name);
	return false;
}

static void
damage_of_a_pack_is_named(void **state)
{
	struct archive_check_step step;
	struct archive_fixture f;
	struct told told;
	unsigned packs;
	char path[256] = "";

	(void)state;
	set_up(&f);
	assert_true(os_fs_list(f.fs, "/data/archives/a-one/packs", take_name, path, &err));
	assert_true(flip(&f, path));
	(void)run(&f, ARCHIVE_CHECK_ALL, 0, "", &told, &packs);
	assert_int_not_equal(told.count, 0);
	step = run(&f, ARCHIVE_CHECK_ALL - 1, 0, "", &told, &packs);
	assert_int_not_equal(told.count, 0);
	if (strstr(told.first, "message ") == NULL)
		fail_msg("%s", told.first);
	assert_in_range(step.messages, 42, 61);
	archive_fixture_fini(&f);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(everything_and_samples),
	    cmocka_unit_test(goes_on_where_it_stopped),
	    cmocka_unit_test(damage_of_the_log_is_named),
	    cmocka_unit_test(damage_of_a_pack_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
