/* SPDX-License-Identifier: Apache-2.0 */
/* Keys destroyed, and the holds that forbid it: one of the two, never both (docs/formats/retention.md §7). */
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
#include "archive_keys.h"
#include "base_log.h"
#include "base_mem.h"
#include "os_fs_failing.h"
#include "retain.h"

#define START INT64_C(1790000000000)
#define RACES 40
#define IN_ONE                                                                                     \
	"{\"HoldName\":\"%s\",\"Reason\":\"r\",\"ArchiveIds\":[\"%s\"],\"Scope\":{\"Address\":\"@" \
	"example.net\"}}"
#define IN_ALL "{\"HoldName\":\"all\",\"Reason\":\"r\",\"Scope\":{\"Address\":\"@example.net\"}}"
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
	struct os_fs_failing *failing;
	struct catalog *catalog;
	struct retain *retain;
	char folder[64];
	struct err err;
};

static void
archive_make(struct place *p, const char *id, const char *state)
{
	struct catalog_row row = {.kind = CATALOG_ARCHIVE, .id = id, .state = state};
	char text[200];

	(void)snprintf(text, sizeof text,
	    "{\"ArchiveName\":\"%s\",\"Retention\":{\"RetentionPeriod\":\"PERMANENT\"}}", id);
	row.document = bytes_of_str(text);
	row.created_ms = row.updated_ms = p->f.now.now_ms;
	OK(archive_create(p->f.archive, id, &p->err));
	OK(catalog_begin(p->catalog, &p->err));
	OK(catalog_insert(p->catalog, &row, &p->err));
	OK(catalog_commit(p->catalog, &p->err));
}

static void
retain_start(struct place *p)
{
	struct retain_options o = {.catalog = p->catalog,
	    .archive = p->f.archive,
	    .clock = clock_fixed(&p->f.now),
	    .rng = rng_system()};

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
	p->failing = os_fs_failing_new(p->f.fs);
	p->f.fs = os_fs_failing(p->failing);
	OK(archive_fixture_open(&p->f, &p->err));
	OK(catalog_open(path, p->f.keys, &rng, &p->catalog, &p->err));
	archive_make(p, "a-one", "PENDING_DELETION");
	archive_make(p, "a-two", "ACTIVE");
	retain_start(p);
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
	archive_close(&p->f.archive);
	p->f.fs = os_fs_memory(p->f.disk);
	os_fs_failing_free(&p->failing);
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
	    .archive_ids = {number % 2 == 0 ? "a-one" : "a-two"}};
}

static void
keep(struct place *p, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		struct archive_fixture_message m = message(i);

		OK(archive_fixture_keep(&p->f, &m, &p->err));
	}
	OK(archive_seal(p->f.archive, true, &p->err));
}

static bool
is_there(struct place *p, uint32_t number)
{
	struct archive_fixture_message m = message(number);

	return archive_fixture_check(&p->f, &m) == NULL;
}

static enum archive_key_state
key_state(struct place *p, const char *id)
{
	struct archive_key_info info;

	OK(archive_key_info_get(p->f.archive, id, &info, &p->err));
	return info.state;
}

static bool
hold(struct retain *r, const char *text, char id[ID_TEXT_SIZE], struct err *err)
{
	struct json *spec = json_parse(bytes_of_str(text), err);
	bool ok;

	assert_non_null(spec);
	ok = retain_hold_create(r, spec, "ann", id, err);
	json_free(&spec);
	return ok;
}

static bool
hold_on(struct place *p, const char *archive, char id[ID_TEXT_SIZE])
{
	char text[200];

	(void)snprintf(text, sizeof text, IN_ONE, archive, archive);
	return hold(p->retain, text, id, &p->err);
}

