/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Erasure of single messages: REQUESTED → APPROVED → DESTROYING → COMPLETED, or REJECTED. A row bears the message's id
 * as its name, so that there is one at a time, and so that it is found when somebody asks for the message.
 */
#include <stdio.h>
#include <string.h>

#include "archive_destroy.h"
#include "base_log.h"
#include "base_text.h"
#include "retain_int.h"

/* The record, and the first hold on it. archive_id_out: arena. */
static bool
message_look(struct retain *r, const char *message_id, struct arena *arena,
    const char **archive_id_out, struct pack_row *row, struct err *err)
{
	struct retain_holds *holds = NULL;
	const struct retain_hold *hold;
	struct id_record id;
	bool ok;

	if (!id_record_parse(&id, bytes_of_str(message_id)))
		return ERR(err, ERR_NOT_FOUND, "message not found: %.60s", message_id);
	if (!archive_read(r->o.archive, &id, arena, archive_id_out, row, NULL, err))
		return err->code == ERR_NOT_FOUND
			   ? ERR(err, ERR_NOT_FOUND, "message not found: %.60s", message_id)
			   : false;
	if (!retain_begin(r, err))
		return false;
	ok = retain_holds_load(r, &holds, err);
	catalog_rollback(r->o.catalog);
	hold = ok ? retain_holds_cover(holds, *archive_id_out, row, NULL) : NULL;
	if (hold != NULL)
		ok = ERR(err, ERR_REFUSED, "message %s is held by %s (%.80s)", message_id, hold->id,
		    hold->name);
	retain_holds_free(&holds);
	return ok;
}

static bool
limit_check(struct retain *r, struct err *err)
{
	static const char *const states[] = {"REQUESTED", "APPROVED", "DESTROYING"};
	uint64_t count, sum = 0;

	for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
		if (!catalog_count(r->o.catalog, CATALOG_ERASURE, NULL, states[i], &count, err))
			return false;
		sum += count;
	}
	return sum < RETAIN_ERASURES_MAX ||
	       ERR(err, ERR_LIMIT, "the limit of %u unfinished erasures is reached",
		   RETAIN_ERASURES_MAX);
}

static bool
erasure_insert(struct retain *r, struct retain_doc *d, struct err *err)
{
	if (!retain_begin(r, err))
		return false;
	return retain_end(r,
	    limit_check(r, err) &&
		(retain_doc_insert(r, d, err) ||
		    (err->code == ERR_EXISTS &&
			ERR(err, ERR_EXISTS, "the erasure of %s was asked for before",
			    d->row.name))),
	    err);
}

bool
retain_erasure_request(struct retain *r, const char *message_id, const char *reason,
    const char *principal, char id_out[ID_TEXT_SIZE], struct err *err)
{
	struct retain_doc d = {
	    .row = {
		.kind = CATALOG_ERASURE, .id = id_out, .name = message_id, .state = "REQUESTED"}};
	struct pack_row row;
	struct arena arena;
	bool ok;

	arena_init(&arena);
	ok = message_look(r, message_id, &arena, &d.row.owner, &row, err);
	if (ok) {
		id_new(id_out, "x-", &r->o.rng);
		d.doc = json_new_object();
		json_set_str(d.doc, "ArchivedMessageId", message_id);
		json_set_str(d.doc, "ArchiveId", d.row.owner);
		json_set_seconds(d.doc, "ReceivedTimestamp", row.received_ms);
		json_set_str(d.doc, "Reason", reason);
		json_set_str(d.doc, "RequestedBy", principal);
		ok = erasure_insert(r, &d, err);
	}
	retain_doc_fini(&d);
	arena_fini(&arena);
	return ok;
}

static bool
decision_check(const struct retain *r, const struct retain_doc *d, bool approve,
    const char *principal, struct err *err)
{
	const char *by = json_get_str(d->doc, "RequestedBy");

	if (strcmp(d->row.state, "REQUESTED") != 0)
		return ERR(err, ERR_BUSY, "erasure %s is %s: it waits for nobody", d->row.id,
		    d->row.state);
	return !approve || !r->o.four_eyes || by == NULL || strcmp(by, principal) != 0 ||
	       ERR(err, ERR_REFUSED,
		   "erasure %s was asked for by %.60s: somebody else must approve it", d->row.id,
		   by);
}

