/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of a pack but for its rows: header, sealed blocks, directory, footer, tombstones (docs/formats/pack.md). */
#ifndef PACK_FORMAT_INT_H
#define PACK_FORMAT_INT_H

#include <stdbool.h>
#include <stdint.h>

#include "base_bytes.h"
#include "base_id.h"
#include "base_limits.h"
#include "crypt_digest.h"
#include "crypt_key.h"
#include "crypt_seal.h"
#include "pack.h"

#define PACK_VERSION      2u
#define PACK_HEADER_BYTES 304u
#define PACK_FOOTER_BYTES 184u                    /* in clear */
#define PACK_END          BYTES_LIT("DBPEND\r\n") /* the last bytes of the file */
#define PACK_END_BYTES    8u
#define PACK_TAIL_BYTES   (PACK_FOOTER_BYTES + CRYPT_TAG_BYTES + PACK_END_BYTES)
#define PACK_COLUMN_COUNT 9u

/* Limits: ERR_LIMIT when written, ERR_CORRUPT when read. */
#define PACK_RECORDS_MAX          4194304u
#define PACK_PARTS_MAX            1048576u /* what would be one more stays in its skeleton */
#define PACK_TOMBSTONES_MAX       1048576u
#define PACK_GROUP_ROWS_MAX       4096u
#define PACK_BLOCK_BYTES_MAX      LIMIT_MIB
#define PACK_COLUMN_BYTES_MAX     (8 * LIMIT_MIB)
#define PACK_DICTIONARY_BYTES_MAX (128u * 1024u)
#define PACK_FILE_BYTES_MAX       ((uint64_t)1 << 40)

/* Block sizes the writer aims at; readers take any up to the limits above. */
#define PACK_SKELETON_BYTES (64u * 1024u)
#define PACK_SKELETON_LEVEL 3 /* of zstd */
#define PACK_PARTS_BYTES    (256u * 1024u)
#define PACK_GROUP_BYTES    (1024u * 1024u) /* encoded rows; a column is a fraction of it */
#define PACK_GROUP_ROWS     1024u
#define PACK_TOMBSTONE_ROWS 8192u /* in one block */

/* Columns of a row group, in this order on disk. */
enum pack_column {
	PACK_COLUMN_KEYS,
	PACK_COLUMN_ATTACHMENTS,
	PACK_COLUMN_FROM,
	PACK_COLUMN_TO,
	PACK_COLUMN_CC,
	PACK_COLUMN_SUBJECT,
	PACK_COLUMN_ENVELOPE_FROM,
	PACK_COLUMN_ENVELOPE_TO,
	PACK_COLUMN_REST
};
#define PACK_COLUMN_BIT(c) (1u << (c))
#define PACK_COLUMNS_ALL   ((1u << PACK_COLUMN_COUNT) - 1u)

/* Header: the first PACK_HEADER_BYTES. */
struct pack_header {
	struct id_record id;
	uint8_t wrapped[CRYPT_WRAPPED_BYTES_MAX];
	size_t wrapped_len;
};
void pack_header_encode(const struct pack_header *h, struct buf *out);
/* pack_header_decode: ERR_CORRUPT; ERR_UNSUPPORTED a later version. */
MUST_USE bool pack_header_decode(struct bytes data, struct pack_header *out, struct err *err);
/* pack_key_context: what the wrapped data key of a pack is bound to. */
void pack_key_context(const char *archive_id, const struct id_record *id, struct buf *out);

/* Blocks: compressed where that gains (the footer is not), sealed under the pack's data key, bound to pack, kind and
 * number. The first three make the body. */
enum pack_block_kind {
	PACK_BLOCK_SKELETON = 1,
	PACK_BLOCK_PARTS,
	PACK_BLOCK_DICTIONARY, /* of the skeletons; at most one */
	PACK_BLOCK_COLUMN,
	PACK_BLOCK_TOMBSTONES,
	PACK_BLOCK_DIRECTORY,
	PACK_BLOCK_FOOTER
};
/* Number of a column block. */
#define PACK_COLUMN_NUMBER(group, column) ((uint64_t)(group)*16u + (column))

/* One thread at a time. */
struct pack_codec;
struct pack_codec *pack_codec_new(const struct secret *data_key, const struct id_record *pack_id);
void pack_codec_free(struct pack_codec **c);
/* pack_codec_dictionary: what skeleton blocks are read with from now on; copied; once. ERR_CORRUPT: it is none.
 * pack_codec_compress_with: what they are compressed with; a dictionary of our own making. */
