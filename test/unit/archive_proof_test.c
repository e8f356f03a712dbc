/* SPDX-License-Identifier: Apache-2.0 */
/* Archives and their proof logs: every record can be proved, what is missing is made up for, changes are told. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "archive_destroy.h"
#include "archive_fixture.h"
#include "archive_proof.h"
#include "base_log.h"
#include "base_mem.h"
#include "crypt_digest.h"
#include "os_fs_failing.h"
#include "pack.h"
#include "proof_leaf.h"
#include "proof_text.h"

#define T0 1700000000000

static struct err err;

static struct archive_fixture_message
message(uint32_t number)
{
	return (struct archive_fixture_message){.number = number,
	    .received_ms = T0 + number,
	    .body_bytes = 700,
	    .archive_ids = {"a-one"}};
}

static void
open_ok(struct archive_fixture *f)
{
	if (!archive_fixture_open(f, &err))
		fail_msg("open: %s", err.msg);
}

static void
reopen(struct archive_fixture *f)
{
	archive_close(&f->archive);
	open_ok(f);
}

static void
set_up(struct archive_fixture *f)
{
	archive_fixture_init(f, NULL, 1);
	open_ok(f);
	assert_true(archive_create(f->archive, "a-one", &err));
}

static void
keep(struct archive_fixture *f, uint32_t from, uint32_t to)
{
	for (uint32_t i = from; i < to; i++) {
		struct archive_fixture_message m = message(i);

		if (!archive_fixture_keep(f, &m, &err))
			fail_msg("message %u: %s", i, err.msg);
	}
}

static void
keep_sealed(struct archive_fixture *f, uint32_t from, uint32_t to)
{
	keep(f, from, to);
	if (!archive_seal(f->archive, true, &err))
		fail_msg("seal: %s", err.msg);
}

static uint64_t
size_of(struct archive_fixture *f)
{
	struct archive_proof_head head;

	if (!archive_proof_head(f->archive, "a-one", &head, NULL, NULL, &err))
		fail_msg("head: %s", err.msg);
	return head.size;
}

static void
key_of(struct archive_fixture *f, struct proof_key *out)
{
	struct archive_proof_head head;
	struct buf vkey;

	buf_init(&vkey, PROOF_VKEY_BYTES_MAX);
	assert_true(archive_proof_head(f->archive, "a-one", &head, NULL, &vkey, &err));
	assert_true(proof_key_parse(buf_view(&vkey), out, &err));
	buf_fini(&vkey);
}

/* As somebody does who has the message, the proof and the key, and nothing else. */
static bool
proof_holds(struct bytes proof, struct bytes body, const struct proof_key *key)
{
	uint8_t salt[PROOF_SALT_BYTES];
	struct proof_record record;
	struct proof_leaf leaf;
	struct proof_hash hash;
	struct proof_text t;
	struct arena arena;
	struct buf opening;
	bool ok;

	arena_init(&arena);
	buf_init(&opening, PROOF_TEXT_BYTES_MAX);
	ok = proof_text_parse(proof, &t, &opening, &err) &&
	     proof_opening_decode(buf_view(&opening), &arena, salt, &record, &err);
	if (ok) {
		record.size_bytes = body.len;
		crypt_sha256(record.sha256, body);
		proof_leaf_of_record(&leaf, salt, &record);
		proof_leaf_hash(&hash, &leaf);
		ok = proof_text_check(&t, key, &hash, NULL, &err);
	}
	buf_fini(&opening);
	arena_fini(&arena);
	return ok;
}

static void
proofs_hold(struct archive_fixture *f, uint32_t from, uint32_t to)
{
	struct proof_key key;
	struct buf text, body;

	key_of(f, &key);
	buf_init(&text, PROOF_TEXT_BYTES_MAX);
	buf_init(&body, 1 << 20);
	for (uint32_t i = from; i < to; i++) {
		struct archive_fixture_message m = message(i);
		struct id_record id;

		archive_fixture_id(&id, &m, 0);
		buf_reset(&text);
		buf_reset(&body);
		archive_fixture_body(&body, &m, 0);
		if (!archive_proof_message(f->archive, &id, NULL, &text, &err))
			fail_msg("message %u: %s", i, err.msg);
		if (!proof_holds(buf_view(&text), buf_view(&body), &key))
			fail_msg("message %u: %s", i, err.msg);
		body.ptr[body.len / 2] ^= 1;
		assert_false(proof_holds(buf_view(&text), buf_view(&body), &key));
	}
	buf_fini(&text);
	buf_fini(&body);
}

