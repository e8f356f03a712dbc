/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of the catalog as resources of the API: one at a time. */
#include "api_resource_int.h"

#include <string.h>

#include "base_text.h"

static const struct api_kind kinds[] = {
    {CATALOG_ARCHIVE, "a-", "mailmanager-archive", "Archive", 0},
    {CATALOG_RULE_SET, "rs-", "mailmanager-rule-set", "Rule set", API_RULE_SETS_MAX},
    {CATALOG_TRAFFIC_POLICY, "tp-", "mailmanager-traffic-policy", "Traffic policy",
	API_POLICIES_MAX},
    {CATALOG_INGRESS_POINT, "inp-", "mailmanager-ingress-point", "Ingress point", 0},
    {CATALOG_RELAY, "r-", "mailmanager-smtp-relay", "Relay", API_RELAYS_MAX},
    {CATALOG_SEARCH, "s-", NULL, "Search", 0},
    {CATALOG_EXPORT, "e-", NULL, "Export", 0},
    {CATALOG_HOLD, "h-", NULL, "Hold", 0},
    {CATALOG_DISPOSITION, "d-", NULL, "Disposition", 0},
    {CATALOG_ERASURE, "x-", NULL, "Erasure", 0},
};

const struct api_kind *
api_resource_kind(enum catalog_kind kind)
{
	size_t i = 0;

	while (kinds[i].kind != kind)
		must(++i < sizeof(kinds) / sizeof(kinds[0]));
	return &kinds[i];
}

bool
api_resource_find(struct api_call *call, enum catalog_kind kind, const char *id,
    struct api_resource *out, bool *found_out)
{
	struct err err;

	*found_out = false;
	if (strchr(id, '/') != NULL) /* the catalog has no such ids */
		return true;
	if (!catalog_get(call->api->o.catalog, kind, id, &call->arena, &out->row, &err))
		return err.code == ERR_NOT_FOUND ? true : api_fault_trouble(call, &err);
	out->doc = json_parse(out->row.document, &err);
	if (out->doc == NULL)
		return api_fault_trouble(call, &err);
	(void)api_call_own(call, out->doc);
	*found_out = true;
	return true;
}

bool
api_resource_get(
    struct api_call *call, enum catalog_kind kind, const char *id, struct api_resource *out)
{
	bool found;

	if (!api_resource_find(call, kind, id, out, &found))
		return false;
	return found ||
	       api_fault_not_found(call, "%s not found: %s", api_resource_kind(kind)->what, id);
}

bool
api_resource_job(
    struct api_call *call, enum catalog_kind kind, const char *id, struct api_resource *out)
{
	bool found;

	if (!api_resource_find(call, kind, id, out, &found))
		return false;
	return found ||
	       api_fault_validation(call, "%s not found: %s", api_resource_kind(kind)->what, id);
}

static void
document_print(struct api_call *call, struct api_resource *r)
{
	struct buf text;

	buf_init(&text, SIZE_MAX / 2);
	json_print(r->doc, &text);
	r->row.document = arena_bytes(&call->arena, buf_view(&text));
	buf_fini(&text);
}

static bool
store_fault(struct api_call *call, const struct api_resource *r, const struct err *err)
{
	const char *what = api_resource_kind(r->row.kind)->what;

	if (err->code == ERR_EXISTS)
		return api_fault_conflict(call, "%s already exists", what);
	if (err->code == ERR_LIMIT)
		return api_fault_validation(call, "%s is too large to be stored", what);
	return api_fault_trouble(call, err);
}

static bool
tags_store(struct api_call *call, const char *id)
{
	const struct json *tags = json_find(call->input, "Tags");
	struct err err;

	if (!api_tag_check(call))
		return false;
	for (size_t i = 0; i < json_count(tags); i++) {
		const struct json *tag = json_at(tags, i);

		if (!catalog_tag_set(call->api->o.catalog, id, json_get_str(tag, "Key"),
			json_get_str(tag, "Value"), &err))
			return api_fault_trouble(call, &err);
	}
	return true;
}

