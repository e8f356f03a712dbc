/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A log in a directory: tiles, entry bundles and the checkpoint that covers them (docs/formats/proof.md §4).
 *
 * One thread at a time: whoever owns a log locks it. Every tile that is read is held against the checkpoint before a
 * byte of it is used, so nothing that comes out of a log is other than what was appended.
 */
#ifndef PROOF_LOG_H
#define PROOF_LOG_H

#include "os_fs.h"
#include "proof_checkpoint.h"
#include "proof_leaf.h"
#include "proof_tile.h"
#include "proof_tree.h"

struct proof_log;

struct proof_log_options {
	struct os_fs fs;
	const char *dir;             /* copied */
	const struct proof_key *key; /* copied; its name is the origin */
	const struct secret *seed;   /* kept; of key */
};

/* proof_log_create: an empty log with its checkpoint, durable on true; true also when there is a checkpoint already. */
MUST_USE bool proof_log_create(const struct proof_log_options *o, struct err *err);
/*
 * proof_log_open: the log up to its checkpoint; what lies beyond it is the rest of a call that was cut off, and is
 * written over.
 *
 * cost    reads at most one tile of each level
 * fails   ERR_NOT_FOUND no checkpoint, or not signed by that key; ERR_DENIED, ERR_SYNTAX the checkpoint is not this
 *         log's; ERR_CORRUPT tiles do not fit it, named; ERR_IO
 */
MUST_USE bool proof_log_open(
    const struct proof_log_options *o, struct proof_log **out, struct err *err);
void proof_log_close(struct proof_log **log);

/*
 * proof_log_append: leaves at the end, and a new checkpoint over them. All or nothing.
 *
 * after   true: they survive power loss, and so does the checkpoint. false: the log is as it was, or, when only the
 *         last step failed, as after true; the next call finds out
 * cost    two hashes a leaf, one file for each full tile, one sync of the file system and one of the checkpoint
 * fails   ERR_IO, ERR_NO_SPACE, ERR_CORRUPT
 */
MUST_USE bool proof_log_append(
    struct proof_log *log, const struct proof_leaf *leaves, size_t count, struct err *err);

/* proof_log_ready: after an append that failed: what the disk says now counts; fails as proof_log_open. */
MUST_USE bool proof_log_ready(struct proof_log *log, struct err *err);
/* proof_log_size: leaves of the checkpoint that was last read or written. */
uint64_t proof_log_size(const struct proof_log *log);
/* proof_log_note: the checkpoint as it is on disk, cosignatures included. Valid until the next append or cosign. */
struct bytes proof_log_note(const struct proof_log *log);
const struct proof_key *proof_log_key(const struct proof_log *log);
void proof_log_root(const struct proof_log *log, struct proof_hash *out);

/*
 * proof_log_cosign: adds signature lines to the checkpoint.
 *
 * in      note  the checkpoint the lines are for; another text than the present one is refused
 * fails   ERR_BUSY the log has grown meanwhile, ERR_SYNTAX, ERR_LIMIT, ERR_IO, ERR_NO_SPACE
 */
MUST_USE bool proof_log_cosign(
    struct proof_log *log, struct bytes note, struct bytes lines, struct err *err);

/*
 * Proofs in the tree of the first size leaves (at most as many as there are).
 * fails   ERR_USAGE out of range, ERR_CORRUPT a tile is damaged, named; ERR_IO
 */
MUST_USE bool proof_log_inclusion(
    struct proof_log *log, uint64_t index, uint64_t size, struct proof_path *out, struct err *err);
MUST_USE bool proof_log_consistency(struct proof_log *log, uint64_t first, uint64_t second,
    struct proof_path *out, struct err *err);
/* proof_log_root_at: the root the log had when it had size leaves. */
MUST_USE bool proof_log_root_at(
    struct proof_log *log, uint64_t size, struct proof_hash *out, struct err *err);
MUST_USE bool proof_log_leaf(
    struct proof_log *log, uint64_t index, struct proof_leaf *out, struct err *err);
/* proof_log_leaf_hash: of the tile alone. */
MUST_USE bool proof_log_leaf_hash(
    struct proof_log *log, uint64_t index, struct proof_hash *out, struct err *err);

/* proof_log_tile: the bytes of a tile or bundle as they are served; any width up to what there is. ERR_NOT_FOUND. */
MUST_USE bool proof_log_tile(
    struct proof_log *log, const struct proof_tile *tile, struct buf *out, struct err *err);

/*
 * proof_log_check: everything from the entries up, and every tile against what the entries say.
 *
 * in      problem  called once for each thing that is wrong, with a sentence that names it
 *         cancel   may be NULL; returns true to stop
 * after   true also when problems were reported; false = could not run (ERR_CANCELLED)
 */
typedef void (*proof_problem_fn)(void *ctx, const char *what);
typedef bool (*proof_cancel_fn)(void *ctx);
MUST_USE bool proof_log_check(struct proof_log *log, proof_problem_fn problem,
    proof_cancel_fn cancel, void *ctx, struct err *err);

#endif
