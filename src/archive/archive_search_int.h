/* SPDX-License-Identifier: Apache-2.0 */
/* A search under way. */
#ifndef ARCHIVE_SEARCH_INT_H
#define ARCHIVE_SEARCH_INT_H

#include "archive_int.h"

struct archive_search_pack {
	struct pack *pack;      /* the view's */
	int64_t from_ms, to_ms; /* to_ms excluded */
	bool bad;               /* failed once: left out from then on */
};

struct archive_searching {
	struct archive_view view;
	struct archive_search_pack *packs; /* newest first */
	size_t pack_count;
	size_t row_next; /* of view.rows */
	struct pack_match *match;
	uint64_t limit, given;
	bool stopped;
	const atomic_bool *cancel;
	pack_visit_fn visit;
	void *ctx;
	struct archive_search_report *report;
};

/* archive_search_give: a row of a pack that matches, after the unsealed ones that are newer. false: enough. */
bool archive_search_give(struct archive_searching *s, const struct pack_row *row);
/* archive_search_scan: pack_scan without limit; a damaged pack is counted and is no failure. */
MUST_USE bool archive_search_scan(struct archive_searching *s, struct archive_search_pack *p,
    int64_t from_ms, int64_t to_ms, pack_visit_fn visit, void *ctx, struct err *err);
/* archive_search_merge: several packs over one piece of time; cost: memory for a portion of rows a pack. */
MUST_USE bool archive_search_merge(struct archive_searching *s, struct archive_search_pack **packs,
    size_t count, int64_t from_ms, int64_t to_ms, struct err *err);

#endif
