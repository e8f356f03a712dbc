/* SPDX-License-Identifier: Apache-2.0 */
/* Transfer encodings undone, the way mail has them: what does not belong is skipped, an end that is
 * missing is an end. */
#include "base_limits.h"
#include "mime_int.h"
#include "mime_message.h"

static int
base64_value(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Room for as much of most as out takes. NULL: none. */
static uint8_t *
room_for(struct buf *out, size_t most, size_t *room_out)
{
	size_t room = out->max - out->len;

	*room_out = most < room ? most : room;
	return *room_out > 0 && !out->failed ? buf_reserve(out, *room_out) : NULL;
}

void
mime_base64_decode(struct bytes data, struct buf *out)
{
	uint32_t bits = 0;
	unsigned count = 0;
	size_t n = 0, room;
	uint8_t *to = room_for(out, data.len / 4 * 3 + 3, &room);

	for (size_t i = 0; to != NULL && i < data.len; i++) {
		int v = base64_value(data.ptr[i]);

		if (data.ptr[i] == '=') {
			count = 0; /* padding ends a group; concatenated pieces go on after it */
			bits = 0;
			continue;
		}
		if (v < 0)
			continue;
		bits = bits << 6 | (uint32_t)v;
		count += 6;
		if (count < 8)
			continue;
		if (n == room)
			break;
		count -= 8;
		to[n++] = (uint8_t)(bits >> count);
		bits &= (1u << count) - 1;
	}
	if (n > 0)
		buf_grow(out, n);
	if (count >= 8 || (to == NULL && data.len > 0))
		out->failed = true;
}

static int
hex_value(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "=" at at: how many bytes it and what follows take when it is a soft line break (RFC 2045 §6.7,
 * spaces before the line end allowed); 0 = it is none. */
static size_t
soft_break(struct bytes data, size_t at)
{
	size_t i = at + 1;

	while (i < data.len && mime_is_space(data.ptr[i]))
		i++;
	if (i < data.len && data.ptr[i] == '\r')
		i++;
	if (i < data.len && data.ptr[i] == '\n')
		return i + 1 - at;
	return i >= data.len ? i - at : 0;
}

void
mime_quoted_printable_decode(struct bytes data, bool underscore_is_space, struct buf *out)
{
	size_t at = 0, n = 0, room;
	uint8_t *to = room_for(out, data.len, &room);

	while (at < data.len && n < room && to != NULL) {
		uint8_t c = data.ptr[at];
		size_t skip;

		if (c == '=' && at + 2 < data.len && hex_value(data.ptr[at + 1]) >= 0 &&
		    hex_value(data.ptr[at + 2]) >= 0) {
			to[n++] = (uint8_t)(hex_value(data.ptr[at + 1]) << 4 |
					    hex_value(data.ptr[at + 2]));
			at += 3;
		} else if (c == '=' && !underscore_is_space && (skip = soft_break(data, at)) > 0) {
			at += skip;
		} else {
			to[n++] = c == '_' && underscore_is_space ? ' ' : c;
			at++;
		}
	}
	if (n > 0)
		buf_grow(out, n);
	if (at < data.len)
		out->failed = true;
}

/* One line of uuencoded data, RFC-less and old: length character, then groups of four. */
static void
uu_line(struct bytes line, struct buf *out)
{
	size_t want = line.len > 0 ? (line.ptr[0] - 0x20u) & 0x3fu : 0;
	uint32_t bits;

	for (size_t i = 1; i + 3 < line.len + 3 && want > 0; i += 4) {
		bits = 0;
		for (size_t k = 0; k < 4; k++)
			bits =
			    bits << 6 | (i + k < line.len ? (line.ptr[i + k] - 0x20u) & 0x3fu : 0u);
		for (size_t k = 0; k < 3 && want > 0; k++, want--)
			buf_append_byte(out, (uint8_t)(bits >> (16 - 8 * k)));
	}
}

static void
uu_decode(struct bytes data, struct buf *out)
{
	size_t at = 0;
	bool inside = false;

	while (at < data.len) {
		size_t next;
		struct bytes line = mime_line(data, at, &next);

		if (!inside)
			inside = bytes_starts_with(line, BYTES_LIT("begin "));
		else if (bytes_equal(line, BYTES_LIT("end")))
			return;
		else
			uu_line(line, out);
		at = next;
	}
}

static void
append_what_fits(struct bytes data, struct buf *out)
{
	size_t room = out->max - out->len;

	buf_append(out, bytes_slice(data, 0, room));
	if (data.len > room)
		out->failed = true;
}

void
mime_part_decode(const struct mime_message *m, const struct mime_part *part, struct buf *out)
{
	struct bytes body = bytes_slice(m->bytes, part->body_at, part->end - part->body_at);

	switch (part->encoding) {
	case MIME_ENCODING_IDENTITY:
		append_what_fits(body, out);
		return;
	case MIME_ENCODING_BASE64:
		mime_base64_decode(body, out);
		return;
	case MIME_ENCODING_QUOTED_PRINTABLE:
		mime_quoted_printable_decode(body, false, out);
		return;
	case MIME_ENCODING_UUENCODE:
		uu_decode(body, out);
		return;
	}
}

/* A character the limit cut in two would make good UTF-8 look bad. */
static struct bytes
without_cut_character(struct bytes data)
{
	for (size_t back = 1; back <= 3 && back <= data.len; back++)
		if (data.ptr[data.len - back] >= 0xc0)
			return bytes_slice(data, 0, data.len - back);
	return data;
}

void
mime_part_text(const struct mime_message *m, const struct mime_part *part, struct buf *out)
{
	struct buf decoded;
	struct bytes data;

	buf_init(&decoded, MIME_TEXT_BYTES_MAX);
	mime_part_decode(m, part, &decoded);
	data = buf_view(&decoded);
	if (decoded.failed)
		data = without_cut_character(data);
	/* Without a name, and with one that nobody knows: UTF-8 when it is that, like ASCII. */
	if (part->charset.len == 0 || !mime_charset_to_utf8(part->charset, data, out))
		(void)mime_charset_to_utf8(BYTES_LIT("us-ascii"), data, out);
	if (decoded.failed)
		out->failed = true;
	buf_fini(&decoded);
}
