/* SPDX-License-Identifier: Apache-2.0 */
/* Dispositions: listed, decided, and their certificates. */
#include <string.h>

#include "api_model_handlers.h"
#include "api_retain_int.h"
#include "base_text.h"

#define FORMAT "daybook-certificate/1"

static void
disposition_show(const struct api_resource *r, struct json *out)
{
	static const char *const shown[] = {"ArchiveId", "ArchiveName", "Bytes",
	    "CompletedTimestamp", "DecidedBy", "DecidedTimestamp", "DestroyedBytes",
	    "DestroyedMessages", "ErrorMessage", "HeldMessages", "KeyDestroyed", "Messages",
	    "NewestTimestamp", "OldestTimestamp", "Reason", "RetentionPeriod", "StartedTimestamp",
	    "TrustedTimestamp", NULL};

	json_set_str(out, "DispositionId", r->row.id);
	json_set_str(out, "State", r->row.state);
	json_set_seconds(out, "CreatedTimestamp", r->row.created_ms);
	api_resource_show(out, r->doc, shown);
}

static void
disposition_item(struct api_call *call, const struct api_resource *r, struct json *item)
{
	(void)call;
	disposition_show(r, item);
}

bool
api_disposition_list(struct api_call *call)
{
	return api_resource_page(call, CATALOG_DISPOSITION, json_get_str(call->input, "ArchiveId"),
	    "Dispositions", disposition_item);
}

bool
api_disposition_decide(struct api_call *call)
{
	bool approve = strcmp(json_get_str(call->input, "Decision"), "APPROVE") == 0;
	struct err err;

	if (!retain_disposition_decide(call->api->retain,
		json_get_str(call->input, "DispositionId"), approve, call->principal, &err))
		return api_retain_fault(call, &err);
	call->effects |= API_EFFECT_RETAIN;
	return true;
}

/* The certificate, page by page; the token is the number of the page. */
bool
api_disposition_get(struct api_call *call)
{
	const struct json *token = json_find(call->input, "NextToken");
	struct json *disposition = json_new_object(), *records = json_new_array();
	struct api_resource r;
	uint64_t page = 0;
	struct err err;
	bool ok, more = false;

	json_set(call->output, "Disposition", disposition);
	json_set(call->output, "Records", records);
	json_set_str(call->output, "Format", FORMAT);
	if (token != NULL && (!text_u64_parse(&page, json_text(token)) || page > UINT32_MAX / 32))
		return api_fault_validation(
		    call, "NextToken is not one that this operation gave for these parameters");
	if (!catalog_begin(call->api->o.catalog, &err))
		return api_fault_trouble(call, &err);
	ok = api_resource_get(
	    call, CATALOG_DISPOSITION, json_get_str(call->input, "DispositionId"), &r);
	catalog_rollback(call->api->o.catalog);
	if (!ok)
		return false;
	disposition_show(&r, disposition);
	if (!retain_certificate(call->api->retain, r.row.id, (uint32_t)page, records, &more, &err))
		return api_retain_fault(call, &err);
	if (more)
		json_set_str(call->output, "NextToken",
		    arena_printf(&call->arena, "%llu", (unsigned long long)page + 1));
	return true;
}
