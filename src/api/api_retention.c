/* SPDX-License-Identifier: Apache-2.0 */
/* Retention looked at before it is changed, its clock, and archives that come back. */
#include "api_model_handlers.h"
#include "api_retain_int.h"
#include "archive_keys.h"

bool
api_retention_preview(struct api_call *call)
{
	struct json *due = json_new_object(), *held = json_new_object();
	struct retain_count due_count = {0}, held_count = {0};
	enum pack_retention period;
	struct err err;
	bool ok;

	must(pack_retention_parse(&period, json_get_str(call->input, "RetentionPeriod")));
	ok = retain_preview(call->api->retain, json_get_str(call->input, "ArchiveId"), period,
	    &due_count, &held_count, &err);
	api_retain_show(due, &due_count);
	api_retain_show(held, &held_count);
	json_set(call->output, "Destroyed", due);
	json_set(call->output, "Held", held);
	return ok || api_retain_fault(call, &err);
}

bool
api_retention_confirm_clock(struct api_call *call)
{
	struct json *clock;
	struct err err;

	if (!retain_clock_confirm(call->api->retain,
		json_ms(json_find(call->input, "KnownTimestamp")), call->principal, &err))
		return api_retain_fault(call, &err);
	clock = api_retain_clock(call);
	json_set(call->output, "Clock", clock);
	call->effects |= API_EFFECT_RETAIN;
	return clock != NULL;
}

bool
api_retention_undelete_archive(struct api_call *call)
{
	struct archive_key_info info;
	struct err err;

	if (archive_key_info_get(
		call->api->o.archive, json_get_str(call->input, "ArchiveId"), &info, &err) &&
	    info.state == ARCHIVE_KEY_DESTROYED)
		return api_fault_conflict(call, "The keys of archive %s were destroyed",
		    json_get_str(call->input, "ArchiveId"));
	if (!retain_archive_undelete(
		call->api->retain, json_get_str(call->input, "ArchiveId"), API_ARCHIVES_MAX, &err))
		return api_retain_fault(call, &err);
	call->effects |= API_EFFECT_CONFIG;
	return true;
}
