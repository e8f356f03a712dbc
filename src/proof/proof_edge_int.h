/* SPDX-License-Identifier: Apache-2.0 */
/* The right edge of a log in memory: of every level of tiles the hashes of the last, partial tile. */
#ifndef PROOF_EDGE_INT_H
#define PROOF_EDGE_INT_H

#include "proof_tile.h"
#include "proof_tree.h"

/* level[n] has proof_edge_count hashes, in a room of PROOF_TILE_WIDTH or NULL; owned. */
struct proof_edge {
	uint64_t size;
	struct proof_hash *level[PROOF_TILE_LEVELS];
};

void proof_edge_fini(struct proof_edge *e);
/* proof_edge_room: the hashes of a level, to be filled. */
struct proof_hash *proof_edge_room(struct proof_edge *e, unsigned level);
unsigned proof_edge_count(const struct proof_edge *e, unsigned level);

/* Called for each tile that becomes full, lowest level first; false stops, and the edge is then no good any more. */
typedef bool (*proof_edge_full_fn)(void *ctx, unsigned level, uint64_t index,
    const struct proof_hash hashes[PROOF_TILE_WIDTH], struct err *err);
MUST_USE bool proof_edge_add(struct proof_edge *e, const struct proof_hash *leaf,
    proof_edge_full_fn full, void *ctx, struct err *err);
void proof_edge_root(const struct proof_edge *e, struct proof_hash *out);

#endif