struct problems {
	size_t count;
	char first[256];
};

static void
problem_keep(void *ctx, const char *what)
{
	struct problems *p = ctx;

	if (p->count++ == 0)
		(void)snprintf(p->first, sizeof p->first, "%s", what);
}

static struct problems
problems_of(struct archive_fixture *f)
{
	struct problems p = {0};
	uint64_t checked;

	assert_true(archive_verify(f->archive, "a-one", NULL, problem_keep, &p, &checked, &err));
	return p;
}

static void
all_is_well(struct archive_fixture *f)
{
	struct problems p = problems_of(f);

	if (p.count > 0)
		fail_msg("%s", p.first);
}

static void
every_record_can_be_proved(void **state)
{
	struct archive_fixture_message late = message(500);
	struct archive_proof_head head;
	struct archive_fixture f;
	struct id_record id;
	struct buf text;

	(void)state;
	set_up(&f);
	assert_int_equal(size_of(&f), 0);
	keep_sealed(&f, 0, 100);
	keep_sealed(&f, 100, 300);
	keep(&f, 500, 501);
	assert_true(archive_proof_head(f.archive, "a-one", &head, NULL, NULL, &err));
	assert_int_equal(head.size, 300);
	assert_int_equal(head.waiting, 1);
	assert_int_equal(head.without, 0);
	buf_init(&text, PROOF_TEXT_BYTES_MAX);
	archive_fixture_id(&id, &late, 0);
	assert_false(archive_proof_message(f.archive, &id, NULL, &text, &err));
	assert_int_equal(err.code, ERR_BUSY);
	buf_fini(&text);
	proofs_hold(&f, 0, 300);
	reopen(&f);
	assert_int_equal(size_of(&f), 300);
	proofs_hold(&f, 0, 300);
	all_is_well(&f);
	archive_fixture_fini(&f);
}

static void
merging_keeps_the_leaves(void **state)
{
	struct archive_fixture f;

	(void)state;
	archive_fixture_init(&f, NULL, 1);
	f.merge_packs = 2;
	open_ok(&f);
	assert_true(archive_create(f.archive, "a-one", &err));
	for (uint32_t i = 0; i < 8; i++)
		keep_sealed(&f, i * 20, i * 20 + 20);
	assert_int_equal(size_of(&f), 160);
	proofs_hold(&f, 0, 160);
	all_is_well(&f);
	archive_fixture_fini(&f);
}

/* A log that is larger begins with the smaller one, and says so by the path. */
static void
growth_is_consistent(void **state)
{
	struct proof_checkpoint old, now;
	struct archive_proof_head head;
	struct proof_path path = {.count = 0};
	struct archive_fixture f;
	struct buf old_note, note, hashes;
	struct proof_key key;

	(void)state;
	set_up(&f);
	buf_init(&old_note, PROOF_NOTE_BYTES_MAX);
	buf_init(&note, PROOF_NOTE_BYTES_MAX);
	buf_init(&hashes, 65536);
	keep_sealed(&f, 0, 70);
	assert_true(archive_proof_head(f.archive, "a-one", &head, &old_note, NULL, &err));
	keep_sealed(&f, 70, 300);
	key_of(&f, &key);
	assert_true(archive_proof_consistency(f.archive, "a-one", 70, &hashes, &note, &err));
	assert_true(proof_checkpoint_open(buf_view(&old_note), &key, &old, &err));
	assert_true(proof_checkpoint_open(buf_view(&note), &key, &now, &err));
	for (; path.count < hashes.len / 32; path.count++)
		memcpy(path.hashes[path.count].raw, hashes.ptr + path.count * 32, 32);
	assert_true(proof_tree_verify_consistency(70, &old.root, now.size, &now.root, &path));
	assert_false(archive_proof_consistency(f.archive, "a-one", 301, &hashes, &note, &err));
	assert_int_equal(err.code, ERR_USAGE);
	buf_fini(&old_note);
	buf_fini(&note);
	buf_fini(&hashes);
	archive_fixture_fini(&f);
}

