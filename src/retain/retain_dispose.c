/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A disposition carried out: PLANNED → APPROVED → RUNNING → COMPLETED, or REJECTED.
 *
 * What goes is noted in parts of its row before it goes (an intent), pack by pack, and counted (Parts) when it is gone.
 * What a crash leaves of an intent is looked up: its records are all there, then it never happened; or all gone.
 */
#include <stdio.h>
#include <string.h>

#include "archive_destroy.h"
#include "base_log.h"
#include "base_text.h"
#include "retain_plan_int.h"

#define RECORD_BYTES     96u
#define RECORDS_PER_PART 16384u
#define RETRY_MS         ((int64_t)3600 * 1000)

struct doing {
	struct retain *r;
	const char *id;
	struct retain_terms terms;
	struct retain_holds *holds;
};

/* The archive and the holds as they are. */
static bool
doing_refresh(struct doing *d, struct err *err)
{
	struct retain_time time;
	char archive_id[ARCHIVE_ID_SIZE];
	bool ok;

	memcpy(archive_id, d->terms.archive_id, sizeof archive_id);
	retain_holds_free(&d->holds);
	if (!retain_clock_trusted(d->r, &time, err) || !retain_begin(d->r, err))
		return false;
	ok = retain_terms_load(d->r, archive_id, &time, &d->terms, err) &&
	     retain_holds_load(d->r, &d->holds, err);
	catalog_rollback(d->r->o.catalog);
	return ok;
}

static bool
doing_may(void *ctx, const struct pack_row *row, bool *yes_out, struct err *err)
{
	struct doing *d = ctx;

	(void)err;
	*yes_out = retain_terms_over(&d->terms, row) && (!d->terms.pending || d->terms.deletion) &&
		   retain_holds_cover(d->holds, d->terms.archive_id, row, NULL) == NULL;
	return true;
}

static bool
doing_begin(void *ctx, struct err *err)
{
	struct doing *d = ctx;

	retain_lock(&d->r->keep_lock);
	if (doing_refresh(d, err))
		return true;
	retain_unlock(&d->r->keep_lock);
	return false;
}

static void
doing_end(void *ctx)
{
	struct doing *d = ctx;

	retain_unlock(&d->r->keep_lock);
}

static uint32_t
parts_of(size_t count)
{
	return (uint32_t)((count + RECORDS_PER_PART - 1) / RECORDS_PER_PART);
}

static bool
records_put(
    struct doing *d, uint32_t first, const struct archive_gone *gone, size_t count, struct err *err)
{
	struct buf part;
	bool ok = true;

	buf_init(&part, (size_t)RECORDS_PER_PART * RECORD_BYTES);
	for (size_t i = 0; ok && i < count; i++) {
		buf_append_mem(&part, gone[i].id.raw, sizeof gone[i].id.raw);
		buf_u64(&part, gone[i].size_bytes);
		buf_append_mem(&part, gone[i].sha256, sizeof gone[i].sha256);
		buf_u64(&part, gone[i].leaf_index);
		buf_append_mem(&part, gone[i].leaf_hash, sizeof gone[i].leaf_hash);
		if ((i + 1) % RECORDS_PER_PART != 0 && i + 1 < count)
			continue;
		ok = buf_ok(&part, err) &&
		     catalog_part_put(d->r->o.catalog, d->id,
			 first + (uint32_t)(i / RECORDS_PER_PART), buf_view(&part), err);
		buf_reset(&part);
	}
	buf_fini(&part);
	return ok;
}

static bool
record_read(struct reader *in, struct archive_gone *out)
{
	struct bytes id = reader_take(in, ID_RECORD_BYTES), sha256, leaf_hash;

	out->size_bytes = reader_u64(in);
	sha256 = reader_take(in, sizeof out->sha256);
	out->leaf_index = reader_u64(in);
	leaf_hash = reader_take(in, sizeof out->leaf_hash);
	if (!reader_ok(in))
		return false;
	memcpy(out->id.raw, id.ptr, sizeof out->id.raw);
	memcpy(out->sha256, sha256.ptr, sizeof out->sha256);
	memcpy(out->leaf_hash, leaf_hash.ptr, sizeof out->leaf_hash);
	return true;
}

/* The intent: durable before anything is no longer shown. */
static bool
doing_commit(void *ctx, const struct archive_gone *gone, size_t count, struct err *err)
{
	struct doing *d = ctx;
	struct retain_doc doc;
	struct arena arena;
	bool ok;

	if (!retain_begin(d->r, err))
		return false;
	arena_init(&arena);
	ok = retain_doc_get(d->r, CATALOG_DISPOSITION, d->id, &arena, &doc, err) &&
	     (strcmp(doc.row.state, "RUNNING") == 0 ||
		 ERR(err, ERR_BUSY, "disposition %s is not running", d->id)) &&
	     records_put(d, (uint32_t)json_get_integer(doc.doc, "Parts", 0), gone, count, err);
	retain_doc_fini(&doc);
	arena_fini(&arena);
	return retain_end(d->r, ok, err);
}

