/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What somebody who changes an archive gets away with: docs/formats/proof.md §5, 60 trials of each class, judged by a
 * reader who kept nothing, and by one who kept a checkpoint.
 *
 *   archive_tamper_test [--seed N] [--seeds N] [--only PATTERN]
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
#include "archive_proof.h"
#include "base_log.h"
#include "base_mem.h"
#include "crypt_seal.h"
#include "pack.h"
#include "proof_fixture.h"
#include "proof_log.h"

#define T0      1700000000000
#define TRIALS  60u
#define STEP    5u /* messages, one pack, between two states that are remembered */
#define ARCHIVE "/data/archives/a-one"

static struct err err;
static uint64_t seed_now = 77;

/* The archive after each step: disk[n] has n packs. The reader's checkpoint is that of the last one. */
struct world {
	struct os_fs_memory *disks[TRIALS + 1];
	struct buf note;
	struct proof_key key;
	struct rng_seeded seeded;
	struct rng rng;
};

/*
 * Every process draws numbers of its own, as it would from the system: one that drew those of an earlier process again
 * would give its packs the names of packs that are there, and write over them.
 */
enum drawn_for { FOR_WORLD, FOR_CHOICES, FOR_JUDGE, FOR_REWRITING };

static uint64_t
seed_for(enum drawn_for whom, unsigned trial)
{
	struct rng_seeded seeded = {.state = seed_now * 1000003 + (uint64_t)whom * 1009 + trial};
	struct rng rng = rng_seeded(&seeded);

	return rng_u64(&rng);
}

static struct archive_fixture_message
message(uint32_t number)
{
	return (struct archive_fixture_message){.number = number,
	    .received_ms = T0 + number,
	    .body_bytes = 100,
	    .archive_ids = {"a-one"}};
}

/* Over a copy of a disk. */
static void
copy_open(struct archive_fixture *f, struct os_fs_memory *disk)
{
	archive_fixture_init(
	    f, os_fs_memory_crash(disk, OS_CRASH_EVERYTHING, 0), seed_for(FOR_JUDGE, 0));
	f->merge_packs = 1000;
}

static void
open_ok(struct archive_fixture *f)
{
	if (!archive_fixture_open(f, &err))
		fail_msg("open: %s", err.msg);
}

static void
keep_sealed(struct archive_fixture *f, uint32_t from, uint32_t count)
{
	for (uint32_t i = from; i < from + count; i++) {
		struct archive_fixture_message m = message(i);

		assert_true(archive_fixture_keep(f, &m, &err));
	}
	assert_true(archive_seal(f->archive, true, &err));
}

static void
head_take(struct archive_fixture *f, struct buf *note, struct proof_key *key)
{
	struct archive_proof_head head;
	struct buf vkey;

	buf_init(&vkey, PROOF_VKEY_BYTES_MAX);
	buf_reset(note);
	assert_true(archive_proof_head(f->archive, "a-one", &head, note, &vkey, &err));
	assert_true(proof_key_parse(buf_view(&vkey), key, &err));
	buf_fini(&vkey);
}

static int
world_make(void **state)
{
	struct world *w = mem_calloc(1, sizeof *w);
	struct archive_fixture f;

	buf_init(&w->note, PROOF_NOTE_BYTES_MAX);
	w->seeded.state = seed_for(FOR_CHOICES, 0);
	w->rng = rng_seeded(&w->seeded);
	archive_fixture_init(&f, NULL, seed_for(FOR_WORLD, 0));
	f.merge_packs = 1000;
	open_ok(&f);
	assert_true(archive_create(f.archive, "a-one", &err));
	w->disks[0] = os_fs_memory_crash(f.disk, OS_CRASH_EVERYTHING, 0);
	for (uint32_t n = 1; n <= TRIALS; n++) {
		keep_sealed(&f, (n - 1) * STEP, STEP);
		w->disks[n] = os_fs_memory_crash(f.disk, OS_CRASH_EVERYTHING, 0);
	}
	head_take(&f, &w->note, &w->key);
	archive_fixture_fini(&f);
	*state = w;
	return 0;
}

static int
world_free(void **state)
{
	struct world *w = *state;

	for (uint32_t n = 0; n <= TRIALS; n++)
		os_fs_memory_free(&w->disks[n]);
	buf_fini(&w->note);
	mem_free(w);
	return 0;
}

