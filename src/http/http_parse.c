/* SPDX-License-Identifier: Apache-2.0 */
/* The request reader: lines of the head, then the body by length or by chunks. */
#include "http_parse.h"

#include <string.h>

#include "base_limits.h"
#include "base_mem.h"
#include "http_parse_int.h"

#define METHOD_BYTES_MAX     32u  /* 400 */
#define VERSION_BYTES        8u   /* "HTTP/1.1" */
#define CHUNK_DIGITS_MAX     16u  /* 400 */
#define CHUNK_LINE_BYTES_MAX 256u /* with extensions; 400 */

struct http_limits
http_limits_default(void)
{
	return (struct http_limits){
	    .target_bytes_max = HTTP_TARGET_BYTES_MAX,
	    .header_bytes_max = HTTP_HEADER_BYTES_MAX,
	    .header_count_max = HTTP_HEADER_COUNT_MAX,
	    .body_bytes_max = HTTP_BODY_BYTES_MAX,
	};
}

static size_t
request_line_max(const struct http_parser *p)
{
	return METHOD_BYTES_MAX + 1 + p->limits.target_bytes_max + 1 + VERSION_BYTES + 2;
}

void
http_parser_init(struct http_parser *p, const struct http_limits *limits)
{
	memset(p, 0, sizeof *p);
	p->limits = *limits;
	p->phase = HTTP_PHASE_REQUEST_LINE;
	buf_init(&p->head, request_line_max(p) + limits->header_bytes_max + 1);
	buf_init(&p->line, limits->header_bytes_max + CHUNK_LINE_BYTES_MAX);
	buf_init(&p->body, limits->body_bytes_max);
}

void
http_parser_fini(struct http_parser *p)
{
	buf_fini(&p->head);
	buf_fini(&p->line);
	buf_fini(&p->body);
	mem_free(p->spans);
	mem_free(p->headers);
	p->spans = NULL;
	p->headers = NULL;
}

void
http_parser_reset(struct http_parser *p)
{
	struct http_limits limits = p->limits;

	http_parser_fini(p);
	http_parser_init(p, &limits);
}

bool
http_parser_started(const struct http_parser *p)
{
	return p->phase != HTTP_PHASE_REQUEST_LINE || p->head.len > 0;
}

bool
http_parser_fail(struct http_parser *p, unsigned status, const char *reason)
{
	p->phase = HTTP_PHASE_FAIL;
	p->status = status;
	p->reason = reason;
	return false;
}

static void
add_span(struct http_parser *p, struct http_span span)
{
	if (p->span_count == p->span_cap) {
		p->span_cap = p->span_cap == 0 ? 16 : p->span_cap * 2;
		p->spans = mem_realloc_array(p->spans, p->span_cap, sizeof *p->spans);
	}
	p->spans[p->span_count++] = span;
}

static bool
take_request_line(struct http_parser *p, struct bytes line)
{
	if (line.len == 0) {
		/* RFC 9112 §2.2: an empty line before the request line is forgiven, once. */
		if (p->blank_seen)
			return http_parser_fail(p, 400, "The request begins with empty lines.");
		p->blank_seen = true;
		buf_reset(&p->head);
		return true;
	}
	if (!http_parse_request_line(p, line))
		return false;
	p->phase = HTTP_PHASE_HEADER;
	p->header_at = p->head.len;
	return true;
}

static bool
take_header_line(struct http_parser *p, struct bytes line)
{
	struct http_span span;
	struct http_header h;

	if (p->span_count == p->limits.header_count_max)
		return http_parser_fail(p, 431, "The request has too many header fields.");
	if (!http_parse_field(p, line, &h))
		return false;
	span.name_at = (size_t)(h.name.ptr - p->head.ptr);
	span.name_len = h.name.len;
	span.value_at =
	    h.value.len == 0
		? 0
		: (size_t)(h.value.ptr - p->head.ptr); /* an empty view may be nowhere */
	span.value_len = h.value.len;
	add_span(p, span);
	return http_parse_framing_field(p, &h);
}

static void
make_views(struct http_parser *p)
{
	const uint8_t *at = p->head.ptr;

	p->headers = mem_calloc(p->span_count + 1, sizeof *p->headers);
	for (size_t i = 0; i < p->span_count; i++) {
		const struct http_span *s = &p->spans[i];

		p->headers[i].name = bytes_of(at + s->name_at, s->name_len);
		p->headers[i].value = bytes_of(at + s->value_at, s->value_len);
	}
	p->message.headers = p->headers;
	p->message.header_count = p->span_count;
	p->message.method = bytes_of(at + p->method.name_at, p->method.name_len);
	p->message.raw_target = bytes_of(at + p->raw_target.name_at, p->raw_target.name_len);
}

