/* SPDX-License-Identifier: Apache-2.0 */
/* What packs say of records that are no longer there, and whether one pack says all that another one does. */
#include "base_mem.h"
#include "pack_reader_int.h"

bool
pack_tombstones(struct pack *p, pack_tombstone_fn visit, void *ctx, struct err *err)
{
	const struct pack_directory *d = &p->directory;
	struct pack_cursor cursor;
	struct pack_tombstone t = {0}, last = {0};
	bool ok = true, wanted = true, first = true;
	struct buf plain;

	if (d->tombstone_block_count == 0)
		return true;
	buf_init(&plain, (size_t)PACK_TOMBSTONE_ROWS * PACK_TOMBSTONE_BYTES);
	ok = pack_cursor_open(&cursor, p, err);
	for (uint32_t i = 0; ok && wanted && i < d->tombstone_block_count; i++) {
		struct reader r;

		buf_reset(&plain);
		ok = pack_cursor_block(&cursor, &d->tombstones[i], i, &plain, err);
		reader_init(&r, buf_view(&plain));
		while (ok && wanted && r.left.len > 0) {
			ok = pack_tombstone_decode(&r, &t) &&
			     (first || id_record_compare(&last.id, &t.id) < 0);
			if (!ok)
				(void)ERR(err, ERR_CORRUPT,
				    "pack %s: tombstone block %u is not in order", p->path, i);
			wanted = ok && visit(ctx, &t);
			last = t;
			first = false;
		}
	}
	pack_cursor_close(&cursor);
	buf_fini(&plain);
	return ok;
}

struct ids {
	struct id_record *list;
	size_t count;
};

static bool
id_keep(void *ctx, const struct pack_tombstone *t)
{
	struct ids *ids = ctx;

	ids->list[ids->count++] = t->id;
	return true;
}

static bool
ids_load(struct pack *p, struct ids *out, struct err *err)
{
	*out = (struct ids){mem_calloc(p->footer.tombstone_count, sizeof *out->list), 0};
	return pack_tombstones(p, id_keep, out, err);
}

static bool
ids_hold(const struct ids *ids, const struct id_record *id)
{
	size_t low = 0, high = ids->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = id_record_compare(&ids->list[middle], id);

		if (order == 0)
			return true;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

bool
pack_is_buried(struct pack *p, const struct id_record *id, bool *out, struct err *err)
{
	struct ids ids = {0};
	bool ok = true;

	*out = false;
	if (p->footer.tombstone_count > 0) {
		ok = ids_load(p, &ids, err);
		*out = ok && ids_hold(&ids, id);
		mem_free(ids.list);
	}
	return ok;
}

bool
pack_is_contained(struct pack *p, struct pack *q, bool *out, struct err *err)
{
	const struct pack_directory *d = &p->directory;
	struct ids mine = {0}, other = {0};
	bool ok = true, contained = true;

	*out = false;
	/* Nearly always the counts, or the first record, say no. */
	if ((uint64_t)d->record_count + p->footer.tombstone_count >
	    (uint64_t)q->footer.record_count + q->footer.tombstone_count)
		return true;
	if (q->footer.tombstone_count == 0 &&
	    (p->footer.tombstone_count > 0 ||
		(d->record_count > 0 && pack_find(q, &d->ids[0]) == SIZE_MAX)))
		return true;
	ok = ids_load(p, &mine, err) && ids_load(q, &other, err);
	for (size_t i = 0; ok && contained && i < d->record_count; i++)
		contained = pack_find(q, &d->ids[i]) != SIZE_MAX || ids_hold(&other, &d->ids[i]);
	for (size_t i = 0; ok && contained && i < mine.count; i++)
		contained = ids_hold(&other, &mine.list[i]);
	mem_free(mine.list);
	mem_free(other.list);
	*out = ok && contained;
	return ok;
}
