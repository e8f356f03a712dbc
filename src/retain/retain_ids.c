/* SPDX-License-Identifier: Apache-2.0 */
/* Sorted lists of record ids, in memory and as parts of a row. */
#include <stdlib.h>
#include <string.h>

#include "retain_int.h"

static int
by_id(const void *a, const void *b)
{
	return id_record_compare(a, b);
}

void
retain_ids_add(struct retain_ids *ids, const struct id_record *id)
{
	if (ids->count == ids->room) {
		ids->room = ids->room == 0 ? 64 : ids->room * 2;
		ids->list = mem_realloc_array(ids->list, ids->room, sizeof *ids->list);
	}
	ids->list[ids->count++] = *id;
}

void
retain_ids_sort(struct retain_ids *ids)
{
	if (ids->count > 0)
		qsort(ids->list, ids->count, sizeof *ids->list, by_id);
}

bool
retain_ids_have(const struct retain_ids *ids, const struct id_record *id)
{
	return ids->count > 0 &&
	       bsearch(id, ids->list, ids->count, sizeof *ids->list, by_id) != NULL;
}

void
retain_ids_free(struct retain_ids *ids)
{
	mem_free(ids->list);
	*ids = (struct retain_ids){0};
}

bool
retain_ids_put(
    struct retain *r, const char *id, uint32_t first, const struct retain_ids *ids, struct err *err)
{
	for (size_t at = 0; at < ids->count; at += RETAIN_IDS_PER_PART) {
		size_t n =
		    ids->count - at < RETAIN_IDS_PER_PART ? ids->count - at : RETAIN_IDS_PER_PART;

		if (!catalog_part_put(r->o.catalog, id,
			first + (uint32_t)(at / RETAIN_IDS_PER_PART),
			bytes_of(&ids->list[at], n * sizeof *ids->list), err))
			return false;
	}
	return true;
}

bool
retain_ids_get(
    struct retain *r, const char *id, uint32_t first, struct retain_ids *out, struct err *err)
{
	bool ok = true, more = true;

	*out = (struct retain_ids){0};
	for (uint32_t number = first; ok && more; number++) {
		struct arena arena;
		struct bytes part;
		struct reader in;

		arena_init(&arena);
		more = catalog_part_get(r->o.catalog, id, number, &arena, &part, err);
		ok = more || err->code == ERR_NOT_FOUND;
		reader_init(&in, more ? part : BYTES_EMPTY);
		while (ok && in.left.len > 0) {
			struct bytes raw = reader_take(&in, ID_RECORD_BYTES);
			struct id_record one;

			ok = reader_ok(&in) ||
			     ERR(err, ERR_CORRUPT, "the stored ids of %.60s are damaged", id);
			if (ok) {
				memcpy(one.raw, raw.ptr, sizeof one.raw);
				retain_ids_add(out, &one);
			}
		}
		arena_fini(&arena);
	}
	if (!ok)
		retain_ids_free(out);
	return ok;
}
