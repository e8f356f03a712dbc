/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Search over unsealed rows and packs, newest first.
 *
 * The time range is cut where packs begin and end. In a piece with one pack its rows are passed on as they come; where
 * packs overlap (a little, as receptions do) they are merged by portions, so that memory stays bounded whatever the
 * answer's size. Unsealed rows are in memory, sorted, and go in between.
 */
#include "archive_search_int.h"

#include <stdlib.h>

#include "pack_columns.h"
#include "base_log.h"
#include "base_mem.h"

/* Visits one row, unless the limit is reached or the visitor has had enough. */
static bool
row_give(struct archive_searching *s, const struct pack_row *row)
{
	if (s->stopped || s->given == s->limit) {
		s->stopped = true;
		return false;
	}
	s->given++;
	if (!s->visit(s->ctx, row) || s->given == s->limit)
		s->stopped = true;
	return !s->stopped;
}

/* The unsealed rows newer than bound (NULL: all that are left). */
static bool
unsealed_give(struct archive_searching *s, const struct id_record *bound)
{
	for (; s->row_next < s->view.row_count && !s->stopped; s->row_next++) {
		const struct archive_unsealed_row *unsealed = s->view.rows[s->row_next].row;
		struct pack_row row;
		struct arena arena;
		struct reader r;
		struct err err;

		if (bound != NULL && id_record_compare(&unsealed->id, bound) < 0)
			return true;
		if (s->cancel != NULL && atomic_load(s->cancel))
			return true;
		arena_init(&arena);
		reader_init(&r, unsealed->encoded);
		s->report->records_scanned++;
		must(
		    pack_row_decode(&r, &arena, &row, &err)); /* was decoded when it was taken in */
		if (pack_match_row(s->match, &row))
			(void)row_give(s, &row);
		arena_fini(&arena);
	}
	return !s->stopped;
}

bool
archive_search_give(struct archive_searching *s, const struct pack_row *row)
{
	return unsealed_give(s, &row->id) && row_give(s, row);
}

static bool
pack_visit(void *ctx, const struct pack_row *row)
{
	return archive_search_give(ctx, row);
}

/* A pack that fails is left out from then on and counted: one bad disk block must not hide all the rest. */
bool
archive_search_scan(struct archive_searching *s, struct archive_search_pack *p, int64_t from_ms,
    int64_t to_ms, pack_visit_fn visit, void *ctx, struct err *err)
{
	uint64_t scanned = 0;
	bool ok;

	if (p->bad)
		return true;
	ok = pack_scan(
	    p->pack, from_ms, to_ms, s->match, UINT64_MAX, s->cancel, visit, ctx, &scanned, err);
	s->report->records_scanned += scanned;
	if (ok || err->code == ERR_CANCELLED || err->code == ERR_SEALED)
		return ok;
	p->bad = true;
	s->report->packs_skipped++;
	log_error("search: %s is left out: %s", pack_path(p->pack), err->msg);
	return true;
}

static int
newest_edge_first(const void *a, const void *b)
{
	int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;

	return left > right ? -1 : left < right;
}

static int
newest_pack_first(const void *a, const void *b)
{
	const struct archive_search_pack *left = a, *right = b;

	return left->to_ms > right->to_ms ? -1 : left->to_ms < right->to_ms;
}

/* One piece of time between two edges: no pack begins or ends inside. */
static bool
piece_search(
    struct archive_searching *s, size_t *first, int64_t from_ms, int64_t to_ms, struct err *err)
{
	struct archive_search_pack **here;
	size_t count = 0;
	bool ok = true;

	while (*first < s->pack_count && s->packs[*first].from_ms >= to_ms)
		(*first)++;
	here = mem_calloc(s->pack_count - *first + 1, sizeof(struct archive_search_pack *));
	for (size_t i = *first; i < s->pack_count && s->packs[i].to_ms > from_ms; i++)
		if (s->packs[i].from_ms < to_ms)
			here[count++] = &s->packs[i];
	if (count == 1)
		ok = archive_search_scan(s, here[0], from_ms, to_ms, pack_visit, s, err);
	else if (count > 1)
		ok = archive_search_merge(s, here, count, from_ms, to_ms, err);
	mem_free(here);
	return ok;
}

static bool
pieces_search(struct archive_searching *s, struct err *err)
{
	size_t edge_count = 0, first = 0;
	int64_t *edges = mem_calloc(2 * s->pack_count + 1, sizeof *edges);
	bool ok = true;

	for (size_t i = 0; i < s->pack_count; i++) {
		edges[edge_count++] = s->packs[i].from_ms;
		edges[edge_count++] = s->packs[i].to_ms;
	}
	if (edge_count > 0)
		qsort(edges, edge_count, sizeof *edges, newest_edge_first);
	for (size_t i = 0; ok && !s->stopped && i + 1 < edge_count; i++)
		if (edges[i] > edges[i + 1])
			ok = piece_search(s, &first, edges[i + 1], edges[i], err);
	mem_free(edges);
	return ok && (s->stopped || unsealed_give(s, NULL) || s->stopped);
}

/* The packs of the view, cut to the range asked for, newest first. */
static void
packs_list(struct archive_searching *s, int64_t from_ms, int64_t to_ms)
{
	s->pack_count = s->view.pack_count;
	s->packs = mem_calloc(s->pack_count + 1, sizeof *s->packs);
	for (size_t i = 0; i < s->pack_count; i++) {
		struct pack_info info;

		pack_info_get(s->view.packs[i], &info);
		s->packs[i] = (struct archive_search_pack){
		    .pack = s->view.packs[i],
		    .from_ms = info.oldest_ms > from_ms ? info.oldest_ms : from_ms,
		    .to_ms = info.newest_ms < to_ms ? info.newest_ms + 1 : to_ms,
		};
	}
	if (s->pack_count > 0)
		qsort(s->packs, s->pack_count, sizeof *s->packs, newest_pack_first);
}

bool
archive_search(struct archive *a, const char *archive_id, int64_t from_ms, int64_t to_ms,
    const struct pack_filter *filter, uint64_t limit, const atomic_bool *cancel,
    pack_visit_fn visit, void *ctx, struct archive_search_report *report, struct err *err)
{
	struct archive_searching s = {
	    .limit = limit, .cancel = cancel, .visit = visit, .ctx = ctx, .report = report};
	struct archive_volume *volume;
	bool ok;

	*report = (struct archive_search_report){0};
	archive_lock(&a->lock);
	volume = archive_volume_find(a, archive_id);
	archive_unlock(&a->lock);
	if (volume == NULL)
		return ERR(err, ERR_NOT_FOUND, "no archive %.66s", archive_id);
	if (!archive_view_check(a, volume, err))
		return false;
	if (limit == 0 || from_ms >= to_ms)
		return true;
	s.match = pack_match_new(filter);
	archive_view_take(a, volume, from_ms, to_ms, &s.view);
	packs_list(&s, from_ms, to_ms);
	report->packs_scanned = s.pack_count;
	report->packs_skipped = s.view.corrupt_packs;
	ok = pieces_search(&s, err);
	if (ok && cancel != NULL && atomic_load(cancel) && !s.stopped)
		ok = ERR(err, ERR_CANCELLED, "the search was cancelled");
	mem_free(s.packs);
	archive_view_fini(a, &s.view);
	pack_match_free(&s.match);
	return ok;
}
