/* SPDX-License-Identifier: Apache-2.0 */
/* Archives: where messages are kept, and for how long. */
#include <string.h>

#include "api_model_handlers.h"
#include "api_key_int.h"
#include "api_resource_int.h"
#include "base_time.h"

#define RETENTION_CHANGE_MS (7 * API_DAY_MS)

static const char *const shown[] = {"ArchiveName", "Retention", "KmsKeyArn", NULL};

static bool
archive_active(const struct api_resource *r)
{
	return strcmp(r->row.state, "ACTIVE") == 0;
}

bool
api_archive_create(struct api_call *call)
{
	static const char *const taken[] = {"ArchiveName", "Retention", "KmsKeyArn", NULL};
	struct api_resource r = {.row = {.kind = CATALOG_ARCHIVE, .state = "ACTIVE"}};
	struct crypt_keys *keys;
	uint64_t active;
	struct err err;

	if (!catalog_count(call->api->o.catalog, CATALOG_ARCHIVE, NULL, "ACTIVE", &active, &err))
		return api_fault_trouble(call, &err);
	if (active >= API_ARCHIVES_MAX)
		return api_fault_quota(
		    call, "Archive: the limit of %u active archives is reached", API_ARCHIVES_MAX);
	if (!api_key_service_of(call, json_get_str(call->input, "KmsKeyArn"), &keys))
		return false;
	r.doc = api_call_own(call, json_new_object());
	api_resource_copy(call, r.doc, taken);
	if (json_find(r.doc, "Retention") == NULL) {
		struct json *retention = json_new_object();

		json_set_str(retention, "RetentionPeriod", "SIX_MONTHS");
		json_set(r.doc, "Retention", retention);
	}
	r.row.name = json_get_str(call->input, "ArchiveName");
	if (!api_resource_insert(call, &r))
		return false;
	/* The directory and key come before the row is committed; without the row they are an empty
	 * directory. */
	if (!archive_create_under(call->api->o.archive, r.row.id, keys, &err))
		return api_fault_trouble(call, &err);
	json_set_str(call->output, "ArchiveId", r.row.id);
	call->effects |= API_EFFECT_CONFIG;
	return true;
}

bool
api_archive_get(struct api_call *call)
{
	struct api_resource r;

	if (!api_resource_get(call, CATALOG_ARCHIVE, json_get_str(call->input, "ArchiveId"), &r))
		return false;
	json_set_str(call->output, "ArchiveId", r.row.id);
	json_set_str(call->output, "ArchiveArn", api_resource_arn(call, CATALOG_ARCHIVE, r.row.id));
	json_set_str(call->output, "ArchiveState", r.row.state);
	api_resource_show(call->output, r.doc, shown);
	json_set_seconds(call->output, "CreatedTimestamp", r.row.created_ms);
	json_set_seconds(call->output, "LastUpdatedTimestamp", r.row.updated_ms);
	return true;
}

static void
archive_item(struct api_call *call, const struct api_resource *r, struct json *item)
{
	(void)call;
	json_set_str(item, "ArchiveId", r->row.id);
	json_set_str(item, "ArchiveName", json_get_str(r->doc, "ArchiveName"));
	json_set_str(item, "ArchiveState", r->row.state);
	json_set_seconds(item, "LastUpdatedTimestamp", r->row.updated_ms);
}

bool
api_archive_list(struct api_call *call)
{
	return api_resource_page(call, CATALOG_ARCHIVE, NULL, "Archives", archive_item);
}

/* One change of retention a week: when it is wanted, or when the service's own limits are. */
static bool
retention_change(struct api_call *call, struct api_resource *r)
{
	const struct json *wanted = json_find(call->input, "Retention"), *last;
	char next[TIME_ISO_SIZE];

	if (wanted == NULL || json_equal(wanted, json_find(r->doc, "Retention")))
		return true;
	last = json_find(r->doc, "RetentionChanged");
	if ((call->api->o.aws_strict || call->api->o.retention_strict) && last != NULL &&
	    json_ms(last) + RETENTION_CHANGE_MS > call->now_ms) {
		time_iso_format(next, json_ms(last) + RETENTION_CHANGE_MS);
		return api_fault_conflict(call,
		    "Retention of an archive can be changed once a week: the next time from %s on",
		    next);
	}
	json_set(r->doc, "Retention", json_copy(wanted));
	json_set_seconds(r->doc, "RetentionChanged", call->now_ms);
	return true;
}

bool
api_archive_update(struct api_call *call)
{
	static const char *const taken[] = {"ArchiveName", NULL};
	struct api_resource r;

	if (!api_resource_get(call, CATALOG_ARCHIVE, json_get_str(call->input, "ArchiveId"), &r))
		return false;
	if (!archive_active(&r))
		return api_fault_conflict(
		    call, "Archive %s is pending deletion and cannot be changed", r.row.id);
	api_resource_rename(call, &r, "ArchiveName");
	api_resource_copy(call, r.doc, taken);
	call->effects |= API_EFFECT_CONFIG;
	return retention_change(call, &r) && api_resource_save(call, &r);
}

bool
api_archive_delete(struct api_call *call)
{
	struct api_resource r;
	bool found;

	if (!api_resource_find(
		call, CATALOG_ARCHIVE, json_get_str(call->input, "ArchiveId"), &r, &found))
		return false;
	if (!found || !archive_active(&r))
		return true;
	r.row.state = "PENDING_DELETION";
	call->effects |= API_EFFECT_CONFIG;
	return api_resource_save(call, &r);
}
