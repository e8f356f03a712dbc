/* SPDX-License-Identifier: Apache-2.0 */
/* Values with parameters, RFC 2045 §5.1 and RFC 2231. */
#include <stdlib.h>
#include <string.h>

#include "base_limits.h"
#include "base_text.h"
#include "mime_int.h"
#include "mime_message.h"

/* A parameter as written: name*section*=value. */
struct piece {
	struct bytes name; /* lower case, before the first '*' */
	unsigned section;
	bool sectioned, extended;
	struct bytes value; /* unquoted */
	size_t order;
};

static size_t
skip_blank(struct bytes text, size_t at)
{
	while (at < text.len && (text.ptr[at] <= ' '))
		at++;
	return at;
}

/* A value at *at: quoted, or up to the next semicolon; real mail has unquoted spaces. */
static struct bytes
take_value(struct arena *arena, struct bytes text, size_t *at)
{
	size_t start = *at, end, n = 0;
	uint8_t *out;

	if (start >= text.len || text.ptr[start] != '"') {
		end = bytes_find_byte(text, start, ';');
		*at = end == SIZE_MAX ? text.len : end;
		return bytes_trim(bytes_slice(text, start, *at - start));
	}
	for (end = ++start; end < text.len && text.ptr[end] != '"'; end++)
		if (text.ptr[end] == '\\' && end + 1 < text.len)
			end++;
	out = arena_alloc(arena, end - start + 1);
	/* Before other characters a backslash is a separator of folders, in mail as it is. */
	for (size_t i = start; i < end; i++) {
		if (text.ptr[i] == '\\' && i + 1 < end &&
		    (text.ptr[i + 1] == '"' || text.ptr[i + 1] == '\\'))
			i++;
		out[n++] = text.ptr[i];
	}
	*at = end < text.len ? end + 1 : end;
	return bytes_of(out, n);
}

/* "name*1*" → name, section 1, extended. */
static void
split_name(struct bytes name, struct piece *p)
{
	size_t star = bytes_find_byte(name, 0, '*');
	struct bytes rest;
	uint64_t section;

	p->name = name;
	if (star == SIZE_MAX)
		return;
	p->name = bytes_slice(name, 0, star);
	rest = bytes_slice(name, star + 1, SIZE_MAX);
	if (rest.len == 0) {
		p->extended = true;
		return;
	}
	if (rest.ptr[rest.len - 1] == '*') {
		p->extended = true;
		rest.len--;
	}
	if (text_u64_parse(&section, rest) && section <= MIME_PARAMETERS_MAX) {
		p->section = (unsigned)section;
		p->sectioned = true;
	}
}

static size_t
take_pieces(struct arena *arena, struct bytes text, size_t at, struct piece *out)
{
	size_t n = 0;

	while (at < text.len && n < MIME_PARAMETERS_MAX) {
		size_t semicolon = bytes_find_byte(text, at, ';'), equals;

		if (semicolon == SIZE_MAX)
			semicolon = text.len;
		equals = bytes_find_byte(bytes_slice(text, 0, semicolon), at, '=');
		if (equals == SIZE_MAX) {
			at = semicolon + 1;
			continue;
		}
		split_name(
		    mime_lower(arena, bytes_trim(bytes_slice(text, at, equals - at))), &out[n]);
		at = skip_blank(text, equals + 1);
		out[n].value = take_value(arena, text, &at);
		out[n].order = n;
		semicolon = bytes_find_byte(text, at, ';');
		at = semicolon == SIZE_MAX ? text.len : semicolon + 1;
		n++;
	}
	return n;
}

/* As many as there can be: every piece but the last ends with a semicolon. */
static size_t
piece_room(struct bytes text)
{
	size_t n = 1;

	for (size_t i = 0; i < text.len && n < MIME_PARAMETERS_MAX; i++)
		n += text.ptr[i] == ';' ? 1 : 0;
	return n;
}

static int
compare_pieces(const void *a, const void *b)
{
	const struct piece *x = a, *y = b;
	int by_name = bytes_compare(x->name, y->name);

	if (by_name != 0)
		return by_name;
	if (x->sectioned != y->sectioned)
		return y->sectioned ? -1 : 1;
	if (x->section != y->section)
		return x->section < y->section ? -1 : 1;
	return x->order < y->order ? -1 : 1;
}

