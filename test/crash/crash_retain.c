/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tier T0 of destruction: power is lost before every single operation on the disk while expired, held and erased
 * messages are dealt with, in every way a disk may be found afterwards; the catalog is what it was at that moment.
 *
 *   crash_retain [--faults] [--expect-failure]
 *
 * With --faults every single call on the disk fails once instead (tier T4), before, in the middle or after it was done;
 * then there is another round, and another process.
 *
 * After recovery what had to stay is there, whole. After another round everything that had to go is gone, and the
 * certificates list each of those messages once. docs/formats/retention.md, invariants 1 to 4.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "archive_fixture.h"
#include "base_limits.h"
#include "base_log.h"
#include "base_mem.h"
#include "base_time.h"
#include "os_fs_failing.h"
#include "retain.h"

#define ARCHIVE   "a-one"
#define MESSAGES  14u
#define PATH_MAX_ 256

/* What becomes of a message. */
enum fate { FATE_STAYS, FATE_EXPIRES, FATE_HELD, FATE_ERASED };

static const struct {
	int year, month, day;
	enum fate fate;
} MAIL[MESSAGES] = {
    /* one pack each month: goes whole, is held in part, is partly over */
    {2025, 11, 3, FATE_EXPIRES},
    {2025, 11, 9, FATE_EXPIRES},
    {2025, 11, 20, FATE_EXPIRES},
    {2025, 12, 2, FATE_EXPIRES},
    {2025, 12, 3, FATE_HELD},
    {2025, 12, 24, FATE_EXPIRES},
    {2025, 12, 25, FATE_EXPIRES},
    {2026, 1, 1, FATE_EXPIRES},
    {2026, 1, 5, FATE_EXPIRES},
    {2026, 1, 20, FATE_STAYS},
    {2026, 1, 21, FATE_ERASED},
    {2026, 1, 22, FATE_STAYS},
    {2026, 1, 23, FATE_STAYS},
    {2026, 1, 24, FATE_ERASED},
};

struct world {
	struct archive_fixture f;
	struct catalog *catalog;
	struct retain *retain;
	struct crypt_keys *keys;
	char folder[64];
	uint64_t states, operations;
	bool checking, broken;
	struct os_fs_failing *failing; /* --faults */
	struct os_failure failure;
	uint64_t faults;
};

static void
silent(void *ctx, enum log_level level, const char *line)
{
	(void)ctx;
	(void)level;
	(void)line;
}

static int64_t
day_ms(int year, int month, int day)
{
	struct time_civil c = {.year = year, .month = month, .day = day, .hour = 12};

	return time_civil_ms(&c);
}

static struct archive_fixture_message
message_at(unsigned i)
{
	return (struct archive_fixture_message){.number = i,
	    .received_ms = day_ms(MAIL[i].year, MAIL[i].month, MAIL[i].day),
	    .body_bytes = 300 + 40 * i,
	    .archive_ids = {ARCHIVE}};
}

static void
id_text(unsigned i, char out[ID_RECORD_TEXT_SIZE])
{
	struct archive_fixture_message m = message_at(i);
	struct id_record id;

	archive_fixture_id(&id, &m, 0);
	id_record_format(out, &id);
}

static bool
catalog_at(struct world *w, const char *name, struct err *err)
{
	char path[PATH_MAX_];
	struct rng rng = rng_system();

	(void)snprintf(path, sizeof path, "%s/%s", w->folder, name);
	return catalog_open(path, w->keys, &rng, &w->catalog, err);
}

static bool
retain_at(struct world *w, struct err *err)
{
	struct retain_options o = {.catalog = w->catalog,
	    .archive = w->f.archive,
	    .clock = clock_fixed(&w->f.now),
	    .rng = rng_system()};

	return retain_open(&o, &w->retain, err);
}

static bool
archive_row(struct world *w, struct err *err)
{
	struct catalog_row row = {.kind = CATALOG_ARCHIVE,
	    .id = ARCHIVE,
	    .name = "one",
	    .state = "ACTIVE",
	    .created_ms = w->f.now.now_ms,
	    .updated_ms = w->f.now.now_ms,
	    .document = BYTES_LIT("{\"ArchiveName\":\"one\",\"Retention\":{\"RetentionPeriod\":"
				  "\"THREE_MONTHS\"}}")};

	if (!catalog_begin(w->catalog, err))
		return false;
	if (catalog_insert(w->catalog, &row, err))
		return catalog_commit(w->catalog, err);
	catalog_rollback(w->catalog);
	return false;
}

