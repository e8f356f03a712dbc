/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 5322 header fields: finding them, unfolding, decoding (RFC 2047), addresses. Pure; never
 * fails on any bytes. */
#ifndef MIME_HEADER_H
#define MIME_HEADER_H

#include <stdbool.h>
#include <stddef.h>

#include "base_arena.h"
#include "base_bytes.h"

/*
 * Fields in order. Lines end with CRLF or bare LF; the header ends at an empty line or the end of
 * the bytes. A line that is no field and continues none ends the header too (malformed is set):
 * what follows is body. At most MIME_FIELDS_MAX fields within the first MIME_HEADER_BYTES_MAX bytes
 * are given (limited is set past that). A mailbox
 * separator ("From " or ">From ") on top is passed over.
 */
struct mime_header_cursor {
	struct bytes message;
	size_t at; /* start of the next line */
	size_t field_count;
	bool malformed, limited, done;
};
struct mime_field {
	struct bytes name; /* as written, without white space before the colon */
	struct bytes raw;  /* after the colon, folds included, without the last line end */
};
void mime_header_init(struct mime_header_cursor *c, struct bytes message);
bool mime_header_next(struct mime_header_cursor *c, struct mime_field *out);
/* mime_header_body: offset of the body (past the empty line); message.len when there is none. Reads
 * to the end of the header whatever the limits. */
size_t mime_header_body(struct bytes message);
/* mime_header_find: first field of that name (no case); false when absent. */
bool mime_header_find(struct bytes message, const char *name, struct mime_field *out);

/* mime_field_unfold: folds become one space, ends trimmed; UTF-8 kept, other 8-bit bytes read as
 * windows-1252. */
struct bytes mime_field_unfold(struct arena *arena, struct bytes raw);
/* mime_field_decode: unfolded and encoded words decoded to UTF-8; unknown charset or bad word: left
 * as written. At most MIME_WORDS_MAX words. Controls (but tab) are replaced by space. */
struct bytes mime_field_decode(struct arena *arena, struct bytes raw);

struct mime_address {
	struct bytes display; /* decoded; empty when absent */
	struct bytes address; /* local@domain as written, comments and white space out, quotes of
				 the local part kept */
};
/* mime_address_parse: RFC 5322 §3.4 with §4.4 obsolete forms and what real mail does; groups are
 * flattened; at most MIME_ADDRESSES_MAX (limited_out set past that; may be NULL). Returns the
 * count. */
size_t mime_address_parse(
    struct arena *arena, struct bytes raw, struct mime_address **out, bool *limited_out);

#endif
