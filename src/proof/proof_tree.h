/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Merkle tree of RFC 9162 §2.1 with SHA-256: hashes, inclusion and consistency proofs, and their verification.
 * Pure: hashes of subtrees come from whoever has them.
 */
#ifndef PROOF_TREE_H
#define PROOF_TREE_H

#include <stddef.h>
#include <stdint.h>

#include "base_bytes.h"

#define PROOF_HASH_BYTES 32
#define PROOF_PATH_MAX   64 /* no proof over a 64-bit tree size is longer */

struct proof_hash {
	uint8_t raw[PROOF_HASH_BYTES];
};

/* A proof: for inclusion from the leaf's sibling up; for consistency as RFC 9162 §2.1.4.1 orders it. */
struct proof_path {
	struct proof_hash hashes[PROOF_PATH_MAX];
	size_t count;
};

/* proof_tree_leaf: SHA-256(0x00 || entry). proof_tree_node: SHA-256(0x01 || left || right). */
void proof_tree_leaf(struct proof_hash *out, struct bytes entry);
void proof_tree_node(
    struct proof_hash *out, const struct proof_hash *left, const struct proof_hash *right);
/* proof_tree_list: the tree hash whose leaf hashes are given; count 0 = SHA-256 of nothing. */
void proof_tree_list(struct proof_hash *out, const struct proof_hash *hashes, size_t count);
bool proof_tree_equal(const struct proof_hash *a, const struct proof_hash *b);

/* The hash of the perfect subtree over leaves [index << height, (index + 1) << height). */
typedef bool (*proof_subtree_fn)(
    void *ctx, unsigned height, uint64_t index, struct proof_hash *out, struct err *err);

struct proof_source {
	proof_subtree_fn subtree;
	void *ctx;
};

/*
 * The root of the tree over the first size leaves, and the proofs in it.
 *
 * in      index < size; first <= second; every subtree asked for lies within the first size (second) leaves
 * cost    at most 2 log2(size) subtrees
 * fails   ERR_USAGE index or first out of range; what the source fails with
 * source  RFC 9162 §2.1.1, §2.1.3.1, §2.1.4.1; first 0 or equal to second gives an empty proof
 */
MUST_USE bool proof_tree_root(
    const struct proof_source *s, uint64_t size, struct proof_hash *out, struct err *err);
MUST_USE bool proof_tree_inclusion(const struct proof_source *s, uint64_t index, uint64_t size,
    struct proof_path *out, struct err *err);
MUST_USE bool proof_tree_consistency(const struct proof_source *s, uint64_t first, uint64_t second,
    struct proof_path *out, struct err *err);

/*
 * The verifications of RFC 9162 §2.1.3.2 and §2.1.4.2. Everything given is outside input.
 * after   true only if the leaf is at index of the tree, or the second tree begins with the first; when first is 0 the
 *         path must be empty and the first root that of no leaves; when both are equal, so must be the roots
 */
MUST_USE bool proof_tree_verify_inclusion(const struct proof_hash *leaf, uint64_t index,
    uint64_t size, const struct proof_path *path, const struct proof_hash *root);
MUST_USE bool proof_tree_verify_consistency(uint64_t first, const struct proof_hash *first_root,
    uint64_t second, const struct proof_hash *second_root, const struct proof_path *path);

#endif
