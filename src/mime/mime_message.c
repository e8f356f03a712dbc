/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tree of parts in one pass over the lines (RFC 2046 §5.1): a stack of containers, the
 * innermost last; a delimiter line of any of them ends everything above it.
 */
#include "mime_message.h"

#include <string.h>

#include "base_limits.h"
#include "mime_int.h"

/* A multipart, or a message with a message inside (boundary empty). */
struct container {
	size_t part;
	struct bytes boundary;
	bool over; /* its closing delimiter was seen */
};

struct scan {
	struct arena *arena;
	struct mime_message *m;
	struct mime_part *parts;
	size_t count, cap;
	struct container stack[MIME_DEPTH_MAX + 1];
	size_t depth;
	size_t leaf;  /* the part whose lines are passing; SIZE_MAX between parts */
	bool stopped; /* MIME_PARTS_MAX */
};

/* Pointers for two columns of a part's header. */
struct content {
	struct mime_param *type_params, *disposition_params;
	size_t type_count, disposition_count;
};

static void
set_type(struct mime_part *p, struct bytes value)
{
	size_t slash = bytes_find_byte(value, 0, '/');

	if (slash == SIZE_MAX || slash == 0 || slash + 1 == value.len)
		return; /* broken: text/plain stands (RFC 2045 §5.2) */
	p->type = bytes_trim(bytes_slice(value, 0, slash));
	p->subtype = bytes_trim(bytes_slice(value, slash + 1, SIZE_MAX));
}

static enum mime_encoding
encoding_of(struct arena *arena, struct bytes raw)
{
	struct bytes word = bytes_trim(mime_field_unfold(arena, raw));

	if (bytes_equal_nocase(word, BYTES_LIT("base64")))
		return MIME_ENCODING_BASE64;
	if (bytes_equal_nocase(word, BYTES_LIT("quoted-printable")))
		return MIME_ENCODING_QUOTED_PRINTABLE;
	if (bytes_equal_nocase(word, BYTES_LIT("x-uuencode")) ||
	    bytes_equal_nocase(word, BYTES_LIT("uuencode")) ||
	    bytes_equal_nocase(word, BYTES_LIT("x-uue")))
		return MIME_ENCODING_UUENCODE;
	return MIME_ENCODING_IDENTITY;
}

static void
take_field(struct scan *s, struct mime_part *p, const struct mime_field *f, struct content *c)
{
	struct bytes value;

	if (bytes_equal_nocase(f->name, BYTES_LIT("Content-Type"))) {
		c->type_count = mime_param_parse(s->arena, f->raw, &value, &c->type_params);
		set_type(p, value);
	} else if (bytes_equal_nocase(f->name, BYTES_LIT("Content-Disposition"))) {
		c->disposition_count =
		    mime_param_parse(s->arena, f->raw, &p->disposition, &c->disposition_params);
	} else if (bytes_equal_nocase(f->name, BYTES_LIT("Content-Transfer-Encoding"))) {
		p->encoding = encoding_of(s->arena, f->raw);
	} else if (bytes_equal_nocase(f->name, BYTES_LIT("Content-ID"))) {
		p->content_id = mime_field_unfold(s->arena, f->raw);
	}
}

/* 1 a delimiter, 2 a closing one, 0 neither. The line is without white space at its end. */
static int
delimiter(struct bytes line, struct bytes boundary)
{
	struct bytes rest;

	if (boundary.len == 0 || line.len < boundary.len + 2 || line.ptr[2] != boundary.ptr[0] ||
	    !bytes_starts_with(bytes_slice(line, 2, SIZE_MAX), boundary))
		return 0;
	rest = bytes_slice(line, 2 + boundary.len, SIZE_MAX);
	if (rest.len == 0)
		return 1;
	return bytes_equal(rest, BYTES_LIT("--")) ? 2 : 0;
}

static bool
is_delimiter(const struct scan *s, struct bytes line)
{
	line = bytes_trim(line);
	for (size_t level = s->depth; level-- > 0;)
		if (!s->stack[level].over && delimiter(line, s->stack[level].boundary) != 0)
			return true;
	return false;
}

/* The next field; not a delimiter that looks like one ("--a:b" of boundary "a:b"): there the part
 * is over. */
