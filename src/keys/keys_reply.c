/* SPDX-License-Identifier: Apache-2.0 */
/* Looking for one text in an answer where it lies: a key in it must not be copied into a tree of values. */
#include "base_limits.h"
#include "base_text.h"
#include "keys_int.h"

static void
space_skip(struct reader *r)
{
	while (r->left.len > 0 && (r->left.ptr[0] == ' ' || r->left.ptr[0] == '\t' ||
				      r->left.ptr[0] == '\n' || r->left.ptr[0] == '\r'))
		(void)reader_u8(r);
}

/* After the opening quotation mark, up to and with the closing one. */
static bool
text_take(struct reader *r, struct bytes *out)
{
	struct bytes start = r->left;

	for (;;) {
		uint8_t c = reader_u8(r);

		if (!reader_ok(r) || c < 0x20)
			return false;
		if (c == '\\')
			(void)reader_u8(r);
		if (c == '"') {
			*out = bytes_slice(start, 0, start.len - r->left.len - 1);
			return true;
		}
	}
}

/* Numbers and the three words: whatever is no structure. */
static bool
word_skip(struct reader *r)
{
	size_t before = r->left.len;

	while (r->left.len > 0 &&
	       bytes_find_byte(BYTES_LIT(",]} \t\r\n\"[{:"), 0, r->left.ptr[0]) == SIZE_MAX)
		(void)reader_u8(r);
	return r->left.len < before;
}

/* One value, whatever it is, by counting what opens and closes. */
static bool
value_skip(struct reader *r)
{
	unsigned depth = 0;
	struct bytes ignored;

	do {
		space_skip(r);
		if (r->left.len == 0)
			return false;
		switch (r->left.ptr[0]) {
		case '{':
		case '[':
			if (++depth > JSON_DEPTH_MAX)
				return false;
			(void)reader_u8(r);
			break;
		case '}':
		case ']':
			if (depth-- == 0)
				return false;
			(void)reader_u8(r);
			break;
		case ',':
		case ':':
			if (depth == 0)
				return false;
			(void)reader_u8(r);
			break;
		case '"':
			(void)reader_u8(r);
			if (!text_take(r, &ignored))
				return false;
			break;
		default:
			if (!word_skip(r))
				return false;
			break;
		}
	} while (depth > 0);
	return true;
}

static bool
sign_take(struct reader *r, uint8_t sign)
{
	space_skip(r);
	return reader_u8(r) == sign && reader_ok(r);
}

/* The reader stands before an object and then before the value of its member. */
static bool
member_find(struct reader *r, const char *name)
{
	struct bytes key;

	if (!sign_take(r, '{'))
		return false;
	for (;;) {
		if (!sign_take(r, '"') || !text_take(r, &key) || !sign_take(r, ':'))
			return false;
		if (bytes_equal(key, bytes_of_str(name)))
			return true;
		if (!value_skip(r) || !sign_take(r, ','))
			return false;
	}
}

bool
keys_reply_find(struct bytes json, const char *const *path, struct bytes *out)
{
	struct reader r;

	reader_init(&r, json);
	for (; *path != NULL; path++)
		if (!member_find(&r, *path))
			return false;
	if (!sign_take(&r, '"') || !text_take(&r, out))
		return false;
	for (size_t at = 0; (at = bytes_find_byte(*out, at, '\\')) != SIZE_MAX; at += 2)
		if (at + 1 >= out->len || out->ptr[at + 1] != '/')
			return false;
	return true;
}

bool
keys_reply_base64(struct bytes json, const char *const *path, struct buf *out)
{
	struct keys_text plain;
	struct bytes text;
	bool ok;

	if (!keys_reply_find(json, path, &text))
		return false;
	if (bytes_find_byte(text, 0, '\\') == SIZE_MAX)
		return text_base64_decode(out, text);
	/* Some writers of JSON escape every slash, which base64 is fond of. */
	if (text.len > KEYS_REPLY_MAX)
		return false;
	keys_text_init(&plain);
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] != '\\')
			buf_append_byte(&plain.buf, text.ptr[i]);
	ok = !plain.buf.failed && text_base64_decode(out, buf_view(&plain.buf));
	keys_text_fini(&plain);
	return ok;
}

bool
keys_reply_payload(
    struct bytes json, const char *const *path, struct secret **payload_out, struct err *err)
{
	struct keys_text payload;
	bool ok;

	keys_text_init(&payload);
	ok = keys_reply_base64(json, path, &payload.buf) && payload.buf.len > 0 &&
	     payload.buf.len <= KEYS_PAYLOAD_MAX;
	if (ok)
		*payload_out = secret_of(buf_view(&payload.buf));
	keys_text_fini(&payload);
	return ok || ERR(err, ERR_SEALED, "its answer holds no data key");
}
