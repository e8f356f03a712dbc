/* SPDX-License-Identifier: Apache-2.0 */
/* Inside an opened pack, for the files that read, scan and verify it. */
#ifndef PACK_READER_INT_H
#define PACK_READER_INT_H

#include <stdatomic.h>

#include "pack_format_int.h"
#include "pack.h"
#include "pack_base64_int.h"
#include "pack_group_int.h"

/* Nothing here changes once opened, but the count. Memory: see P11 of the page. */
struct pack {
	atomic_uint holders;
	struct os_fs fs;
	char *path;
	struct secret *data_key;
	char key_id[CRYPT_KEY_ID_SIZE]; /* of what wrapped it in the header */
	struct id_record id;
	struct pack_footer footer;
	struct pack_directory directory;
};

#define PACK_READ_BYTES (8 * LIMIT_MIB) /* in one read */

/* One operation on a pack: its own open file and codec, so that any number go on at once. */
struct pack_cursor {
	const struct pack *pack;
	struct os_file *file;
	struct pack_codec *codec;
	struct buf sealed; /* what was read last, from sealed_at on */
	uint64_t sealed_at;
	uint64_t reads;
	bool dictionary; /* is with the codec */
};
MUST_USE bool pack_cursor_open(struct pack_cursor *c, const struct pack *pack, struct err *err);
void pack_cursor_close(struct pack_cursor *c); /* also after a failed open */
/* pack_cursor_ahead: reads at most PACK_READ_BYTES, from where the next blocks are taken without reading again.
 * pack_cursor_holds: that was done. */
MUST_USE bool pack_cursor_ahead(
    struct pack_cursor *c, uint64_t offset, size_t len, struct err *err);
bool pack_cursor_holds(const struct pack_cursor *c, uint64_t offset, size_t len);
/* pack_cursor_block: appends the plain bytes of a block; number is its number among its kind. ERR_CORRUPT names pack
 * and block. */
MUST_USE bool pack_cursor_block(struct pack_cursor *c, const struct pack_block *block,
    uint64_t number, struct buf *out, struct err *err);

/* Columns of one row group as they are asked for. */
struct pack_view {
	uint32_t group;
	struct pack_rows rows;
	struct buf plain[PACK_COLUMN_COUNT];
};
void pack_view_init(struct pack_view *v, const struct pack *pack, uint32_t group);
void pack_view_fini(struct pack_view *v);
/* pack_view_load: the columns of the mask that are not there yet. ERR_CORRUPT names pack and group. */
MUST_USE bool pack_view_load(
    struct pack_cursor *c, struct pack_view *v, unsigned columns, struct err *err);
/* pack_view_row: what the columns of the mask say of a row; position within the pack; see pack_rows_get. */
MUST_USE bool pack_view_row(const struct pack *pack, const struct pack_view *v, size_t position,
    unsigned columns, struct arena *arena, struct pack_row *out, struct err *err);

/* Blocks of parts that were read last, plain. */
struct pack_cached {
	uint32_t number; /* among the blocks of parts */
	uint64_t used;   /* when; 0: free */
	struct buf plain;
};
#define PACK_CACHE_BLOCKS 64u
#define PACK_CACHE_BYTES  (16 * LIMIT_MIB) /* more only while one part needs more */

struct pack_reader {
	struct pack *pack; /* held */
	struct pack_cursor cursor;
	struct pack_base64 *base64;
	struct pack_view view;
	bool view_good;
	struct buf skeleton_block;
	uint32_t skeleton_number;  /* UINT32_MAX: none at hand */
	struct buf skeleton, part; /* of the message at hand */
	struct pack_cached cache[PACK_CACHE_BLOCKS];
	uint64_t clock, cached_bytes;
	uint8_t *
	    seen; /* verifying: blocks of parts that were read, and how: 1 good, 2 bad; NULL: nobody asks */
	uint8_t *parts_used; /* verifying: by number */
};
/* What one message is made of, as its row says. */
struct pack_message {
	struct pack_place place;
	uint64_t size_bytes;
};
/* pack_reader_message: appends the message; *end_out: the place behind its skeleton (also when a part failed; else
 * untouched). ERR_CORRUPT, ERR_IO. */
MUST_USE bool pack_reader_message(struct pack_reader *r, const struct pack_message *m,
    struct buf *body, struct pack_place *end_out, struct err *err);
/* pack_reader_part_block: to hand in the cache; NULL on failure. */
const struct buf *pack_reader_part_block(struct pack_reader *r, uint32_t number, struct err *err);

/* pack_group_of: the row group of a position. */
uint32_t pack_group_of(const struct pack *pack, size_t position);
/* pack_lower_bound: the first position whose record was received at or after ms; the record count when none was. */
size_t pack_lower_bound(const struct pack *pack, int64_t ms);

#endif
