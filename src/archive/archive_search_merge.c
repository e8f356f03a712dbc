/* SPDX-License-Identifier: Apache-2.0 */
/* Packs whose times overlap, merged by portions. */
#include <stdlib.h>

#include "pack_columns.h"
#include "archive_search_int.h"
#include "base_mem.h"

#define PORTION_ROWS      512u
#define PORTION_BYTES_MAX (256 * LIMIT_MIB)

struct merge_row {
	struct id_record id;
	size_t offset, len; /* in merge.bytes */
};

struct merge {
	struct archive_searching *s;
	bool bounded;           /* below counts */
	struct id_record below; /* rows from here up were given already */
	struct buf bytes;       /* encoded rows */
	struct merge_row *rows;
	size_t count, room;
	size_t taken; /* of the pack being scanned */
	bool full;    /* and it has more */
};

/* One more row of the pack; the one after the last says only that there is more. */
static bool
portion_row(void *ctx, const struct pack_row *row)
{
	struct merge *m = ctx;
	size_t start = m->bytes.len;

	if (m->bounded && id_record_compare(&row->id, &m->below) >= 0)
		return true;
	if (m->taken == PORTION_ROWS) {
		m->full = true;
		return false;
	}
	if (m->count == m->room) {
		m->room = m->room == 0 ? PORTION_ROWS : m->room * 2;
		m->rows = mem_realloc_array(m->rows, m->room, sizeof *m->rows);
	}
	pack_row_encode(row, &m->bytes);
	m->rows[m->count++] =
	    (struct merge_row){.id = row->id, .offset = start, .len = m->bytes.len - start};
	m->taken++;
	return true;
}

static int
newest_first(const void *a, const void *b)
{
	const struct merge_row *left = a, *right = b;

	return id_record_compare(&right->id, &left->id);
}

/* Those at or above floor; below it a pack with more to say may have a row in between. */
static bool
portion_give(struct merge *m, bool whole, const struct id_record *floor, struct err *err)
{
	for (size_t i = 0; i < m->count; i++) {
		struct pack_row row;
		struct arena arena;
		struct reader r;
		bool ok, more = true;

		if (!whole && id_record_compare(&m->rows[i].id, floor) < 0)
			break;
		arena_init(&arena);
		reader_init(
		    &r, bytes_slice(buf_view(&m->bytes), m->rows[i].offset, m->rows[i].len));
		ok = pack_row_decode(&r, &arena, &row, err);
		if (ok)
			more = archive_search_give(m->s, &row);
		arena_fini(&arena);
		if (!ok || !more)
			return ok;
	}
	return true;
}

bool
archive_search_merge(struct archive_searching *s, struct archive_search_pack **packs, size_t count,
    int64_t from_ms, int64_t to_ms, struct err *err)
{
	struct merge m = {.s = s};
	bool ok = true, whole = false;

	buf_init(&m.bytes, PORTION_BYTES_MAX);
	while (ok && !whole && !s->stopped) {
		struct id_record floor = {{0}};

		buf_reset(&m.bytes);
		m.count = 0;
		whole = true;
		for (size_t i = 0; ok && i < count; i++) {
			m.taken = 0;
			m.full = false;
			ok = archive_search_scan(s, packs[i], from_ms, to_ms, portion_row, &m, err);
			if (ok && m.full && m.taken > 0) {
				const struct id_record *last = &m.rows[m.count - 1].id;

				whole = false;
				if (id_record_compare(last, &floor) > 0)
					floor = *last;
			}
		}
		ok = ok && buf_ok(&m.bytes, err);
		if (ok && m.count > 0)
			qsort(m.rows, m.count, sizeof *m.rows, newest_first);
		ok = ok && portion_give(&m, whole, &floor, err);
		m.below = floor;
		m.bounded = true;
		if (!whole && id_record_ms(&floor) + 1 < to_ms)
			to_ms = id_record_ms(&floor) + 1;
	}
	mem_free(m.rows);
	buf_fini(&m.bytes);
	return ok;
}