/* The intent is fulfilled. */
static bool
doing_gone(void *ctx, const struct archive_gone *gone, size_t count, struct err *err)
{
	struct doing *d = ctx;
	struct retain_doc doc;
	struct arena arena;
	int64_t bytes = 0;
	bool ok;

	for (size_t i = 0; i < count; i++)
		bytes += (int64_t)gone[i].size_bytes;
	if (!retain_begin(d->r, err))
		return false;
	arena_init(&arena);
	ok = retain_doc_get(d->r, CATALOG_DISPOSITION, d->id, &arena, &doc, err);
	if (ok) {
		json_set_integer(
		    doc.doc, "Parts", json_get_integer(doc.doc, "Parts", 0) + parts_of(count));
		json_set_integer(doc.doc, "DestroyedMessages",
		    json_get_integer(doc.doc, "DestroyedMessages", 0) + (int64_t)count);
		json_set_integer(doc.doc, "DestroyedBytes",
		    json_get_integer(doc.doc, "DestroyedBytes", 0) + bytes);
		ok = retain_doc_save(d->r, &doc, err);
	}
	retain_doc_fini(&doc);
	arena_fini(&arena);
	return retain_end(d->r, ok, err);
}

static bool
is_there(struct retain *r, const struct id_record *id, bool *there_out, struct err *err)
{
	const char *archive_id;
	struct pack_row row;
	struct arena arena;

	arena_init(&arena);
	*there_out = archive_read(r->o.archive, id, &arena, &archive_id, &row, NULL, err);
	arena_fini(&arena);
	return *there_out || err->code == ERR_NOT_FOUND;
}

/* The records of an open intent that are gone. */
static bool
intent_read(
    struct doing *d, uint32_t first, struct archive_gone **out, size_t *count_out, struct err *err)
{
	bool ok = true, more = true;

	*out = NULL;
	*count_out = 0;
	for (uint32_t number = first; ok && more; number++) {
		struct archive_gone one;
		struct arena arena;
		struct bytes part;
		struct reader in;

		arena_init(&arena);
		more = catalog_part_get(d->r->o.catalog, d->id, number, &arena, &part, err);
		ok = more || err->code == ERR_NOT_FOUND;
		reader_init(&in, more ? part : BYTES_EMPTY);
		while (ok && in.left.len > 0) {
			ok = record_read(&in, &one) ||
			     ERR(err, ERR_CORRUPT, "an intent of %s is damaged", d->id);
			*out = mem_realloc_array(*out, *count_out + 1, sizeof **out);
			(*out)[(*count_out)++] = one;
		}
		arena_fini(&arena);
	}
	return ok;
}

static bool
gone_keep(struct doing *d, struct archive_gone *list, size_t *count, struct err *err)
{
	size_t kept = 0;
	bool there;

	for (size_t i = 0; i < *count; i++) {
		if (!is_there(d->r, &list[i].id, &there, err))
			return false;
		if (!there)
			list[kept++] = list[i];
	}
	*count = kept;
	return true;
}

/* What a crash, or a failure, left between commit and gone. */
static bool
intent_resolve(struct doing *d, uint32_t first, struct err *err)
{
	struct archive_gone *list;
	size_t count, all;
	bool ok;

	if (!retain_begin(d->r, err))
		return false;
	ok = intent_read(d, first, &list, &count, err);
	catalog_rollback(d->r->o.catalog);
	all = count;
	ok = ok && gone_keep(d, list, &count, err);
	if (ok && all != count) {
		ok = retain_begin(d->r, err);
		if (ok)
			ok = retain_end(d->r,
			    catalog_part_clear(
				d->r->o.catalog, d->id, first, RETAIN_PLAN_PART, err) &&
				records_put(d, first, list, count, err),
			    err);
	}
	ok = ok && (count == 0 || doing_gone(d, list, count, err));
	mem_free(list);
	return ok;
}

static struct archive_destroyer
destroyer_of(struct doing *d)
{
	return (struct archive_destroyer){.ctx = d,
	    .reason = d->terms.deletion ? ARCHIVE_REASON_DELETION : ARCHIVE_REASON_RETENTION,
	    .may = doing_may,
	    .begin = doing_begin,
	    .commit = doing_commit,
	    .end = doing_end,
	    .gone = doing_gone};
}

/* RUNNING, with its plan; *first_out: number of the parts that are fulfilled. */
static bool
disposition_start(
    struct doing *d, struct retain_ids *plan, uint32_t *first_out, bool *due_out, struct err *err)
{
	struct retain *r = d->r;
	int64_t now_ms = clock_now_ms(&r->o.clock);
	struct retain_doc doc;
	struct arena arena;
	bool ok;