static void
problem_count(void *ctx, const char *what)
{
	(void)what;
	++*(size_t *)ctx;
}

/* Does the log begin with what the checkpoint says? Also what a witness asks before it signs another one. */
static bool
begins_with(struct archive_fixture *f, struct bytes kept, const struct proof_key *key)
{
	struct proof_checkpoint old, now;
	struct proof_path path = {.count = 0};
	struct buf hashes, note;
	bool ok;

	buf_init(&hashes, 65536);
	buf_init(&note, PROOF_NOTE_BYTES_MAX);
	ok = proof_checkpoint_open(kept, key, &old, &err) &&
	     archive_proof_consistency(f->archive, "a-one", old.size, &hashes, &note, &err) &&
	     proof_checkpoint_open(buf_view(&note), key, &now, &err);
	for (; ok && path.count < hashes.len / PROOF_HASH_BYTES; path.count++)
		memcpy(path.hashes[path.count].raw, hashes.ptr + path.count * PROOF_HASH_BYTES,
		    PROOF_HASH_BYTES);
	ok = ok && proof_tree_verify_consistency(old.size, &old.root, now.size, &now.root, &path);
	buf_fini(&hashes);
	buf_fini(&note);
	return ok;
}

/* Opens what is on the disk and looks at everything; kept: with a checkpoint in hand. */
static bool
is_found(struct archive_fixture *f, const struct world *kept)
{
	uint64_t checked = 0;
	size_t problems = 0;

	if (!archive_fixture_open(f, &err))
		return true;
	if (f->recovery.corrupt_packs > 0 || f->recovery.corrupt_records > 0)
		return true;
	if (!archive_verify(f->archive, "a-one", NULL, problem_count, &problems, &checked, &err) ||
	    problems > 0)
		return true;
	return kept != NULL && !begins_with(f, buf_view(&kept->note), &kept->key);
}

/* Judges a copy of the disk without and with a checkpoint, and closes the fixture. */
struct score {
	unsigned without, with;
};

static void
judge(const struct world *w, struct archive_fixture *f, struct score *s)
{
	struct archive_fixture again;

	archive_close(&f->archive);
	copy_open(&again, f->disk);
	s->without += is_found(&again, NULL);
	archive_fixture_fini(&again);
	copy_open(&again, f->disk);
	s->with += is_found(&again, w);
	archive_fixture_fini(&again);
	archive_fixture_fini(f);
}

static void
score_check(const char *class, const struct score *s, unsigned without, unsigned with)
{
	print_message("  %s: found by nobody's checkpoint %u/%u, with one %u/%u\n", class,
	    s->without, TRIALS, s->with, TRIALS);
	assert_int_equal(s->without, without);
	assert_int_equal(s->with, with);
}

/* --- files ------------------------------------------------------------------------------------------------ */

struct files {
	struct os_fs fs;
	char *paths[3 * TRIALS];
	size_t count;
	const char *dir;
};

static void files_under(struct files *f, const char *dir);

static bool
file_visit(void *ctx, const char *name)
{
	struct files *f = ctx;
	struct os_stat st;
	char path[256];

	(void)snprintf(path, sizeof path, "%s/%s", f->dir, name);
	assert_true(os_fs_stat(f->fs, path, &st, &err));
	if (st.kind == OS_KIND_DIR) {
		files_under(f, path);
	} else {
		assert_true(f->count < sizeof f->paths / sizeof *f->paths);
		f->paths[f->count++] = mem_strdup(path);
	}
	return true;
}

static void
files_under(struct files *f, const char *dir)
{
	const char *was = f->dir;

	f->dir = dir;
	assert_true(os_fs_list(f->fs, dir, file_visit, f, &err));
	f->dir = was;
}

static void
files_fini(struct files *f)
{
	for (size_t i = 0; i < f->count; i++)
		mem_free(f->paths[i]);
}

static void
file_read(struct os_fs fs, const char *path, struct buf *out)
{
	buf_reset(out);
	assert_true(os_fs_read_file(fs, path, out->max, out, &err));
}

