/* SPDX-License-Identifier: Apache-2.0 */
/* The audit log, looked at: in pages by filters, one record, and whether it is whole. */
#include <string.h>

#include "api_audit_int.h"
#include "api_model_handlers.h"
#include "api_resource_int.h"
#include "base_text.h"

#define PAGE_DEFAULT 100
#define TOKEN_MAC    64
#define PROBLEMS_MAX 100u

static bool
log_there(struct api_call *call)
{
	struct err err;

	if (call->api->o.audit != NULL)
		return true;
	(void)ERR(&err, ERR_UNSUPPORTED, "there is no audit log");
	return api_fault_trouble(call, &err);
}

static struct json *
event_json(const struct audit_record *r)
{
	struct json *out = json_new_object(), *resources = json_new_array();

	json_set_integer(out, "Sequence", (int64_t)r->sequence);
	json_set_seconds(out, "EventTimestamp", r->at_ms);
	if (r->principal.len > 0)
		json_set_text(out, "Principal", r->principal);
	if (r->key_id.len > 0)
		json_set_text(out, "AccessKeyId", r->key_id);
	if (r->uid != AUDIT_UID_NONE)
		json_set_integer(out, "PeerUid", (int64_t)r->uid);
	if (r->from.len > 0)
		json_set_text(out, "SourceAddress", r->from);
	json_set_text(out, "Operation", r->operation);
	json_set(out, "Resources", resources);
	for (size_t i = 0; i < r->resource_count; i++)
		json_push(resources, json_new_text(r->resources[i]));
	json_set_text(out, "Parameters", r->parameters);
	json_set_text(out, "Result", r->result);
	json_set_integer(out, "HttpStatus", (int64_t)r->status);
	if (r->request_id.len > 0)
		json_set_text(out, "RequestId", r->request_id);
	json_set_integer(out, "RequestCount", (int64_t)r->count);
	return out;
}

/* A page token is <MAC><number of the last record in decimal>; the MAC covers the filters, too. */
static void
token_mac(struct api_call *call, struct bytes position, char out[TOKEN_MAC + 1])
{
	struct json *filters = json_copy(call->input);
	struct buf text;

	json_unset(filters, "NextToken");
	json_unset(filters, "PageSize");
	buf_init(&text, LIMIT_MIB);
	json_print_sorted(filters, &text);
	json_free(&filters);
	{
		struct bytes parts[] = {BYTES_LIT("audit-page"), buf_view(&text), position};

		api_resource_mac(call->api, out, parts, sizeof(parts) / sizeof(parts[0]));
	}
	buf_fini(&text);
}

static bool
token_read(struct api_call *call, uint64_t *before)
{
	struct bytes token = json_text(json_find(call->input, "NextToken"));
	struct bytes position = bytes_slice(token, TOKEN_MAC, token.len);
	char mac[TOKEN_MAC + 1];

	*before = 0;
	if (token.len == 0)
		return true;
	token_mac(call, position, mac);
	return (bytes_equal_secret(bytes_slice(token, 0, TOKEN_MAC), bytes_of(mac, TOKEN_MAC)) &&
		   text_u64_parse(before, position)) ||
	       api_fault_validation(
		   call, "NextToken is not one that this operation gave for these parameters");
}

struct page {
	struct api_call *call;
	struct json *list;
	size_t size;
	int64_t from_ms, to_ms;
	struct bytes principal, operation, resource, result;
	uint64_t last; /* number of the last one taken */
	bool more;
};

/* "CreateArchive", or with its service. */
static bool
operation_fits(struct bytes have, struct bytes want)
{
	size_t dot = bytes_find_byte(have, 0, '.');

	return bytes_equal(have, want) ||
	       (dot != SIZE_MAX && bytes_equal(bytes_slice(have, dot + 1, have.len), want));
}

static bool
result_fits(struct bytes have, struct bytes want)
{
	if (bytes_equal(want, BYTES_LIT("refused")))
		return !bytes_equal(have, BYTES_LIT("ok"));
	return bytes_equal(have, want);
}

