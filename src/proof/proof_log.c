/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing a log: tiles first, all of them synced, then the checkpoint that covers them, then what no checkpoint covers
 * any more is removed. At any moment the disk holds every tile of the checkpoint that is there.
 */
#include "proof_log.h"

#include <stdio.h>
#include <string.h>

#include "base_log.h"
#include "base_mem.h"
#include "proof_log_int.h"

char *
proof_log_path(const struct proof_log *log, const char *name)
{
	size_t size = strlen(log->dir) + 1 + strlen(name) + 1;
	char *path = mem_alloc(size);

	(void)snprintf(path, size, "%s/%s", log->dir, name);
	return path;
}

static struct proof_log *
log_new(const struct proof_log_options *o)
{
	struct proof_log *log = mem_calloc(1, sizeof *log);

	log->fs = o->fs;
	log->dir = mem_strdup(o->dir);
	log->key = *o->key;
	log->seed = o->seed;
	buf_init(&log->note, PROOF_NOTE_BYTES_MAX);
	return log;
}

void
proof_log_close(struct proof_log **pointer)
{
	struct proof_log *log = *pointer;

	*pointer = NULL;
	if (log == NULL)
		return;
	proof_edge_fini(&log->edge);
	for (unsigned i = 0; i < PROOF_CACHE_TILES; i++)
		mem_free(log->cache[i].nodes);
	for (unsigned level = 0; level < PROOF_TILE_LEVELS; level++)
		mem_free(log->edge_nodes[level]);
	mem_free(log->cached_bundle);
	buf_fini(&log->note);
	mem_free(log->dir);
	mem_free(log);
}

static bool
note_write(struct proof_log *log, const struct buf *note, struct err *err)
{
	char *path = proof_log_path(log, "checkpoint");
	bool ok = os_fs_write_file(log->fs, path, buf_view(note), err);

	mem_free(path);
	return ok;
}

static void
note_make(const struct proof_log *log, struct buf *out)
{
	struct proof_checkpoint c = {
	    .origin = bytes_of_str(log->key.name), .size = log->edge.size, .root = log->root};

	buf_reset(out);
	proof_checkpoint_seal(&c, &log->key, log->seed, out);
}

bool
proof_log_create(const struct proof_log_options *o, struct err *err)
{
	struct proof_log *log = log_new(o);
	char *path = proof_log_path(log, "checkpoint");
	struct os_stat st;
	bool ok = os_fs_mkdir_path(o->fs, o->dir, err);

	if (ok && !os_fs_stat(o->fs, path, &st, err)) {
		ok = err->code == ERR_NOT_FOUND;
		if (ok) {
			proof_edge_root(&log->edge, &log->root);
			note_make(log, &log->note);
			ok = note_write(log, &log->note, err);
		}
	} else if (ok) {
		ok = os_fs_sync_dir(o->fs, o->dir, err);
	}
	mem_free(path);
	proof_log_close(&log);
	return ok;
}

struct leftovers {
	const struct proof_log *log;
	const char *dir;  /* "tile/0/005.p" */
	const char *keep; /* "12" */
	bool *synced;
};

static bool
leftover_remove(void *ctx, const char *name)
{
	const struct leftovers *l = ctx;
	char both[2 * PROOF_TILE_PATH_SIZE];
	struct err err;
	char *path;

	if (strcmp(name, l->keep) == 0 || strlen(name) >= PROOF_TILE_PATH_SIZE)
		return true;
	/* The checkpoint that does not need them may be a rename that power loss still undoes. */
	if (!*l->synced && !os_fs_sync_dir(l->log->fs, l->log->dir, &err))
		return false;
	*l->synced = true;
	(void)snprintf(both, sizeof both, "%s/%s", l->dir, name);
	path = proof_log_path(l->log, both);
	if (!os_fs_unlink(l->log->fs, path, &err) && err.code != ERR_NOT_FOUND)
		log_warn("%s: not removed: %s", path, err.msg);
	mem_free(path);
	return true;
}