/* The pack is durable, its leaves are not: they are made up for by the next seal, or by the next start. */
static void
leaves_that_failed_are_appended_later(void **state)
{
	(void)state;
	for (int restart = 0; restart < 2; restart++) {
		struct archive_fixture f;
		struct os_fs_failing *failing;

		archive_fixture_init(&f, NULL, 1);
		failing = os_fs_failing_new(f.fs);
		f.fs = os_fs_failing(failing);
		open_ok(&f);
		assert_true(archive_create(f.archive, "a-one", &err));
		keep_sealed(&f, 0, 30);
		os_fs_failing_arm(failing, &(struct os_failure){.call = OS_CALL_SYNC_ALL,
					       .nth = 1,
					       .sys_errno = EIO,
					       .how = OS_FAIL_BEFORE,
					       .from_then_on = true});
		keep(&f, 30, 45);
		assert_true(archive_seal(f.archive, true, &err));
		keep(&f, 45, 60);
		assert_false(archive_seal(f.archive, true, &err)); /* the second pack finds out */
		os_fs_failing_disarm(failing);
		assert_int_equal(size_of(&f), 30);
		if (restart == 1) {
			reopen(&f);
			assert_in_range(size_of(&f), 31, 60);
		}
		keep_sealed(&f, 60, 90);
		assert_int_equal(size_of(&f), 90);
		proofs_hold(&f, 0, 90);
		all_is_well(&f);
		archive_close(&f.archive);
		os_fs_failing_free(&failing);
		f.fs = os_fs_memory(f.disk);
		archive_fixture_fini(&f);
	}
}

static void
flip(struct archive_fixture *f, const char *name, uint64_t at)
{
	char path[256];
	struct os_file *file;
	uint8_t byte;

	(void)snprintf(path, sizeof path, "/data/archives/a-one/proof/%s", name);
	assert_true(os_fs_open(f->fs, path, OS_OPEN_READ_WRITE, &file, &err));
	assert_true(os_file_read_exact(file, at, &byte, 1, &err));
	byte ^= 1;
	assert_true(os_file_write_at(file, at, bytes_of(&byte, 1), &err));
	assert_true(os_file_close(&file, &err));
}

/* Mail is kept and served all the same; who asks for a proof is told. */
static void
a_damaged_log_keeps_no_mail_out(void **state)
{
	static const char *const NAMES[] = {
	    "checkpoint", "vkey", "key", "tile/0/001.p/44", "tile/entries/001.p/44"};

	(void)state;
	for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
		struct archive_proof_head head;
		struct archive_fixture f;

		set_up(&f);
		keep_sealed(&f, 0, 300);
		archive_close(&f.archive);
		flip(&f, NAMES[i], 10);
		open_ok(&f);
		keep_sealed(&f, 300, 320);
		assert_false(archive_proof_head(f.archive, "a-one", &head, NULL, NULL, &err));
		assert_int_equal(err.code, ERR_CORRUPT);
		assert_true(problems_of(&f).count > 0);
		/* Repaired: what was sealed meanwhile has no leaf, the rest is as it was. */
		archive_close(&f.archive);
		flip(&f, NAMES[i], 10);
		open_ok(&f);
		assert_true(archive_proof_head(f.archive, "a-one", &head, NULL, NULL, &err));
		assert_int_equal(head.size, 300);
		assert_int_equal(head.without, 20);
		proofs_hold(&f, 0, 300);
		keep_sealed(&f, 320, 340);
		proofs_hold(&f, 320, 340);
		archive_fixture_fini(&f);
	}
}

static void
nothing(void *ctx, enum log_level level, const char *line)
{
	(void)ctx;
	(void)level;
	(void)line;
}

static void
flip_bit(struct archive_fixture *f, const char *path, uint64_t bit)
{
	struct os_file *file;
	uint8_t byte;

	assert_true(os_fs_open(f->fs, path, OS_OPEN_READ_WRITE, &file, &err));
	assert_true(os_file_read_exact(file, bit / 8, &byte, 1, &err));
	byte ^= (uint8_t)(1u << bit % 8);
	assert_true(os_file_write_at(file, bit / 8, bytes_of(&byte, 1), &err));
	assert_true(os_file_close(&file, &err));
}

