/* SPDX-License-Identifier: Apache-2.0 */
/* Text forms of bytes: UTF-8, hex, base64, decimal. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base_bytes.h"

/* text_utf8_valid: RFC 3629 well-formed (no surrogates, no overlong forms). */
bool text_utf8_valid(struct bytes text);
/* text_utf8_next: decode one character at *at and move past it; a bad byte yields U+FFFD and moves one byte. */
uint32_t text_utf8_next(struct bytes text, size_t *at);
void text_utf8_append(struct buf *out, uint32_t character);
/* text_utf8_count: characters; bad bytes count as one each. */
size_t text_utf8_count(struct bytes text);
/* text_is_ascii: every byte below 0x80. */
bool text_is_ascii(struct bytes text);

/* text_hex_format: 2 * len lower-case digits and NUL into out. */
void text_hex_format(char *out, struct bytes data);
/* text_hex_parse: exactly 2 * len digits, upper or lower case. */
MUST_USE bool text_hex_parse(uint8_t *out, size_t len, struct bytes text);

/* text_base64_encode: RFC 4648 §4, padded, no line breaks. */
void text_base64_encode(struct buf *out, struct bytes data);
/* text_base64_decode: strict RFC 4648 §4: padding required, no white space, unused bits zero. */
MUST_USE bool text_base64_decode(struct buf *out, struct bytes text);

/* text_u64_parse: decimal digits only, no sign, no overflow. */
MUST_USE bool text_u64_parse(uint64_t *out, struct bytes text);

/* text_suggest: the word of the NULL-terminated list nearest to the one given (edit distance at most 3), or NULL. */
const char *text_suggest(const char *word, const char *const *list);

#endif
