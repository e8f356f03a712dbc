/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading a log: a tile is believed when its hash is in its parent, the last tile of each level was believed when the
 * log was opened, because the root of the checkpoint comes out of them.
 */
#include <string.h>

#include "base_mem.h"
#include "proof_log_int.h"

static bool
file_read(const struct proof_log *log, const struct proof_tile *tile, size_t unit, struct buf *out,
    struct err *err)
{
	char name[PROOF_TILE_PATH_SIZE];
	char *path;
	bool ok;

	proof_tile_format(name, tile);
	path = proof_log_path(log, name);
	ok = os_fs_read_file(log->fs, path, PROOF_TILE_WIDTH * unit, out, err);
	if (ok && out->len != tile->width * unit)
		ok = ERR(
		    err, ERR_CORRUPT, "it has %zu bytes, not %zu", out->len, tile->width * unit);
	if (!ok && err->code == ERR_LIMIT)
		err->code = ERR_CORRUPT;
	if (!ok && err->code != ERR_NOT_FOUND)
		(void)err_prefix(err, "%s", name);
	mem_free(path);
	return ok;
}

static bool
tile_read(const struct proof_log *log, struct proof_tile tile, size_t unit, struct buf *out,
    struct err *err)
{
	char name[PROOF_TILE_PATH_SIZE];

	if (file_read(log, &tile, unit, out, err))
		return true;
	proof_tile_format(name, &tile);
	if (err->code == ERR_NOT_FOUND && tile.width < PROOF_TILE_WIDTH) {
		tile.width = PROOF_TILE_WIDTH;
		buf_reset(out);
		if (file_read(log, &tile, unit, out, err))
			return true;
	}
	if (err->code == ERR_NOT_FOUND)
		return ERR(err, ERR_CORRUPT, "%s is not there", name);
	return false;
}

bool
proof_log_hashes_read(const struct proof_log *log, unsigned level, uint64_t index, unsigned width,
    struct proof_hash *out, struct err *err)
{
	struct proof_tile tile = {.level = level, .index = index, .width = width};
	struct buf raw;
	bool ok;

	buf_init(&raw, PROOF_TILE_BYTES);
	ok = tile_read(log, tile, PROOF_HASH_BYTES, &raw, err);
	for (unsigned i = 0; ok && i < width; i++)
		memcpy(out[i].raw, raw.ptr + i * PROOF_HASH_BYTES, PROOF_HASH_BYTES);
	buf_fini(&raw);
	return ok;
}

void
proof_log_bundle_encode(const struct proof_leaf *leaves, unsigned count, struct buf *out)
{
	for (unsigned i = 0; i < count; i++) {
		buf_u8(out, 0);
		buf_u8(out, PROOF_LEAF_BYTES);
		buf_append_mem(out, leaves[i].raw, PROOF_LEAF_BYTES);
	}
}

bool
proof_log_bundle_read(const struct proof_log *log, uint64_t index, unsigned width,
    struct proof_leaf *out, struct err *err)
{
	struct proof_tile tile = {.entries = true, .index = index, .width = width};
	struct buf raw;
	bool ok;

	buf_init(&raw, PROOF_BUNDLE_BYTES);
	ok = tile_read(log, tile, PROOF_ENTRY_BYTES, &raw, err);
	for (unsigned i = 0; ok && i < width; i++) {
		const uint8_t *entry = raw.ptr + (size_t)i * PROOF_ENTRY_BYTES;

		if (entry[0] != 0 || entry[1] != PROOF_LEAF_BYTES)
			ok = ERR(err, ERR_CORRUPT, "entry %u of bundle %llu has a wrong length", i,
			    (unsigned long long)index);
		memcpy(out[i].raw, entry + 2, PROOF_LEAF_BYTES);
	}
	buf_fini(&raw);
	return ok;
}

void
proof_log_cache_drop(struct proof_log *log)
{
	for (unsigned i = 0; i < PROOF_CACHE_TILES; i++)
		log->cache[i].used = false;
	for (unsigned level = 0; level < PROOF_TILE_LEVELS; level++) {
		mem_free(log->edge_nodes[level]);
		log->edge_nodes[level] = NULL;
	}
	mem_free(log->cached_bundle);
	log->cached_bundle = NULL;
}