static bool
decision_store(struct retain *r, const char *id, bool approve, const char *principal,
    struct arena *arena, const char **message_out, bool store, struct err *err)
{
	struct retain_doc d;
	bool ok;

	if (!retain_begin(r, err))
		return false;
	ok = retain_doc_get(r, CATALOG_ERASURE, id, arena, &d, err) &&
	     decision_check(r, &d, approve, principal, err);
	if (ok) {
		*message_out = d.row.name;
		d.row.state = approve ? "APPROVED" : "REJECTED";
		if (!approve)
			d.row.name = NULL; /* it may be asked for again */
		json_set_str(d.doc, "DecidedBy", principal);
		json_set_seconds(d.doc, "DecidedTimestamp", clock_now_ms(&r->o.clock));
		ok = !store || retain_doc_save(r, &d, err);
	}
	retain_doc_fini(&d);
	return retain_end(r, ok, err);
}

bool
retain_erasure_decide(
    struct retain *r, const char *id, bool approve, const char *principal, struct err *err)
{
	const char *message_id, *archive_id;
	struct pack_row row;
	struct arena arena;
	bool ok;

	arena_init(&arena);
	ok = decision_store(r, id, approve, principal, &arena, &message_id, !approve, err);
	if (ok && approve)
		ok = message_look(r, message_id, &arena, &archive_id, &row, err) &&
		     decision_store(r, id, approve, principal, &arena, &message_id, true, err);
	arena_fini(&arena);
	return ok;
}

/* The erasures of one archive, while they are carried out. */
struct erasing {
	struct retain *r;
	char archive_id[ARCHIVE_ID_SIZE];
	struct retain_holds *holds;
};

static bool
erasing_refresh(struct erasing *e, struct err *err)
{
	bool ok;

	retain_holds_free(&e->holds);
	if (!retain_begin(e->r, err))
		return false;
	ok = retain_holds_load(e->r, &e->holds, err);
	catalog_rollback(e->r->o.catalog);
	return ok;
}

static bool
erasing_may(void *ctx, const struct pack_row *row, bool *yes_out, struct err *err)
{
	struct erasing *e = ctx;

	(void)err;
	*yes_out = retain_holds_cover(e->holds, e->archive_id, row, NULL) == NULL;
	return true;
}

static bool
erasing_begin(void *ctx, struct err *err)
{
	struct erasing *e = ctx;

	retain_lock(&e->r->keep_lock);
	if (erasing_refresh(e, err))
		return true;
	retain_unlock(&e->r->keep_lock);
	return false;
}

static void
erasing_end(void *ctx)
{
	struct erasing *e = ctx;

	retain_unlock(&e->r->keep_lock);
}

/* One row, by its message. */
static bool
row_change(struct erasing *e, const struct archive_gone *gone, const char *state, struct err *err)
{
	char message_id[ID_RECORD_TEXT_SIZE], sha256[2 * sizeof gone->sha256 + 1];
	struct retain_doc d;
	struct arena arena;
	bool ok;

	id_record_format(message_id, &gone->id);
	arena_init(&arena);
	ok = retain_doc_find(e->r, CATALOG_ERASURE, message_id, &arena, &d, err);
	if (ok && strcmp(d.row.state, "APPROVED") != 0 && strcmp(d.row.state, "DESTROYING") != 0)
		ok = ERR(err, ERR_BUSY, "the erasure of %s is not approved", message_id);
	if (ok) {
		d.row.state = state;
		json_unset(d.doc, "ErrorMessage");
		text_hex_format(sha256, bytes_of(gone->sha256, sizeof gone->sha256));
		json_set_str(d.doc, "Sha256", sha256);
		json_set_integer(d.doc, "Bytes", (int64_t)gone->size_bytes);
		retain_doc_leaf(d.doc, gone);
		if (strcmp(state, "COMPLETED") == 0)
			json_set_seconds(d.doc, "ErasedTimestamp", clock_now_ms(&e->r->o.clock));
		ok = retain_doc_save(e->r, &d, err);
	}
	retain_doc_fini(&d);
	arena_fini(&arena);
	return ok;
}

