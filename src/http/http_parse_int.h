/* SPDX-License-Identifier: Apache-2.0 */
/* Judging single lines of a request; the halves of the request reader. */
#ifndef HTTP_PARSE_INT_H
#define HTTP_PARSE_INT_H

#include "http_parse.h"

/* http_parser_fail: status and reason (a literal) are kept; returns false. */
bool http_parser_fail(struct http_parser *p, unsigned status, const char *reason);

/* http_parse_text_ok: no control characters but tab. */
bool http_parse_text_ok(struct bytes text);

/* All of these: false = http_parser_fail was called. Lines lie in p->head, without their CRLF. */
bool http_parse_request_line(struct http_parser *p, struct bytes line);
/* http_parse_request_partial: line is what is here of a request line, with or without its end. */
bool http_parse_request_partial(
    struct http_parser *p, struct bytes line, size_t method_max, size_t line_max);
bool http_parse_field(struct http_parser *p, struct bytes line, struct http_header *out);
/* http_parse_framing_field: notes Host, Content-Length, Transfer-Encoding, Expect and Connection. */
bool http_parse_framing_field(struct http_parser *p, const struct http_header *h);
/* http_parse_head_check: after the last header line, with message.headers set. */
bool http_parse_head_check(struct http_parser *p);

#endif
