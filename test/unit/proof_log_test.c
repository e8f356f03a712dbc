/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Logs on a disk in memory: growing, opening again, proofs out of tiles, damage found and named, and power loss or a
 * failing call at every operation of an append (invariants of docs/formats/proof.md §4).
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base_mem.h"
#include "base_rng.h"
#include "os_fs_failing.h"
#include "os_fs_memory.h"
#include "proof_fixture.h"
#include "proof_log.h"

#define DIR "/archives/a-1/proof"

static struct err err;

struct bench {
	struct os_fs_memory *disk;
	struct proof_key key;
	struct secret *seed;
	struct proof_log_options options;
	struct proof_log *log;
};

static void
options_set(struct bench *b, struct os_fs fs)
{
	b->options =
	    (struct proof_log_options){.fs = fs, .dir = DIR, .key = &b->key, .seed = b->seed};
}

static void
bench_init(struct bench *b)
{
	*b = (struct bench){.disk = os_fs_memory_new()};
	b->seed = proof_fixture_key(&b->key, PROOF_KEY_LOG, "test.example/a-1", 7);
	options_set(b, os_fs_memory(b->disk));
	assert_true(proof_log_create(&b->options, &err));
	assert_true(proof_log_open(&b->options, &b->log, &err));
}

static void
bench_fini(struct bench *b)
{
	proof_log_close(&b->log);
	os_fs_memory_free(&b->disk);
	secret_free(&b->seed);
}

/* Leaves from where the log ends. */
static bool
grow(struct proof_log *log, size_t count)
{
	struct proof_leaf *leaves = mem_calloc(count, sizeof *leaves);
	bool ok;

	for (size_t i = 0; i < count; i++)
		proof_fixture_leaf(&leaves[i], proof_log_size(log) + i);
	ok = proof_log_append(log, leaves, count, &err);
	mem_free(leaves);
	return ok;
}

static void
reopen(struct bench *b)
{
	proof_log_close(&b->log);
	if (!proof_log_open(&b->options, &b->log, &err))
		fail_msg("%s", err.msg);
}

static void
root_is_right(struct proof_log *log, struct proof_fixture_tree *tree)
{
	struct proof_source source = proof_fixture_source(tree);
	struct proof_hash want, got;

	assert_true(proof_tree_root(&source, proof_log_size(log), &want, &err));
	proof_log_root(log, &got);
	assert_true(proof_tree_equal(&got, &want));
}

static void
problem_count(void *ctx, const char *what)
{
	(void)what;
	++*(size_t *)ctx;
}

static void
no_problems(struct proof_log *log)
{
	size_t problems = 0;

	assert_true(proof_log_check(log, problem_count, NULL, &problems, &err));
	assert_int_equal(problems, 0);
}

static void
logs_grow_and_open_again(void **state)
{
	static const size_t STEPS[] = {1, 1, 253, 1, 1, 255, 256, 257, 700, 1, 3000, 61070, 1, 300};
	struct proof_fixture_tree tree;
	struct bench b;
	uint64_t size = 0;

	(void)state;
	proof_fixture_tree_init(&tree, 70000);
	bench_init(&b);
	root_is_right(b.log, &tree);
	for (size_t i = 0; i < sizeof STEPS / sizeof *STEPS; i++) {
		assert_true(grow(b.log, STEPS[i]));
		size += STEPS[i];
		assert_int_equal(proof_log_size(b.log), size);
		root_is_right(b.log, &tree);
		reopen(&b);
		assert_int_equal(proof_log_size(b.log), size);
		root_is_right(b.log, &tree);
	}
	no_problems(b.log);
	bench_fini(&b);
	proof_fixture_tree_fini(&tree);
}

