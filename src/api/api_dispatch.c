/* SPDX-License-Identifier: Apache-2.0 */
/* One operation: validated, once per token, inside a transaction. */
#include "api_dispatch_int.h"
#include "api_job_int.h"
#include "api_resource_int.h"
#include "api_retain_int.h"
#include "base_text.h"

/* A copy without members that the model does not know and without nulls: what is stored, compared and shown
 * again is exactly what was understood. Members come in the order of the model. */
static struct json *
input_understood(const struct json_shape *shape, const struct json *v)
{
	struct json *out;

	if (shape->kind == JSON_SHAPE_LIST) {
		out = json_new_array();
		for (size_t i = 0; i < json_count(v); i++)
			json_push(out, input_understood(shape->element, json_at(v, i)));
		return out;
	}
	if (shape->kind != JSON_SHAPE_STRUCTURE && shape->kind != JSON_SHAPE_UNION)
		return json_copy(v);
	out = json_new_object();
	for (size_t i = 0; i < shape->member_count; i++) {
		const struct json *member = json_find(v, shape->members[i].name);

		if (member != NULL)
			json_set(out, shape->members[i].name,
			    input_understood(shape->members[i].shape, member));
	}
	return out;
}

static bool
input_check(struct api_call *call)
{
	struct json_model_report report;
	bool ok = json_model_check(call->api->model, call->op->input, call->input, &report);

	if (!ok && report.result == JSON_MODEL_WRONG_TYPE)
		(void)api_fault_set(call, 400, "SerializationException", buf_text(&report.text));
	else if (!ok)
		(void)api_fault_set(call, 400, "ValidationException", buf_text(&report.text));
	json_model_report_fini(&report);
	if (ok) {
		struct json *understood = input_understood(call->op->input, call->input);

		json_free(&call->input);
		call->input = understood;
	}
	return ok;
}

/* A keyed digest: the input may hold a password, and the stored digest must not help to guess it. */
static struct bytes
input_digest(struct api_call *call)
{
	struct json *copy = json_copy(call->input);
	uint8_t digest[CRYPT_SHA256_BYTES];
	struct buf text;

	json_unset(copy, call->op->token_member);
	buf_init(&text, HTTP_BODY_BYTES_MAX * 8);
	json_print_sorted(copy, &text);
	must(!text.failed);
	crypt_hmac_sha256(
	    digest, bytes_of(call->api->mac_key, sizeof(call->api->mac_key)), buf_view(&text));
	secret_wipe(text.ptr, text.len);
	buf_fini(&text);
	json_free(&copy);
	return arena_bytes(&call->arena, bytes_of(digest, sizeof(digest)));
}

/* out *again: the token was used before for the same input, and the output says what was answered. */
static bool
token_look(struct api_call *call, const char *token, struct bytes digest, bool *again)
{
	struct catalog *c = call->api->o.catalog;
	struct bytes stored;
	const char *id;
	struct err err;

	*again = false;
	if (!catalog_token_purge(c, call->now_ms - API_TOKEN_MS, &err))
		return api_fault_trouble(call, &err);
	if (!catalog_token_get(c, call->op->name, token, &call->arena, &stored, &id, &err))
		return err.code == ERR_NOT_FOUND ? true : api_fault_trouble(call, &err);
	if (!bytes_equal_secret(stored, digest))
		return api_fault_conflict(
		    call, "%s was used before with other parameters", call->op->token_member);
	json_set_str(call->output, call->op->answer_member, id);
	*again = true;
	return true;
}

static bool
handle_once(struct api_call *call)
{
	const char *token = call->op->token_member == NULL
				? NULL
				: json_get_str(call->input, call->op->token_member);
	struct bytes digest = BYTES_EMPTY;
	bool again = false;
	struct err err;

	if (token != NULL) {
		digest = input_digest(call);
		if (!token_look(call, token, digest, &again))
			return false;
	}
	if (again)
		return true;
	if (!call->op->handle(call))
		return false;
	if (token == NULL)
		return true;
	return catalog_token_put(call->api->o.catalog, call->op->name, token, digest,
		   json_get_str(call->output, call->op->answer_member), call->now_ms, &err) ||
	       api_fault_trouble(call, &err);
}

bool
api_dispatch(struct api_call *call)
{
	struct catalog *c = call->api->o.catalog;
	struct err err;

	if (!input_check(call))
		return false;
	if (call->op->free)
		return call->op->handle(call);
	if (!catalog_begin(c, &err))
		return api_fault_trouble(call, &err);
	if (!handle_once(call)) {
		catalog_rollback(c);
		return false;
	}
	return catalog_commit(c, &err) || api_fault_trouble(call, &err);
}

void
api_dispatch_effects(struct api_call *call)
{
	const struct api_options *o = &call->api->o;

	if ((call->effects & API_EFFECT_JOB) != 0)
		api_job_queue(call->api, call->job_kind, call->job_id);
	if ((call->effects & API_EFFECT_STOP) != 0)
		api_job_stop(call->api, call->job_id);
	if ((call->effects & API_EFFECT_RETAIN) != 0)
		api_retain_wake(call->api);
	if ((call->effects & API_EFFECT_CONFIG) != 0 && o->config_changed != NULL)
		o->config_changed(o->hook_ctx);
	if ((call->effects & API_EFFECT_ENDPOINTS) != 0 && o->endpoints_changed != NULL)
		o->endpoints_changed(o->hook_ctx);
}
