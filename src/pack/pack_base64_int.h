/* SPDX-License-Identifier: Apache-2.0 */
/* Base64 (RFC 4648 §4) as packs need it: only what can be encoded again to the same characters. */
#ifndef PACK_BASE64_INT_H
#define PACK_BASE64_INT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base_bytes.h"

/* Tables; immutable once made. */
struct pack_base64;
struct pack_base64 *pack_base64_new(void);
void pack_base64_free(struct pack_base64 **t);

enum pack_base64_result {
	PACK_BASE64_BAD,   /* nothing was appended */
	PACK_BASE64_MORE,  /* every character carried bits: more may follow */
	PACK_BASE64_PADDED /* it ended in padding: nothing may follow */
};
/* pack_base64_decode: chars.len is a multiple of 4. Padding is taken at the end only, and only over bits that are
 * zero. */
enum pack_base64_result pack_base64_decode(
    const struct pack_base64 *t, struct bytes chars, struct buf *out);

/* How an encoded text is broken into lines; no line end stands behind the last one. */
struct pack_lines {
	uint16_t width; /* characters a line; 0: one line */
	bool lf;        /* lines end in LF, not CRLF */
};
#define PACK_LINE_WIDTH_MIN 16u

/* pack_base64_length: of the text that so many bytes become. */
uint64_t pack_base64_length(uint64_t plain_len, struct pack_lines lines);
/* pack_base64_encode: appends that text. */
void pack_base64_encode(
    const struct pack_base64 *t, struct bytes plain, struct pack_lines lines, struct buf *out);

#endif
