/* SPDX-License-Identifier: Apache-2.0 */
/* Every call leaves one record in the audit log: who, from where, what, and what came of it. */
#include <stdio.h>
#include <string.h>

#include "api_audit_int.h"
#include "base_log.h"
#include "base_text.h"

#define MINUTE_MS        60000
#define STRING_BYTES_MAX 1024u
#define LIST_ITEMS_MAX   100u
#define CLAIM_MAX        40u
#define HIDDEN           "(not shown)"
#define OTHER_KIND       "(another kind)"

void
api_audit_strangers_init(struct api_audit_strangers *s)
{
	memset(s, 0, sizeof(*s));
	must(pthread_mutex_init(&s->lock, NULL) == 0);
}

void
api_audit_strangers_fini(struct api_audit_strangers *s)
{
	(void)pthread_mutex_destroy(&s->lock);
}

/* --- parameters ------------------------------------------------------------------------------------------ */

/* At most max bytes, cut at a character. */
static struct bytes
text_cut(struct bytes text, size_t max)
{
	size_t len = text.len;

	if (len <= max)
		return text;
	for (len = max; len > 0 && (text.ptr[len] & 0xc0) == 0x80;)
		len--;
	return bytes_slice(text, 0, len);
}

static bool
kind_fits(const struct json_shape *shape, const struct json *v)
{
	switch (shape->kind) {
	case JSON_SHAPE_STRING:
	case JSON_SHAPE_BLOB:
		return json_kind(v) == JSON_STRING;
	case JSON_SHAPE_INTEGER:
	case JSON_SHAPE_DOUBLE:
	case JSON_SHAPE_TIMESTAMP:
		return json_is_number(v);
	case JSON_SHAPE_BOOLEAN:
		return json_kind(v) == JSON_BOOL;
	case JSON_SHAPE_LIST:
		return json_kind(v) == JSON_ARRAY;
	case JSON_SHAPE_STRUCTURE:
	case JSON_SHAPE_UNION:
		break;
	}
	return json_kind(v) == JSON_OBJECT;
}

static struct json *shown(const struct json_shape *shape, const struct json *v);

static struct json *
shown_members(const struct json_shape *shape, const struct json *v)
{
	struct json *out = json_new_object();

	for (size_t i = 0; i < shape->member_count; i++) {
		const struct json *member = json_find(v, shape->members[i].name);

		if (member != NULL)
			json_set(
			    out, shape->members[i].name, shown(shape->members[i].shape, member));
	}
	return out;
}

static struct json *
shown_items(const struct json_shape *shape, const struct json *v)
{
	struct json *out = json_new_array();
	char more[48];

	for (size_t i = 0; i < json_count(v) && i < LIST_ITEMS_MAX; i++)
		json_push(out, shown(shape->element, json_at(v, i)));
	if (json_count(v) > LIST_ITEMS_MAX) {
		(void)snprintf(more, sizeof(more), "(%zu more)", json_count(v) - LIST_ITEMS_MAX);
		json_push(out, json_new_str(more));
	}
	return out;
}

/* What may be written down of a value: nothing that the model does not know or calls sensitive. The depth is
 * that of the value, which the parsers bound. */
static struct json *
shown(const struct json_shape *shape, const struct json *v)
{
	if (shape->sensitive || shape->kind == JSON_SHAPE_BLOB)
		return json_new_str(HIDDEN);
	if (!kind_fits(shape, v))
		return json_new_str(OTHER_KIND);
	if (shape->kind == JSON_SHAPE_STRUCTURE || shape->kind == JSON_SHAPE_UNION)
		return shown_members(shape, v);
	if (shape->kind == JSON_SHAPE_LIST)
		return shown_items(shape, v);
	if (shape->kind == JSON_SHAPE_STRING && json_text(v).len > STRING_BYTES_MAX)
		return json_new_text(text_cut(json_text(v), STRING_BYTES_MAX));
	return json_copy(v);
}

