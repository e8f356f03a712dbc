/* SPDX-License-Identifier: Apache-2.0 */
/* Many messages in a row, from a pack that stays open between them. */
#include <string.h>

#include "archive_keys_int.h"
#include "base_mem.h"

struct archive_reader {
	struct archive *archive;
	struct pack_reader *reader; /* NULL: none is open */
	struct pack *pack;          /* held while it is */
	char archive_id[ARCHIVE_ID_SIZE];
};

struct archive_reader *
archive_reader_new(struct archive *a)
{
	struct archive_reader *r = mem_calloc(1, sizeof *r);

	r->archive = a;
	return r;
}

static void
pack_leave(struct archive_reader *r)
{
	pack_reader_free(&r->reader);
	pack_release(&r->pack);
}

void
archive_reader_free(struct archive_reader **r)
{
	if (*r == NULL)
		return;
	pack_leave(*r);
	mem_free(*r);
	*r = NULL;
}

/* A pack that was rewritten, or whose archive was destroyed, answers no more, though it can still be read. */
static bool
is_shown(struct archive_reader *r)
{
	const struct archive_volume *v;
	struct err away;
	bool shown = false;

	archive_lock(&r->archive->lock);
	v = archive_volume_find(r->archive, r->archive_id);
	for (size_t i = 0; v != NULL && i < v->pack_count && !shown; i++)
		shown = v->packs[i] == r->pack && archive_keys_check(r->archive, v, &away);
	archive_unlock(&r->archive->lock);
	return shown;
}

/* Another pack; true also when none has the record: then none is open. */
static bool
pack_enter(
    struct archive_reader *r, const struct id_record *id, size_t *position_out, struct err *err)
{
	pack_leave(r);
	r->pack = archive_read_holder(r->archive, id, position_out, r->archive_id);
	if (r->pack == NULL)
		return true;
	if (pack_reader_new(r->pack, &r->reader, err))
		return true;
	pack_leave(r);
	return false;
}

bool
archive_reader_read(struct archive_reader *r, const struct id_record *id, struct arena *arena,
    const char **archive_id_out, struct pack_row *row_out, struct buf *body, struct err *err)
{
	size_t position = SIZE_MAX;

	if (r->pack != NULL)
		position = pack_find(r->pack, id);
	if ((position == SIZE_MAX || !is_shown(r)) && !pack_enter(r, id, &position, err))
		return false;
	if (r->pack == NULL)
		return archive_read(r->archive, id, arena, archive_id_out, row_out, body, err);
	*archive_id_out = arena_strdup(arena, r->archive_id);
	return pack_reader_row(r->reader, position, arena, row_out, err) &&
	       (body == NULL || pack_reader_body(r->reader, position, body, err));
}
