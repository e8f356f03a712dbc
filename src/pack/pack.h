/* SPDX-License-Identifier: Apache-2.0 */
/* Packs: sealed, immutable files of one archive (docs/formats/pack.md). Written once, verified, then only read. */
#ifndef PACK_H
#define PACK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base_arena.h"
#include "base_bytes.h"
#include "base_rng.h"
#include "crypt_key.h"
#include "crypt_secret.h"
#include "os_fs.h"
#include "pack_match.h"
#include "pack_row.h"

struct pack;
struct pack_reader;

/* Calendar month (UTC) of a time: 12 x year + month - 1. Everything in a pack is of one month. */
int32_t pack_month_of(int64_t ms);

/* What stays of a record that was erased. */
struct pack_tombstone {
	struct id_record id;
	uint64_t leaf_index; /* of the record in the proof log, or PACK_LEAF_NONE */
	uint8_t leaf_hash[32];
	int64_t removed_ms;
	uint8_t reason; /* the archive's code; kept as it is */
};
typedef bool (*pack_tombstone_fn)(void *ctx, const struct pack_tombstone *t); /* false: enough */

/*
 * Writing one pack. The file is DIR/<name>.pack, written as DIR/<name>.pack.tmp; name is the text of a fresh record id.
 *
 *   new → add… → finish (durable: content synced, whole pack read back and every message hashed, renamed, directory
 *   synced) or drop (temporary file removed)
 */
struct pack_writer;

/* pack_writer_new: key: the archive's key (lent until finish or drop); it wraps the pack's own data key. */
MUST_USE bool pack_writer_new(struct os_fs fs, const char *dir, const char *archive_id,
    const struct secret *key, const struct rng *rng, int64_t now_ms, struct pack_writer **out,
    struct err *err);
/*
 * pack_writer_add: one message: added_headers then body; row->sha256 and row->size_bytes are of both and were computed
 * by the caller; everything is copied. Rows come in any order; row->received_ms is the id's.
 *
 * in      row->leaf_index  PACK_LEAF_NONE: none yet, see pack_writer_leaves; else kept as it is (merging, rewriting)
 * fails   ERR_IO, ERR_NO_SPACE (then the writer only fails on: drop it)
 *         ERR_USAGE another size, or another month than the pack's; ERR_LIMIT row, message or pack too long (then
 *         nothing was added)
 */
MUST_USE bool pack_writer_add(struct pack_writer *w, const struct pack_row *row,
    struct bytes added_headers, struct bytes body, struct err *err);
/* pack_writer_copy: one record of another pack, its leaf index with it: as pack_writer_add does with what pack_row
 * and pack_body give. fails as both. */
MUST_USE bool pack_writer_copy(
    struct pack_writer *w, struct pack_reader *from, size_t position, struct err *err);
/* pack_writer_tombstone: one record that is no longer here; in any order. A pack may consist of nothing else.
 * fails ERR_LIMIT, ERR_USAGE another month. */
MUST_USE bool pack_writer_tombstone(
    struct pack_writer *w, const struct pack_tombstone *t, struct err *err);
/* pack_writer_leaves: before finish: the records that have no leaf index get first_leaf, first_leaf + 1 … in order of
 * id. Never called: they have none. */
void pack_writer_leaves(struct pack_writer *w, uint64_t first_leaf);
/* pack_writer_raw_bytes: how full the pack is: message bytes, and rows weighed four times, because they wait in memory
 * for the end. Finish near 256 MiB: then at most 64 MiB of rows were waiting. */
uint64_t pack_writer_raw_bytes(const struct pack_writer *w);

struct pack_written {
	char name[ID_RECORD_TEXT_SIZE];
	uint64_t records, tombstones;
	uint64_t message_bytes, file_bytes;
	uint64_t parts, shared_parts; /* kept; and those that were there already */
	uint64_t
	    raw_messages; /* kept without recipes, because the rebuilt message was another one */
};
/*
 * pack_writer_finish: frees w in every case; on true out->name names the pack. After false there may be a pack all the
 * same: a rename, or the sync of its directory, can be reported as failed and be done. The caller removes it, durably,
 * before the archive makes another one (pack_writer_path; archive_volume_finish does all of it).
 *
 * fails   ERR_USAGE nothing was added; ERR_EXISTS two rows, or two tombstones, have one id; ERR_CORRUPT read back other
 *         bytes (or a row named another digest than its message has); ERR_IO, ERR_NO_SPACE
 */
MUST_USE bool pack_writer_finish(struct pack_writer **w, struct pack_written *out, struct err *err);
void pack_writer_drop(struct pack_writer **w);
/* pack_writer_path: the file that finish makes; lent until then. */
const char *pack_writer_path(const struct pack_writer *w);

/* Reading. A pack is immutable and thread-safe; counted references. */

/*
 * pack_open: header, footer and directory are read and checked.
 *
 * out     16 bytes of memory a record, 88 a row group (up to 1,024 records), 16 a body block (128 KiB of mail); no open
 *         file. Ten million records of 23 KB: 160 MB of ids and 29 MB of the rest.
 * fails   ERR_CORRUPT (named), ERR_SEALED another key or archive, ERR_UNSUPPORTED a later version, ERR_NOT_FOUND,
 *         ERR_IO
 */
