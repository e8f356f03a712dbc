/* SPDX-License-Identifier: Apache-2.0 */
/* The life of an archive's keys (archive_keys.h): services that go and come back, rotation, destruction, and power loss
 * at every operation of these. Numbers in brackets are invariants of docs/formats/keyring.md. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "archive_fixture.h"
#include "archive_keys.h"
#include "base_limits.h"
#include "base_log.h"
#include "base_text.h"
#include "crypt_seal.h"
#include "os_fs_failing.h"

#define T0       1700000000000
#define CACHE_MS 10000

static struct err err;

/* A key service that a test can send away. */
struct far {
	struct crypt_keys *keys;
	bool away, refuses;
	unsigned calls;
};

static bool
far_there(struct far *s, struct err *why)
{
	s->calls++;
	if (s->away)
		return ERR(why, ERR_TIMEOUT, "no answer");
	return !s->refuses || ERR(why, ERR_DENIED, "access denied");
}

static bool
far_wrap(
    void *self, struct bytes context, const struct secret *key, struct buf *out, struct err *why)
{
	struct far *s = self;

	return far_there(s, why) && crypt_keys_wrap(s->keys, context, key, out, why);
}

static bool
far_unwrap(
    void *self, struct bytes context, struct bytes wrapped, struct secret **out, struct err *why)
{
	struct far *s = self;

	return far_there(s, why) && crypt_keys_unwrap(s->keys, context, wrapped, out, why);
}

static void
far_close(void *self)
{
	struct far *s = self;

	crypt_keys_free(&s->keys);
}

/* The wrapped bytes are the inner service's, so its id is this one's. */
static struct crypt_keys *
far_new(struct far *s, uint8_t n, const struct rng *rng)
{
	static const struct crypt_keys_ops ops = {far_wrap, far_unwrap, far_close};
	struct secret *key = secret_new(CRYPT_KEY_BYTES);
	uint8_t id[CRYPT_KEY_ID_BYTES];
	struct crypt_keys *keys;

	secret_data(key)[0] = n;
	*s = (struct far){.keys = crypt_keys_new(key, rng)};
	assert_true(text_hex_parse(id, sizeof id, bytes_of_str(crypt_keys_id(s->keys))));
	keys = crypt_keys_of(&ops, s, id, "far");
	secret_free(&key);
	return keys;
}

struct world {
	struct archive_fixture f;
	struct far far[2];
};

static struct archive_fixture_message
message(uint32_t number)
{
	return (struct archive_fixture_message){.number = number,
	    .received_ms = T0 + number,
	    .body_bytes = 900,
	    .archive_ids = {number % 2 == 0 ? "a-far" : "a-own"}};
}

static void
open_ok(struct world *w)
{
	if (!archive_fixture_open(&w->f, &err))
		fail_msg("open: %s", err.msg);
}

static void
reopen(struct world *w)
{
	archive_close(&w->f.archive);
	open_ok(w);
}

static void
services_make(struct world *w)
{
	for (uint8_t i = 0; i < 2; i++)
		w->f.services[i] = far_new(&w->far[i], (uint8_t)(20 + i), &w->f.rng);
	w->f.key_cache_ms = CACHE_MS;
}

static void
set_up(struct world *w)
{
	archive_fixture_init(&w->f, NULL, 1);
	services_make(w);
	open_ok(w);
	assert_true(archive_create_under(w->f.archive, "a-far", w->f.services[0], &err));
	assert_true(archive_create(w->f.archive, "a-own", &err));
}

static void
take_down(struct world *w)
{
	archive_close(&w->f.archive);
	crypt_keys_free(&w->f.services[0]);
	crypt_keys_free(&w->f.services[1]);
	archive_fixture_fini(&w->f);
}

static void
keep(struct world *w, uint32_t from, uint32_t to)
{
	for (uint32_t i = from; i < to; i++) {
		struct archive_fixture_message m = message(i);

		if (!archive_fixture_keep(&w->f, &m, &err))
			fail_msg("message %u: %s", i, err.msg);
	}
}

/* Number of the first message in [from, to) that is not there as it was, or UINT32_MAX. step 2: one archive's. */
static uint32_t
wrong_one(struct world *w, uint32_t from, uint32_t to, uint32_t step)
{
	for (uint32_t i = from; i < to; i += step) {
		struct archive_fixture_message m = message(i);
		const char *wrong = archive_fixture_check(&w->f, &m);

		if (wrong != NULL) {
			print_message("          (message %u: %s)\n", i, wrong);
			return i;
		}
	}
	return UINT32_MAX;
}

