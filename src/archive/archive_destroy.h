/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Destruction: the only ways in which a record leaves an archive. Nothing is destroyed that was not asked for twice:
 * once when a pack is looked through, and once more when its successor is ready and nobody can change his mind.
 */
#ifndef ARCHIVE_DESTROY_H
#define ARCHIVE_DESTROY_H

#include "archive.h"

/* Reasons in tombstones. */
enum archive_reason {
	ARCHIVE_REASON_RETENTION = 1, /* its period is over */
	ARCHIVE_REASON_ERASURE = 2,   /* somebody asked, somebody approved */
	ARCHIVE_REASON_DELETION = 3   /* its archive was deleted */
};

/* What stays known of a record that goes. */
struct archive_gone {
	struct id_record id;
	uint64_t size_bytes;
	uint8_t sha256[32];
	uint64_t leaf_index; /* in the proof log; PACK_LEAF_NONE */
	uint8_t leaf_hash
	    [32]; /* of that leaf; zeros when it has none, or its log's key cannot be read */
};

/*
 * Who destroys, and answers for it. For each pack that holds something of what is wanted, in this order:
 *
 *   may…                 for each wanted record: *yes_out may it go? a record that may not stays where it is
 *   begin                from here to end nobody may come upon a new reason to keep anything; false: end is not called
 *   may…                 again, for those that were about to go; one no, and the pack is looked through anew
 *   commit               what goes, to be noted durably; from true on it is no longer shown
 *   end                  also when one of the two before failed
 *   gone                 the same records: their bytes do not come back after a crash
 *
 * A crash between commit and gone leaves either: then the records are all there, or all gone.
 */
struct archive_destroyer {
	void *ctx;
	enum archive_reason reason;
	bool (*may)(void *ctx, const struct pack_row *row, bool *yes_out, struct err *err);
	bool (*begin)(void *ctx, struct err *err);
	bool (*commit)(void *ctx, const struct archive_gone *gone, size_t count, struct err *err);
	void (*end)(void *ctx);
	bool (*gone)(void *ctx, const struct archive_gone *gone, size_t count, struct err *err);
};

/*
 * archive_destroy: those of the records that may go. What is still in the intake log is sealed first. A pack that
 * keeps nothing is removed (unless reason is ERASURE), any other is written anew, with tombstones of what went.
 *
 * in      ids     sorted; those that are not there are passed over
 * cost    the packs concerned are written anew; waits until nobody reads the old ones any more
 * fails   ERR_NOT_FOUND no such archive; ERR_BUSY a damaged file of the intake log may hold copies: until somebody
 *         dealt with it, nothing is destroyed; ERR_CORRUPT; ERR_CANCELLED; ERR_NO_SPACE, ERR_IO; whatever d's functions
 *         fail with. What was reported gone before is gone.
 */
MUST_USE bool archive_destroy(struct archive *a, const char *archive_id,
    const struct id_record *ids, size_t count, const struct archive_destroyer *d,
    const atomic_bool *cancel, struct err *err);

/*
 * archive_remove: an archive without records: its key is destroyed, then what files are left (tombstones, and damaged
 * packs if the caller says so). Again after a crash: goes on where that was. One that is not there: true.
 *
 * fails   ERR_BUSY it holds records, or damaged packs and not damaged_too
 */
MUST_USE bool archive_remove(
    struct archive *a, const char *archive_id, bool damaged_too, struct err *err);

#endif