/* Partial tiles of other widths beside the present one: of older checkpoints, or of a call that was cut off. */
static void
partials_sweep(const struct proof_log *log, const struct proof_tile *tile, bool *synced)
{
	char name[PROOF_TILE_PATH_SIZE], keep[8];
	struct leftovers l = {.log = log, .dir = name, .keep = keep, .synced = synced};
	struct err err;
	char *path;

	proof_tile_format(name, tile);
	(void)snprintf(keep, sizeof keep, "%u", tile->width);
	*strrchr(name, '/') = '\0';
	path = proof_log_path(log, name);
	if (!os_fs_list(log->fs, path, leftover_remove, &l, &err) && err.code != ERR_NOT_FOUND)
		log_warn("%s: not looked through: %s", path, err.msg);
	mem_free(path);
}

/* The partial tiles of a tree; the bundle comes first. */
static size_t
partials_of(uint64_t size, struct proof_tile out[PROOF_TILE_LEVELS + 1])
{
	size_t count = 0;

	for (unsigned level = 0; level < PROOF_TILE_LEVELS; level++) {
		unsigned width = (unsigned)(size >> (8 * level)) % PROOF_TILE_WIDTH;
		struct proof_tile tile = {.level = level, .width = width};

		if (width == 0)
			continue;
		tile.index = level + 1 < PROOF_TILE_LEVELS ? size >> (8 * (level + 1)) : 0;
		if (level == 0) {
			out[count] = tile;
			out[count++].entries = true;
		}
		out[count++] = tile;
	}
	return count;
}

static bool
edge_load(struct proof_log *log, uint64_t size, struct err *err)
{
	struct proof_tile partials[PROOF_TILE_LEVELS + 1];
	size_t count = partials_of(size, partials);
	struct proof_hash got;
	bool synced = false;

	proof_edge_fini(&log->edge);
	log->edge.size = size;
	for (size_t i = 0; i < count; i++) {
		const struct proof_tile *t = &partials[i];

		if (t->entries ? !proof_log_bundle_read(log, t->index, t->width, log->bundle, err)
			       : !proof_log_hashes_read(log, t->level, t->index, t->width,
				     proof_edge_room(&log->edge, t->level), err))
			return false;
	}
	proof_edge_root(&log->edge, &got);
	if (!proof_tree_equal(&got, &log->root))
		return ERR(err, ERR_CORRUPT,
		    "the last tiles of the log do not come to the root of its checkpoint");
	for (unsigned i = 0; i < proof_edge_count(&log->edge, 0); i++) {
		proof_leaf_hash(&got, &log->bundle[i]);
		if (!proof_tree_equal(&got, &log->edge.level[0][i]))
			return ERR(err, ERR_CORRUPT,
			    "entry %llu of the log is not what was written",
			    (unsigned long long)(size - size % PROOF_TILE_WIDTH + i));
	}
	for (size_t i = 0; i < count; i++)
		partials_sweep(log, &partials[i], &synced);
	return true;
}

bool
proof_log_load(struct proof_log *log, struct err *err)
{
	char *path = proof_log_path(log, "checkpoint");
	struct proof_checkpoint c;
	bool ok;

	buf_reset(&log->note);
	proof_log_cache_drop(log);
	log->stale = true;
	ok = os_fs_read_file(log->fs, path, PROOF_NOTE_BYTES_MAX, &log->note, err) &&
	     (proof_checkpoint_open(buf_view(&log->note), &log->key, &c, err) ||
		 err_prefix(err, "checkpoint"));
	if (ok) {
		log->root = c.root;
		log->size = c.size;
		ok = edge_load(log, c.size, err);
	}
	log->stale = !ok;
	mem_free(path);
	return ok || err_prefix(err, "%s", log->dir);
}

bool
proof_log_open(const struct proof_log_options *o, struct proof_log **out, struct err *err)
{
	struct proof_log *log = log_new(o);

	if (!proof_log_load(log, err)) {
		proof_log_close(&log);
		return false;
	}
	*out = log;
	return true;
}

