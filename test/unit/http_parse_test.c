/* SPDX-License-Identifier: Apache-2.0 */
/* The request reader: every row is read whole, byte by byte, and cut at every place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base_limits.h"
#include "base_mem.h"
#include "http_parse.h"
#include "http_range.h"

#define H "Host: a\r\n"

struct row {
	const char *name;
	const char *input;
	size_t len;      /* 0: strlen(input) */
	unsigned status; /* 0: accepted      */
	const char *method, *target, *body;
	size_t left; /* bytes that belong to the next request */
};

static const struct row rows[] = {
    {"get", "GET / HTTP/1.1\r\n" H "\r\n", 0, 0, "GET", "/", "", 0},
    {"query", "GET /a/b?c=d%20e HTTP/1.1\r\n" H "\r\n", 0, 0, "GET", "/a/b?c=d%20e", "", 0},
    {"1.0 without host", "GET / HTTP/1.0\r\n\r\n", 0, 0, "GET", "/", "", 0},
    {"one empty line first", "\r\nGET / HTTP/1.1\r\n" H "\r\n", 0, 0, "GET", "/", "", 0},
    {"two empty lines first", "\r\n\r\nGET / HTTP/1.1\r\n" H "\r\n", 0, 400, NULL, NULL, NULL, 0},
    {"body", "POST / HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\nabc", 0, 0, "POST", "/", "abc", 0},
    {"body and next", "POST / HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\nabcGET", 0, 0, "POST", "/",
	"abc", 3},
    {"length zero", "POST / HTTP/1.1\r\n" H "Content-Length: 0\r\n\r\nX", 0, 0, "POST", "/", "", 1},
    {"leading zeros", "POST / HTTP/1.1\r\n" H "Content-Length: 0003\r\n\r\nabc", 0, 0, "POST", "/",
	"abc", 0},
    {"absolute", "GET http://a/x?y HTTP/1.1\r\n" H "\r\n", 0, 0, "GET", "/x?y", "", 0},
    {"absolute without path", "GET http://a HTTP/1.1\r\n" H "\r\n", 0, 0, "GET", "/", "", 0},
    {"absolute, other host", "GET http://b/ HTTP/1.1\r\n" H "\r\n", 0, 400, NULL, NULL, NULL, 0},
    {"absolute, query at once", "GET http://a?b HTTP/1.1\r\n" H "\r\n", 0, 400, NULL, NULL, NULL,
	0},
    {"asterisk", "OPTIONS * HTTP/1.1\r\n" H "\r\n", 0, 400, NULL, NULL, NULL, 0},
    {"authority", "CONNECT a:1 HTTP/1.1\r\n" H "\r\n", 0, 400, NULL, NULL, NULL, 0},
    {"chunked", "POST / HTTP/1.1\r\n" H "Transfer-Encoding: Chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\nG",
	0, 0, "POST", "/", "abc", 1},
    {"chunks",
	"POST / HTTP/1.1\r\n" H
	"Transfer-Encoding: chunked\r\n\r\n1;x=y\r\na\r\n00A\r\n0123456789\r\n0\r\nT: v\r\n\r\n",
	0, 0, "POST", "/", "a0123456789", 0},
    /* the framing rows: 400 and close */
    {"length and coding",
	"POST / HTTP/1.1\r\n" H
	"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
	0, 400, NULL, NULL, NULL, 0},
    {"coding and length",
	"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n", 0, 400,
	NULL, NULL, NULL, 0},
    {"two lengths", "POST / HTTP/1.1\r\n" H "Content-Length: 3\r\nContent-Length: 4\r\n\r\n", 0,
	400, NULL, NULL, NULL, 0},
    {"two equal lengths", "POST / HTTP/1.1\r\n" H "Content-Length: 3\r\nContent-Length: 3\r\n\r\n",
	0, 400, NULL, NULL, NULL, 0},
    {"list of lengths", "POST / HTTP/1.1\r\n" H "Content-Length: 3, 3\r\n\r\n", 0, 400, NULL, NULL,
	NULL, 0},
    {"negative length", "POST / HTTP/1.1\r\n" H "Content-Length: -1\r\n\r\n", 0, 400, NULL, NULL,
	NULL, 0},
    {"signed length", "POST / HTTP/1.1\r\n" H "Content-Length: +1\r\n\r\n", 0, 400, NULL, NULL,
	NULL, 0},
    {"length and letter", "POST / HTTP/1.1\r\n" H "Content-Length: 7x\r\n\r\n", 0, 400, NULL, NULL,
	NULL, 0},
    {"empty length", "POST / HTTP/1.1\r\n" H "Content-Length:\r\n\r\n", 0, 400, NULL, NULL, NULL,
	0},
    {"chunked not last", "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked, x\r\n\r\n", 0, 400,
	NULL, NULL, NULL, 0},
    {"chunked twice", "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked, chunked\r\n\r\n", 0, 400,
	NULL, NULL, NULL, 0},
    {"two codings",
	"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
	0, 400, NULL, NULL, NULL, 0},
    {"empty coding", "POST / HTTP/1.1\r\n" H "Transfer-Encoding:\r\n\r\n", 0, 400, NULL, NULL, NULL,
	0},
    {"coding in 1.0", "POST / HTTP/1.0\r\n" H "Transfer-Encoding: chunked\r\n\r\n", 0, 400, NULL,
	NULL, NULL, 0},
    {"gzip, chunked", "POST / HTTP/1.1\r\n" H "Transfer-Encoding: gzip, chunked\r\n\r\n", 0, 501,
	NULL, NULL, NULL, 0},
    {"xchunked", "POST / HTTP/1.1\r\n" H "Transfer-Encoding: xchunked\r\n\r\n", 0, 501, NULL, NULL,
	NULL, 0},
    {"identity", "POST / HTTP/1.1\r\n" H "Transfer-Encoding: identity\r\n\r\n", 0, 501, NULL, NULL,
	NULL, 0},
    {"chunk size 2^64",
	"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\n", 0, 400,
	NULL, NULL, NULL, 0},
    {"chunk size 2^64 - 1",
	"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n", 0, 413,
	NULL, NULL, NULL, 0},
    {"chunk size 0x", "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n0x3\r\n", 0, 400,
	NULL, NULL, NULL, 0},
    {"chunk size and space", "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n3 \r\n", 0,
	400, NULL, NULL, NULL, 0},
    {"chunk without size", "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n\r\n", 0, 400,
	NULL, NULL, NULL, 0},
    {"chunk, bare LF", "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n3\nabc", 0, 400,
	NULL, NULL, NULL, 0},
    {"chunk too long", "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n", 0,
	400, NULL, NULL, NULL, 0},
    {"chunk end, bare LF",
	"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\n0\r\n\r\n", 0, 400,
	NULL, NULL, NULL, 0},
    {"trailer folded",
	"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\n c\r\n\r\n", 0, 400,
	NULL, NULL, NULL, 0},
    {"folded", "GET / HTTP/1.1\r\n" H "A: b\r\n c\r\n\r\n", 0, 400, NULL, NULL, NULL, 0},
    {"folded by tab", "GET / HTTP/1.1\r\n" H "A: b\r\n\tc\r\n\r\n", 0, 400, NULL, NULL, NULL, 0},
    {"folded at once", "GET / HTTP/1.1\r\n " H "\r\n", 0, 400, NULL, NULL, NULL, 0},
    {"bare LF in request line", "GET / HTTP/1.1\n" H "\r\n", 0, 400, NULL, NULL, NULL, 0},
    {"bare LF in header", "GET / HTTP/1.1\r\nHost: a\n\r\n", 0, 400, NULL, NULL, NULL, 0},
    {"bare LF at the end", "GET / HTTP/1.1\r\n" H "\n", 0, 400, NULL, NULL, NULL, 0},
    {"bare LF first", "\nGET / HTTP/1.1\r\n" H "\r\n", 0, 400, NULL, NULL, NULL, 0},
    {"bare CR first", "\rGET / HTTP/1.1\r\n" H "\r\n", 0, 400, NULL, NULL, NULL, 0},
    {"bare CR in value", "GET / HTTP/1.1\r\n" H "A: b\rc\r\n\r\n", 0, 400, NULL, NULL, NULL, 0},
    {"CR CR LF", "GET / HTTP/1.1\r\n" H "A: b\r\r\n\r\n", 0, 400, NULL, NULL, NULL, 0},
    {"space before colon", "GET / HTTP/1.1\r\nHost : a\r\n\r\n", 0, 400, NULL, NULL, NULL, 0},
    {"no colon", "GET / HTTP/1.1\r\n" H "A\r\n\r\n", 0, 400, NULL, NULL, NULL, 0},
    {"no name", "GET / HTTP/1.1\r\n" H ": b\r\n\r\n", 0, 400, NULL, NULL, NULL, 0},
    {"NUL in value", "GET / HTTP/1.1\r\nHost: a\r\nA: b\0c\r\n\r\n", 36, 400, NULL, NULL, NULL, 0},
    {"NUL in name", "GET / HTTP/1.1\r\nHost: a\r\nA\0: bc\r\n\r\n", 36, 400, NULL, NULL, NULL, 0},
    {"NUL in target", "GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n", 28, 400, NULL, NULL, NULL, 0},
    {"escape in value", "GET / HTTP/1.1\r\n" H "A: \033[1m\r\n\r\n", 0, 400, NULL, NULL, NULL, 0},
    {"no host", "GET / HTTP/1.1\r\n\r\n", 0, 400, NULL, NULL, NULL, 0},
    {"two hosts", "GET / HTTP/1.1\r\n" H H "\r\n", 0, 400, NULL, NULL, NULL, 0},
    {"empty host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", 0, 400, NULL, NULL, NULL, 0},
    {"host with path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 0, 400, NULL, NULL, NULL, 0},
    {"host with user", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", 0, 400, NULL, NULL, NULL, 0},
    {"0.9", "GET /\r\n", 0, 400, NULL, NULL, NULL, 0},
    {"2.0", "GET / HTTP/2.0\r\n" H "\r\n", 0, 505, NULL, NULL, NULL, 0},
    {"1.2", "GET / HTTP/1.2\r\n" H "\r\n", 0, 505, NULL, NULL, NULL, 0},
    {"1.10", "GET / HTTP/1.10\r\n" H "\r\n", 0, 400, NULL, NULL, NULL, 0},
    {"http/1.1", "GET / http/1.1\r\n" H "\r\n", 0, 400, NULL, NULL, NULL, 0},
    {"two spaces", "GET  / HTTP/1.1\r\n" H "\r\n", 0, 400, NULL, NULL, NULL, 0},
    {"tab", "GET\t/ HTTP/1.1\r\n" H "\r\n", 0, 400, NULL, NULL, NULL, 0},
    {"space at the end", "GET / HTTP/1.1 \r\n" H "\r\n", 0, 400, NULL, NULL, NULL, 0},
    {"target with fragment", "GET /#a HTTP/1.1\r\n" H "\r\n", 0, 400, NULL, NULL, NULL, 0},
    {"target with 8 bits", "GET /\xc3\xa9 HTTP/1.1\r\n" H "\r\n", 0, 400, NULL, NULL, NULL, 0},
    {"relative target", "GET a HTTP/1.1\r\n" H "\r\n", 0, 400, NULL, NULL, NULL, 0},
    {"method of 32", "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEF / HTTP/1.1\r\n" H "\r\n", 0, 0,
	"ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEF", "/", "", 0},
    {"method of 33", "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG / HTTP/1.1\r\n" H "\r\n", 0, 400, NULL,
	NULL, NULL, 0},
    {"TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11, 400, NULL, NULL, NULL, 0},
    {"preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 0, 505, NULL, NULL, NULL, 0},
    {"other expectation", "POST / HTTP/1.1\r\n" H "Expect: x\r\nContent-Length: 1\r\n\r\na", 0, 417,
	NULL, NULL, NULL, 0},
    {"expectation", "POST / HTTP/1.1\r\n" H "Expect: 100-Continue\r\nContent-Length: 1\r\n\r\na", 0,
	0, "POST", "/", "a", 0},
    {"huge length", "POST / HTTP/1.1\r\n" H "Content-Length: 99999999999999999999999\r\n\r\n", 0,
	413, NULL, NULL, NULL, 0},
    {"8-bit value", "GET / HTTP/1.1\r\n" H "A: \xe9\r\n\r\n", 0, 0, "GET", "/", "", 0},
};

/* Feeds the pieces [0, cut) and [cut, len); step 1: byte by byte. */
static enum http_parse_outcome
feed_cut(struct http_parser *p, struct bytes in, size_t cut, size_t step, size_t *used_total)
{
	enum http_parse_outcome outcome = HTTP_PARSE_MORE;
	size_t at = 0, used;

	while (at < in.len && (outcome == HTTP_PARSE_MORE || outcome == HTTP_PARSE_CONTINUE)) {
		size_t len = step > 0 ? step : at < cut ? cut - at : in.len - at;

		outcome = http_parser_feed(p, bytes_slice(in, at, len), &used);
		at += used;
	}
	*used_total = at;
	return outcome;
}

static void
check_row(const struct row *row, struct bytes in, size_t cut, size_t step)
{
	struct http_limits limits = http_limits_default();
	struct http_parser p;
	enum http_parse_outcome outcome;
	size_t used;
	bool good;

	http_parser_init(&p, &limits);
	outcome = feed_cut(&p, in, cut, step, &used);
	if (row->status == 0)
		good = outcome == HTTP_PARSE_DONE && used + row->left == in.len &&
		       bytes_equal(p.message.method, bytes_of_str(row->method)) &&
		       bytes_equal(p.message.target, bytes_of_str(row->target)) &&
		       bytes_equal(p.message.body, bytes_of_str(row->body));
	else
		good = outcome == HTTP_PARSE_FAIL && p.status == row->status && p.reason != NULL;
	if (!good)
		fail_msg("%s (cut at %zu, step %zu): outcome %d, status %u %s, used %zu of %zu",
		    row->name, cut, step, (int)outcome, p.status, p.reason == NULL ? "" : p.reason,
		    used, in.len);
	http_parser_fini(&p);
}

static void
test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct bytes in =
		    bytes_of(rows[i].input, rows[i].len > 0 ? rows[i].len : strlen(rows[i].input));

		check_row(&rows[i], in, in.len, 0);
		check_row(&rows[i], in, in.len, 1);
		for (size_t cut = 1; cut < in.len; cut++)
			check_row(&rows[i], in, cut, 0);
	}
}

/* The limits: just inside, just outside, and far outside, in pieces of several sizes. */
static unsigned
status_of(const struct buf *in, size_t step)
{
	struct http_limits limits = http_limits_default();
	struct http_parser p;
	size_t used;
	unsigned status;
	enum http_parse_outcome outcome;

	http_parser_init(&p, &limits);
	outcome = feed_cut(&p, buf_view(in), in->len, step, &used);
	status = outcome == HTTP_PARSE_FAIL ? p.status : outcome == HTTP_PARSE_DONE ? 0 : 1;
	http_parser_fini(&p);
	return status;
}

static void
expect_status(const struct buf *in, unsigned status, const char *name)
{
	static const size_t steps[] = {0, 1, 7, 4096, 65536};

	for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++)
		if (status_of(in, steps[i]) != status)
			fail_msg(
			    "%s: status %u, step %zu", name, status_of(in, steps[i]), steps[i]);
}

static void
append_many(struct buf *b, char c, size_t count)
{
	for (size_t i = 0; i < count; i++)
		buf_append_byte(b, (uint8_t)c);
}

static void
target_of(struct buf *b, size_t len)
{
	buf_reset(b);
	buf_append_str(b, "GET /");
	append_many(b, 'a', len - 1);
	buf_append_str(b, " HTTP/1.1\r\n" H "\r\n");
}

static void
header_of(struct buf *b, size_t total)
{
	buf_reset(b);
	buf_append_str(b, "GET / HTTP/1.1\r\n" H "A: ");
	append_many(b, 'a', total - strlen(H "A: \r\n\r\n"));
	buf_append_str(b, "\r\n\r\n");
}

static void
fields_of(struct buf *b, size_t count)
{
	buf_reset(b);
	buf_append_str(b, "GET / HTTP/1.1\r\n" H);
	for (size_t i = 1; i < count; i++)
		buf_append_str(b, "A: b\r\n");
	buf_append_str(b, "\r\n");
}

static void
test_limits(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 8 * LIMIT_MIB);
	target_of(&b, HTTP_TARGET_BYTES_MAX);
	expect_status(&b, 0, "longest target");
	target_of(&b, HTTP_TARGET_BYTES_MAX + 1);
	expect_status(&b, 414, "target too long by one");
	target_of(&b, 32768);
	expect_status(&b, 414, "target of 32 KiB");
	header_of(&b, HTTP_HEADER_BYTES_MAX);
	expect_status(&b, 0, "largest header");
	header_of(&b, HTTP_HEADER_BYTES_MAX + 1);
	expect_status(&b, 431, "header too large by one");
	header_of(&b, 65536);
	expect_status(&b, 431, "header of 64 KiB");
	fields_of(&b, HTTP_HEADER_COUNT_MAX);
	expect_status(&b, 0, "most fields");
	fields_of(&b, HTTP_HEADER_COUNT_MAX + 1);
	expect_status(&b, 431, "one field too many");
	fields_of(&b, 1000);
	expect_status(&b, 431, "1,000 fields");
	buf_fini(&b);
}

