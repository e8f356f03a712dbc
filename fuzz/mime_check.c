/* SPDX-License-Identifier: Apache-2.0 */
/* What holds for every message, whatever its bytes. */
#include "mime_check.h"

#include "base_limits.h"
#include "base_text.h"
#include "mime_header.h"

#define SMALL_BYTES     7 /* a ceiling that most contents exceed */
#define DECODE_GROWTH   2 /* uuencode with lines cut short */
#define TEXT_GROWTH_MAX (8 * DECODE_GROWTH)

static bool
inside(struct bytes view, struct bytes text)
{
	return view.len == 0 || (view.ptr >= text.ptr && view.len <= text.len &&
				    (size_t)(view.ptr - text.ptr) <= text.len - view.len);
}

static void
check_shown(struct bytes text)
{
	must(text_utf8_valid(text));
	for (size_t i = 0; i < text.len; i++)
		must((text.ptr[i] >= 0x20 || text.ptr[i] == '\t') && text.ptr[i] != 0x7f);
}

void
mime_check_fields(struct bytes message)
{
	struct mime_header_cursor c;
	struct mime_field f, found;
	struct arena arena;
	size_t body = mime_header_body(message);

	arena_init(&arena);
	mime_header_init(&c, message);
	must(body <= message.len);
	while (mime_header_next(&c, &f)) {
		must(f.name.len > 0 && inside(f.name, message) && inside(f.raw, message));
		must(c.at <= body && c.field_count <= MIME_FIELDS_MAX);
		must(f.name.ptr + f.name.len < f.raw.ptr || f.raw.len == 0);
		must(text_utf8_valid(mime_field_unfold(&arena, f.raw)));
		check_shown(mime_field_decode(&arena, f.raw));
		must(mime_header_find(message, arena_text(&arena, f.name), &found));
		must(found.name.ptr <= f.name.ptr && bytes_equal_nocase(found.name, f.name));
	}
	must(c.done && !mime_header_next(&c, &f));
	arena_fini(&arena);
}

void
mime_check_addresses(struct bytes raw)
{
	struct mime_address *list = NULL;
	struct arena arena;
	bool limited = true;
	size_t n;

	arena_init(&arena);
	n = mime_address_parse(&arena, raw, &list, &limited);
	must(n <= MIME_ADDRESSES_MAX && (!limited || n == MIME_ADDRESSES_MAX));
	for (size_t i = 0; i < n; i++) {
		check_shown(list[i].display);
		must(text_utf8_valid(list[i].address));
		must(list[i].address.len <= 3 * raw.len);
	}
	arena_fini(&arena);
}

static void
check_tree(struct arena *arena, const struct mime_message *m)
{
	size_t *free_at = arena_calloc(arena, m->part_count, sizeof *free_at);

	must(m->part_count >= 1 && m->part_count <= MIME_PARTS_MAX);
	must(m->parts[0].header_at == 0 && m->parts[0].end == m->bytes.len);
	must(m->parts[0].parent == 0 && m->parts[0].depth == 0);
	must(m->parts[0].body_at == mime_header_body(m->bytes));
	for (size_t i = 0; i < m->part_count; i++) {
		const struct mime_part *p = &m->parts[i], *parent = &m->parts[p->parent];

		must(p->header_at <= p->body_at && p->body_at <= p->end && p->end <= m->bytes.len);
		must(p->type.len > 0 && p->subtype.len > 0);
		free_at[i] = p->body_at;
		if (i == 0)
			continue;
		must(p->parent < i && p->depth == parent->depth + 1 && p->depth <= MIME_DEPTH_MAX);
		must(parent->multipart || parent->message);
		/* Inside the parent's body, behind the sibling before. */
		must(p->header_at >= free_at[p->parent] && p->end <= parent->end);
		free_at[p->parent] = p->end;
	}
}

static void
check_content(const struct mime_message *m, const struct mime_part *p)
{
	size_t len = p->end - p->body_at;
	struct buf whole, small, text;

	buf_init(&whole, len * DECODE_GROWTH + 3);
	buf_init(&small, SMALL_BYTES);
	buf_init(&text, len * TEXT_GROWTH_MAX + 64);
	mime_part_decode(m, p, &whole);
	mime_part_decode(m, p, &small);
	must(!whole.failed && small.len <= SMALL_BYTES);
	must(bytes_starts_with(buf_view(&whole), buf_view(&small)));
	must(whole.len <= SMALL_BYTES ? small.len == whole.len
				      : small.failed && small.len == SMALL_BYTES);
	mime_part_text(m, p, &text);
	must(!text.failed || whole.len > MIME_TEXT_BYTES_MAX);
	must(text_utf8_valid(buf_view(&text)));
	buf_reset(&small);
	mime_part_text(m, p, &small);
	must(text_utf8_valid(buf_view(&small)) && small.len <= SMALL_BYTES);
	must(bytes_starts_with(buf_view(&text), buf_view(&small)));
	buf_fini(&text);
	buf_fini(&small);
	buf_fini(&whole);
}

void
mime_check_message(struct arena *arena, struct bytes message, struct mime_message *out)
{
	size_t budget =
	    4 * message.len + 4096; /* nested contents are read again: not without end */
	struct buf text;

	mime_message_scan(arena, message, out);
	check_tree(arena, out);
	for (size_t i = 0; i < out->part_count; i++) {
		size_t len = out->parts[i].end - out->parts[i].body_at;

		if (len > budget)
			continue;
		budget -= len;
		check_content(out, &out->parts[i]);
	}
	buf_init(&text, MIME_TEXT_BYTES_MAX);
	(void)mime_message_text(out, &text);
	(void)mime_message_html(out, &text);
	must(text_utf8_valid(buf_view(&text)));
	buf_fini(&text);
}
