/* SPDX-License-Identifier: Apache-2.0 */
/* Rule sets: what happens to accepted messages. */
#include <string.h>

#include "api_model_handlers.h"
#include "api_resource_int.h"
#include "policy_rules.h"

#define TARGET_ARCHIVE_STRICT_CHARS 66

static const char *const taken[] = {"Rules", NULL};

/* Relay and Send actions count together; strict mode takes an archive by its id only. */
static bool
actions_check(struct api_call *call, const struct json *rules)
{
	unsigned deliveries = 0;

	for (size_t i = 0; i < json_count(rules); i++) {
		const struct json *actions = json_find(json_at(rules, i), "Actions");

		for (size_t j = 0; j < json_count(actions); j++) {
			const struct json *action = json_at(actions, j);
			const char *target =
			    json_get_str(json_find(action, "Archive"), "TargetArchive");

			deliveries +=
			    json_find(action, "Relay") != NULL || json_find(action, "Send") != NULL;
			if (call->api->o.aws_strict && target != NULL &&
			    strlen(target) > TARGET_ARCHIVE_STRICT_CHARS)
				return api_fault_validation(call,
				    "1 validation error detected: Value '%.256s' at "
				    "'rules.%zu.member.actions.%zu.member.archive.targetArchive' "
				    "failed to "
				    "satisfy constraint: "
				    "Member must have length less than or equal to 66",
				    target, i + 1, j + 1);
		}
	}
	if (deliveries > API_DELIVERIES_MAX)
		return api_fault_quota(call,
		    "Rules: the limit of %u Relay and Send actions is reached", API_DELIVERIES_MAX);
	return true;
}

/* What cannot be compiled is refused now and not when a message comes. */
static bool
rules_check(struct api_call *call, const struct json *doc)
{
	struct json *probe = api_call_own(call, json_copy(doc));
	struct policy_rules *compiled;
	struct err err;

	json_set_str(probe, "RuleSetId", "rs-");
	json_set_str(probe, "RuleSetName", "probe");
	if (!policy_rules_compile(probe, &compiled, &err))
		return err.code == ERR_SYNTAX || err.code == ERR_LIMIT
			   ? api_fault_validation(call, "%s", err.msg)
			   : api_fault_trouble(call, &err);
	policy_rules_free(&compiled);
	return actions_check(call, json_find(doc, "Rules"));
}

bool
api_rule_set_create(struct api_call *call)
{
	struct api_resource r = {
	    .row = {.kind = CATALOG_RULE_SET, .name = json_get_str(call->input, "RuleSetName")}};

	r.doc = api_call_own(call, json_new_object());
	api_resource_copy(call, r.doc, taken);
	if (!rules_check(call, r.doc) || !api_resource_insert(call, &r))
		return false;
	json_set_str(call->output, "RuleSetId", r.row.id);
	return true;
}

bool
api_rule_set_get(struct api_call *call)
{
	struct api_resource r;

	if (!api_resource_get(call, CATALOG_RULE_SET, json_get_str(call->input, "RuleSetId"), &r))
		return false;
	json_set_str(call->output, "RuleSetId", r.row.id);
	json_set_str(
	    call->output, "RuleSetArn", api_resource_arn(call, CATALOG_RULE_SET, r.row.id));
	json_set_str(call->output, "RuleSetName", r.row.name);
	json_set_seconds(call->output, "CreatedDate", r.row.created_ms);
	json_set_seconds(call->output, "LastModificationDate", r.row.updated_ms);
	api_resource_show(call->output, r.doc, taken);
	return true;
}

static void
rule_set_item(struct api_call *call, const struct api_resource *r, struct json *item)
{
	(void)call;
	json_set_str(item, "RuleSetId", r->row.id);
	json_set_str(item, "RuleSetName", r->row.name);
	json_set_seconds(item, "LastModificationDate", r->row.updated_ms);
}

bool
api_rule_set_list(struct api_call *call)
{
	return api_resource_page(call, CATALOG_RULE_SET, NULL, "RuleSets", rule_set_item);
}

bool
api_rule_set_update(struct api_call *call)
{
	struct api_resource r;

	if (!api_resource_get(call, CATALOG_RULE_SET, json_get_str(call->input, "RuleSetId"), &r))
		return false;
	api_resource_rename(call, &r, "RuleSetName");
	api_resource_copy(call, r.doc, taken);
	call->effects |= API_EFFECT_CONFIG;
	return rules_check(call, r.doc) && api_resource_save(call, &r);
}

bool
api_rule_set_delete(struct api_call *call)
{
	const char *id = json_get_str(call->input, "RuleSetId");

	return api_resource_unused(call, CATALOG_RULE_SET, "RuleSetId", id) &&
	       api_resource_delete(call, CATALOG_RULE_SET, id);
}
