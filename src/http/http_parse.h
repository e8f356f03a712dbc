/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The request reader of HTTP/1.1 and 1.0: pure, incremental, and strict. It refuses whatever two readers could take
 * differently, because a proxy in front of us is another reader.
 *
 * Source: RFC 9112 (messages), RFC 9110 §5.5 (field values), §7.2 (Host), §10.1.1 (Expect).
 */
#ifndef HTTP_PARSE_H
#define HTTP_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base_bytes.h"

struct http_header {
	struct bytes name;  /* as received; compare without case */
	struct bytes value; /* without the white space around it */
};

/* Ceilings of one request; reached means refused: 414, 431, 431, 413. */
struct http_limits {
	size_t target_bytes_max;
	size_t header_bytes_max; /* all header lines together, trailers too */
	size_t header_count_max; /* header and trailer lines               */
	size_t body_bytes_max;
};

/* http_limits_default: the HTTP_* values of base_limits.h. */
struct http_limits http_limits_default(void);

/* A whole request; views live until the parser is reset. */
struct http_message {
	struct bytes
	    method; /* a token; case matters                                                    */
	struct bytes
	    raw_target; /* as on the request line                                                   */
	struct bytes
	    target; /* origin-form: path and query, still encoded; of an absolute URL its tail  */
	unsigned
	    minor; /* 1 or 0                                                                   */
	const struct http_header *headers;
	size_t header_count;
	struct bytes body; /* without chunk framing */
	bool keep_alive;   /* the peer's wish       */
};

enum http_parse_outcome {
	HTTP_PARSE_MORE, /* everything was used; more is needed                                             */
	HTTP_PARSE_CONTINUE, /* once: the head is whole and asks for "100 Continue" before its body; go on feeding */
	HTTP_PARSE_DONE, /* message is valid; what was not used belongs to the next request                 */
	HTTP_PARSE_FAIL /* status and reason say why; the connection's framing is lost: answer and close   */
};

enum http_parse_phase {
	HTTP_PHASE_REQUEST_LINE,
	HTTP_PHASE_HEADER,
	HTTP_PHASE_BODY,
	HTTP_PHASE_CHUNK_SIZE,
	HTTP_PHASE_CHUNK_DATA,
	HTTP_PHASE_CHUNK_END,
	HTTP_PHASE_TRAILER,
	HTTP_PHASE_DONE,
	HTTP_PHASE_FAIL
};

/* Where a header line lies in head: offsets, because head may move while it grows. */
struct http_span {
	size_t name_at, name_len, value_at, value_len;
};

struct http_parser {
	struct http_limits limits;
	enum http_parse_phase phase;
	struct buf head;  /* request line and header lines, with their line ends */
	size_t line_at;   /* start of the line in reception                      */
	size_t header_at; /* start of the first header line                      */
	struct http_span *spans;
	size_t span_count, span_cap;
	struct http_span method, raw_target; /* only the name half is used */
	size_t trailer_bytes, trailer_count;
	bool blank_seen; /* one empty line before the request line is forgiven  */
	bool has_length, chunked, expect_continue, connection_close, connection_keep;
	size_t host_count, length_count, coding_count;
	size_t body_left; /* bytes missing from the body, or from the chunk      */
	struct buf line;  /* chunk size and trailer lines                        */
	struct buf body;
	struct http_header *headers;
	struct http_message message;
	unsigned status;    /* after FAIL: 400, 413, 414, 417, 431, 501, 505 */
	const char *reason; /* after FAIL: one sentence for people; a literal      */
};

void http_parser_init(struct http_parser *p, const struct http_limits *limits);
/* http_parser_reset: ready for the next request; memory is given back. */
void http_parser_reset(struct http_parser *p);
void http_parser_fini(struct http_parser *p);
/* http_parser_started: a byte of a request was seen. */
bool http_parser_started(const struct http_parser *p);

/*
 * http_parser_feed: take bytes from the connection. How the bytes are cut into calls changes nothing but the number
 * of HTTP_PARSE_MORE.
 *
 * in      data      lent
 * out     used_out  bytes taken; less than data.len only after CONTINUE, DONE and FAIL
 * after   DONE or FAIL: only http_parser_reset or http_parser_fini may follow
 */
enum http_parse_outcome http_parser_feed(
    struct http_parser *p, struct bytes data, size_t *used_out);

/* http_header_find: the value of the first header of that name (without case), or NULL. */
const struct bytes *http_header_find(
    const struct http_header *headers, size_t count, const char *name);

#endif
