/* SPDX-License-Identifier: Apache-2.0 */
/* A whole log, derived again from its entries and held against its tiles and its checkpoint. */
#include <stdio.h>
#include <string.h>

#include "base_mem.h"
#include "proof_log_int.h"

struct check {
	struct proof_log *log;
	struct proof_edge edge;
	proof_problem_fn problem;
	proof_cancel_fn cancel;
	void *ctx;
	struct proof_hash *tile;
};

static void
tell(struct check *c, const char *what)
{
	char text[320];

	(void)snprintf(text, sizeof text, "proof: %s", what);
	c->problem(c->ctx, text);
}

static void
tile_compare(struct check *c, unsigned level, uint64_t index, unsigned width,
    const struct proof_hash *wanted)
{
	struct proof_tile tile = {.level = level, .index = index, .width = width};
	char name[PROOF_TILE_PATH_SIZE], text[PROOF_TILE_PATH_SIZE + 64];
	struct err err;

	if (!proof_log_hashes_read(c->log, level, index, width, c->tile, &err)) {
		tell(c, err.msg);
		return;
	}
	for (unsigned i = 0; i < width; i++)
		if (!proof_tree_equal(&c->tile[i], &wanted[i])) {
			proof_tile_format(name, &tile);
			(void)snprintf(
			    text, sizeof text, "%s does not fit the entries beneath it", name);
			tell(c, text);
			return;
		}
}

static bool
tile_full(
    void *ctx, unsigned level, uint64_t index, const struct proof_hash *hashes, struct err *err)
{
	(void)err;
	tile_compare(ctx, level, index, PROOF_TILE_WIDTH, hashes);
	return true;
}

/* A bundle that cannot be read: its tile stands in, so that one loss is not told a thousand times. */
static void
bundle_replace(struct check *c, uint64_t index, unsigned width)
{
	struct err err;

	if (!proof_log_hashes_read(c->log, 0, index, width, c->tile, &err))
		memset(c->tile, 0, PROOF_TILE_BYTES);
}

static void
bundle_check(struct check *c, uint64_t index, unsigned width, struct proof_leaf *leaves)
{
	struct proof_hash hash;
	struct err err;
	bool readable = proof_log_bundle_read(c->log, index, width, leaves, &err);

	if (!readable) {
		tell(c, err.msg);
		bundle_replace(c, index, width);
	}
	for (unsigned i = 0; i < width; i++) {
		if (readable)
			proof_leaf_hash(&hash, &leaves[i]);
		else
			hash = c->tile[i];
		must(proof_edge_add(&c->edge, &hash, tile_full, c, &err));
	}
}

static void
edge_check(struct check *c)
{
	struct proof_hash root;

	for (unsigned level = 0; level < PROOF_TILE_LEVELS; level++) {
		unsigned width = proof_edge_count(&c->edge, level);

		if (width > 0)
			tile_compare(c, level,
			    level + 1 < PROOF_TILE_LEVELS ? c->edge.size >> (8 * (level + 1)) : 0,
			    width, c->edge.level[level]);
	}
	proof_edge_root(&c->edge, &root);
	if (!proof_tree_equal(&root, &c->log->root))
		tell(c, "the entries do not come to the root of the checkpoint");
}

/* The checkpoint that others are shown is the one the log goes by. */
static void
note_check(struct check *c)
{
	char *path = proof_log_path(c->log, "checkpoint");
	struct buf note;
	struct err err;

	buf_init(&note, PROOF_NOTE_BYTES_MAX);
	if (!os_fs_read_file(c->log->fs, path, PROOF_NOTE_BYTES_MAX, &note, &err))
		tell(c, err.msg);
	else if (!bytes_equal(buf_view(&note), buf_view(&c->log->note)))
		tell(c, "the checkpoint is not the one that was written last");
	buf_fini(&note);
	mem_free(path);
}

bool
proof_log_check(struct proof_log *log, proof_problem_fn problem, proof_cancel_fn cancel, void *ctx,
    struct err *err)
{
	struct check c = {.log = log, .problem = problem, .cancel = cancel, .ctx = ctx};
	struct proof_leaf *leaves;
	uint64_t size;
	unsigned width;
	bool ok = true;

	if (log->stale && !proof_log_load(log, err)) {
		tell(&c, err->msg);
		return true;
	}
	note_check(&c);
	size = log->edge.size;
	c.tile = mem_calloc(PROOF_TILE_WIDTH, sizeof *c.tile);
	leaves = mem_calloc(PROOF_TILE_WIDTH, sizeof *leaves);
	for (uint64_t i = 0; ok && (width = proof_tile_width(0, i, size)) > 0; i++) {
		if (cancel != NULL && cancel(ctx))
			ok = ERR(err, ERR_CANCELLED, "stopped");
		else
			bundle_check(&c, i, width, leaves);
	}
	if (ok)
		edge_check(&c);
	proof_edge_fini(&c.edge);
	mem_free(leaves);
	mem_free(c.tile);
	return ok;
}