static bool
mail_keep(struct world *w, struct err *err)
{
	for (unsigned i = 0; i < MESSAGES; i++) {
		struct archive_fixture_message m = message_at(i);

		w->f.now.mono_ms += m.received_ms - w->f.now.now_ms;
		w->f.now.now_ms = m.received_ms;
		if (!archive_fixture_keep(&w->f, &m, err))
			return false;
		if ((i + 1 == MESSAGES || MAIL[i + 1].month != MAIL[i].month) &&
		    !archive_seal(w->f.archive, true, err))
			return false;
	}
	return true;
}

static bool
wishes_make(struct world *w, struct err *err)
{
	for (unsigned i = 0; i < MESSAGES; i++) {
		char message[ID_RECORD_TEXT_SIZE], id[ID_TEXT_SIZE], text[256];
		struct json *spec;
		bool ok;

		id_text(i, message);
		if (MAIL[i].fate == FATE_HELD) {
			(void)snprintf(text, sizeof text,
			    "{\"HoldName\":\"case\",\"Reason\":\"r\",\"Scope\":{\"MessageIds\":["
			    "\"%s\"]}}",
			    message);
			spec = json_parse(bytes_of_str(text), err);
			ok = spec != NULL && retain_hold_create(w->retain, spec, "root", id, err);
			json_free(&spec);
		} else if (MAIL[i].fate == FATE_ERASED) {
			ok = retain_erasure_request(w->retain, message, "r", "root", id, err) &&
			     retain_erasure_decide(w->retain, id, true, "root", err);
		} else {
			ok = true;
		}
		if (!ok)
			return false;
	}
	return true;
}

static bool
wrong(struct world *w, const char *what)
{
	printf("broken: %s\n", what);
	w->broken = true;
	return false;
}

/* done: everything that had to go is gone. Otherwise only what had to stay is looked for. */
static bool
messages_check(struct world *w, bool done)
{
	for (unsigned i = 0; i < MESSAGES; i++) {
		struct archive_fixture_message m = message_at(i);
		const char *trouble = archive_fixture_check(&w->f, &m);
		bool stays = MAIL[i].fate == FATE_STAYS || MAIL[i].fate == FATE_HELD;
		bool absent = trouble != NULL && strcmp(trouble, "not there") == 0;

		if (trouble != NULL && (stays || !absent))
			return wrong(w, trouble);
		if (done && !stays && !absent)
			return wrong(w, "what had to go is there");
	}
	return true;
}

struct certified {
	struct world *w;
	unsigned seen[MESSAGES];
	bool open;
};

static bool
disposition_look(struct certified *c, const char *id, struct err *err)
{
	struct json *records = json_new_array();
	bool more = true, ok = true;

	for (uint32_t page = 0; ok && more; page++)
		ok = retain_certificate(c->w->retain, id, page, records, &more, err);

	for (size_t k = 0; ok && k < json_count(records); k++)
		for (unsigned i = 0; i < MESSAGES; i++) {
			char text[ID_RECORD_TEXT_SIZE];

			id_text(i, text);
			c->seen[i] += strcmp(text, json_get_str(json_at(records, k),
						       "ArchivedMessageId")) == 0;
		}
	json_free(&records);
	return ok;
}

static bool
certificates_check(struct world *w, struct err *err)
{
	struct certified c = {.w = w};
	struct catalog_row rows[16];
	struct arena arena;
	size_t count = 0;
	bool ok;

	arena_init(&arena);
	ok = catalog_begin(w->catalog, err) && catalog_list(w->catalog, CATALOG_DISPOSITION, NULL,
						   NULL, 16, &arena, rows, &count, err);
	catalog_rollback(w->catalog);
	for (size_t i = 0; ok && i < count; i++)
		ok = (strcmp(rows[i].state, "COMPLETED") == 0 ||
			 wrong(w, "a disposition is not completed")) &&
		     disposition_look(&c, rows[i].id, err);
	arena_fini(&arena);
	for (unsigned i = 0; ok && i < MESSAGES; i++)
		if (c.seen[i] != (MAIL[i].fate == FATE_EXPIRES))
			ok = wrong(w, c.seen[i] == 0 ? "destroyed, and in no certificate"
						     : "in a certificate, and should not be");
	return ok;
}

