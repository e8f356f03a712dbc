/* SPDX-License-Identifier: Apache-2.0 */
/* Single lines of a request: what RFC 9112 allows, less what two readers could take differently. */
#include <string.h>

#include "base_text.h"
#include "http_parse_int.h"

/* RFC 9110 §5.6.2: tchar. */
static bool
is_token_byte(uint8_t c)
{
	if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
		return true;
	return c != 0 && strchr("!#$%&'*+-.^_`|~", c) != NULL;
}

static bool
is_token(struct bytes text)
{
	for (size_t i = 0; i < text.len; i++)
		if (!is_token_byte(text.ptr[i]))
			return false;
	return text.len > 0;
}

bool
http_parse_text_ok(struct bytes text)
{
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.ptr[i];

		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return false;
	}
	return true;
}

/* Visible ASCII without '#': a fragment never travels (RFC 9110 §4.2.4). */
static bool
target_bytes_ok(struct bytes target)
{
	for (size_t i = 0; i < target.len; i++) {
		uint8_t c = target.ptr[i];

		if (c <= 0x20 || c >= 0x7f || c == '#')
			return false;
	}
	return target.len > 0;
}

static struct bytes
cut(struct bytes s, size_t from, size_t to)
{
	return bytes_slice(s, from, to - from);
}

static bool
take_version(struct http_parser *p, struct bytes version)
{
	bool form = version.len == 8 && bytes_starts_with(version, BYTES_LIT("HTTP/")) &&
		    version.ptr[6] == '.' && version.ptr[5] >= '0' && version.ptr[5] <= '9' &&
		    version.ptr[7] >= '0' && version.ptr[7] <= '9';

	if (!form)
		return http_parser_fail(
		    p, 400, "The request line does not end with an HTTP version.");
	if (version.ptr[5] != '1' || version.ptr[7] > '1')
		return http_parser_fail(p, 505, "HTTP/1.1 and HTTP/1.0 are spoken here.");
	p->message.minor = (unsigned)(version.ptr[7] - '0');
	return true;
}

/* RFC 9112 §3: method SP request-target SP HTTP-version, single spaces only. */
bool
http_parse_request_line(struct http_parser *p, struct bytes line)
{
	size_t first = bytes_find_byte(line, 0, ' ');
	size_t second = first == SIZE_MAX ? SIZE_MAX : bytes_find_byte(line, first + 1, ' ');
	size_t base = (size_t)(line.ptr - p->head.ptr);
	struct bytes target;

	if (second == SIZE_MAX)
		return http_parser_fail(
		    p, 400, "The request line is not a method, a target and a version.");
	if (!is_token(cut(line, 0, first)))
		return http_parser_fail(p, 400, "The request line does not begin with a method.");
	target = cut(line, first + 1, second);
	if (target.len > p->limits.target_bytes_max)
		return http_parser_fail(p, 414, "The request target is too long.");
	if (!target_bytes_ok(target))
		return http_parser_fail(
		    p, 400, "The request target has bytes that must be percent-encoded.");
	p->method = (struct http_span){.name_at = base, .name_len = first};
	p->raw_target = (struct http_span){.name_at = base + first + 1, .name_len = target.len};
	return take_version(p, bytes_slice(line, second + 1, SIZE_MAX));
}

bool
http_parse_request_partial(
    struct http_parser *p, struct bytes line, size_t method_max, size_t line_max)
{
	for (size_t i = 0; i < line.len && i <= method_max; i++) {
		uint8_t c = line.ptr[i];

		if (c == ' ' && i > 0)
			return line.len <= line_max ||
			       http_parser_fail(p, 414, "The request target is too long.");
		/* the empty line that is forgiven */
		if ((c == '\r' && i == 0) || (c == '\n' && i <= 1))
			return i + 1 == line.len || c == '\n' || line.ptr[1] == '\n' ||
			       http_parser_fail(p, 400, "A carriage return stands alone.");
		if (!is_token_byte(c))
			return http_parser_fail(
			    p, 400, "The request line does not begin with a method.");
	}
	return line.len <= method_max ||
	       http_parser_fail(p, 400, "The request line does not begin with a method.");
}

/* RFC 9112 §5: field-name ":" OWS field-value OWS; no folding (§5.2), no space before the colon (§5.1). */
bool
http_parse_field(struct http_parser *p, struct bytes line, struct http_header *out)
{
	size_t colon = bytes_find_byte(line, 0, ':');

	if (line.ptr[0] == ' ' || line.ptr[0] == '\t')
		return http_parser_fail(p, 400, "A header line is folded.");
	if (colon == SIZE_MAX)
		return http_parser_fail(p, 400, "A header line has no colon.");
	out->name = cut(line, 0, colon);
	out->value = bytes_slice(line, colon + 1, SIZE_MAX);
	if (!is_token(out->name))
		return http_parser_fail(
		    p, 400, "A header name has bytes that are not allowed in it.");
	if (!http_parse_text_ok(out->value))
		return http_parser_fail(p, 400, "A header value has control characters.");
	out->value = bytes_trim(out->value);
	return true;
}

/* RFC 9112 §6.3; one field, one number, digits only. */
static bool
take_length(struct http_parser *p, struct bytes value)
{
	uint64_t length;

	if (++p->length_count > 1)
		return http_parser_fail(p, 400, "Content-Length is given more than once.");
	for (size_t i = 0; i < value.len; i++)
		if (value.ptr[i] < '0' || value.ptr[i] > '9')
			return http_parser_fail(p, 400, "Content-Length is not a number.");
	if (value.len == 0)
		return http_parser_fail(p, 400, "Content-Length is not a number.");
	if (!text_u64_parse(&length, value) || length > p->limits.body_bytes_max)
		length = p->limits.body_bytes_max + (uint64_t)1; /* judged when the head is whole */
	p->has_length = true;
	p->body_left = (size_t)length;
	return true;
}