static enum err_code
read_code(struct world *w, uint32_t number)
{
	struct archive_fixture_message m = message(number);
	const char *archive_id;
	struct pack_row row;
	struct id_record id;
	struct arena arena;
	bool ok;

	arena_init(&arena);
	archive_fixture_id(&id, &m, 0);
	ok = archive_read(w->f.archive, &id, &arena, &archive_id, &row, NULL, &err);
	arena_fini(&arena);
	return ok ? ERR_NONE : err.code;
}

static bool
count_row(void *ctx, const struct pack_row *row)
{
	(void)row;
	(*(unsigned *)ctx)++;
	return true;
}

static enum err_code
search_code(struct world *w, const char *archive_id, unsigned *found)
{
	static const struct pack_filter all = {0};
	struct archive_search_report report;

	*found = 0;
	return archive_search(w->f.archive, archive_id, 0, INT64_MAX, &all, UINT64_MAX, NULL,
		   count_row, found, &report, &err)
		   ? ERR_NONE
		   : err.code;
}

static enum err_code
keep_code(struct world *w, uint32_t number)
{
	struct archive_fixture_message m = message(number);

	return archive_fixture_keep(&w->f, &m, &err) ? ERR_NONE : err.code;
}

static struct archive_key_info
info(struct world *w, const char *id)
{
	struct archive_key_info out;

	assert_true(archive_key_info_get(w->f.archive, id, &out, &err));
	return out;
}

static void
works_under_a_service(void **state)
{
	struct archive_key_info i;
	struct world w;
	unsigned found;

	(void)state;
	set_up(&w);
	keep(&w, 0, 10);
	assert_true(archive_seal(w.f.archive, true, &err));
	keep(&w, 10, 20);
	reopen(&w);
	assert_int_equal(wrong_one(&w, 0, 20, 1), UINT32_MAX);
	assert_int_equal(search_code(&w, "a-far", &found), ERR_NONE);
	assert_int_equal(found, 10);
	i = info(&w, "a-far");
	assert_int_equal(i.state, ARCHIVE_KEY_PRESENT);
	assert_string_equal(i.wrapped_by, crypt_keys_id(w.f.services[0]));
	assert_int_equal(i.generations, 1);
	assert_string_equal(info(&w, "a-own").wrapped_by, crypt_keys_id(w.f.keys));
	take_down(&w);
}

/* The service goes: everything works on for the time of the cache, then nothing of its archives; the rest does. */
static void
outlives_a_service_for_a_while(void **state)
{
	struct world w;
	unsigned found;

	(void)state;
	set_up(&w);
	keep(&w, 0, 10);
	assert_true(archive_seal(w.f.archive, true, &err));
	w.far[0].away = true;
	for (int64_t at = 0; at < CACHE_MS; at += 500) {
		w.f.now.mono_ms = 1 + at;
		archive_keys_refresh(w.f.archive);
		assert_int_equal(read_code(&w, 0), ERR_NONE);
		assert_int_equal(keep_code(&w, 100 + (uint32_t)at * 2), ERR_NONE);
	}
	assert_true(w.far[0].calls < 10); /* not asked at every turn */
	w.f.now.mono_ms = 1 + CACHE_MS;
	assert_int_equal(read_code(&w, 0), ERR_TIMEOUT);
	assert_int_equal(keep_code(&w, 50), ERR_TIMEOUT);
	archive_keys_refresh(w.f.archive);
	assert_int_equal(info(&w, "a-far").state, ARCHIVE_KEY_AWAY);
	assert_non_null(strstr(info(&w, "a-far").reason, "no answer"));
	assert_int_equal(read_code(&w, 0), ERR_TIMEOUT);
	assert_int_equal(read_code(&w, 51), ERR_TIMEOUT); /* nobody knows */
	assert_int_equal(read_code(&w, 1), ERR_NONE);
	assert_int_equal(keep_code(&w, 11), ERR_NONE);
	assert_int_equal(search_code(&w, "a-far", &found), ERR_TIMEOUT);
	assert_int_equal(search_code(&w, "a-own", &found), ERR_NONE);
	assert_int_equal(archive_key_rotate(w.f.archive, "a-far", NULL, &err), false);
	assert_int_equal(err.code, ERR_TIMEOUT);
	assert_true(archive_seal(w.f.archive, false, &err)); /* what waits, waits, */
	assert_false(archive_seal(w.f.archive, true, &err)); /* and it is said */
	assert_int_equal(err.code, ERR_TIMEOUT);
	w.far[0].away = false;
	w.f.now.mono_ms += 60000;
	archive_keys_refresh(w.f.archive);
	assert_int_equal(read_code(&w, 0), ERR_NONE);
	assert_int_equal(keep_code(&w, 50), ERR_NONE);
	assert_int_equal(search_code(&w, "a-far", &found), ERR_NONE);
	assert_int_equal(found, 5 + 20 + 1);
	assert_true(archive_seal(w.f.archive, true, &err));
	assert_int_equal(search_code(&w, "a-far", &found), ERR_NONE);
	assert_int_equal(found, 5 + 20 + 1);
	take_down(&w);
}

