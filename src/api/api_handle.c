/* SPDX-License-Identifier: Apache-2.0 */
/* From a request to an operation and back: routes, the two codecs, the form of answers and errors. */
#include <string.h>

#include "api_audit_int.h"
#include "api_dispatch_int.h"
#include "api_int.h"
#include "api_proof_int.h"

enum codec { CODEC_JSON, CODEC_CBOR };

/* Where a request wants to go. */
struct route {
	enum codec codec;
	struct bytes service, operation;
	bool operation_wanted, link, proof;
};

void
api_response_init(struct api_response *r)
{
	memset(r, 0, sizeof(*r));
	buf_init(&r->text, 16384);
	buf_init(&r->body, API_RESPONSE_BODY_MAX);
}

void
api_response_fini(struct api_response *r)
{
	buf_fini(&r->text);
	buf_fini(&r->body);
}

struct bytes
api_call_header(const struct api_request *request, const char *name)
{
	struct bytes wanted = bytes_of_str(name);

	for (size_t i = 0; i < request->header_count; i++)
		if (bytes_equal_nocase(request->headers[i].name, wanted))
			return bytes_trim(request->headers[i].value);
	return BYTES_EMPTY;
}

static bool
header_once(const struct api_request *request, const char *name)
{
	struct bytes wanted = bytes_of_str(name);
	size_t seen = 0;

	for (size_t i = 0; i < request->header_count; i++)
		seen += bytes_equal_nocase(request->headers[i].name, wanted);
	return seen <= 1;
}

static struct bytes
path_of(struct bytes target)
{
	return bytes_slice(target, 0, bytes_find_byte(target, 0, '?'));
}

/* …/service/<Service>/operation/<Operation>: the last four segments. */
static bool
route_cbor(const struct api_request *r, struct route *out)
{
	static const char marker[] = "/service/", middle[] = "/operation/";
	struct bytes path = path_of(r->target);
	size_t at = SIZE_MAX, mid;

	for (size_t next = bytes_find(path, 0, BYTES_LIT("/service/")); next != SIZE_MAX;
	     next = bytes_find(path, next + 1, BYTES_LIT("/service/")))
		at = next;
	if (at == SIZE_MAX)
		return false;
	at += sizeof(marker) - 1;
	mid = bytes_find(path, at, BYTES_LIT("/operation/"));
	if (mid == SIZE_MAX)
		return false;
	out->service = bytes_slice(path, at, mid - at);
	out->operation = bytes_slice(path, mid + sizeof(middle) - 1, path.len);
	out->codec = CODEC_CBOR;
	out->operation_wanted = true;
	return true;
}

static void
route_find(const struct api_request *r, struct route *out)
{
	struct bytes target = api_call_header(r, "x-amz-target");
	size_t dot = bytes_find_byte(target, 0, '.');

	memset(out, 0, sizeof(*out));
	if (bytes_equal(r->method, BYTES_LIT("GET")) &&
	    bytes_starts_with(r->target, BYTES_LIT("/message/"))) {
		out->link = true;
		return;
	}
	if (bytes_equal(r->method, BYTES_LIT("GET")) &&
	    bytes_starts_with(r->target, BYTES_LIT(API_PROOF_PREFIX))) {
		out->proof = true;
		return;
	}
	if (!bytes_equal(r->method, BYTES_LIT("POST")))
		return;
	if (bytes_equal_nocase(api_call_header(r, "smithy-protocol"), BYTES_LIT("rpc-v2-cbor")) &&
	    target.len == 0 && route_cbor(r, out))
		return;
	if (dot == SIZE_MAX)
		return;
	out->operation_wanted = true;
	out->service = bytes_slice(target, 0, dot);
	out->operation = bytes_slice(target, dot + 1, target.len);
}

static const struct api_operation *
operation_find(const struct route *route)
{
	for (size_t i = 0; i < api_model_operation_count; i++) {
		const struct api_operation *op = &api_model_operations[i];

		if (bytes_equal(route->operation, bytes_of_str(op->name)) &&
		    bytes_equal(route->service, bytes_of_str(op->service)))
			return op;
	}
	return NULL;
}

/* An absent body stands for an input without members, as some clients send none. */
static bool
body_parse(struct api_call *call, enum codec codec)
{
	struct bytes body = call->request->body;
	struct err err;

	if (body.len == 0)
		call->input = json_new_object();
	else
		call->input =
		    codec == CODEC_CBOR ? json_cbor_parse(body, &err) : json_parse(body, &err);
	if (call->input == NULL)
		return api_fault_set(call, 400, "SerializationException", err.msg);
	return true;
}

