/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One bit at a time, anywhere in a data directory: packs, intake log, keys of archives, audit log. Whatever flips is
 * found by opening or by checking, or changes nothing (the unused end of a log file, the second copy of a header); and
 * no byte is ever given out that was not received.
 *
 * crash_flip [--flips N] [--seed N]
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "archive_fixture.h"
#include "audit.h"
#include "base_limits.h"
#include "base_log.h"

#define MESSAGES      18u
#define SEALED        14u
#define AUDIT_RECORDS 12u
#define FILES_MAX     64u

struct file {
	char path[192];
	uint64_t size;
};

struct world {
	struct archive_fixture f;
	struct file files[FILES_MAX];
	size_t count;
	uint64_t bytes;
	/* of all flips */
	unsigned flips, found, harmless, unreadable;
};

static const struct archive_fixture_message *
message(unsigned number, struct archive_fixture_message *m)
{
	*m = (struct archive_fixture_message){.number = number,
	    .received_ms = INT64_C(1790000000000) + number,
	    .body_bytes = 300 + number * 97 % 2000,
	    .archive_ids = {number % 2 == 0 ? "a-one" : "a-two", NULL}};
	return m;
}

/* --- a data directory -------------------------------------------------------------------------------------- */

struct listing {
	struct world *w;
	const char *dir;
};

static void list_dir(struct world *w, const char *dir);

static bool
list_entry(void *ctx, const char *name)
{
	struct listing *l = ctx;
	struct os_stat st;
	struct err err;
	char path[192];

	(void)snprintf(path, sizeof path, "%s/%s", l->dir, name);
	assert_true(os_fs_stat(l->w->f.fs, path, &st, &err));
	if (st.kind == OS_KIND_DIR) {
		list_dir(l->w, path);
	} else if (st.size_bytes > 0) {
		assert_true(l->w->count < FILES_MAX);
		(void)snprintf(
		    l->w->files[l->w->count].path, sizeof l->w->files[0].path, "%s", path);
		l->w->files[l->w->count++].size = st.size_bytes;
		l->w->bytes += st.size_bytes;
	}
	return true;
}

static void
list_dir(struct world *w, const char *dir)
{
	struct listing l = {w, dir};
	struct err err;

	assert_true(os_fs_list(w->f.fs, dir, list_entry, &l, &err));
}

static bool
audit_start(
    struct archive_fixture *f, struct audit **out, struct audit_recovery *found, struct err *err)
{
	struct audit_options o = {.fs = f->fs,
	    .dir = "/data/audit",
	    .keys = f->keys,
	    .clock = clock_fixed(&f->now),
	    .rng = f->rng,
	    .file_bytes = 1500};

	return audit_open(&o, out, found, err);
}

static void
record_of(unsigned n, struct audit_record *r, char text[32])
{
	(void)snprintf(text, 32, "{\"Number\":%u}", n);
	*r = (struct audit_record){.at_ms = n,
	    .count = 1,
	    .operation = BYTES_LIT("MailManagerSvc.ListArchives"),
	    .result = BYTES_LIT("ok"),
	    .parameters = bytes_of_str(text)};
}

static void
world_make(struct world *w, uint64_t seed)
{
	struct archive_fixture_message m;
	struct audit_recovery found;
	struct audit_record r;
	struct audit *audit;
	struct err err;
	char text[32];

	memset(w, 0, sizeof *w);
	archive_fixture_init(&w->f, NULL, seed);
	assert_true(archive_fixture_open(&w->f, &err));
	assert_true(archive_create(w->f.archive, "a-one", &err));
	assert_true(archive_create(w->f.archive, "a-two", &err));
	for (unsigned n = 1; n <= MESSAGES; n++) {
		assert_true(archive_fixture_keep(&w->f, message(n, &m), &err));
		if (n == SEALED / 2 || n == SEALED)
			assert_true(archive_seal(w->f.archive, true, &err));
	}
	archive_close(&w->f.archive);
	assert_true(audit_start(&w->f, &audit, &found, &err));
	for (unsigned n = 1; n <= AUDIT_RECORDS; n++) {
		record_of(n, &r, text);
		assert_true(audit_append(audit, &r, true, &err));
	}
	audit_close(&audit);
	list_dir(w, "/data");
}

/* --- one flip ---------------------------------------------------------------------------------------------- */

static void
flip(struct os_fs fs, const char *path, uint64_t bit)
{
	struct os_file *file;
	struct err err;
	uint8_t byte;

	assert_true(os_fs_open(fs, path, OS_OPEN_READ_WRITE, &file, &err));
	assert_true(os_file_read_exact(file, bit / 8, &byte, 1, &err));
	byte ^= (uint8_t)(1u << bit % 8);
	assert_true(os_file_write_at(file, bit / 8, bytes_of(&byte, 1), &err));
	assert_true(os_file_sync(file, &err));
	assert_true(os_file_close(&file, &err));
}

static void
problem_count(void *ctx, const char *what)
{
	unsigned *count = ctx;

	(void)what;
	(*count)++;
}

