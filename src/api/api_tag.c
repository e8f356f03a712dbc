/* SPDX-License-Identifier: Apache-2.0 */
/* Tags. Two of an ingress point's are more than words: daybook:listen asks for an address, daybook:mode for a
 * kind of listener; daybook:listening is shown with them and says which address is in use. */
#include <string.h>

#include "api_model_handlers.h"
#include "api_resource_int.h"

#define TAG_LISTENING "daybook:listening"
#define TAG_LISTEN    "daybook:listen"
#define TAG_MODE      "daybook:mode"

bool
api_tag_check(struct api_call *call)
{
	const struct json *tags = json_find(call->input, "Tags");

	for (size_t i = 0; i < json_count(tags); i++) {
		const char *key = json_get_str(json_at(tags, i), "Key"),
			   *value = json_get_str(json_at(tags, i), "Value");

		if (strcmp(key, TAG_LISTENING) == 0)
			return api_fault_validation(
			    call, "Tags: %s is set by the server alone", TAG_LISTENING);
		if (strcmp(key, TAG_MODE) == 0 && strcmp(value, "mx") != 0 &&
		    strcmp(value, "journal") != 0)
			return api_fault_validation(
			    call, "Tags: %s must be journal or mx", TAG_MODE);
	}
	return true;
}

static bool
resource_of(struct api_call *call, struct api_resource *out)
{
	const char *arn = json_get_str(call->input, "ResourceArn"), *id;
	enum catalog_kind kind;
	bool found;

	if (!api_resource_arn_parse(call, arn, &kind, &id))
		return api_fault_not_found(call, "Resource not found: %s", arn);
	if (!api_resource_find(call, kind, id, out, &found))
		return false;
	return found || api_fault_not_found(call, "Resource not found: %s", arn);
}

static bool
touches_listener(const char *key)
{
	return strcmp(key, TAG_LISTEN) == 0 || strcmp(key, TAG_MODE) == 0;
}

static bool
count_check(struct api_call *call, const char *id)
{
	struct catalog_tag *tags;
	size_t count;
	struct err err;

	if (!catalog_tag_list(call->api->o.catalog, id, &call->arena, &tags, &count, &err))
		return api_fault_trouble(call, &err);
	return count <= API_TAGS_MAX ||
	       api_fault_quota(call, "Tags: the limit of %u is reached", API_TAGS_MAX);
}

bool
api_tag_set(struct api_call *call)
{
	const struct json *tags = json_find(call->input, "Tags");
	struct api_resource r;
	struct err err;

	if (!resource_of(call, &r) || !api_tag_check(call))
		return false;
	for (size_t i = 0; i < json_count(tags); i++) {
		const char *key = json_get_str(json_at(tags, i), "Key");

		if (!catalog_tag_set(call->api->o.catalog, r.row.id, key,
			json_get_str(json_at(tags, i), "Value"), &err))
			return api_fault_trouble(call, &err);
		if (r.row.kind == CATALOG_INGRESS_POINT && touches_listener(key))
			call->effects |= API_EFFECT_ENDPOINTS;
	}
	return count_check(call, r.row.id);
}

bool
api_tag_unset(struct api_call *call)
{
	const struct json *keys = json_find(call->input, "TagKeys");
	struct api_resource r;
	struct err err;

	if (!resource_of(call, &r))
		return false;
	for (size_t i = 0; i < json_count(keys); i++) {
		const char *key = json_str(json_at(keys, i));

		if (strcmp(key, TAG_LISTENING) == 0)
			return api_fault_validation(
			    call, "TagKeys: %s is set by the server alone", TAG_LISTENING);
		if (!catalog_tag_unset(call->api->o.catalog, r.row.id, key, &err))
			return api_fault_trouble(call, &err);
		if (r.row.kind == CATALOG_INGRESS_POINT && touches_listener(key))
			call->effects |= API_EFFECT_ENDPOINTS;
	}
	return true;
}

static void
tag_push(struct json *list, const char *key, const char *value)
{
	struct json *tag = json_new_object();

	json_set_str(tag, "Key", key);
	json_set_str(tag, "Value", value);
	json_push(list, tag);
}

bool
api_tag_list(struct api_call *call)
{
	struct json *list = json_new_array();
	struct catalog_tag *tags;
	struct api_resource r;
	size_t count;
	struct err err;

	json_set(call->output, "Tags", list);
	if (!resource_of(call, &r))
		return false;
	if (!catalog_tag_list(call->api->o.catalog, r.row.id, &call->arena, &tags, &count, &err))
		return api_fault_trouble(call, &err);
	for (size_t i = 0; i < count; i++)
		tag_push(list, tags[i].key, tags[i].value);
	if (json_get_str(r.doc, "Listening") != NULL)
		tag_push(list, TAG_LISTENING, json_get_str(r.doc, "Listening"));
	return true;
}