/* The head is whole: judge it, then choose how the body is framed. */
static bool
take_head_end(struct http_parser *p)
{
	make_views(p);
	if (!http_parse_head_check(p))
		return false;
	if (p->chunked)
		p->phase = HTTP_PHASE_CHUNK_SIZE;
	else if (p->body_left > 0)
		p->phase = HTTP_PHASE_BODY;
	else
		p->phase = HTTP_PHASE_DONE;
	return true;
}

/* A line of the head is whole; line is without its CRLF. */
static bool
take_head_line(struct http_parser *p, struct bytes line)
{
	if (p->phase == HTTP_PHASE_REQUEST_LINE)
		return take_request_line(p, line);
	return line.len == 0 ? take_head_end(p) : take_header_line(p, line);
}

/* The line in reception, judged before its end is here, so that junk is refused early. */
static bool
check_partial(struct http_parser *p)
{
	struct bytes line = bytes_slice(buf_view(&p->head), p->line_at, SIZE_MAX);

	if (p->phase == HTTP_PHASE_HEADER) {
		if (p->head.len - p->header_at > p->limits.header_bytes_max)
			return http_parser_fail(p, 431, "The header is too large.");
		return true;
	}
	return http_parse_request_partial(p, line, METHOD_BYTES_MAX, request_line_max(p));
}

static bool
feed_head(struct http_parser *p, struct bytes data, size_t *used)
{
	size_t end = bytes_find_byte(data, *used, '\n');
	size_t stop = end == SIZE_MAX ? data.len : end + 1;
	size_t room = p->head.max - p->head.len;
	size_t len = stop - *used < room ? stop - *used : room;
	struct bytes line;

	/* The buffer holds both ceilings and one byte more, so what fills it is refused by check_partial. */
	buf_append(&p->head, bytes_slice(data, *used, len));
	*used += len;
	if (!check_partial(p))
		return false;
	if (end == SIZE_MAX)
		return true;
	line = bytes_slice(buf_view(&p->head), p->line_at, SIZE_MAX);
	if (line.len < 2 || line.ptr[line.len - 2] != '\r')
		return http_parser_fail(p, 400, "A line of the header ends without CR LF.");
	if (!take_head_line(p, bytes_slice(line, 0, line.len - 2)))
		return false;
	p->line_at = p->head.len;
	return true;
}

/* Up to body_left bytes into the body. */
static void
feed_body(struct http_parser *p, struct bytes data, size_t *used)
{
	size_t len = data.len - *used < p->body_left ? data.len - *used : p->body_left;

	buf_append(&p->body, bytes_slice(data, *used, len));
	*used += len;
	p->body_left -= len;
	if (p->body_left == 0)
		p->phase = p->chunked ? HTTP_PHASE_CHUNK_END : HTTP_PHASE_DONE;
}

static bool
hex_value(uint8_t c, size_t *out)
{
	if (c >= '0' && c <= '9')
		*out = (size_t)(c - '0');
	else if (c >= 'a' && c <= 'f')
		*out = (size_t)(c - 'a') + 10;
	else if (c >= 'A' && c <= 'F')
		*out = (size_t)(c - 'A') + 10;
	else
		return false;
	return true;
}

/* RFC 9112 §7.1: 1*HEXDIG, then extensions, which are checked for bytes and ignored. */
static bool
take_chunk_size(struct http_parser *p, struct bytes line)
{
	size_t size = 0, at = 0, digit;

	for (; at < line.len && hex_value(line.ptr[at], &digit); at++) {
		if (at == CHUNK_DIGITS_MAX)
			return http_parser_fail(p, 400, "A chunk size has more than 16 digits.");
		size = size << 4 | digit;
	}
	if (at == 0)
		return http_parser_fail(p, 400, "A chunk has no size.");
	if (at < line.len && line.ptr[at] != ';')
		return http_parser_fail(p, 400, "A chunk size is not a hexadecimal number.");
	if (!http_parse_text_ok(bytes_slice(line, at, SIZE_MAX)))
		return http_parser_fail(p, 400, "A chunk extension has control characters.");
	if (size > p->limits.body_bytes_max - p->body.len)
		return http_parser_fail(p, 413, "The request body is too large.");
	p->body_left = size;
	p->phase = size == 0 ? HTTP_PHASE_TRAILER : HTTP_PHASE_CHUNK_DATA;
	return true;
}

