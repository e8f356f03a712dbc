/* SPDX-License-Identifier: Apache-2.0 */
/* Ingress points: where mail comes in. A row says what is wanted; the core opens listeners and reports. */
#include <string.h>

#include "api_ingress_int.h"
#include "api_model_handlers.h"

#define HOST_TOKEN_CHARS 12

static bool
is(const char *a, const char *b)
{
	return a != NULL && strcmp(a, b) == 0;
}

static bool
is_private(const struct json *doc)
{
	return json_find(json_find(doc, "NetworkConfiguration"), "PrivateNetworkConfiguration") !=
	       NULL;
}

/* The policy and rule set that the input names must exist. */
static bool
parts_check(struct api_call *call)
{
	static const struct {
		const char *member;
		enum catalog_kind kind;
	} parts[] = {{"RuleSetId", CATALOG_RULE_SET}, {"TrafficPolicyId", CATALOG_TRAFFIC_POLICY}};

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		const char *id = json_get_str(call->input, parts[i].member);
		struct api_resource part;
		bool found;

		if (id == NULL)
			continue;
		if (!api_resource_find(call, parts[i].kind, id, &part, &found))
			return false;
		if (!found)
			return api_fault_validation(call, "%s: %s not found: %s", parts[i].member,
			    api_resource_kind(parts[i].kind)->what, id);
	}
	return true;
}

/* Client certificates need TLS; the service also refuses plain text on public endpoints with passwords. */
static bool
tls_check(struct api_call *call, const struct json *doc)
{
	const char *type = json_get_str(doc, "Type");

	if (!is(json_get_str(doc, "TlsPolicy"), "OPTIONAL"))
		return true;
	if (is(type, "MTLS"))
		return api_fault_validation(call, "TlsPolicy must not be OPTIONAL for type MTLS");
	if (is(type, "AUTH") && call->api->o.aws_strict && !is_private(doc))
		return api_fault_validation(
		    call, "TlsPolicy must not be OPTIONAL for a public endpoint of type AUTH");
	return true;
}

static bool
tls_change(struct api_call *call, struct json *doc)
{
	const char *old = json_get_str(doc, "TlsPolicy"),
		   *wanted = json_get_str(call->input, "TlsPolicy");
	const char *type = json_get_str(doc, "Type");

	if (wanted == NULL || is(old, wanted))
		return true;
	if (is(old, "FIPS") || is(wanted, "FIPS"))
		return api_fault_validation(call, "TlsPolicy cannot be changed from or to FIPS");
	if (is(type, "MTLS") || (is(type, "AUTH") && call->api->o.aws_strict && !is_private(doc)))
		return api_fault_validation(call, "TlsPolicy of this endpoint cannot be changed");
	json_set_str(doc, "TlsPolicy", wanted);
	return tls_check(call, doc);
}

struct tally {
	unsigned open, closed;
};

static bool
tally_visit(struct api_call *call, struct api_resource *r, void *ctx)
{
	struct tally *t = ctx;

	(void)call;
	if (is(json_get_str(r->doc, "Type"), "OPEN"))
		t->open++;
	else
		t->closed++;
	return true;
}

static bool
quota_check(struct api_call *call)
{
	struct tally t = {0, 0};

	if (!api_resource_each(call, CATALOG_INGRESS_POINT, tally_visit, &t))
		return false;
	if (is(json_get_str(call->input, "Type"), "OPEN")) {
		if (t.open >= API_ENDPOINTS_OPEN_MAX)
			return api_fault_quota(call,
			    "Ingress point: the limit of %u open endpoints is reached",
			    API_ENDPOINTS_OPEN_MAX);
	} else if (t.closed >= API_ENDPOINTS_AUTH_MAX) {
		return api_fault_quota(call,
		    "Ingress point: the limit of %u authorised endpoints is reached",
		    API_ENDPOINTS_AUTH_MAX);
	}
	return true;
}

static struct json *
document_new(struct api_call *call)
{
	static const char *const taken[] = {
	    "Type", "RuleSetId", "TrafficPolicyId", "NetworkConfiguration", "TlsPolicy", NULL};
	struct json *doc = api_call_own(call, json_new_object());
	char token[ID_TEXT_SIZE];

	json_set_str(doc, "TlsPolicy", "REQUIRED");
	api_resource_copy(call, doc, taken);
	if (json_find(doc, "NetworkConfiguration") == NULL) {
		struct json *network = json_new_object(), *public_ = json_new_object();

		json_set_str(public_, "IpType", "IPV4");
		json_set(network, "PublicNetworkConfiguration", public_);
		json_set(doc, "NetworkConfiguration", network);
	}
	id_new(token, "", &call->api->o.rng);
	token[HOST_TOKEN_CHARS] = '\0';
	json_set_str(doc, "HostToken", token);
	json_set_str(doc, "Wanted", "ACTIVE");
	return doc;
}