	*due_out = false;
	if (!retain_begin(r, err))
		return false;
	arena_init(&arena);
	ok = retain_doc_get(r, CATALOG_DISPOSITION, d->id, &arena, &doc, err);
	if (ok && json_ms(json_find(doc.doc, "RetryTimestamp")) <= now_ms) {
		*due_out = true;
		*first_out = (uint32_t)json_get_integer(doc.doc, "Parts", 0);
		(void)snprintf(
		    d->terms.archive_id, sizeof d->terms.archive_id, "%s", doc.row.owner);
		if (strcmp(doc.row.state, "RUNNING") != 0) {
			doc.row.state = "RUNNING";
			json_set_seconds(doc.doc, "StartedTimestamp", now_ms);
			ok = retain_doc_save(r, &doc, err);
		}
		ok = ok && retain_ids_get(r, d->id, RETAIN_PLAN_PART, plan, err);
	}
	retain_doc_fini(&doc);
	arena_fini(&arena);
	return retain_end(r, ok, err);
}

static bool
disposition_end(struct doing *d, bool key_destroyed, struct err *err)
{
	struct retain *r = d->r;
	struct retain_doc doc;
	struct arena arena;
	bool ok;

	if (!retain_begin(r, err))
		return false;
	arena_init(&arena);
	ok = retain_doc_get(r, CATALOG_DISPOSITION, d->id, &arena, &doc, err);
	if (ok) {
		doc.row.state = "COMPLETED";
		json_unset(doc.doc, "ErrorMessage");
		json_unset(doc.doc, "RetryTimestamp");
		json_set_bool(doc.doc, "KeyDestroyed", key_destroyed);
		json_set_seconds(doc.doc, "CompletedTimestamp", clock_now_ms(&r->o.clock));
		ok = catalog_part_clear(r->o.catalog, d->id, RETAIN_PLAN_PART, UINT32_MAX, err) &&
		     retain_doc_save(r, &doc, err);
	}
	if (ok && key_destroyed)
		ok = catalog_delete(r->o.catalog, CATALOG_ARCHIVE, d->terms.archive_id, err) ||
		     err->code == ERR_NOT_FOUND;
	if (ok)
		log_info("disposition %s is completed: %lld messages destroyed", d->id,
		    (long long)json_get_integer(doc.doc, "DestroyedMessages", 0));
	retain_doc_fini(&doc);
	arena_fini(&arena);
	return retain_end(r, ok, err);
}

/* An archive whose 30 days are over goes with its key, unless somebody holds something of it. keep_lock is held. */
static bool
archive_end(struct doing *d, bool *removed_out, struct err *err)
{
	struct archive_stats stats;
	bool ok;

	*removed_out = false;
	if (!doing_refresh(d, err))
		return false;
	if (!d->terms.deletion)
		return true;
	ok = archive_stats_get(d->r->o.archive, d->terms.archive_id, &stats, err);
	if (!ok && err->code != ERR_NOT_FOUND)
		return false;
	if (ok && stats.messages > 0)
		return true; /* held ones */
	ok = archive_remove(d->r->o.archive, d->terms.archive_id,
	    !retain_holds_concern(d->holds, d->terms.archive_id), err);
	*removed_out = ok;
	return ok || err->code == ERR_BUSY;
}

static bool
disposition_do(struct doing *d, const struct retain_ids *plan, uint32_t first,
    const atomic_bool *cancel, struct err *err)
{
	struct archive_destroyer destroyer;
	bool ok, removed = false, there;

	ok = doing_refresh(d, err);
	if (!ok)
		return false;
	destroyer = destroyer_of(d);
	/* First what is under way; then what it was, if that is not known. */
	there =
	    archive_destroy(d->r->o.archive, d->terms.archive_id, NULL, 0, &destroyer, cancel, err);
	ok = (there || err->code == ERR_NOT_FOUND) && intent_resolve(d, first, err);
	if (ok && there)
		ok = archive_destroy(d->r->o.archive, d->terms.archive_id, plan->list, plan->count,
		    &destroyer, cancel, err);
	if (!ok)
		return false;
	retain_lock(&d->r->keep_lock);
	ok = archive_end(d, &removed, err) && disposition_end(d, removed, err);
	retain_unlock(&d->r->keep_lock);
	return ok;
}