static void
proofs_come_out_of_tiles(void **state)
{
	enum { SIZE = 70000 };
	struct proof_fixture_tree tree;
	struct proof_source source;
	struct rng_seeded seeded = {4};
	struct rng rng = rng_seeded(&seeded);
	struct bench b;

	(void)state;
	proof_fixture_tree_init(&tree, SIZE);
	source = proof_fixture_source(&tree);
	bench_init(&b);
	assert_true(grow(b.log, SIZE));
	for (int i = 0; i < 500; i++) {
		uint64_t second = 1 + rng_below(&rng, SIZE), first = 1 + rng_below(&rng, second);
		uint64_t index = rng_below(&rng, second);
		struct proof_hash old, root, hash;
		struct proof_leaf leaf, want;
		struct proof_path path;

		assert_true(proof_log_root_at(b.log, second, &root, &err));
		assert_true(proof_tree_root(&source, second, &hash, &err));
		assert_true(proof_tree_equal(&root, &hash));
		assert_true(proof_log_inclusion(b.log, index, second, &path, &err));
		assert_true(proof_tree_verify_inclusion(
		    &tree.level[0][index], index, second, &path, &root));
		assert_true(proof_log_root_at(b.log, first, &old, &err));
		assert_true(proof_log_consistency(b.log, first, second, &path, &err));
		assert_true(proof_tree_verify_consistency(first, &old, second, &root, &path));
		assert_true(proof_log_leaf(b.log, index, &leaf, &err));
		proof_fixture_leaf(&want, index);
		assert_memory_equal(leaf.raw, want.raw, sizeof leaf.raw);
		assert_true(proof_log_leaf_hash(b.log, index, &hash, &err));
		assert_true(proof_tree_equal(&hash, &tree.level[0][index]));
	}
	bench_fini(&b);
	proof_fixture_tree_fini(&tree);
}

static void
questions_out_of_range_are_refused(void **state)
{
	struct proof_path path;
	struct proof_leaf leaf;
	struct bench b;

	(void)state;
	bench_init(&b);
	assert_true(grow(b.log, 10));
	assert_false(proof_log_inclusion(b.log, 0, 11, &path, &err));
	assert_int_equal(err.code, ERR_USAGE);
	assert_false(proof_log_inclusion(b.log, 10, 10, &path, &err));
	assert_false(proof_log_consistency(b.log, 5, 11, &path, &err));
	assert_false(proof_log_leaf(b.log, 10, &leaf, &err));
	assert_false(proof_log_leaf(b.log, UINT64_MAX, &leaf, &err));
	bench_fini(&b);
}

/* Widths smaller than what is there are served: an older checkpoint asked for them. */
static void
tiles_are_served_in_any_width(void **state)
{
	struct bench b;
	struct buf out;

	(void)state;
	bench_init(&b);
	buf_init(&out, 65536);
	assert_true(grow(b.log, 600));
	for (unsigned width = 1; width <= 256; width += 51) {
		struct proof_tile tile = {.index = 1, .width = width};

		buf_reset(&out);
		assert_true(proof_log_tile(b.log, &tile, &out, &err));
		assert_int_equal(out.len, width * PROOF_HASH_BYTES);
		tile.entries = true;
		buf_reset(&out);
		assert_true(proof_log_tile(b.log, &tile, &out, &err));
		assert_int_equal(out.len, width * (2 + PROOF_LEAF_BYTES));
		assert_int_equal(out.ptr[1], PROOF_LEAF_BYTES);
	}
	assert_true(
	    proof_log_tile(b.log, &(struct proof_tile){.index = 2, .width = 88}, &out, &err));
	assert_false(
	    proof_log_tile(b.log, &(struct proof_tile){.index = 2, .width = 89}, &out, &err));
	assert_int_equal(err.code, ERR_NOT_FOUND);
	assert_false(
	    proof_log_tile(b.log, &(struct proof_tile){.level = 2, .width = 1}, &out, &err));
	buf_fini(&out);
	bench_fini(&b);
}

static void
cosignatures_stay_until_the_next_append(void **state)
{
	struct proof_key witness;
	struct secret *seed = proof_fixture_key(&witness, PROOF_KEY_WITNESS, "witness.example", 9);
	struct proof_note note;
	struct buf line, old;
	struct bench b;

	(void)state;
	bench_init(&b);
	buf_init(&line, 1024);
	buf_init(&old, PROOF_NOTE_BYTES_MAX);
	assert_true(grow(b.log, 3));
	buf_append(&old, proof_log_note(b.log));
	assert_true(proof_note_parse(buf_view(&old), &note, &err));
	proof_note_cosign(note.text, &witness, seed, 1700000000, &line);
	assert_false(proof_log_cosign(b.log, buf_view(&old), BYTES_LIT("\nnot a line\n"), &err));
	assert_true(proof_log_cosign(b.log, buf_view(&old), buf_view(&line), &err));
	reopen(&b);
	assert_true(proof_note_parse(proof_log_note(b.log), &note, &err));
	assert_true(proof_note_verify(&note, &witness, NULL, &err));
	assert_true(grow(b.log, 1));
	assert_false(proof_log_cosign(b.log, buf_view(&old), buf_view(&line), &err));
	assert_int_equal(err.code, ERR_BUSY);
	buf_fini(&line);
	buf_fini(&old);
	bench_fini(&b);
	secret_free(&seed);
}

