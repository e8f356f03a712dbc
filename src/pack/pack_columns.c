/* SPDX-License-Identifier: Apache-2.0 */
/* Rows and their columns as bytes (docs/formats/columns.md). */
#include "pack_columns.h"

#include <string.h>

#include "base_limits.h"

#define COLUMNS_VERSION  1u
#define ROW_VERSION      1u
#define PARSE_FLAGS_ALL  63u
#define TEXT_COUNT_BYTES 4u /* a text is at least its length */

/* Every text of a row in the order of the page, with its limit. The encoder and the decoder walk the same table. */
struct text_column {
	size_t offset;
	size_t bytes_max;
};
static const struct text_column TEXTS[] = {
    {offsetof(struct pack_columns, from), PACK_ADDRESSES_BYTES_MAX},
    {offsetof(struct pack_columns, to), PACK_ADDRESSES_BYTES_MAX},
    {offsetof(struct pack_columns, cc), PACK_ADDRESSES_BYTES_MAX},
    {offsetof(struct pack_columns, subject), PACK_SUBJECT_BYTES_MAX},
    {offsetof(struct pack_columns, envelope_from), PACK_TEXT_BYTES_MAX},
    {offsetof(struct pack_columns, date), PACK_TEXT_BYTES_MAX},
    {offsetof(struct pack_columns, message_id), PACK_TEXT_BYTES_MAX},
    {offsetof(struct pack_columns, in_reply_to), PACK_TEXT_BYTES_MAX},
    {offsetof(struct pack_columns, x_mailer), PACK_TEXT_BYTES_MAX},
    {offsetof(struct pack_columns, x_original_mailer), PACK_TEXT_BYTES_MAX},
    {offsetof(struct pack_columns, x_priority), PACK_TEXT_BYTES_MAX},
    {offsetof(struct pack_columns, helo), PACK_TEXT_BYTES_MAX},
    {offsetof(struct pack_columns, ingress_point_id), PACK_TEXT_BYTES_MAX},
    {offsetof(struct pack_columns, traffic_policy_id), PACK_TEXT_BYTES_MAX},
    {offsetof(struct pack_columns, rule_set_id), PACK_TEXT_BYTES_MAX},
    {offsetof(struct pack_columns, sender_hostname), PACK_TEXT_BYTES_MAX},
    {offsetof(struct pack_columns, sender_ip), PACK_TEXT_BYTES_MAX},
    {offsetof(struct pack_columns, tls_protocol), PACK_TEXT_BYTES_MAX},
    {offsetof(struct pack_columns, tls_cipher), PACK_TEXT_BYTES_MAX},
    {offsetof(struct pack_columns, source_arn), PACK_TEXT_BYTES_MAX},
};
#define TEXT_COUNT (sizeof TEXTS / sizeof *TEXTS)

/* A struct bytes inside the columns, by its offset; memcpy, so that no pointer is cast. */
static struct bytes
text_get(const struct pack_columns *c, size_t offset)
{
	struct bytes text;

	memcpy(&text, (const uint8_t *)c + offset, sizeof text);
	return text;
}

static void
text_set(struct pack_columns *c, size_t offset, struct bytes text)
{
	memcpy((uint8_t *)c + offset, &text, sizeof text);
}

/* At most max bytes, not ending inside a UTF-8 character. */
static struct bytes
text_cut(struct bytes text, size_t max, bool *cut)
{
	size_t len = max;

	if (text.len <= max)
		return text;
	*cut = true;
	while (len > 0 && (text.ptr[len] & 0xc0) == 0x80 && max - len < 4)
		len--;
	return bytes_slice(text, 0, len);
}

/* What does not fit is known before the flags are written, which come first. */
static bool
is_cut(const struct pack_columns *c)
{
	bool cut = c->received_header_count > PACK_RECEIVED_COUNT_MAX ||
		   c->explanation.len > PACK_EXPLANATION_BYTES_MAX;

	for (size_t i = 0; i < TEXT_COUNT; i++)
		cut |= text_get(c, TEXTS[i].offset).len > TEXTS[i].bytes_max;
	for (size_t i = 0; i < c->received_header_count; i++)
		cut |= c->received_headers[i].len > PACK_RECEIVED_BYTES_MAX;
	return cut;
}

