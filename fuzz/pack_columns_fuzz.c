/* SPDX-License-Identifier: Apache-2.0 */
/* Rows from a stranger: refused, or the very bytes come out again when encoded (C4, C5 of docs/formats/columns.md). */
#include <stddef.h>
#include <stdint.h>

#include "pack_columns.h"
#include "base_limits.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena;
	struct pack_row row;
	struct reader r;
	struct buf again;
	struct err err;

	arena_init(&arena);
	buf_init(&again, 64 * LIMIT_MIB);
	reader_init(&r, bytes_of(data, size));
	if (pack_row_decode(&r, &arena, &row, &err)) {
		pack_row_encode(&row, &again);
		must(bytes_equal(buf_view(&again), bytes_of(data, size - r.left.len)));
	} else {
		must(err.code == ERR_CORRUPT);
	}
	must(arena.used_bytes <= 8 * size + 8192);
	buf_fini(&again);
	arena_fini(&arena);
	return 0;
}
