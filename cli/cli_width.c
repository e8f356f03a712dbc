/* SPDX-License-Identifier: Apache-2.0 */
/* Text from strangers on a terminal. Ranges: Unicode 15, UAX #11 (wide), general category Mn (combining), coarse. */
#include "cli_width.h"

#include "base_text.h"

struct range {
	uint32_t from, to;
};

static const struct range wide[] = {{0x1100, 0x115f}, {0x2e80, 0x303e}, {0x3041, 0x33ff},
    {0x3400, 0x4dbf}, {0x4e00, 0x9fff}, {0xa000, 0xa4cf}, {0xa960, 0xa97f}, {0xac00, 0xd7a3},
    {0xf900, 0xfaff}, {0xfe30, 0xfe6f}, {0xff00, 0xff60}, {0xffe0, 0xffe6}, {0x1f300, 0x1f64f},
    {0x1f680, 0x1f6ff}, {0x1f900, 0x1f9ff}, {0x20000, 0x3fffd}};
static const struct range combining[] = {{0x300, 0x36f}, {0x483, 0x489}, {0x591, 0x5bd},
    {0x610, 0x61a}, {0x64b, 0x65f}, {0x6d6, 0x6dc}, {0x93c, 0x93c}, {0x941, 0x948}, {0x94d, 0x94d},
    {0xe31, 0xe31}, {0xe34, 0xe3a}, {0x1ab0, 0x1aff}, {0x1dc0, 0x1dff}, {0x20d0, 0x20ff},
    {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f}, {0xe0100, 0xe01ef}};
/* what a terminal obeys, or what makes text look like other text */
static const struct range unsafe[] = {{0x0, 0x1f}, {0x7f, 0x9f}, {0xad, 0xad}, {0x200b, 0x200f},
    {0x2028, 0x202e}, {0x2060, 0x206f}, {0xfeff, 0xfeff}, {0xfff9, 0xfffb}, {0xe0000, 0xe007f}};

static bool
within(const struct range *ranges, size_t count, uint32_t c)
{
	for (size_t i = 0; i < count; i++)
		if (c >= ranges[i].from && c <= ranges[i].to)
			return true;
	return false;
}

#define WITHIN(table, c) within((table), sizeof(table) / sizeof((table)[0]), (c))

static size_t
width_of(uint32_t c)
{
	if (c < 0x300)
		return 1;
	return WITHIN(combining, c) ? 0 : WITHIN(wide, c) ? 2 : 1;
}

size_t
cli_width(struct bytes text)
{
	size_t at = 0, width = 0;

	while (at < text.len)
		width += width_of(text_utf8_next(text, &at));
	return width;
}

void
cli_width_append_safe(struct buf *out, struct bytes text, size_t width_max, bool keep_lines)
{
	size_t at = 0, width = 0;
	bool cut = width_max != SIZE_MAX && cli_width(text) > width_max;

	while (at < text.len) {
		uint32_t c = text_utf8_next(text, &at);

		if (keep_lines && c == '\r' && at < text.len && text.ptr[at] == '\n')
			continue; /* a line end of mail is a line end */
		if (WITHIN(unsafe, c) && !(keep_lines && (c == '\n' || c == '\t')))
			c = 0xfffd;
		if (cut && width + width_of(c) > width_max - 1) {
			text_utf8_append(out, 0x2026);
			return;
		}
		width += width_of(c);
		text_utf8_append(out, c);
	}
}
