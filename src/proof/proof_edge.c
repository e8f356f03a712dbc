/* SPDX-License-Identifier: Apache-2.0 */
/* Appending to a tree with nothing but its right edge in memory. */
#include "proof_edge_int.h"

#include <string.h>

#include "base_mem.h"

void
proof_edge_fini(struct proof_edge *e)
{
	for (unsigned level = 0; level < PROOF_TILE_LEVELS; level++)
		mem_free(e->level[level]);
	*e = (struct proof_edge){0};
}

struct proof_hash *
proof_edge_room(struct proof_edge *e, unsigned level)
{
	if (e->level[level] == NULL)
		e->level[level] = mem_calloc(PROOF_TILE_WIDTH, sizeof *e->level[level]);
	return e->level[level];
}

unsigned
proof_edge_count(const struct proof_edge *e, unsigned level)
{
	return (unsigned)(e->size >> (8 * level)) % PROOF_TILE_WIDTH;
}

bool
proof_edge_add(struct proof_edge *e, const struct proof_hash *leaf, proof_edge_full_fn full,
    void *ctx, struct err *err)
{
	struct proof_hash up = *leaf;

	for (unsigned level = 0; level < PROOF_TILE_LEVELS; level++) {
		struct proof_hash *hashes = proof_edge_room(e, level);
		unsigned count = proof_edge_count(e, level);

		hashes[count] = up;
		if (count + 1 < PROOF_TILE_WIDTH)
			break;
		if (!full(ctx, level, e->size >> (8 * (level + 1)), hashes, err))
			return false;
		proof_tree_list(&up, hashes, PROOF_TILE_WIDTH);
	}
	e->size++;
	return true;
}

/*
 * The hashes of a level are subtrees of one size, and what the levels below hold is smaller than one of them: it goes
 * into the tree of that level as one more hash (RFC 9162 §2.1.1 splits at a multiple of that size).
 */
void
proof_edge_root(const struct proof_edge *e, struct proof_hash *out)
{
	struct proof_hash below = {{0}};
	bool some = false;

	if (e->size == 0)
		proof_tree_list(out, NULL, 0);
	for (unsigned level = 0; level < PROOF_TILE_LEVELS; level++) {
		unsigned count = proof_edge_count(e, level);

		if (count == 0)
			continue;
		must(e->level[level] != NULL);
		if (some)
			e->level[level][count] = below; /* room for one more: count < width */
		proof_tree_list(&below, e->level[level], count + some);
		some = true;
	}
	if (some)
		*out = below;
}
