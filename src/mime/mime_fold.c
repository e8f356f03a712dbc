/* SPDX-License-Identifier: Apache-2.0 */
/* Folding is context-free, so it goes run by run; ASCII never meets ICU, and no handle is kept. */
#include "mime_fold.h"

#include <string.h>
#include <unicode/uchar.h>
#include <unicode/ustring.h>

#include "base_text.h"

#define FOLD_UNITS      128 /* UTF-16 units folded at once */
#define FOLD_GROWTH     3   /* a character folds to at most three times its units, and its bytes */
#define SCAN_WORK_BYTES 8   /* comparisons a byte of text may cost before the other way is taken */

static uint8_t
lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

/* Appends what fits and says so when that is not all. */
static void
append_lower(struct bytes run, struct buf *out)
{
	size_t room = out->max - out->len, n = run.len < room ? run.len : room;
	uint8_t *to = n > 0 ? buf_reserve(out, n) : NULL;

	if (to != NULL) {
		for (size_t i = 0; i < n; i++)
			to[i] = lower(run.ptr[i]);
		buf_grow(out, n);
	}
	if (n < run.len)
		out->failed = true;
}

static void
append_folded(const UChar *units, int32_t count, struct buf *out)
{
	UChar folded[FOLD_UNITS * FOLD_GROWTH];
	UErrorCode status = U_ZERO_ERROR;
	int32_t len, at = 0;

	len = u_strFoldCase(
	    folded, FOLD_UNITS * FOLD_GROWTH, units, count, U_FOLD_CASE_DEFAULT, &status);
	must(U_SUCCESS(status) != 0 && len <= FOLD_UNITS * FOLD_GROWTH);
	while (at < len) {
		uint32_t unit = folded[at++];

		if (unit >= 0xd800 && unit < 0xdc00 && at < len)
			unit =
			    0x10000 + ((unit - 0xd800) << 10) + ((uint32_t)folded[at++] - 0xdc00);
		text_utf8_append(out, unit);
	}
}

/* The characters beyond ASCII at *at, as many as one call takes. */
static void
fold_run(struct bytes text, size_t *at, struct buf *out)
{
	UChar units[FOLD_UNITS];
	int32_t n = 0;

	while (*at < text.len && text.ptr[*at] >= 0x80 && n + 2 <= FOLD_UNITS) {
		uint32_t c = text_utf8_next(text, at);

		if (c > 0xffff) {
			units[n++] = (UChar)(0xd800 + ((c - 0x10000) >> 10));
			units[n++] = (UChar)(0xdc00 + ((c - 0x10000) & 0x3ff));
		} else {
			units[n++] = (UChar)c;
		}
	}
	append_folded(units, n, out);
}

void
mime_fold(struct bytes text, struct buf *out)
{
	size_t at = 0, from;

	while (at < text.len && !out->failed) {
		if (text.ptr[at] >= 0x80) {
			fold_run(text, &at, out);
			continue;
		}
		for (from = at; at < text.len && text.ptr[at] < 0x80;)
			at++;
		append_lower(bytes_slice(text, from, at - from), out);
	}
}

enum scan_result { SCAN_NO, SCAN_YES, SCAN_SLOW };

/* The plain way is fastest on words; text made to be slow for it (aaaa…b) is handed back. */
static enum scan_result
ascii_scan(struct bytes text, struct bytes needle)
{
	size_t last, work = 0;

	if (needle.len > text.len)
		return SCAN_NO;
	last = text.len - needle.len;
	for (size_t i = 0; i <= last; i++) {
		size_t k = 0;

		while (k < needle.len && lower(text.ptr[i + k]) == needle.ptr[k])
			k++;
		if (k == needle.len)
			return SCAN_YES;
		work += k;
		if (work > text.len * SCAN_WORK_BYTES)
			return SCAN_SLOW;
	}
	return SCAN_NO;
}

static void
fold_all(struct bytes text, struct buf *out)
{
	buf_init(out, text.len * FOLD_GROWTH + 1);
	(void)buf_reserve(out, text.len);
	mime_fold(text, out);
}

bool
mime_fold_contains(struct bytes text, struct bytes needle)
{
	struct buf folded;
	bool found;

	if (needle.len == 0)
		return true;
	if (text_is_ascii(text)) {
		enum scan_result result = ascii_scan(text, needle);

		if (result != SCAN_SLOW)
			return result == SCAN_YES;
	}
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
