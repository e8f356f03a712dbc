/* SPDX-License-Identifier: Apache-2.0 */
/* Traffic policies: who may send what to whom. */
#include "api_model_handlers.h"
#include "api_resource_int.h"
#include "policy_traffic.h"

static const char *const taken[] = {
    "PolicyStatements", "DefaultAction", "MaxMessageSizeBytes", NULL};

/* What cannot be compiled is refused now and not when a client connects. */
static bool
policy_check(struct api_call *call, const struct json *doc)
{
	const struct json *statements = json_find(doc, "PolicyStatements");
	struct policy_traffic *compiled;
	struct err err;

	if (json_count(statements) > API_STATEMENTS_MAX)
		return api_fault_quota(call,
		    "PolicyStatements: the limit of %u statements is reached", API_STATEMENTS_MAX);
	for (size_t i = 0; i < json_count(statements); i++)
		if (json_count(json_find(json_at(statements, i), "Conditions")) >
		    API_CONDITIONS_MAX)
			return api_fault_quota(call,
			    "PolicyStatements: the limit of %u conditions in a statement is "
			    "reached",
			    API_CONDITIONS_MAX);
	if (!policy_traffic_compile(doc, &compiled, &err))
		return err.code == ERR_SYNTAX || err.code == ERR_LIMIT
			   ? api_fault_validation(call, "%s", err.msg)
			   : api_fault_trouble(call, &err);
	policy_traffic_free(&compiled);
	return true;
}

bool
api_traffic_policy_create(struct api_call *call)
{
	struct api_resource r = {.row = {.kind = CATALOG_TRAFFIC_POLICY,
				     .name = json_get_str(call->input, "TrafficPolicyName")}};

	r.doc = api_call_own(call, json_new_object());
	api_resource_copy(call, r.doc, taken);
	if (!policy_check(call, r.doc) || !api_resource_insert(call, &r))
		return false;
	json_set_str(call->output, "TrafficPolicyId", r.row.id);
	return true;
}

bool
api_traffic_policy_get(struct api_call *call)
{
	struct api_resource r;

	if (!api_resource_get(
		call, CATALOG_TRAFFIC_POLICY, json_get_str(call->input, "TrafficPolicyId"), &r))
		return false;
	json_set_str(call->output, "TrafficPolicyName", r.row.name);
	json_set_str(call->output, "TrafficPolicyId", r.row.id);
	json_set_str(call->output, "TrafficPolicyArn",
	    api_resource_arn(call, CATALOG_TRAFFIC_POLICY, r.row.id));
	api_resource_show(call->output, r.doc, taken);
	json_set_seconds(call->output, "CreatedTimestamp", r.row.created_ms);
	json_set_seconds(call->output, "LastUpdatedTimestamp", r.row.updated_ms);
	return true;
}

static void
policy_item(struct api_call *call, const struct api_resource *r, struct json *item)
{
	(void)call;
	json_set_str(item, "TrafficPolicyName", r->row.name);
	json_set_str(item, "TrafficPolicyId", r->row.id);
	json_set_str(item, "DefaultAction", json_get_str(r->doc, "DefaultAction"));
}

bool
api_traffic_policy_list(struct api_call *call)
{
	return api_resource_page(
	    call, CATALOG_TRAFFIC_POLICY, NULL, "TrafficPolicies", policy_item);
}

bool
api_traffic_policy_update(struct api_call *call)
{
	struct api_resource r;

	if (!api_resource_get(
		call, CATALOG_TRAFFIC_POLICY, json_get_str(call->input, "TrafficPolicyId"), &r))
		return false;
	api_resource_rename(call, &r, "TrafficPolicyName");
	api_resource_copy(call, r.doc, taken);
	call->effects |= API_EFFECT_CONFIG;
	return policy_check(call, r.doc) && api_resource_save(call, &r);
}

bool
api_traffic_policy_delete(struct api_call *call)
{
	const char *id = json_get_str(call->input, "TrafficPolicyId");

	return api_resource_unused(call, CATALOG_TRAFFIC_POLICY, "TrafficPolicyId", id) &&
	       api_resource_delete(call, CATALOG_TRAFFIC_POLICY, id);
}