static void
percent_decode(struct bytes text, struct buf *out)
{
	for (size_t i = 0; i < text.len; i++) {
		uint8_t byte;

		if (text.ptr[i] == '%' && text_hex_parse(&byte, 1, bytes_slice(text, i + 1, 2))) {
			buf_append_byte(out, byte);
			i += 2;
		} else {
			buf_append_byte(out, text.ptr[i]);
		}
	}
}

/* charset'language'text of a first extended piece. */
static struct bytes
split_charset(struct bytes value, struct bytes *charset_out)
{
	size_t first = bytes_find_byte(value, 0, '\''), second;

	if (first == SIZE_MAX)
		return value;
	second = bytes_find_byte(value, first + 1, '\'');
	if (second == SIZE_MAX)
		return value;
	*charset_out = bytes_slice(value, 0, first);
	return bytes_slice(value, second + 1, SIZE_MAX);
}

/* Pieces [from, to) are one parameter. */
static struct bytes
join(struct arena *arena, const struct piece *pieces, size_t from, size_t to)
{
	struct bytes charset = BYTES_EMPTY, result;
	struct buf raw, text;
	bool extended = false;

	if (to - from == 1 && !pieces[from].extended)
		return mime_word_decode(arena, pieces[from].value);
	buf_init(&raw, MIME_HEADER_BYTES_MAX);
	buf_init(&text, MIME_HEADER_BYTES_MAX * 4);
	for (size_t i = from; i < to; i++) {
		struct bytes value = pieces[i].value;

		/* Of a section given twice the first counts. */
		if (i > from && pieces[i].section == pieces[i - 1].section)
			continue;
		if (!pieces[i].extended) {
			buf_append(&raw, value);
			continue;
		}
		if (!extended)
			value = split_charset(value, &charset);
		extended = true;
		percent_decode(value, &raw);
	}
	if (charset.len == 0 || !mime_charset_to_utf8(charset, buf_view(&raw), &text))
		mime_utf8_append(buf_view(&raw), &text);
	result = arena_bytes(arena, buf_view(&text));
	buf_fini(&text);
	buf_fini(&raw);
	return result;
}

/* A name given plain, extended and in sections: the extended form wins, then sections (RFC 2231 is
 * there to replace the other). Of equals the first wins. */
static size_t
preferred(const struct piece *pieces, size_t from, size_t to, size_t *end_out)
{
	size_t best = SIZE_MAX;

	for (size_t i = from; i < to && best == SIZE_MAX; i++)
		if (pieces[i].extended && !pieces[i].sectioned)
			best = i;
	for (size_t i = from; i < to && best == SIZE_MAX; i++)
		if (pieces[i].sectioned)
			best = i;
	if (best == SIZE_MAX)
		best = from;
	*end_out = pieces[best].sectioned ? to : best + 1;
	return best;
}

/* At the first semicolon; or at the first space when a parameter stands behind it all the same
 * ("text/plain charset=utf-8"). */
static size_t
end_of_value(struct bytes text)
{
	size_t semicolon = bytes_find_byte(text, 0, ';'), space = 0;
	struct bytes before = bytes_slice(text, 0, semicolon);

	while (space < before.len && before.ptr[space] > ' ')
		space++;
	return bytes_find_byte(before, space, '=') != SIZE_MAX ? space : before.len;
}

size_t
mime_param_parse(
    struct arena *arena, struct bytes raw, struct bytes *value_out, struct mime_param **out)
{
	struct bytes text = mime_unfold(arena, raw);
	size_t value_end = end_of_value(text), n, count = 0, from = 0;
	struct piece *pieces;

	*value_out =
	    mime_lower(arena, mime_utf8(arena, bytes_trim(bytes_slice(text, 0, value_end))));
	*out = NULL;
	if (value_end == text.len)
		return 0;
	pieces = arena_calloc(arena, piece_room(text), sizeof *pieces);
	n = take_pieces(arena, text, value_end + 1, pieces);
	if (n == 0)
		return 0;
	qsort(pieces, n, sizeof *pieces, compare_pieces);
	*out = arena_calloc(arena, n, sizeof **out);
	while (from < n) {
		size_t to = from + 1, end, best;

		while (to < n && bytes_equal(pieces[to].name, pieces[from].name))
			to++;
		best = preferred(pieces, from, to, &end);
		(*out)[count++] =
		    (struct mime_param){pieces[from].name, join(arena, pieces, best, end)};
		from = to;
	}
	return count;
}

struct bytes
mime_param_find(const struct mime_param *params, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (bytes_equal(params[i].name, bytes_of_str(name)))
			return params[i].value;
	return BYTES_EMPTY;
}