static bool
rows_change(struct erasing *e, const struct archive_gone *gone, size_t count, const char *state,
    struct err *err)
{
	bool ok = true;

	if (!retain_begin(e->r, err))
		return false;
	for (size_t i = 0; ok && i < count; i++)
		ok = row_change(e, &gone[i], state, err);
	return retain_end(e->r, ok, err);
}

static bool
erasing_commit(void *ctx, const struct archive_gone *gone, size_t count, struct err *err)
{
	return rows_change(ctx, gone, count, "DESTROYING", err);
}

static bool
erasing_gone(void *ctx, const struct archive_gone *gone, size_t count, struct err *err)
{
	return rows_change(ctx, gone, count, "COMPLETED", err);
}

/* What one row is left at after the round: gone without us having noticed (a crash, a disposition), or held. */
static bool
leftover_settle(struct erasing *e, const char *id, const char *why, bool gone, struct err *err)
{
	struct retain_doc d;
	struct arena arena;
	const char *said;
	bool ok;

	if (!retain_begin(e->r, err))
		return false;
	arena_init(&arena);
	ok = retain_doc_get(e->r, CATALOG_ERASURE, id, &arena, &d, err);
	said = ok ? json_get_str(d.doc, "ErrorMessage") : NULL;
	if (ok && gone) {
		if (strcmp(d.row.state, "DESTROYING") != 0)
			json_set_str(d.doc, "ErrorMessage", "the message was gone already");
		d.row.state = "COMPLETED";
		json_set_seconds(d.doc, "ErasedTimestamp", clock_now_ms(&e->r->o.clock));
		ok = retain_doc_save(e->r, &d, err);
	} else if (ok && (said == NULL || strcmp(said, why) != 0)) {
		json_set_str(d.doc, "ErrorMessage", why);
		ok = retain_doc_save(e->r, &d, err);
	}
	retain_doc_fini(&d);
	arena_fini(&arena);
	return retain_end(e->r, ok, err);
}

static bool
leftovers_settle(struct erasing *e, const struct json *rows, const char *trouble, struct err *err)
{
	bool ok = true;

	for (size_t i = 0; ok && i < json_count(rows); i++) {
		const struct json *one = json_at(rows, i);
		const char *archive_id;
		struct pack_row row;
		struct arena arena;
		struct err why;
		bool there;

		if (strcmp(json_get_str(one, "ArchiveId"), e->archive_id) != 0)
			continue;
		arena_init(&arena);
		there = message_look(
		    e->r, json_get_str(one, "MessageId"), &arena, &archive_id, &row, &why);
		if (there && trouble == NULL)
			trouble = "not destroyed yet";
		if (there || why.code == ERR_REFUSED || why.code == ERR_NOT_FOUND)
			ok = leftover_settle(e, json_get_str(one, "ErasureId"),
			    there ? trouble : why.msg, !there && why.code == ERR_NOT_FOUND, err);
		arena_fini(&arena);
	}
	return ok;
}

/* Those that are not done: settled ones are left out on the way. */
struct unfinished {
	struct json *rows;
};

static bool
unfinished_visit(void *ctx, struct retain_doc *d, struct err *err)
{
	struct unfinished *u = ctx;
	struct json *one;

	(void)err;
	if (strcmp(d->row.state, "APPROVED") != 0 && strcmp(d->row.state, "DESTROYING") != 0)
		return true;
	one = json_new_object();
	json_set_str(one, "ErasureId", d->row.id);
	json_set_str(one, "MessageId", d->row.name);
	json_set_str(one, "ArchiveId", d->row.owner);
	json_push(u->rows, one);
	return true;
}