static void
asks_in_time(void **state)
{
	struct world w;

	(void)state;
	set_up(&w);
	for (int64_t at = 0; at < 10 * CACHE_MS; at += 1000) {
		w.f.now.mono_ms = 1 + at;
		archive_keys_refresh(w.f.archive);
		assert_int_equal(keep_code(&w, (uint32_t)at * 2), ERR_NONE);
	}
	assert_in_range(w.far[0].calls, 10, 30);
	take_down(&w);
}

/* A start without the service: the others are served; what is in log and packs is there once when it comes. */
static void
starts_without_its_service(void **state)
{
	struct world w;
	unsigned found;

	(void)state;
	set_up(&w);
	keep(&w, 0, 10);
	assert_true(archive_seal(w.f.archive, true, &err));
	keep(&w, 10, 20);
	w.far[0].away = true;
	reopen(&w);
	assert_int_equal(info(&w, "a-far").state, ARCHIVE_KEY_AWAY);
	assert_int_equal(wrong_one(&w, 1, 20, 2), UINT32_MAX);
	assert_int_equal(read_code(&w, 0), ERR_TIMEOUT);
	assert_int_equal(read_code(&w, 10), ERR_TIMEOUT);
	assert_int_equal(keep_code(&w, 30), ERR_TIMEOUT);
	assert_false(archive_seal(w.f.archive, true, &err));
	w.far[0].away = false;
	w.f.now.mono_ms += 60000;
	archive_keys_refresh(w.f.archive);
	assert_int_equal(wrong_one(&w, 0, 20, 1), UINT32_MAX);
	assert_int_equal(search_code(&w, "a-far", &found), ERR_NONE);
	assert_int_equal(found, 10);
	/* Refused is away too, until it is granted. */
	w.far[0].refuses = true;
	reopen(&w);
	assert_int_equal(read_code(&w, 0), ERR_TIMEOUT);
	/* And so is a service that nobody configured. */
	w.far[0].refuses = false;
	archive_close(&w.f.archive);
	crypt_keys_free(&w.f.services[0]);
	w.f.services[0] = w.f.services[1];
	w.f.services[1] = NULL;
	assert_false(archive_fixture_open(
	    &w.f, &err)); /* a key in memory that is another: a wrong key file */
	assert_int_equal(err.code, ERR_SEALED);
	take_down(&w);
}

static void
rewraps_under_another_service(void **state)
{
	struct world w;

	(void)state;
	set_up(&w);
	keep(&w, 0, 10);
	assert_true(archive_seal(w.f.archive, true, &err));
	assert_true(archive_key_rewrap(w.f.archive, "a-far", w.f.services[1], &err));
	assert_string_equal(info(&w, "a-far").wrapped_by, crypt_keys_id(w.f.services[1]));
	assert_int_equal(info(&w, "a-far").packs_left, 0);
	w.far[0].away = true;
	reopen(&w);
	assert_int_equal(wrong_one(&w, 0, 10, 1), UINT32_MAX);
	/* From the installation's own to a service, and back. */
	assert_true(archive_key_rewrap(w.f.archive, "a-own", w.f.services[1], &err));
	assert_true(archive_key_rewrap(w.f.archive, "a-far", w.f.keys, &err));
	w.far[1].away = true;
	reopen(&w);
	assert_int_equal(wrong_one(&w, 0, 10, 2), UINT32_MAX);
	assert_int_equal(read_code(&w, 1), ERR_TIMEOUT);
	take_down(&w);
}

