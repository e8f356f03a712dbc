/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this room share. */
#ifndef MIME_INT_H
#define MIME_INT_H

#include "base_arena.h"
#include "base_bytes.h"
#include "mime_header.h"

/* White space of RFC 5322 between words on one line. */
static inline bool
mime_is_space(uint8_t c)
{
	return c == ' ' || c == '\t';
}

/* mime_line_end: [at, end of line) without its line end; *next_out is where the next line starts.
 * Lines end with LF; a CR before it belongs to the end. */
struct bytes mime_line(struct bytes text, size_t at, size_t *next_out);

/* mime_unfold: folds become one space, ends trimmed; the bytes are not looked at otherwise. */
struct bytes mime_unfold(struct arena *arena, struct bytes raw);
/* mime_utf8: as it is when it is UTF-8, else read as windows-1252. */
struct bytes mime_utf8(struct arena *arena, struct bytes text);
void mime_utf8_append(struct bytes text, struct buf *out);

/* mime_word_decode: encoded words of RFC 2047 in unfolded text, in raw bytes (a word of old mail may
 * hold 8-bit ones in its own charset); a word that cannot be decoded stays as written. The rest is
 * as mime_utf8 gives it. */
struct bytes mime_word_decode(struct arena *arena, struct bytes text);

/*
 * A header value with parameters (RFC 2045 §5.1): "type/subtype; name=value". Values are unquoted,
 * continuations and charsets of RFC 2231 put together, encoded words undone.
 */
struct mime_param {
	struct bytes name; /* lower case, without section numbers */
	struct bytes value;
};
/* mime_param_parse: value_out is what stands before the first semicolon, trimmed, lower case. At
 * most MIME_PARAMETERS_MAX parameters are looked at. Returns the count. */
size_t mime_param_parse(
    struct arena *arena, struct bytes raw, struct bytes *value_out, struct mime_param **out);
/* mime_param_find: empty when absent. */
struct bytes mime_param_find(const struct mime_param *params, size_t count, const char *name);

/* mime_lower: ASCII lower case, in arena. */
struct bytes mime_lower(struct arena *arena, struct bytes text);
/* mime_clean: controls cannot act where the text is shown: a space for each; tab stays. */
struct bytes mime_clean(struct arena *arena, struct bytes text);
/* mime_base64_decode / mime_quoted_printable_decode: what real mail has: other bytes are skipped;
 * appends. */
void mime_base64_decode(struct bytes data, struct buf *out);
void mime_quoted_printable_decode(struct bytes data, bool underscore_is_space, struct buf *out);

#endif