bool
api_resource_insert(struct api_call *call, struct api_resource *r)
{
	const struct api_kind *k = api_resource_kind(r->row.kind);
	char id[ID_TEXT_SIZE];
	uint64_t count;
	struct err err;

	if (!catalog_count(call->api->o.catalog, k->kind, NULL, NULL, &count, &err))
		return api_fault_trouble(call, &err);
	if (k->quota != 0 && count >= k->quota)
		return api_fault_quota(
		    call, "%s: the limit of %u is reached", k->what, (unsigned)k->quota);
	id_new(id, k->prefix, &call->api->o.rng);
	r->row.id = arena_strdup(&call->arena, id);
	r->row.created_ms = r->row.updated_ms = call->now_ms;
	document_print(call, r);
	if (!catalog_insert(call->api->o.catalog, &r->row, &err))
		return store_fault(call, r, &err);
	return tags_store(call, r->row.id);
}

bool
api_resource_save(struct api_call *call, struct api_resource *r)
{
	struct err err;

	r->row.updated_ms = call->now_ms;
	document_print(call, r);
	return catalog_update(call->api->o.catalog, &r->row, &err) || store_fault(call, r, &err);
}

bool
api_resource_delete(struct api_call *call, enum catalog_kind kind, const char *id)
{
	struct err err;

	if (strchr(id, '/') != NULL || catalog_delete(call->api->o.catalog, kind, id, &err) ||
	    err.code == ERR_NOT_FOUND)
		return true;
	return api_fault_trouble(call, &err);
}

void
api_resource_rename(struct api_call *call, struct api_resource *r, const char *member)
{
	const char *name = json_get_str(call->input, member);

	if (name != NULL)
		r->row.name = name;
}

void
api_resource_copy(struct api_call *call, struct json *doc, const char *const *members)
{
	for (; *members != NULL; members++) {
		const struct json *v = json_find(call->input, *members);

		if (v != NULL)
			json_set(doc, *members, json_copy(v));
	}
}

void
api_resource_show(struct json *out, const struct json *doc, const char *const *members)
{
	for (; *members != NULL; members++) {
		const struct json *v = json_find(doc, *members);

		if (v != NULL)
			json_set(out, *members, json_copy(v));
	}
}

const char *
api_resource_arn(struct api_call *call, enum catalog_kind kind, const char *id)
{
	const struct api_names *n = &call->api->names;

	return arena_printf(&call->arena, "arn:aws:ses:%s:%s:%s/%s", n->region, n->account,
	    api_resource_kind(kind)->arn_part, id);
}

/* arn:<partition>:ses:<region>:<account>:<part>/<id>; partition and region are the client's affair. */
bool
api_resource_arn_parse(
    struct api_call *call, const char *arn, enum catalog_kind *kind_out, const char **id_out)
{
	const char *fields[6], *slash;
	size_t len;

	for (size_t i = 0; i < 6; i++) {
		fields[i] = arn;
		arn = strchr(arn, ':');
		if (i < 5 && arn++ == NULL)
			return false;
	}
	len = strlen(call->api->names.account);
	if (strncmp(fields[4], call->api->names.account, len) != 0 || fields[4][len] != ':')
		return false;
	slash = strchr(fields[5], '/');
	if (slash == NULL)
		return false;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (kinds[i].arn_part == NULL ||
		    strlen(kinds[i].arn_part) != (size_t)(slash - fields[5]) ||
		    strncmp(kinds[i].arn_part, fields[5], (size_t)(slash - fields[5])) != 0)
			continue;
		*kind_out = kinds[i].kind;
		*id_out = slash + 1;
		return true;
	}
	return false;
}

void
api_resource_mac(const struct api *api, char *out, const struct bytes *parts, size_t count)
{
	uint8_t digest[CRYPT_SHA256_BYTES];
	struct buf text;

	buf_init(&text, 4 * LIMIT_MIB);
	for (size_t i = 0; i < count; i++)
		buf_bytes32(&text, parts[i]);
	must(!text.failed);
	crypt_hmac_sha256(digest, bytes_of(api->mac_key, sizeof(api->mac_key)), buf_view(&text));
	text_hex_format(out, bytes_of(digest, sizeof(digest)));
	buf_fini(&text);
}