static bool
call_run(struct api_call *call, const struct route *route)
{
	if (!route->operation_wanted)
		return api_fault_set(
		    call, 404, "UnknownOperationException", "There is nothing here.");
	if (!header_once(call->request, "x-amz-target") ||
	    !header_once(call->request, "smithy-protocol"))
		return api_fault_set(call, 400, "SerializationException",
		    "A header that must be there once is there twice.");
	if (!api_auth_check(call))
		return false;
	call->op = operation_find(route);
	if (call->op == NULL)
		return api_fault_set(
		    call, 404, "UnknownOperationException", "The operation is not known here.");
	return body_parse(call, route->codec) && api_audit_ready(call) && api_dispatch(call);
}

static void
header_add(struct api_response *r, const char *name, const char *value)
{
	must(r->header_count < API_RESPONSE_HEADERS_MAX);
	r->headers[r->header_count++] =
	    (struct api_header){bytes_of_str(name), bytes_of_str(value)};
}

static void
respond(struct api_call *call, enum codec codec, struct api_response *response)
{
	struct json *value = call->output;

	header_add(response, "x-amzn-requestid", arena_strdup(&call->arena, call->request_id));
	header_add(response, "content-type",
	    codec == CODEC_CBOR ? "application/cbor" : "application/x-amz-json-1.0");
	header_add(response, "cache-control", "no-store");
	if (codec == CODEC_CBOR)
		header_add(response, "smithy-protocol", "rpc-v2-cbor");
	response->status = 200;
	if (call->exception != NULL) {
		const char *space =
		    call->op == NULL ? "com.amazonaws.mailmanager" : call->op->namespace_;

		header_add(response, "x-amzn-errortype", call->exception);
		response->status = call->status;
		value = api_call_own(call, json_new_object());
		json_set_str(
		    value, "__type", arena_printf(&call->arena, "%s#%s", space, call->exception));
		json_set_str(value, "Message", call->text);
	}
	if (codec == CODEC_CBOR)
		json_cbor_print(value, api_model_is_time, &response->body);
	else
		json_print(value, &response->body);
}

/* Header values that lie in the call's arena move to the response, which outlives the call. */
static void
response_keep(struct api_response *r)
{
	size_t offsets[API_RESPONSE_HEADERS_MAX];

	for (size_t i = 0; i < r->header_count; i++) {
		offsets[i] = r->text.len;
		buf_append(&r->text, r->headers[i].value);
	}
	must(!r->text.failed);
	for (size_t i = 0; i < r->header_count; i++)
		r->headers[i].value =
		    bytes_slice(buf_view(&r->text), offsets[i], r->headers[i].value.len);
}

struct json *
api_call_own(struct api_call *call, struct json *v)
{
	json_push(call->scratch, v);
	return v;
}

/* What was asked for, in words of an operation's name. */
static struct bytes
route_name(struct api_call *call, const struct route *route)
{
	const char *text;

	if (route->link)
		return BYTES_LIT("Daybook.DownloadMessage");
	if (!route->operation_wanted)
		return BYTES_EMPTY;
	text = arena_printf(&call->arena, "%s.%s",
	    arena_text(&call->arena, bytes_slice(route->service, 0, 64)),
	    arena_text(&call->arena, bytes_slice(route->operation, 0, 64)));
	return bytes_of_str(text);
}

/* An answer that was made and may not be given. */
static void
response_drop(struct api_response *r)
{
	r->header_count = 0;
	buf_reset(&r->body);
}

void
api_handle(struct api *api, const struct api_request *request, struct api_response *response)
{
	struct api_call call = {
	    .api = api, .request = request, .now_ms = clock_now_ms(&api->o.clock)};
	struct route route;
	bool ran = false;

	arena_init(&call.arena);
	call.output = json_new_object();
	call.scratch = json_new_array();
	id_uuid_new(call.request_id, &api->o.rng);
	route_find(request, &route);
	if (route.proof)
		(void)api_proof_file_get(&call, response);
	else if (route.link)
		api_message_link_get(&call, response);
	else
		ran = call_run(&call, &route);
	/* The one place where a call is recorded, whatever became of it. */
	if (!route.proof && !api_audit_keep(&call, route_name(&call, &route)))
		response_drop(response);
	if (ran)
		api_dispatch_effects(&call);
	if ((!route.link && !route.proof) || call.exception != NULL)
		respond(&call, route.codec, response);
	response_keep(response);
	json_free(&call.input);
	json_free(&call.output);
	json_free(&call.scratch);
	arena_fini(&call.arena);
}
