/* SPDX-License-Identifier: Apache-2.0 */
/* A row as bytes: what the intake log and the row blocks of a pack hold (docs/formats/columns.md). */
#ifndef PACK_COLUMNS_H
#define PACK_COLUMNS_H

#include "pack_row.h"
#include "base_arena.h"
#include "base_bytes.h"

/* pack_columns_encode: appends; every text is cut to a named limit before (SUBJECT, addresses … see the page). */
void pack_columns_encode(const struct pack_columns *c, struct buf *out);
/* pack_columns_decode: views into the reader's bytes (received_headers[] from arena). ERR_CORRUPT. */
MUST_USE bool pack_columns_decode(
    struct reader *r, struct arena *arena, struct pack_columns *out, struct err *err);

/*
 * The same for a whole row: id, size, digest, retention, recipients, columns. received_ms is the id's and not stored.
 * A row has at most PACK_ROW_BYTES_MAX when encoded: whoever takes rows in (recipients are not cut) checks that
 * first.
 */
void pack_row_encode(const struct pack_row *row, struct buf *out);
MUST_USE bool pack_row_decode(
    struct reader *r, struct arena *arena, struct pack_row *out, struct err *err);

#endif
