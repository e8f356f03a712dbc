/* SPDX-License-Identifier: Apache-2.0 */
/* Answers: status line, header lines and body as they go out. RFC 9112 §4, RFC 9110 §8.6, §14. */
#include "base_id.h"
#include "base_limits.h"
#include "base_log.h"
#include "http_range.h"
#include "http_server_int.h"

static const char *
date_text(struct http_server *s)
{
	int64_t now_ms = clock_now_ms(&s->options.clock);

	if (s->date_s != now_ms / 1000) {
		s->date_s = now_ms / 1000;
		time_http_format(s->date, now_ms);
	}
	return s->date;
}

static bool
is_ours(struct bytes name)
{
	static const char *const ours[] = {
	    "connection", "content-length", "date", "transfer-encoding", "keep-alive"};

	for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++)
		if (bytes_equal_nocase(name, bytes_of_str(ours[i])))
			return true;
	return false;
}

/* A header from the owner: whatever is in its value, it stays one line. */
static void
append_header(struct buf *out, struct bytes name, struct bytes value)
{
	size_t at = out->len + name.len + 2;

	buf_append(out, name);
	buf_append_mem(out, ": ", 2);
	buf_append(out, value);
	for (size_t i = at; i < out->len; i++)
		if ((out->ptr[i] < 0x20 && out->ptr[i] != '\t') || out->ptr[i] == 0x7f)
			out->ptr[i] = ' ';
	buf_append_mem(out, "\r\n", 2);
}

static void
append_fixed_header(struct buf *out, const char *name, const char *value)
{
	append_header(out, bytes_of_str(name), bytes_of_str(value));
}

/* Turns a 200 whose owner invites ranges into 206 or 416. */
static void
apply_range(const struct http_connection *c, const struct http_response *r, unsigned *status,
    struct bytes *body, struct buf *out)
{
	const struct http_message *m = &c->parser.message;
	const struct bytes *accept = http_header_find(r->headers, r->header_count, "accept-ranges");
	const struct bytes *range = http_header_find(m->headers, m->header_count, "range");
	uint64_t from, len;

	if (*status != 200 || accept == NULL || !bytes_equal_nocase(*accept, BYTES_LIT("bytes")) ||
	    range == NULL || !bytes_equal(m->method, BYTES_LIT("GET")))
		return;
	switch (http_range_parse(*range, body->len, &from, &len)) {
	case HTTP_RANGE_WHOLE:
		break;
	case HTTP_RANGE_PART:
		buf_printf(out, "Content-Range: bytes %llu-%llu/%zu\r\n", (unsigned long long)from,
		    (unsigned long long)(from + len - 1), body->len);
		*body = bytes_slice(*body, (size_t)from, (size_t)len);
		*status = 206;
		break;
	case HTTP_RANGE_NONE:
		buf_printf(out, "Content-Range: bytes */%zu\r\n", body->len);
		*body = BYTES_EMPTY;
		*status = 416;
		break;
	}
}

static void
append_connection(struct http_connection *c)
{
	if (c->close_after)
		append_fixed_header(&c->out, "Connection", "close");
	else if (c->parser.message.minor == 0)
		append_fixed_header(&c->out, "Connection", "keep-alive");
}

static bool
has_body(const struct http_connection *c, unsigned status)
{
	return status != 204 && status != 304 &&
	       !bytes_equal(c->parser.message.method, BYTES_LIT("HEAD"));
}

static struct bytes
response_body(struct http_connection *c, const struct http_response *r, unsigned *status)
{
	int fd = r->body_fd;
	struct err err;

	if (fd < 0)
		return r->body;
	if (!os_memfile_map(fd, HTTP_MAP_BYTES_MAX, &c->map, &err)) {
		log_error("http: body of an answer: %s", err.msg);
		*status = 500;
	}
	os_close(&fd);
	return c->map;
}

void
http_answer_write(struct http_connection *c, const struct http_response *r)
{
	unsigned status = r->status;
	struct buf ranges;
	struct bytes body = response_body(c, r, &status);

	buf_init(&ranges, 256);
	apply_range(c, r, &status, &body, &ranges);
	c->close_after = r->close || !c->parser.message.keep_alive || c->server->draining;
	buf_printf(&c->out, "HTTP/1.1 %u %s\r\n", status, http_status_text(status));
	append_fixed_header(&c->out, "Date", date_text(c->server));
	for (size_t i = 0; i < r->header_count; i++)
		if (!is_ours(r->headers[i].name))
			append_header(&c->out, r->headers[i].name, r->headers[i].value);
	buf_append(&c->out, buf_view(&ranges));
	buf_fini(&ranges);
	if (status != 204)
		buf_printf(&c->out, "Content-Length: %zu\r\n", body.len);
	append_connection(c);
	buf_append_mem(&c->out, "\r\n", 2);
	if (!has_body(c, status))
		body = BYTES_EMPTY;
	if (c->map.len > 0)
		c->map_left = body;
	else
		buf_append(&c->out, body);
}

void
http_answer_failure(struct http_connection *c, unsigned status, const char *reason)
{
	struct http_server *s = c->server;
	char request_id[ID_UUID_TEXT_SIZE];
	struct http_failure f = {.status = status,
	    .type = http_status_type(status),
	    .reason = reason,
	    .request_id = request_id};
	struct buf body;

	id_uuid_new(request_id, &s->options.rng);
	buf_init(&body, LIMIT_MIB);
	if (s->ops->failure != NULL)
		s->ops->failure(s->ctx, &f, &body);
	/* Types and reasons are literals of this room without quotes or control characters. */
	if (body.len == 0)
		buf_printf(&body,
		    "{\"__type\":\"com.amazonaws.mailmanager#%s\",\"Message\":\"%s\"}", f.type,
		    reason);
	c->close_after = c->linger = true;
	buf_printf(&c->out, "HTTP/1.1 %u %s\r\n", status, http_status_text(status));
	append_fixed_header(&c->out, "Date", date_text(s));
	append_fixed_header(&c->out, "Content-Type", "application/x-amz-json-1.0");
	append_fixed_header(&c->out, "x-amzn-errortype", f.type);
	append_fixed_header(&c->out, "x-amzn-requestid", request_id);
	buf_printf(&c->out, "Content-Length: %zu\r\nConnection: close\r\n\r\n", body.len);
	buf_append(&c->out, buf_view(&body));
	buf_fini(&body);
}
