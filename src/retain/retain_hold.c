/* SPDX-License-Identifier: Apache-2.0 */
/* Holds made, frozen, released, counted. States: ACTIVE (dynamic), FREEZING → FROZEN (static), RELEASED. */
#include <stdio.h>
#include <string.h>

#include "base_log.h"
#include "retain_int.h"

static void
count_visit(void *ctx, const struct pack_row *row)
{
	retain_count_add(ctx, row);
}

bool
retain_hold_count(struct retain *r, const struct json *spec, struct retain_count *out,
    uint64_t *damaged_out, struct err *err)
{
	struct retain_rule *rule = NULL;
	bool ok;

	*out = (struct retain_count){0};
	ok = retain_rule_new(spec, NULL, &rule, err) &&
	     retain_rule_search(r, rule, NULL, count_visit, out, damaged_out, err);
	retain_rule_free(&rule);
	return ok;
}

static bool
is_static(const struct json *spec)
{
	const char *mode = json_get_str(spec, "Mode");

	return (mode != NULL && strcmp(mode, "STATIC") == 0) ||
	       json_find(json_find(spec, "Scope"), "MessageIds") != NULL;
}

static void
archive_note(struct json *archives, const char *id)
{
	for (size_t i = 0; i < json_count(archives); i++)
		if (strcmp(json_str(json_at(archives, i)), id) == 0)
			return;
	json_push(archives, json_new_str(id));
}

/* Every message is there; archives gets the ids of those they are in. */
static bool
messages_check(struct retain *r, const struct json *ids, struct json *archives, struct err *err)
{
	for (size_t i = 0; i < json_count(ids); i++) {
		const char *archive_id = NULL;
		struct id_record id;
		struct pack_row row;
		struct arena arena;
		bool known, ok;

		arena_init(&arena);
		known = id_record_parse(&id, json_text(json_at(ids, i)));
		ok = known && archive_read(r->o.archive, &id, &arena, &archive_id, &row, NULL, err);
		if (ok)
			archive_note(archives, archive_id);
		arena_fini(&arena);
		if (known && !ok && err->code == ERR_TIMEOUT)
			return false; /* its key is away: who knows */
		if (!ok && (!known || err->code != ERR_CORRUPT))
			return ERR(err, ERR_NOT_FOUND, "message not found: %.60s",
			    json_str(json_at(ids, i)));
	}
	return true;
}

/* What the shape of a spec cannot say. */
static bool
spec_check(struct retain *r, const struct json *spec, struct json *archives, struct err *err)
{
	const struct json *scope = json_find(spec, "Scope"), *query = json_find(scope, "Query"),
			  *ids = json_find(scope, "MessageIds");
	const struct json *from = json_find(query, "FromTimestamp"),
			  *to = json_find(query, "ToTimestamp");
	struct retain_rule *rule = NULL;

	if (from != NULL && to != NULL && json_ms(from) >= json_ms(to))
		return ERR(err, ERR_USAGE, "FromTimestamp must be before ToTimestamp");
	if (ids != NULL && json_find(spec, "ArchiveIds") != NULL)
		return ERR(err, ERR_USAGE, "message ids need no archives");
	if (json_count(ids) > RETAIN_HOLD_MESSAGES_MAX)
		return ERR(err, ERR_LIMIT, "more than %u message ids", RETAIN_HOLD_MESSAGES_MAX);
	if (!retain_rule_new(spec, NULL, &rule, err))
		return false;
	retain_rule_free(&rule);
	return messages_check(r, ids, archives, err);
}

static bool
archives_check(struct retain *r, const struct json *list, struct err *err)
{
	bool ok = true;

	for (size_t i = 0; ok && i < json_count(list); i++) {
		struct retain_doc d;
		struct arena arena;

		arena_init(&arena);
		ok = retain_doc_get(
			 r, CATALOG_ARCHIVE, json_str(json_at(list, i)), &arena, &d, err) &&
		     retain_key_check(&d, err);
		retain_doc_fini(&d);
		arena_fini(&arena);
	}
	return ok;
}

