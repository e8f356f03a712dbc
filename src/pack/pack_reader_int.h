/* SPDX-License-Identifier: Apache-2.0 */
/* Inside an opened pack, for the files that read, scan and verify it. */
#ifndef PACK_READER_INT_H
#define PACK_READER_INT_H

#include <stdatomic.h>

#include "pack_format_int.h"
#include "pack_group_int.h"
#include "pack.h"

/* Nothing here changes once opened, but the count. Memory: 16 bytes a record, 88 a row group, 16 a body block. */
struct pack {
	atomic_uint holders;
	struct os_fs fs;
	char *path;
	struct secret *data_key;
	struct id_record id;
	struct pack_footer footer;
	struct pack_directory directory;
};

/* One operation on a pack: its own open file and codec, so that any number go on at once. */
struct pack_cursor {
	const struct pack *pack;
	struct os_file *file;
	struct pack_codec *codec;
	struct buf sealed;
};
MUST_USE bool pack_cursor_open(struct pack_cursor *c, const struct pack *pack, struct err *err);
void pack_cursor_close(struct pack_cursor *c); /* also after a failed open */
/* pack_cursor_body: appends the plain bytes of a body block. ERR_CORRUPT names pack and block. */
MUST_USE bool pack_cursor_body(
    struct pack_cursor *c, uint32_t block, struct buf *out, struct err *err);

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

/* pack_group_of: the row group of a position. */
uint32_t pack_group_of(const struct pack *pack, size_t position);
/* pack_lower_bound: the first position whose record was received at or after ms; the record count when none was. */
size_t pack_lower_bound(const struct pack *pack, int64_t ms);

#endif