/* A directory and what is missing above it, within the log's own. */
static bool
directory_make(struct proof_log *log, char *path, struct err *err)
{
	char *slash;
	bool ok;

	if (os_fs_mkdir(log->fs, path, err) || err->code == ERR_EXISTS)
		return true;
	slash = strrchr(path, '/');
	if (err->code != ERR_NOT_FOUND || slash == NULL ||
	    (size_t)(slash - path) < strlen(log->dir))
		return false;
	*slash = '\0';
	ok = directory_make(log, path, err);
	*slash = '/';
	return ok && (os_fs_mkdir(log->fs, path, err) || err->code == ERR_EXISTS);
}

/* A file that is not covered by any checkpoint: one of that name is what is left of a call that was cut off. */
static bool
file_create(struct proof_log *log, char *path, struct os_file **out, struct err *err)
{
	char *slash;
	bool ok;

	if (os_fs_open(log->fs, path, OS_OPEN_CREATE, out, err))
		return true;
	if (err->code == ERR_EXISTS) {
		if (!os_fs_unlink(log->fs, path, err))
			return false;
	} else if (err->code == ERR_NOT_FOUND) {
		slash = strrchr(path, '/');
		*slash = '\0';
		ok = directory_make(log, path, err);
		*slash = '/';
		if (!ok)
			return false;
	} else {
		return false;
	}
	return os_fs_open(log->fs, path, OS_OPEN_CREATE, out, err);
}

static bool
tile_write(struct proof_log *log, const struct proof_tile *tile, struct bytes data, struct err *err)
{
	char name[PROOF_TILE_PATH_SIZE];
	struct os_file *f = NULL;
	char *path;
	bool ok;

	proof_tile_format(name, tile);
	path = proof_log_path(log, name);
	ok = file_create(log, path, &f, err) && os_file_write_at(f, 0, data, err) &&
	     os_file_close(&f, err);
	os_file_drop(&f);
	mem_free(path);
	return ok || err_prefix(err, "%s", name);
}

static bool
hashes_write(struct proof_log *log, const struct proof_tile *tile, const struct proof_hash *hashes,
    struct err *err)
{
	return tile_write(
	    log, tile, bytes_of(hashes->raw, (size_t)tile->width * PROOF_HASH_BYTES), err);
}

static bool
bundle_write(struct proof_log *log, uint64_t index, unsigned width, struct err *err)
{
	struct proof_tile tile = {.entries = true, .index = index, .width = width};
	struct buf raw;
	bool ok;

	buf_init(&raw, PROOF_BUNDLE_BYTES);
	proof_log_bundle_encode(log->bundle, width, &raw);
	ok = tile_write(log, &tile, buf_view(&raw), err);
	buf_fini(&raw);
	return ok;
}

static bool
full_write(
    void *ctx, unsigned level, uint64_t index, const struct proof_hash *hashes, struct err *err)
{
	struct proof_log *log = ctx;
	struct proof_tile tile = {.level = level, .index = index, .width = PROOF_TILE_WIDTH};

	return hashes_write(log, &tile, hashes, err) &&
	       (level > 0 || bundle_write(log, index, PROOF_TILE_WIDTH, err));
}

static bool
same_tile(const struct proof_tile *a, const struct proof_tile *b)
{
	return a->entries == b->entries && a->level == b->level && a->index == b->index &&
	       a->width == b->width;
}

static bool
among(const struct proof_tile *tile, const struct proof_tile *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (same_tile(tile, &list[i]))
			return true;
	return false;
}

/* Those of the new size that the old size did not have already. */
static bool
partials_write(struct proof_log *log, uint64_t old_size, struct err *err)
{
	struct proof_tile old[PROOF_TILE_LEVELS + 1], now[PROOF_TILE_LEVELS + 1];
	size_t old_count = partials_of(old_size, old), count = partials_of(log->edge.size, now);

	for (size_t i = 0; i < count; i++) {
		if (among(&now[i], old, old_count))
			continue;
		if (now[i].entries
			? !bundle_write(log, now[i].index, now[i].width, err)
			: !hashes_write(log, &now[i], log->edge.level[now[i].level], err))
			return false;
	}
	return true;
}

