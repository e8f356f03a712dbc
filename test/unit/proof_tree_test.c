/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trees and proofs against the recursive definitions of RFC 9162, written out once more here; and that a proof with
 * anything changed proves nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base_mem.h"
#include "base_rng.h"
#include "base_text.h"
#include "crypt_digest.h"
#include "proof_fixture.h"

#define SMALL 300

/* MTH(D[from:to]) for all ranges that the recursion meets, each computed once. */
struct oracle {
	bool known[SMALL][SMALL + 1];
	uint8_t hash[SMALL][SMALL + 1][32];
};

static size_t
split(size_t n)
{
	size_t k = 1;

	while (2 * k < n)
		k *= 2;
	return k;
}

static const uint8_t *
oracle_mth(struct oracle *o, size_t from, size_t to)
{
	uint8_t both[65];

	if (o->known[from][to])
		return o->hash[from][to];
	if (to - from == 1) {
		struct proof_leaf leaf;
		uint8_t entry[1 + PROOF_LEAF_BYTES] = {0};

		proof_fixture_leaf(&leaf, from);
		memcpy(entry + 1, leaf.raw, PROOF_LEAF_BYTES);
		crypt_sha256(o->hash[from][to], bytes_of(entry, sizeof entry));
	} else {
		size_t k = split(to - from);

		both[0] = 1;
		memcpy(both + 1, oracle_mth(o, from, from + k), 32);
		memcpy(both + 33, oracle_mth(o, from + k, to), 32);
		crypt_sha256(o->hash[from][to], bytes_of(both, sizeof both));
	}
	o->known[from][to] = true;
	return o->hash[from][to];
}

static void
put(struct proof_path *path, const uint8_t *hash)
{
	memcpy(path->hashes[path->count++].raw, hash, 32);
}

/* PATH(m, D[from:to]). */
static void
oracle_path(struct oracle *o, size_t m, size_t from, size_t to, struct proof_path *out)
{
	size_t k;

	if (to - from == 1)
		return;
	k = split(to - from);
	if (m < k) {
		oracle_path(o, m, from, from + k, out);
		put(out, oracle_mth(o, from + k, to));
	} else {
		oracle_path(o, m - k, from + k, to, out);
		put(out, oracle_mth(o, from, from + k));
	}
}

/* SUBPROOF(m, D[from:to], b). */
static void
oracle_subproof(struct oracle *o, size_t m, size_t from, size_t to, bool b, struct proof_path *out)
{
	size_t k;

	if (m == to - from) {
		if (!b)
			put(out, oracle_mth(o, from, to));
		return;
	}
	k = split(to - from);
	if (m <= k) {
		oracle_subproof(o, m, from, from + k, b, out);
		put(out, oracle_mth(o, from + k, to));
	} else {
		oracle_subproof(o, m - k, from + k, to, false, out);
		put(out, oracle_mth(o, from, from + k));
	}
}

static void
paths_equal(const struct proof_path *a, const struct proof_path *b)
{
	assert_int_equal(a->count, b->count);
	for (size_t i = 0; i < a->count; i++)
		assert_true(proof_tree_equal(&a->hashes[i], &b->hashes[i]));
}

static struct proof_hash
hash_of(const uint8_t *raw)
{
	struct proof_hash h;

	memcpy(h.raw, raw, sizeof h.raw);
	return h;
}

static void
roots_of_known_trees(void **state)
{
	/* SHA-256 of nothing, and of the one byte of an empty leaf: values anybody can compute. */
	static const char *const WANT[] = {
	    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
	    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
	};
	struct proof_hash h;
	char text[65];

	(void)state;
	proof_tree_list(&h, NULL, 0);
	text_hex_format(text, bytes_of(h.raw, 32));
	assert_string_equal(text, WANT[0]);
	proof_tree_leaf(&h, BYTES_EMPTY);
	text_hex_format(text, bytes_of(h.raw, 32));
	assert_string_equal(text, WANT[1]);
}

