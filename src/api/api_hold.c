/* SPDX-License-Identifier: Apache-2.0 */
/* Legal holds: made, listed, shown, released; and why a message is still there. */
#include <string.h>

#include "api_model_handlers.h"
#include "api_retain_int.h"

static bool
hold_count(struct api_call *call)
{
	struct retain_count count;
	uint64_t damaged;
	struct err err;

	if (!retain_hold_count(call->api->retain, call->input, &count, &damaged, &err))
		return api_retain_fault(call, &err);
	api_retain_show(call->output, &count);
	json_set_integer(call->output, "DamagedPacks", (int64_t)damaged);
	return true;
}

bool
api_hold_create(struct api_call *call)
{
	char id[ID_TEXT_SIZE];
	struct err err;

	if (json_get_bool(call->input, "DryRun", false))
		return hold_count(call);
	if (!retain_hold_create(call->api->retain, call->input, call->principal, id, &err))
		return api_retain_fault(call, &err);
	json_set_str(call->output, "HoldId", id);
	call->effects |= API_EFFECT_RETAIN;
	return true;
}

static void
hold_show(const struct api_resource *r, struct json *out)
{
	static const char *const shown[] = {"HoldName", "Mode", "Reason", "CreatedBy", "ReleasedBy",
	    "ReleaseReason", "ReleasedTimestamp", NULL};

	json_set_str(out, "HoldId", r->row.id);
	json_set_str(out, "State", r->row.state);
	json_set_seconds(out, "CreatedTimestamp", r->row.created_ms);
	api_resource_show(out, r->doc, shown);
}

static void
hold_item(struct api_call *call, const struct api_resource *r, struct json *item)
{
	(void)call;
	hold_show(r, item);
}

bool
api_hold_list(struct api_call *call)
{
	return api_resource_page(call, CATALOG_HOLD, NULL, "Holds", hold_item);
}

bool
api_hold_get(struct api_call *call)
{
	static const char *const shown[] = {"ArchiveIds", "Scope", NULL};
	struct retain_count count;
	struct api_resource r;
	struct err err;
	bool ok;

	if (!catalog_begin(call->api->o.catalog, &err))
		return api_fault_trouble(call, &err);
	ok = api_resource_get(call, CATALOG_HOLD, json_get_str(call->input, "HoldId"), &r);
	catalog_rollback(call->api->o.catalog);
	if (!ok)
		return false;
	hold_show(&r, call->output);
	api_resource_show(call->output, r.doc, shown);
	if (strcmp(r.row.state, "RELEASED") == 0)
		return true;
	/* Looking takes as long as a search: no transaction is open. */
	if (retain_hold_current(call->api->retain, r.row.id, &count, &err))
		api_retain_show(call->output, &count);
	else if (err.code != ERR_BUSY) /* released meanwhile */
		return api_retain_fault(call, &err);
	return true;
}

bool
api_hold_release(struct api_call *call)
{
	struct err err;

	if (!retain_hold_release(call->api->retain, json_get_str(call->input, "HoldId"),
		json_get_str(call->input, "Reason"), call->principal, &err))
		return api_retain_fault(call, &err);
	call->effects |= API_EFFECT_RETAIN;
	return true;
}

bool
api_hold_explain(struct api_call *call)
{
	struct err err;

	return retain_explain(call->api->retain, json_get_str(call->input, "ArchivedMessageId"),
		   call->output, &err) ||
	       api_retain_fault(call, &err);
}