/* The new checkpoint is durable: what only the old one needed goes. */
static void
partials_remove(struct proof_log *log, uint64_t old_size)
{
	struct proof_tile old[PROOF_TILE_LEVELS + 1], now[PROOF_TILE_LEVELS + 1];
	size_t old_count = partials_of(old_size, old), count = partials_of(log->edge.size, now);
	char name[PROOF_TILE_PATH_SIZE];
	struct err err;

	for (size_t i = 0; i < old_count; i++) {
		char *path;

		if (among(&old[i], now, count))
			continue;
		proof_tile_format(name, &old[i]);
		path = proof_log_path(log, name);
		if (!os_fs_unlink(log->fs, path, &err) && err.code != ERR_NOT_FOUND)
			log_warn("%s: not removed: %s", path, err.msg);
		mem_free(path);
	}
}

static bool
leaves_add(struct proof_log *log, const struct proof_leaf *leaves, size_t count, struct err *err)
{
	struct proof_hash hash;

	for (size_t i = 0; i < count; i++) {
		log->bundle[log->edge.size % PROOF_TILE_WIDTH] = leaves[i];
		proof_leaf_hash(&hash, &leaves[i]);
		if (!proof_edge_add(&log->edge, &hash, full_write, log, err))
			return false;
	}
	return true;
}

bool
proof_log_append(
    struct proof_log *log, const struct proof_leaf *leaves, size_t count, struct err *err)
{
	uint64_t old_size;
	struct buf note;
	bool ok;

	if (!proof_log_ready(log, err))
		return false;
	if (count == 0)
		return true;
	old_size = log->edge.size;
	log->stale = true;
	if (!leaves_add(log, leaves, count, err) || !partials_write(log, old_size, err) ||
	    !os_fs_sync_all(log->fs, log->dir, err))
		return false;
	proof_edge_root(&log->edge, &log->root);
	buf_init(&note, PROOF_NOTE_BYTES_MAX);
	note_make(log, &note);
	ok = note_write(log, &note, err);
	if (ok) {
		buf_reset(&log->note);
		buf_append(&log->note, buf_view(&note));
		log->size = log->edge.size;
		log->stale = false;
		partials_remove(log, old_size);
	}
	buf_fini(&note);
	return ok;
}

uint64_t
proof_log_size(const struct proof_log *log)
{
	return log->size;
}

bool
proof_log_ready(struct proof_log *log, struct err *err)
{
	return !log->stale || proof_log_load(log, err);
}

struct bytes
proof_log_note(const struct proof_log *log)
{
	return buf_view(&log->note);
}

const struct proof_key *
proof_log_key(const struct proof_log *log)
{
	return &log->key;
}

void
proof_log_root(const struct proof_log *log, struct proof_hash *out)
{
	*out = log->root;
}

bool
proof_log_cosign(struct proof_log *log, struct bytes note, struct bytes lines, struct err *err)
{
	struct proof_note present, theirs, both;
	struct buf longer;
	bool ok;

	if (!proof_log_ready(log, err))
		return false;
	if (!proof_note_parse(note, &theirs, err) ||
	    !proof_note_parse(buf_view(&log->note), &present, err))
		return false;
	if (!bytes_equal(theirs.text, present.text))
		return ERR(err, ERR_BUSY, "the log has grown since that checkpoint");
	buf_init(&longer, PROOF_NOTE_BYTES_MAX);
	buf_append(&longer, buf_view(&log->note));
	buf_append(&longer, lines);
	ok = buf_ok(&longer, err) && proof_note_parse(buf_view(&longer), &both, err) &&
	     (bytes_equal(both.text, present.text) ||
		 ERR(err, ERR_SYNTAX, "those are not signature lines")) &&
	     note_write(log, &longer, err);
	if (ok) {
		buf_reset(&log->note);
		buf_append(&log->note, buf_view(&longer));
	} else if (err->code != ERR_SYNTAX && err->code != ERR_LIMIT) {
		log->stale = true; /* it may have been written all the same */
	}
	buf_fini(&longer);
	return ok;
}