static void
test_body_limits(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 8 * LIMIT_MIB);
	buf_printf(&b, "POST / HTTP/1.1\r\n" H "Content-Length: %zu\r\n\r\n",
	    (size_t)HTTP_BODY_BYTES_MAX + 1);
	assert_int_equal(status_of(&b, 0), 413);
	buf_reset(&b);
	buf_printf(
	    &b, "POST / HTTP/1.1\r\n" H "Content-Length: %zu\r\n\r\n", (size_t)HTTP_BODY_BYTES_MAX);
	append_many(&b, 'x', HTTP_BODY_BYTES_MAX);
	assert_int_equal(status_of(&b, 65536), 0);
	buf_reset(&b);
	buf_printf(&b, "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n%zx\r\n",
	    (size_t)HTTP_BODY_BYTES_MAX);
	append_many(&b, 'x', HTTP_BODY_BYTES_MAX);
	buf_append_str(&b, "\r\n1\r\n");
	assert_int_equal(status_of(&b, 65536), 413);
	buf_reset(&b);
	buf_append_str(&b, "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n0;");
	append_many(&b, 'x', 300);
	expect_status(&b, 400, "long chunk extension");
	buf_reset(&b);
	buf_append_str(&b, "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n0\r\nA: ");
	append_many(&b, 'x', HTTP_HEADER_BYTES_MAX);
	expect_status(&b, 431, "large trailer");
	buf_reset(&b);
	buf_append_str(&b, "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n0\r\n");
	for (size_t i = 0; i < HTTP_HEADER_COUNT_MAX; i++)
		buf_append_str(&b, "A: b\r\n");
	expect_status(&b, 431, "many trailers");
	buf_fini(&b);
}

