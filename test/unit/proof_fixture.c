/* SPDX-License-Identifier: Apache-2.0 */
/* Leaves, trees and keys for the tests of proofs. */
#include "proof_fixture.h"

#include <string.h>

#include "base_mem.h"

void
proof_fixture_leaf(struct proof_leaf *out, uint64_t n)
{
	memset(out->raw, 0, sizeof out->raw);
	out->raw[0] = 1;
	out->raw[1] = PROOF_RECORD;
	for (size_t i = 0; i < 8; i++)
		out->raw[2 + i] = (uint8_t)(n >> (8 * i));
}

void
proof_fixture_tree_init(struct proof_fixture_tree *t, uint64_t size)
{
	*t = (struct proof_fixture_tree){.size = size};
	t->level[0] = mem_calloc((size_t)size, sizeof **t->level);
	for (uint64_t i = 0; i < size; i++) {
		struct proof_leaf leaf;

		proof_fixture_leaf(&leaf, i);
		proof_leaf_hash(&t->level[0][i], &leaf);
	}
	for (unsigned h = 1; h < 64 && size >> h > 0; h++) {
		t->level[h] = mem_calloc((size_t)(size >> h), sizeof **t->level);
		for (uint64_t i = 0; i < size >> h; i++)
			proof_tree_node(
			    &t->level[h][i], &t->level[h - 1][2 * i], &t->level[h - 1][2 * i + 1]);
	}
}

void
proof_fixture_tree_fini(struct proof_fixture_tree *t)
{
	for (unsigned h = 0; h < 64; h++)
		mem_free(t->level[h]);
}

static bool
subtree(void *ctx, unsigned height, uint64_t index, struct proof_hash *out, struct err *err)
{
	struct proof_fixture_tree *t = ctx;

	(void)err;
	must(height < 64 && index < t->size >> height);
	*out = t->level[height][index];
	return true;
}

struct proof_source
proof_fixture_source(struct proof_fixture_tree *t)
{
	return (struct proof_source){subtree, t};
}

struct secret *
proof_fixture_key(struct proof_key *out, enum proof_key_type type, const char *name, uint8_t byte)
{
	struct secret *seed = secret_new(CRYPT_SIGN_SEED_BYTES);
	uint8_t public_key[CRYPT_SIGN_PUBLIC_BYTES];
	struct err err;

	memset(secret_data(seed), byte, CRYPT_SIGN_SEED_BYTES);
	crypt_sign_public(seed, public_key);
	must(proof_key_make(out, type, bytes_of_str(name), public_key, &err));
	return seed;
}
