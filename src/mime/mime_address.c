/* SPDX-License-Identifier: Apache-2.0 */
/* Address lists, RFC 5322 §3.4 with §4.4, and what real mail does with them. One pass. */
#include <string.h>

#include "base_limits.h"
#include "mime_int.h"

#define COMMENT_DEPTH_MAX 32

/* Where a list is being read. Words outside <…> collect in phrase, as written; those inside, or of
 * an address without brackets, in spec. */
struct list {
	struct arena *arena;
	struct bytes text;
	size_t at;
	struct buf phrase;  /* words before "<", one space between, quotes undone */
	struct buf spec;    /* the same bytes without white space and comments, quotes kept */
	struct buf comment; /* of an address without a phrase: old mail puts the name there */
	struct buf angle;   /* between "<" and ">" */
	bool has_angle;
	struct mime_address *out;
	size_t count, cap;
	bool limited;
};

/* "(…)", nested; at stands on "(". Text goes into comment. */
static void
take_comment(struct list *l)
{
	unsigned depth = 0;

	for (; l->at < l->text.len; l->at++) {
		uint8_t c = l->text.ptr[l->at];

		if (c == '\\' && l->at + 1 < l->text.len) {
			buf_append_byte(&l->comment, l->text.ptr[++l->at]);
		} else if (c == '(' && depth < COMMENT_DEPTH_MAX) {
			if (depth++ > 0)
				buf_append_byte(&l->comment, c);
		} else if (c == ')' && depth > 0) {
			if (--depth == 0) {
				l->at++;
				return;
			}
			buf_append_byte(&l->comment, c);
		} else {
			buf_append_byte(&l->comment, c);
		}
	}
}

/* A quoted string: at stands on the quote. plain gets what it means, raw what it says. */
static void
take_quoted(struct list *l, struct buf *plain, struct buf *raw)
{
	buf_append_byte(raw, '"');
	for (l->at++; l->at < l->text.len; l->at++) {
		uint8_t c = l->text.ptr[l->at];

		if (c == '"') {
			l->at++;
			break;
		}
		if (c == '\\' && l->at + 1 < l->text.len) {
			buf_append_byte(raw, c);
			c = l->text.ptr[++l->at];
		}
		if (plain != NULL)
			buf_append_byte(plain, c);
		buf_append_byte(raw, c);
	}
	buf_append_byte(raw, '"');
}

/* "<…>": at stands on "<". A route ("@a,@b:") before the address goes. */
static void
take_angle(struct list *l)
{
	bool route;

	buf_reset(&l->angle);
	l->has_angle = true;
	l->at++;
	route = l->at < l->text.len && l->text.ptr[l->at] == '@';
	while (l->at < l->text.len && l->text.ptr[l->at] != '>') {
		uint8_t c = l->text.ptr[l->at];

		if (c == '"') {
			take_quoted(l, NULL, &l->angle);
		} else if (c == '(') {
			take_comment(l);
		} else {
			if (route && c == ':') {
				buf_reset(&l->angle);
				route = false;
			} else if (c > ' ') {
				buf_append_byte(&l->angle, c);
			}
			l->at++;
		}
	}
	if (l->at < l->text.len)
		l->at++;
}

static void
push(struct list *l, struct bytes display, struct bytes address)
{
	if (l->count == MIME_ADDRESSES_MAX) {
		l->limited = true;
		return;
	}
	if (l->count == l->cap) {
		size_t cap = l->cap == 0 ? 4 : l->cap * 2;
		struct mime_address *more = arena_calloc(l->arena, cap, sizeof *more);

		if (l->count > 0)
			memcpy(more, l->out, l->count * sizeof *more);
		l->out = more;
		l->cap = cap;
	}
	l->out[l->count++] = (struct mime_address){
	    mime_word_decode(l->arena, arena_bytes(l->arena, bytes_trim(display))),
	    arena_bytes(l->arena, address)};
}

/* One element of the list is over. */
static void
finish(struct list *l)
{
	if (l->has_angle)
		push(l, buf_view(&l->phrase), buf_view(&l->angle));
	else if (l->spec.len > 0)
		push(l, buf_view(&l->comment), buf_view(&l->spec));
	buf_reset(&l->phrase);
	buf_reset(&l->spec);
	buf_reset(&l->comment);
	buf_reset(&l->angle);
	l->has_angle = false;
}

/* A word of a phrase, or a piece of an address without brackets. */
static void
take_plain(struct list *l, bool spaced)
{
	uint8_t c = l->text.ptr[l->at++];

	if (spaced && l->phrase.len > 0)
		buf_append_byte(&l->phrase, ' ');
	buf_append_byte(&l->phrase, c);
	if (!l->has_angle)
		buf_append_byte(&l->spec, c);
}

/* A group's name ends at ':'; but an address has none outside quotes, brackets and domain literals.
 */
static void
group_name(struct list *l)
{
	l->at++;
	buf_reset(&l->phrase);
	buf_reset(&l->spec);
	buf_reset(&l->comment);
}

static void
take_literal(struct list *l)
{
	while (l->at < l->text.len) {
		uint8_t c = l->text.ptr[l->at];

		take_plain(l, false);
		if (c == ']')
			return;
	}
}

static void
read_list(struct list *l)
{
	bool spaced = false;

	while (l->at < l->text.len) {
		uint8_t c = l->text.ptr[l->at];

		if (c == ',' || c == ';') {
			l->at++;
			finish(l);
		} else if (c == '(') {
			take_comment(l);
		} else if (c == '"') {
			if (spaced && l->phrase.len > 0)
				buf_append_byte(&l->phrase, ' ');
			take_quoted(l, &l->phrase, &l->spec);
		} else if (c == '<') {
			take_angle(l);
		} else if (c == ':') {
			group_name(l);
		} else if (c == '[' && l->spec.len > 0) {
			take_literal(l);
		} else if (c <= ' ') {
			l->at++;
			spaced = true;
			continue;
		} else {
			take_plain(l, spaced);
		}
		spaced = false;
	}
	finish(l);
}

size_t
mime_address_parse(
    struct arena *arena, struct bytes raw, struct mime_address **out, bool *limited_out)
{
	struct list l = {.arena = arena, .text = mime_field_unfold(arena, raw)};
	size_t max = l.text.len * 2 + 16;

	buf_init(&l.phrase, max);
	buf_init(&l.spec, max);
	buf_init(&l.comment, max);
	buf_init(&l.angle, max);
	read_list(&l);
	buf_fini(&l.phrase);
	buf_fini(&l.spec);
	buf_fini(&l.comment);
	buf_fini(&l.angle);
	*out = l.out;
	if (limited_out != NULL)
		*limited_out = l.limited;
	return l.count;
}
