/* SPDX-License-Identifier: Apache-2.0 */
/* A deleted archive comes back, as long as it is there. */
#include <string.h>

#include "retain_int.h"

static bool
undelete(
    struct retain *r, const char *id, uint64_t active_max, struct arena *arena, struct err *err)
{
	struct retain_doc d;
	uint64_t active;
	bool ok;

	ok = retain_doc_get(r, CATALOG_ARCHIVE, id, arena, &d, err);
	if (ok && strcmp(d.row.state, "PENDING_DELETION") != 0)
		ok = ERR(err, ERR_BUSY, "archive %.66s is not deleted", id);
	ok = ok && retain_key_check(&d, err) &&
	     catalog_count(r->o.catalog, CATALOG_ARCHIVE, NULL, "ACTIVE", &active, err);
	if (ok && active >= active_max)
		ok = ERR(err, ERR_LIMIT, "the limit of %u active archives is reached",
		    (unsigned)active_max);
	if (ok) {
		d.row.state = "ACTIVE";
		d.row.name = json_get_str(d.doc, "ArchiveName"); /* may have been freed */
		ok = retain_doc_save(r, &d, err) ||
		     (err->code == ERR_EXISTS &&
			 ERR(err, ERR_EXISTS, "the name of archive %.66s was taken meanwhile", id));
	}
	retain_doc_fini(&d);
	return ok;
}

bool
retain_archive_undelete(struct retain *r, const char *id, uint64_t active_max, struct err *err)
{
	struct arena arena;
	bool ok;

	arena_init(&arena);
	/* Either before the last question of its destruction, or after its end. */
	retain_lock(&r->keep_lock);
	ok = retain_begin(r, err);
	if (ok)
		ok = retain_end(r, undelete(r, id, active_max, &arena, err), err);
	retain_unlock(&r->keep_lock);
	arena_fini(&arena);
	return ok;
}