static bool
resource_fits(const struct audit_record *r, struct bytes want)
{
	for (size_t i = 0; i < r->resource_count; i++)
		if (bytes_equal(r->resources[i], want))
			return true;
	return false;
}

static bool
page_visit(void *ctx, const struct audit_record *r)
{
	struct page *p = ctx;

	/* Records come in the order of their numbers; a clock may have been set back by a little. */
	if (r->at_ms < p->from_ms - API_DAY_MS)
		return false;
	if (r->at_ms < p->from_ms || r->at_ms >= p->to_ms ||
	    (p->principal.len > 0 && !bytes_equal(r->principal, p->principal)) ||
	    (p->operation.len > 0 && !operation_fits(r->operation, p->operation)) ||
	    (p->result.len > 0 && !result_fits(r->result, p->result)) ||
	    (p->resource.len > 0 && !resource_fits(r, p->resource)))
		return true;
	if (json_count(p->list) == p->size) {
		p->more = true;
		return false;
	}
	json_push(p->list, event_json(r));
	p->last = r->sequence;
	return true;
}

static int64_t
time_or(const struct json *input, const char *member, int64_t otherwise)
{
	const struct json *v = json_find(input, member);

	return v == NULL ? otherwise : json_ms(v);
}

bool
api_audit_events(struct api_call *call)
{
	const struct json *in = call->input;
	struct page p = {.call = call,
	    .list = json_new_array(),
	    .size = (size_t)json_get_integer(in, "PageSize", PAGE_DEFAULT),
	    .from_ms = time_or(in, "FromTimestamp", INT64_MIN / 2),
	    .to_ms = time_or(in, "ToTimestamp", INT64_MAX),
	    .principal = json_text(json_find(in, "Principal")),
	    .operation = json_text(json_find(in, "Operation")),
	    .resource = json_text(json_find(in, "Resource")),
	    .result = json_text(json_find(in, "Result"))};
	uint64_t before, damaged = 0;
	char mac[TOKEN_MAC + 1];
	const char *position;
	struct err err;

	json_set(call->output, "AuditEvents", p.list);
	if (!log_there(call) || !token_read(call, &before))
		return false;
	if (!audit_list(call->api->o.audit, before, page_visit, &p, &damaged, &err))
		return api_fault_trouble(call, &err);
	json_set_integer(call->output, "DamagedCount", (int64_t)damaged);
	if (p.more) {
		position = arena_printf(&call->arena, "%llu", (unsigned long long)p.last);
		token_mac(call, bytes_of_str(position), mac);
		json_set_str(
		    call->output, "NextToken", arena_printf(&call->arena, "%s%s", mac, position));
	}
	return true;
}

bool
api_audit_get(struct api_call *call)
{
	int64_t sequence = json_get_integer(call->input, "Sequence", 0);
	struct audit_record r;
	struct err err;

	if (!log_there(call))
		return false;
	if (audit_get(call->api->o.audit, (uint64_t)sequence, &call->arena, &r, &err)) {
		json_set(call->output, "AuditEvent", event_json(&r));
		return true;
	}
	if (err.code == ERR_NOT_FOUND)
		return api_fault_not_found(
		    call, "Audit event not found: %lld", (long long)sequence);
	return api_fault_trouble(call, &err);
}

struct problems {
	struct json *list;
	int64_t count;
};

static void
problem_add(void *ctx, const char *what)
{
	struct problems *p = ctx;

	if (json_count(p->list) < PROBLEMS_MAX)
		json_push(p->list, json_new_str(what));
	p->count++;
}

bool
api_audit_check(struct api_call *call)
{
	struct problems p = {json_new_array(), 0};
	uint64_t checked = 0;
	struct err err;

	json_set(call->output, "Problems", p.list);
	if (!log_there(call))
		return false;
	if (!audit_verify(call->api->o.audit, NULL, problem_add, &p, &checked, &err))
		return api_fault_trouble(call, &err);
	json_set_integer(call->output, "ProblemCount", p.count);
	json_set_integer(call->output, "RecordCount", (int64_t)checked);
	return true;
}
