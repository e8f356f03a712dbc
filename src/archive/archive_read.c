/* SPDX-License-Identifier: Apache-2.0 */
/* One message by its id, and what an archive holds in numbers. */
#include <string.h>

#include "pack_columns.h"
#include "archive_int.h"
#include "base_mem.h"
#include "crypt_digest.h"

/* Copies what the row's views point to, so that it lives as long as the arena. */
static bool
row_copy(struct bytes encoded, struct arena *arena, struct pack_row *out, struct err *err)
{
	struct reader r;

	reader_init(&r, arena_bytes(arena, encoded));
	return pack_row_decode(&r, arena, out, err);
}

static bool
unsealed_read(struct archive_view_row *found, struct arena *arena, const char **archive_id_out,
    struct pack_row *row_out, struct buf *body, struct err *err)
{
	*archive_id_out = arena_strdup(arena, found->row->volume->id);
	return row_copy(found->row->encoded, arena, row_out, err) &&
	       (body == NULL || archive_unsealed_body(found->file, found->row, body, err));
}

struct pack *
archive_read_holder(struct archive *a, const struct id_record *id, size_t *position_out,
    char archive_id[ARCHIVE_ID_SIZE])
{
	int64_t ms = id_record_ms(id);
	struct archive_view view;
	struct pack *pack = NULL;

	for (size_t v = 0; pack == NULL; v++) {
		struct archive_volume *volume = archive_volume_at(a, v, NULL);

		if (volume == NULL)
			break;
		archive_view_take(a, volume, ms, ms + 1, &view);
		for (size_t i = 0; i < view.pack_count && pack == NULL; i++) {
			*position_out = pack_find(view.packs[i], id);
			if (*position_out != SIZE_MAX)
				pack = pack_hold(view.packs[i]);
		}
		archive_view_fini(a, &view);
		if (pack != NULL)
			memcpy(archive_id, volume->id, ARCHIVE_ID_SIZE);
	}
	return pack;
}

static bool
digest_check(const struct pack_row *row, const struct buf *body, struct err *err)
{
	uint8_t digest[CRYPT_SHA256_BYTES];
	char text[ID_RECORD_TEXT_SIZE];

	crypt_sha256(digest, buf_view(body));
	if (bytes_equal(bytes_of(digest, sizeof digest), bytes_of(row->sha256, sizeof row->sha256)))
		return true;
	id_record_format(text, &row->id);
	return ERR(
	    err, ERR_CORRUPT, "message %s: its bytes are not those that were received", text);
}

/* One message of one pack, whose reader holds the bytes against the row. */
static bool
sealed_read(struct pack *pack, size_t position, struct arena *arena, struct pack_row *row_out,
    struct buf *body, struct err *err)
{
	struct pack_reader *reader = NULL;
	bool ok = pack_reader_new(pack, &reader, err) &&
		  pack_reader_row(reader, position, arena, row_out, err) &&
		  (body == NULL || pack_reader_body(reader, position, body, err));

	pack_reader_free(&reader);
	return ok;
}

bool
archive_read(struct archive *a, const struct id_record *id, struct arena *arena,
    const char **archive_id_out, struct pack_row *row_out, struct buf *body, struct err *err)
{
	int64_t ms = id_record_ms(id);
	struct archive_view_row *found = NULL;
	struct pack *pack;
	struct archive_view view;
	char archive_id[ARCHIVE_ID_SIZE];
	size_t position;
	bool ok;
	struct err away = {.code = ERR_NONE};

	archive_view_take(a, NULL, ms, ms + 1, &view);
	if (view.away > 0)
		away = view.away_why;
	for (size_t i = 0; i < view.row_count && found == NULL; i++)
		if (id_record_compare(&view.rows[i].row->id, id) == 0)
			found = &view.rows[i];
	if (found != NULL) {
		ok = unsealed_read(found, arena, archive_id_out, row_out, body, err) &&
		     (body == NULL || digest_check(row_out, body, err));
		archive_view_fini(a, &view);
	} else {
		archive_view_fini(a, &view);
		/* A record sealed since the view was taken is in a pack now. */
		pack = archive_read_holder(a, id, &position, archive_id);
		if (pack == NULL && away.code != ERR_NONE) {
			*err = away; /* it may be there */
			return false;
		}
		if (pack == NULL)
			return ERR(err, ERR_NOT_FOUND, "no such message");
		ok = sealed_read(pack, position, arena, row_out, body, err);
		*archive_id_out = arena_strdup(arena, archive_id);
		pack_release(&pack);
	}
	return ok;
}

static void
stats_time(struct archive_stats *out, int64_t oldest_ms, int64_t newest_ms)
{
	if (out->oldest_ms == 0 || oldest_ms < out->oldest_ms)
		out->oldest_ms = oldest_ms;
	if (newest_ms > out->newest_ms)
		out->newest_ms = newest_ms;
}

static void
stats_packs(const struct archive_volume *v, struct archive_stats *out)
{
	out->corrupt_packs += v->corrupt_packs;
	for (size_t i = 0; i < v->pack_count; i++) {
		struct pack_info info;

		pack_info_get(v->packs[i], &info);
		out->messages += info.records;
		out->message_bytes += info.message_bytes;
		out->stored_bytes += info.file_bytes;
		out->without_leaf += info.without_leaf;
		if (info.records > 0)
			stats_time(out, info.oldest_ms, info.newest_ms);
	}
}

static void
stats_rows(
    const struct archive_unsealed *u, const struct archive_volume *v, struct archive_stats *out)
{
	for (size_t i = 0; i < u->row_count; i++) {
		const struct archive_unsealed_row *row = u->rows[i];

		if (row->sealed || (v != NULL && row->volume != v))
			continue;
		out->messages++;
		out->unsealed_messages++;
		out->message_bytes += row->size_bytes;
		stats_time(out, row->received_ms, row->received_ms);
	}
}

bool
archive_stats_get(
    struct archive *a, const char *archive_id, struct archive_stats *out, struct err *err)
{
	const struct archive_volume *volume = NULL;
	bool ok;

	*out = (struct archive_stats){0};
	archive_lock(&a->lock);
	if (archive_id != NULL)
		volume = archive_volume_find(a, archive_id);
	ok = archive_id == NULL || volume != NULL;
	for (size_t i = 0; ok && i < a->volume_count; i++)
		if (volume == NULL || volume == a->volumes[i]) {
			stats_packs(a->volumes[i], out);
			out->away +=
			    a->volumes[i]->key == NULL && a->volumes[i]->ring.destroyed_ms == 0;
		}
	for (size_t i = 0; ok && i < a->file_count; i++)
		stats_rows(a->files[i], volume, out);
	archive_unlock(&a->lock);
	return ok || ERR(err, ERR_NOT_FOUND, "no archive %.66s", archive_id);
}
