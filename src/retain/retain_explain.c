/* SPDX-License-Identifier: Apache-2.0 */
/* Why a message is still here. */
#include "retain_plan_int.h"

static void
holds_show(struct retain_holds *holds, const char *archive_id, const struct pack_row *row,
    struct json *list)
{
	const struct retain_hold *hold = NULL;

	while ((hold = retain_holds_cover(holds, archive_id, row, hold)) != NULL) {
		struct json *one = json_new_object();

		json_set_str(one, "HoldId", hold->id);
		json_set_str(one, "HoldName", hold->name);
		json_set_str(one, "Reason", hold->reason);
		json_push(list, one);
	}
}

static bool
row_explain(struct retain *r, const char *archive_id, const struct pack_row *row, struct json *out,
    struct err *err)
{
	struct json *list = json_new_array();
	struct retain_holds *holds = NULL;
	struct retain_terms terms;
	struct retain_time time;
	int64_t until_ms;
	bool ok;

	json_set(out, "Holds", list);
	if (!retain_clock_look(r, &time, err) || !retain_begin(r, err))
		return false;
	ok = retain_terms_load(r, archive_id, &time, &terms, err) &&
	     retain_holds_load(r, &holds, err);
	catalog_rollback(r->o.catalog);
	if (!ok)
		return false;
	until_ms =
	    pack_retention_until_ms(terms.period, retain_clock_received(&time, row->received_ms));
	json_set_str(out, "ArchiveId", archive_id);
	json_set_seconds(out, "ReceivedTimestamp", row->received_ms);
	json_set_str(out, "RetentionPeriod", pack_retention_name(terms.period));
	if (until_ms != 0)
		json_set_seconds(out, "ExpiryTimestamp", until_ms);
	holds_show(holds, archive_id, row, list);
	retain_holds_free(&holds);
	return true;
}

bool
retain_explain(struct retain *r, const char *message_id, struct json *out, struct err *err)
{
	const char *archive_id;
	struct id_record id;
	struct pack_row row;
	struct arena arena;
	bool ok;

	if (!id_record_parse(&id, bytes_of_str(message_id)))
		return ERR(err, ERR_NOT_FOUND, "message not found: %.60s", message_id);
	arena_init(&arena);
	ok = (archive_read(r->o.archive, &id, &arena, &archive_id, &row, NULL, err) ||
		 (err->code == ERR_NOT_FOUND &&
		     ERR(err, ERR_NOT_FOUND, "message not found: %.60s", message_id))) &&
	     row_explain(r, archive_id, &row, out, err);
	arena_fini(&arena);
	return ok;
}