static struct bytes
parameters_text(struct api_call *call, const struct json *parameters)
{
	uint8_t digest[CRYPT_SHA256_BYTES];
	char hex[2 * CRYPT_SHA256_BYTES + 1];
	struct bytes out;
	struct buf text;

	buf_init(&text, HTTP_BODY_BYTES_MAX * 8);
	json_print(parameters, &text);
	if (!text.failed && text.len <= AUDIT_PARAMETERS_BYTES_MAX) {
		out = arena_bytes(&call->arena, buf_view(&text));
	} else {
		crypt_sha256(digest, buf_view(&text));
		text_hex_format(hex, bytes_of(digest, sizeof(digest)));
		out = bytes_of_str(
		    arena_printf(&call->arena, "{\"Bytes\":%zu,\"Sha256\":\"%s\"}", text.len, hex));
	}
	buf_fini(&text);
	return out;
}

/* --- resources ------------------------------------------------------------------------------------------- */

static void
resource_add(struct audit_record *r, struct bytes text)
{
	if (text.len == 0 || text.len > AUDIT_TEXT_BYTES_MAX ||
	    r->resource_count == AUDIT_RESOURCES_MAX)
		return;
	for (size_t i = 0; i < r->resource_count; i++)
		if (bytes_equal(r->resources[i], text))
			return;
	r->resources[r->resource_count++] = text;
}

/* Members of an object that name something: …Id and …Arn. */
static void
resources_of(struct audit_record *r, const struct json *object)
{
	const struct json *value;
	const char *key;
	void *at = NULL;

	while (json_next(object, &at, &key, &value)) {
		struct bytes name = bytes_of_str(key), text = json_text(value);

		if ((bytes_ends_with(name, BYTES_LIT("Id")) ||
			bytes_ends_with(name, BYTES_LIT("Arn"))) &&
		    !bytes_equal(text, BYTES_LIT(HIDDEN)) &&
		    !bytes_equal(text, BYTES_LIT(OTHER_KIND)))
			resource_add(r, text);
	}
}

/* --- who ------------------------------------------------------------------------------------------------- */

/* Printable ASCII, of what a stranger wrote. */
static struct bytes
text_plain(struct api_call *call, struct bytes text, size_t max)
{
	uint8_t *copy;

	text = bytes_slice(text, 0, max);
	copy = arena_alloc(&call->arena, text.len + 1);
	for (size_t i = 0; i < text.len; i++)
		copy[i] = text.ptr[i] > 0x20 && text.ptr[i] < 0x7f ? text.ptr[i] : '?';
	return bytes_of(copy, text.len);
}

/* The access key that a refused request claims to have. */
static struct bytes
key_claimed(struct api_call *call)
{
	static const char mark[] = "Credential=";
	struct bytes line = api_call_header(call->request, "authorization");
	size_t at = bytes_find(line, 0, BYTES_LIT("Credential=")), end;

	if (at == SIZE_MAX)
		return BYTES_EMPTY;
	line = bytes_slice(line, at + sizeof(mark) - 1, CLAIM_MAX);
	for (end = 0; end < line.len && ((line.ptr[end] >= 'A' && line.ptr[end] <= 'Z') ||
					    (line.ptr[end] >= '0' && line.ptr[end] <= '9'));)
		end++;
	return arena_bytes(&call->arena, bytes_slice(line, 0, end));
}

static void
who_fill(struct api_call *call, struct audit_record *r)
{
	const struct api_request *request = call->request;

	r->uid = request->local ? request->peer_uid : AUDIT_UID_NONE;
	r->from = request->local
		      ? BYTES_LIT("local")
		      : text_cut(bytes_of_str(request->peer_address), AUDIT_TEXT_BYTES_MAX);
	r->principal = text_cut(bytes_of_str(call->principal), AUDIT_TEXT_BYTES_MAX);
	r->key_id = call->principal == NULL
			? key_claimed(call)
			: text_cut(bytes_of_str(call->key_id), AUDIT_TEXT_BYTES_MAX);
}

/* --- strangers ------------------------------------------------------------------------------------------- */

static void
refusals_write(struct api *api, uint64_t count, int64_t at_ms)
{
	struct audit_record r = {.at_ms = at_ms,
	    .count = count,
	    .uid = AUDIT_UID_NONE,
	    .operation = BYTES_LIT("Daybook.RefusedRequests"),
	    .result = BYTES_LIT("AccessDeniedException"),
	    .status = 403,
	    .parameters = BYTES_LIT("{}")};
	struct err err;

	if (!audit_append(api->o.audit, &r, false, &err))
		log_error("audit log: %llu refused requests are not recorded: %s",
		    (unsigned long long)count, err.msg);
}