/* Of the small files no bit is slack: found by a check of what runs, and by one after a start. */
static void
no_bit_of_names_and_checkpoint_is_slack(void **state)
{
	static const struct {
		const char *path;
		uint64_t stride; /* of starts */
	} FILES[] = {{"/data/archives/a-one/proof/vkey", 3}, {"/data/archives/a-one/proof/key", 31},
	    {"/data/archives/a-one/proof/checkpoint", 31}};

	(void)state;
	for (size_t i = 0; i < sizeof FILES / sizeof *FILES; i++) {
		const char *path = FILES[i].path;
		struct archive_fixture f;
		struct os_stat st;

		set_up(&f);
		keep_sealed(&f, 0, 3);
		assert_true(os_fs_stat(f.fs, path, &st, &err));
		for (uint64_t bit = 0; bit < st.size_bytes * 8; bit++) {
			flip_bit(&f, path, bit);
			if (problems_of(&f).count == 0)
				fail_msg("%s bit %d: not found while running", path, (int)bit);
			flip_bit(&f, path, bit);
		}
		all_is_well(&f);
		log_set_sink(nothing, NULL);
		for (uint64_t bit = 0; bit < st.size_bytes * 8; bit += FILES[i].stride) {
			archive_close(&f.archive);
			flip_bit(&f, path, bit);
			open_ok(&f);
			if (problems_of(&f).count == 0)
				fail_msg("%s bit %d: not found by a start", path, (int)bit);
			flip_bit(&f, path, bit);
		}
		log_set_sink(NULL, NULL);
		reopen(&f);
		all_is_well(&f);
		archive_fixture_fini(&f);
	}
}

/* Everything kept so far is there, whole. */
static void
messages_are_there(struct archive_fixture *f, uint32_t to)
{
	for (uint32_t i = 0; i < to; i++) {
		struct archive_fixture_message m = message(i);
		const char *trouble = archive_fixture_check(f, &m);

		if (trouble != NULL)
			fail_msg("message %u: %s", i, trouble);
	}
}

static void
after_power_loss(struct archive_fixture *f, enum os_crash mode, uint32_t to)
{
	struct archive_fixture again;

	archive_fixture_init(&again, os_fs_memory_crash(f->disk, mode, 5), 99);
	open_ok(&again);
	messages_are_there(&again, to);
	all_is_well(&again);
	if (!archive_seal(again.archive, true, &err))
		fail_msg("seal after %s: %s", os_crash_name(mode), err.msg);
	messages_are_there(&again, to);
	proofs_hold(&again, 0, to);
	all_is_well(&again);
	archive_fixture_fini(&again);
}

/*
 * Two log files; the pack of the first gets its name, and the call says it did not. The pack of the second has the same
 * leaves then: the first must not be there beside it, now or after power loss (docs/formats/proof.md §4, 13).
 */
static void
a_pack_that_failed_does_not_come_back(void **state)
{
	static const struct os_failure WAYS[] = {
	    {.call = OS_CALL_RENAME, .nth = 1, .sys_errno = EIO, .how = OS_FAIL_AFTER},
	    {.call = OS_CALL_RENAME, .nth = 1, .sys_errno = EIO, .how = OS_FAIL_BEFORE},
	    {.call = OS_CALL_SYNC_DIR, .nth = 1, .sys_errno = EIO, .how = OS_FAIL_AFTER},
	    {.call = OS_CALL_SYNC_DIR, .nth = 1, .sys_errno = ENOSPC, .how = OS_FAIL_BEFORE},
	};

	(void)state;
	for (size_t i = 0; i < sizeof WAYS / sizeof *WAYS; i++) {
		struct os_fs_failing *failing;
		struct archive_fixture f;

		archive_fixture_init(&f, NULL, 1);
		failing = os_fs_failing_new(f.fs);
		f.fs = os_fs_failing(failing);
		open_ok(&f);
		assert_true(archive_create(f.archive, "a-one", &err));
		keep(&f, 0, 60);
		os_fs_failing_arm(failing, &WAYS[i]);
		assert_false(archive_seal(f.archive, true, &err));
		assert_int_equal(os_fs_failing_failed(failing), 1);
		os_fs_failing_disarm(failing);
		all_is_well(&f);
		for (int mode = 0; mode < OS_CRASH_MODES; mode++)
			after_power_loss(&f, (enum os_crash)mode, 60);
		keep_sealed(&f, 60, 70);
		messages_are_there(&f, 70);
		proofs_hold(&f, 0, 70);
		all_is_well(&f);
		for (int mode = 0; mode < OS_CRASH_MODES; mode++)
			after_power_loss(&f, (enum os_crash)mode, 70);
		archive_close(&f.archive);
		os_fs_failing_free(&failing);
		f.fs = os_fs_memory(f.disk);
		archive_fixture_fini(&f);
	}
}

