/* SPDX-License-Identifier: Apache-2.0 */
/* The audit log: kept, found again, damaged and noticed, crashed at every step, refused by every failing call. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "audit_fixture.h"
#include "crypt_seal.h"
#include "base_log.h"
#include "base_mem.h"
#include "os_fs_failing.h"
#include "os_thread.h"

struct seen {
	unsigned next; /* newest first: the number that must come */
	unsigned count;
	bool wrong;
};

static bool
see(void *ctx, const struct audit_record *r)
{
	struct seen *s = ctx;

	s->wrong = s->wrong || !audit_fixture_is(r, s->next) || r->sequence != s->next;
	s->next--;
	s->count++;
	return true;
}

static void
problem_count(void *ctx, const char *what)
{
	unsigned *count = ctx;

	(void)what;
	(*count)++;
}

static unsigned
problems_of(struct audit *a, uint64_t *checked)
{
	unsigned problems = 0;
	struct err err;

	if (!audit_verify(a, NULL, problem_count, &problems, checked, &err))
		fail_msg("%s", err.msg);
	return problems;
}

static void
open_or_fail(struct audit_fixture *f)
{
	struct err err;

	if (!audit_fixture_open(f, os_fs_memory(f->disk), &err))
		fail_msg("%s", err.msg);
}

static void
keeps_and_finds(void **state)
{
	static const uint64_t sizes[] = {0, 1, 1000, 5000};
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		struct audit_fixture f;
		struct audit_record r;
		struct arena arena;
		struct seen seen = {.next = 60};
		uint64_t checked;

		audit_fixture_begin(&f);
		f.file_bytes = sizes[i];
		open_or_fail(&f);
		for (unsigned n = 1; n <= 60; n++) {
			assert_true(audit_fixture_append(&f, n, n % 5 != 0, &err));
			if (n % 20 == 0) {
				audit_close(&f.audit);
				open_or_fail(&f);
				assert_int_equal(f.found.last_sequence, n);
				assert_int_equal(f.found.damaged, 0);
				assert_int_equal(f.found.torn_bytes, 0);
			}
		}
		assert_true(audit_list(f.audit, 0, see, &seen, NULL, &err));
		assert_int_equal(seen.count, 60);
		assert_false(seen.wrong);
		arena_init(&arena);
		assert_true(audit_get(f.audit, 17, &arena, &r, &err));
		assert_true(audit_fixture_is(&r, 17));
		assert_false(audit_get(f.audit, 61, &arena, &r, &err));
		assert_int_equal(err.code, ERR_NOT_FOUND);
		assert_false(audit_get(f.audit, 0, &arena, &r, &err));
		arena_fini(&arena);
		assert_int_equal(problems_of(f.audit, &checked), 0);
		assert_int_equal(checked, 60);
		audit_fixture_end(&f);
	}
}

static void
pages(void **state)
{
	struct audit_fixture f;
	struct seen seen = {.next = 9};
	struct err err;

	(void)state;
	audit_fixture_begin(&f);
	f.file_bytes = 1000;
	open_or_fail(&f);
	for (unsigned n = 1; n <= 20; n++)
		assert_true(audit_fixture_append(&f, n, true, &err));
	assert_true(audit_list(f.audit, 10, see, &seen, NULL, &err));
	assert_int_equal(seen.count, 9);
	assert_false(seen.wrong);
	audit_fixture_end(&f);
}

/* Invariant 5: too much is refused, whatever it is. */
static void
limits(void **state)
{
	struct audit_fixture f;
	struct audit_record r = {.count = 1};
	uint8_t *much = mem_calloc(1, AUDIT_PARAMETERS_BYTES_MAX + 1);
	struct err err;

	(void)state;
	audit_fixture_begin(&f);
	open_or_fail(&f);
	r.principal = bytes_of(much, AUDIT_TEXT_BYTES_MAX);
	r.parameters = bytes_of(much, AUDIT_PARAMETERS_BYTES_MAX);
	r.resource_count = AUDIT_RESOURCES_MAX;
	for (size_t i = 0; i < AUDIT_RESOURCES_MAX; i++)
		r.resources[i] = bytes_of(much, AUDIT_TEXT_BYTES_MAX);
	assert_true(audit_append(f.audit, &r, true, &err));
	r.parameters.len++;
	assert_false(audit_append(f.audit, &r, true, &err));
	assert_int_equal(err.code, ERR_LIMIT);
	r.parameters.len--;
	r.principal.len++;
	assert_false(audit_append(f.audit, &r, true, &err));
	assert_int_equal(err.code, ERR_LIMIT);
	mem_free(much);
	audit_fixture_end(&f);
}

