/* SPDX-License-Identifier: Apache-2.0 */
/* Leaves, trees and keys for the tests of proofs. */
#ifndef PROOF_FIXTURE_H
#define PROOF_FIXTURE_H

#include "proof_leaf.h"
#include "proof_note.h"
#include "proof_tree.h"

/* proof_fixture_leaf: the n-th leaf of an endless row. */
void proof_fixture_leaf(struct proof_leaf *out, uint64_t n);

/* All perfect subtrees over that many leaves. */
struct proof_fixture_tree {
	uint64_t size;
	struct proof_hash *level[64];
};
void proof_fixture_tree_init(struct proof_fixture_tree *t, uint64_t size);
void proof_fixture_tree_fini(struct proof_fixture_tree *t);
struct proof_source proof_fixture_source(struct proof_fixture_tree *t);

/* A log's key made of one byte; free the seed. */
struct secret *proof_fixture_key(
    struct proof_key *out, enum proof_key_type type, const char *name, uint8_t byte);

#endif