static const struct proof_hash *
cache_find(const struct proof_log *log, unsigned level, uint64_t index)
{
	for (unsigned i = 0; i < PROOF_CACHE_TILES; i++) {
		const struct proof_cached *c = &log->cache[i];

		if (c->used && c->level == level && c->index == index)
			return c->nodes;
	}
	return NULL;
}

/* The subtrees over the first width hashes of nodes. */
static void
nodes_fill(struct proof_hash *nodes, unsigned width)
{
	for (unsigned height = 1; width >> height > 0; height++) {
		const struct proof_hash *below = nodes + PROOF_NODES_AT(height - 1);

		for (unsigned i = 0; i < width >> height; i++)
			proof_tree_node(
			    &nodes[PROOF_NODES_AT(height) + i], &below[2 * i], &below[2 * i + 1]);
	}
}

/* A full tile into the cache, if it hashes to what its parent says. */
static const struct proof_hash *
cache_fill(struct proof_log *log, unsigned level, uint64_t index, const struct proof_hash *wanted,
    struct err *err)
{
	struct proof_cached *c = &log->cache[log->cache_next++ % PROOF_CACHE_TILES];
	char name[PROOF_TILE_PATH_SIZE];

	c->used = false;
	if (c->nodes == NULL)
		c->nodes = mem_calloc(PROOF_NODES, sizeof *c->nodes);
	if (!proof_log_hashes_read(log, level, index, PROOF_TILE_WIDTH, c->nodes, err))
		return NULL;
	nodes_fill(c->nodes, PROOF_TILE_WIDTH);
	if (!proof_tree_equal(&c->nodes[PROOF_NODES - 1], wanted)) {
		proof_tile_format(
		    name, &(struct proof_tile){
			      .level = level, .index = index, .width = PROOF_TILE_WIDTH});
		(void)ERR(err, ERR_CORRUPT, "%s is not what was written", name);
		return NULL;
	}
	c->level = level;
	c->index = index;
	c->used = true;
	return c->nodes;
}

/*
 * The hashes of a tile, believed; valid until the next call. From the lowest level above that is known (cached, or of
 * the edge) down to the one that is asked for.
 */
static const struct proof_hash *
tile_get(struct proof_log *log, unsigned level, uint64_t index, struct err *err)
{
	const struct proof_hash *hashes = NULL;
	unsigned at = level;

	for (;; at++) {
		uint64_t i = index >> (8 * (at - level));

		must(at < PROOF_TILE_LEVELS);
		if (proof_tile_width(at, i, log->edge.size) < PROOF_TILE_WIDTH)
			hashes = log->edge.level[at];
		else
			hashes = cache_find(log, at, i);
		if (hashes != NULL)
			break;
	}
	while (at-- > level) {
		uint64_t i = index >> (8 * (at - level));
		struct proof_hash wanted = hashes[i % PROOF_TILE_WIDTH];

		hashes = cache_fill(log, at, i, &wanted, err);
		if (hashes == NULL)
			return NULL;
	}
	return hashes;
}

/* Those of the last tile of a level, which were believed when the log was opened. */
static const struct proof_hash *
edge_nodes(struct proof_log *log, unsigned level)
{
	unsigned width = proof_edge_count(&log->edge, level);

	must(width > 0);
	if (log->edge_nodes_size != log->edge.size) {
		for (unsigned i = 0; i < PROOF_TILE_LEVELS; i++) {
			mem_free(log->edge_nodes[i]);
			log->edge_nodes[i] = NULL;
		}
		log->edge_nodes_size = log->edge.size;
	}
	if (log->edge_nodes[level] == NULL) {
		log->edge_nodes[level] = mem_calloc(PROOF_NODES, sizeof *log->edge_nodes[level]);
		memcpy(log->edge_nodes[level], log->edge.level[level],
		    width * sizeof *log->edge_nodes[level]);
		nodes_fill(log->edge_nodes[level], width);
	}
	return log->edge_nodes[level];
}

static bool
subtree(void *ctx, unsigned height, uint64_t index, struct proof_hash *out, struct err *err)
{
	struct proof_log *log = ctx;
	unsigned level = height / 8, rest = height % 8;
	uint64_t first = index << rest, tile = first / PROOF_TILE_WIDTH;
	const struct proof_hash *nodes =
	    proof_tile_width(level, tile, log->edge.size) < PROOF_TILE_WIDTH
		? edge_nodes(log, level)
		: tile_get(log, level, tile, err);

	if (nodes == NULL)
		return false;
	*out = nodes[PROOF_NODES_AT(rest) + (first % PROOF_TILE_WIDTH >> rest)];
	return true;
}

