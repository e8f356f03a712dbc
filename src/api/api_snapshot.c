/* SPDX-License-Identifier: Apache-2.0 */
/* What listeners and the journal need to know, and what they report back. */
#include <string.h>

#include "api_ingress_int.h"

/* A call without a request, for what the core asks directly. */
static void
call_begin(struct api *api, struct api_call *call)
{
	memset(call, 0, sizeof(*call));
	call->api = api;
	call->now_ms = clock_now_ms(&api->o.clock);
	call->scratch = json_new_array();
	call->output = json_new_object();
	arena_init(&call->arena);
	memcpy(call->request_id, "internal", sizeof("internal"));
}

/* ok: commit; else roll back, and the fault becomes an err. */
static bool
call_end(struct api_call *call, bool ok, struct err *err)
{
	struct catalog *c = call->api->o.catalog;

	if (ok)
		ok = catalog_commit(c, err);
	else {
		catalog_rollback(c);
		(void)ERR(err, call->status == 404 ? ERR_NOT_FOUND : ERR_IO, "%s", call->text);
	}
	json_free(&call->scratch);
	json_free(&call->output);
	arena_fini(&call->arena);
	return ok;
}

static void
set_or_null(struct json *o, const char *key, const char *text)
{
	json_set(o, key, text == NULL ? json_new_null() : json_new_str(text));
}

static bool
tags_show(struct api_call *call, const char *id, struct json *out)
{
	const char *listen = NULL, *mode = "journal";
	struct catalog_tag *tags;
	size_t count;
	struct err err;

	if (!catalog_tag_list(call->api->o.catalog, id, &call->arena, &tags, &count, &err))
		return api_fault_trouble(call, &err);
	for (size_t i = 0; i < count; i++) {
		if (strcmp(tags[i].key, "daybook:listen") == 0)
			listen = tags[i].value;
		else if (strcmp(tags[i].key, "daybook:mode") == 0)
			mode = tags[i].value;
	}
	set_or_null(out, "ListenTag", listen);
	json_set_str(out, "Mode", mode);
	return true;
}

static bool
policy_show(struct api_call *call, const struct json *doc, struct json *out)
{
	struct api_resource policy, rules;
	struct json *copy;

	if (!api_resource_get(
		call, CATALOG_TRAFFIC_POLICY, json_get_str(doc, "TrafficPolicyId"), &policy) ||
	    !api_resource_get(call, CATALOG_RULE_SET, json_get_str(doc, "RuleSetId"), &rules))
		return false;
	copy = json_copy(policy.doc);
	json_set_str(copy, "TrafficPolicyId", policy.row.id);
	json_set(out, "TrafficPolicy", copy);
	copy = json_copy(rules.doc);
	json_set_str(copy, "RuleSetId", rules.row.id);
	json_set_str(copy, "RuleSetName", rules.row.name);
	json_set_str(copy, "Arn", api_resource_arn(call, CATALOG_RULE_SET, rules.row.id));
	json_set(out, "RuleSet", copy);
	return true;
}

static bool
endpoint_visit(struct api_call *call, struct api_resource *r, void *ctx)
{
	struct json *list = ctx, *out = json_new_object();

	json_push(list, out);
	json_set_str(out, "IngressPointId", r->row.id);
	json_set_str(out, "IngressPointName", r->row.name);
	json_set_str(out, "Type", json_get_str(r->doc, "Type"));
	json_set_str(out, "State", r->row.state);
	json_set_str(out, "WantedStatus", json_get_str(r->doc, "Wanted"));
	json_set_str(out, "TlsPolicy", json_get_str(r->doc, "TlsPolicy"));
	set_or_null(out, "LastListening", json_get_str(r->doc, "Listening"));
	json_set(out, "Passwords", api_ingress_passwords(r->doc, call->now_ms));
	if (json_find(r->doc, "TrustStore") != NULL)
		json_set(out, "TrustStore", json_copy(json_find(r->doc, "TrustStore")));
	return tags_show(call, r->row.id, out) && policy_show(call, r->doc, out);
}

static bool
archive_visit(struct api_call *call, struct api_resource *r, void *ctx)
{
	struct json *list = ctx, *out = json_new_object();

	(void)call;
	json_push(list, out);
	json_set_str(out, "ArchiveId", r->row.id);
	json_set_str(out, "ArchiveName", json_get_str(r->doc, "ArchiveName"));
	json_set_str(out, "State", r->row.state);
	json_set_str(
	    out, "Retention", json_get_str(json_find(r->doc, "Retention"), "RetentionPeriod"));
	return true;
}

bool
api_snapshot(struct api *api, struct json **out, struct err *err)
{
	struct json *snapshot = json_new_object(), *endpoints = json_new_array(),
		    *archives = json_new_array();
	struct api_call call;
	bool ok;

	json_set(snapshot, "Endpoints", endpoints);
	json_set(snapshot, "Archives", archives);
	if (!catalog_begin(api->o.catalog, err)) {
		json_free(&snapshot);
		return false;
	}
	call_begin(api, &call);
	ok = api_resource_each(&call, CATALOG_INGRESS_POINT, endpoint_visit, endpoints) &&
	     api_resource_each(&call, CATALOG_ARCHIVE, archive_visit, archives);
	if (!call_end(&call, ok, err)) {
		json_free(&snapshot);
		return false;
	}
	*out = snapshot;
	return true;
}

static void
set_or_unset(struct json *doc, const char *key, const char *text)
{
	json_unset(doc, key);
	json_set_str(doc, key, text);
}

bool
api_endpoint_report(struct api *api, const char *ingress_point_id, bool ok, const char *listening,
    const char *reason, struct err *err)
{
	struct api_call call;
	struct api_resource r;
	bool done;

	if (!catalog_begin(api->o.catalog, err))
		return false;
	call_begin(api, &call);
	done = api_resource_get(&call, CATALOG_INGRESS_POINT, ingress_point_id, &r);
	if (done && strcmp(r.row.state, "DEPROVISIONING") != 0) {
		const char *wanted = json_get_str(r.doc, "Wanted");

		r.row.state = !ok                                               ? "FAILED"
			      : wanted != NULL && strcmp(wanted, "CLOSED") == 0 ? "CLOSED"
										: "ACTIVE";
		set_or_unset(r.doc, "Listening", ok ? listening : NULL);
		set_or_unset(r.doc, "Reason", reason);
		call.now_ms = r.row.updated_ms; /* a listener's fate is no change of the resource */
		done = api_resource_save(&call, &r);
	}
	return call_end(&call, done, err);
}

bool
api_endpoint_gone(struct api *api, const char *ingress_point_id, struct err *err)
{
	struct api_call call;
	struct api_resource r;
	bool found, done;

	if (!catalog_begin(api->o.catalog, err))
		return false;
	call_begin(api, &call);
	done = api_resource_find(&call, CATALOG_INGRESS_POINT, ingress_point_id, &r, &found);
	if (done && found && strcmp(r.row.state, "DEPROVISIONING") == 0)
		done = api_resource_delete(&call, CATALOG_INGRESS_POINT, ingress_point_id);
	return call_end(&call, done, err);
}