static void
long_entries_hash_as_short_ones(void **state)
{
	uint8_t entry[1000], prefixed[1001] = {0};
	struct proof_hash a, b;

	(void)state;
	memset(entry, 7, sizeof entry);
	for (size_t len = 250; len < sizeof entry; len++) {
		memcpy(prefixed + 1, entry, len);
		crypt_sha256(b.raw, bytes_of(prefixed, len + 1));
		proof_tree_leaf(&a, bytes_of(entry, len));
		assert_true(proof_tree_equal(&a, &b));
	}
}

static void
inclusion_mutated(const struct proof_hash *leaf, uint64_t index, uint64_t size,
    const struct proof_path *path, const struct proof_hash *root, const struct rng *rng)
{
	struct proof_path bad = *path;
	struct proof_hash other = *leaf;

	other.raw[rng_below(rng, 32)] ^= 4;
	assert_false(proof_tree_verify_inclusion(&other, index, size, path, root));
	other = *root;
	other.raw[rng_below(rng, 32)] ^= 4;
	assert_false(proof_tree_verify_inclusion(leaf, index, size, path, &other));
	assert_false(proof_tree_verify_inclusion(leaf, size, size, path, root));
	if (index > 0)
		assert_false(proof_tree_verify_inclusion(leaf, index - 1, size, path, root));
	if (index + 1 < size)
		assert_false(proof_tree_verify_inclusion(leaf, index + 1, size, path, root));
	bad.hashes[bad.count++] = *root;
	assert_false(proof_tree_verify_inclusion(leaf, index, size, &bad, root));
	if (path->count == 0)
		return;
	bad = *path;
	bad.hashes[rng_below(rng, bad.count)].raw[rng_below(rng, 32)] ^= 1;
	assert_false(proof_tree_verify_inclusion(leaf, index, size, &bad, root));
	bad = *path;
	bad.count--;
	assert_false(proof_tree_verify_inclusion(leaf, index, size, &bad, root));
}

static void
inclusion_fits_the_definition(void **state)
{
	struct oracle *o = mem_calloc(1, sizeof *o);
	struct proof_fixture_tree tree;
	struct proof_source source;
	struct rng_seeded seeded = {1};
	struct rng rng = rng_seeded(&seeded);
	struct err err;

	(void)state;
	proof_fixture_tree_init(&tree, SMALL);
	source = proof_fixture_source(&tree);
	for (size_t size = 1; size <= SMALL; size++) {
		struct proof_hash root, want = hash_of(oracle_mth(o, 0, size));

		assert_true(proof_tree_root(&source, size, &root, &err));
		assert_true(proof_tree_equal(&root, &want));
		for (size_t index = 0; index < size; index++) {
			struct proof_path got, expected = {.count = 0};

			assert_true(proof_tree_inclusion(&source, index, size, &got, &err));
			oracle_path(o, index, 0, size, &expected);
			paths_equal(&got, &expected);
			assert_true(proof_tree_verify_inclusion(
			    &tree.level[0][index], index, size, &got, &root));
			inclusion_mutated(&tree.level[0][index], index, size, &got, &root, &rng);
		}
	}
	proof_fixture_tree_fini(&tree);
	mem_free(o);
}

static void
consistency_mutated(uint64_t first, const struct proof_hash *first_root, uint64_t second,
    const struct proof_hash *second_root, const struct proof_path *path, const struct rng *rng)
{
	struct proof_path bad = *path;
	struct proof_hash other = *first_root;

	other.raw[rng_below(rng, 32)] ^= 8;
	assert_false(proof_tree_verify_consistency(first, &other, second, second_root, path));
	bad.hashes[bad.count++] = *second_root;
	assert_false(proof_tree_verify_consistency(first, first_root, second, second_root, &bad));
	if (first == 0) /* every log begins with nothing */
		return;
	other = *second_root;
	other.raw[rng_below(rng, 32)] ^= 8;
	assert_false(proof_tree_verify_consistency(first, first_root, second, &other, path));
	if (path->count == 0)
		return;
	bad = *path;
	bad.hashes[rng_below(rng, bad.count)].raw[rng_below(rng, 32)] ^= 1;
	assert_false(proof_tree_verify_consistency(first, first_root, second, second_root, &bad));
	bad = *path;
	bad.count--;
	assert_false(proof_tree_verify_consistency(first, first_root, second, second_root, &bad));
	assert_false(proof_tree_verify_consistency(second, second_root, first, first_root, path));
}

