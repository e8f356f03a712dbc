/* SPDX-License-Identifier: Apache-2.0 */
/* Views, buffers and cursors. */
#include "base_bytes.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base_mem.h"

#define BUF_FIRST_BYTES 64

static uint8_t
lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

struct bytes
bytes_of(const void *ptr, size_t len)
{
	return (struct bytes){ptr, len};
}

struct bytes
bytes_of_str(const char *text)
{
	return (struct bytes){(const uint8_t *)text, text != NULL ? strlen(text) : 0};
}

bool
bytes_equal(struct bytes a, struct bytes b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool
bytes_equal_nocase(struct bytes a, struct bytes b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		if (lower(a.ptr[i]) != lower(b.ptr[i]))
			return false;
	return true;
}

bool
bytes_equal_secret(struct bytes a, struct bytes b)
{
	volatile uint8_t diff = 0;

	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		diff = (uint8_t)(diff | (a.ptr[i] ^ b.ptr[i]));
	return diff == 0;
}

int
bytes_compare(struct bytes a, struct bytes b)
{
	size_t n = a.len < b.len ? a.len : b.len;
	int order = n > 0 ? memcmp(a.ptr, b.ptr, n) : 0;

	if (order != 0)
		return order;
	return a.len < b.len ? -1 : a.len > b.len;
}

bool
bytes_starts_with(struct bytes s, struct bytes prefix)
{
	return s.len >= prefix.len && bytes_equal(bytes_slice(s, 0, prefix.len), prefix);
}

bool
bytes_starts_with_nocase(struct bytes s, struct bytes prefix)
{
	return s.len >= prefix.len && bytes_equal_nocase(bytes_slice(s, 0, prefix.len), prefix);
}

bool
bytes_ends_with(struct bytes s, struct bytes suffix)
{
	return s.len >= suffix.len &&
	       bytes_equal(bytes_slice(s, s.len - suffix.len, suffix.len), suffix);
}

size_t
bytes_find(struct bytes s, size_t from, struct bytes needle)
{
	const uint8_t *hit;

	if (from > s.len)
		return SIZE_MAX;
	if (needle.len == 0)
		return from;
	hit = s.len > from ? memmem(s.ptr + from, s.len - from, needle.ptr, needle.len) : NULL;
	return hit != NULL ? (size_t)(hit - s.ptr) : SIZE_MAX;
}

size_t
bytes_find_byte(struct bytes s, size_t from, uint8_t byte)
{
	const uint8_t *hit = from < s.len ? memchr(s.ptr + from, byte, s.len - from) : NULL;

	return hit != NULL ? (size_t)(hit - s.ptr) : SIZE_MAX;
}

struct bytes
bytes_slice(struct bytes s, size_t from, size_t len)
{
	if (from >= s.len)
		return BYTES_EMPTY;
	if (len > s.len - from)
		len = s.len - from;
	return (struct bytes){s.ptr + from, len};
}

static bool
is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct bytes
bytes_trim(struct bytes s)
{
	while (s.len > 0 && is_blank(s.ptr[0])) {
		s.ptr++;
		s.len--;
	}
	while (s.len > 0 && is_blank(s.ptr[s.len - 1]))
		s.len--;
	return s;
}

void
buf_init(struct buf *b, size_t max)
{
	must(max > 0 && max < SIZE_MAX);
	*b = (struct buf){.max = max};
}

void
buf_fini(struct buf *b)
{
	mem_free(b->ptr);
	*b = (struct buf){.max = b->max};
}

void
buf_reset(struct buf *b)
{
	b->len = 0;
	b->failed = false;
	if (b->ptr != NULL)
		b->ptr[0] = '\0';
}

void
buf_release(struct buf *b)
{
	buf_fini(b);
}

uint8_t *
buf_reserve(struct buf *b, size_t len)
{
	size_t cap;

	if (b->failed || len > b->max - b->len) {
		b->failed = true;
		return NULL;
	}
	if (b->ptr == NULL || b->cap - b->len < len) {
		cap = b->cap < BUF_FIRST_BYTES ? BUF_FIRST_BYTES : b->cap;
		while (cap - b->len < len)
			cap = cap > b->max / 2 ? b->max : cap * 2;
		if (cap > b->max)
			cap = b->max;
		b->ptr = mem_realloc(b->ptr, cap + 1);
		b->cap = cap;
		b->ptr[b->len] = '\0';
	}
	return b->ptr + b->len;
}

void
buf_grow(struct buf *b, size_t len)
{
	must(len <= b->cap - b->len);
	b->len += len;
	b->ptr[b->len] = '\0';
}

void
buf_append_mem(struct buf *b, const void *data, size_t len)
{
	uint8_t *place;

	if (len == 0)
		return;
	place = buf_reserve(b, len);
	if (place == NULL)
		return;
	memcpy(place, data, len);
	buf_grow(b, len);
}

void
buf_append(struct buf *b, struct bytes data)
{
	buf_append_mem(b, data.ptr, data.len);
}

void
buf_append_str(struct buf *b, const char *text)
{
	buf_append_mem(b, text, strlen(text));
}

void
buf_append_byte(struct buf *b, uint8_t byte)
{
	buf_append_mem(b, &byte, 1);
}

void
buf_printf(struct buf *b, const char *format, ...)
{
	va_list ap, again;
	int need;
	uint8_t *place;

	va_start(ap, format);
	va_copy(again, ap);
	need = vsnprintf(NULL, 0, format, ap);
	va_end(ap);
	must(need >= 0);
	place = buf_reserve(b, (size_t)need);
	if (place != NULL) {
		(void)vsnprintf((char *)place, (size_t)need + 1, format, again);
		buf_grow(b, (size_t)need);
	}
	va_end(again);
}

void
buf_consume(struct buf *b, size_t len)
{
	must(len <= b->len);
	if (len == 0)
		return;
	b->len -= len;
	memmove(b->ptr, b->ptr + len, b->len);
	b->ptr[b->len] = '\0';
}

void
buf_u8(struct buf *b, uint8_t v)
{
	buf_append_byte(b, v);
}

static void
buf_uint(struct buf *b, uint64_t v, size_t width)
{
	uint8_t raw[8];

	for (size_t i = 0; i < width; i++)
		raw[i] = (uint8_t)(v >> (8 * i));
	buf_append_mem(b, raw, width);
}

void
buf_u16(struct buf *b, uint16_t v)
{
	buf_uint(b, v, 2);
}

void
buf_u32(struct buf *b, uint32_t v)
{
	buf_uint(b, v, 4);
}

void
buf_u64(struct buf *b, uint64_t v)
{
	buf_uint(b, v, 8);
}

void
buf_bytes16(struct buf *b, struct bytes data)
{
	if (data.len > UINT16_MAX) {
		b->failed = true;
		return;
	}
	buf_u16(b, (uint16_t)data.len);
	buf_append(b, data);
}

void
buf_bytes32(struct buf *b, struct bytes data)
{
	if (data.len > UINT32_MAX) {
		b->failed = true;
		return;
	}
	buf_u32(b, (uint32_t)data.len);
	buf_append(b, data);
}

struct bytes
buf_view(const struct buf *b)
{
	return (struct bytes){b->ptr, b->len};
}

const char *
buf_text(const struct buf *b)
{
	return b->ptr != NULL ? (const char *)b->ptr : "";
}

bool
buf_ok(const struct buf *b, struct err *err)
{
	if (b->failed)
		return ERR(err, ERR_LIMIT, "more than %zu bytes", b->max);
	return true;
}

uint8_t *
buf_take(struct buf *b, size_t *len_out)
{
	uint8_t *ptr = b->ptr;

	*len_out = b->len;
	if (b->len == 0) {
		buf_release(b);
		return NULL;
	}
	*b = (struct buf){.max = b->max};
	return ptr;
}

void
reader_init(struct reader *r, struct bytes data)
{
	r->left = data;
	r->failed = false;
}

struct bytes
reader_take(struct reader *r, size_t len)
{
	struct bytes taken;

	if (r->failed || len > r->left.len) {
		r->failed = true;
		return BYTES_EMPTY;
	}
	taken = (struct bytes){r->left.ptr, len};
	r->left = (struct bytes){r->left.len > len ? r->left.ptr + len : NULL, r->left.len - len};
	return taken;
}

static uint64_t
reader_uint(struct reader *r, size_t width)
{
	struct bytes raw = reader_take(r, width);
	uint64_t v = 0;

	for (size_t i = 0; i < raw.len; i++)
		v |= (uint64_t)raw.ptr[i] << (8 * i);
	return v;
}

uint8_t
reader_u8(struct reader *r)
{
	return (uint8_t)reader_uint(r, 1);
}

uint16_t
reader_u16(struct reader *r)
{
	return (uint16_t)reader_uint(r, 2);
}

uint32_t
reader_u32(struct reader *r)
{
	return (uint32_t)reader_uint(r, 4);
}

uint64_t
reader_u64(struct reader *r)
{
	return reader_uint(r, 8);
}

struct bytes
reader_bytes16(struct reader *r)
{
	return reader_take(r, reader_u16(r));
}

struct bytes
reader_bytes32(struct reader *r)
{
	return reader_take(r, reader_u32(r));
}

bool
reader_ok(const struct reader *r)
{
	return !r->failed;
}

bool
reader_done(const struct reader *r)
{
	return !r->failed && r->left.len == 0;
}
