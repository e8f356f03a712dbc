/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a log. */
#ifndef PROOF_LOG_INT_H
#define PROOF_LOG_INT_H

#include "proof_edge_int.h"
#include "proof_log.h"

#define PROOF_CACHE_TILES  8u
#define PROOF_ENTRY_BYTES  (2 + PROOF_LEAF_BYTES) /* in a bundle: its length, big-endian, first */
#define PROOF_BUNDLE_BYTES (PROOF_TILE_WIDTH * PROOF_ENTRY_BYTES)
#define PROOF_TILE_BYTES   (PROOF_TILE_WIDTH * PROOF_HASH_BYTES)

/* The hashes of a tile, and of every perfect subtree over them: those of height h from PROOF_NODES_AT(h) on. */
#define PROOF_NODES       (2 * PROOF_TILE_WIDTH - 1)
#define PROOF_NODES_AT(h) (2 * PROOF_TILE_WIDTH - (2 * PROOF_TILE_WIDTH >> (h)))

/* A full tile that was read and held against the checkpoint. */
struct proof_cached {
	bool used;
	unsigned level;
	uint64_t index;
	struct proof_hash *nodes; /* owned; NULL until first used */
};

struct proof_log {
	struct os_fs fs;
	char *dir;
	struct proof_key key;
	const struct secret *seed;
	struct proof_edge edge;
	struct proof_leaf bundle[PROOF_TILE_WIDTH]; /* the entries of the last, partial bundle */
	uint64_t size; /* of the checkpoint; the edge is ahead of it during an append */
	struct proof_hash root;
	struct buf note;
	bool stale; /* an append failed: memory is not what the disk says */
	struct proof_cached cache[PROOF_CACHE_TILES];
	unsigned cache_next;
	struct proof_hash
	    *edge_nodes[PROOF_TILE_LEVELS]; /* owned; of the edge, NULL until asked for */
	uint64_t edge_nodes_size;           /* the size they are of */
	struct proof_leaf *cached_bundle;   /* owned; a full bundle, or NULL */
	uint64_t cached_bundle_index;
};

/* proof_log_load: memory from the disk. */
MUST_USE bool proof_log_load(struct proof_log *log, struct err *err);
char *proof_log_path(const struct proof_log *log, const char *name); /* the caller frees */

/* proof_log_read.c: bytes of a tile or bundle from the disk, unchecked; the full one serves where the partial one is
 * not there. Takes width hashes or entries. ERR_CORRUPT, named: not there, or not as long as it should be. */
MUST_USE bool proof_log_hashes_read(const struct proof_log *log, unsigned level, uint64_t index,
    unsigned width, struct proof_hash *out, struct err *err);
MUST_USE bool proof_log_bundle_read(const struct proof_log *log, uint64_t index, unsigned width,
    struct proof_leaf *out, struct err *err);
void proof_log_bundle_encode(const struct proof_leaf *leaves, unsigned count, struct buf *out);
void proof_log_cache_drop(struct proof_log *log);

#endif
