/* SPDX-License-Identifier: Apache-2.0 */
/* Access keys: made, listed, switched off, deleted. The secret is shown once. */
#include <string.h>

#include "api_int.h"
#include "api_model_handlers.h"
#include "auth_key.h"

bool
api_access_key_create(struct api_call *call)
{
	struct catalog_access_key *keys;
	struct auth_key key;
	size_t count;
	struct err err;

	if (!auth_key_list(call->api->o.catalog, &call->arena, &keys, &count, &err))
		return api_fault_trouble(call, &err);
	if (count >= API_ACCESS_KEYS_MAX)
		return api_fault_quota(
		    call, "Access key: the limit of %u is reached", API_ACCESS_KEYS_MAX);
	if (!auth_key_create(
		call->api->o.catalog, call->principal, &call->api->o.rng, call->now_ms, &key, &err))
		return api_fault_trouble(call, &err);
	json_set_str(call->output, "AccessKeyId", key.id);
	json_set_str(call->output, "SecretAccessKey", key.secret);
	auth_key_wipe(&key);
	return true;
}

bool
api_access_key_list(struct api_call *call)
{
	struct json *list = json_new_array();
	struct catalog_access_key *keys;
	size_t count;
	struct err err;

	json_set(call->output, "AccessKeys", list);
	if (!auth_key_list(call->api->o.catalog, &call->arena, &keys, &count, &err))
		return api_fault_trouble(call, &err);
	for (size_t i = 0; i < count; i++) {
		struct json *key = json_new_object();

		json_set_str(key, "AccessKeyId", keys[i].id);
		json_set_str(key, "Principal", keys[i].principal);
		json_set_str(key, "Status", keys[i].status);
		json_set_seconds(key, "CreatedTimestamp", keys[i].created_ms);
		json_push(list, key);
	}
	return true;
}

static bool
key_fault(struct api_call *call, const char *id, const struct err *err)
{
	if (err->code == ERR_NOT_FOUND)
		return api_fault_not_found(call, "Access key not found: %s", id);
	if (err->code == ERR_BUSY)
		return api_fault_conflict(
		    call, "Access key %s is the last active one of its principal", id);
	return api_fault_trouble(call, err);
}

bool
api_access_key_update(struct api_call *call)
{
	const char *id = json_get_str(call->input, "AccessKeyId");
	bool active = strcmp(json_get_str(call->input, "Status"), "Active") == 0;
	struct err err;

	return auth_key_set_active(call->api->o.catalog, id, active, &err) ||
	       key_fault(call, id, &err);
}

bool
api_access_key_delete(struct api_call *call)
{
	const char *id = json_get_str(call->input, "AccessKeyId");
	struct err err;

	if (auth_key_delete(call->api->o.catalog, id, &err) || err.code == ERR_NOT_FOUND)
		return true;
	return key_fault(call, id, &err);
}
