/* SPDX-License-Identifier: Apache-2.0 */
/* Walking the rows of a pack, newest first: of each row group only the columns the filter asks for, the others for
 * hits. */
#include "pack_reader_int.h"

struct scan {
	struct pack *pack;
	struct pack_match *match;
	const atomic_bool *cancel;
	pack_visit_fn visit;
	void *ctx;
	uint64_t left, scanned;
	bool stopped;
};

static unsigned
columns_needed(const struct pack_match *match)
{
	static const enum pack_column COLUMNS[] = {
	    [PACK_ATTRIBUTE_TO] = PACK_COLUMN_TO,
	    [PACK_ATTRIBUTE_FROM] = PACK_COLUMN_FROM,
	    [PACK_ATTRIBUTE_CC] = PACK_COLUMN_CC,
	    [PACK_ATTRIBUTE_SUBJECT] = PACK_COLUMN_SUBJECT,
	    [PACK_ATTRIBUTE_ENVELOPE_TO] = PACK_COLUMN_ENVELOPE_TO,
	    [PACK_ATTRIBUTE_ENVELOPE_FROM] = PACK_COLUMN_ENVELOPE_FROM,
	    [PACK_ATTRIBUTE_HAS_ATTACHMENTS] = PACK_COLUMN_ATTACHMENTS,
	};
	unsigned needs = pack_match_needs(match), columns = 0;

	for (unsigned a = 0; a < sizeof COLUMNS / sizeof *COLUMNS; a++)
		if ((needs & (1u << a)) != 0)
			columns |= PACK_COLUMN_BIT(COLUMNS[a]);
	return columns;
}

static bool
is_cancelled(const struct scan *s)
{
	return s->cancel != NULL && atomic_load(s->cancel);
}

/* A hit: the row whole, to the visitor. */
static bool
hit_visit(struct scan *s, struct pack_cursor *cursor, struct pack_view *view, size_t position,
    struct err *err)
{
	struct pack_row row;
	struct arena arena;
	bool ok;

	if (is_cancelled(s))
		return ERR(err, ERR_CANCELLED, "the search was cancelled");
	arena_init(&arena);
	ok = pack_view_load(cursor, view, PACK_COLUMNS_ALL, err) &&
	     pack_view_row(s->pack, view, position, PACK_COLUMNS_ALL, &arena, &row, err);
	if (ok) {
		s->left--;
		s->stopped = !s->visit(s->ctx, &row) || s->left == 0;
	}
	arena_fini(&arena);
	return ok;
}

/* Positions [first, end) of one group, from the end. */
static bool
group_scan(struct scan *s, struct pack_cursor *cursor, uint32_t group, size_t first, size_t end,
    struct err *err)
{
	unsigned columns = columns_needed(s->match);
	struct pack_view view;
	bool ok;

	pack_view_init(&view, s->pack, group);
	ok = pack_view_load(cursor, &view, columns, err);
	for (size_t position = end; ok && !s->stopped && position > first; position--) {
		struct pack_row row;

		ok = pack_view_row(s->pack, &view, position - 1, columns, NULL, &row, err);
		s->scanned++;
		if (ok && pack_match_row(s->match, &row))
			ok = hit_visit(s, cursor, &view, position - 1, err);
	}
	pack_view_fini(&view);
	return ok;
}

bool
pack_scan(struct pack *p, int64_t from_ms, int64_t to_ms, struct pack_match *match, uint64_t limit,
    const atomic_bool *cancel, pack_visit_fn visit, void *ctx, uint64_t *scanned_out,
    struct err *err)
{
	struct scan s = {.pack = p,
	    .match = match,
	    .cancel = cancel,
	    .visit = visit,
	    .ctx = ctx,
	    .left = limit,
	    .stopped = limit == 0};
	size_t first = pack_lower_bound(p, from_ms), end = pack_lower_bound(p, to_ms);
	struct pack_cursor cursor;
	bool ok;

	*scanned_out = 0;
	ok = pack_cursor_open(&cursor, p, err);
	while (ok && !s.stopped && end > first) {
		uint32_t group = pack_group_of(p, end - 1);
		size_t start = p->directory.groups[group].first_row;

		if (is_cancelled(&s)) {
			ok = ERR(err, ERR_CANCELLED, "the search was cancelled");
			break;
		}
		ok = group_scan(&s, &cursor, group, start > first ? start : first, end, err);
		end = start;
	}
	pack_cursor_close(&cursor);
	*scanned_out = s.scanned;
	return ok;
}
