/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a request may pass: signed by a key of ours, or over the local socket from somebody trusted. */
#include "api_int.h"
#include "auth_key.h"
#include "auth_request.h"
#include "base_mem.h"

bool
api_auth_check(struct api_call *call)
{
	const struct api_request *r = call->request;
	struct auth_key_source keys = auth_key_source_catalog(call->api->o.catalog);
	struct auth_options options = auth_options_default();
	struct crypt_sigv4_header *headers;
	struct auth_result result;
	struct err err;

	if (r->local_trusted) {
		call->principal = AUTH_PRINCIPAL_ROOT;
		return true;
	}
	headers = arena_calloc(&call->arena, r->header_count + 1, sizeof(*headers));
	for (size_t i = 0; i < r->header_count; i++)
		headers[i] = (struct crypt_sigv4_header){r->headers[i].name, r->headers[i].value};
	if (!auth_request_check(&(struct auth_request){r->method, r->target, headers,
				    r->header_count, r->body, call->now_ms},
		&options, &keys, &call->arena, &result, &err)) {
		(void)api_fault_trouble(call, &err);
		return api_fault_set(
		    call, 503, "ServiceUnavailable", "The service cannot answer now; try again.");
	}
	if (result.verdict != AUTH_PASSED) {
		const struct auth_refusal *refusal = auth_refusal_of(result.verdict);

		return api_fault_set(call, refusal->http_status, refusal->exception, result.text);
	}
	call->principal = result.principal;
	call->key_id = result.key_id;
	return true;
}