static bool
limit_check(struct retain *r, struct err *err)
{
	uint64_t all, released;

	if (!catalog_count(r->o.catalog, CATALOG_HOLD, NULL, NULL, &all, err) ||
	    !catalog_count(r->o.catalog, CATALOG_HOLD, NULL, "RELEASED", &released, err))
		return false;
	return all - released < RETAIN_HOLDS_MAX ||
	       ERR(err, ERR_LIMIT, "the limit of %u holds is reached", RETAIN_HOLDS_MAX);
}

static bool
hold_insert(
    struct retain *r, struct retain_doc *d, const struct json *message_archives, struct err *err)
{
	if (!retain_begin(r, err))
		return false;
	return retain_end(r,
	    limit_check(r, err) && archives_check(r, json_find(d->doc, "ArchiveIds"), err) &&
		archives_check(r, message_archives, err) &&
		(retain_doc_insert(r, d, err) ||
		    (err->code == ERR_EXISTS &&
			ERR(err, ERR_EXISTS, "a hold named %.80s exists", d->row.name))),
	    err);
}

bool
retain_hold_create(struct retain *r, const struct json *spec, const char *principal,
    char id_out[ID_TEXT_SIZE], struct err *err)
{
	static const char *const taken[] = {"HoldName", "Reason", "ArchiveIds", "Scope"};
	bool ids = json_find(json_find(spec, "Scope"), "MessageIds") != NULL;
	struct retain_doc d = {.row = {.kind = CATALOG_HOLD, .id = id_out}};
	struct json *message_archives = json_new_array();
	bool ok;

	if (!spec_check(r, spec, message_archives, err)) {
		json_free(&message_archives);
		return false;
	}
	id_new(id_out, "h-", &r->o.rng);
	d.doc = json_new_object();
	for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++)
		if (json_find(spec, taken[i]) != NULL)
			json_set(d.doc, taken[i], json_copy(json_find(spec, taken[i])));
	json_set_str(d.doc, "Mode", is_static(spec) ? "STATIC" : "DYNAMIC");
	json_set_str(d.doc, "CreatedBy", principal);
	d.row.name = json_get_str(d.doc, "HoldName");
	d.row.state = is_static(spec) && !ids ? "FREEZING" : "ACTIVE";
	/* Whatever is destroyed right now is done with before this, or asks after it. */
	retain_lock(&r->keep_lock);
	ok = hold_insert(r, &d, message_archives, err);
	retain_unlock(&r->keep_lock);
	json_free(&message_archives);
	retain_doc_fini(&d);
	return ok;
}

bool
retain_hold_release(
    struct retain *r, const char *id, const char *reason, const char *principal, struct err *err)
{
	struct retain_doc d;
	struct arena arena;
	bool ok;

	if (!retain_begin(r, err))
		return false;
	arena_init(&arena);
	ok = retain_doc_get(r, CATALOG_HOLD, id, &arena, &d, err);
	if (ok && strcmp(d.row.state, "RELEASED") != 0) {
		d.row.state = "RELEASED";
		d.row.name = NULL; /* another hold may bear it */
		json_set_str(d.doc, "ReleasedBy", principal);
		json_set_str(d.doc, "ReleaseReason", reason);
		json_set_seconds(d.doc, "ReleasedTimestamp", clock_now_ms(&r->o.clock));
		ok = catalog_part_clear(r->o.catalog, id, 0, UINT32_MAX, err) &&
		     retain_doc_save(r, &d, err);
	}
	retain_doc_fini(&d);
	arena_fini(&arena);
	return retain_end(r, ok, err);
}

