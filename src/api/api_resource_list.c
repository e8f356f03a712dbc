/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of the catalog as resources of the API: many, in pages. */
#include <string.h>

#include "api_resource_int.h"
#include "base_text.h"

#define PAGE_DEFAULT 50
#define PAGE_MAX     50
#define TOKEN_MAC    64
#define VISIT_PAGE   64

/* A page token is <MAC><time of the last row in hex><its id>; the MAC covers operation, owner, time and id.
 */
static void
token_mac(struct api_call *call, const char *owner, struct bytes position, char out[TOKEN_MAC + 1])
{
	struct bytes parts[] = {
	    BYTES_LIT("page"), bytes_of_str(call->op->name), bytes_of_str(owner), position};

	api_resource_mac(call->api, out, parts, sizeof(parts) / sizeof(parts[0]));
}

static const char *
token_make(struct api_call *call, const char *owner, const struct catalog_row *last)
{
	const char *position =
	    arena_printf(&call->arena, "%016llx%s", (unsigned long long)last->created_ms, last->id);
	char mac[TOKEN_MAC + 1];

	token_mac(call, owner, bytes_of_str(position), mac);
	return arena_printf(&call->arena, "%s%s", mac, position);
}

static bool
token_read(struct api_call *call, const char *owner, struct bytes token, struct catalog_cursor *out)
{
	struct bytes position = bytes_slice(token, TOKEN_MAC, token.len);
	char mac[TOKEN_MAC + 1];
	uint8_t time[8];
	struct reader r;
	uint64_t ms = 0;

	token_mac(call, owner, position, mac);
	if (position.len <= 16 ||
	    !bytes_equal_secret(bytes_slice(token, 0, TOKEN_MAC), bytes_of(mac, TOKEN_MAC)) ||
	    !text_hex_parse(time, sizeof(time), bytes_slice(position, 0, 16)))
		return api_fault_validation(
		    call, "NextToken is not one that this operation gave for these parameters");
	reader_init(&r, bytes_of(time, sizeof(time)));
	for (size_t i = 0; i < sizeof(time); i++)
		ms = ms << 8 | reader_u8(&r);
	out->created_ms = (int64_t)ms;
	out->id = arena_text(&call->arena, bytes_slice(position, 16, position.len));
	return true;
}

static bool
page_size(struct api_call *call, size_t *out)
{
	int64_t size = json_get_integer(call->input, "PageSize", PAGE_DEFAULT);

	/* ListRelays declares no bounds in the model; the others were checked by it. */
	if (size < 1)
		return api_fault_validation(call, "PageSize must be at least 1");
	*out = size > PAGE_MAX ? PAGE_MAX : (size_t)size;
	return true;
}

bool
api_resource_page(struct api_call *call, enum catalog_kind kind, const char *owner,
    const char *list_member, api_item_fn item)
{
	const struct json *token = json_find(call->input, "NextToken");
	struct catalog_cursor cursor = {0, NULL};
	struct catalog_row *rows;
	struct json *list = json_new_array();
	size_t size = 0, count;
	struct err err;

	json_set(call->output, list_member, list);
	if (!page_size(call, &size) ||
	    (token != NULL && !token_read(call, owner, json_text(token), &cursor)))
		return false;
	rows = arena_calloc(&call->arena, size + 1, sizeof(*rows));
	if (!catalog_list(call->api->o.catalog, kind, owner, &cursor, size + 1, &call->arena, rows,
		&count, &err))
		return api_fault_trouble(call, &err);
	for (size_t i = 0; i < count && i < size; i++) {
		struct api_resource r = {rows[i], json_parse(rows[i].document, &err)};
		struct json *one = json_new_object();

		json_push(list, one);
		if (r.doc == NULL)
			return api_fault_trouble(call, &err);
		item(call, &r, one);
		json_free(&r.doc);
	}
	if (count > size)
		json_set_str(call->output, "NextToken", token_make(call, owner, &rows[size - 1]));
	return true;
}

bool
api_resource_each(struct api_call *call, enum catalog_kind kind, api_visit_fn visit, void *ctx)
{
	struct catalog_row *rows = arena_calloc(&call->arena, VISIT_PAGE, sizeof(*rows));
	struct catalog_cursor cursor = {0, NULL};
	size_t count;
	struct err err;

	do {
		if (!catalog_list(call->api->o.catalog, kind, NULL, &cursor, VISIT_PAGE,
			&call->arena, rows, &count, &err))
			return api_fault_trouble(call, &err);
		for (size_t i = 0; i < count; i++) {
			struct api_resource r = {rows[i], json_parse(rows[i].document, &err)};

			if (r.doc == NULL)
				return api_fault_trouble(call, &err);
			(void)api_call_own(call, r.doc);
			if (!visit(call, &r, ctx))
				return false;
		}
		if (count > 0)
			cursor =
			    (struct catalog_cursor){rows[count - 1].created_ms, rows[count - 1].id};
	} while (count == VISIT_PAGE);
	return true;
}

struct use {
	const char *member, *id;
	enum catalog_kind kind;
};

static bool
use_visit(struct api_call *call, struct api_resource *r, void *ctx)
{
	const struct use *use = ctx;
	const char *used = json_get_str(r->doc, use->member);

	if (used == NULL || strcmp(used, use->id) != 0)
		return true;
	return api_fault_conflict(call, "%s %s is attached to ingress point %s",
	    api_resource_kind(use->kind)->what, use->id, r->row.id);
}

bool
api_resource_unused(
    struct api_call *call, enum catalog_kind kind, const char *member, const char *id)
{
	struct use use = {member, id, kind};

	return api_resource_each(call, CATALOG_INGRESS_POINT, use_visit, &use);
}