/* Trailer fields are checked like header fields and dropped: nothing here may depend on them. */
static bool
take_trailer(struct http_parser *p, struct bytes line)
{
	struct http_header h;

	if (line.len == 0) {
		p->phase = HTTP_PHASE_DONE;
		return true;
	}
	if (p->span_count + ++p->trailer_count > p->limits.header_count_max)
		return http_parser_fail(p, 431, "The request has too many header fields.");
	p->trailer_bytes += line.len + 2;
	return http_parse_field(p, line, &h);
}

static bool
take_body_line(struct http_parser *p, struct bytes line)
{
	if (p->phase == HTTP_PHASE_CHUNK_SIZE)
		return take_chunk_size(p, line);
	if (p->phase == HTTP_PHASE_TRAILER)
		return take_trailer(p, line);
	if (line.len > 0)
		return http_parser_fail(p, 400, "A chunk is longer than its size says.");
	p->phase = HTTP_PHASE_CHUNK_SIZE;
	return true;
}

static bool
check_body_line(struct http_parser *p)
{
	size_t head_bytes = p->head.len - p->header_at;

	if (p->phase == HTTP_PHASE_TRAILER) {
		if (head_bytes + p->trailer_bytes + p->line.len > p->limits.header_bytes_max)
			return http_parser_fail(p, 431, "The header is too large.");
		return true;
	}
	if (p->phase == HTTP_PHASE_CHUNK_END && p->line.len > 0 && p->line.ptr[0] != '\r')
		return http_parser_fail(p, 400, "A chunk is longer than its size says.");
	if (p->line.len > CHUNK_LINE_BYTES_MAX)
		return http_parser_fail(p, 400, "A chunk size line is too long.");
	return true;
}

/* A line between chunks. */
static bool
feed_body_line(struct http_parser *p, struct bytes data, size_t *used)
{
	size_t end = bytes_find_byte(data, *used, '\n');
	size_t stop = end == SIZE_MAX ? data.len : end + 1;
	size_t room = p->line.max - p->line.len;
	size_t len = stop - *used < room ? stop - *used : room;
	struct bytes line;

	buf_append(&p->line, bytes_slice(data, *used, len));
	*used += len;
	if (!check_body_line(p))
		return false;
	if (end == SIZE_MAX)
		return true;
	line = buf_view(&p->line);
	if (line.len < 2 || line.ptr[line.len - 2] != '\r')
		return http_parser_fail(p, 400, "A line of the body's framing ends without CR LF.");
	if (!take_body_line(p, bytes_slice(line, 0, line.len - 2)))
		return false;
	buf_reset(&p->line);
	return true;
}

/* One step with at least one byte to use; false = failed. */
static bool
feed_step(struct http_parser *p, struct bytes data, size_t *used)
{
	switch (p->phase) {
	case HTTP_PHASE_REQUEST_LINE:
	case HTTP_PHASE_HEADER:
		return feed_head(p, data, used);
	case HTTP_PHASE_BODY:
	case HTTP_PHASE_CHUNK_DATA:
		feed_body(p, data, used);
		return true;
	case HTTP_PHASE_CHUNK_SIZE:
	case HTTP_PHASE_CHUNK_END:
	case HTTP_PHASE_TRAILER:
		return feed_body_line(p, data, used);
	case HTTP_PHASE_DONE:
	case HTTP_PHASE_FAIL:
		break; /* http_parser_feed does not come here then */
	}
	return false;
}

enum http_parse_outcome
http_parser_feed(struct http_parser *p, struct bytes data, size_t *used_out)
{
	size_t used = 0;

	must(p->phase != HTTP_PHASE_DONE && p->phase != HTTP_PHASE_FAIL);
	*used_out = 0;
	while (used < data.len) {
		bool ok = feed_step(p, data, &used);

		*used_out = used;
		if (!ok)
			return HTTP_PARSE_FAIL;
		if (p->phase == HTTP_PHASE_DONE) {
			p->message.body = buf_view(&p->body);
			return HTTP_PARSE_DONE;
		}
		if (p->expect_continue &&
		    (p->phase == HTTP_PHASE_BODY || p->phase == HTTP_PHASE_CHUNK_SIZE)) {
			p->expect_continue = false;
			return HTTP_PARSE_CONTINUE;
		}
	}
	return HTTP_PARSE_MORE;
}

const struct bytes *
http_header_find(const struct http_header *headers, size_t count, const char *name)
{
	struct bytes wanted = bytes_of_str(name);

	for (size_t i = 0; i < count; i++)
		if (bytes_equal_nocase(headers[i].name, wanted))
			return &headers[i].value;
	return NULL;
}
