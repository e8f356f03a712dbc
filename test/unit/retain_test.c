/* SPDX-License-Identifier: Apache-2.0 */
/* Approvals, second thoughts and what stands in the way of destruction (docs/formats/retention.md). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "archive_destroy.h"
#include "archive_fixture.h"
#include "base_limits.h"
#include "base_mem.h"
#include "retain.h"

#define ARCHIVE "a-one"
#define START   INT64_C(1790000000000)
#define OK(call)                                                                                   \
	do {                                                                                       \
		if (!(call))                                                                       \
			fail_msg("line %d: %s", __LINE__, p->err.msg);                             \
	} while (0)
#define FAILS(call, want)                                                                          \
	do {                                                                                       \
		assert_false(call);                                                                \
		if (p->err.code != (want))                                                         \
			fail_msg(                                                                  \
			    "line %d: %s: %s", __LINE__, err_code_name(p->err.code), p->err.msg);  \
	} while (0)

struct place {
	struct archive_fixture f;
	struct catalog *catalog;
	struct retain *retain;
	char folder[64];
	struct err err;
};

static void
row_write(struct place *p, const char *period, bool insert)
{
	struct catalog_row row = {.kind = CATALOG_ARCHIVE, .id = ARCHIVE, .state = "ACTIVE"};
	char text[200];

	(void)snprintf(text, sizeof text,
	    "{\"ArchiveName\":\"one\",\"Retention\":{\"RetentionPeriod\":\"%s\"}}", period);
	row.document = bytes_of_str(text);
	OK(catalog_begin(p->catalog, &p->err));
	OK(insert ? catalog_insert(p->catalog, &row, &p->err)
		  : catalog_update(p->catalog, &row, &p->err));
	OK(catalog_commit(p->catalog, &p->err));
}

static void
retain_start(struct place *p, bool manual, bool four_eyes)
{
	struct retain_options o = {.catalog = p->catalog,
	    .archive = p->f.archive,
	    .clock = clock_fixed(&p->f.now),
	    .rng = rng_system(),
	    .manual = manual,
	    .four_eyes = four_eyes};

	retain_close(&p->retain);
	OK(retain_open(&o, &p->retain, &p->err));
}

static int
begin(void **state)
{
	struct place *p = mem_calloc(1, sizeof *p);
	struct rng rng = rng_system();
	char path[96];

	(void)snprintf(p->folder, sizeof p->folder, "/tmp/daybook-retain-XXXXXX");
	assert_non_null(mkdtemp(p->folder));
	(void)snprintf(path, sizeof path, "%s/catalog.db", p->folder);
	archive_fixture_init(&p->f, NULL, 3);
	p->f.now.now_ms = START;
	OK(archive_fixture_open(&p->f, &p->err));
	OK(archive_create(p->f.archive, ARCHIVE, &p->err));
	OK(catalog_open(path, p->f.keys, &rng, &p->catalog, &p->err));
	row_write(p, "THREE_MONTHS", true);
	retain_start(p, false, false);
	*state = p;
	return 0;
}

static int
end(void **state)
{
	struct place *p = *state;
	char command[96];

	retain_close(&p->retain);
	catalog_close(&p->catalog);
	archive_fixture_fini(&p->f);
	(void)snprintf(command, sizeof command, "rm -rf '%s'", p->folder);
	mem_free(p);
	return system(command);
}

static struct archive_fixture_message
message(uint32_t number)
{
	return (struct archive_fixture_message){.number = number,
	    .received_ms = START + number,
	    .body_bytes = 200,
	    .archive_ids = {ARCHIVE}};
}

static void
keep(struct place *p, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		struct archive_fixture_message m = message(i);

		OK(archive_fixture_keep(&p->f, &m, &p->err));
	}
}

static bool
is_there(struct place *p, uint32_t number)
{
	struct archive_fixture_message m = message(number);
	const char *wrong = archive_fixture_check(&p->f, &m);

	assert_true(wrong == NULL || strcmp(wrong, "not there") == 0);
	return wrong == NULL;
}

static void
id_text(uint32_t number, char out[ID_RECORD_TEXT_SIZE])
{
	struct archive_fixture_message m = message(number);
	struct id_record id;

	archive_fixture_id(&id, &m, 0);
	id_record_format(out, &id);
}

static void
age(struct place *p, int64_t days)
{
	p->f.now.now_ms += days * RETAIN_DAY_MS;
	p->f.now.mono_ms += days * RETAIN_DAY_MS;
}

/* The newest disposition: its state, and its id. */
static const char *
disposition(struct place *p, char id[ID_TEXT_SIZE], char state[16])
{
	struct catalog_row row;
	struct arena arena;
	size_t count;

	arena_init(&arena);
	OK(catalog_begin(p->catalog, &p->err));
	OK(catalog_list(
	    p->catalog, CATALOG_DISPOSITION, NULL, NULL, 1, &arena, &row, &count, &p->err));
	catalog_rollback(p->catalog);
	(void)snprintf(state, 16, "%s", count == 0 ? "" : row.state);
	(void)snprintf(id, ID_TEXT_SIZE, "%s", count == 0 ? "" : row.id);
	arena_fini(&arena);
	return state;
}

