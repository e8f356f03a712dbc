/* SPDX-License-Identifier: Apache-2.0 */
/* Erasure of single messages: asked for, approved, listed. */
#include "api_model_handlers.h"
#include "api_retain_int.h"

bool
api_erasure_request(struct api_call *call)
{
	char id[ID_TEXT_SIZE];
	struct err err;

	if (!retain_erasure_request(call->api->retain,
		json_get_str(call->input, "ArchivedMessageId"), json_get_str(call->input, "Reason"),
		call->principal, id, &err))
		return api_retain_fault(call, &err);
	json_set_str(call->output, "ErasureId", id);
	return true;
}

static bool
decide(struct api_call *call, bool approve)
{
	struct err err;

	if (!retain_erasure_decide(call->api->retain, json_get_str(call->input, "ErasureId"),
		approve, call->principal, &err))
		return api_retain_fault(call, &err);
	call->effects |= API_EFFECT_RETAIN;
	return true;
}

bool
api_erasure_approve(struct api_call *call)
{
	return decide(call, true);
}

bool
api_erasure_reject(struct api_call *call)
{
	return decide(call, false);
}

static void
erasure_item(struct api_call *call, const struct api_resource *r, struct json *item)
{
	static const char *const shown[] = {"ArchiveId", "ArchivedMessageId", "DecidedBy",
	    "DecidedTimestamp", "ErasedTimestamp", "ErrorMessage", "LeafHash", "LeafIndex",
	    "Reason", "RequestedBy", "Sha256", NULL};

	(void)call;
	json_set_str(item, "ErasureId", r->row.id);
	json_set_str(item, "State", r->row.state);
	json_set_seconds(item, "CreatedTimestamp", r->row.created_ms);
	api_resource_show(item, r->doc, shown);
}

bool
api_erasure_list(struct api_call *call)
{
	return api_resource_page(call, CATALOG_ERASURE, NULL, "Erasures", erasure_item);
}
