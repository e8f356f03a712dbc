/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The request reader. The first byte says how the rest is cut: the same bytes whole and in pieces must give the same
 * outcome, and requests that follow one another are read until one fails.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "http_parse.h"
#include "http_range.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum http_parse_outcome
feed(struct http_parser *p, struct bytes in, size_t step, size_t *used_out)
{
	enum http_parse_outcome outcome = HTTP_PARSE_MORE;
	size_t used;

	*used_out = 0;
	while (
	    *used_out < in.len && (outcome == HTTP_PARSE_MORE || outcome == HTTP_PARSE_CONTINUE)) {
		outcome = http_parser_feed(p, bytes_slice(in, *used_out, step), &used);
		*used_out += used;
	}
	return outcome;
}

static void
check_message(const struct http_message *m)
{
	uint64_t from, len;

	must(m->method.len > 0 && m->raw_target.len > 0 && m->target.ptr[0] == '/');
	for (size_t i = 0; i < m->header_count; i++) {
		must(m->headers[i].name.len > 0);
		must(memchr(m->headers[i].value.ptr, '\r', m->headers[i].value.len) == NULL);
		(void)http_range_parse(m->headers[i].value, m->body.len, &from, &len);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct http_limits limits = {.target_bytes_max = 64,
	    .header_bytes_max = 512,
	    .header_count_max = 8,
	    .body_bytes_max = 256};
	struct bytes in = bytes_of(data, size);
	struct http_parser whole, pieces;
	size_t step, used, used_pieces;
	enum http_parse_outcome outcome = HTTP_PARSE_DONE;

	if (size == 0)
		return 0;
	step = (size_t)data[0] % 32 + 1;
	in = bytes_slice(in, 1, SIZE_MAX);
	http_parser_init(&whole, &limits);
	http_parser_init(&pieces, &limits);
	while (in.len > 0 && outcome == HTTP_PARSE_DONE) {
		http_parser_reset(&whole);
		http_parser_reset(&pieces);
		outcome = feed(&whole, in, SIZE_MAX, &used);
		must(feed(&pieces, in, step, &used_pieces) == outcome);
		if (outcome == HTTP_PARSE_FAIL)
			must(whole.status >= 400 && whole.reason != NULL && pieces.status >= 400);
		if (outcome != HTTP_PARSE_DONE)
			break;
		must(used == used_pieces && bytes_equal(whole.message.body, pieces.message.body));
		check_message(&whole.message);
		in = bytes_slice(in, used, SIZE_MAX);
	}
	http_parser_fini(&whole);
	http_parser_fini(&pieces);
	return 0;
}