/* The installation's key file is replaced: archives under it, with and without a keyring, and the intake log, with a
 * disk that fails; then the old one opens nothing, and what is under a service is not touched. */
static void
another_key_file_takes_over(void **state)
{
	struct secret *next = secret_new(CRYPT_KEY_BYTES);

	(void)state;
	secret_data(next)[0] = 99;
	for (unsigned rotated = 0; rotated < 2; rotated++)
		for (uint64_t nth = 0; nth < 6; nth++) {
			struct os_failure failure = {
			    .call = OS_CALL_WRITE, .nth = nth, .sys_errno = EIO};
			struct os_fs_failing *failing;
			struct crypt_keys *own;
			struct world w;

			set_up(&w);
			keep(&w, 0, 8);
			assert_true(archive_seal(w.f.archive, true, &err));
			if (rotated == 1)
				assert_true(archive_key_rotate(w.f.archive, "a-own", NULL, &err));
			keep(&w, 8, 12);
			archive_close(&w.f.archive);
			own = w.f.keys;
			failing = os_fs_failing_new(w.f.fs);
			w.f.fs = os_fs_failing(failing);
			w.f.keys = crypt_keys_pair(
			    crypt_keys_new(next, &w.f.rng), crypt_keys_new(w.f.kek, &w.f.rng));
			if (nth > 0) {
				os_fs_failing_arm(failing, &failure);
				if (archive_fixture_open(&w.f, &err))
					archive_close(&w.f.archive);
				os_fs_failing_disarm(failing);
			}
			open_ok(&w);
			assert_int_equal(wrong_one(&w, 0, 12, 1), UINT32_MAX);
			assert_int_equal(w.f.recovery.under_previous, 1); /* the intake log */
			assert_string_equal(info(&w, "a-own").wrapped_by, crypt_keys_id(w.f.keys));
			assert_string_equal(
			    info(&w, "a-far").wrapped_by, crypt_keys_id(w.f.services[0]));
			assert_true(archive_seal(w.f.archive, true, &err));
			reopen(&w);
			assert_int_equal(w.f.recovery.under_previous, 0);
			archive_close(&w.f.archive);
			crypt_keys_free(&w.f.keys);
			w.f.keys = own;
			assert_false(archive_fixture_open(&w.f, &err));
			assert_int_equal(err.code, ERR_SEALED);
			w.f.keys = crypt_keys_new(next, &w.f.rng);
			crypt_keys_free(&own);
			open_ok(&w);
			keep(&w, 12, 14);
			assert_int_equal(wrong_one(&w, 0, 14, 1), UINT32_MAX);
			archive_close(&w.f.archive);
			w.f.fs = os_fs_memory(w.f.disk);
			os_fs_failing_free(&failing);
			take_down(&w);
		}
	secret_free(&next);
}

static void
count_problem(void *ctx, const char *what)
{
	print_message("          (%s)\n", what);
	(*(unsigned *)ctx)++;
}

/* Everything is read, and the proof logs, whose secrets outlive rotations, fit it. */
static void
verifies(struct world *w, uint64_t want)
{
	unsigned problems = 0;
	uint64_t checked;

	assert_true(
	    archive_verify(w->f.archive, NULL, NULL, count_problem, &problems, &checked, &err));
	assert_int_equal(problems, 0);
	assert_int_equal(checked, want);
}

