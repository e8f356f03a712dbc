/* SPDX-License-Identifier: Apache-2.0 */
/* Folding is context-free, so it goes character by character; ASCII never meets ICU. */
#include "mime_fold.h"

#include <string.h>
#include <unicode/uchar.h>
#include <unicode/ustring.h>

#include "base_text.h"

#define FOLD_UNITS_MAX 8 /* one character folds to at most three */

static uint8_t
lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

static void
fold_character(uint32_t character, struct buf *out)
{
	UChar in[2], folded[FOLD_UNITS_MAX];
	UErrorCode status = U_ZERO_ERROR;
	int32_t in_len = 0, len, at = 0;

	if (character > 0xffff) {
		in[in_len++] = (UChar)(0xd800 + ((character - 0x10000) >> 10));
		in[in_len++] = (UChar)(0xdc00 + ((character - 0x10000) & 0x3ff));
	} else {
		in[in_len++] = (UChar)character;
	}
	len = u_strFoldCase(folded, FOLD_UNITS_MAX, in, in_len, U_FOLD_CASE_DEFAULT, &status);
	if (U_FAILURE(status) != 0) {
		text_utf8_append(out, character);
		return;
	}
	while (at < len) {
		uint32_t unit = folded[at++];

		if (unit >= 0xd800 && unit < 0xdc00 && at < len)
			unit =
			    0x10000 + ((unit - 0xd800) << 10) + ((uint32_t)folded[at++] - 0xdc00);
		text_utf8_append(out, unit);
	}
}

void
mime_fold(struct bytes text, struct buf *out)
{
	size_t at = 0;

	while (at < text.len) {
		if (text.ptr[at] < 0x80)
			buf_append_byte(out, lower(text.ptr[at++]));
		else
			fold_character(text_utf8_next(text, &at), out);
	}
}

static bool
ascii_contains(struct bytes text, struct bytes needle)
{
	size_t last;

	if (needle.len > text.len)
		return false;
	last = text.len - needle.len;
	for (size_t i = 0; i <= last; i++) {
		size_t k = 0;

		while (k < needle.len && lower(text.ptr[i + k]) == needle.ptr[k])
			k++;
		if (k == needle.len)
			return true;
	}
	return false;
}

static void
fold_all(struct bytes text, struct buf *out)
{
	buf_init(out, text.len * FOLD_UNITS_MAX + FOLD_UNITS_MAX);
	mime_fold(text, out);
}

bool
mime_fold_contains(struct bytes text, struct bytes needle)
{
	struct buf folded;
	bool found;

	if (needle.len == 0)
		return true;
	if (text_is_ascii(text))
		return text_is_ascii(needle) && ascii_contains(text, needle);
	fold_all(text, &folded);
	found = bytes_find(buf_view(&folded), 0, needle) != SIZE_MAX;
	buf_fini(&folded);
	return found;
}

bool
mime_fold_equal(struct bytes text, struct bytes folded)
{
	struct buf mine;
	bool same;

	if (text_is_ascii(text)) {
		size_t k = 0;

		while (k < text.len && k < folded.len && lower(text.ptr[k]) == folded.ptr[k])
			k++;
		return text.len == folded.len && k == text.len;
	}
	fold_all(text, &mine);
	same = bytes_equal(buf_view(&mine), folded);
	buf_fini(&mine);
	return same;
}