static bool
next_field(const struct scan *s, struct mime_header_cursor *cursor, struct mime_field *f)
{
	struct mime_header_cursor before = *cursor;
	size_t next;

	if (!mime_header_next(cursor, f))
		return false;
	if (f->name.len < 3 || f->name.ptr[0] != '-' || f->name.ptr[1] != '-' ||
	    !is_delimiter(s, mime_line(cursor->message, before.at, &next)))
		return true;
	*cursor = before;
	cursor->malformed = true;
	return false;
}

/* text/plain, in a digest message/rfc822 (RFC 2046 §5.1.5). */
static void
default_type(const struct scan *s, struct mime_part *p)
{
	const struct mime_part *parent = &s->parts[p->parent];
	bool digest =
	    p->depth > 0 && parent->multipart && bytes_equal(parent->subtype, BYTES_LIT("digest"));

	p->type = digest ? BYTES_LIT("message") : BYTES_LIT("text");
	p->subtype = digest ? BYTES_LIT("rfc822") : BYTES_LIT("plain");
}

/* Reads the header at p->header_at; returns the boundary of a multipart (empty: none). */
static struct bytes
read_header(struct scan *s, struct mime_part *p)
{
	struct bytes rest = bytes_slice(s->m->bytes, p->header_at, SIZE_MAX);
	struct mime_header_cursor cursor;
	struct content c = {NULL, NULL, 0, 0};
	struct mime_field f;
	struct bytes boundary;

	default_type(s, p);
	mime_header_init(&cursor, rest);
	while (next_field(s, &cursor, &f))
		if (f.name.len > 8 && (f.name.ptr[0] | 0x20) == 'c')
			take_field(s, p, &f, &c);
	s->m->flags |= (cursor.malformed ? MIME_FLAG_MALFORMED : 0u) |
		       (cursor.limited ? MIME_FLAG_LIMITED : 0u);
	p->body_at = p->header_at + (cursor.limited ? mime_header_body(rest) : cursor.at);
	if (!cursor.limited && !cursor.malformed && p->body_at < s->m->bytes.len) {
		size_t next;

		(void)mime_line(s->m->bytes, p->body_at, &next); /* the empty line */
		p->body_at = next;
	}
	p->charset = mime_param_find(c.type_params, c.type_count, "charset");
	p->filename = mime_param_find(c.disposition_params, c.disposition_count, "filename");
	if (p->filename.len == 0)
		p->filename = mime_param_find(c.type_params, c.type_count, "name");
	p->multipart = bytes_equal(p->type, BYTES_LIT("multipart"));
	p->message = bytes_equal(p->type, BYTES_LIT("message")) &&
		     (bytes_equal(p->subtype, BYTES_LIT("rfc822")) ||
			 bytes_equal(p->subtype, BYTES_LIT("global")));
	/* A boundary does not end in white space (RFC 2046 §5.1.1), and lines are compared so. */
	boundary = p->multipart
		       ? bytes_trim(mime_param_find(c.type_params, c.type_count, "boundary"))
		       : BYTES_EMPTY;
	if (p->multipart && (boundary.len == 0 || boundary.len > MIME_BOUNDARY_MAX)) {
		s->m->flags |= MIME_FLAG_MALFORMED;
		boundary = BYTES_EMPTY;
	}
	return boundary;
}

static size_t
new_part(struct scan *s, size_t at, size_t parent)
{
	struct mime_part *p;

	if (s->count == MIME_PARTS_MAX) {
		s->m->flags |= MIME_FLAG_LIMITED;
		s->stopped = true;
		return SIZE_MAX;
	}
	if (s->count == s->cap) {
		size_t cap = s->cap == 0 ? 8 : s->cap * 2;
		struct mime_part *more = arena_calloc(s->arena, cap, sizeof *more);

		if (s->count > 0)
			memcpy(more, s->parts, s->count * sizeof *more);
		s->parts = more;
		s->cap = cap;
	}
	p = &s->parts[s->count];
	memset(p, 0, sizeof *p);
	p->header_at = at;
	p->parent = parent == SIZE_MAX ? s->count : parent;
	p->depth = parent == SIZE_MAX ? 0 : s->parts[parent].depth + 1;
	p->end = SIZE_MAX; /* open */
	return s->count++;
}

