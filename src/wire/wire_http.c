/* SPDX-License-Identifier: Apache-2.0 */
/* Encoder and decoder of requests and responses: docs/formats/wire.md §5. */
#include "wire_http.h"

static void
put_headers(struct buf *out, const struct wire_http_header *headers, size_t count)
{
	buf_u16(out, (uint16_t)count);
	for (size_t i = 0; i < count; i++) {
		buf_bytes32(out, headers[i].name);
		buf_bytes32(out, headers[i].value);
	}
}

static const struct wire_http_header *
get_headers(struct reader *r, struct arena *arena, size_t *count_out)
{
	size_t count = reader_u16(r);
	struct wire_http_header *headers;

	*count_out = 0;
	if (count * 8 > r->left.len) {
		r->failed = true;
		return NULL;
	}
	headers = arena_calloc(arena, count, sizeof *headers);
	for (size_t i = 0; i < count; i++) {
		headers[i].name = reader_bytes32(r);
		headers[i].value = reader_bytes32(r);
	}
	*count_out = count;
	return headers;
}

void
wire_http_request_encode(const struct wire_http_request *r, struct buf *out)
{
	buf_bytes32(out, r->method);
	buf_bytes32(out, r->target);
	buf_bytes32(out, r->peer);
	buf_u8(out, r->local);
	buf_u32(out, r->peer_uid);
	put_headers(out, r->headers, r->header_count);
}

bool
wire_http_request_decode(
    struct bytes payload, struct arena *arena, struct wire_http_request *out, struct err *err)
{
	struct reader r;

	reader_init(&r, payload);
	out->method = reader_bytes32(&r);
	out->target = reader_bytes32(&r);
	out->peer = reader_bytes32(&r);
	out->local = reader_u8(&r) != 0;
	out->peer_uid = reader_u32(&r);
	out->headers = get_headers(&r, arena, &out->header_count);
	if (!reader_done(&r))
		return ERR(err, ERR_SYNTAX, "request frame is damaged");
	return true;
}

void
wire_http_response_encode(const struct wire_http_response *r, struct buf *out)
{
	buf_u16(out, r->status);
	put_headers(out, r->headers, r->header_count);
}

bool
wire_http_response_decode(
    struct bytes payload, struct arena *arena, struct wire_http_response *out, struct err *err)
{
	struct reader r;

	reader_init(&r, payload);
	out->status = reader_u16(&r);
	out->headers = get_headers(&r, arena, &out->header_count);
	if (!reader_done(&r) || out->status < 200 || out->status > 599)
		return ERR(err, ERR_SYNTAX, "response frame is damaged");
	return true;
}