static void
problem(void *ctx, const char *what)
{
	(void)wrong(ctx, what);
}

static bool
state_run(struct world *w)
{
	uint64_t checked;
	struct err err;
	bool ok;

	ok = archive_fixture_open(&w->f, &err) && catalog_at(w, "copy.db", &err) &&
	     retain_at(w, &err);
	if (!ok)
		return wrong(w, err.msg);
	if (w->f.recovery.corrupt_packs > 0 || w->f.recovery.corrupt_records > 0)
		return wrong(w, "recovery speaks of damage where there was a crash only");
	if (!messages_check(w, false))
		return false;
	if (!retain_run(w->retain, true, NULL, &err) ||
	    !archive_verify(w->f.archive, NULL, NULL, problem, w, &checked, &err))
		return wrong(w, err.msg);
	return messages_check(w, true) && (certificates_check(w, &err) || wrong(w, err.msg));
}

static bool
state_check(struct world *w, struct os_fs_memory *disk)
{
	struct world again = {.keys = w->keys};
	bool ok;

	memcpy(again.folder, w->folder, sizeof again.folder);
	archive_fixture_init(&again.f, disk, 99);
	again.f.now = w->f.now;
	again.f.now.mono_ms = 5;
	again.f.log_file_bytes = w->f.log_file_bytes;
	ok = state_run(&again);
	retain_close(&again.retain);
	if (again.catalog != NULL)
		catalog_close(&again.catalog);
	archive_fixture_fini(&again.f);
	w->broken = w->broken || again.broken || !ok;
	return ok;
}

/* The catalog's files as they are; every commit before this moment is in them. */
static bool
catalog_copy(struct world *w)
{
	static const char *const ends[] = {"", "-wal"};
	struct os_fs fs = os_fs_real();

	for (size_t i = 0; i < 2; i++) {
		char from[PATH_MAX_], to[PATH_MAX_];
		struct os_stat st;
		struct buf data;
		struct err err;
		bool ok;

		(void)snprintf(from, sizeof from, "%s/catalog.db%s", w->folder, ends[i]);
		(void)snprintf(to, sizeof to, "%s/copy.db%s", w->folder, ends[i]);
		if (os_fs_stat(fs, to, &st, &err) && !os_fs_unlink(fs, to, &err))
			return wrong(w, err.msg);
		if (!os_fs_stat(fs, from, &st, &err))
			continue;
		buf_init(&data, 64 * LIMIT_MIB);
		ok = os_fs_read_file(fs, from, 64 * LIMIT_MIB, &data, &err) &&
		     os_fs_write_file(fs, to, buf_view(&data), &err);
		buf_fini(&data);
		if (!ok)
			return wrong(w, err.msg);
	}
	return true;
}

static void
before_operation(void *ctx, struct os_fs_memory *m, uint64_t index, const char *operation)
{
	struct world *w = ctx;

	if (!w->checking || w->broken)
		return;
	w->operations++;
	for (int mode = 0; mode < OS_CRASH_MODES && !w->broken; mode++) {
		w->states++;
		if (!catalog_copy(w) ||
		    !state_check(w, os_fs_memory_crash(m, (enum os_crash)mode, index * 31 + 7)))
			printf("broken before operation %llu (%s), %s\n",
			    (unsigned long long)w->operations, operation,
			    os_crash_name((enum os_crash)mode));
	}
}

/* A round in which one call fails; two hours later there are two more; then another process looks. */
static bool
faulty_round(struct world *w, struct err *err)
{
	bool ok;

	os_fs_failing_arm(w->failing, &w->failure);
	(void)retain_run(w->retain, true, NULL, err);
	w->faults = os_fs_failing_failed(w->failing);
	os_fs_failing_disarm(w->failing);
	if (!messages_check(w, false))
		return false;
	w->f.now.now_ms += 2 * 3600000;
	w->f.now.mono_ms += 2 * 3600000;
	(void)retain_run(w->retain, true, NULL, err); /* what was off comes to its end */
	ok = retain_run(w->retain, true, NULL, err);
	if (!ok || !messages_check(w, true))
		return wrong(w, ok ? "not done" : err->msg);
	archive_close(&w->f.archive);
	retain_close(&w->retain);
	return (archive_fixture_open(&w->f, err) && retain_at(w, err)) || wrong(w, err->msg);
}