#define DISK_FILES_MAX 16

struct listing {
	char names[DISK_FILES_MAX][64];
	size_t count;
};

static bool
list_add(void *ctx, const char *name)
{
	struct listing *l = ctx;

	assert_true(l->count < DISK_FILES_MAX);
	(void)snprintf(l->names[l->count++], 64, "/data/audit/%s", name);
	return true;
}

static void
file_flip(struct os_fs fs, const char *path, uint64_t at, uint8_t bit)
{
	struct os_file *file;
	struct err err;
	uint8_t byte;

	assert_true(os_fs_open(fs, path, OS_OPEN_READ_WRITE, &file, &err));
	assert_true(os_file_read_exact(file, at, &byte, 1, &err));
	byte ^= bit;
	assert_true(os_file_write_at(file, at, bytes_of(&byte, 1), &err));
	assert_true(os_file_sync(file, &err));
	assert_true(os_file_close(&file, &err));
}

/* What is shown is what was written, in its place, or it is not shown. */
struct shown {
	unsigned count;
	bool wrong;
};

static bool
show(void *ctx, const struct audit_record *r)
{
	struct shown *s = ctx;

	s->count++;
	s->wrong = s->wrong || !audit_fixture_is(r, (unsigned)r->sequence);
	return true;
}

/* One flipped bit anywhere, noticed by opening or by verifying, and nothing wrong is ever shown. */
static void
flips(void **state)
{
	struct audit_fixture f;
	struct listing l = {.count = 0};
	struct err err;
	struct os_stat st;

	(void)state;
	audit_fixture_begin(&f);
	f.file_bytes = 700;
	open_or_fail(&f);
	for (unsigned n = 1; n <= 9; n++)
		assert_true(audit_fixture_append(&f, n, true, &err));
	audit_close(&f.audit);
	assert_true(os_fs_list(os_fs_memory(f.disk), "/data/audit", list_add, &l, &err));
	for (size_t i = 0; i < l.count; i++) {
		assert_true(os_fs_stat(os_fs_memory(f.disk), l.names[i], &st, &err));
		for (uint64_t at = 0; at < st.size_bytes; at += 3) {
			struct audit_fixture broken = f;
			struct shown shown = {0, false};
			uint64_t checked = 0;
			unsigned problems;

			broken.disk = os_fs_memory_crash(f.disk, OS_CRASH_EVERYTHING, 1);
			file_flip(
			    os_fs_memory(broken.disk), l.names[i], at, (uint8_t)(1u << at % 8));
			if (!audit_fixture_open(&broken, os_fs_memory(broken.disk), &err)) {
				assert_true(err.code == ERR_CORRUPT || err.code == ERR_SEALED ||
					    err.code == ERR_UNSUPPORTED);
			} else {
				problems = problems_of(broken.audit, &checked);
				if (problems == 0)
					fail_msg("%s: the flip at %llu is not found", l.names[i],
					    (unsigned long long)at);
				assert_true(audit_list(broken.audit, 0, show, &shown, NULL, &err));
				assert_false(shown.wrong);
				/* and the log goes on */
				assert_true(audit_fixture_append(&broken, 10, true, &err));
				audit_close(&broken.audit);
			}
			os_fs_memory_free(&broken.disk);
		}
	}
	audit_fixture_end(&f);
}

