/* SPDX-License-Identifier: Apache-2.0 */
/* One archived message: its envelope and metadata, a link that gives its bytes for a while, and its text. */
#include <string.h>

#include "api_audit_int.h"
#include "api_model_handlers.h"
#include "api_retain_int.h"
#include "api_row_int.h"
#include "base_text.h"
#include "base_time.h"
#include "mime_message.h"

#define LINK_PATH "/message/"
#define MAC_CHARS 64

/* A message of an archive that is being deleted is not given out any more. */
static bool
archive_open_check(struct api_call *call, const char *archive_id)
{
	struct api_resource r;
	struct err err;
	bool ok, found;

	if (!catalog_begin(call->api->o.catalog, &err))
		return api_fault_trouble(call, &err);
	ok = api_resource_find(call, CATALOG_ARCHIVE, archive_id, &r, &found);
	catalog_rollback(call->api->o.catalog);
	if (!ok)
		return false;
	if (!found || strcmp(r.row.state, "ACTIVE") != 0)
		return api_fault_validation(
		    call, "Archived message not found: its archive is pending deletion");
	return true;
}

/* A message that was erased is not found, and the answer says since when, and by whose word. */
static bool
not_found(struct api_call *call, struct bytes id_text)
{
	const char *erasure, *by;
	char when[TIME_ISO_SIZE];
	int64_t when_ms;
	struct err err;

	if (retain_erased(call->api->retain, arena_text(&call->arena, id_text), &call->arena,
		&when_ms, &erasure, &by, &err)) {
		time_iso_format(when, when_ms);
		return api_fault_not_found(call,
		    "Archived message not found: it was erased on %s (erasure %s, approved by %s)",
		    when, erasure, by);
	}
	if (err.code != ERR_NONE)
		return api_fault_trouble(call, &err);
	return api_fault_validation(call, "ArchivedMessageId: archived message not found");
}

/* body: NULL = the row only. */
static bool
message_read(struct api_call *call, struct bytes id_text, struct pack_row *row, struct buf *body)
{
	const char *archive_id;
	struct id_record id;
	struct err err;

	if (!id_record_parse(&id, id_text))
		return api_fault_validation(call, "ArchivedMessageId: archived message not found");
	if (archive_read(call->api->o.archive, &id, &call->arena, &archive_id, row, body, &err))
		return archive_open_check(call, archive_id);
	return err.code == ERR_NOT_FOUND ? not_found(call, id_text) : api_fault_trouble(call, &err);
}

static void
link_mac(const struct api *api, struct bytes id, struct bytes expires, char out[MAC_CHARS + 1])
{
	struct bytes parts[] = {BYTES_LIT("message"), id, expires};

	api_resource_mac(api, out, parts, sizeof(parts) / sizeof(parts[0]));
}

static const char *
link_make(struct api_call *call, const char *id)
{
	const char *host = arena_text(&call->arena, api_call_header(call->request, "host"));
	const char *expires =
	    arena_printf(&call->arena, "%lld", (long long)((call->now_ms + API_LINK_MS) / 1000));
	char mac[MAC_CHARS + 1];

	link_mac(call->api, bytes_of_str(id), bytes_of_str(expires), mac);
	return arena_printf(&call->arena, "http://%s" LINK_PATH "%s?Expires=%s&Signature=%s",
	    host[0] == '\0' ? "localhost" : host, id, expires, mac);
}

bool
api_message_get(struct api_call *call)
{
	const struct json *id = json_find(call->input, "ArchivedMessageId");
	struct pack_row row;

	if (!message_read(call, json_text(id), &row, NULL))
		return false;
	json_set_str(call->output, "MessageDownloadLink", link_make(call, json_str(id)));
	json_set(call->output, "Metadata", api_row_metadata(&row));
	json_set(call->output, "Envelope", api_row_envelope(&row));
	return true;
}

