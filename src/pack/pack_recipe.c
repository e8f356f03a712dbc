/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finding base64 text: behind every header that says so, at any depth, lines are taken as long as they can be made
 * again. No structure is needed for that: a delimiter line is no base64, and whatever is missed or misread costs room
 * only, for each piece is compared with what it becomes.
 */
#include "pack_recipe_int.h"

#include <string.h>

#include "base_limits.h"
#include "base_mem.h"

#define FIELD             BYTES_LIT("content-transfer-encoding")
#define KEEP_BYTES        (4 * LIMIT_MIB) /* of memory, from one message to the next */
#define PLAIN_BYTES_MAX   (SMTP_MESSAGE_BYTES_CEIL + 64 * LIMIT_MIB)
#define SCRATCH_BYTES_MAX (2 * PLAIN_BYTES_MAX)

void
pack_splitter_init(struct pack_splitter *s)
{
	*s = (struct pack_splitter){.base64 = pack_base64_new()};
	buf_init(&s->plain, PLAIN_BYTES_MAX);
	buf_init(&s->scratch, SCRATCH_BYTES_MAX);
}

void
pack_splitter_fini(struct pack_splitter *s)
{
	pack_base64_free(&s->base64);
	mem_free(s->pieces);
	s->pieces = NULL;
	buf_fini(&s->plain);
	buf_fini(&s->scratch);
}

/* The line at a place without its end; *next: the place behind that. */
struct line {
	struct bytes text;
	size_t next;
	bool lf, crlf; /* neither: the message ends here */
};

static struct line
line_at(struct bytes message, size_t at)
{
	size_t end = bytes_find_byte(message, at, '\n');
	struct line line = {.next = message.len};

	if (end == SIZE_MAX) {
		line.text = bytes_slice(message, at, SIZE_MAX);
		return line;
	}
	line.next = end + 1;
	line.crlf = end > at && message.ptr[end - 1] == '\r';
	line.lf = !line.crlf;
	line.text = bytes_slice(message, at, end - at - (line.crlf ? 1 : 0));
	return line;
}

/* Is this line, or this line and its continuation, the field that says base64? */
static bool
says_base64(struct bytes message, const struct line *line)
{
	struct bytes rest;

	if (!bytes_starts_with_nocase(line->text, FIELD))
		return false;
	rest = bytes_trim(bytes_slice(line->text, FIELD.len, SIZE_MAX));
	if (rest.len == 0 || rest.ptr[0] != ':')
		return false;
	rest = bytes_trim(bytes_slice(rest, 1, SIZE_MAX));
	if (rest.len == 0 && line->next < message.len &&
	    (message.ptr[line->next] == ' ' || message.ptr[line->next] == '\t'))
		rest = bytes_trim(line_at(message, line->next).text);
	return bytes_equal_nocase(rest, BYTES_LIT("base64"));
}

/* Lines taken so far. Those up to good_* hold whole quads and may stand as a piece. */
struct run {
	size_t end, good_end; /* behind the last character of the last line */
	size_t good_plain;
	size_t line_count, width;
	bool lf, done;
};

/* Takes one line; false: it is not part of the run, or it makes no whole quads at its end. Characters of a quad that
 * the line end cuts wait in scratch. */
static bool
line_take(struct pack_splitter *s, struct run *run, struct bytes text)
{
	struct bytes chars = text;
	enum pack_base64_result result;
	size_t whole;

	if (s->scratch.len > 0 || text.len % 4 != 0) {
		buf_append(&s->scratch, text);
		chars = buf_view(&s->scratch);
	}
	whole = chars.len / 4 * 4;
	result = pack_base64_decode(s->base64, bytes_slice(chars, 0, whole), &s->plain);
	if (result == PACK_BASE64_BAD || (result == PACK_BASE64_PADDED && whole < chars.len))
		return false;
	buf_consume(&s->scratch, s->scratch.len > 0 ? whole : 0);
	run->done = result == PACK_BASE64_PADDED;
	return true;
}

/* Lines as long as the first, ended as it is, that hold whole quads: no end is looked for, it stands where it must or
 * the line is not one of them. Returns where the first other one begins. */
static size_t
lines_take(struct pack_splitter *s, struct run *run, struct bytes message, size_t at)
{
	size_t step = run->width + (run->lf ? 1 : 2);

	if (run->done || run->line_count == 0 || run->width % 4 != 0 || s->scratch.len > 0)
		return at;
	while (message.len - at >= step && message.ptr[at + step - 1] == '\n' &&
	       message.ptr[at + run->width] == (run->lf ? '\n' : '\r') &&
	       pack_base64_decode(s->base64, bytes_slice(message, at, run->width), &s->plain) ==
		   PACK_BASE64_MORE) {
		run->line_count++;
		run->end = run->good_end = at + run->width;
		run->good_plain = s->plain.len;
		at += step;
	}
	s->plain.len = run->good_plain; /* one with padding is taken as the last line is */
	return at;
}