/* One change that needs no key, to any file of the archive. */
static void
file_change(struct world *w, struct files *files)
{
	const char *path = files->paths[rng_below(&w->rng, files->count)];
	const char *other = files->paths[rng_below(&w->rng, files->count)];
	struct buf a, b;

	buf_init(&a, 1 << 20);
	buf_init(&b, 1 << 20);
	file_read(files->fs, path, &a);
	file_read(files->fs, other, &b);
	switch (bytes_equal(buf_view(&a), buf_view(&b)) ? 0 : rng_below(&w->rng, 4)) {
	case 0: /* a bit */
		a.ptr[rng_below(&w->rng, a.len)] ^= (uint8_t)(1 << rng_below(&w->rng, 8));
		assert_true(os_fs_write_file(files->fs, path, buf_view(&a), &err));
		break;
	case 1: /* the end of it */
		assert_true(os_fs_write_file(files->fs, path,
		    bytes_slice(buf_view(&a), 0, (size_t)rng_below(&w->rng, a.len)), &err));
		break;
	case 2: /* all of it */
		assert_true(os_fs_unlink(files->fs, path, &err));
		break;
	default: /* another one in its place */
		assert_true(os_fs_write_file(files->fs, path, buf_view(&b), &err));
		break;
	}
	buf_fini(&a);
	buf_fini(&b);
}

static void
files_changed_without_a_key(void **state)
{
	struct world *w = *state;
	struct score s = {0};

	for (unsigned i = 0; i < TRIALS; i++) {
		struct archive_fixture f;
		struct files files = {0};

		copy_open(&f, w->disks[TRIALS]);
		files.fs = f.fs;
		files_under(&files, ARCHIVE);
		file_change(w, &files);
		files_fini(&files);
		judge(w, &f, &s);
	}
	score_check("a file changed, cut, removed, replaced", &s, TRIALS, TRIALS);
}

/* The files of an archive become those of an earlier disk, as far as the prefix reaches. */
static void
files_back(struct archive_fixture *f, struct os_fs_memory *earlier)
{
	struct os_fs_memory *copy = os_fs_memory_crash(earlier, OS_CRASH_EVERYTHING, 0);
	struct files now = {.fs = f->fs}, then = {.fs = os_fs_memory(copy)};
	struct buf data;

	buf_init(&data, 1 << 20);
	files_under(&now, ARCHIVE);
	files_under(&then, ARCHIVE);
	for (size_t i = 0; i < now.count; i++)
		assert_true(os_fs_unlink(f->fs, now.paths[i], &err));
	for (size_t i = 0; i < then.count; i++) {
		char dir[256];

		(void)snprintf(dir, sizeof dir, "%s", then.paths[i]);
		*strrchr(dir, '/') = '\0';
		file_read(then.fs, then.paths[i], &data);
		assert_true(os_fs_mkdir_path(f->fs, dir, &err));
		assert_true(os_fs_write_file(f->fs, then.paths[i], buf_view(&data), &err));
	}
	files_fini(&now);
	files_fini(&then);
	buf_fini(&data);
	os_fs_memory_free(&copy);
}

/* Without the key: a log of one's own under the same name. */
static void
log_forge(struct archive_fixture *f, const struct world *w, uint64_t leaves)
{
	struct proof_key key;
	struct secret *seed = proof_fixture_key(&key, PROOF_KEY_LOG, w->key.name, 0x66);
	struct proof_log_options o = {
	    .fs = f->fs, .dir = ARCHIVE "/proof", .key = &key, .seed = seed};
	struct proof_log *log = NULL;
	struct buf vkey;

	assert_true(os_fs_unlink(f->fs, ARCHIVE "/proof/checkpoint", &err));
	assert_true(proof_log_create(&o, &err) && proof_log_open(&o, &log, &err));
	for (uint64_t i = 0; i < leaves; i++) {
		struct proof_leaf leaf;

		proof_fixture_leaf(&leaf, i);
		assert_true(proof_log_append(log, &leaf, 1, &err));
	}
	proof_log_close(&log);
	buf_init(&vkey, PROOF_VKEY_BYTES_MAX);
	proof_key_format(&key, &vkey);
	assert_true(os_fs_write_file(f->fs, ARCHIVE "/proof/vkey", buf_view(&vkey), &err));
	buf_fini(&vkey);
	secret_free(&seed);
}

