/* SPDX-License-Identifier: Apache-2.0 */
/* The keys of a deleted archive go for good: decided in one transaction, then carried out, also after a crash. */
#include <string.h>

#include "archive_keys.h"
#include "base_log.h"
#include "retain_int.h"

#define WHEN "KeyDestroyedTimestamp"
#define WHO  "KeyDestroyedBy"

bool
retain_key_check(const struct retain_doc *archive, struct err *err)
{
	return json_find(archive->doc, WHEN) == NULL ||
	       ERR(err, ERR_REFUSED, "The keys of archive %.66s were destroyed", archive->row.id);
}

static bool
is_destroyed(struct retain *r, const char *archive_id)
{
	struct archive_key_info info;
	struct err ignored;

	return !archive_key_info_get(r->o.archive, archive_id, &info, &ignored) ||
	       info.state == ARCHIVE_KEY_DESTROYED;
}

bool
retain_key_search(struct retain *r, const char *archive_id, int64_t from_ms, int64_t to_ms,
    const atomic_bool *cancel, pack_visit_fn visit, void *ctx, struct archive_search_report *report,
    struct err *err)
{
	*report = (struct archive_search_report){0};
	return archive_search(r->o.archive, archive_id, from_ms, to_ms, NULL, UINT64_MAX, cancel,
		   visit, ctx, report, err) ||
	       (err->code == ERR_SEALED && is_destroyed(r, archive_id));
}

/* One hold on this archive, or on all, is enough: nobody can tell any more what it is about once the key is gone. */
static bool
hold_check(struct retain *r, const char *id, struct err *err)
{
	struct retain_holds *holds = NULL;
	bool held;

	if (!retain_holds_load(r, &holds, err))
		return false;
	held = retain_holds_concern(holds, id);
	retain_holds_free(&holds);
	return !held || ERR(err, ERR_REFUSED, "Archive %.66s is under a legal hold", id);
}

static bool
decide(
    struct retain *r, const char *id, const char *principal, struct arena *arena, struct err *err)
{
	struct retain_doc d;
	struct err ignored;
	bool ok = retain_doc_get(r, CATALOG_ARCHIVE, id, arena, &d, err);

	if (ok && strcmp(d.row.state, "PENDING_DELETION") != 0)
		ok = ERR(err, ERR_BUSY,
		    "Archive %.66s is active: delete it first, then its key can be destroyed", id);
	/* What was decided stays decided: a call that failed after it may be made again. */
	if (ok && retain_key_check(&d, &ignored)) {
		ok = hold_check(r, id, err);
		json_set_seconds(d.doc, WHEN, clock_now_ms(&r->o.clock));
		json_set_str(d.doc, WHO, principal);
		ok = ok && retain_doc_amend(r, &d, err);
	}
	retain_doc_fini(&d);
	return ok;
}

bool
retain_key_destroy(struct retain *r, const char *id, const char *principal, struct err *err)
{
	struct arena arena;
	bool ok;

	arena_init(&arena);
	/* A hold is either asked here, or is made afterwards and finds that the archive has no keys. */
	retain_lock(&r->keep_lock);
	ok = retain_begin(r, err);
	if (ok)
		ok = retain_end(r, decide(r, id, principal, &arena, err), err);
	retain_unlock(&r->keep_lock);
	arena_fini(&arena);
	return ok && archive_key_destroy(r->o.archive, id, err);
}

static bool
decided_visit(void *ctx, struct retain_doc *d, struct err *err)
{
	(void)err;
	if (json_find(d->doc, WHEN) != NULL)
		json_push(ctx, json_new_str(d->row.id));
	return true;
}

bool
retain_key_run(struct retain *r, const atomic_bool *cancel, struct err *err)
{
	struct json *ids = json_new_array();
	bool ok;

	(void)cancel;
	ok = retain_begin(r, err);
	if (ok) {
		ok = retain_doc_each(
		    r, CATALOG_ARCHIVE, NULL, "PENDING_DELETION", decided_visit, ids, err);
		catalog_rollback(r->o.catalog);
	}
	for (size_t i = 0; ok && i < json_count(ids); i++) {
		const char *id = json_str(json_at(ids, i));

		if (is_destroyed(r, id))
			continue;
		log_info("archive %s: the destruction of its keys goes on", id);
		ok = archive_key_destroy(r->o.archive, id, err);
	}
	json_free(&ids);
	return ok;
}