void
pack_columns_encode(const struct pack_columns *c, struct buf *out)
{
	size_t received = c->received_header_count;
	bool cut = is_cut(c);

	if (received > PACK_RECEIVED_COUNT_MAX)
		received = PACK_RECEIVED_COUNT_MAX;
	buf_u8(out, COLUMNS_VERSION);
	buf_u8(out, c->has_attachments ? 1 : 0);
	buf_u32(out, (c->parse_flags | (cut ? PACK_PARSE_LIMITED : 0)) & PARSE_FLAGS_ALL);
	for (size_t i = 0; i < TEXT_COUNT; i++)
		buf_bytes32(out, text_cut(text_get(c, TEXTS[i].offset), TEXTS[i].bytes_max, &cut));
	buf_u32(out, (uint32_t)received);
	for (size_t i = 0; i < received; i++)
		buf_bytes32(out, text_cut(c->received_headers[i], PACK_RECEIVED_BYTES_MAX, &cut));
	buf_bytes32(
	    out, c->explanation.len <= PACK_EXPLANATION_BYTES_MAX ? c->explanation : BYTES_EMPTY);
}

/* A list of texts: each at most max bytes. */
static bool
list_decode(struct reader *r, struct arena *arena, size_t count_max, size_t bytes_max,
    const struct bytes **out, size_t *count_out)
{
	size_t count = reader_u32(r);
	struct bytes *list = NULL;

	if (count > count_max || count > r->left.len / TEXT_COUNT_BYTES)
		return false;
	if (count > 0)
		list = arena_calloc(arena, count, sizeof *list);
	for (size_t i = 0; i < count; i++) {
		list[i] = reader_bytes32(r);
		if (list[i].len > bytes_max)
			return false;
	}
	*out = list;
	*count_out = count;
	return reader_ok(r);
}

bool
pack_columns_decode(
    struct reader *r, struct arena *arena, struct pack_columns *out, struct err *err)
{
	uint8_t version = reader_u8(r), attachments = reader_u8(r);

	*out = (struct pack_columns){0};
	out->parse_flags = reader_u32(r);
	if (!reader_ok(r) || version != COLUMNS_VERSION || attachments > 1 ||
	    out->parse_flags > PARSE_FLAGS_ALL)
		return ERR(err, ERR_CORRUPT, "the columns of a row do not begin as columns do");
	out->has_attachments = attachments == 1;
	for (size_t i = 0; i < TEXT_COUNT; i++) {
		struct bytes text = reader_bytes32(r);

		if (text.len > TEXTS[i].bytes_max)
			return ERR(
			    err, ERR_CORRUPT, "text %zu of a row is longer than its limit", i);
		text_set(out, TEXTS[i].offset, text);
	}
	if (!list_decode(r, arena, PACK_RECEIVED_COUNT_MAX, PACK_RECEIVED_BYTES_MAX,
		&out->received_headers, &out->received_header_count))
		return ERR(err, ERR_CORRUPT, "the Received list of a row is damaged");
	out->explanation = reader_bytes32(r);
	if (!reader_ok(r) || out->explanation.len > PACK_EXPLANATION_BYTES_MAX)
		return ERR(err, ERR_CORRUPT, "the columns of a row end too early");
	return true;
}

void
pack_row_encode(const struct pack_row *row, struct buf *out)
{
	buf_u8(out, ROW_VERSION);
	buf_append_mem(out, row->id.raw, sizeof row->id.raw);
	buf_u64(out, row->size_bytes);
	buf_append_mem(out, row->sha256, sizeof row->sha256);
	buf_u8(out, (uint8_t)row->retention);
	buf_u32(out, (uint32_t)row->recipient_count);
	for (size_t i = 0; i < row->recipient_count; i++)
		buf_bytes32(out, row->recipients[i]);
	pack_columns_encode(&row->columns, out);
}

bool
pack_row_decode(struct reader *r, struct arena *arena, struct pack_row *out, struct err *err)
{
	struct bytes id, sha256;
	uint8_t version, retention;

	*out = (struct pack_row){0};
	version = reader_u8(r);
	id = reader_take(r, sizeof out->id.raw);
	out->size_bytes = reader_u64(r);
	sha256 = reader_take(r, sizeof out->sha256);
	retention = reader_u8(r);
	if (!reader_ok(r) || version != ROW_VERSION || retention < PACK_RETENTION_THREE_MONTHS ||
	    retention > PACK_RETENTION_PERMANENT)
		return ERR(err, ERR_CORRUPT, "a row does not begin as rows do");
	memcpy(out->id.raw, id.ptr, id.len);
	memcpy(out->sha256, sha256.ptr, sha256.len);
	out->received_ms = id_record_ms(&out->id);
	out->leaf_index = PACK_LEAF_NONE;
	out->retention = (enum pack_retention)retention;
	if (!list_decode(
		r, arena, SIZE_MAX, PACK_ROW_BYTES_MAX, &out->recipients, &out->recipient_count))
		return ERR(err, ERR_CORRUPT, "the recipients of a row are damaged");
	return pack_columns_decode(r, arena, &out->columns, err);
}