static void
run_extend(struct pack_splitter *s, struct run *run, struct bytes message, size_t at)
{
	while (at < message.len && !run->done) {
		struct line line = line_at(message, at);

		if (line.text.len == 0 || (run->line_count > 0 && line.text.len > run->width))
			return;
		if (run->line_count == 0) {
			run->width = line.text.len;
			run->lf = line.lf;
		}
		if (!line_take(s, run, line.text))
			return;
		run->line_count++;
		run->end = at + line.text.len;
		if (s->scratch.len == 0) {
			run->good_end = run->end;
			run->good_plain = s->plain.len;
		}
		/* Only a line as long as the first, and ended in the same way, has one behind it. */
		if (line.text.len < run->width || line.lf != run->lf || line.crlf == run->lf)
			return;
		at = lines_take(s, run, message, line.next);
	}
}

static void
piece_add(struct pack_splitter *s, const struct pack_piece *piece)
{
	if (s->piece_count == s->piece_cap) {
		s->piece_cap = s->piece_cap == 0 ? 16 : s->piece_cap * 2;
		s->pieces = mem_realloc_array(s->pieces, s->piece_cap, sizeof *s->pieces);
	}
	s->pieces[s->piece_count++] = *piece;
}

/* A run that begins at the line at a place; returns where it ends, or at when there is none. */
static size_t
run_take(struct pack_splitter *s, struct bytes message, size_t at)
{
	size_t start = s->plain.len;
	struct run run = {.good_plain = start};
	struct pack_piece piece;

	buf_reset(&s->scratch);
	run_extend(s, &run, message, at);
	s->plain.len = run.good_plain;
	if (run.good_plain == start)
		return run.end > at ? run.end : at;
	piece = (struct pack_piece){.at = at,
	    .len = run.good_end - at,
	    .plain_at = start,
	    .plain_len = run.good_plain - start,
	    .lines = {.lf = run.lf}};
	if (piece.len > run.width) { /* more than the first line */
		piece.lines.width = (uint16_t)run.width;
		if (run.width > UINT16_MAX || run.width < PACK_LINE_WIDTH_MIN)
			piece.plain_len = 0;
	} else {
		piece.lines.lf = false;
	}
	if (piece.plain_len < PACK_PART_BYTES_MIN)
		s->plain.len = start;
	else
		piece_add(s, &piece);
	return run.end;
}

void
pack_splitter_message(struct pack_splitter *s, struct bytes message)
{
	bool announced = false, inside = false;
	size_t at = 0;

	s->piece_count = 0;
	buf_reset(&s->plain);
	if (s->plain.cap > KEEP_BYTES)
		buf_release(&s->plain);
	if (s->scratch.cap > KEEP_BYTES)
		buf_release(&s->scratch);
	while (at < message.len && s->piece_count < PACK_RECIPES_MAX) {
		struct line line = line_at(message, at);

		if (inside && bytes_starts_with(line.text, BYTES_LIT("--"))) {
			inside = false;
		} else if (inside) {
			size_t end = run_take(s, message, at);

			if (end > at) /* the rest of the last line stays what it is */
				line = line_at(message, end);
		} else if (line.text.len == 0) {
			inside = announced;
			announced = false;
		} else {
			announced = announced || says_base64(message, &line);
		}
		at = line.next;
	}
}

bool
pack_splitter_check(struct pack_splitter *s, struct bytes message)
{
	bool same = true;

	for (size_t i = 0; same && i < s->piece_count; i++) {
		const struct pack_piece *p = &s->pieces[i];

		buf_reset(&s->scratch);
		pack_base64_encode(s->base64,
		    bytes_slice(buf_view(&s->plain), p->plain_at, p->plain_len), p->lines,
		    &s->scratch);
		same = !s->broken &&
		       bytes_equal(buf_view(&s->scratch), bytes_slice(message, p->at, p->len));
	}
	return same;
}

void
pack_recipes_encode(const struct pack_recipe *recipes, size_t count, struct buf *out)
{
	must(count <= PACK_RECIPES_MAX);
	buf_u16(out, (uint16_t)count);
	for (size_t i = 0; i < count; i++) {
		buf_u32(out, recipes[i].literal_len);
		buf_u32(out, recipes[i].part);
		buf_u16(out, recipes[i].lines.width);
		buf_u8(out, recipes[i].lines.lf ? PACK_RECIPE_LF : 0);
	}
}

bool
pack_recipe_decode(struct reader *r, struct pack_recipe *out, struct err *err)
{
	uint8_t flags;

	out->literal_len = reader_u32(r);
	out->part = reader_u32(r);
	out->lines.width = reader_u16(r);
	flags = reader_u8(r);
	out->lines.lf = (flags & PACK_RECIPE_LF) != 0;
	if (!reader_ok(r) || flags > PACK_RECIPE_LF ||
	    (out->lines.width > 0 && out->lines.width < PACK_LINE_WIDTH_MIN) ||
	    (out->lines.width == 0 && flags != 0))
		return ERR(err, ERR_CORRUPT, "a recipe is none");
	return true;
}