/* Cut short, a file gone, two files in each other's place: found. */
static void
tampering(void **state)
{
	static const char *const names[] = {"last record cut", "newest file gone",
	    "first file gone", "middle file gone", "files exchanged", "head gone"};
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		struct audit_fixture f;
		struct os_fs fs;
		struct os_file *file;
		uint64_t checked, size;

		audit_fixture_begin(&f);
		f.file_bytes = 700;
		open_or_fail(&f);
		for (unsigned n = 1; n <= 9; n++)
			assert_true(audit_fixture_append(&f, n, true, &err));
		audit_close(&f.audit);
		fs = os_fs_memory(f.disk);
		if (i == 0) {
			assert_true(os_fs_open(
			    fs, "/data/audit/00000003.log", OS_OPEN_READ_WRITE, &file, &err));
			assert_true(os_file_size(file, &size, &err));
			assert_true(os_file_truncate(file, size - 10, &err));
			assert_true(os_file_close(&file, &err));
		} else if (i < 4) {
			static const char *const gone[] = {"/data/audit/00000003.log",
			    "/data/audit/00000001.log", "/data/audit/00000002.log"};

			assert_true(os_fs_unlink(fs, gone[i - 1], &err));
		} else if (i == 4) {
			assert_true(
			    os_fs_rename(fs, "/data/audit/00000001.log", "/data/audit/x", &err));
			assert_true(os_fs_rename(
			    fs, "/data/audit/00000002.log", "/data/audit/00000001.log", &err));
			assert_true(
			    os_fs_rename(fs, "/data/audit/x", "/data/audit/00000002.log", &err));
		} else {
			assert_true(os_fs_unlink(fs, "/data/audit/head", &err));
		}
		open_or_fail(&f);
		if (problems_of(f.audit, &checked) == 0)
			fail_msg("%s: not found", names[i]);
		audit_fixture_end(&f);
	}
}

/* Power loss at every operation: what was promised is there, in its order, and nothing is damaged. */
struct crash {
	struct audit_fixture *f;
	enum os_crash mode;
	uint64_t wanted;
	struct os_fs_memory *disk; /* as it was found */
	unsigned promised;
	unsigned promised_then;
};

static void
crash_hook(void *ctx, struct os_fs_memory *m, uint64_t index, const char *operation)
{
	struct crash *c = ctx;

	(void)operation;
	if (index == c->wanted && c->disk == NULL) {
		c->disk = os_fs_memory_crash(m, c->mode, index * 31 + 5);
		c->promised_then = c->promised;
	}
}

static void
crash_play(struct crash *c)
{
	struct err err;

	open_or_fail(c->f);
	for (unsigned n = 1; n <= 12; n++) {
		bool durable = n % 3 != 0;

		assert_true(audit_fixture_append(c->f, n, durable, &err));
		if (durable)
			c->promised = n;
	}
	audit_close(&c->f->audit);
	c->promised = 12;
}

static void
crash_look(struct crash *c)
{
	struct audit_fixture after = *c->f;
	struct shown shown = {0, false};
	uint64_t checked;
	struct err err;

	after.disk = c->disk;
	if (!audit_fixture_open(&after, os_fs_memory(after.disk), &err))
		fail_msg("%s at %llu: %s", os_crash_name(c->mode), (unsigned long long)c->wanted,
		    err.msg);
	assert_true(audit_list(after.audit, 0, show, &shown, NULL, &err));
	assert_false(shown.wrong);
	if (shown.count < c->promised_then || after.found.damaged > 0 ||
	    problems_of(after.audit, &checked) > 0)
		fail_msg("%s at %llu: %u of %u, %llu damaged", os_crash_name(c->mode),
		    (unsigned long long)c->wanted, shown.count, c->promised_then,
		    (unsigned long long)after.found.damaged);
	assert_true(audit_fixture_append(&after, shown.count + 1, true, &err));
	assert_int_equal(problems_of(after.audit, &checked), 0);
	assert_int_equal(checked, shown.count + 1);
	audit_close(&after.audit);
	os_fs_memory_free(&after.disk);
}

static void
crashes(void **state)
{
	(void)state;
	for (int mode = 0; mode < OS_CRASH_MODES; mode++) {
		bool more = true;

		for (uint64_t at = 0; more; at++) {
			struct audit_fixture f;
			struct crash c = {.f = &f, .mode = (enum os_crash)mode, .wanted = at};

			audit_fixture_begin(&f);
			f.file_bytes = 900;
			os_fs_memory_set_hook(f.disk, crash_hook, &c);
			crash_play(&c);
			more = c.disk != NULL;
			if (more)
				crash_look(&c);
			audit_fixture_end(&f);
		}
	}
}