/* [3, 4, 5, 6] */
static void
rotates_and_forgets(void **state)
{
	struct archive_key_info before, after;
	struct world w;

	(void)state;
	set_up(&w);
	w.f.merge_packs = 1000;
	reopen(&w);
	for (uint32_t i = 0; i < 6; i++) {
		keep(&w, i * 4, i * 4 + 4);
		assert_true(archive_seal(w.f.archive, true, &err));
	}
	before = info(&w, "a-far");
	assert_int_equal(before.packs, 6);
	assert_true(archive_key_rotate(w.f.archive, "a-far", NULL, &err));
	after = info(&w, "a-far");
	assert_int_equal(after.generations, 2);
	assert_int_equal(after.packs_left, 6);
	assert_string_not_equal(after.id, before.id);
	assert_int_equal(wrong_one(&w, 0, 24, 1), UINT32_MAX);
	reopen(&w); /* killed here, it goes on by itself */
	assert_int_equal(info(&w, "a-far").packs_left, 6);
	keep(&w, 24, 28);
	assert_true(archive_seal(w.f.archive, true, &err));
	after = info(&w, "a-far");
	assert_int_equal(after.generations, 1);
	assert_int_equal(after.packs_left, 0);
	assert_int_equal(after.packs, 7);
	assert_int_equal(wrong_one(&w, 0, 28, 1), UINT32_MAX);
	reopen(&w);
	assert_int_equal(wrong_one(&w, 0, 28, 1), UINT32_MAX);
	/* Again and again, also over what was merged. */
	w.f.merge_packs = 2;
	reopen(&w);
	for (unsigned i = 0; i < 3; i++) {
		assert_true(archive_key_rotate(w.f.archive, "a-far", w.f.services[i % 2], &err));
		assert_true(archive_key_rotate(w.f.archive, "a-own", NULL, &err));
		assert_true(archive_seal(w.f.archive, true, &err));
		assert_int_equal(info(&w, "a-far").generations, 1);
		assert_int_equal(info(&w, "a-own").generations, 1);
		reopen(&w);
		assert_int_equal(wrong_one(&w, 0, 28, 1), UINT32_MAX);
		verifies(&w, 28);
	}
	take_down(&w);
}

static void
has_a_limit_of_generations(void **state)
{
	struct world w;
	unsigned done = 1;

	(void)state;
	set_up(&w);
	while (archive_key_rotate(w.f.archive, "a-own", NULL, &err))
		done++;
	assert_int_equal(err.code, ERR_BUSY);
	assert_int_equal(done, 16);
	assert_true(archive_seal(w.f.archive, true, &err));
	assert_true(archive_key_rotate(w.f.archive, "a-own", NULL, &err));
	take_down(&w);
}

static bool
find_in_files(void *ctx, const char *name)
{
	bool *found = ctx;

	*found = *found || strcmp(name, "key") == 0;
	return true;
}

/* [7] */
static void
destroys_for_good(void **state)
{
	struct world w;
	unsigned found;
	bool key_there = false;

	(void)state;
	set_up(&w);
	keep(&w, 0, 10);
	assert_true(archive_seal(w.f.archive, true, &err));
	keep(&w, 10, 20);
	assert_true(archive_key_destroy(w.f.archive, "a-far", &err));
	assert_true(archive_key_destroy(w.f.archive, "a-far", &err));
	for (int i = 0; i < 2; i++) {
		assert_int_equal(info(&w, "a-far").state, ARCHIVE_KEY_DESTROYED);
		assert_int_equal(info(&w, "a-far").generations, 0);
		assert_int_equal(read_code(&w, 0), ERR_NOT_FOUND);
		assert_int_equal(read_code(&w, 10), ERR_NOT_FOUND);
		assert_int_equal(search_code(&w, "a-far", &found), ERR_SEALED);
		assert_int_equal(keep_code(&w, 30 + (uint32_t)i * 2), ERR_SEALED);
		assert_false(archive_key_rotate(w.f.archive, "a-far", NULL, &err));
		assert_int_equal(err.code, ERR_SEALED);
		assert_int_equal(wrong_one(&w, 1, 20, 2), UINT32_MAX);
		reopen(&w);
	}
	assert_true(os_fs_list(w.f.fs, "/data/archives/a-far", find_in_files, &key_there, &err));
	assert_false(key_there);
	assert_int_equal(w.f.recovery.log_records, 0); /* the log was freed */
	take_down(&w);
}

/* A service that is away keeps nobody from destroying; and what never came back is gone as well. */
static void
destroys_while_away(void **state)
{
	struct world w;
	unsigned found;

	(void)state;
	set_up(&w);
	keep(&w, 0, 10);
	w.far[0].away = true;
	reopen(&w);
	assert_true(archive_key_destroy(w.f.archive, "a-far", &err));
	w.far[0].away = false;
	w.f.now.mono_ms += 60000;
	archive_keys_refresh(w.f.archive);
	assert_int_equal(search_code(&w, "a-far", &found), ERR_SEALED);
	assert_int_equal(wrong_one(&w, 1, 10, 2), UINT32_MAX);
	take_down(&w);
}

static void
copy_file(struct os_fs fs, const char *from, const char *to)
{
	struct buf data;

	buf_init(&data, LIMIT_MIB);
	assert_true(os_fs_read_file(fs, from, LIMIT_MIB, &data, &err));
	assert_true(os_fs_write_file(fs, to, buf_view(&data), &err));
	buf_fini(&data);
}

