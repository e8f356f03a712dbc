/* SPDX-License-Identifier: Apache-2.0 */
/* Rows by column: what a row group of a pack holds (docs/formats/pack.md). */
#ifndef PACK_GROUP_INT_H
#define PACK_GROUP_INT_H

#include "pack_format_int.h"
#include "pack_row.h"
#include "base_arena.h"
#include "base_bytes.h"

/* Where a skeleton lies: from offset in a skeleton block on, through as many blocks as it needs. */
struct pack_place {
	uint32_t block, offset;
};

/* Rows being gathered. */
struct pack_group_writer {
	struct buf columns[PACK_COLUMN_COUNT];
	struct buf lengths[PACK_COLUMN_COUNT]; /* of the text columns */
	struct buf scratch;
	uint32_t row_count;
};
void pack_group_writer_init(struct pack_group_writer *w);
void pack_group_writer_fini(struct pack_group_writer *w);
/* pack_group_writer_add: rows in order of id. The encoded row is at most PACK_ROW_BYTES_MAX. */
void pack_group_writer_add(
    struct pack_group_writer *w, const struct pack_row *row, struct pack_place place);
/* pack_group_writer_column: appends the plain bytes of one column. pack_group_writer_reset: for the next group. */
void pack_group_writer_column(
    const struct pack_group_writer *w, enum pack_column column, struct buf *out);
void pack_group_writer_reset(struct pack_group_writer *w);

/* Rows being read: columns are added as they are asked for. */
struct pack_rows {
	struct arena arena;
	uint32_t row_count;
	unsigned loaded; /* PACK_COLUMN_BIT of what is there */
	struct bytes keys, attachments;
	struct bytes
	    *texts[PACK_COLUMN_COUNT]; /* row_count each; NULL for columns that are not text */
	const struct bytes **recipients;
	uint32_t *recipient_counts;
};
void pack_rows_init(struct pack_rows *g, uint32_t row_count);
void pack_rows_fini(struct pack_rows *g);
/* pack_rows_add: plain bytes of one column, which outlive g. ERR_CORRUPT. */
MUST_USE bool pack_rows_add(
    struct pack_rows *g, enum pack_column column, struct bytes plain, struct err *err);
/* pack_rows_get: fills of *out what the columns of the mask say (they are loaded), the id from the caller; arena
 * is used
 * for the rest column only. Views into the plain bytes. ERR_CORRUPT. */
MUST_USE bool pack_rows_get(const struct pack_rows *g, uint32_t index, const struct id_record *id,
    unsigned columns, struct arena *arena, struct pack_row *out, struct err *err);
/* pack_rows_place: needs the keys column. */
struct pack_place pack_rows_place(const struct pack_rows *g, uint32_t index);
uint64_t pack_rows_leaf_index(const struct pack_rows *g, uint32_t index);
uint64_t pack_rows_size_bytes(const struct pack_rows *g, uint32_t index);
void pack_rows_sha256(const struct pack_rows *g, uint32_t index, uint8_t out[CRYPT_SHA256_BYTES]);

#endif