/* One element of a comma-separated list, without white space; *at moves past it; false at the end. */
static bool
next_element(struct bytes list, size_t *at, struct bytes *out)
{
	size_t comma;

	if (*at > list.len)
		return false;
	comma = bytes_find_byte(list, *at, ',');
	if (comma == SIZE_MAX)
		comma = list.len;
	*out = bytes_trim(cut(list, *at, comma));
	*at = comma + 1;
	return true;
}

/* RFC 9112 §6.1, §6.3: "chunked" alone. Chunked that is not last leaves the length unknown: 400. */
static bool
take_coding(struct http_parser *p, struct bytes value)
{
	size_t at = 0, chunked = 0, count = 0;
	struct bytes element = BYTES_EMPTY;

	if (++p->coding_count > 1)
		return http_parser_fail(p, 400, "Transfer-Encoding is given more than once.");
	while (next_element(value, &at, &element)) {
		count++;
		if (bytes_equal_nocase(element, BYTES_LIT("chunked")))
			chunked++;
	}
	if (chunked > 1 || (chunked == 1 && !bytes_equal_nocase(element, BYTES_LIT("chunked"))) ||
	    value.len == 0)
		return http_parser_fail(p, 400, "Transfer-Encoding does not end with one chunked.");
	if (chunked == 0 || count > 1)
		return http_parser_fail(
		    p, 501, "No transfer coding but chunked is understood here.");
	p->chunked = true;
	return true;
}

/* RFC 9110 §7.2: uri-host [":" port]; which bytes, not which names. */
static bool
take_host(struct http_parser *p, struct bytes value)
{
	if (++p->host_count > 1)
		return http_parser_fail(p, 400, "Host is given more than once.");
	for (size_t i = 0; i < value.len; i++) {
		uint8_t c = value.ptr[i];
		bool letter =
		    (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

		if (!letter && (c == 0 || strchr("-._~%!$&'()*+;=:[]", c) == NULL))
			return http_parser_fail(p, 400, "Host is not a host name.");
	}
	return value.len > 0 || http_parser_fail(p, 400, "Host is empty.");
}

static bool
take_expect(struct http_parser *p, struct bytes value)
{
	if (!bytes_equal_nocase(value, BYTES_LIT("100-continue")))
		return http_parser_fail(
		    p, 417, "No expectation but 100-continue is understood here.");
	p->expect_continue = true;
	return true;
}

static bool
take_connection(struct http_parser *p, struct bytes value)
{
	size_t at = 0;
	struct bytes element;

	while (next_element(value, &at, &element)) {
		p->connection_close |= bytes_equal_nocase(element, BYTES_LIT("close"));
		p->connection_keep |= bytes_equal_nocase(element, BYTES_LIT("keep-alive"));
	}
	return true;
}

bool
http_parse_framing_field(struct http_parser *p, const struct http_header *h)
{
	static const struct {
		const char *name;
		bool (*take)(struct http_parser *p, struct bytes value);
	} fields[] = {
	    {"connection", take_connection},
	    {"content-length", take_length},
	    {"expect", take_expect},
	    {"host", take_host},
	    {"transfer-encoding", take_coding},
	};

	for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
		if (bytes_equal_nocase(h->name, bytes_of_str(fields[i].name)))
			return fields[i].take(p, h->value);
	return true;
}

/* RFC 9112 §3.2.1 and §3.2.2. The host of an absolute target must be the Host header's, so that it cannot matter which
 * of the two somebody looks at. */
static bool
check_target(struct http_parser *p)
{
	struct bytes raw = p->message.raw_target;
	const struct bytes *host =
	    http_header_find(p->message.headers, p->message.header_count, "host");
	size_t start, end;

	p->message.target = raw;
	if (raw.ptr[0] == '/')
		return true;
	if (bytes_starts_with_nocase(raw, BYTES_LIT("http://")))
		start = 7;
	else if (bytes_starts_with_nocase(raw, BYTES_LIT("https://")))
		start = 8;
	else
		return http_parser_fail(
		    p, 400, "The request target is neither a path nor an absolute URL.");
	for (end = start; end < raw.len && raw.ptr[end] != '/'; end++)
		if (raw.ptr[end] == '?')
			return http_parser_fail(p, 400, "The request target has no path.");
	if (host == NULL || !bytes_equal_nocase(*host, cut(raw, start, end)))
		return http_parser_fail(
		    p, 400, "The request target and Host name different hosts.");
	p->message.target = end < raw.len ? cut(raw, end, raw.len) : BYTES_LIT("/");
	return true;
}

bool
http_parse_head_check(struct http_parser *p)
{
	if (p->host_count == 0 && p->message.minor == 1)
		return http_parser_fail(p, 400, "Host is missing.");
	if (p->chunked && p->has_length)
		return http_parser_fail(
		    p, 400, "Content-Length and Transfer-Encoding are both given.");
	if (p->chunked && p->message.minor == 0)
		return http_parser_fail(p, 400, "HTTP/1.0 has no Transfer-Encoding.");
	if (!check_target(p))
		return false;
	if (p->body_left > p->limits.body_bytes_max)
		return http_parser_fail(p, 413, "The request body is too large.");
	/* RFC 9110 §10.1.1: an expectation of HTTP/1.0, or for no body, means nothing. */
	if (p->message.minor == 0 || (!p->chunked && p->body_left == 0))
		p->expect_continue = false;
	p->message.keep_alive =
	    !p->connection_close && (p->message.minor == 1 || p->connection_keep);
	return true;
}
