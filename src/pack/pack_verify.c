/* SPDX-License-Identifier: Apache-2.0 */
/* Everything a pack claims, checked against everything it holds (docs/formats/pack.md). */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pack_reader_int.h"
#include "base_mem.h"

#define CONTENT_STEP_BYTES (256u * 1024u)

struct expected {
	struct pack_place place;
	uint64_t size;
	uint8_t sha256[CRYPT_SHA256_BYTES];
	size_t position;
};

struct verify {
	struct pack *pack;
	const atomic_bool *cancel;
	pack_problem_fn problem;
	void *ctx;
	struct pack_cursor cursor;
	struct expected *expected; /* record_count of them; those of damaged groups are left out */
	size_t expected_count;
	struct buf plain; /* of the block at hand */
	uint32_t block;   /* the block at hand; UINT32_MAX = none */
	bool block_good;
	struct pack_place at; /* where the next message should begin */
	uint64_t checked, message_bytes;
	bool rows_whole; /* every group was read */
};

static bool
is_cancelled(const struct verify *v, struct err *err)
{
	if (v->cancel == NULL || !atomic_load(v->cancel))
		return false;
	return !ERR(err, ERR_CANCELLED, "the verification was cancelled");
}

static void tell(struct verify *v, const char *format, ...) PRINTF_LIKE(2, 3);
static void
tell(struct verify *v, const char *format, ...)
{
	char text[512];
	va_list ap;
	int used = snprintf(text, sizeof text, "pack %s: ", v->pack->path);

	if (used < 0 || (size_t)used >= sizeof text / 2)
		used = snprintf(
		    text, sizeof text, "pack …%s: ", v->pack->path + strlen(v->pack->path) - 100);
	va_start(ap, format);
	(void)vsnprintf(text + used, sizeof text - (size_t)used, format, ap);
	va_end(ap);
	v->problem(v->ctx, text);
}

/* Every byte before the footer, against the digest in the footer. */
static bool
content_check(struct verify *v, struct err *err)
{
	uint64_t at = 0, end = v->pack->footer.file_bytes - PACK_TAIL_BYTES;
	struct crypt_sha256_stream *stream = crypt_sha256_new();
	uint8_t *step = mem_alloc(end < CONTENT_STEP_BYTES ? (size_t)end : CONTENT_STEP_BYTES);
	uint8_t digest[CRYPT_SHA256_BYTES];
	struct err read_err;
	bool readable = true, cancelled = false;

	while (at < end && readable && !cancelled) {
		size_t len =
		    end - at < CONTENT_STEP_BYTES ? (size_t)(end - at) : CONTENT_STEP_BYTES;

		cancelled = is_cancelled(v, err);
		readable = os_file_read_exact(v->cursor.file, at, step, len, &read_err);
		if (readable)
			crypt_sha256_add(stream, bytes_of(step, len));
		at += len;
	}
	crypt_sha256_done(&stream, digest);
	mem_free(step);
	if (cancelled)
		return false;
	if (!readable)
		tell(v, "%s", read_err.msg);
	else if (memcmp(digest, v->pack->footer.content_sha256, sizeof digest) != 0)
		tell(v, "its content is not what the footer's digest says");
	return true;
}

static void
group_check(struct verify *v, uint32_t group)
{
	const struct pack_group *g = &v->pack->directory.groups[group];
	struct pack_view view;
	struct err err;
	bool ok;

	pack_view_init(&view, v->pack, group);
	ok = pack_view_load(&v->cursor, &view, PACK_COLUMNS_ALL, &err);
	for (uint32_t i = 0; ok && i < g->row_count; i++) {
		struct expected *e = &v->expected[v->expected_count];
		struct pack_row row;
		struct arena arena;

		arena_init(&arena);
		ok = pack_view_row(
		    v->pack, &view, g->first_row + i, PACK_COLUMNS_ALL, &arena, &row, &err);
		arena_fini(&arena);
		if (!ok)
			break;
		*e = (struct expected){
		    pack_rows_place(&view.rows, i), row.size_bytes, {0}, g->first_row + i};
		memcpy(e->sha256, row.sha256, sizeof e->sha256);
		v->message_bytes += row.size_bytes;
		v->expected_count++;
	}
	if (!ok) {
		v->problem(v->ctx, err.msg);
		v->rows_whole = false;
	}
	pack_view_fini(&view);
}

static int
expected_compare(const void *a, const void *b)
{
	const struct expected *x = a, *y = b;

	if (x->place.block != y->place.block)
		return x->place.block < y->place.block ? -1 : 1;
	if (x->place.offset != y->place.offset)
		return x->place.offset < y->place.offset ? -1 : 1;
	return x->size < y->size
		   ? -1
		   : x->size > y->size; /* empty messages lie before what begins there */
}