struct files {
	struct os_fs fs;
	char *paths[64];
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
		assert_true(f->count < 64);
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
file_damage(struct os_fs fs, const char *path, const struct rng *rng)
{
	struct os_file *f;
	uint64_t size, at;
	uint8_t byte;

	assert_true(os_fs_open(fs, path, OS_OPEN_READ_WRITE, &f, &err));
	assert_true(os_file_size(f, &size, &err));
	at = rng_below(rng, size);
	assert_true(os_file_read_exact(f, at, &byte, 1, &err));
	byte ^= (uint8_t)(1 << rng_below(rng, 8));
	assert_true(os_file_write_at(f, at, bytes_of(&byte, 1), &err));
	assert_true(os_file_close(&f, &err));
}

/* Every file of a log, one flipped bit: opening or checking tells, and no question gets a wrong answer. */
static void
every_damaged_file_is_found(void **state)
{
	struct rng_seeded seeded = {6};
	struct rng rng = rng_seeded(&seeded);
	struct proof_fixture_tree tree;
	struct files files = {0};
	struct bench b;

	(void)state;
	proof_fixture_tree_init(&tree, 1300);
	bench_init(&b);
	assert_true(grow(b.log, 1300));
	files.fs = b.options.fs;
	files_under(&files, DIR);
	assert_int_equal(
	    files.count, 1 + 5 + 5 + 2 + 1); /* checkpoint, bundles, tiles, partial ones */
	for (size_t i = 0; i < files.count; i++)
		for (int round = 0; round < 8; round++) {
			struct os_fs_memory *copy =
			    os_fs_memory_crash(b.disk, OS_CRASH_EVERYTHING, 0);
			struct proof_log *log = NULL;
			size_t problems = 0;
			struct bench other = b;

			options_set(&other, os_fs_memory(copy));
			file_damage(os_fs_memory(copy), files.paths[i], &rng);
			if (proof_log_open(&other.options, &log, &err)) {
				for (uint64_t leaf = 0; leaf < 1300; leaf += 100) {
					struct proof_path path;
					struct proof_hash root;

					proof_log_root(log, &root);
					if (proof_log_inclusion(log, leaf, 1300, &path, &err))
						assert_true(proof_tree_verify_inclusion(
						    &tree.level[0][leaf], leaf, 1300, &path,
						    &root));
					else
						assert_int_equal(err.code, ERR_CORRUPT);
				}
				assert_true(
				    proof_log_check(log, problem_count, NULL, &problems, &err));
				if (problems == 0)
					fail_msg("%s: not found", files.paths[i]);
			}
			proof_log_close(&log);
			os_fs_memory_free(&copy);
		}
	for (size_t i = 0; i < files.count; i++)
		mem_free(files.paths[i]);
	bench_fini(&b);
	proof_fixture_tree_fini(&tree);
}

static void
another_key_does_not_open_it(void **state)
{
	struct proof_log *log = NULL;
	struct bench b, other;

	(void)state;
	bench_init(&b);
	other = b;
	other.seed = proof_fixture_key(&other.key, PROOF_KEY_LOG, "test.example/a-1", 8);
	options_set(&other, b.options.fs);
	assert_false(proof_log_open(&other.options, &log, &err));
	assert_int_equal(err.code, ERR_NOT_FOUND);
	secret_free(&other.seed);
	bench_fini(&b);
}

/* One history of appends; acknowledged says how far it came. */
static const size_t HISTORY[] = {1, 3, 252, 1, 255, 300, 2, 700};
#define HISTORY_END (1 + 3 + 252 + 1 + 255 + 300 + 2 + 700)

struct crash {
	struct bench *bench;
	struct proof_fixture_tree *tree;
	uint64_t acknowledged, attempted;
	uint64_t seed, states;
};

/* What a machine finds: a log between what was acknowledged and what was tried, whole, that grows on. */
static void
crashed_log_check(struct crash *c, struct os_fs_memory *disk)
{
	struct bench after = *c->bench;
	struct proof_log *log = NULL;
	struct os_fs_memory *again;

	options_set(&after, os_fs_memory(disk));
	if (!proof_log_open(&after.options, &log, &err))
		fail_msg("%s", err.msg);
	assert_in_range(proof_log_size(log), c->acknowledged, c->attempted);
	root_is_right(log, c->tree);
	no_problems(log);
	assert_true(grow(log, 260));
	no_problems(log);
	proof_log_close(&log);
	/* And what the repair wrote survives the next power loss. */
	again = os_fs_memory_crash(disk, OS_CRASH_NOTHING, 0);
	options_set(&after, os_fs_memory(again));
	assert_true(proof_log_open(&after.options, &log, &err));
	no_problems(log);
	proof_log_close(&log);
	os_fs_memory_free(&again);
	c->states++;
}

static void
crash_at(void *ctx, struct os_fs_memory *m, uint64_t index, const char *operation)
{
	struct crash *c = ctx;

	(void)operation;
	for (int mode = 0; mode < OS_CRASH_MODES; mode++) {
		struct os_fs_memory *after =
		    os_fs_memory_crash(m, (enum os_crash)mode, c->seed + index);

		crashed_log_check(c, after);
		os_fs_memory_free(&after);
	}
}

static void
power_loss_at_every_operation(void **state)
{
	struct proof_fixture_tree tree;
	struct crash c = {.tree = &tree, .seed = 11};
	struct bench b;

	(void)state;
	proof_fixture_tree_init(&tree, HISTORY_END + 1000);
	bench_init(&b);
	c.bench = &b;
	os_fs_memory_set_hook(b.disk, crash_at, &c);
	for (size_t i = 0; i < sizeof HISTORY / sizeof *HISTORY; i++) {
		c.attempted = c.acknowledged + HISTORY[i];
		assert_true(grow(b.log, HISTORY[i]));
		c.acknowledged = c.attempted;
	}
	os_fs_memory_set_hook(b.disk, NULL, NULL);
	print_message(
	    "  durability: %llu states of a log after power loss\n", (unsigned long long)c.states);
	bench_fini(&b);
	proof_fixture_tree_fini(&tree);
}

/* Each call fails once, in three ways; the log says so, tries again, and is whole; also after power loss. */
static void
every_call_fails_once(void **state)
{
	static const enum os_fail_how HOW[] = {OS_FAIL_BEFORE, OS_FAIL_PARTLY, OS_FAIL_AFTER};
	struct proof_fixture_tree tree;
	uint64_t faults = 0;

	(void)state;
	proof_fixture_tree_init(&tree, HISTORY_END + 1000);
	for (size_t how = 0; how < 3; how++) {
		bool more = true;

		for (uint64_t nth = 1; more; nth++) {
			struct os_fs_failing *failing;
			struct os_fs_memory *after;
			struct crash c = {.tree = &tree};
			struct bench b;

			bench_init(&b);
			proof_log_close(&b.log);
			failing = os_fs_failing_new(os_fs_memory(b.disk));
			options_set(&b, os_fs_failing(failing));
			reopen(&b);
			os_fs_failing_arm(failing, &(struct os_failure){.call = OS_CALL_ANY,
						       .nth = nth,
						       .sys_errno = EIO,
						       .how = HOW[how]});
			for (size_t i = 0; i < sizeof HISTORY / sizeof *HISTORY; i++) {
				uint64_t want = c.acknowledged + HISTORY[i];

				/* What is left of it: the last step may have been all that failed. */
				for (int tries = 0; c.acknowledged < want; tries++) {
					assert_true(tries < 4);
					if (!grow(b.log, (size_t)(want - c.acknowledged)) &&
					    !proof_log_append(b.log, NULL, 0, &err))
						continue;
					c.acknowledged = proof_log_size(b.log);
				}
			}
			more = os_fs_failing_failed(failing) > 0;
			faults += more;
			os_fs_failing_disarm(failing);
			proof_log_close(&b.log);
			c.attempted = c.acknowledged;
			c.bench = &b;
			after = os_fs_memory_crash(b.disk, OS_CRASH_NOTHING, 0);
			crashed_log_check(&c, after);
			os_fs_memory_free(&after);
			bench_fini(&b);
			os_fs_failing_free(&failing);
		}
	}
	print_message("  durability: %llu faults under a log\n", (unsigned long long)faults);
	proof_fixture_tree_fini(&tree);
}

/* --crash: only what loses power and fails. */
int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(logs_grow_and_open_again),
	    cmocka_unit_test(proofs_come_out_of_tiles),
	    cmocka_unit_test(questions_out_of_range_are_refused),
	    cmocka_unit_test(tiles_are_served_in_any_width),
	    cmocka_unit_test(cosignatures_stay_until_the_next_append),
	    cmocka_unit_test(every_damaged_file_is_found),
	    cmocka_unit_test(another_key_does_not_open_it),
	};
	const struct CMUnitTest crashes[] = {
	    cmocka_unit_test(power_loss_at_every_operation),
	    cmocka_unit_test(every_call_fails_once),
	};

	if (argc > 1 && strcmp(argv[1], "--crash") == 0)
		return cmocka_run_group_tests_name("crash", crashes, NULL, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