MUST_USE bool pack_codec_dictionary(struct pack_codec *c, struct bytes dictionary, struct err *err);
void pack_codec_compress_with(struct pack_codec *c, struct bytes dictionary);
/* pack_block_seal: appends the sealed block; plain.len is at most PACK_DIRECTORY_BYTES_MAX. */
void pack_block_seal(struct pack_codec *c, enum pack_block_kind kind, uint64_t number,
    struct bytes plain, struct buf *out);
/* pack_block_unseal: appends exactly raw_len bytes; the caller has checked raw_len against its limit. ERR_CORRUPT. */
MUST_USE bool pack_block_unseal(struct pack_codec *c, enum pack_block_kind kind, uint64_t number,
    struct bytes sealed, size_t raw_len, struct buf *out, struct err *err);
/* pack_block_sealed_max: the longest a block of that many bytes can be. */
size_t pack_block_sealed_max(size_t raw_len);

/* Directory. */
struct pack_extent {
	uint32_t raw_len, sealed_len;
};
struct pack_group {
	uint32_t row_count;
	struct pack_extent columns[PACK_COLUMN_COUNT];
	/* not on disk, sums of what stands before: */
	uint32_t first_row;
	uint64_t offset;
};
struct pack_block {
	enum pack_block_kind kind; /* of the body */
	struct pack_extent extent;
	/* not on disk, sums of what stands before: */
	uint64_t offset;
	uint64_t plain_at; /* parts: the place of its first byte among the bytes of all parts */
};
struct pack_directory {
	struct pack_group *groups;
	struct pack_block *blocks;     /* in the order of the file */
	struct pack_block *tombstones; /* blocks of them */
	uint32_t *skeletons, *parts;   /* not on disk: places in blocks, by number */
	uint64_t *part_ends;           /* behind each part, among the bytes of all parts */
	struct id_record *ids;
	uint32_t group_count, block_count, tombstone_block_count;
	uint32_t skeleton_count, part_block_count;
	uint32_t part_count, record_count;
	uint32_t dictionary; /* not on disk: place in blocks, or UINT32_MAX */
};
#define PACK_GROUP_ENTRY_BYTES     (4u + 8u * PACK_COLUMN_COUNT)
#define PACK_BLOCK_ENTRY_BYTES     9u
#define PACK_TOMBSTONE_ENTRY_BYTES 8u
#define PACK_PART_ENTRY_BYTES      4u
#define PACK_DIRECTORY_BYTES_MAX   (256 * LIMIT_MIB)

struct pack_footer {
	uint64_t file_bytes, directory_offset;
	uint32_t directory_raw_len, directory_sealed_len;
	uint32_t group_count, block_count, part_count, record_count;
	uint32_t tombstone_block_count, tombstone_count;
	uint32_t without_leaf; /* records */
	uint32_t
	    raw_messages; /* kept without recipes, because the rebuilt message was another one */
	uint64_t message_bytes;
	int64_t created_ms, oldest_ms, newest_ms;
	uint64_t leaf_first, leaf_last;
	uint8_t directory_sha256[CRYPT_SHA256_BYTES];
	uint8_t content_sha256[CRYPT_SHA256_BYTES]; /* of every byte before the footer */
};
/* pack_footer_encode: PACK_FOOTER_BYTES, in clear. */
void pack_footer_encode(const struct pack_footer *f, struct buf *out);
/* pack_footer_decode: every count and length checked against limits, one another and the size of the file.
 * ERR_CORRUPT. */
MUST_USE bool pack_footer_decode(
    struct bytes plain, uint64_t file_bytes, struct pack_footer *out, struct err *err);

void pack_directory_encode(const struct pack_directory *d, struct buf *out);
/*
 * pack_directory_decode: all of it checked: sums, order of ids, extents that cover the file from header to directory.
 * out    owned by the caller: pack_directory_fini, also after false
 */
MUST_USE bool pack_directory_decode(struct bytes plain, const struct pack_footer *footer,
    struct pack_directory *out, struct err *err);
void pack_directory_fini(struct pack_directory *d);
/* pack_directory_part_at: the place of a part's first byte among the bytes of all parts. */
uint64_t pack_directory_part_at(const struct pack_directory *d, uint32_t part);

/* Tombstones of one block. */
#define PACK_TOMBSTONE_BYTES 65u
void pack_tombstone_encode(const struct pack_tombstone *t, struct buf *out);
/* pack_tombstone_decode: false: the bytes end. */
MUST_USE bool pack_tombstone_decode(struct reader *r, struct pack_tombstone *out);

#endif
