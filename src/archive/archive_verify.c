/* SPDX-License-Identifier: Apache-2.0 */
/* Everything read, rebuilt and hashed. */
#include <stdio.h>

#include "pack_columns.h"
#include "archive_proof_int.h"
#include "base_mem.h"
#include "crypt_digest.h"

static bool
row_verify(const struct archive_view_row *r, struct err *err)
{
	uint8_t digest[CRYPT_SHA256_BYTES];
	struct pack_row row;
	struct reader reader;
	struct arena arena;
	struct buf body;
	bool ok;

	arena_init(&arena);
	buf_init(&body, ARCHIVE_RECORD_BYTES_MAX);
	reader_init(&reader, r->row->encoded);
	ok = pack_row_decode(&reader, &arena, &row, err) &&
	     archive_unsealed_body(r->file, r->row, &body, err);
	if (ok) {
		crypt_sha256(digest, buf_view(&body));
		ok = bytes_equal(bytes_of(digest, sizeof digest),
			 bytes_of(row.sha256, sizeof row.sha256)) ||
		     ERR(err, ERR_CORRUPT, "its bytes are not those that were received");
	}
	buf_fini(&body);
	arena_fini(&arena);
	return ok;
}

static bool
view_verify(const struct archive_view *view, const atomic_bool *cancel, pack_problem_fn problem,
    void *ctx, uint64_t *checked, struct err *err)
{
	char id[ID_RECORD_TEXT_SIZE], text[sizeof err->msg + 64];

	for (size_t i = 0; i < view->row_count; i++) {
		if (cancel != NULL && atomic_load(cancel))
			return ERR(err, ERR_CANCELLED, "the check was cancelled");
		if (row_verify(&view->rows[i], err)) {
			(*checked)++;
			continue;
		}
		id_record_format(id, &view->rows[i].row->id);
		(void)snprintf(text, sizeof text, "message %s: %s", id, err->msg);
		problem(ctx, text);
	}
	for (size_t i = 0; i < view->pack_count; i++) {
		uint64_t checked_here = 0;
		bool ok = pack_verify(view->packs[i], cancel, problem, ctx, &checked_here, err);

		*checked += checked_here;
		if (!ok)
			return false;
	}
	return true;
}

/* The proof log of each archive, and its records against it. */
static bool
logs_verify(struct archive *a, const struct archive_volume *only, const atomic_bool *cancel,
    pack_problem_fn problem, void *ctx, struct err *err)
{
	struct archive_volume *v;
	struct err away;
	bool ok = true, removed;

	for (size_t i = 0; ok && (v = archive_volume_at(a, i, &removed)) != NULL; i++) {
		/* Without its key there is nothing to compare the log with; that was said. */
		if (!removed && (only == NULL || v == only) && archive_view_check(a, v, &away))
			ok = archive_proof_verify(a, v, cancel, problem, ctx, err);
	}
	return ok;
}

bool
archive_verify(struct archive *a, const char *archive_id, const atomic_bool *cancel,
    pack_problem_fn problem, void *ctx, uint64_t *checked_out, struct err *err)
{
	const struct archive_volume *volume = NULL;
	struct archive_view view;
	bool ok;

	*checked_out = 0;
	if (archive_id != NULL) {
		archive_lock(&a->lock);
		volume = archive_volume_find(a, archive_id);
		archive_unlock(&a->lock);
		if (volume == NULL)
			return ERR(err, ERR_NOT_FOUND, "no archive %.66s", archive_id);
		if (!archive_view_check(a, volume, err))
			return false;
	}
	archive_view_take(a, volume, INT64_MIN, INT64_MAX, &view);
	if (view.corrupt_packs > 0)
		problem(ctx, "packs were damaged when the archives were opened, and are not "
			     "served: see the log");
	if (view.damaged_records > 0)
		problem(ctx, "the intake log holds damaged records, which may belong to any "
			     "archive: see the log");
	if (view.away > 0)
		problem(ctx, view.away_why.msg); /* not looked at is not checked */
	ok = view_verify(&view, cancel, problem, ctx, checked_out, err);
	archive_view_fini(a, &view);
	return ok && logs_verify(a, volume, cancel, problem, ctx, err);
}
