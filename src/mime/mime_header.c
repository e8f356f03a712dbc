/* SPDX-License-Identifier: Apache-2.0 */
/* Fields of a header: where each begins and ends, and what it says on one line. */
#include "mime_header.h"

#include <string.h>

#include "base_limits.h"
#include "base_text.h"
#include "mime_int.h"

struct bytes
mime_line(struct bytes text, size_t at, size_t *next_out)
{
	size_t lf = bytes_find_byte(text, at, '\n');
	size_t end = lf == SIZE_MAX ? text.len : lf;

	*next_out = lf == SIZE_MAX ? text.len : lf + 1;
	if (lf != SIZE_MAX && end > at && text.ptr[end - 1] == '\r')
		end--;
	return bytes_of(text.ptr + at, end - at);
}

struct bytes
mime_lower(struct arena *arena, struct bytes text)
{
	uint8_t *out = arena_alloc(arena, text.len + 1);

	for (size_t i = 0; i < text.len; i++)
		out[i] = text.ptr[i] >= 'A' && text.ptr[i] <= 'Z'
			     ? (uint8_t)(text.ptr[i] + ('a' - 'A'))
			     : text.ptr[i];
	return bytes_of(out, text.len);
}

/* RFC 5322 §2.2: printable ASCII but the colon; white space before the colon is what old mail has
 * (§4.5). Returns the offset of the colon, SIZE_MAX when the line is no field. */
static size_t
field_colon(struct bytes line, size_t *name_len)
{
	size_t i = 0;

	while (i < line.len && line.ptr[i] > 0x20 && line.ptr[i] < 0x7f && line.ptr[i] != ':')
		i++;
	*name_len = i;
	while (i < line.len && mime_is_space(line.ptr[i]))
		i++;
	return *name_len > 0 && i < line.len && line.ptr[i] == ':' ? i : SIZE_MAX;
}

/* A mailbox file's separator, left on top of a message by whoever took it out of one: not a field,
 * not the end of the header either. Returns where the header begins. */
static size_t
header_start(struct bytes message)
{
	size_t next = 0;

	if (bytes_starts_with(message, BYTES_LIT("From ")) ||
	    bytes_starts_with(message, BYTES_LIT(">From "))) {
		size_t name_len;
		struct bytes line = mime_line(message, 0, &next);

		if (field_colon(line, &name_len) != SIZE_MAX)
			next = 0; /* "From : a@b" of RFC 5322 §4.5 */
	}
	return next;
}

void
mime_header_init(struct mime_header_cursor *c, struct bytes message)
{
	memset(c, 0, sizeof *c);
	c->message = message;
	c->at = header_start(message);
}

static bool
continues(struct bytes message, size_t at)
{
	return at < message.len && mime_is_space(message.ptr[at]);
}

/* A line of white space only is a fold that says nothing, not the end of the header: only an empty
 * line is that. */
static size_t
field_end(struct bytes message, size_t next)
{
	while (continues(message, next))
		(void)mime_line(message, next, &next);
	return next;
}

bool
mime_header_next(struct mime_header_cursor *c, struct mime_field *out)
{
	size_t next, name_len, colon, end;
	struct bytes line;

	if (c->done || c->at >= c->message.len) {
		c->done = true;
		return false;
	}
	line = mime_line(c->message, c->at, &next);
	colon = field_colon(line, &name_len);
	if (line.len == 0 || colon == SIZE_MAX) {
		c->malformed = line.len > 0;
		c->done = true;
		return false;
	}
	end = field_end(c->message, next);
	if (c->field_count == MIME_FIELDS_MAX || end > MIME_HEADER_BYTES_MAX) {
		c->limited = true;
		c->done = true;
		return false;
	}
	c->field_count++;
	out->name = bytes_slice(line, 0, name_len);
	out->raw = bytes_slice(c->message, c->at + colon + 1, end - c->at - colon - 1);
	if (out->raw.len > 0 && out->raw.ptr[out->raw.len - 1] == '\n')
		out->raw.len--;
	if (out->raw.len > 0 && end > 0 && c->message.ptr[end - 1] == '\n' &&
	    out->raw.ptr[out->raw.len - 1] == '\r')
		out->raw.len--;
	c->at = end;
	return true;
}

size_t
mime_header_body(struct bytes message)
{
	size_t start = header_start(message), at = start, next, name_len;

	while (at < message.len) {
		struct bytes line = mime_line(message, at, &next);

		if (line.len == 0)
			return next;
		if (field_colon(line, &name_len) == SIZE_MAX &&
		    !(at > start && continues(message, at)))
			return at; /* no field and no continuation: the body began without an empty
				      line */
		at = next;
	}
	return message.len;
}

bool
mime_header_find(struct bytes message, const char *name, struct mime_field *out)
{
	struct mime_header_cursor c;

	mime_header_init(&c, message);
	while (mime_header_next(&c, out))
		if (bytes_equal_nocase(out->name, bytes_of_str(name)))
			return true;
	return false;
}

/* windows-1252, 0x80 to 0x9f; the rest is Latin-1. Undefined places become U+FFFD. */
static const uint16_t windows_1252[32] = {0x20ac, 0xfffd, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020,
    0x2021, 0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0xfffd, 0x017d, 0xfffd, 0xfffd, 0x2018, 0x2019,
    0x201c, 0x201d, 0x2022, 0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0xfffd, 0x017e,
    0x0178};

void
mime_utf8_append(struct bytes text, struct buf *out)
{
	if (text_utf8_valid(text)) {
		buf_append(out, text);
		return;
	}
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.ptr[i];

		text_utf8_append(out, c >= 0x80 && c < 0xa0 ? windows_1252[c - 0x80] : c);
	}
}

struct bytes
mime_utf8(struct arena *arena, struct bytes text)
{
	struct buf out;

	if (text_utf8_valid(text))
		return text;
	buf_init(&out, text.len * 3 + 1);
	mime_utf8_append(text, &out);
	text = arena_bytes(arena, buf_view(&out));
	buf_fini(&out);
	return text;
}

struct bytes
mime_unfold(struct arena *arena, struct bytes raw)
{
	uint8_t *out;
	size_t at = 0, n = 0;

	if (bytes_find_byte(raw, 0, '\n') == SIZE_MAX)
		return bytes_trim(raw);
	out = arena_alloc(arena, raw.len);
	while (at < raw.len) {
		size_t next;
		struct bytes line = bytes_trim(mime_line(raw, at, &next));

		if (n > 0 && line.len > 0)
			out[n++] = ' ';
		if (line.len > 0)
			memcpy(out + n, line.ptr, line.len);
		n += line.len;
		at = next;
	}
	return bytes_of(out, n);
}

struct bytes
mime_field_unfold(struct arena *arena, struct bytes raw)
{
	return mime_utf8(arena, mime_unfold(arena, raw));
}

struct bytes
mime_clean(struct arena *arena, struct bytes text)
{
	uint8_t *copy;
	size_t i = 0;

	while (i < text.len && (text.ptr[i] >= 0x20 || text.ptr[i] == '\t') && text.ptr[i] != 0x7f)
		i++;
	if (i == text.len)
		return text;
	copy = arena_alloc(arena, text.len);
	for (i = 0; i < text.len; i++)
		copy[i] = (text.ptr[i] < 0x20 && text.ptr[i] != '\t') || text.ptr[i] == 0x7f
			      ? ' '
			      : text.ptr[i];
	return bytes_of(copy, text.len);
}

struct bytes
mime_field_decode(struct arena *arena, struct bytes raw)
{
	return mime_clean(arena, mime_word_decode(arena, mime_unfold(arena, raw)));
}