static void
a_plan_waits_for_approval(void **state)
{
	char id[ID_TEXT_SIZE], word[16];
	struct place *p = *state;

	retain_start(p, true, false);
	keep(p, 2);
	age(p, 100);
	OK(retain_run(p->retain, true, NULL, &p->err));
	assert_string_equal(disposition(p, id, word), "PLANNED");
	assert_true(is_there(p, 0));
	OK(retain_disposition_decide(p->retain, id, false, "ann", &p->err));
	FAILS(retain_disposition_decide(p->retain, id, true, "ann", &p->err), ERR_BUSY);
	FAILS(retain_disposition_decide(p->retain, "d-none", true, "ann", &p->err), ERR_NOT_FOUND);
	age(p, 1);
	OK(retain_run(p->retain, true, NULL, &p->err));
	assert_string_equal(disposition(p, id, word), "REJECTED"); /* for a week */
	age(p, 7);
	OK(retain_run(p->retain, true, NULL, &p->err));
	assert_string_equal(disposition(p, id, word), "PLANNED");
	OK(retain_disposition_decide(p->retain, id, true, "ann", &p->err));
	OK(retain_run(p->retain, false, NULL, &p->err));
	assert_string_equal(disposition(p, id, word), "COMPLETED");
	assert_false(is_there(p, 0) || is_there(p, 1));
}

/* Approved, and then the period is lengthened: nothing goes. */
static void
a_longer_period_wins(void **state)
{
	char id[ID_TEXT_SIZE], word[16];
	struct place *p = *state;

	retain_start(p, true, false);
	keep(p, 2);
	age(p, 100);
	OK(retain_run(p->retain, true, NULL, &p->err));
	(void)disposition(p, id, word);
	OK(retain_disposition_decide(p->retain, id, true, "ann", &p->err));
	row_write(p, "PERMANENT", false);
	OK(retain_run(p->retain, true, NULL, &p->err));
	assert_string_equal(disposition(p, id, word), "COMPLETED");
	assert_true(is_there(p, 0) && is_there(p, 1));
	p->f.now.now_ms++;
	row_write(p, "SIX_MONTHS", false);
	OK(retain_run(p->retain, true, NULL, &p->err));
	assert_true(is_there(p, 0));
	row_write(p, "THREE_MONTHS", false);
	OK(retain_run(p->retain, true, NULL, &p->err));
	assert_string_equal(disposition(p, id, word), "PLANNED");
}

static void
two_people_erase(void **state)
{
	char message_id[ID_RECORD_TEXT_SIZE], id[ID_TEXT_SIZE];
	struct place *p = *state;

	retain_start(p, false, true);
	keep(p, 3);
	id_text(1, message_id);
	OK(retain_erasure_request(p->retain, message_id, "r", "ann", id, &p->err));
	FAILS(retain_erasure_decide(p->retain, id, true, "ann", &p->err), ERR_REFUSED);
	OK(retain_erasure_decide(p->retain, id, true, "bob", &p->err));
	OK(retain_run(p->retain, false, NULL, &p->err));
	assert_true(is_there(p, 0) && !is_there(p, 1) && is_there(p, 2));
	/* Nor does it come back. */
	archive_close(&p->f.archive);
	OK(archive_fixture_open(&p->f, &p->err));
	assert_true(is_there(p, 0) && !is_there(p, 1) && is_there(p, 2));
	retain_start(p, false, false);
	for (uint32_t i = 0; i < 3; i += 2) {
		id_text(i, message_id);
		OK(retain_erasure_request(p->retain, message_id, "r", "ann", id, &p->err));
		OK(retain_erasure_decide(p->retain, id, true, "ann", &p->err));
	}
	OK(retain_run(p->retain, false, NULL, &p->err));
	archive_close(&p->f.archive);
	OK(archive_fixture_open(&p->f, &p->err)); /* a pack of tombstones only */
	assert_int_equal(p->f.recovery.packs, 1);
	assert_false(is_there(p, 0) || is_there(p, 1) || is_there(p, 2));
	/* The retain object keeps the archive it was given: end with one that is there. */
	retain_start(p, false, false);
}

