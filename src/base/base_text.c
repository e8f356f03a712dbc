/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8, hex, base64 and decimal, strict in what they accept. */
#include "base_text.h"

#include <string.h>

/* Length of the well-formed sequence at text[at], or 0. */
static size_t
utf8_sequence(struct bytes text, size_t at)
{
	const uint8_t *p = text.ptr + at;
	size_t left = text.len - at, need;
	uint8_t low = 0x80, high = 0xbf;

	if (p[0] < 0x80)
		return 1;
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return 0;
	need = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	if (left < need)
		return 0;
	if (p[0] == 0xe0)
		low = 0xa0;
	else if (p[0] == 0xed)
		high = 0x9f;
	else if (p[0] == 0xf0)
		low = 0x90;
	else if (p[0] == 0xf4)
		high = 0x8f;
	if (p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < need; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return need;
}

bool
text_utf8_valid(struct bytes text)
{
	for (size_t at = 0; at < text.len;) {
		size_t n = utf8_sequence(text, at);

		if (n == 0)
			return false;
		at += n;
	}
	return true;
}

uint32_t
text_utf8_next(struct bytes text, size_t *at)
{
	size_t n = utf8_sequence(text, *at);
	const uint8_t *p = text.ptr + *at;
	uint32_t c;

	if (n == 0) {
		*at += 1;
		return 0xfffd;
	}
	*at += n;
	if (n == 1)
		return p[0];
	c = p[0] & (0xffu >> (n + 1));
	for (size_t i = 1; i < n; i++)
		c = c << 6 | (p[i] & 0x3fu);
	return c;
}

void
text_utf8_append(struct buf *out, uint32_t c)
{
	uint8_t raw[4];
	size_t n;

	if (c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		c = 0xfffd;
	if (c < 0x80) {
		raw[0] = (uint8_t)c;
		n = 1;
	} else if (c < 0x800) {
		raw[0] = (uint8_t)(0xc0 | c >> 6);
		n = 2;
	} else if (c < 0x10000) {
		raw[0] = (uint8_t)(0xe0 | c >> 12);
		n = 3;
	} else {
		raw[0] = (uint8_t)(0xf0 | c >> 18);
		n = 4;
	}
	for (size_t i = 1; i < n; i++)
		raw[i] = (uint8_t)(0x80 | (c >> (6 * (n - 1 - i)) & 0x3f));
	buf_append_mem(out, raw, n);
}

size_t
text_utf8_count(struct bytes text)
{
	size_t count = 0;

	for (size_t at = 0; at < text.len; count++)
		(void)text_utf8_next(text, &at);
	return count;
}

bool
text_is_ascii(struct bytes text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] >= 0x80)
			return false;
	return true;
}

void
text_hex_format(char *out, struct bytes data)
{
	static const char DIGITS[] = "0123456789abcdef";

	for (size_t i = 0; i < data.len; i++) {
		out[2 * i] = DIGITS[data.ptr[i] >> 4];
		out[2 * i + 1] = DIGITS[data.ptr[i] & 15];
	}
	out[2 * data.len] = '\0';
}

static int
hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool
text_hex_parse(uint8_t *out, size_t len, struct bytes text)
{
	if (text.len != 2 * len)
		return false;
	for (size_t i = 0; i < len; i++) {
		int high = hex_digit(text.ptr[2 * i]), low = hex_digit(text.ptr[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

static const char BASE64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void
text_base64_encode(struct buf *out, struct bytes data)
{
	for (size_t at = 0; at < data.len; at += 3) {
		size_t n = data.len - at < 3 ? data.len - at : 3;
		uint32_t v = (uint32_t)data.ptr[at] << 16;
		char quad[4];

		if (n > 1)
			v |= (uint32_t)data.ptr[at + 1] << 8;
		if (n > 2)
			v |= data.ptr[at + 2];
		quad[0] = BASE64[v >> 18 & 63];
		quad[1] = BASE64[v >> 12 & 63];
		quad[2] = BASE64[v >> 6 & 63];
		quad[3] = BASE64[v & 63];
		if (n < 3)
			quad[3] = '=';
		if (n < 2)
			quad[2] = '=';
		buf_append_mem(out, quad, 4);
	}
}

static int
base64_digit(uint8_t c)
{
	const char *hit = c != 0 ? memchr(BASE64, c, 64) : NULL;

	return hit != NULL ? (int)(hit - BASE64) : -1;
}

bool
text_base64_decode(struct buf *out, struct bytes text)
{
	if (text.len % 4 != 0)
		return false;
	for (size_t at = 0; at < text.len; at += 4) {
		bool last = at + 4 == text.len;
		size_t pad = !last                     ? 0
			     : text.ptr[at + 3] != '=' ? 0
			     : text.ptr[at + 2] != '=' ? 1
						       : 2;
		uint32_t v = 0;

		for (size_t i = 0; i < 4; i++) {
			int d = i >= 4 - pad ? 0 : base64_digit(text.ptr[at + i]);

			if (d < 0)
				return false;
			v = v << 6 | (uint32_t)d;
		}
		if ((pad == 1 && (v & 0xff) != 0) || (pad == 2 && (v & 0xffff) != 0))
			return false;
		for (size_t i = 0; i < 3 - pad; i++)
			buf_append_byte(out, (uint8_t)(v >> (16 - 8 * i)));
	}
	return !out->failed;
}

bool
text_u64_parse(uint64_t *out, struct bytes text)
{
	uint64_t v = 0;

	if (text.len == 0)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		unsigned d = (unsigned)text.ptr[i] - '0';

		if (d > 9 || v > (UINT64_MAX - d) / 10)
			return false;
		v = v * 10 + d;
	}
	*out = v;
	return true;
}

#define SUGGEST_WORD_MAX 63

static unsigned
edit_distance(const char *a, const char *b)
{
	unsigned row[SUGGEST_WORD_MAX + 1];
	size_t n = strlen(b);

	if (n > SUGGEST_WORD_MAX)
		return 1000;
	for (size_t j = 0; j <= n; j++)
		row[j] = (unsigned)j;
	for (size_t i = 0; a[i] != '\0'; i++) {
		unsigned diagonal = row[0];

		row[0] = (unsigned)i + 1;
		for (size_t j = 0; j < n; j++) {
			unsigned best = diagonal + (a[i] != b[j]);

			diagonal = row[j + 1];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (diagonal + 1 < best)
				best = diagonal + 1;
			row[j + 1] = best;
		}
	}
	return row[n];
}

const char *
text_suggest(const char *word, const char *const *list)
{
	const char *best = NULL;
	unsigned best_distance = 4;

	for (; *list != NULL; list++) {
		unsigned distance = edit_distance(word, *list);

		if (distance < best_distance && distance < strlen(*list)) {
			best = *list;
			best_distance = distance;
		}
	}
	return best;
}
