/* SPDX-License-Identifier: Apache-2.0 */
/* Packs: sealed, immutable files of one archive (docs/formats/pack.md). Written once, verified, then only read. */
#ifndef ARCHIVE_PACK_INT_H
#define ARCHIVE_PACK_INT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "archive.h"
#include "archive_match_int.h"
#include "archive_row.h"
#include "base_arena.h"
#include "base_bytes.h"
#include "base_rng.h"
#include "crypt_secret.h"
#include "os_fs.h"

/*
 * Writing one pack. The file is DIR/<name>.pack, written as DIR/<name>.pack.tmp; name is the text of a fresh record id.
 *
 *   new → add… → finish (durable: content synced, whole pack read back and every message hashed, renamed, directory
 *   synced) or drop (temporary file removed)
 */
struct archive_pack_writer;

/* archive_pack_writer_new: key: the archive's key (lent until finish or drop); it wraps the pack's own data key. */
MUST_USE bool archive_pack_writer_new(struct os_fs fs, const char *dir, const char *archive_id,
    const struct secret *key, const struct rng *rng, int64_t now_ms,
    struct archive_pack_writer **out, struct err *err);
/*
 * archive_pack_writer_add: one message: added_headers then body; row->sha256 and row->size_bytes are of both and were
 * computed by the caller; everything is copied. Rows come in any order; row->received_ms is the id's.
 *
 * fails   ERR_IO, ERR_NO_SPACE (then the writer only fails on: drop it)
 *         ERR_USAGE another size; ERR_LIMIT row, message or pack too long (then nothing was added)
 */
MUST_USE bool archive_pack_writer_add(struct archive_pack_writer *w, const struct archive_row *row,
    struct bytes added_headers, struct bytes body, struct err *err);
/* archive_pack_writer_raw_bytes: how full the pack is: message bytes, and rows weighed four times, because they wait in
 * memory for the end. Finish near 256 MiB: then at most 64 MiB of rows were waiting. */
uint64_t archive_pack_writer_raw_bytes(const struct archive_pack_writer *w);
/*
 * archive_pack_writer_finish: frees w in every case; on true name_out (ID_RECORD_TEXT_SIZE) names the pack. A rename
 * whose directory sync failed is a failure: the caller seals again under another name, and recovery drops the twin
 * (same
 * record ids: the pack of the smaller name wins).
 *
 * fails   ERR_USAGE nothing was added; ERR_EXISTS two rows have one id; ERR_CORRUPT read back other bytes (or a
 *         row named
 *         another digest than its message has); ERR_IO, ERR_NO_SPACE
 */
MUST_USE bool archive_pack_writer_finish(
    struct archive_pack_writer **w, char name_out[ID_RECORD_TEXT_SIZE], struct err *err);
void archive_pack_writer_drop(struct archive_pack_writer **w);

/* Reading. A pack is immutable and thread-safe; counted references. */
struct archive_pack;

/*
 * archive_pack_open: header, footer and directory are read and checked.
 *
 * out     16 bytes of memory a record, 88 a row group (up to 1,024 records), 16 a body block (128 KiB of mail); no open
 *         file. Ten million records of 23 KB: 160 MB of ids and 29 MB of the rest.
 * fails   ERR_CORRUPT (named), ERR_SEALED another key or archive, ERR_UNSUPPORTED a later version, ERR_NOT_FOUND,
 *         ERR_IO
 */
MUST_USE bool archive_pack_open(struct os_fs fs, const char *path, const char *archive_id,
    const struct secret *key, struct archive_pack **out, struct err *err);
struct archive_pack *archive_pack_hold(struct archive_pack *p);
void archive_pack_release(struct archive_pack **p);
/* archive_pack_is_shared: somebody beside the caller holds it. */
bool archive_pack_is_shared(const struct archive_pack *p);

struct archive_pack_info {
	uint64_t records, message_bytes, file_bytes;
	int64_t oldest_ms, newest_ms; /* reception times */
};
void archive_pack_info_get(const struct archive_pack *p, struct archive_pack_info *out);
const char *archive_pack_path(const struct archive_pack *p);

/* archive_pack_id: of the record at a position. */
void archive_pack_id(const struct archive_pack *p, size_t position, struct id_record *out);
/* archive_pack_find: position of a record in the pack's order (ids ascending), or SIZE_MAX. */
size_t archive_pack_find(const struct archive_pack *p, const struct id_record *id);
/* archive_pack_row: everything in arena. archive_pack_body: appended to body; SHA-256 checked against the row. */
MUST_USE bool archive_pack_row(struct archive_pack *p, size_t position, struct arena *arena,
    struct archive_row *out, struct err *err);
MUST_USE bool archive_pack_body(
    struct archive_pack *p, size_t position, struct buf *body, struct err *err);

/*
 * archive_pack_scan: rows with from_ms <= received_ms < to_ms that match, newest first (ids descending), at most limit.
 * The visit gets a lent row; false ends the scan (not a failure). scanned_out counts rows looked at.
 * cost   of every row group of that time range the columns the filter asks for are read and walked; the others only
 *        where there is a hit; nothing of the bodies
 * fails  ERR_CORRUPT, ERR_CANCELLED, ERR_IO; rows visited before that were good
 */
MUST_USE bool archive_pack_scan(struct archive_pack *p, int64_t from_ms, int64_t to_ms,
    struct archive_match *match, uint64_t limit, const atomic_bool *cancel, archive_visit_fn visit,
    void *ctx, uint64_t *scanned_out, struct err *err);

/* archive_pack_verify: every block's tag, every message rebuilt and hashed, directory against rows; each problem is
 * told. false only for ERR_CANCELLED. */
MUST_USE bool archive_pack_verify(struct archive_pack *p, const atomic_bool *cancel,
    archive_problem_fn problem, void *ctx, uint64_t *checked_out, struct err *err);

#endif