/* A catalog that was made anew knows no holds: it destroys nothing until somebody had a look. */
static void
a_new_catalog_beside_old_mail_waits(void **state)
{
	struct rng rng = rng_system();
	struct place *p = *state;
	struct retain_clock clock;
	char path[96];

	keep(p, 2);
	retain_close(&p->retain);
	catalog_close(&p->catalog);
	(void)snprintf(path, sizeof path, "%s/new.db", p->folder);
	age(p, 100);
	OK(catalog_open(path, p->f.keys, &rng, &p->catalog, &p->err));
	row_write(p, "THREE_MONTHS", true);
	retain_start(p, false, false);
	FAILS(retain_run(p->retain, true, NULL, &p->err), ERR_REFUSED);
	assert_true(is_there(p, 0));
	retain_start(p, false, false); /* a restart does not help */
	OK(retain_clock_get(p->retain, &clock, &p->err));
	assert_true(clock.stopped);
	OK(retain_clock_confirm(p->retain, p->f.now.now_ms, "ann", &p->err));
	OK(retain_run(p->retain, true, NULL, &p->err));
	assert_false(is_there(p, 0) || is_there(p, 1));
}

/* A destroyer that changes his mind: yes at the first look, no at the second, as often as it says. */
struct fickle {
	struct place *p;
	uint32_t noes; /* second looks that say no */
	bool inside;   /* between begin and end */
	unsigned asked, committed, gone;
};

static bool
fickle_may(void *ctx, const struct pack_row *row, bool *yes_out, struct err *err)
{
	struct fickle *k = ctx;

	(void)row;
	(void)err;
	k->asked++;
	*yes_out = !k->inside || k->noes == 0;
	if (k->inside && k->noes > 0)
		k->noes--;
	return true;
}

static bool
fickle_begin(void *ctx, struct err *err)
{
	(void)err;
	((struct fickle *)ctx)->inside = true;
	return true;
}

static bool
fickle_commit(void *ctx, const struct archive_gone *gone, size_t count, struct err *err)
{
	struct fickle *k = ctx;

	(void)gone;
	(void)err;
	assert_true(k->inside);
	k->committed += (unsigned)count;
	return true;
}

static void
fickle_end(void *ctx)
{
	((struct fickle *)ctx)->inside = false;
}

static bool
fickle_gone(void *ctx, const struct archive_gone *gone, size_t count, struct err *err)
{
	struct fickle *k = ctx;

	(void)gone;
	(void)err;
	k->gone += (unsigned)count;
	return true;
}

static bool
fickle_run(struct fickle *k, uint32_t number)
{
	struct archive_destroyer d = {k, ARCHIVE_REASON_RETENTION, fickle_may, fickle_begin,
	    fickle_commit, fickle_end, fickle_gone};
	struct archive_fixture_message m = message(number);
	struct id_record id;

	archive_fixture_id(&id, &m, 0);
	return archive_destroy(k->p->f.archive, ARCHIVE, &id, 1, &d, NULL, &k->p->err);
}

static void
nothing_goes_without_two_answers(void **state)
{
	struct place *p = *state;
	struct fickle k = {.p = p, .noes = 2};

	keep(p, 3);
	OK(fickle_run(&k, 0));
	assert_int_equal(k.asked, 6); /* three rounds of two */
	assert_int_equal(k.committed, 1);
	assert_int_equal(k.gone, 1);
	assert_true(!is_there(p, 0) && is_there(p, 1));
	k = (struct fickle){.p = p, .noes = 1000};
	FAILS(fickle_run(&k, 1), ERR_BUSY);
	assert_int_equal(k.committed + k.gone, 0);
	assert_true(is_there(p, 1));
}

/* What a damaged file of the log may still hold would come back after a restart. */
static void
a_damaged_log_file_stops_destruction(void **state)
{
	struct place *p = *state;
	struct fickle k = {.p = p};
	struct os_file *file;
	struct buf data;

	keep(p, 3);
	archive_close(&p->f.archive);
	buf_init(&data, 64 * LIMIT_MIB);
	OK(os_fs_read_file(p->f.fs, "/data/intake/00000001.log", 64 * LIMIT_MIB, &data, &p->err));
	for (size_t at = 8392; at < 8393 && at < data.len; at++)
		data.ptr[at] ^= 0x55;
	OK(os_fs_open(p->f.fs, "/data/intake/00000001.log", OS_OPEN_READ_WRITE, &file, &p->err));
	OK(os_file_write_at(file, 0, buf_view(&data), &p->err));
	OK(os_file_close(&file, &p->err));
	buf_fini(&data);
	OK(archive_fixture_open(&p->f, &p->err));
	assert_true(p->f.recovery.corrupt_records > 0);
	FAILS(fickle_run(&k, 2), ERR_BUSY);
	assert_true(is_there(p, 2));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(a_plan_waits_for_approval, begin, end),
	    cmocka_unit_test_setup_teardown(a_longer_period_wins, begin, end),
	    cmocka_unit_test_setup_teardown(two_people_erase, begin, end),
	    cmocka_unit_test_setup_teardown(a_new_catalog_beside_old_mail_waits, begin, end),
	    cmocka_unit_test_setup_teardown(nothing_goes_without_two_answers, begin, end),
	    cmocka_unit_test_setup_teardown(a_damaged_log_file_stops_destruction, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