/* A part begins at at; containers within it too. Returns where its lines go on. */
static size_t
open_part(struct scan *s, size_t at, size_t parent)
{
	for (;;) {
		size_t i = new_part(s, at, parent);
		struct bytes boundary;
		struct mime_part *p;
		bool inner;

		if (i == SIZE_MAX)
			return s->m->bytes.len;
		p = &s->parts[i];
		boundary = read_header(s, p);
		inner = p->message && p->encoding == MIME_ENCODING_IDENTITY;
		if (s->depth == MIME_DEPTH_MAX && (boundary.len > 0 || inner)) {
			s->m->flags |= MIME_FLAG_LIMITED;
			inner = false;
			boundary = BYTES_EMPTY;
		}
		if (boundary.len > 0 || inner)
			s->stack[s->depth++] = (struct container){i, boundary, false};
		s->leaf = boundary.len > 0 || inner ? SIZE_MAX : i;
		if (!inner)
			return p->body_at;
		at = p->body_at;
		parent = i;
	}
}

/* Returns where the part ends: never before its body, so that what holds it ends no sooner. */
static size_t
close_part(struct scan *s, size_t i, size_t end)
{
	struct mime_part *p = &s->parts[i];

	if (p->end == SIZE_MAX)
		p->end = end > p->body_at ? end : p->body_at;
	return end > p->end ? end : p->end;
}

/* Everything above level ends before the delimiter line at at. */
static void
close_above(struct scan *s, size_t level, size_t at)
{
	struct bytes all = s->m->bytes;
	size_t end = at;

	/* The line end before a delimiter belongs to the delimiter (RFC 2046 §5.1.1). */
	if (end > 0 && all.ptr[end - 1] == '\n')
		end--;
	if (end > 0 && end < at && all.ptr[end - 1] == '\r')
		end--;
	if (s->leaf != SIZE_MAX)
		end = close_part(s, s->leaf, end);
	s->leaf = SIZE_MAX;
	while (s->depth > level + 1) {
		s->depth--;
		if (s->stack[s->depth].boundary.len > 0 && !s->stack[s->depth].over)
			s->m->flags |= MIME_FLAG_MALFORMED; /* never closed */
		end = close_part(s, s->stack[s->depth].part, end);
	}
}

/* A line that begins with "--". Returns where to go on. */
static size_t
take_dashes(struct scan *s, struct bytes line, size_t at, size_t next)
{
	line = bytes_trim(line);
	for (size_t level = s->depth; level-- > 0;) {
		struct container *c = &s->stack[level];
		int kind = c->over ? 0 : delimiter(line, c->boundary);

		if (kind == 0)
			continue;
		close_above(s, level, at);
		if (kind == 1)
			return open_part(s, next, c->part);
		c->over = true;
		return next;
	}
	return next;
}

/* The next line that begins with two dashes. Base64 has none: most of a large message is passed in one step. */
static size_t
dashes_find(struct bytes all, size_t at)
{
	while ((at = bytes_find_byte(all, at, '-')) != SIZE_MAX) {
		if (at > 0 && all.ptr[at - 1] == '\n' && all.len - at > 2 && all.ptr[at + 1] == '-')
			return at;
		at++;
	}
	return all.len;
}

static void
scan_lines(struct scan *s, size_t at)
{
	struct bytes all = s->m->bytes;

	while (at < all.len && !s->stopped && s->depth > 0) {
		if (all.len - at > 2 && all.ptr[at] == '-' && all.ptr[at + 1] == '-') {
			size_t next;
			struct bytes line = mime_line(all, at, &next);

			at = take_dashes(s, line, at, next);
		} else {
			at = dashes_find(all, at);
		}
	}
}

static void
close_all(struct scan *s)
{
	for (size_t i = 0; i < s->depth; i++)
		if (s->stack[i].boundary.len > 0 && !s->stack[i].over)
			s->m->flags |= MIME_FLAG_MALFORMED;
	for (size_t i = 0; i < s->count; i++)
		(void)close_part(s, i, s->m->bytes.len);
}

static bool
is_inline_image(const struct mime_message *m, const struct mime_part *p)
{
	const struct mime_part *parent = &m->parts[p->parent];

	return bytes_equal(p->type, BYTES_LIT("image")) && p->content_id.len > 0 &&
	       parent->multipart && bytes_equal(parent->subtype, BYTES_LIT("related"));
}

