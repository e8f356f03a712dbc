/* SPDX-License-Identifier: Apache-2.0 */
/* Address lists, RFC 5322 §3.4 with §4.4, and what real mail does with them. One pass. */
#include <string.h>

#include "base_limits.h"
#include "mime_int.h"

#define COMMENT_DEPTH_MAX 32

/* Where a list is being read. Words outside <…> collect in phrase, as they are meant; a word that
 * may be an address without brackets in spec, as it is written. */
struct list {
	struct arena *arena;
	struct bytes text;
	size_t at;
	struct buf phrase;  /* words before "<", one space between, quotes undone */
	struct buf spec;    /* the word being read, quotes kept, obsolete white space out */
	struct buf comment; /* of an address without a phrase: old mail puts the name there */
	struct buf angle;   /* between "<" and ">" */
	size_t name_len;    /* of phrase: what stands before spec */
	bool has_angle, has_at, spec_over;
	bool lone_quote, lone_parenthesis; /* one that never closes was met: they mean themselves */
	struct mime_address *out;
	size_t count, cap;
	bool limited;
};

/* "(…)", nested; at stands on "(". Text goes into comment. False, and nothing is taken, when it
 * does not end: that happens once in a list. */
static bool
take_comment(struct list *l)
{
	size_t start = l->at, comment_len = l->comment.len;
	unsigned depth = 0;

	for (; l->at < l->text.len; l->at++) {
		uint8_t c = l->text.ptr[l->at];

		if (c == '\\' && l->at + 1 < l->text.len) {
			buf_append_byte(&l->comment, l->text.ptr[++l->at]);
		} else if (c == '(' && depth < COMMENT_DEPTH_MAX) {
			if (depth++ > 0)
				buf_append_byte(&l->comment, c);
		} else if (c == ')' && --depth == 0) {
			l->at++;
			return true;
		} else {
			buf_append_byte(&l->comment, c);
		}
	}
	l->at = start;
	l->comment.len = comment_len;
	l->lone_parenthesis = true;
	return false;
}

/* A quoted string: at stands on the quote. plain gets what it means, raw what it says; both may be
 * NULL. False, and nothing is taken, when it does not end: that happens once in a list. */
static bool
take_quoted(struct list *l, struct buf *plain, struct buf *raw)
{
	size_t end = l->at + 1;

	while (end < l->text.len && l->text.ptr[end] != '"')
		end += l->text.ptr[end] == '\\' ? 2 : 1;
	if (end >= l->text.len) {
		l->lone_quote = true;
		return false;
	}
	if (raw != NULL)
		buf_append(raw, bytes_slice(l->text, l->at, end + 1 - l->at));
	for (size_t i = l->at + 1; i < end && plain != NULL; i++) {
		if (l->text.ptr[i] == '\\')
			i++;
		buf_append_byte(plain, l->text.ptr[i]);
	}
	l->at = end + 1;
	return true;
}

/* "<…>": at stands on "<". A route ("@a,@b:") before the address goes. Without ">" the address ends
 * where the next begins. */
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

		if (c == '"' && !l->lone_quote && take_quoted(l, NULL, &l->angle))
			continue;
		if (c == '(' && !l->lone_parenthesis && take_comment(l))
			continue;
		if (!route && (c == ',' || c == ';' || c == '<'))
			return;
		if (route && c == ':') {
			buf_reset(&l->angle);
			route = false;
		} else if (c > ' ') {
			buf_append_byte(&l->angle, c);
		}
		l->at++;
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
	display = arena_bytes(l->arena, bytes_trim(display));
	l->out[l->count++] =
	    (struct mime_address){mime_clean(l->arena, mime_word_decode(l->arena, display)),
		mime_utf8(l->arena, arena_bytes(l->arena, address))};
}

static void
reset(struct list *l)
{
	buf_reset(&l->phrase);
	buf_reset(&l->spec);
	buf_reset(&l->comment);
	buf_reset(&l->angle);
	l->name_len = 0;
	l->has_angle = l->has_at = l->spec_over = false;
}

/* One element of the list is over. */
static void
finish(struct list *l)
{
	struct bytes name = bytes_slice(buf_view(&l->phrase), 0, l->name_len);

	if (l->has_angle)
		push(l, buf_view(&l->phrase), buf_view(&l->angle));
	else if (l->spec.len > 0 && (l->has_at || name.len == 0))
		push(l, name.len > 0 ? name : buf_view(&l->comment), buf_view(&l->spec));
	else if (l->phrase.len > 0)
		push(l, buf_view(&l->phrase), BYTES_EMPTY); /* words, and no address in them */
	reset(l);
}

/* White space stood before the word that begins with c. Around "@" and "." it means nothing
 * (RFC 5322 §4.4); elsewhere it ends an address, or what was before it was a name. */
static void
word_break(struct list *l, uint8_t c)
{
	uint8_t last = l->spec.len > 0 ? l->spec.ptr[l->spec.len - 1] : 0;

	if (l->phrase.len == 0)
		return;
	if (c == '@' || c == '.' || last == '@' || last == '.')
		return;
	if (l->has_at) {
		l->spec_over = true;
	} else {
		buf_reset(&l->spec);
		l->name_len = l->phrase.len;
	}
	buf_append_byte(&l->phrase, ' ');
}

/* A character of a phrase, or of an address without brackets. */
static void
take_plain(struct list *l)
{
	uint8_t c = l->text.ptr[l->at++];

	buf_append_byte(&l->phrase, c);
	if (l->has_angle || l->spec_over)
		return;
	l->has_at = l->has_at || c == '@';
	buf_append_byte(&l->spec, c);
}

/* A domain literal, "[IPv6:…]": its colons end no group. */
static void
take_literal(struct list *l)
{
	while (l->at < l->text.len) {
		uint8_t c = l->text.ptr[l->at];

		if (c == ',' || c == ';' || c == '<')
			return;
		take_plain(l);
		if (c == ']')
			return;
	}
}

static void
take_word(struct list *l, bool spaced)
{
	uint8_t c = l->text.ptr[l->at];

	if (spaced)
		word_break(l, c);
	if (c == '"' && !l->lone_quote &&
	    take_quoted(l, &l->phrase, l->has_angle || l->spec_over ? NULL : &l->spec))
		return;
	if (c == '[' && l->has_at)
		take_literal(l);
	else
		take_plain(l);
}

static void
read_list(struct list *l)
{
	bool spaced = false;

	while (l->at < l->text.len) {
		uint8_t c = l->text.ptr[l->at];

		if (c <= ' ' || (c == '(' && !l->lone_parenthesis && take_comment(l))) {
			if (c <= ' ')
				l->at++;
			spaced = true;
			continue;
		}
		if (c == ',' || c == ';') {
			l->at++;
			finish(l);
		} else if (c == '<') {
			if (l->has_angle)
				finish(l); /* "<a@b.c> <d@e.f>": a comma was forgotten */
			take_angle(l);
		} else if (c == ':') {
			l->at++;
			reset(l); /* a group's name (RFC 5322 §3.4) */
		} else {
			take_word(l, spaced);
		}
		spaced = false;
	}
	finish(l);
}

size_t
mime_address_parse(
    struct arena *arena, struct bytes raw, struct mime_address **out, bool *limited_out)
{
	struct list l = {.arena = arena, .text = mime_unfold(arena, raw)};
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