static bool
rows_check(struct verify *v, struct err *err)
{
	for (uint32_t i = 0; i < v->pack->directory.group_count; i++) {
		if (is_cancelled(v, err))
			return false;
		group_check(v, i);
	}
	if (v->rows_whole && v->message_bytes != v->pack->footer.message_bytes)
		tell(v, "the sizes of its messages do not add up to the footer's");
	qsort(v->expected, v->expected_count, sizeof *v->expected, expected_compare);
	return true;
}

/* Brings a block to hand; a damaged one is told once. */
static void
block_load(struct verify *v, uint32_t block)
{
	struct err err;

	if (v->block == block)
		return;
	v->block = block;
	buf_reset(&v->plain);
	v->block_good = pack_cursor_body(&v->cursor, block, &v->plain, &err);
	if (!v->block_good)
		v->problem(v->ctx, err.msg);
}

/* Walks one message from v->at on; false: it runs past the last block. */
static bool
message_walk(
    struct verify *v, const struct expected *e, bool *good, uint8_t digest[CRYPT_SHA256_BYTES])
{
	const struct pack_directory *d = &v->pack->directory;
	struct crypt_sha256_stream *stream = crypt_sha256_new();
	uint64_t left = e->size;

	*good = true;
	while (left > 0 && v->at.block < d->block_count) {
		uint32_t raw_len = d->blocks[v->at.block].extent.raw_len;
		uint64_t take = raw_len - v->at.offset;

		if (take > left)
			take = left;
		block_load(v, v->at.block);
		*good = *good && v->block_good;
		if (v->block_good)
			crypt_sha256_add(
			    stream, bytes_slice(buf_view(&v->plain), v->at.offset, (size_t)take));
		left -= take;
		v->at.offset += (uint32_t)take;
		if (v->at.offset == raw_len)
			v->at = (struct pack_place){v->at.block + 1, 0};
	}
	crypt_sha256_done(&stream, digest);
	return left == 0;
}

static void
message_check(struct verify *v, const struct expected *e)
{
	const struct pack_directory *d = &v->pack->directory;
	char id[ID_RECORD_TEXT_SIZE];
	uint8_t digest[CRYPT_SHA256_BYTES];
	bool good, empty = e->size == 0;

	id_record_format(id, &d->ids[e->position]);
	if (!empty && (e->place.block != v->at.block || e->place.offset != v->at.offset)) {
		if (v->rows_whole) /* else the message before it was not seen */
			tell(v, "message %s does not lie where the one before it ends", id);
		if (e->place.block >= d->block_count ||
		    e->place.offset >= d->blocks[e->place.block].extent.raw_len)
			return;
		v->at = e->place;
	}
	if (!message_walk(v, e, &good, digest))
		tell(v, "message %s runs past the last body block", id);
	else if (good && memcmp(digest, e->sha256, sizeof digest) != 0)
		tell(v, "message %s is not the one its row names", id);
	else if (good)
		v->checked++;
}

static bool
messages_check(struct verify *v, struct err *err)
{
	v->block = UINT32_MAX;
	for (size_t i = 0; i < v->expected_count; i++) {
		if (is_cancelled(v, err))
			return false;
		message_check(v, &v->expected[i]);
	}
	for (uint32_t block = 0; !v->rows_whole && block < v->pack->directory.block_count;
	     block++) {
		if (is_cancelled(v, err))
			return false;
		block_load(v, block); /* no message vouches for every block now */
	}
	if (v->rows_whole && (v->at.block != v->pack->directory.block_count || v->at.offset != 0))
		tell(v, "its last body bytes belong to no message");
	return true;
}

bool
pack_verify(struct pack *p, const atomic_bool *cancel, pack_problem_fn problem, void *ctx,
    uint64_t *checked_out, struct err *err)
{
	struct verify v = {
	    .pack = p, .cancel = cancel, .problem = problem, .ctx = ctx, .rows_whole = true};
	struct err open_err;
	bool ok = true;

	*checked_out = 0;
	v.expected = mem_calloc(p->directory.record_count, sizeof *v.expected);
	buf_init(&v.plain, PACK_BLOCK_BYTES_MAX);
	if (pack_cursor_open(&v.cursor, p, &open_err))
		ok = content_check(&v, err) && rows_check(&v, err) && messages_check(&v, err);
	else
		problem(ctx, open_err.msg);
	*checked_out = v.checked;
	pack_cursor_close(&v.cursor);
	buf_fini(&v.plain);
	mem_free(v.expected);
	return ok;
}