/* The rule of an existing hold. */
static bool
rule_load(struct retain *r, const char *id, struct retain_rule **out, struct err *err)
{
	struct retain_ids frozen = {0};
	struct retain_doc d;
	struct arena arena;
	bool ok, is_frozen;

	if (!retain_begin(r, err))
		return false;
	arena_init(&arena);
	ok = retain_doc_get(r, CATALOG_HOLD, id, &arena, &d, err) &&
	     (strcmp(d.row.state, "RELEASED") != 0 ||
		 ERR(err, ERR_BUSY, "hold %.60s is released", id));
	is_frozen = ok && strcmp(d.row.state, "FROZEN") == 0;
	ok = ok && (!is_frozen || retain_ids_get(r, id, 0, &frozen, err)) &&
	     retain_rule_new(d.doc, is_frozen ? &frozen : NULL, out, err);
	if (ok && strcmp(d.row.state, "FREEZING") == 0)
		retain_rule_before(*out, d.row.created_ms + 1);
	retain_ids_free(&frozen);
	retain_doc_fini(&d);
	arena_fini(&arena);
	catalog_rollback(r->o.catalog);
	return ok;
}

bool
retain_hold_current(struct retain *r, const char *id, struct retain_count *out, struct err *err)
{
	struct retain_rule *rule = NULL;
	uint64_t damaged;
	bool ok;

	*out = (struct retain_count){0};
	ok = rule_load(r, id, &rule, err) &&
	     retain_rule_search(r, rule, NULL, count_visit, out, &damaged, err);
	retain_rule_free(&rule);
	return ok;
}

static void
id_visit(void *ctx, const struct pack_row *row)
{
	retain_ids_add(ctx, &row->id);
}

/* From then on the list counts. Until then, and when it cannot be made, the hold covers what its rule does. */
static bool
freeze_store(struct retain *r, const char *id, const struct retain_ids *ids, struct err *err)
{
	struct retain_doc d;
	struct arena arena;
	bool ok;

	if (!retain_begin(r, err))
		return false;
	arena_init(&arena);
	ok = retain_doc_get(r, CATALOG_HOLD, id, &arena, &d, err);
	if (ok && strcmp(d.row.state, "FREEZING") == 0) {
		d.row.state = "FROZEN";
		json_set_integer(d.doc, "FrozenMessages", (int64_t)ids->count);
		ok = catalog_part_clear(r->o.catalog, id, 0, UINT32_MAX, err) &&
		     retain_ids_put(r, id, 0, ids, err) && retain_doc_save(r, &d, err);
	}
	retain_doc_fini(&d);
	arena_fini(&arena);
	return retain_end(r, ok, err);
}

static bool
freeze_one(struct retain *r, const char *id, const atomic_bool *cancel, struct err *err)
{
	struct retain_rule *rule = NULL;
	struct retain_ids ids = {0};
	uint64_t damaged = 0;
	bool ok;

	ok = rule_load(r, id, &rule, err) &&
	     retain_rule_search(r, rule, cancel, id_visit, &ids, &damaged, err);
	if (ok && damaged > 0)
		log_warn("hold %s is not frozen: %llu packs are damaged; it covers what its rule "
			 "covers",
		    id, (unsigned long long)damaged);
	else if (ok && ids.count > RETAIN_HOLD_FROZEN_MAX)
		log_warn("hold %s is not frozen: more than %u messages; it covers what its rule "
			 "covers",
		    id, RETAIN_HOLD_FROZEN_MAX);
	else if (ok) {
		retain_ids_sort(&ids);
		ok = freeze_store(r, id, &ids, err);
	}
	retain_ids_free(&ids);
	retain_rule_free(&rule);
	return ok;
}

bool
retain_hold_freeze(struct retain *r, const atomic_bool *cancel, struct err *err)
{
	struct arena arena;
	const char **ids;
	size_t count = 0;
	bool ok;

	arena_init(&arena);
	ok = retain_doc_ids(r, CATALOG_HOLD, "FREEZING", &arena, &ids, &count, err);
	for (size_t i = 0; ok && i < count; i++)
		ok = freeze_one(r, ids[i], cancel, err);
	arena_fini(&arena);
	return ok;
}
