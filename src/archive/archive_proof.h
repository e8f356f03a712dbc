/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The proof log of an archive: what can be shown to somebody who does not trust this server. Thread-safe.
 *
 * A record is in the log when it is in a pack. What is still in the intake log waits, and is counted.
 * Formats: docs/formats/proof.md.
 */
#ifndef ARCHIVE_PROOF_H
#define ARCHIVE_PROOF_H

#include <stdint.h>

#include "archive.h"

struct archive_proof_head {
	uint64_t size; /* leaves */
	uint8_t root[32];
	uint64_t waiting; /* records that are not in the log yet */
	uint64_t
	    without; /* records in packs that have no leaf: from before there was a log, or while it was damaged */
};

/*
 * Every call here fails with ERR_NOT_FOUND no such archive; ERR_CORRUPT the log, or a part of it, is damaged, named;
 * ERR_IO; and what its own line says.
 */

/* archive_proof_head: appends the signed checkpoint to note, the key that verifies it to vkey; both may be NULL. */
MUST_USE bool archive_proof_head(struct archive *a, const char *archive_id,
    struct archive_proof_head *out, struct buf *note, struct buf *vkey, struct err *err);
/* archive_proof_checkpoint: the same for those who ask often: size, signed checkpoint, key. */
MUST_USE bool archive_proof_checkpoint(struct archive *a, const char *archive_id,
    uint64_t *size_out, struct buf *note, struct buf *vkey, struct err *err);
/* archive_proof_name: the id of the i-th archive that there is now; false behind the last. */
bool archive_proof_name(struct archive *a, size_t i, char id_out[ARCHIVE_ID_SIZE]);
/* A checkpoint from earlier, so that many proofs lead to one. */
struct archive_proof_at {
	uint64_t size;
	struct bytes note;
};
/* archive_proof_message: the proof of one record as a file of its own (proof_text.h, its opening with it); text needs
 * max >= PROOF_TEXT_BYTES_MAX; at NULL: the present checkpoint. ERR_BUSY the record waits, or came after that
 * checkpoint; ERR_UNSUPPORTED it has no leaf. */
MUST_USE bool archive_proof_message(struct archive *a, const struct id_record *id,
    const struct archive_proof_at *at, struct buf *text, struct err *err);
/* archive_proof_row: the same for a row that archive_read or archive_reader_read just gave. */
MUST_USE bool archive_proof_row(struct archive *a, const char *archive_id,
    const struct pack_row *row, const struct archive_proof_at *at, struct buf *text,
    struct err *err);
/* archive_proof_consistency: that the log now begins with what it was at size first: hashes, 32 bytes each, appended to
 * path, and the checkpoint they lead to, appended to note. ERR_USAGE the log was never that large. */
MUST_USE bool archive_proof_consistency(struct archive *a, const char *archive_id, uint64_t first,
    struct buf *path, struct buf *note, struct err *err);
/* archive_proof_file: "checkpoint", or the path of a tile or bundle; its bytes are appended. ERR_NOT_FOUND. */
MUST_USE bool archive_proof_file(
    struct archive *a, const char *archive_id, struct bytes path, struct buf *out, struct err *err);
/* archive_proof_cosign: signature lines of witnesses for the checkpoint note, added to it. ERR_BUSY it is not the
 * present one any more; ERR_SYNTAX. */
MUST_USE bool archive_proof_cosign(struct archive *a, const char *archive_id, struct bytes note,
    struct bytes lines, struct err *err);

#endif