static const struct {
	const char *name, *input;
	bool keep;
} keep_rows[] = {
    {"1.1", "GET / HTTP/1.1\r\n" H "\r\n", true},
    {"1.1 close", "GET / HTTP/1.1\r\n" H "Connection: Close\r\n\r\n", false},
    {"1.1 in a list", "GET / HTTP/1.1\r\n" H "Connection: x, close\r\n\r\n", false},
    {"1.0", "GET / HTTP/1.0\r\n\r\n", false},
    {"1.0 keep-alive", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", true},
    {"both", "GET / HTTP/1.1\r\n" H "Connection: keep-alive\r\nConnection: close\r\n\r\n", false},
};

static void
test_keep_alive(void **state)
{
	struct http_limits limits = http_limits_default();
	struct http_parser p;
	size_t used;

	(void)state;
	for (size_t i = 0; i < sizeof keep_rows / sizeof keep_rows[0]; i++) {
		http_parser_init(&p, &limits);
		assert_int_equal(
		    http_parser_feed(&p, bytes_of_str(keep_rows[i].input), &used), HTTP_PARSE_DONE);
		if (p.message.keep_alive != keep_rows[i].keep)
			fail_msg("%s", keep_rows[i].name);
		http_parser_fini(&p);
	}
}

/* The head asks for a go-ahead exactly once, before its body, and only when it means something. */
static void
test_continue(void **state)
{
	struct http_limits limits = http_limits_default();
	struct http_parser p;
	size_t used;

	(void)state;
	http_parser_init(&p, &limits);
	assert_int_equal(http_parser_feed(&p,
			     BYTES_LIT("POST / HTTP/1.1\r\n" H
				       "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n"),
			     &used),
	    HTTP_PARSE_CONTINUE);
	assert_int_equal(http_parser_feed(&p, BYTES_LIT("a"), &used), HTTP_PARSE_MORE);
	assert_int_equal(http_parser_feed(&p, BYTES_LIT("b"), &used), HTTP_PARSE_DONE);
	http_parser_reset(&p);
	assert_false(http_parser_started(&p));
	assert_int_equal(
	    http_parser_feed(
		&p, BYTES_LIT("POST / HTTP/1.1\r\n" H "Expect: 100-continue\r\n\r\n"), &used),
	    HTTP_PARSE_DONE);
	http_parser_fini(&p);
}

static void
test_headers(void **state)
{
	struct http_limits limits = http_limits_default();
	struct http_parser p;
	const struct bytes *value;
	size_t used;

	(void)state;
	http_parser_init(&p, &limits);
	assert_int_equal(
	    http_parser_feed(&p,
		BYTES_LIT("GET / HTTP/1.1\r\n" H
			  "X-Amz-Target: \t A b \t \r\nEmpty:\r\nx-amz-target: c\r\n\r\n"),
		&used),
	    HTTP_PARSE_DONE);
	assert_int_equal(p.message.header_count, 4);
	value = http_header_find(p.message.headers, p.message.header_count, "x-amz-target");
	assert_non_null(value);
	assert_true(bytes_equal(*value, BYTES_LIT("A b")));
	value = http_header_find(p.message.headers, p.message.header_count, "empty");
	assert_non_null(value);
	assert_int_equal(value->len, 0);
	assert_null(http_header_find(p.message.headers, p.message.header_count, "absent"));
	http_parser_fini(&p);
}

static const struct {
	const char *value;
	uint64_t size;
	enum http_range_outcome outcome;
	uint64_t from, len;
} range_rows[] = {
    {"bytes=0-0", 10, HTTP_RANGE_PART, 0, 1},
    {"bytes=2-5", 10, HTTP_RANGE_PART, 2, 4},
    {"bytes=2-", 10, HTTP_RANGE_PART, 2, 8},
    {"bytes=-3", 10, HTTP_RANGE_PART, 7, 3},
    {"bytes=-30", 10, HTTP_RANGE_PART, 0, 10},
    {"bytes=5-99999", 10, HTTP_RANGE_PART, 5, 5},
    {"bytes=9-18446744073709551615", 10, HTTP_RANGE_PART, 9, 1},
    {"bytes=5-2", 10, HTTP_RANGE_NONE, 0, 0},
    {"bytes=90-20", 10, HTTP_RANGE_NONE, 0, 0},
    {"bytes=10-", 10, HTTP_RANGE_NONE, 0, 0},
    {"bytes=-0", 10, HTTP_RANGE_NONE, 0, 0},
    {"bytes=-", 10, HTTP_RANGE_NONE, 0, 0},
    {"bytes=", 10, HTTP_RANGE_NONE, 0, 0},
    {"bytes=0-1,3-4", 10, HTTP_RANGE_NONE, 0, 0},
    {"bytes=0-99999999999999999999", 10, HTTP_RANGE_NONE, 0, 0},
    {"bytes=+1-2", 10, HTTP_RANGE_NONE, 0, 0},
    {"bytes=0-0", 0, HTTP_RANGE_NONE, 0, 0},
    {"bytes=0-", 0, HTTP_RANGE_NONE, 0, 0},
    {"bytes=-1", 0, HTTP_RANGE_NONE, 0, 0},
    {"items=0-1", 10, HTTP_RANGE_WHOLE, 0, 0},
};

static void
test_ranges(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof range_rows / sizeof range_rows[0]; i++) {
		uint64_t from = 0, len = 0;
		enum http_range_outcome outcome = http_range_parse(
		    bytes_of_str(range_rows[i].value), range_rows[i].size, &from, &len);

		if (outcome != range_rows[i].outcome || from != range_rows[i].from ||
		    len != range_rows[i].len)
			fail_msg("%s of %llu", range_rows[i].value,
			    (unsigned long long)range_rows[i].size);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rows),
	    cmocka_unit_test(test_limits),
	    cmocka_unit_test(test_body_limits),
	    cmocka_unit_test(test_keep_alive),
	    cmocka_unit_test(test_continue),
	    cmocka_unit_test(test_headers),
	    cmocka_unit_test(test_ranges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