static bool
name_keep(void *ctx, const char *name)
{
	(void)snprintf(ctx, 64, "%s", name);
	return true;
}

/* Keys and packs of another archive are refused, and named. [8] */
static void
refuses_what_was_swapped(void **state)
{
	char name[64], from[160], to[160];
	struct world w;
	unsigned found;

	(void)state;
	set_up(&w);
	assert_true(archive_create_under(w.f.archive, "a-other", w.f.services[0], &err));
	keep(&w, 0, 10);
	assert_true(archive_seal(w.f.archive, true, &err));
	archive_close(&w.f.archive);
	/* another archive's pack */
	assert_true(os_fs_list(w.f.fs, "/data/archives/a-own/packs", name_keep, name, &err));
	(void)snprintf(from, sizeof from, "/data/archives/a-own/packs/%s", name);
	(void)snprintf(to, sizeof to, "/data/archives/a-far/packs/%s", name);
	copy_file(w.f.fs, from, to);
	open_ok(&w);
	assert_int_equal(w.f.recovery.corrupt_packs, 1);
	assert_int_equal(search_code(&w, "a-far", &found), ERR_NONE);
	assert_int_equal(found, 5);
	assert_int_equal(wrong_one(&w, 0, 10, 1), UINT32_MAX);
	archive_close(&w.f.archive);
	assert_true(os_fs_unlink(w.f.fs, to, &err));
	/* another archive's key, of one service */
	copy_file(w.f.fs, "/data/archives/a-other/key", "/data/archives/a-far/key");
	open_ok(&w);
	assert_int_equal(read_code(&w, 0), ERR_SEALED);
	assert_non_null(strstr(err.msg, "a-far"));
	assert_non_null(strstr(err.msg, "context"));
	assert_int_equal(wrong_one(&w, 1, 10, 2), UINT32_MAX);
	take_down(&w);
	/* … of our own */
	set_up(&w);
	assert_true(archive_create(w.f.archive, "a-other", &err));
	archive_close(&w.f.archive);
	copy_file(w.f.fs, "/data/archives/a-other/key", "/data/archives/a-own/key");
	assert_false(archive_fixture_open(&w.f, &err));
	assert_int_equal(err.code, ERR_SEALED);
	assert_non_null(strstr(err.msg, "a-own"));
	take_down(&w);
	/* another archive's keyring */
	set_up(&w);
	assert_true(archive_key_rotate(w.f.archive, "a-far", NULL, &err));
	archive_close(&w.f.archive);
	copy_file(w.f.fs, "/data/archives/a-far/keyring", "/data/archives/a-own/keyring");
	assert_false(archive_fixture_open(&w.f, &err));
	assert_int_equal(err.code, ERR_CORRUPT);
	assert_non_null(strstr(err.msg, "a-far"));
	take_down(&w);
}

/* Rotation, re-wrapping, a second rotation, a change of service: what is looked at under power loss. */
static void
workload(struct world *w)
{
	struct err ignored;
	bool ok = archive_key_rotate(w->f.archive, "a-far", w->f.services[1], &ignored) &&
		  archive_seal(w->f.archive, true, &ignored) &&
		  archive_key_rotate(w->f.archive, "a-own", NULL, &ignored) &&
		  archive_key_rewrap(w->f.archive, "a-far", w->f.services[0], &ignored) &&
		  archive_seal(w->f.archive, true, &ignored);

	(void)ok;
}

struct outage {
	uint64_t states, bad;
	bool destroying;
};

static void
on_operation(void *ctx, struct os_fs_memory *m, uint64_t index, const char *operation)
{
	struct outage *o = ctx;

	for (unsigned mode = 0; mode < OS_CRASH_MODES; mode++) {
		struct os_fs_memory *after =
		    os_fs_memory_crash(m, (enum os_crash)mode, index * 31 + mode);
		enum err_code far_code;
		struct world w;
		bool good;

		archive_fixture_init(&w.f, after, 9 + index);
		services_make(&w);
		good = archive_fixture_open(&w.f, &err);
		if (good) {
			far_code = read_code(&w, 0);
			good = wrong_one(&w, 1, 20, 2) == UINT32_MAX &&
			       (o->destroying ? far_code == ERR_NONE || far_code == ERR_NOT_FOUND
					      : wrong_one(&w, 0, 20, 2) == UINT32_MAX);
			good = good && archive_seal(w.f.archive, true, &err);
		}
		if (!good)
			print_message("operation %u (%s), %s: %s\n", (unsigned)index, operation,
			    os_crash_name((enum os_crash)mode), err.msg);
		o->bad += !good;
		o->states++;
		take_down(&w);
	}
}