/* Every call failing once, in three ways: refused or kept, never in between. */
static void
failing_calls(void **state)
{
	static const int errors[] = {EIO, ENOSPC};
	struct err err;

	(void)state;
	for (size_t e = 0; e < sizeof errors / sizeof errors[0]; e++)
		for (int how = OS_FAIL_BEFORE; how <= OS_FAIL_AFTER; how++)
			for (uint64_t nth = 1; nth < 60; nth++) {
				struct audit_fixture f;
				struct os_fs_failing *disk;
				struct shown shown = {0, false};
				unsigned kept = 0, tries = 0;
				uint64_t checked;

				audit_fixture_begin(&f);
				f.file_bytes = 700;
				disk = os_fs_failing_new(os_fs_memory(f.disk));
				os_fs_failing_arm(disk, &(struct os_failure){.call = OS_CALL_ANY,
							    .nth = nth,
							    .sys_errno = errors[e],
							    .how = (enum os_fail_how)how});
				if (audit_fixture_open(&f, os_fs_failing(disk), &err)) {
					while (kept < 8 && tries++ < 12 && !audit_failed(f.audit))
						kept +=
						    audit_fixture_append(&f, kept + 1, true, &err);
					audit_close(&f.audit);
				}
				os_fs_failing_disarm(disk);
				open_or_fail(&f);
				assert_true(audit_list(f.audit, 0, show, &shown, NULL, &err));
				if (shown.wrong || shown.count < kept || f.found.damaged > 0 ||
				    problems_of(f.audit, &checked) > 0)
					fail_msg("error %d how %d call %llu: %u shown, %u kept",
					    errors[e], how, (unsigned long long)nth, shown.count,
					    kept);
				audit_close(&f.audit);
				os_fs_failing_free(&disk);
				audit_fixture_end(&f);
			}
}

#define THREADS    4
#define PER_THREAD 200u

struct writer {
	struct audit_fixture *f;
	bool ok;
};

static void *
write_many(void *ctx)
{
	struct writer *w = ctx;
	struct err err;

	w->ok = true;
	for (unsigned n = 0; n < PER_THREAD; n++)
		w->ok = w->ok && audit_fixture_append(w->f, n, n % 4 == 0, &err);
	return NULL;
}

static void
many_threads(void **state)
{
	struct audit_fixture f;
	struct writer writers[THREADS];
	pthread_t threads[THREADS];
	struct audit_options o;
	uint64_t checked;
	struct err err;

	(void)state;
	audit_fixture_begin(&f);
	o = (struct audit_options){.fs = os_fs_memory(f.disk),
	    .dir = "/data/audit",
	    .keys = f.keys,
	    .clock = clock_system(),
	    .rng = rng_system(),
	    .threads = true,
	    .file_bytes = 20000};
	assert_true(audit_open(&o, &f.audit, &f.found, &err));
	for (size_t i = 0; i < THREADS; i++) {
		writers[i] = (struct writer){&f, false};
		assert_true(os_thread_start(&threads[i], "writer", write_many, &writers[i], &err));
	}
	for (size_t i = 0; i < THREADS; i++) {
		os_thread_join(threads[i]);
		assert_true(writers[i].ok);
	}
	assert_true(audit_sync(f.audit, &err));
	assert_int_equal(problems_of(f.audit, &checked), 0);
	assert_int_equal(checked, THREADS * PER_THREAD);
	audit_fixture_end(&f);
}

/* A clock by which a minute is over whenever somebody looks, so that the head moves with every turn of the thread. */
static int64_t
hurried_ms(void *ctx)
{
	return atomic_fetch_add((atomic_llong *)ctx, 60000);
}

static bool
append_lazily(void *ctx)
{
	struct err err;

	return audit_fixture_append(ctx, 1, false, &err);
}

struct looker {
	struct audit_fixture *f;
	atomic_bool over;
	uint64_t problems;
};

static void *
look_on(void *ctx)
{
	struct looker *l = ctx;
	uint64_t checked;

	while (!atomic_load(&l->over)) {
		l->problems += problems_of(l->f->audit, &checked);
		if (!append_lazily(l->f))
			l->problems++;
	}
	return NULL;
}