static bool
run(struct world *w, struct err *err)
{
	bool ok;

	archive_fixture_init(&w->f, NULL, 1);
	w->f.log_file_bytes = 64 * 1024;
	w->keys = w->f.keys;
	if (w->failure.nth > 0) {
		w->failing = os_fs_failing_new(w->f.fs);
		w->f.fs = os_fs_failing(w->failing);
	} else {
		os_fs_memory_set_hook(w->f.disk, before_operation, w);
	}
	w->f.now.now_ms = day_ms(2025, 11, 1);
	ok = archive_fixture_open(&w->f, err) && archive_create(w->f.archive, ARCHIVE, err) &&
	     catalog_at(w, "catalog.db", err) && archive_row(w, err) && retain_at(w, err) &&
	     mail_keep(w, err) && wishes_make(w, err);
	/* Three months and ten days after New Year, spent awake. */
	w->f.now.mono_ms += day_ms(2026, 4, 10) - w->f.now.now_ms;
	w->f.now.now_ms = day_ms(2026, 4, 10);
	ok = ok && retain_clock_tick(w->retain, err);
	w->checking = true;
	ok = ok &&
	     (w->failing != NULL ? faulty_round(w, err) : retain_run(w->retain, true, NULL, err));
	w->checking = false;
	return ok && !w->broken && messages_check(w, true) && certificates_check(w, err);
}

/* One world from its beginning to its end. */
static bool
world_play(struct world *w)
{
	char command[96];
	struct err err = {0};
	bool ok;

	(void)snprintf(w->folder, sizeof w->folder, "/tmp/daybook-crash-XXXXXX");
	if (mkdtemp(w->folder) == NULL)
		return false;
	ok = run(w, &err);
	if (!ok && !w->broken)
		printf("broken: %s\n", err.msg);
	retain_close(&w->retain);
	if (w->catalog != NULL)
		catalog_close(&w->catalog);
	archive_fixture_fini(&w->f);
	os_fs_failing_free(&w->failing);
	(void)snprintf(command, sizeof command, "rm -rf '%s'", w->folder);
	return system(command) == 0 && ok;
}

static bool
power_play(void)
{
	struct world *w = mem_calloc(1, sizeof *w);
	bool ok = world_play(w);

	printf("durability t0-retain operations=%llu states=%llu broken=%d\n",
	    (unsigned long long)w->operations, (unsigned long long)w->states, ok ? 0 : 1);
	mem_free(w);
	return ok;
}

static bool
faults_play(void)
{
	static const enum os_fail_how hows[] = {OS_FAIL_BEFORE, OS_FAIL_PARTLY, OS_FAIL_AFTER};
	uint64_t faults = 0, worlds = 0;
	bool ok = true;

	for (size_t how = 0; ok && how < sizeof hows / sizeof hows[0]; how++)
		for (uint64_t nth = 1, hit = 1; ok && hit > 0; nth += nth < 60 ? 1 : 3) {
			struct world *w = mem_calloc(1, sizeof *w);

			w->failure = (struct os_failure){.call = OS_CALL_ANY,
			    .nth = nth,
			    .sys_errno = nth % 2 == 0 ? ENOSPC : EIO,
			    .how = hows[how]};
			ok = world_play(w);
			if (!ok)
				printf("broken by call %llu failing, way %zu\n",
				    (unsigned long long)nth, how);
			hit = w->faults;
			faults += hit;
			worlds++;
			mem_free(w);
		}
	printf("durability t4-retain worlds=%llu faults=%llu broken=%d\n",
	    (unsigned long long)worlds, (unsigned long long)faults, ok ? 0 : 1);
	return ok;
}

int
main(int argc, char **argv)
{
	bool expect_failure = false, faults = false;

	for (int i = 1; i < argc; i++) {
		expect_failure = expect_failure || strcmp(argv[i], "--expect-failure") == 0;
		faults = faults || strcmp(argv[i], "--faults") == 0;
	}
	log_set_sink(silent, NULL);
	return (faults ? faults_play() : power_play()) == expect_failure;
}