/* It says what is wrong, and is tried again later. */
static void
failure_note(struct retain *r, const char *id, const struct err *why)
{
	struct retain_doc doc;
	struct arena arena;
	struct err err;
	bool ok;

	if (!retain_begin(r, &err))
		return;
	arena_init(&arena);
	ok = retain_doc_get(r, CATALOG_DISPOSITION, id, &arena, &doc, &err);
	if (ok) {
		json_set_str(doc.doc, "ErrorMessage", why->msg);
		json_set_seconds(doc.doc, "RetryTimestamp", clock_now_ms(&r->o.clock) + RETRY_MS);
		ok = retain_doc_save(r, &doc, &err);
	}
	retain_doc_fini(&doc);
	arena_fini(&arena);
	if (!retain_end(r, ok, &err))
		log_warn("disposition %s: its failure is not stored: %s", id, err.msg);
}

static bool
disposition_one(struct retain *r, const char *id, const atomic_bool *cancel, struct err *err)
{
	struct doing d = {.r = r, .id = id};
	struct retain_ids plan = {0};
	uint32_t first = 0;
	bool ok, due;

	ok = disposition_start(&d, &plan, &first, &due, err) &&
	     (!due || disposition_do(&d, &plan, first, cancel, err));
	if (!ok && err->code != ERR_CANCELLED && err->code != ERR_REFUSED)
		failure_note(r, id, err);
	retain_holds_free(&d.holds);
	retain_ids_free(&plan);
	return ok;
}

bool
retain_disposition_run(struct retain *r, const atomic_bool *cancel, struct err *err)
{
	static const char *const states[] = {"RUNNING", "APPROVED"};
	struct retain_time time;
	bool ok = true;

	for (size_t s = 0; ok && s < 2; s++) {
		const char **ids;
		struct arena arena;
		size_t count = 0;

		arena_init(&arena);
		ok = retain_doc_ids(r, CATALOG_DISPOSITION, states[s], &arena, &ids, &count, err) &&
		     (count == 0 || retain_clock_trusted(r, &time, err));
		for (size_t i = 0; ok && i < count; i++)
			ok = disposition_one(r, ids[i], cancel, err);
		arena_fini(&arena);
	}
	return ok;
}

bool
retain_disposition_decide(
    struct retain *r, const char *id, bool approve, const char *principal, struct err *err)
{
	struct retain_doc d;
	struct arena arena;
	bool ok;

	if (!retain_begin(r, err))
		return false;
	arena_init(&arena);
	ok = retain_doc_get(r, CATALOG_DISPOSITION, id, &arena, &d, err) &&
	     (strcmp(d.row.state, "PLANNED") == 0 ||
		 ERR(err, ERR_BUSY, "disposition %.60s is %s: it waits for nobody", id,
		     d.row.state));
	if (ok) {
		d.row.state = approve ? "APPROVED" : "REJECTED";
		json_set_str(d.doc, "DecidedBy", principal);
		json_set_seconds(d.doc, "DecidedTimestamp", clock_now_ms(&r->o.clock));
		ok = approve || catalog_part_clear(r->o.catalog, id, 0, UINT32_MAX, err);
		ok = ok && retain_doc_save(r, &d, err);
	}
	retain_doc_fini(&d);
	arena_fini(&arena);
	return retain_end(r, ok, err);
}

static bool
records_show(struct bytes part, struct json *records, struct err *err)
{
	struct reader in;

	reader_init(&in, part);
	while (in.left.len > 0) {
		struct json *one = json_new_object();
		struct archive_gone gone;
		char id[ID_RECORD_TEXT_SIZE], sha256[2 * sizeof gone.sha256 + 1];

		json_push(records, one);
		if (!record_read(&in, &gone))
			return ERR(err, ERR_CORRUPT, "the certificate is damaged");
		id_record_format(id, &gone.id);
		text_hex_format(sha256, bytes_of(gone.sha256, sizeof gone.sha256));
		json_set_str(one, "ArchivedMessageId", id);
		json_set_seconds(one, "ReceivedTimestamp", id_record_ms(&gone.id));
		json_set_integer(one, "Bytes", (int64_t)gone.size_bytes);
		json_set_str(one, "Sha256", sha256);
		retain_doc_leaf(one, &gone);
	}
	return true;
}

bool
retain_certificate(struct retain *r, const char *id, uint32_t page, struct json *records,
    bool *more_out, struct err *err)
{
	struct retain_doc d;
	struct arena arena;
	struct bytes part;
	uint32_t parts = 0;
	bool ok;

	*more_out = false;
	if (!retain_begin(r, err))
		return false;
	arena_init(&arena);
	ok = retain_doc_get(r, CATALOG_DISPOSITION, id, &arena, &d, err);
	if (ok)
		parts = (uint32_t)json_get_integer(d.doc, "Parts", 0);
	if (ok && page < parts)
		ok = catalog_part_get(r->o.catalog, id, page, &arena, &part, err) &&
		     records_show(part, records, err);
	*more_out = ok && page + 1 < parts;
	retain_doc_fini(&d);
	arena_fini(&arena);
	catalog_rollback(r->o.catalog);
	return ok;
}