static bool
ready(struct proof_log *log, uint64_t size, struct err *err)
{
	if (log->stale && !proof_log_load(log, err))
		return false;
	return size <= log->edge.size ||
	       ERR(err, ERR_USAGE, "the log has %llu leaves, not %llu",
		   (unsigned long long)log->edge.size, (unsigned long long)size);
}

bool
proof_log_inclusion(
    struct proof_log *log, uint64_t index, uint64_t size, struct proof_path *out, struct err *err)
{
	struct proof_source s = {subtree, log};

	return ready(log, size, err) && proof_tree_inclusion(&s, index, size, out, err);
}

bool
proof_log_consistency(
    struct proof_log *log, uint64_t first, uint64_t second, struct proof_path *out, struct err *err)
{
	struct proof_source s = {subtree, log};

	return ready(log, second, err) && proof_tree_consistency(&s, first, second, out, err);
}

bool
proof_log_root_at(struct proof_log *log, uint64_t size, struct proof_hash *out, struct err *err)
{
	struct proof_source s = {subtree, log};

	return ready(log, size, err) && proof_tree_root(&s, size, out, err);
}

bool
proof_log_leaf_hash(struct proof_log *log, uint64_t index, struct proof_hash *out, struct err *err)
{
	if (index == UINT64_MAX)
		return ERR(err, ERR_USAGE, "no such leaf");
	return ready(log, index + 1, err) && subtree(log, 0, index, out, err);
}

/* The entries of a bundle, believed. */
static const struct proof_leaf *
bundle_get(struct proof_log *log, uint64_t index, struct err *err)
{
	const struct proof_hash *hashes;
	struct proof_leaf *leaves;

	if (proof_tile_width(0, index, log->edge.size) < PROOF_TILE_WIDTH)
		return log->bundle;
	if (log->cached_bundle != NULL && log->cached_bundle_index == index)
		return log->cached_bundle;
	hashes = tile_get(log, 0, index, err);
	if (hashes == NULL)
		return NULL;
	mem_free(log->cached_bundle);
	log->cached_bundle = NULL;
	leaves = mem_calloc(PROOF_TILE_WIDTH, sizeof *leaves);
	if (!proof_log_bundle_read(log, index, PROOF_TILE_WIDTH, leaves, err)) {
		mem_free(leaves);
		return NULL;
	}
	for (unsigned i = 0; i < PROOF_TILE_WIDTH; i++) {
		struct proof_hash got;

		proof_leaf_hash(&got, &leaves[i]);
		if (!proof_tree_equal(&got, &hashes[i])) {
			(void)ERR(err, ERR_CORRUPT,
			    "entry %u of bundle %llu is not what was written", i,
			    (unsigned long long)index);
			mem_free(leaves);
			return NULL;
		}
	}
	log->cached_bundle = leaves;
	log->cached_bundle_index = index;
	return leaves;
}

bool
proof_log_leaf(struct proof_log *log, uint64_t index, struct proof_leaf *out, struct err *err)
{
	const struct proof_leaf *leaves;

	if (index == UINT64_MAX)
		return ERR(err, ERR_USAGE, "no such leaf");
	if (!ready(log, index + 1, err))
		return false;
	leaves = bundle_get(log, index / PROOF_TILE_WIDTH, err);
	if (leaves == NULL)
		return false;
	*out = leaves[index % PROOF_TILE_WIDTH];
	return true;
}

bool
proof_log_tile(
    struct proof_log *log, const struct proof_tile *tile, struct buf *out, struct err *err)
{
	const struct proof_hash *hashes;
	const struct proof_leaf *leaves;

	if (!ready(log, 0, err))
		return false;
	if (tile->width == 0 ||
	    tile->width > proof_tile_width(tile->level, tile->index, log->edge.size))
		return ERR(err, ERR_NOT_FOUND, "no such tile");
	if (tile->entries) {
		leaves = bundle_get(log, tile->index, err);
		if (leaves == NULL)
			return false;
		proof_log_bundle_encode(leaves, tile->width, out);
		return true;
	}
	hashes = tile_get(log, tile->level, tile->index, err);
	for (unsigned i = 0; hashes != NULL && i < tile->width; i++)
		buf_append_mem(out, hashes[i].raw, PROOF_HASH_BYTES);
	return hashes != NULL;
}
