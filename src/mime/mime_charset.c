/* SPDX-License-Identifier: Apache-2.0 */
/* Charsets to UTF-8. Wraps ICU's converters. */
#include <string.h>
#include <unicode/ucnv.h>

#include "base_text.h"
#include "mime_message.h"

#define CHARSET_NAME_SIZE 64
#define PIECE_UNITS       1024

/* Bad bytes become U+FFFD one by one; what does not fit is cut between two characters. */
static void
append_utf8(struct bytes data, struct buf *out)
{
	size_t at = 0;

	if (data.len <= out->max - out->len && text_utf8_valid(data)) {
		buf_append(out, data);
		return;
	}
	while (at < data.len && !out->failed)
		text_utf8_append(out, text_utf8_next(data, &at));
}

static void
append_units(const UChar *units, size_t count, UChar *high, struct buf *out)
{
	for (size_t i = 0; i < count; i++) {
		uint32_t u = units[i];

		if (u >= 0xd800 && u < 0xdc00) {
			*high = (UChar)u;
			continue;
		}
		if (u >= 0xdc00 && u < 0xe000)
			u = *high != 0 ? 0x10000 + (((uint32_t)*high - 0xd800) << 10) + (u - 0xdc00)
				       : 0xfffd;
		*high = 0;
		text_utf8_append(out, u);
	}
}

static void
convert(UConverter *converter, struct bytes data, struct buf *out)
{
	const char *at = (const char *)data.ptr, *end = at + data.len;
	UChar piece[PIECE_UNITS], high = 0;

	for (;;) {
		UErrorCode status = U_ZERO_ERROR;
		UChar *to = piece;

		ucnv_toUnicode(converter, &to, piece + PIECE_UNITS, &at, end, NULL, true, &status);
		append_units(piece, (size_t)(to - piece), &high, out);
		if (status != U_BUFFER_OVERFLOW_ERROR || out->failed)
			return;
	}
}

static bool
is_utf8_name(struct bytes name)
{
	return bytes_equal_nocase(name, BYTES_LIT("utf-8")) ||
	       bytes_equal_nocase(name, BYTES_LIT("utf8"));
}

static bool
is_ascii_name(struct bytes name)
{
	return bytes_equal_nocase(name, BYTES_LIT("us-ascii")) ||
	       bytes_equal_nocase(name, BYTES_LIT("ascii"));
}

/* What senders call Latin-1 is windows-1252 (WHATWG Encoding §4.2), and GB 2312 is its superset. */
static const char *
as_sent(const char *name)
{
	static const char *const table[][2] = {{"iso-8859-1", "windows-1252"},
	    {"latin1", "windows-1252"}, {"gb2312", "gb18030"}, {"gbk", "gb18030"},
	    {"ks_c_5601-1987", "windows-949"}, {"euc-kr", "windows-949"},
	    {"shift_jis", "windows-932"}, {"iso-8859-9", "windows-1254"},
	    {"tis-620", "windows-874"}, {"x-sjis", "windows-932"}, {"x-gbk", "gb18030"},
	    {"big5", "big5-hkscs"}, {"iso-8859-8-i", "iso-8859-8"}, {"unicode-1-1-utf-7", "utf-7"}};

	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
		if (bytes_equal_nocase(bytes_of_str(name), bytes_of_str(table[i][0])))
			return table[i][1];
	return name;
}

bool
mime_charset_to_utf8(struct bytes charset, struct bytes data, struct buf *out)
{
	char name[CHARSET_NAME_SIZE];
	UErrorCode status = U_ZERO_ERROR;
	UConverter *converter;

	charset = bytes_trim(charset);
	if (charset.len == 0 || charset.len >= sizeof name ||
	    bytes_find_byte(charset, 0, '\0') != SIZE_MAX)
		return false;
	/* Bytes that call themselves ASCII and are UTF-8 are read as what they are. */
	if (is_utf8_name(charset) || (is_ascii_name(charset) && text_utf8_valid(data))) {
		append_utf8(data, out);
		return true;
	}
	if (is_ascii_name(charset))
		charset = BYTES_LIT("windows-1252");
	memcpy(name, charset.ptr, charset.len);
	name[charset.len] = '\0';
	/* A name ICU does not list is not opened: it would be looked for as a file. */
	if (ucnv_countAliases(as_sent(name), &status) == 0 || U_FAILURE(status) != 0)
		return false;
	if (data.len == 0)
		return true;
	converter = ucnv_open(as_sent(name), &status);
	if (U_FAILURE(status) != 0)
		return false;
	convert(converter, data, out);
	ucnv_close(converter);
	return true;
}