static void
tail_cut_and_tiles_made_without_the_key(void **state)
{
	struct world *w = *state;
	struct score s = {0};

	for (unsigned i = 0; i < TRIALS; i++) {
		struct archive_fixture f;

		copy_open(&f, w->disks[TRIALS]);
		files_back(&f, w->disks[i]);
		log_forge(&f, w, 1 + i);
		judge(w, &f, &s);
	}
	score_check("tail cut, tiles made again without the key", &s, TRIALS, TRIALS);
}

static void
tail_cut_to_an_older_signed_checkpoint(void **state)
{
	struct world *w = *state;
	struct score s = {0};

	for (unsigned i = 0; i < TRIALS; i++) {
		struct archive_fixture f;

		copy_open(&f, w->disks[TRIALS]);
		files_back(&f, w->disks[i]);
		judge(w, &f, &s);
	}
	score_check("tail cut to an older signed checkpoint", &s, 0, TRIALS);
}

static void
whole_store_put_back(void **state)
{
	struct world *w = *state;
	struct score s = {0};

	for (unsigned i = 0; i < TRIALS; i++) {
		struct archive_fixture f;

		copy_open(&f, w->disks[i]);
		judge(w, &f, &s);
	}
	score_check("the whole store put back", &s, 0, TRIALS);
}

/* Another history from a step on, signed by the log itself, and as long as the true one. */
static void
history_rewrite(struct archive_fixture *f, struct world *w, unsigned step)
{
	copy_open(f, w->disks[step]);
	f->seeded.state = seed_for(FOR_REWRITING, step);
	open_ok(f);
	keep_sealed(f, 100000, (TRIALS - step) * STEP);
}

static void
key_holder_rewrites_and_signs(void **state)
{
	struct world *w = *state;
	struct score s = {0};

	for (unsigned i = 0; i < TRIALS; i++) {
		struct archive_fixture f;

		history_rewrite(&f, w, i);
		judge(w, &f, &s);
	}
	score_check("the key's holder rewrites records and signs", &s, 0, TRIALS);
}

/* Only what is before the checkpoint is safe from him: a later rewriting is one that may have been so. */
static void
key_holder_rewrites_after_the_checkpoint(void **state)
{
	struct world *w = *state;

	for (unsigned i = 1; i < TRIALS; i += 10) {
		struct archive_fixture f, honest;
		struct proof_key key;
		struct buf note;

		buf_init(&note, PROOF_NOTE_BYTES_MAX);
		copy_open(&honest, w->disks[i]);
		open_ok(&honest);
		head_take(&honest, &note, &key);
		history_rewrite(&f, w, i);
		assert_true(begins_with(&f, buf_view(&note), &key));
		archive_fixture_fini(&honest);
		archive_fixture_fini(&f);
		buf_fini(&note);
	}
}

/* Each view holds by itself; the witness of one does not sign the other, and who compares them sees it. */
static void
two_views_and_a_witness(void **state)
{
	struct world *w = *state;
	unsigned alone = 0, refused = 0;

	for (unsigned i = 0; i < TRIALS; i++) {
		struct archive_fixture f;

		history_rewrite(&f, w, i);
		alone += begins_with(&f, buf_view(&w->note), &w->key);
		refused += !begins_with(&f, buf_view(&w->note), &w->key);
		archive_close(&f.archive);
		assert_false(is_found(&f, NULL));
		archive_fixture_fini(&f);
	}
	print_message("  two views: a witness of one signs the other %u/%u\n", alone, TRIALS);
	assert_int_equal(alone, 0);
	assert_int_equal(refused, TRIALS);
}

/* --- the archive's key in the wrong hands, the log's not --------------------------------------------------- */

static struct secret *
archive_key(struct archive_fixture *f)
{
	struct secret *key = NULL;
	struct buf wrapped;

	buf_init(&wrapped, CRYPT_WRAPPED_BYTES_MAX);
	file_read(f->fs, ARCHIVE "/key", &wrapped);
	assert_true(crypt_keys_unwrap(
	    f->keys, BYTES_LIT("daybook archive a-one"), buf_view(&wrapped), &key, &err));
	buf_fini(&wrapped);
	return key;
}

