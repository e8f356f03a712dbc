/* SPDX-License-Identifier: Apache-2.0 */
/* A backup made while an archive's key is rotated, packs are merged and messages destroyed: whatever happens between
 * two of its files, what was there before it began opens again from the backup alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "archive_destroy.h"
#include "archive_fixture.h"
#include "archive_keys.h"
#include "backup.h"
#include "base_log.h"

#define T0       1700000000000
#define MESSAGES 24u /* one pack for every four */
#define DOOMED   1u  /* destroyed meanwhile: may be in the backup, or not */

static struct err err;

/* What happens when the backup tells its progress. */
struct play {
	struct archive_fixture f;
	unsigned calls,
	    at; /* at: the call that is answered with a step; UINT32_MAX: each with the next */
	unsigned steps;
	uint32_t next; /* message */
	bool read;     /* somebody reads all packs from before the beginning to after the end */
};

static struct archive_fixture_message
message(uint32_t number)
{
	return (struct archive_fixture_message){.number = number,
	    .received_ms = T0 + number,
	    .body_bytes = 700,
	    .archive_ids = {"a-1"}};
}

static void
keep(struct play *p, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		struct archive_fixture_message m = message(p->next++);

		if (!archive_fixture_keep(&p->f, &m, &err))
			fail_msg("message %u: %s", m.number, err.msg);
	}
	assert_true(archive_seal(p->f.archive, true, &err));
}

static bool
yes(void *ctx, const struct pack_row *row, bool *yes_out, struct err *why)
{
	(void)ctx;
	(void)row;
	(void)why;
	*yes_out = true;
	return true;
}

static bool
begin(void *ctx, struct err *why)
{
	(void)ctx;
	(void)why;
	return true;
}

static bool
commit(void *ctx, const struct archive_gone *gone, size_t count, struct err *why)
{
	(void)ctx;
	(void)gone;
	(void)count;
	(void)why;
	return true;
}

static void
nothing(void *ctx)
{
	(void)ctx;
}

static void
destroy_one(struct play *p)
{
	struct archive_fixture_message m = message(DOOMED);
	struct archive_destroyer d = {.may = yes,
	    .begin = begin,
	    .commit = commit,
	    .end = nothing,
	    .gone = commit,
	    .reason = ARCHIVE_REASON_ERASURE};
	struct id_record id;

	archive_fixture_id(&id, &m, 0);
	if (!archive_destroy(p->f.archive, "a-1", &id, 1, &d, NULL, &err))
		fail_msg("destroy: %s", err.msg);
}

/* One step of what goes on; many of them make a rotation that ends, with merges in the middle. */
static void
step(struct play *p, unsigned number)
{
	switch (number % 5) {
	case 0:
		assert_true(archive_key_rotate(p->f.archive, "a-1", NULL, &err));
		break;
	case 1:
		keep(p, 2);
		break;
	case 2:
		assert_true(archive_seal(p->f.archive, true, &err));
		break;
	case 3:
		if (!p->read) /* which it would wait for */
			destroy_one(p);
		break;
	default:
		assert_true(archive_key_rotate(p->f.archive, "a-1", NULL, &err));
		keep(p, 4);
	}
}

static void
on_progress(void *ctx, const struct backup_progress *progress)
{
	struct play *p = ctx;

	(void)progress;
	p->calls++;
	if (p->at == UINT32_MAX && p->steps < 10)
		step(p, p->steps++);
	for (; p->calls == p->at && p->steps < 5; p->steps++)
		step(p, p->steps);
}

/* rotated: there is a keyring that every pack needs; else there is none yet. */
static void
set_up(struct play *p, unsigned at, bool rotated)
{
	*p = (struct play){.at = at};
	archive_fixture_init(&p->f, NULL, 5);
	p->f.merge_packs = 1000;
	assert_true(archive_fixture_open(&p->f, &err));
	assert_true(archive_create(p->f.archive, "a-1", &err));
	while (p->next < MESSAGES)
		keep(p, 4);
	if (rotated) {
		assert_true(archive_key_rotate(p->f.archive, "a-1", NULL, &err));
		assert_true(archive_seal(p->f.archive, true, &err));
	}
	archive_close(&p->f.archive);
	p->f.merge_packs = 3;
	assert_true(archive_fixture_open(&p->f, &err));
	assert_true(os_fs_mkdir_path(p->f.fs, "/place", &err));
	assert_true(os_fs_write_file(p->f.fs, "/place/catalog", BYTES_LIT("catalog"), &err));
}

