/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of what is in the log and in no pack yet: kept in memory per log file; bodies stay on disk. */
#include <stdlib.h>

#include "archive_int.h"
#include "archive_keys_int.h"
#include "base_mem.h"

struct archive_unsealed *
archive_unsealed_new(struct archive_log *log)
{
	struct archive_unsealed *u = mem_calloc(1, sizeof *u);

	u->log = log;
	u->refs = 1;
	arena_init(&u->arena);
	return u;
}

void
archive_unsealed_free(struct archive_unsealed **u)
{
	if (*u == NULL)
		return;
	archive_log_close(&(*u)->log);
	arena_fini(&(*u)->arena);
	mem_free((*u)->rows);
	mem_free(*u);
	*u = NULL;
}

void
archive_unsealed_add(struct archive_unsealed *u, const struct archive_unsealed_row *row)
{
	struct archive_unsealed_row *copy = arena_alloc(&u->arena, sizeof *copy);

	*copy = *row;
	copy->encoded = arena_bytes(&u->arena, row->encoded);
	if (u->row_count == u->row_room) {
		u->row_room = u->row_room == 0 ? 64 : u->row_room * 2;
		u->rows =
		    mem_realloc_array(u->rows, u->row_room, sizeof(struct archive_unsealed_row *));
	}
	u->rows[u->row_count++] = copy;
}

struct archive_unsealed *
archive_unsealed_hold(struct archive_unsealed *u)
{
	u->refs++;
	return u;
}

/* The lists of the archive hold a reference of their own, which only the sealer gives up. */
void
archive_unsealed_release(struct archive_unsealed *u)
{
	must(u->refs > 1);
	u->refs--;
}

void
archive_files_add(struct archive *a, struct archive_unsealed *u)
{
	a->files =
	    mem_realloc_array(a->files, a->file_count + 1, sizeof(struct archive_unsealed *));
	a->files[a->file_count++] = u;
}

void
archive_retired_add(struct archive *a, struct archive_unsealed *u)
{
	a->retired =
	    mem_realloc_array(a->retired, a->retired_count + 1, sizeof(struct archive_unsealed *));
	a->retired[a->retired_count++] = u;
}

bool
archive_unsealed_body(struct archive_unsealed *u, const struct archive_unsealed_row *row,
    struct buf *body, struct err *err)
{
	struct archive_record record;
	struct arena arena;
	struct buf plain;
	bool ok;

	arena_init(&arena);
	buf_init(&plain, ARCHIVE_RECORD_BYTES_MAX);
	ok = archive_log_read(u->log, row->offset, row->length, &plain, err) &&
	     archive_record_decode(buf_view(&plain), &arena, &record, err) &&
	     (row->delivery < record.delivery_count ||
		 ERR(err, ERR_CORRUPT, "%s: a record lost a delivery", u->log->path));
	if (ok) {
		buf_append(body, record.deliveries[row->delivery].added_headers);
		buf_append(body, record.body);
		ok = buf_ok(body, err);
	}
	buf_fini(&plain);
	arena_fini(&arena);
	return ok;
}

static bool
pack_overlaps(const struct pack *p, int64_t from_ms, int64_t to_ms)
{
	struct pack_info info;

	pack_info_get(p, &info);
	return info.records > 0 && info.newest_ms >= from_ms && info.oldest_ms < to_ms;
}

static void
view_packs(const struct archive_volume *v, int64_t from_ms, int64_t to_ms, struct archive_view *out)
{
	out->corrupt_packs += v->corrupt_packs;
	out->packs = mem_realloc_array(
	    out->packs, out->pack_count + v->pack_count + 1, sizeof(struct pack *));
	for (size_t i = 0; i < v->pack_count; i++)
		if (pack_overlaps(v->packs[i], from_ms, to_ms))
			out->packs[out->pack_count++] = pack_hold(v->packs[i]);
}

static void
view_rows(struct archive *a, struct archive_unsealed *u, const struct archive_volume *v,
    int64_t from_ms, int64_t to_ms, struct archive_view *out)
{
	struct err away;

	out->rows =
	    mem_realloc_array(out->rows, out->row_count + u->row_count + 1, sizeof *out->rows);
	for (size_t i = 0; i < u->row_count; i++) {
		const struct archive_unsealed_row *row = u->rows[i];

		if (row->sealed || (v != NULL && row->volume != v) || row->received_ms < from_ms ||
		    row->received_ms >= to_ms || !archive_keys_check(a, row->volume, &away))
			continue;
		out->rows[out->row_count++] =
		    (struct archive_view_row){.file = archive_unsealed_hold(u), .row = row};
	}
}

static int
newest_first(const void *a, const void *b)
{
	const struct archive_view_row *left = a, *right = b;

	return id_record_compare(&right->row->id, &left->row->id);
}

static void
view_volume(struct archive *a, const struct archive_volume *v, int64_t from_ms, int64_t to_ms,
    struct archive_view *out)
{
	struct err err;

	if (archive_keys_check(a, v, &err)) {
		view_packs(v, from_ms, to_ms, out);
	} else if (v->ring.destroyed_ms == 0) {
		out->away++;
		out->away_why = err;
	}
}

void
archive_view_take(struct archive *a, const struct archive_volume *volume, int64_t from_ms,
    int64_t to_ms, struct archive_view *out)
{
	*out = (struct archive_view){0};
	archive_lock(&a->lock);
	for (size_t i = 0; i < a->volume_count; i++)
		if (volume == NULL || volume == a->volumes[i])
			view_volume(a, a->volumes[i], from_ms, to_ms, out);
	for (size_t i = 0; i < a->file_count; i++) {
		view_rows(a, a->files[i], volume, from_ms, to_ms, out);
		out->damaged_records += a->files[i]->damaged_records;
	}
	archive_unlock(&a->lock);
	if (out->row_count > 0)
		qsort(out->rows, out->row_count, sizeof *out->rows, newest_first);
}

bool
archive_view_check(struct archive *a, const struct archive_volume *volume, struct err *err)
{
	bool ok;

	archive_lock(&a->lock);
	ok = archive_keys_check(a, volume, err);
	archive_unlock(&a->lock);
	return ok;
}

void
archive_view_fini(struct archive *a, struct archive_view *view)
{
	for (size_t i = 0; i < view->pack_count; i++)
		pack_release(&view->packs[i]);
	archive_lock(&a->lock);
	for (size_t i = 0; i < view->row_count; i++)
		archive_unsealed_release(view->rows[i].file);
	archive_unlock(&a->lock);
	mem_free(view->packs);
	mem_free(view->rows);
	*view = (struct archive_view){0};
}