static bool
hold_message(struct place *p, uint32_t number, char id[ID_TEXT_SIZE])
{
	struct archive_fixture_message m = message(number);
	char text[200], name[ID_RECORD_TEXT_SIZE];
	struct id_record record;

	archive_fixture_id(&record, &m, 0);
	id_record_format(name, &record);
	(void)snprintf(text, sizeof text,
	    "{\"HoldName\":\"m%u\",\"Reason\":\"r\",\"Scope\":{\"MessageIds\":[\"%s\"]}}", number,
	    name);
	return hold(p->retain, text, id, &p->err);
}

static void
a_hold_forbids_it(void **state)
{
	char id[ID_TEXT_SIZE], all[ID_TEXT_SIZE];
	struct place *p = *state;

	keep(p, 4);
	FAILS(retain_key_destroy(p->retain, "a-none", "ann", &p->err), ERR_NOT_FOUND);
	FAILS(retain_key_destroy(p->retain, "a-two", "ann", &p->err), ERR_BUSY);
	OK(hold_on(p, "a-two", id)); /* is about another one */
	OK(hold_on(p, "a-one", id));
	FAILS(retain_key_destroy(p->retain, "a-one", "ann", &p->err), ERR_REFUSED);
	OK(retain_hold_release(p->retain, id, "over", "ann", &p->err));
	OK(hold(p->retain, IN_ALL, all, &p->err));
	FAILS(retain_key_destroy(p->retain, "a-one", "ann", &p->err), ERR_REFUSED);
	OK(retain_run(p->retain, true, NULL, &p->err));
	assert_int_equal(key_state(p, "a-one"), ARCHIVE_KEY_PRESENT);
	assert_true(is_there(p, 0));
	OK(retain_hold_release(p->retain, all, "over", "ann", &p->err));
	OK(retain_key_destroy(p->retain, "a-one", "ann", &p->err));
	assert_int_equal(key_state(p, "a-one"), ARCHIVE_KEY_DESTROYED);
	assert_false(is_there(p, 0));
	assert_true(is_there(p, 1));
}

/* Afterwards nothing of it can be held, and it does not come back; holds on all are about the others. */
static void
nothing_holds_it_afterwards(void **state)
{
	struct retain_count count;
	struct place *p = *state;
	char id[ID_TEXT_SIZE];

	keep(p, 4);
	OK(retain_key_destroy(p->retain, "a-one", "ann", &p->err));
	OK(retain_key_destroy(p->retain, "a-one", "ann", &p->err)); /* again, nothing changes */
	FAILS(hold_on(p, "a-one", id), ERR_REFUSED);
	FAILS(hold_message(p, 0, id), ERR_NOT_FOUND);
	FAILS(retain_archive_undelete(p->retain, "a-one", 10, &p->err), ERR_REFUSED);
	OK(hold_message(p, 1, id));
	OK(hold(p->retain,
	    "{\"HoldName\":\"s\",\"Reason\":\"r\",\"Mode\":\"STATIC\",\"Scope\":{\"Address\":\"@"
	    "example.net\"}}",
	    id, &p->err));
	OK(retain_run(p->retain, true, NULL, &p->err)); /* freezing is not kept waiting by it */
	OK(retain_hold_current(p->retain, id, &count, &p->err));
	OK(hold_on(p, "a-two", id));
}

/* The 30 days count from the deletion, not from the destruction of the keys; then the row goes, too. */
static void
the_rest_goes_in_time(void **state)
{
	struct place *p = *state;
	struct archive_stats stats;

	keep(p, 4);
	for (int i = 0; i < 2; i++) {
		p->f.now.now_ms += 20 * RETAIN_DAY_MS;
		p->f.now.mono_ms += 20 * RETAIN_DAY_MS;
		if (i == 0)
			OK(retain_key_destroy(p->retain, "a-one", "ann", &p->err));
		OK(retain_run(p->retain, true, NULL, &p->err));
		assert_int_equal(archive_stats_get(p->f.archive, "a-one", &stats, &p->err), i == 0);
	}
	assert_true(is_there(p, 1));
}