/* What failed cannot be removed: nothing more is sealed, mail is kept all the same, and later all of it is sealed. */
static void
sealing_waits_until_what_failed_is_gone(void **state)
{
	static const struct os_failure STAYS[] = {
	    {.call = OS_CALL_UNLINK,
		.nth = 1,
		.sys_errno = EIO,
		.how = OS_FAIL_BEFORE,
		.from_then_on = true},
	    {.call = OS_CALL_SYNC_DIR,
		.nth = 1,
		.sys_errno = EIO,
		.how = OS_FAIL_BEFORE,
		.from_then_on = true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof STAYS / sizeof *STAYS; i++) {
		struct os_fs_failing *outer, *inner;
		struct archive_fixture f;

		archive_fixture_init(&f, NULL, 1);
		inner = os_fs_failing_new(f.fs);
		outer = os_fs_failing_new(os_fs_failing(inner));
		f.fs = os_fs_failing(outer);
		open_ok(&f);
		assert_true(archive_create(f.archive, "a-one", &err));
		keep(&f, 0, 60);
		os_fs_failing_arm(outer,
		    &(struct os_failure){
			.call = OS_CALL_RENAME, .nth = 1, .sys_errno = EIO, .how = OS_FAIL_AFTER});
		os_fs_failing_arm(inner, &STAYS[i]);
		for (int tries = 0; tries < 3; tries++) {
			assert_false(archive_seal(f.archive, true, &err));
			assert_int_equal(size_of(&f), 0);
		}
		os_fs_failing_disarm(outer);
		messages_are_there(&f, 60);
		all_is_well(&f);
		for (int mode = 0; mode < OS_CRASH_MODES; mode++)
			after_power_loss(&f, (enum os_crash)mode, 60);
		if (STAYS[i].call == OS_CALL_SYNC_DIR)
			os_fs_failing_disarm(inner); /* a new log file wants one, too */
		keep(&f, 60, 70);
		os_fs_failing_disarm(inner);
		keep_sealed(&f, 70, 80);
		messages_are_there(&f, 80);
		proofs_hold(&f, 0, 80);
		all_is_well(&f);
		archive_close(&f.archive);
		os_fs_failing_free(&outer);
		os_fs_failing_free(&inner);
		f.fs = os_fs_memory(f.disk);
		archive_fixture_fini(&f);
	}
}

static bool
pack_remove(void *ctx, const char *name)
{
	struct archive_fixture *f = ctx;
	char path[256];

	(void)snprintf(path, sizeof path, "/data/archives/a-one/packs/%s", name);
	assert_true(os_fs_unlink(f->fs, path, &err));
	return false;
}

static void
a_removed_pack_is_missed(void **state)
{
	struct archive_fixture f;
	struct problems p;

	(void)state;
	set_up(&f);
	keep_sealed(&f, 0, 30);
	keep_sealed(&f, 30, 50);
	archive_close(&f.archive);
	assert_true(os_fs_list(f.fs, "/data/archives/a-one/packs", pack_remove, &f, &err));
	open_ok(&f);
	p = problems_of(&f);
	assert_int_equal(p.count, 1);
	assert_non_null(strstr(p.first, "records of the log are in no pack"));
	archive_fixture_fini(&f);
}

static bool
may_go(void *ctx, const struct pack_row *row, bool *yes_out, struct err *e)
{
	(void)ctx;
	(void)row;
	(void)e;
	return *yes_out = true;
}

static bool
go_on(void *ctx, struct err *e)
{
	(void)ctx;
	(void)e;
	return true;
}

static bool
noted(void *ctx, const struct archive_gone *gone, size_t count, struct err *e)
{
	(void)ctx;
	(void)gone;
	(void)count;
	(void)e;
	return true;
}

struct leaves {
	uint8_t tile[27 * 32]; /* the first, when all is gone */
	struct archive_gone gone[7];
	size_t count;
};

static bool
collected(void *ctx, const struct archive_gone *gone, size_t count, struct err *e)
{
	struct leaves *l = ctx;

	(void)e;
	assert_true(l->count + count <= 7);
	memcpy(&l->gone[l->count], gone, count * sizeof *gone);
	l->count += count;
	return true;
}

/* Whoever keeps a certificate can compare it with the log. */
static void
gone_as_the_log_says(struct archive_fixture *f, struct leaves *l)
{
	struct buf tile;

	buf_init(&tile, sizeof l->tile);
	assert_true(
	    archive_proof_file(f->archive, "a-one", BYTES_LIT("tile/0/000.p/27"), &tile, &err));
	assert_int_equal(tile.len, sizeof l->tile);
	memcpy(l->tile, tile.ptr, sizeof l->tile);
	assert_int_equal(l->count, 7);
	for (size_t i = 0; i < 7; i++) {
		assert_true(l->gone[i].leaf_index < 27);
		assert_memory_equal(l->gone[i].leaf_hash, &l->tile[32 * l->gone[i].leaf_index], 32);
	}
	buf_fini(&tile);
}

static void
over(void *ctx)
{
	(void)ctx;
}

/* What is destroyed leaves a leaf that says so, and is not missed; nor after a log that failed, and a restart. */
static void
removals_are_leaves(void **state)
{
	struct leaves leaves;
	const struct archive_destroyer d = {.reason = ARCHIVE_REASON_RETENTION,
	    .ctx = &leaves,
	    .may = may_go,
	    .begin = go_on,
	    .commit = noted,
	    .end = over,
	    .gone = collected};

	(void)state;
	for (int fails = 0; fails < 2; fails++) {
		struct id_record ids[7];
		struct os_fs_failing *failing;
		struct archive_fixture f;

		leaves.count = 0;
		archive_fixture_init(&f, NULL, 1);
		failing = os_fs_failing_new(f.fs);
		f.fs = os_fs_failing(failing);
		open_ok(&f);
		assert_true(archive_create(f.archive, "a-one", &err));
		keep_sealed(&f, 0, 5);
		keep_sealed(&f, 5, 20);
		for (uint32_t i = 0; i < 7; i++) { /* a whole pack, and a part of one */
			struct archive_fixture_message m = message(i);

			archive_fixture_id(&ids[i], &m, 0);
		}
		if (fails == 1)
			os_fs_failing_arm(failing, &(struct os_failure){.call = OS_CALL_SYNC_ALL,
						       .nth = 1,
						       .sys_errno = EIO,
						       .how = OS_FAIL_BEFORE});
		if (!archive_destroy(f.archive, "a-one", ids, 7, &d, NULL, &err))
			fail_msg("%s", err.msg);
		os_fs_failing_disarm(failing);
		reopen(&f);
		assert_int_equal(size_of(&f), 27);
		gone_as_the_log_says(&f, &leaves);
		keep_sealed(&f, 20, 30);
		assert_int_equal(size_of(&f), 37);
		proofs_hold(&f, 7, 30);
		all_is_well(&f);
		archive_close(&f.archive);
		os_fs_failing_free(&failing);
		f.fs = os_fs_memory(f.disk);
		archive_fixture_fini(&f);
	}
}

static void
files_are_served(void **state)
{
	static const struct {
		const char *path;
		size_t bytes; /* 0: not there */
	} ROWS[] = {{"tile/0/000", 8192}, {"tile/0/001.p/44", 44 * 32}, {"tile/0/001.p/7", 7 * 32},
	    {"tile/entries/001.p/44", 44 * 36}, {"tile/1/000.p/1", 32}, {"tile/0/001", 0},
	    {"tile/0/001.p/45", 0}, {"vkey", 0}, {"key", 0}, {"../key", 0}, {"", 0}};
	struct archive_fixture f;
	struct buf out;

	(void)state;
	set_up(&f);
	keep_sealed(&f, 0, 300);
	buf_init(&out, 65536);
	for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
		buf_reset(&out);
		if (archive_proof_file(f.archive, "a-one", bytes_of_str(ROWS[i].path), &out,
			&err) != (ROWS[i].bytes > 0) ||
		    out.len != ROWS[i].bytes)
			fail_msg("%s", ROWS[i].path);
	}
	assert_true(archive_proof_file(f.archive, "a-one", BYTES_LIT("checkpoint"), &out, &err));
	assert_non_null(strstr(buf_text(&out), "daybook/a-one\n300\n"));
	buf_fini(&out);
	archive_fixture_fini(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_record_can_be_proved),
	    cmocka_unit_test(merging_keeps_the_leaves),
	    cmocka_unit_test(growth_is_consistent),
	    cmocka_unit_test(leaves_that_failed_are_appended_later),
	    cmocka_unit_test(a_damaged_log_keeps_no_mail_out),
	    cmocka_unit_test(no_bit_of_names_and_checkpoint_is_slack),
	    cmocka_unit_test(a_pack_that_failed_does_not_come_back),
	    cmocka_unit_test(sealing_waits_until_what_failed_is_gone),
	    cmocka_unit_test(a_removed_pack_is_missed),
	    cmocka_unit_test(removals_are_leaves),
	    cmocka_unit_test(files_are_served),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
