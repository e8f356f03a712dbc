/* SPDX-License-Identifier: Apache-2.0 */
/* Base64 by table: four characters by four look-ups, three bytes by two. */
#include "pack_base64_int.h"

#include <string.h>

#include "base_mem.h"

#define BAD        0xff000000u
#define PAIRS      4096u
#define STEP_QUADS 1024u /* decoded between two looks for characters that are none */

struct pack_base64 {
	uint32_t bits[4][256];   /* of a character at that place of a quad, or BAD */
	uint8_t pairs[PAIRS][2]; /* the two characters of twelve bits */
};

struct pack_base64 *
pack_base64_new(void)
{
	static const char ALPHABET[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	struct pack_base64 *t = mem_calloc(1, sizeof *t);

	for (unsigned place = 0; place < 4; place++) {
		for (unsigned c = 0; c < 256; c++)
			t->bits[place][c] = BAD;
		for (unsigned v = 0; v < 64; v++)
			t->bits[place][(uint8_t)ALPHABET[v]] = v << (6 * (3 - place));
	}
	for (unsigned v = 0; v < PAIRS; v++) {
		t->pairs[v][0] = (uint8_t)ALPHABET[v >> 6];
		t->pairs[v][1] = (uint8_t)ALPHABET[v & 63];
	}
	return t;
}

void
pack_base64_free(struct pack_base64 **t)
{
	mem_free(*t);
	*t = NULL;
}

/* Quads without padding; the bits of a character that is none stay in the result. */
static uint32_t
quads_decode(const struct pack_base64 *t, const uint8_t *from, size_t quads, uint8_t *to)
{
	uint32_t all = 0;

	for (size_t i = 0; i < quads; i++, from += 4, to += 3) {
		uint32_t v = t->bits[0][from[0]] | t->bits[1][from[1]] | t->bits[2][from[2]] |
			     t->bits[3][from[3]];

		all |= v;
		to[0] = (uint8_t)(v >> 16);
		to[1] = (uint8_t)(v >> 8);
		to[2] = (uint8_t)v;
	}
	return all & BAD;
}

/* "xx==" or "xxx=": one or two bytes, and the bits beside them are zero, or they would come back as others. */
static size_t
padded_decode(const struct pack_base64 *t, const uint8_t quad[4], uint8_t to[3])
{
	size_t len = quad[2] == '=' ? 1 : 2;
	uint32_t v = t->bits[0][quad[0]] | t->bits[1][quad[1]];

	if (len == 2)
		v |= t->bits[2][quad[2]];
	if ((v & BAD) != 0 || quad[3] != '=' || (v & (len == 1 ? 0xffffu : 0xffu)) != 0)
		return 0;
	to[0] = (uint8_t)(v >> 16);
	to[1] = (uint8_t)(v >> 8);
	return len;
}

enum pack_base64_result
pack_base64_decode(const struct pack_base64 *t, struct bytes chars, struct buf *out)
{
	size_t quads = chars.len / 4, tail = 0;
	bool padded = chars.len > 0 && chars.ptr[chars.len - 1] == '=';
	uint8_t *to;

	must(chars.len % 4 == 0);
	to = buf_reserve(out, quads * 3);
	if (to == NULL)
		return PACK_BASE64_BAD;
	quads -= padded ? 1 : 0;
	for (size_t done = 0; done < quads; done += STEP_QUADS) {
		size_t step = quads - done < STEP_QUADS ? quads - done : STEP_QUADS;

		if (quads_decode(t, chars.ptr + done * 4, step, to + done * 3) != 0)
			return PACK_BASE64_BAD;
	}
	if (padded) {
		tail = padded_decode(t, chars.ptr + quads * 4, to + quads * 3);
		if (tail == 0)
			return PACK_BASE64_BAD;
	}
	buf_grow(out, quads * 3 + tail);
	return padded ? PACK_BASE64_PADDED : PACK_BASE64_MORE;
}

uint64_t
pack_base64_length(uint64_t plain_len, struct pack_lines lines)
{
	uint64_t chars = (plain_len + 2) / 3 * 4;
	uint64_t breaks = chars > 0 && lines.width > 0 ? (chars - 1) / lines.width : 0;

	return chars + breaks * (lines.lf ? 1 : 2);
}

/* Writes the characters of plain; a rest of one or two bytes is padded. */
static uint8_t *
chars_put(const struct pack_base64 *t, struct bytes plain, uint8_t *to)
{
	const uint8_t *from = plain.ptr;
	size_t whole = plain.len / 3, rest = plain.len % 3;

	for (size_t i = 0; i < whole; i++, from += 3, to += 4) {
		uint32_t v = (uint32_t)from[0] << 16 | (uint32_t)from[1] << 8 | from[2];

		memcpy(to, t->pairs[v >> 12], 2);
		memcpy(to + 2, t->pairs[v & 0xfff], 2);
	}
	if (rest > 0) {
		uint32_t v = (uint32_t)from[0] << 16 | (rest == 2 ? (uint32_t)from[1] << 8 : 0);

		memcpy(to, t->pairs[v >> 12], 2);
		memcpy(to + 2, t->pairs[v & 0xfff], 2);
		to[3] = '=';
		if (rest == 1)
			to[2] = '=';
		to += 4;
	}
	return to;
}

static uint8_t *
break_put(struct pack_lines lines, uint8_t *to)
{
	if (!lines.lf)
		*to++ = '\r';
	*to++ = '\n';
	return to;
}

/* Lines that hold whole quads are written in place; others are cut from one long line. */
void
pack_base64_encode(
    const struct pack_base64 *t, struct bytes plain, struct pack_lines lines, struct buf *out)
{
	size_t total = (size_t)pack_base64_length(plain.len, lines);
	uint8_t *to = buf_reserve(out, total);

	if (to == NULL)
		return;
	if (lines.width == 0) {
		(void)chars_put(t, plain, to);
	} else if (lines.width % 4 == 0) {
		size_t step = (size_t)lines.width / 4 * 3;

		for (size_t at = 0; at < plain.len; at += step) {
			if (at > 0)
				to = break_put(lines, to);
			to = chars_put(t, bytes_slice(plain, at, step), to);
		}
	} else {
		size_t chars = (plain.len + 2) / 3 * 4;
		uint8_t *line = mem_alloc(chars + 1);

		(void)chars_put(t, plain, line);
		for (size_t at = 0; at < chars; at += lines.width) {
			size_t len = chars - at < lines.width ? chars - at : lines.width;

			if (at > 0)
				to = break_put(lines, to);
			memcpy(to, line + at, len);
			to += len;
		}
		mem_free(line);
	}
	buf_grow(out, total);
}
