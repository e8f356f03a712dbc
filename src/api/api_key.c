/* SPDX-License-Identifier: Apache-2.0 */
/* The keys of archives: listed, rotated, destroyed; and which key service a KmsKeyArn means. */
#include <string.h>

#include "api_key_int.h"
#include "api_model_handlers.h"
#include "api_resource_int.h"
#include "archive_keys.h"
#include "retain.h"

static const struct api_key_service *
service_find(const struct api *api, const char *arn)
{
	for (size_t i = 0; i < api->o.key_service_count; i++)
		for (size_t k = 0; k < api->o.key_services[i].arn_count; k++)
			if (strcmp(api->o.key_services[i].arns[k], arn) == 0)
				return &api->o.key_services[i];
	return NULL;
}

bool
api_key_service_of(struct api_call *call, const char *arn, struct crypt_keys **out)
{
	const struct api_key_service *service = NULL;

	*out = NULL;
	if (arn == NULL)
		return true;
	service = service_find(call->api, arn);
	if (service == NULL)
		return api_fault_validation(call,
		    "KmsKeyArn: no key service of this installation has %s; give it to one in "
		    "daybook.conf "
		    "(arns in a section [keys.NAME]) and restart, or leave KmsKeyArn out for the "
		    "installation's own key",
		    arn);
	*out = service->keys;
	return true;
}

static bool
key_fault(struct api_call *call, const struct err *err)
{
	if (err->code == ERR_BUSY || err->code == ERR_SEALED || err->code == ERR_DENIED ||
	    err->code == ERR_REFUSED)
		return api_fault_conflict(call, "%s", err->msg);
	return api_fault_trouble(call, err);
}

/* Handlers here hold no transaction while they wait for a key service. */
static bool
archive_look(struct api_call *call, struct api_resource *r)
{
	struct err err;
	bool ok;

	if (!catalog_begin(call->api->o.catalog, &err))
		return api_fault_trouble(call, &err);
	ok = api_resource_get(call, CATALOG_ARCHIVE, json_get_str(call->input, "ArchiveId"), r);
	catalog_rollback(call->api->o.catalog);
	return ok;
}

static const char *
service_name(const struct api *api, const char *id)
{
	for (size_t i = 0; i < api->o.key_service_count; i++)
		if (strcmp(crypt_keys_id(api->o.key_services[i].keys), id) == 0)
			return api->o.key_services[i].name;
	return "file";
}

static bool
key_show(struct api_call *call, const struct api_resource *r, struct json *out)
{
	static const char *const states[] = {[ARCHIVE_KEY_PRESENT] = "PRESENT",
	    [ARCHIVE_KEY_AWAY] = "AWAY",
	    [ARCHIVE_KEY_DESTROYED] = "DESTROYED"};
	struct archive_key_info info;
	struct err err;

	if (!archive_key_info_get(call->api->o.archive, r->row.id, &info, &err))
		return api_fault_trouble(call, &err);
	json_set_str(out, "ArchiveId", r->row.id);
	json_set_str(out, "ArchiveName", json_get_str(r->doc, "ArchiveName"));
	json_set_str(out, "KmsKeyArn", json_get_str(r->doc, "KmsKeyArn"));
	json_set_str(out, "State", states[info.state]);
	if (info.state == ARCHIVE_KEY_AWAY)
		json_set_str(out, "Reason", info.reason);
	if (info.id[0] != '\0')
		json_set_str(out, "KeyId", info.id);
	if (info.wrapped_by[0] != '\0') {
		json_set_str(out, "ServiceKeyId", info.wrapped_by);
		json_set_str(out, "ServiceName", service_name(call->api, info.wrapped_by));
	}
	if (info.state != ARCHIVE_KEY_DESTROYED)
		json_set_seconds(out, "CreatedTimestamp",
		    info.created_ms != 0 ? info.created_ms : r->row.created_ms);
	else
		json_set_seconds(out, "DestroyedTimestamp", info.destroyed_ms);
	json_set_integer(out, "Generations", (int64_t)info.generations);
	json_set_integer(out, "Packs", (int64_t)info.packs);
	json_set_integer(out, "PacksLeft", (int64_t)info.packs_left);
	return true;
}

static bool
list_archive(struct api_call *call, struct api_resource *r, void *ctx)
{
	struct json *item = json_new_object();

	json_push(ctx, item);
	return key_show(call, r, item);
}

bool
api_key_list(struct api_call *call)
{
	struct json *services = json_new_array(), *archives = json_new_array();

	json_set(call->output, "Services", services);
	json_set(call->output, "Archives", archives);
	for (size_t i = 0; i < call->api->o.key_service_count; i++) {
		const struct api_key_service *s = &call->api->o.key_services[i];
		struct json *item = json_new_object(), *arns = json_new_array();

		for (size_t k = 0; k < s->arn_count; k++)
			json_push(arns, json_new_str(s->arns[k]));
		json_set(item, "Arns", arns);
		json_set_str(item, "Name", s->name);
		json_set_str(item, "ServiceKeyId", crypt_keys_id(s->keys));
		json_set_str(item, "Type", s->type);
		json_push(services, item);
	}
	return api_resource_each(call, CATALOG_ARCHIVE, list_archive, archives);
}

bool
api_key_rotation_get(struct api_call *call)
{
	struct api_resource r;

	return archive_look(call, &r) && key_show(call, &r, call->output);
}

bool
api_key_rotate(struct api_call *call)
{
	const char *scope = json_get_str(call->input, "Scope");
	struct crypt_keys *keys;
	struct api_resource r;
	struct err err;
	bool ok;

	/* By the service that the archive's KmsKeyArn means now, which may be another than wraps it. */
	if (!archive_look(call, &r) ||
	    !api_key_service_of(call, json_get_str(r.doc, "KmsKeyArn"), &keys))
		return false;
	if (scope != NULL && strcmp(scope, "SERVICE") == 0)
		ok = archive_key_rewrap(call->api->o.archive, r.row.id, keys, &err);
	else
		ok = archive_key_rotate(call->api->o.archive, r.row.id, keys, &err);
	return ok ? key_show(call, &r, call->output) : key_fault(call, &err);
}

bool
api_key_destroy(struct api_call *call)
{
	const char *confirm = json_get_str(call->input, "Confirm");
	struct api_resource r;
	struct err err;

	if (!archive_look(call, &r))
		return false;
	if (strcmp(confirm, r.row.id) != 0)
		return api_fault_validation(
		    call, "Confirm must be the id of the archive, %s", r.row.id);
	/* A hold and this are decided one after the other, never both. */
	return retain_key_destroy(call->api->retain, r.row.id, call->principal, &err) ||
	       key_fault(call, &err);
}
