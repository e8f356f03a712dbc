/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes: a view that owns nothing, a buffer with a ceiling, and a cursor that takes or refuses. */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base_err.h"

/* A view; owns nothing. ptr may be NULL only when len is 0. */
struct bytes {
	const uint8_t *ptr;
	size_t len;
};

#define BYTES_EMPTY  ((struct bytes){NULL, 0})
#define BYTES_LIT(s) ((struct bytes){(const uint8_t *)("" s), sizeof(s) - 1})

struct bytes bytes_of(const void *ptr, size_t len);
struct bytes bytes_of_str(const char *text); /* NULL gives the empty view */
bool bytes_equal(struct bytes a, struct bytes b);
/* bytes_equal_nocase: ASCII letters only. */
bool bytes_equal_nocase(struct bytes a, struct bytes b);
/* bytes_equal_secret: time depends on the lengths only. */
bool bytes_equal_secret(struct bytes a, struct bytes b);
/* bytes_compare: memcmp order, shorter first. */
int bytes_compare(struct bytes a, struct bytes b);
bool bytes_starts_with(struct bytes s, struct bytes prefix);
bool bytes_starts_with_nocase(struct bytes s, struct bytes prefix);
bool bytes_ends_with(struct bytes s, struct bytes suffix);
/* bytes_find: offset of the first occurrence at or after from, or SIZE_MAX. */
size_t bytes_find(struct bytes s, size_t from, struct bytes needle);
size_t bytes_find_byte(struct bytes s, size_t from, uint8_t byte);
/* bytes_slice: [from, from + len) clipped to s. */
struct bytes bytes_slice(struct bytes s, size_t from, size_t len);
/* bytes_trim: without space, tab, CR and LF at both ends. */
struct bytes bytes_trim(struct bytes s);

/*
 * A buffer that grows to max and then sticks: an append past max appends nothing and sets failed; buf_ok tells the
 * whole story at the end. ptr is NUL-terminated whenever it is not NULL. Invariant: len <= cap <= max.
 */
struct buf {
	uint8_t *ptr;
	size_t len;
	size_t cap;
	size_t max;
	bool failed;
};

void buf_init(struct buf *b, size_t max);
void buf_fini(struct buf *b);
/* buf_reset: empty again, memory kept. buf_release: empty again, memory given back; max stays. */
void buf_reset(struct buf *b);
void buf_release(struct buf *b);
void buf_append(struct buf *b, struct bytes data);
void buf_append_mem(struct buf *b, const void *data, size_t len);
void buf_append_str(struct buf *b, const char *text);
void buf_append_byte(struct buf *b, uint8_t byte);
void buf_printf(struct buf *b, const char *format, ...) PRINTF_LIKE(2, 3);
/* buf_reserve: room for len more bytes, to be written at the returned place and then counted with buf_grow;
 * NULL (and failed set) when max forbids it. */
uint8_t *buf_reserve(struct buf *b, size_t len);
void buf_grow(struct buf *b, size_t len);
/* buf_consume: drop the first len bytes. */
void buf_consume(struct buf *b, size_t len);
/* Little-endian integers; buf_str16/buf_bytes32 write a length, then the bytes (must fit the width). */
void buf_u8(struct buf *b, uint8_t v);
void buf_u16(struct buf *b, uint16_t v);
void buf_u32(struct buf *b, uint32_t v);
void buf_u64(struct buf *b, uint64_t v);
void buf_bytes16(struct buf *b, struct bytes data);
void buf_bytes32(struct buf *b, struct bytes data);
struct bytes buf_view(const struct buf *b);
/* buf_text: NUL-terminated; "" when nothing was appended. */
const char *buf_text(const struct buf *b);
/* buf_ok: false with ERR_LIMIT if any append did not fit. */
MUST_USE bool buf_ok(const struct buf *b, struct err *err);
/* buf_take: the memory becomes the caller's (mem_free); the buffer is empty again. NULL when empty. */
uint8_t *buf_take(struct buf *b, size_t *len_out);

/*
 * A cursor over bytes from outside. Every read either takes what it says or sets failed and yields zero or the
 * empty view; once failed it stays so. reader_ok at the end tells the whole story.
 */
struct reader {
	struct bytes left;
	bool failed;
};

void reader_init(struct reader *r, struct bytes data);
uint8_t reader_u8(struct reader *r);
uint16_t reader_u16(struct reader *r);
uint32_t reader_u32(struct reader *r);
uint64_t reader_u64(struct reader *r);
struct bytes reader_take(struct reader *r, size_t len);
struct bytes reader_bytes16(struct reader *r);
struct bytes reader_bytes32(struct reader *r);
/* reader_ok: nothing failed. reader_done: nothing failed and nothing is left. */
bool reader_ok(const struct reader *r);
bool reader_done(const struct reader *r);

#endif