static void
consistency_fits_the_definition(void **state)
{
	struct oracle *o = mem_calloc(1, sizeof *o);
	struct proof_fixture_tree tree;
	struct proof_source source;
	struct rng_seeded seeded = {2};
	struct rng rng = rng_seeded(&seeded);
	struct err err;

	(void)state;
	proof_fixture_tree_init(&tree, SMALL);
	source = proof_fixture_source(&tree);
	for (size_t second = 1; second <= SMALL; second++)
		for (size_t first = 0; first <= second; first++) {
			struct proof_path got, want = {.count = 0};
			struct proof_hash a, b = hash_of(oracle_mth(o, 0, second));

			proof_tree_list(&a, NULL, 0);
			if (first > 0) {
				a = hash_of(oracle_mth(o, 0, first));
				oracle_subproof(o, first, 0, second, true, &want);
			}
			assert_true(proof_tree_consistency(&source, first, second, &got, &err));
			paths_equal(&got, &want);
			assert_true(proof_tree_verify_consistency(first, &a, second, &b, &got));
			consistency_mutated(first, &a, second, &b, &got, &rng);
		}
	proof_fixture_tree_fini(&tree);
	mem_free(o);
}

static void
random_proofs_of_large_trees(void **state)
{
	enum { LARGE = 100000, CASES = 400 };
	struct proof_fixture_tree tree;
	struct proof_source source;
	struct rng_seeded seeded = {3};
	struct rng rng = rng_seeded(&seeded);
	struct err err;

	(void)state;
	proof_fixture_tree_init(&tree, LARGE);
	source = proof_fixture_source(&tree);
	for (size_t i = 0; i < CASES; i++) {
		uint64_t second = 1 + rng_below(&rng, LARGE), first = 1 + rng_below(&rng, second);
		uint64_t index = rng_below(&rng, second);
		struct proof_hash a, b;
		struct proof_path path;

		assert_true(proof_tree_root(&source, first, &a, &err));
		assert_true(proof_tree_root(&source, second, &b, &err));
		assert_true(proof_tree_inclusion(&source, index, second, &path, &err));
		assert_true(
		    proof_tree_verify_inclusion(&tree.level[0][index], index, second, &path, &b));
		inclusion_mutated(&tree.level[0][index], index, second, &path, &b, &rng);
		assert_true(proof_tree_consistency(&source, first, second, &path, &err));
		assert_true(proof_tree_verify_consistency(first, &a, second, &b, &path));
		consistency_mutated(first, &a, second, &b, &path, &rng);
	}
	proof_fixture_tree_fini(&tree);
}

static void
questions_out_of_range_are_refused(void **state)
{
	struct proof_fixture_tree tree;
	struct proof_source source;
	struct proof_path path;
	struct err err;

	(void)state;
	proof_fixture_tree_init(&tree, 8);
	source = proof_fixture_source(&tree);
	assert_false(proof_tree_inclusion(&source, 8, 8, &path, &err));
	assert_int_equal(err.code, ERR_USAGE);
	assert_false(proof_tree_inclusion(&source, 0, 0, &path, &err));
	assert_false(proof_tree_consistency(&source, 8, 7, &path, &err));
	assert_int_equal(err.code, ERR_USAGE);
	proof_fixture_tree_fini(&tree);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(roots_of_known_trees),
	    cmocka_unit_test(long_entries_hash_as_short_ones),
	    cmocka_unit_test(inclusion_fits_the_definition),
	    cmocka_unit_test(consistency_fits_the_definition),
	    cmocka_unit_test(random_proofs_of_large_trees),
	    cmocka_unit_test(questions_out_of_range_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