MUST_USE bool pack_open(struct os_fs fs, const char *path, const char *archive_id,
    const struct secret *key, struct pack **out, struct err *err);
/*
 * pack_open_by: the same, where somebody else knows how the data key is unwrapped: an archive's key may have several
 * generations, and a pack's data key may have been wrapped anew since the pack was written.
 * in   unwrap  called once; context is what the data key is bound to, wrapped what the header carries. It fails as
 *              crypt_keys_unwrap does
 */
typedef bool (*pack_unwrap_fn)(void *ctx, const struct id_record *pack_id, struct bytes context,
    struct bytes wrapped, struct secret **data_key_out, struct err *err);
MUST_USE bool pack_open_by(struct os_fs fs, const char *path, const char *archive_id,
    pack_unwrap_fn unwrap, void *ctx, struct pack **out, struct err *err);
/* pack_rewrap: the data key wrapped by another key, bound to the same context; appended to out. */
MUST_USE bool pack_rewrap(struct pack *p, const char *archive_id, struct crypt_keys *keys,
    struct buf *out, struct err *err);
/* pack_id: of the pack itself. pack_key_id: of the key that wrapped the data key in the header; 16 hex digits. */
const struct id_record *pack_id(const struct pack *p);
const char *pack_key_id(const struct pack *p);
struct pack *pack_hold(struct pack *p);
void pack_release(struct pack **p);
/* pack_is_shared: somebody beside the caller holds it. */
bool pack_is_shared(const struct pack *p);

struct pack_info {
	uint64_t records, tombstones, parts, message_bytes, file_bytes;
	int64_t oldest_ms,
	    newest_ms; /* reception times of records, or, when there are none, of tombstones */
	uint64_t leaf_first,
	    leaf_last; /* smallest and largest leaf index of records; PACK_LEAF_NONE: none has one */
	uint64_t without_leaf; /* records that have none */
};
void pack_info_get(const struct pack *p, struct pack_info *out);
const char *pack_path(const struct pack *p);

/* pack_record_id: of the record at a position. */
void pack_record_id(const struct pack *p, size_t position, struct id_record *out);
/* pack_find: position of a record in the pack's order (ids ascending), or SIZE_MAX. */
size_t pack_find(const struct pack *p, const struct id_record *id);
/* pack_row: everything in arena, the leaf index too. pack_body: appended to body; SHA-256 checked against the row. */
MUST_USE bool pack_row(
    struct pack *p, size_t position, struct arena *arena, struct pack_row *out, struct err *err);
MUST_USE bool pack_body(struct pack *p, size_t position, struct buf *body, struct err *err);

/* pack_leaf_index: of the record at a position; PACK_LEAF_NONE. pack_tombstones: all, in order of id. ERR_CORRUPT,
 * ERR_IO. */
MUST_USE bool pack_leaf_index(struct pack *p, size_t position, uint64_t *out, struct err *err);
MUST_USE bool pack_tombstones(struct pack *p, pack_tombstone_fn visit, void *ctx, struct err *err);

/* pack_is_buried: it has a tombstone of that id. pack_is_contained: q has every record of p, or a tombstone of it, and
 * every tombstone of p: nothing is lost when p goes. (Of a pack and the one that was rewritten from it only the old one
 * can go.) ERR_CORRUPT, ERR_IO. */
MUST_USE bool pack_is_buried(
    struct pack *p, const struct id_record *id, bool *out, struct err *err);
MUST_USE bool pack_is_contained(struct pack *p, struct pack *q, bool *out, struct err *err);

/*
 * Many records of one pack, one after another: an open file and, kept between calls, the row group and the blocks that
 * were read last. One thread at a time; any number of readers of one pack.
 *
 * cost   in order of position every block is read once, but for parts that messages far apart share
 */
MUST_USE bool pack_reader_new(
    struct pack *p, struct pack_reader **out, struct err *err); /* holds p */
void pack_reader_free(struct pack_reader **r);
MUST_USE bool pack_reader_row(struct pack_reader *r, size_t position, struct arena *arena,
    struct pack_row *out, struct err *err);
MUST_USE bool pack_reader_body(
    struct pack_reader *r, size_t position, struct buf *body, struct err *err);

/*
 * pack_scan: rows with from_ms <= received_ms < to_ms that match, newest first (ids descending), at most limit.
 * The visit gets a lent row; false ends the scan (not a failure). scanned_out counts rows looked at.
 * cost   of every row group of that time range the columns the filter asks for are read and walked; the others only
 *        where there is a hit; nothing of the bodies
 * fails  ERR_CORRUPT, ERR_CANCELLED, ERR_IO; rows visited before that were good
 */
MUST_USE bool pack_scan(struct pack *p, int64_t from_ms, int64_t to_ms, struct pack_match *match,
    uint64_t limit, const atomic_bool *cancel, pack_visit_fn visit, void *ctx,
    uint64_t *scanned_out, struct err *err);

/* pack_verify: every block's tag, every message rebuilt and hashed, directory against rows; each problem is
 * told. false only for ERR_CANCELLED. */
MUST_USE bool pack_verify(struct pack *p, const atomic_bool *cancel, pack_problem_fn problem,
    void *ctx, uint64_t *checked_out, struct err *err);

#endif