static bool
is_body_text(const struct mime_part *p)
{
	return bytes_equal(p->type, BYTES_LIT("text")) &&
	       (bytes_equal(p->subtype, BYTES_LIT("plain")) ||
		   bytes_equal(p->subtype, BYTES_LIT("html")));
}

static bool
is_attachment(const struct mime_message *m, const struct mime_part *p)
{
	if (p->multipart)
		return false;
	if (bytes_equal(p->disposition, BYTES_LIT("attachment")))
		return true;
	return !is_inline_image(m, p) && (p->filename.len > 0 || !is_body_text(p));
}

#define FLAG_STEP 64u /* so many at once, for compilers that make one step of many */

/* Does every LF stand behind a CR, and every CR before an LF, in data[1 .. len) and what is before each? */
static bool
is_all_crlf(struct bytes all)
{
	size_t at = 1;
	uint8_t wrong = 0;

	if (all.len == 0 || all.ptr[0] == '\n' || all.ptr[all.len - 1] == '\r')
		return all.len == 0;
	for (; all.len - at >= FLAG_STEP && wrong == 0; at += FLAG_STEP) {
		const uint8_t *here = all.ptr + at, *before = here - 1;

		for (size_t i = 0; i < FLAG_STEP; i++)
			wrong |= (uint8_t)((here[i] == '\n') ^ (before[i] == '\r'));
	}
	for (; at < all.len; at++)
		wrong |= (uint8_t)((all.ptr[at] == '\n') ^ (all.ptr[at - 1] == '\r'));
	return wrong == 0;
}

static uint32_t
line_flags(struct bytes all)
{
	uint32_t flags = 0;

	if (is_all_crlf(all))
		return 0;
	for (size_t i = 0; i < all.len; i++) {
		if (all.ptr[i] == '\n' && (i == 0 || all.ptr[i - 1] != '\r'))
			flags |= MIME_FLAG_BARE_LF;
		if (all.ptr[i] == '\r' && (i + 1 == all.len || all.ptr[i + 1] != '\n'))
			flags |= MIME_FLAG_BARE_CR;
	}
	return flags;
}

/* RFC 5321 wants CRLF and nothing else; what else there is is kept and noted. */
static uint32_t
byte_flags(struct bytes all, size_t header_end)
{
	uint32_t flags =
	    line_flags(all) | (bytes_find_byte(all, 0, 0) != SIZE_MAX ? MIME_FLAG_NUL : 0u);

	for (size_t i = 0; i < header_end; i++)
		if (all.ptr[i] >= 0x80)
			return flags | MIME_FLAG_8BIT_HEADER;
	return flags;
}

void
mime_message_scan(struct arena *arena, struct bytes message, struct mime_message *out)
{
	struct scan *s = arena_calloc(arena, 1, sizeof *s);

	memset(out, 0, sizeof *out);
	out->bytes = message;
	s->arena = arena;
	s->m = out;
	s->leaf = SIZE_MAX;
	scan_lines(s, open_part(s, 0, SIZE_MAX));
	close_all(s);
	out->parts = s->parts;
	out->part_count = s->count;
	out->flags |= byte_flags(message, s->parts[0].body_at);
	for (size_t i = 0; i < s->count && !out->has_attachments; i++)
		out->has_attachments = is_attachment(out, &s->parts[i]);
}

/* What an attached message says is not what this one says. The message itself may be one. */
static bool
is_forwarded(const struct mime_message *m, size_t i)
{
	while (i != 0) {
		i = m->parts[i].parent;
		if (i != 0 && m->parts[i].message)
			return true;
	}
	return false;
}

static bool
body_text(const struct mime_message *m, const char *subtype, struct buf *out)
{
	for (size_t i = 0; i < m->part_count; i++) {
		const struct mime_part *p = &m->parts[i];

		if (!bytes_equal(p->type, BYTES_LIT("text")) ||
		    !bytes_equal(p->subtype, bytes_of_str(subtype)) || is_attachment(m, p) ||
		    is_forwarded(m, i))
			continue;
		mime_part_text(m, p, out);
		return true;
	}
	return false;
}

bool
mime_message_text(const struct mime_message *m, struct buf *out)
{
	return body_text(m, "plain", out);
}

bool
mime_message_html(const struct mime_message *m, struct buf *out)
{
	return body_text(m, "html", out);
}