/* Whether this refusal has a record of its own. Writes the count of the minute before, if there is one. */
static bool
stranger_admit(struct api *api, int64_t now_ms)
{
	struct api_audit_strangers *s = &api->strangers;
	int64_t mono_ms = clock_mono_ms(&api->o.clock), over_ms;
	uint64_t over = 0;
	bool admitted;

	must(pthread_mutex_lock(&s->lock) == 0);
	over_ms = s->over_ms;
	if (!s->running || mono_ms - s->minute_mono_ms >= MINUTE_MS) {
		over = s->over;
		s->running = true;
		s->minute_mono_ms = mono_ms;
		s->kept = s->over = 0;
	}
	admitted = s->kept < API_AUDIT_STRANGERS_PER_MINUTE;
	s->kept += admitted ? 1 : 0;
	if (!admitted && s->over++ == 0)
		s->over_ms = now_ms;
	must(pthread_mutex_unlock(&s->lock) == 0);
	if (over > 0)
		refusals_write(api, over, over_ms);
	return admitted;
}

void
api_audit_tick(struct api *api)
{
	struct api_audit_strangers *s = &api->strangers;
	int64_t over_ms;
	uint64_t over = 0;

	if (api->o.audit == NULL)
		return;
	must(pthread_mutex_lock(&s->lock) == 0);
	over_ms = s->over_ms;
	if (s->running && clock_mono_ms(&api->o.clock) - s->minute_mono_ms >= MINUTE_MS) {
		over = s->over;
		s->running = false;
		s->over = 0;
	}
	must(pthread_mutex_unlock(&s->lock) == 0);
	if (over > 0)
		refusals_write(api, over, over_ms);
}

/* --- the record ------------------------------------------------------------------------------------------ */

/* Changes, and whatever shows mail: the record is durable before the answer. */
static bool
wants_sync(const struct api_call *call)
{
	static const char *const shows_mail[] = {
	    "GetArchiveMessage", "GetArchiveMessageContent", "GetArchiveSearchResults"};

	if (call->exception != NULL)
		return false;
	if (call->op == NULL)
		return true; /* a link */
	for (size_t i = 0; i < sizeof(shows_mail) / sizeof(shows_mail[0]); i++)
		if (strcmp(call->op->name, shows_mail[i]) == 0)
			return true;
	return strncmp(call->op->name, "Get", 3) != 0 && strncmp(call->op->name, "List", 4) != 0;
}

static void
what_fill(struct api_call *call, struct bytes operation, struct audit_record *r)
{
	struct json *parameters;

	r->parameters = BYTES_LIT("{}");
	if (call->op == NULL) {
		r->operation = text_plain(call, operation, AUDIT_TEXT_BYTES_MAX);
		resource_add(r, text_plain(call, call->link_id, ID_RECORD_TEXT_SIZE));
		return;
	}
	r->operation =
	    bytes_of_str(arena_printf(&call->arena, "%s.%s", call->op->service, call->op->name));
	if (call->input != NULL) {
		parameters = api_call_own(call, shown(call->op->input, call->input));
		r->parameters = parameters_text(call, parameters);
		resources_of(r, parameters);
	}
	if (call->exception == NULL)
		resources_of(r, call->output);
}

bool
api_audit_ready(struct api_call *call)
{
	struct audit *audit = call->api->o.audit;

	if (audit == NULL || !audit_failed(audit))
		return true;
	return api_fault_set(
	    call, 503, "ServiceUnavailable", "The audit log cannot be written; try again.");
}

bool
api_audit_keep(struct api_call *call, struct bytes operation)
{
	struct api *api = call->api;
	struct audit_record r = {.at_ms = call->now_ms, .count = 1};
	struct err err;

	if (api->o.audit == NULL)
		return true;
	if (call->principal == NULL && !call->link_good && !stranger_admit(api, call->now_ms))
		return true;
	who_fill(call, &r);
	what_fill(call, operation, &r);
	r.status = call->exception == NULL ? 200 : (uint32_t)call->status;
	r.result = bytes_of_str(call->exception == NULL ? "ok" : call->exception);
	r.request_id = bytes_of_str(call->request_id);
	if (audit_append(api->o.audit, &r, wants_sync(call), &err))
		return true;
	log_error("request %s: not recorded: %s", call->request_id, err.msg);
	return api_fault_set(call, 503, "ServiceUnavailable",
	    "What was asked for may be done, and could not be recorded; try again.");
}
