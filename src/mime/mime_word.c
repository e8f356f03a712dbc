/* SPDX-License-Identifier: Apache-2.0 */
/* Encoded words, RFC 2047, as mail has them: also inside quotes, also longer than 75 characters. */
#include <string.h>

#include "base_limits.h"
#include "base_text.h"
#include "mime_int.h"
#include "mime_message.h"

#define CHARSET_BYTES_MAX 64
#define WORD_GROWTH_MAX   8 /* UTF-8 bytes of a byte in the most wordy charset, and then some */

struct word {
	struct bytes charset, text;
	uint8_t encoding; /* 'b' or 'q' */
	size_t end;       /* past "?=" */
};

/* "=?charset*language?B?text?=" at at. The text has no '?' and no white space (RFC 2047 §2). */
static bool
find_word(struct bytes text, size_t at, struct word *out)
{
	size_t first = bytes_find_byte(text, at + 2, '?'), second, end, star;

	if (first == SIZE_MAX || first == at + 2 || first - at > CHARSET_BYTES_MAX ||
	    first + 2 >= text.len || text.ptr[first + 2] != '?')
		return false;
	second = first + 2;
	end = bytes_find_byte(text, second + 1, '?');
	if (end == SIZE_MAX || end + 1 >= text.len || text.ptr[end + 1] != '=')
		return false;
	out->charset = bytes_slice(text, at + 2, first - at - 2);
	star = bytes_find_byte(out->charset, 0, '*');
	if (star != SIZE_MAX)
		out->charset.len = star;
	out->encoding = (uint8_t)(text.ptr[first + 1] | 0x20);
	out->text = bytes_slice(text, second + 1, end - second - 1);
	out->end = end + 2;
	return out->encoding == 'b' || out->encoding == 'q';
}

static void
undo(const struct word *w, struct buf *out)
{
	if (w->encoding == 'b')
		mime_base64_decode(w->text, out);
	else
		mime_quoted_printable_decode(w->text, true, out);
}

/* The bytes of neighbouring words of one charset belong together: a character may be cut between
 * two. */
struct run {
	struct bytes charset;
	struct bytes source; /* as written, should the charset be unknown */
	struct buf bytes;
	bool open;
};

static void
run_end(struct run *run, struct buf *out)
{
	if (!run->open)
		return;
	if (!mime_charset_to_utf8(run->charset, buf_view(&run->bytes), out))
		mime_utf8_append(run->source, out);
	buf_reset(&run->bytes);
	run->open = false;
}

static size_t
skip_space(struct bytes text, size_t at)
{
	while (at < text.len && mime_is_space(text.ptr[at]))
		at++;
	return at;
}

static void
take_word(struct run *run, struct bytes text, size_t at, const struct word *w, struct buf *out)
{
	if (run->open && bytes_equal_nocase(run->charset, w->charset)) {
		run->source.len = (size_t)(text.ptr + w->end - run->source.ptr);
	} else {
		run_end(run, out);
		run->open = true;
		run->charset = w->charset;
		run->source = bytes_slice(text, at, w->end - at);
	}
	undo(w, &run->bytes);
}

struct bytes
mime_word_decode(struct arena *arena, struct bytes text)
{
	size_t at = 0, plain_at = 0, words = 0; /* [plain_at, at) is no word */
	struct bytes result;
	struct run run = {.open = false};
	struct buf out;

	if (bytes_find(text, 0, BYTES_LIT("=?")) == SIZE_MAX)
		return mime_utf8(arena, text);
	buf_init(&run.bytes, text.len + 1);
	buf_init(&out, text.len * WORD_GROWTH_MAX + 16);
	while (at < text.len) {
		size_t next = run.open ? skip_space(text, at) : at;
		struct word w;

		if (next + 1 < text.len && text.ptr[next] == '=' && text.ptr[next + 1] == '?' &&
		    words < MIME_WORDS_MAX && find_word(text, next, &w)) {
			words++;
			mime_utf8_append(bytes_slice(text, plain_at, at - plain_at), &out);
			take_word(&run, text, next, &w, &out);
			at = plain_at = w.end;
			continue;
		}
		run_end(&run, &out);
		at++;
	}
	run_end(&run, &out);
	mime_utf8_append(bytes_slice(text, plain_at, at - plain_at), &out);
	result = arena_bytes(arena, buf_view(&out));
	buf_fini(&out);
	buf_fini(&run.bytes);
	return result;
}