/* Opens what the backup has, with nothing of what the machine still knows but the key file's key. */
static void
restore_check(struct play *p, const struct backup_options *made)
{
	struct archive_options o = {.fs = p->f.fs,
	    .dir = "/again/data",
	    .keys = p->f.keys,
	    .clock = clock_fixed(&p->f.now),
	    .rng = p->f.rng,
	    .log_file_bytes = ARCHIVE_FIXTURE_LOG_BYTES,
	    .reserve_bytes = 16 * 1024};
	struct backup_options back = *made;
	struct archive_fixture again = p->f;
	struct backup_progress done;

	back.data = "/again/data";
	back.progress = NULL;
	assert_true(os_fs_mkdir_path(p->f.fs, "/again", &err));
	if (!backup_restore(&back, &done, &err))
		fail_msg("restore: %s", err.msg);
	assert_true(os_fs_mkdir_path(p->f.fs, "/again/data/intake", &err));
	if (!archive_open(&o, &again.archive, &again.recovery, &err))
		fail_msg("at %u: %s", p->at, err.msg);
	if (again.recovery.corrupt_packs != 0)
		fail_msg("at %u: %llu packs do not open", p->at,
		    (unsigned long long)again.recovery.corrupt_packs);
	for (uint32_t i = 0; i < MESSAGES; i++) {
		struct archive_fixture_message m = message(i);
		const char *wrong = archive_fixture_check(&again, &m);

		if (wrong != NULL && i != DOOMED)
			fail_msg("at %u: message %u: %s", p->at, i, wrong);
	}
	archive_close(&again.archive);
}

static void
create(struct play *p)
{
	struct backup_options o = {.fs = p->f.fs,
	    .backup = "/place/backup",
	    .data = "/data",
	    .catalog = "/place/catalog",
	    .program = "test",
	    .progress = on_progress,
	    .ctx = p,
	    .now_ms = T0};
	struct backup_progress done;

	if (!backup_create(&o, &done, &err))
		fail_msg("backup: %s", err.msg);
	restore_check(p, &o);
}

static bool
create_here(void *ctx, const struct pack_row *row)
{
	(void)row;
	create(ctx);
	return false;
}

static const struct row {
	const char *name;
	bool rotated, read;
} rows[] = {
    {"the first rotation", false, false},
    {"another rotation", true, false},
    {"the first, while somebody reads", false, true},
    {"another, while somebody reads", true, true},
};

/* Whether anything happened. */
static bool
one(const struct row *row, unsigned at)
{
	struct archive_search_report report;
	struct play p;
	bool happened;

	set_up(&p, at, row->rotated);
	p.read = row->read;
	if (row->read)
		assert_true(archive_search(p.f.archive, "a-1", 0, INT64_MAX, NULL, UINT64_MAX, NULL,
		    create_here, &p, &report, &err));
	else
		create(&p);
	happened = p.steps > 0;
	archive_fixture_fini(&p.f);
	return happened;
}

/* Everything at once, after each of the calls in turn. */
static void
a_whole_rotation_at_any_moment(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		unsigned at = 1;

		print_message("          (%s)\n", rows[i].name);
		while (one(&rows[i], at))
			at++;
		assert_true(at > MESSAGES / 4);
	}
}

static void
a_step_at_each_moment(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		print_message("          (%s)\n", rows[i].name);
		assert_true(one(&rows[i], UINT32_MAX));
	}
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
	    cmocka_unit_test(a_whole_rotation_at_any_moment),
	    cmocka_unit_test(a_step_at_each_moment),
	};

	log_set_sink(quiet, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