/* The log is read whole while it grows, and while its own thread moves head and proof log on. */
static void
read_while_written(void **state)
{
	struct audit_fixture f;
	struct looker l = {.f = &f};
	struct audit_options o;
	atomic_llong time = 1000;
	struct buf head, first;
	pthread_t thread;
	struct err err;
	uint64_t checked;
	bool moved = false;

	(void)state;
	audit_fixture_begin(&f);
	o = (struct audit_options){.fs = os_fs_memory(f.disk),
	    .dir = "/data/audit",
	    .keys = f.keys,
	    .clock = {hurried_ms, hurried_ms, &time},
	    .rng = rng_system(),
	    .threads = true};
	buf_init(&head, 4096);
	buf_init(&first, 4096);
	assert_true(audit_open(&o, &f.audit, &f.found, &err));
	assert_true(os_fs_read_file(o.fs, "/data/audit/head", 4096, &first, &err));
	assert_true(os_thread_start(&thread, "looker", look_on, &l, &err));
	for (unsigned n = 0; !moved && n < 1000000; n++) {
		assert_true(audit_fixture_append(&f, n, true, &err));
		assert_int_equal(problems_of(f.audit, &checked), 0);
		buf_reset(&head);
		assert_true(os_fs_read_file(o.fs, "/data/audit/head", 4096, &head, &err));
		moved = !bytes_equal(buf_view(&head), buf_view(&first));
	}
	atomic_store(&l.over, true);
	os_thread_join(thread);
	assert_true(moved);
	assert_int_equal(l.problems, 0);
	buf_fini(&head);
	buf_fini(&first);
	audit_fixture_end(&f);
}

static void
another_key(void **state)
{
	struct audit_fixture f, other;
	struct err err;

	(void)state;
	audit_fixture_begin(&f);
	open_or_fail(&f);
	assert_true(audit_fixture_append(&f, 1, true, &err));
	audit_close(&f.audit);
	audit_fixture_begin(&other);
	other.seed.state = 99;
	crypt_keys_free(&other.keys);
	{
		struct secret *key = secret_random(CRYPT_KEY_BYTES, &other.rng);

		other.keys = crypt_keys_new(key, &other.rng);
		secret_free(&key);
	}
	assert_false(audit_fixture_open(&other, os_fs_memory(f.disk), &err));
	assert_int_equal(err.code, ERR_SEALED);
	audit_fixture_end(&other);
	audit_fixture_end(&f);
}

/* The key file is replaced: the log's key is wrapped anew at the first start that has both. */
static void
another_key_takes_over(void **state)
{
	struct secret *key, *old;
	struct audit_fixture f;
	struct crypt_keys *mine;
	struct err err;

	(void)state;
	audit_fixture_begin(&f);
	mine = f.keys;
	key = secret_random(CRYPT_KEY_BYTES, &f.rng);
	old = secret_random(CRYPT_KEY_BYTES, &f.rng);
	f.keys = crypt_keys_new(old, &f.rng);
	open_or_fail(&f);
	assert_true(audit_fixture_append(&f, 1, true, &err));
	audit_close(&f.audit);
	crypt_keys_free(&f.keys);
	for (unsigned turn = 0; turn < 3; turn++) {
		f.keys = turn < 2 ? crypt_keys_pair(
					crypt_keys_new(key, &f.rng), crypt_keys_new(old, &f.rng))
				  : crypt_keys_new(key, &f.rng);
		open_or_fail(&f);
		assert_true(audit_fixture_append(&f, 2 + turn, true, &err));
		audit_close(&f.audit);
		crypt_keys_free(&f.keys);
	}
	f.keys = crypt_keys_new(old, &f.rng);
	assert_false(audit_fixture_open(&f, os_fs_memory(f.disk), &err));
	assert_int_equal(err.code, ERR_SEALED);
	crypt_keys_free(&f.keys);
	f.keys = mine;
	secret_free(&key);
	secret_free(&old);
	audit_fixture_end(&f);
}

/* Damage is said in the log, thousands of times here. */
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
	    cmocka_unit_test(keeps_and_finds),
	    cmocka_unit_test(pages),
	    cmocka_unit_test(limits),
	    cmocka_unit_test(flips),
	    cmocka_unit_test(tampering),
	    cmocka_unit_test(crashes),
	    cmocka_unit_test(failing_calls),
	    cmocka_unit_test(many_threads),
	    cmocka_unit_test(read_while_written),
	    cmocka_unit_test(another_key),
	    cmocka_unit_test(another_key_takes_over),
	};

	log_set_sink(quiet, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