/* How many messages cannot be read; wrong bytes end the test. */
static unsigned
messages_look(struct archive_fixture *f, const char *where)
{
	struct archive_fixture_message m;
	unsigned unreadable = 0;

	for (unsigned n = 1; n <= MESSAGES; n++) {
		struct pack_row row;
		struct buf want, got;
		struct arena arena;
		const char *archive_id;
		struct id_record id;
		struct err err;

		message(n, &m);
		arena_init(&arena);
		buf_init(&want, LIMIT_MIB);
		buf_init(&got, SMTP_MESSAGE_BYTES_CEIL + 64 * LIMIT_MIB);
		archive_fixture_id(&id, &m, 0);
		archive_fixture_body(&want, &m, 0);
		if (!archive_read(f->archive, &id, &arena, &archive_id, &row, &got, &err))
			unreadable++;
		else if (!bytes_equal(buf_view(&want), buf_view(&got)) ||
			 strcmp(archive_id, m.archive_ids[0]) != 0)
			fail_msg(
			    "%s: message %u is given out, and is not what was received", where, n);
		buf_fini(&want);
		buf_fini(&got);
		arena_fini(&arena);
	}
	return unreadable;
}

static bool
archive_finds(struct archive_fixture *f, const char *where, unsigned *unreadable)
{
	unsigned problems = 0;
	uint64_t checked;
	struct err err;

	*unreadable = 0;
	if (!archive_fixture_open(f, &err))
		return true;
	problems += f->recovery.corrupt_packs > 0;
	problems += f->recovery.corrupt_records > 0;
	problems += f->recovery.torn_tail_bytes > 0;
	*unreadable = messages_look(f, where);
	if (!archive_verify(f->archive, NULL, NULL, problem_count, &problems, &checked, &err))
		problems++;
	archive_close(&f->archive);
	return problems > 0;
}

struct audit_look {
	unsigned count;
	bool wrong;
};

static bool
audit_see(void *ctx, const struct audit_record *r)
{
	struct audit_look *l = ctx;
	struct audit_record want;
	char text[32];

	record_of((unsigned)r->sequence, &want, text);
	l->count++;
	l->wrong = l->wrong || r->at_ms != want.at_ms ||
		   !bytes_equal(r->parameters, want.parameters) ||
		   !bytes_equal(r->operation, want.operation);
	return true;
}

static bool
audit_finds(struct archive_fixture *f, const char *where, unsigned *unreadable)
{
	struct audit_look look = {0, false};
	struct audit_recovery found;
	struct audit *audit;
	unsigned problems = 0;
	uint64_t checked;
	struct err err;

	if (!audit_start(f, &audit, &found, &err))
		return true;
	assert_true(audit_list(audit, 0, audit_see, &look, NULL, &err));
	if (look.wrong)
		fail_msg("%s: an audit record is shown that was not written", where);
	*unreadable += AUDIT_RECORDS - look.count;
	if (!audit_verify(audit, NULL, problem_count, &problems, &checked, &err))
		problems++;
	audit_close(&audit);
	return problems > 0 || found.damaged > 0;
}

/* Where a flip may change nothing: log files have an unused end, and their header twice. */
static bool
has_slack(const char *path)
{
	return strncmp(path, "/data/intake/", 13) == 0;
}

static void
play(struct world *w, uint64_t n)
{
	struct rng_seeded seeded = {.state = n};
	struct rng rng = rng_seeded(&seeded);
	/* Every file as often as any other, so that keys and heads are met as well as packs. */
	const struct file *file = &w->files[rng_below(&rng, w->count)];
	uint64_t bit = rng_below(&rng, file->size * 8);
	struct archive_fixture f = w->f;
	unsigned unreadable = 0;
	char where[256];
	bool found;

	(void)snprintf(where, sizeof where, "%s bit %llu", file->path, (unsigned long long)bit);
	f.disk = os_fs_memory_crash(w->f.disk, OS_CRASH_EVERYTHING, 1);
	f.fs = os_fs_memory(f.disk);
	f.rng = rng_seeded(&f.seeded);
	f.archive = NULL;
	flip(f.fs, file->path, bit);
	found = archive_finds(&f, where, &unreadable);
	found = audit_finds(&f, where, &unreadable) || found;
	w->flips++;
	w->found += found;
	w->unreadable += unreadable > 0;
	if (!found && (unreadable > 0 || !has_slack(file->path)))
		fail_msg("%s: not found (%u unreadable)", where, unreadable);
	w->harmless += !found;
	os_fs_memory_free(&f.disk);
}

static unsigned long flips_wanted = 600, seed_wanted = 1;

static void
flips(void **state)
{
	static struct world w;

	(void)state;
	world_make(&w, seed_wanted);
	for (uint64_t n = 0; n < flips_wanted; n++)
		play(&w, seed_wanted * 1000003 + n);
	print_message("durability flips=%u found=%u harmless=%u (unused space of the log) wrong=0; "
		      "%u made something "
		      "unreadable; %zu files, %llu bytes\n",
	    w.flips, w.found, w.harmless, w.unreadable, w.count, (unsigned long long)w.bytes);
	archive_fixture_fini(&w.f);
}

static void
quiet(void *ctx, enum log_level level, const char *line)
{
	(void)ctx;
	(void)level;
	(void)line;
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(flips)};

	for (int i = 1; i + 1 < argc; i += 2) {
		if (strcmp(argv[i], "--flips") == 0)
			flips_wanted = strtoul(argv[i + 1], NULL, 10);
		else if (strcmp(argv[i], "--seed") == 0)
			seed_wanted = strtoul(argv[i + 1], NULL, 10);
	}
	log_set_sink(quiet, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