/* Decided, and then the disk fails, or the power does: it is done by the next round, whoever holds what by then. */
static void
what_was_decided_is_done(void **state)
{
	static const enum os_call calls[] = {OS_CALL_WRITE, OS_CALL_SYNC, OS_CALL_RENAME};
	struct place *p = *state;
	char name[16], id[ID_TEXT_SIZE], text[200];

	for (unsigned i = 0; i < sizeof calls / sizeof calls[0]; i++) {
		struct os_failure failure = {.call = calls[i], .nth = 1, .sys_errno = EIO};

		(void)snprintf(name, sizeof name, "a-try%u", i);
		archive_make(p, name, "PENDING_DELETION");
		os_fs_failing_arm(p->failing, &failure);
		assert_false(retain_key_destroy(p->retain, name, "ann", &p->err));
		os_fs_failing_disarm(p->failing);
		(void)snprintf(text, sizeof text, IN_ONE, name, name);
		FAILS(hold(p->retain, text, id, &p->err), ERR_REFUSED);
		(void)snprintf(text, sizeof text,
		    "{\"HoldName\":\"all%u\",\"Reason\":\"r\",\"Scope\":{\"Address\":\"a@example."
		    "net\"}}",
		    i);
		OK(hold(p->retain, text, id, &p->err));
		archive_close(&p->f.archive); /* a start in between */
		OK(archive_fixture_open(&p->f, &p->err));
		retain_start(p);
		OK(retain_run(p->retain, false, NULL, &p->err));
		assert_int_equal(key_state(p, name), ARCHIVE_KEY_DESTROYED);
		OK(retain_hold_release(p->retain, id, "over", "ann", &p->err));
	}
}

struct racer {
	struct place *p;
	pthread_barrier_t *line;
	unsigned round;
	bool done;
};

static void *
race_hold(void *ctx)
{
	struct racer *r = ctx;
	char text[200], name[16], id[ID_TEXT_SIZE];
	struct err err;

	(void)snprintf(name, sizeof name, "a-race%u", r->round);
	(void)snprintf(text, sizeof text, IN_ONE, name, name);
	(void)pthread_barrier_wait(r->line);
	r->done = hold(r->p->retain, text, id, &err);
	return NULL;
}

/* At the same moment: the hold is there, or the key is gone. */
static void
one_of_the_two_wins(void **state)
{
	struct place *p = *state;
	unsigned holds = 0;

	for (unsigned i = 0; i < RACES; i++) {
		pthread_barrier_t line;
		struct racer r = {p, &line, i, false};
		pthread_t thread;
		struct err err;
		bool destroyed;
		char name[16];

		(void)snprintf(name, sizeof name, "a-race%u", i);
		archive_make(p, name, "PENDING_DELETION");
		assert_int_equal(pthread_barrier_init(&line, NULL, 2), 0);
		assert_int_equal(pthread_create(&thread, NULL, race_hold, &r), 0);
		(void)pthread_barrier_wait(&line);
		destroyed = retain_key_destroy(p->retain, name, "ann", &err);
		assert_int_equal(pthread_join(thread, NULL), 0);
		(void)pthread_barrier_destroy(&line);
		assert_int_not_equal(destroyed, r.done);
		assert_int_equal(
		    key_state(p, name), destroyed ? ARCHIVE_KEY_DESTROYED : ARCHIVE_KEY_PRESENT);
		holds += r.done;
	}
	print_message("          (%u of %u times the hold)\n", holds, RACES);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(a_hold_forbids_it, begin, end),
	    cmocka_unit_test_setup_teardown(nothing_holds_it_afterwards, begin, end),
	    cmocka_unit_test_setup_teardown(the_rest_goes_in_time, begin, end),
	    cmocka_unit_test_setup_teardown(what_was_decided_is_done, begin, end),
	    cmocka_unit_test_setup_teardown(one_of_the_two_wins, begin, end),
	};

	log_set_level(LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