static void
power_loss(bool destroying)
{
	struct outage o = {.destroying = destroying};
	struct world w;

	set_up(&w);
	w.f.merge_packs = 1000;
	reopen(&w);
	for (uint32_t i = 0; i < 4; i++) {
		keep(&w, i * 4, i * 4 + 4);
		assert_true(archive_seal(w.f.archive, true, &err));
	}
	keep(&w, 16, 20);
	os_fs_memory_set_hook(w.f.disk, on_operation, &o);
	if (destroying)
		assert_true(archive_key_destroy(w.f.archive, "a-far", &err));
	else
		workload(&w);
	os_fs_memory_set_hook(w.f.disk, NULL, NULL);
	if (!destroying)
		assert_int_equal(wrong_one(&w, 0, 20, 1), UINT32_MAX);
	assert_int_equal(o.bad, 0);
	assert_true(o.states > 50);
	print_message("          durability keys: %u crash states\n", (unsigned)o.states);
	take_down(&w);
}

/* [1, 2, 5] */
static void
survives_power_loss(void **state)
{
	(void)state;
	power_loss(false);
}

static void
survives_power_loss_while_destroying(void **state)
{
	(void)state;
	power_loss(true);
}

/* A full disk, and a disk that fails: the job waits, nothing is lost, and it ends when the trouble does. */
static void
survives_a_failing_disk(void **state)
{
	static const enum os_call calls[] = {OS_CALL_OPEN, OS_CALL_WRITE, OS_CALL_SYNC,
	    OS_CALL_RENAME, OS_CALL_SYNC_DIR, OS_CALL_UNLINK};

	(void)state;
	for (size_t c = 0; c < sizeof calls / sizeof calls[0]; c++) {
		for (uint64_t n = 1; n <= 12; n++) {
			struct os_failure failure = {
			    .call = calls[c], .nth = n, .sys_errno = n % 2 == 0 ? ENOSPC : EIO};
			struct os_fs_failing *failing;
			struct world w;

			set_up(&w);
			keep(&w, 0, 8);
			assert_true(archive_seal(w.f.archive, true, &err));
			archive_close(&w.f.archive);
			failing = os_fs_failing_new(w.f.fs);
			w.f.fs = os_fs_failing(failing);
			open_ok(&w);
			os_fs_failing_arm(failing, &failure);
			workload(&w);
			os_fs_failing_disarm(failing);
			assert_int_equal(wrong_one(&w, 0, 8, 1), UINT32_MAX);
			reopen(&w);
			assert_int_equal(wrong_one(&w, 0, 8, 1), UINT32_MAX);
			assert_true(archive_seal(w.f.archive, true, &err));
			assert_int_equal(info(&w, "a-far").generations, 1);
			assert_int_equal(wrong_one(&w, 0, 8, 1), UINT32_MAX);
			archive_close(&w.f.archive);
			w.f.fs = os_fs_memory(w.f.disk);
			os_fs_failing_free(&failing);
			take_down(&w);
		}
	}
}

static int
quiet(void **state)
{
	(void)state;
	log_set_level(LOG_ERROR);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(works_under_a_service),
	    cmocka_unit_test(outlives_a_service_for_a_while),
	    cmocka_unit_test(asks_in_time),
	    cmocka_unit_test(starts_without_its_service),
	    cmocka_unit_test(rewraps_under_another_service),
	    cmocka_unit_test(another_key_file_takes_over),
	    cmocka_unit_test(rotates_and_forgets),
	    cmocka_unit_test(has_a_limit_of_generations),
	    cmocka_unit_test(destroys_for_good),
	    cmocka_unit_test(destroys_while_away),
	    cmocka_unit_test(refuses_what_was_swapped),
	    cmocka_unit_test(survives_power_loss),
	    cmocka_unit_test(survives_power_loss_while_destroying),
	    cmocka_unit_test(survives_a_failing_disk),
	};

	return cmocka_run_group_tests(tests, quiet, NULL);
}