bool
api_ingress_point_create(struct api_call *call)
{
	struct api_resource r = {.row = {.kind = CATALOG_INGRESS_POINT,
				     .name = json_get_str(call->input, "IngressPointName"),
				     .state = "PROVISIONING"}};

	r.doc = document_new(call);
	if (!quota_check(call) || !parts_check(call) || !tls_check(call, r.doc) ||
	    !api_ingress_auth_take(
		call, r.doc, json_find(call->input, "IngressPointConfiguration"), true) ||
	    !api_resource_insert(call, &r))
		return false;
	json_set_str(call->output, "IngressPointId", r.row.id);
	call->effects |= API_EFFECT_ENDPOINTS | API_EFFECT_CONFIG;
	return true;
}

/* The name that an MX record points to: there when it can be reached from outside. */
static void
host_show(struct api_call *call, const struct api_resource *r, struct json *out)
{
	if (is(r->row.state, "ACTIVE") && !is_private(r->doc))
		json_set_str(out, "ARecord",
		    arena_printf(&call->arena, "%s.%s", json_get_str(r->doc, "HostToken"),
			call->api->names.ingress_domain));
}

bool
api_ingress_point_get(struct api_call *call)
{
	static const char *const shown[] = {
	    "Type", "RuleSetId", "TrafficPolicyId", "NetworkConfiguration", "TlsPolicy", NULL};
	struct json *out = call->output;
	struct api_resource r;
	bool contents;

	if (!api_resource_get(
		call, CATALOG_INGRESS_POINT, json_get_str(call->input, "IngressPointId"), &r))
		return false;
	contents = is(json_get_str(call->input, "IncludeTrustStoreContents"), "INCLUDE");
	json_set_str(out, "IngressPointId", r.row.id);
	json_set_str(out, "IngressPointName", r.row.name);
	json_set_str(
	    out, "IngressPointArn", api_resource_arn(call, CATALOG_INGRESS_POINT, r.row.id));
	json_set_str(out, "Status", r.row.state);
	host_show(call, &r, out);
	api_resource_show(call->output, r.doc, shown);
	json_set(out, "IngressPointAuthConfiguration",
	    api_ingress_auth_show(r.doc, call->now_ms, contents));
	json_set_seconds(out, "CreatedTimestamp", r.row.created_ms);
	json_set_seconds(out, "LastUpdatedTimestamp", r.row.updated_ms);
	return true;
}

static void
ingress_item(struct api_call *call, const struct api_resource *r, struct json *item)
{
	json_set_str(item, "IngressPointName", r->row.name);
	json_set_str(item, "IngressPointId", r->row.id);
	json_set_str(item, "Status", r->row.state);
	json_set_str(item, "Type", json_get_str(r->doc, "Type"));
	host_show(call, r, item);
}

bool
api_ingress_point_list(struct api_call *call)
{
	return api_resource_page(call, CATALOG_INGRESS_POINT, NULL, "IngressPoints", ingress_item);
}

static bool
is_moving(const struct api_resource *r)
{
	return is(r->row.state, "PROVISIONING") || is(r->row.state, "UPDATING") ||
	       is(r->row.state, "DEPROVISIONING");
}

bool
api_ingress_point_update(struct api_call *call)
{
	static const char *const taken[] = {"RuleSetId", "TrafficPolicyId", NULL};
	struct api_resource r;

	if (!api_resource_get(
		call, CATALOG_INGRESS_POINT, json_get_str(call->input, "IngressPointId"), &r))
		return false;
	if (is_moving(&r))
		return api_fault_conflict(
		    call, "Ingress point %s is in state %s", r.row.id, r.row.state);
	if (json_count(call->input) <= 1) /* the id alone changes nothing */
		return true;
	api_resource_rename(call, &r, "IngressPointName");
	api_resource_copy(call, r.doc, taken);
	json_set_str(r.doc, "Wanted", json_get_str(call->input, "StatusToUpdate"));
	if (!parts_check(call) || !tls_change(call, r.doc) ||
	    !api_ingress_auth_take(
		call, r.doc, json_find(call->input, "IngressPointConfiguration"), false))
		return false;
	r.row.state = "UPDATING";
	call->effects |= API_EFFECT_ENDPOINTS | API_EFFECT_CONFIG;
	return api_resource_save(call, &r);
}

bool
api_ingress_point_delete(struct api_call *call)
{
	struct api_resource r;
	bool found;

	if (!api_resource_find(call, CATALOG_INGRESS_POINT,
		json_get_str(call->input, "IngressPointId"), &r, &found))
		return false;
	if (!found || is(r.row.state, "DEPROVISIONING"))
		return true;
	if (is_moving(&r))
		return api_fault_conflict(
		    call, "Ingress point %s is in state %s", r.row.id, r.row.state);
	r.row.state = "DEPROVISIONING";
	call->effects |= API_EFFECT_ENDPOINTS | API_EFFECT_CONFIG;
	return api_resource_save(call, &r);
}
