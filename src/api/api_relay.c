/* SPDX-License-Identifier: Apache-2.0 */
/* Relays: SMTP servers that rules may hand mail to. Stored and returned; a secret's ARN is kept as text. */
#include "api_model_handlers.h"
#include "api_resource_int.h"

static const char *const taken[] = {"ServerName", "ServerPort", "Authentication", NULL};

bool
api_relay_create(struct api_call *call)
{
	struct api_resource r = {
	    .row = {.kind = CATALOG_RELAY, .name = json_get_str(call->input, "RelayName")}};

	r.doc = api_call_own(call, json_new_object());
	api_resource_copy(call, r.doc, taken);
	if (!api_resource_insert(call, &r))
		return false;
	json_set_str(call->output, "RelayId", r.row.id);
	return true;
}

bool
api_relay_get(struct api_call *call)
{
	struct api_resource r;

	if (!api_resource_get(call, CATALOG_RELAY, json_get_str(call->input, "RelayId"), &r))
		return false;
	json_set_str(call->output, "RelayId", r.row.id);
	json_set_str(call->output, "RelayArn", api_resource_arn(call, CATALOG_RELAY, r.row.id));
	json_set_str(call->output, "RelayName", r.row.name);
	api_resource_show(call->output, r.doc, taken);
	json_set_seconds(call->output, "CreatedTimestamp", r.row.created_ms);
	json_set_seconds(call->output, "LastModifiedTimestamp", r.row.updated_ms);
	return true;
}

static void
relay_item(struct api_call *call, const struct api_resource *r, struct json *item)
{
	(void)call;
	json_set_str(item, "RelayId", r->row.id);
	json_set_str(item, "RelayName", r->row.name);
	json_set_seconds(item, "LastModifiedTimestamp", r->row.updated_ms);
}

bool
api_relay_list(struct api_call *call)
{
	return api_resource_page(call, CATALOG_RELAY, NULL, "Relays", relay_item);
}

bool
api_relay_update(struct api_call *call)
{
	struct api_resource r;

	if (!api_resource_get(call, CATALOG_RELAY, json_get_str(call->input, "RelayId"), &r))
		return false;
	api_resource_rename(call, &r, "RelayName");
	api_resource_copy(call, r.doc, taken);
	return api_resource_save(call, &r);
}

bool
api_relay_delete(struct api_call *call)
{
	return api_resource_delete(call, CATALOG_RELAY, json_get_str(call->input, "RelayId"));
}