bool
api_message_content(struct api_call *call)
{
	struct json *content = json_new_object();
	struct buf body, text;
	struct pack_row row;
	struct mime_message m;
	bool ok;

	json_set(call->output, "Body", content);
	buf_init(&body, API_RESPONSE_BODY_MAX);
	ok =
	    message_read(call, json_text(json_find(call->input, "ArchivedMessageId")), &row, &body);
	if (ok) {
		mime_message_scan(&call->arena, buf_view(&body), &m);
		buf_init(&text, MIME_TEXT_BYTES_MAX);
		if (mime_message_text(&m, &text))
			json_set_text(content, "Text", buf_view(&text));
		buf_fini(&text);
		buf_init(&text, MIME_TEXT_BYTES_MAX);
		if (mime_message_html(&m, &text))
			json_set_text(content, "Html", buf_view(&text));
		buf_fini(&text);
		json_set_bool(content, "MessageMalformed",
		    (m.flags & (MIME_FLAG_MALFORMED | MIME_FLAG_LIMITED)) != 0);
	}
	buf_fini(&body);
	return ok;
}

/* /message/<id>?Expires=<seconds>&Signature=<MAC>, exactly as it was given. */
static bool
link_parse(struct bytes target, struct bytes *id, struct bytes *expires, struct bytes *mac)
{
	static const char mark_expires[] = "?Expires=", mark_mac[] = "&Signature=";
	size_t at = strlen(LINK_PATH), one = bytes_find(target, at, BYTES_LIT("?Expires=")), two;

	two = one == SIZE_MAX ? SIZE_MAX : bytes_find(target, one, BYTES_LIT("&Signature="));
	if (two == SIZE_MAX)
		return false;
	*id = bytes_slice(target, at, one - at);
	at = one + sizeof(mark_expires) - 1;
	*expires = bytes_slice(target, at, two - at);
	*mac = bytes_slice(target, two + sizeof(mark_mac) - 1, SIZE_MAX);
	return true;
}

static bool
link_check(struct api_call *call, struct bytes *id)
{
	struct bytes expires, mac;
	char wanted[MAC_CHARS + 1];
	uint64_t seconds;

	if (!link_parse(call->request->target, id, &expires, &mac) ||
	    !text_u64_parse(&seconds, expires))
		return api_fault_set(
		    call, 403, "AccessDeniedException", "The link is not one that was given here.");
	call->link_id = *id;
	link_mac(call->api, *id, expires, wanted);
	if (!bytes_equal_secret(mac, bytes_of(wanted, MAC_CHARS)))
		return api_fault_set(
		    call, 403, "AccessDeniedException", "The link is not one that was given here.");
	call->link_good = true;
	if ((int64_t)seconds * 1000 <= call->now_ms)
		return api_fault_set(call, 403, "AccessDeniedException", "The link has expired.");
	return true;
}

void
api_message_link_get(struct api_call *call, struct api_response *response)
{
	struct pack_row row;
	struct bytes id;

	if (!link_check(call, &id) || !api_audit_ready(call))
		return;
	if (!message_read(call, id, &row, &response->body)) {
		buf_reset(&response->body);
		if (call->status == 400)
			call->status = 404;
		return;
	}
	response->status = 200;
	response->headers[response->header_count++] =
	    (struct api_header){BYTES_LIT("content-type"), BYTES_LIT("message/rfc822")};
	response->headers[response->header_count++] =
	    (struct api_header){BYTES_LIT("content-disposition"),
		bytes_of_str(arena_printf(&call->arena, "attachment; filename=\"%s.eml\"",
		    arena_text(&call->arena, id)))};
	response->headers[response->header_count++] =
	    (struct api_header){BYTES_LIT("x-content-type-options"), BYTES_LIT("nosniff")};
	response->headers[response->header_count++] =
	    (struct api_header){BYTES_LIT("cache-control"), BYTES_LIT("private, no-store")};
	response->headers[response->header_count++] =
	    (struct api_header){BYTES_LIT("x-amzn-requestid"),
		bytes_of_str(arena_strdup(&call->arena, call->request_id))};
}