static bool
unfinished_list(struct retain *r, struct json **out, struct err *err)
{
	struct unfinished u = {json_new_array()};
	bool ok = retain_begin(r, err);

	if (ok) {
		ok = retain_doc_each(r, CATALOG_ERASURE, NULL, NULL, unfinished_visit, &u, err);
		catalog_rollback(r->o.catalog);
	}
	*out = u.rows;
	return ok;
}

static bool
archive_erase(
    struct erasing *e, const struct json *rows, const atomic_bool *cancel, struct err *err)
{
	struct archive_destroyer d = {e, ARCHIVE_REASON_ERASURE, erasing_may, erasing_begin,
	    erasing_commit, erasing_end, erasing_gone};
	struct retain_ids ids = {0};
	struct json *left = NULL;
	struct err settle;
	bool ok;

	for (size_t i = 0; i < json_count(rows); i++) {
		struct id_record id;

		if (strcmp(json_get_str(json_at(rows, i), "ArchiveId"), e->archive_id) == 0 &&
		    id_record_parse(&id, json_text(json_find(json_at(rows, i), "MessageId"))))
			retain_ids_add(&ids, &id);
	}
	retain_ids_sort(&ids);
	ok = erasing_refresh(e, err) &&
	     archive_destroy(e->r->o.archive, e->archive_id, ids.list, ids.count, &d, cancel, err);
	retain_ids_free(&ids);
	/* When it was cut off, the next round knows more: what is no longer shown may not be gone yet. */
	if (!ok && err->code == ERR_CANCELLED)
		return false;
	if (ok || err->code == ERR_CORRUPT || err->code == ERR_BUSY) {
		if (unfinished_list(e->r, &left, &settle) &&
		    !leftovers_settle(e, left, ok ? NULL : err->msg, &settle))
			log_warn("erasures of archive %s: %s", e->archive_id, settle.msg);
		json_free(&left);
	}
	return ok;
}

bool
retain_erasure_run(struct retain *r, const atomic_bool *cancel, struct err *err)
{
	struct json *rows = NULL;
	bool ok = unfinished_list(r, &rows, err), cancelled = false;

	for (size_t i = 0; rows != NULL && !cancelled && i < json_count(rows); i++) {
		struct erasing e = {.r = r};
		const char *archive_id = json_get_str(json_at(rows, i), "ArchiveId");
		struct err trouble;
		size_t before = 0;

		while (before < i &&
		       strcmp(json_get_str(json_at(rows, before), "ArchiveId"), archive_id) != 0)
			before++;
		if (before < i)
			continue; /* had its turn */
		(void)snprintf(e.archive_id, sizeof e.archive_id, "%s", archive_id);
		/* One archive in trouble must not keep the others waiting. */
		if (!archive_erase(&e, rows, cancel, &trouble)) {
			cancelled = trouble.code == ERR_CANCELLED;
			if (ok)
				*err = trouble;
			ok = false;
		}
		retain_holds_free(&e.holds);
	}
	json_free(&rows);
	return ok;
}

bool
retain_erased(struct retain *r, const char *message_id, struct arena *arena, int64_t *when_ms_out,
    const char **erasure_id_out, const char **by_out, struct err *err)
{
	struct retain_doc d = {0};
	bool ok;

	*err = (struct err){0};
	if (strchr(message_id, '/') != NULL || !retain_begin(r, err))
		return false;
	ok = retain_doc_find(r, CATALOG_ERASURE, message_id, arena, &d, err);
	catalog_rollback(r->o.catalog);
	if (!ok && err->code == ERR_NOT_FOUND)
		*err = (struct err){0};
	ok = ok && strcmp(d.row.state, "COMPLETED") == 0;
	if (ok) {
		*when_ms_out = json_ms(json_find(d.doc, "ErasedTimestamp"));
		*erasure_id_out = d.row.id;
		*by_out = arena_text(arena, json_text(json_find(d.doc, "DecidedBy")));
	}
	retain_doc_fini(&d);
	return ok;
}