/* One row of a pack becomes another one, in a pack that is right in every other respect. */
static void
row_forge(struct archive_fixture *f, struct world *w, const char *path, bool back_date)
{
	const struct bytes recipient = BYTES_LIT("somebody.else@example.com");
	struct secret *key = archive_key(f);
	struct pack_writer *writer = NULL;
	struct pack_written written;
	struct pack *pack = NULL;
	struct pack_info info;
	size_t victim;

	assert_true(pack_open(f->fs, path, "a-one", key, &pack, &err));
	assert_true(
	    pack_writer_new(f->fs, ARCHIVE "/packs", "a-one", key, &f->rng, T0, &writer, &err));
	pack_info_get(pack, &info);
	victim = (size_t)rng_below(&w->rng, info.records);
	for (size_t i = 0; i < info.records; i++) {
		struct pack_row row;
		struct arena arena;
		struct buf body;

		arena_init(&arena);
		buf_init(&body, 1 << 20);
		assert_true(
		    pack_row(pack, i, &arena, &row, &err) && pack_body(pack, i, &body, &err));
		if (i == victim && back_date) {
			row.received_ms -= 60000 + (int64_t)rng_below(&w->rng, 1000000);
			id_record_new(&row.id, row.received_ms, &w->rng);
		} else if (i == victim) {
			row.recipients = &recipient;
			row.recipient_count = 1;
		}
		assert_true(pack_writer_add(writer, &row, BYTES_EMPTY, buf_view(&body), &err));
		buf_fini(&body);
		arena_fini(&arena);
	}
	assert_true(pack_writer_finish(&writer, &written, &err));
	pack_release(&pack);
	assert_true(os_fs_unlink(f->fs, path, &err));
	secret_free(&key);
}

static void
rows_forged(struct world *w, bool back_date, struct score *s)
{
	for (unsigned i = 0; i < TRIALS; i++) {
		struct archive_fixture f;
		struct files files = {0};

		copy_open(&f, w->disks[TRIALS]);
		files.fs = f.fs;
		files_under(&files, ARCHIVE "/packs");
		row_forge(&f, w, files.paths[rng_below(&w->rng, files.count)], back_date);
		files_fini(&files);
		judge(w, &f, s);
	}
}

static void
receipts_back_dated(void **state)
{
	struct score s = {0};

	rows_forged(*state, true, &s);
	score_check("a receipt back-dated", &s, TRIALS, TRIALS);
}

static void
metadata_differs_from_the_message(void **state)
{
	struct score s = {0};

	rows_forged(*state, false, &s);
	score_check("an envelope changed", &s, TRIALS, TRIALS);
}

/* And nothing is found where nothing was changed. */
static void
the_untouched_is_not_accused(void **state)
{
	struct world *w = *state;
	struct score s = {0};
	struct archive_fixture f;

	copy_open(&f, w->disks[TRIALS]);
	judge(w, &f, &s);
	assert_int_equal(s.without + s.with, 0);
	/* It may grow. */
	copy_open(&f, w->disks[TRIALS]);
	open_ok(&f);
	keep_sealed(&f, TRIALS * STEP, 20);
	judge(w, &f, &s);
	assert_int_equal(s.without + s.with, 0);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_untouched_is_not_accused),
	    cmocka_unit_test(files_changed_without_a_key),
	    cmocka_unit_test(tail_cut_and_tiles_made_without_the_key),
	    cmocka_unit_test(tail_cut_to_an_older_signed_checkpoint),
	    cmocka_unit_test(whole_store_put_back),
	    cmocka_unit_test(key_holder_rewrites_and_signs),
	    cmocka_unit_test(key_holder_rewrites_after_the_checkpoint),
	    cmocka_unit_test(two_views_and_a_witness),
	    cmocka_unit_test(receipts_back_dated),
	    cmocka_unit_test(metadata_differs_from_the_message),
	};

	unsigned long seeds = 1;
	int failed = 0;

	for (int i = 1; i + 1 < argc; i += 2) {
		if (strcmp(argv[i], "--seed") == 0)
			seed_now = strtoul(argv[i + 1], NULL, 10);
		else if (strcmp(argv[i], "--seeds") == 0)
			seeds = strtoul(argv[i + 1], NULL, 10);
		else if (strcmp(argv[i], "--only") == 0)
			cmocka_set_test_filter(argv[i + 1]);
	}
	for (; seeds > 0; seeds--, seed_now++) {
		print_message("seed %llu\n", (unsigned long long)seed_now);
		failed += cmocka_run_group_tests(tests, world_make, world_free);
	}
	return failed > 0;
}
