/* SPDX-License-Identifier: Apache-2.0 */
/* Everything a pack claims, checked against everything it holds (docs/formats/pack.md). */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pack_reader_int.h"
#include "base_mem.h"

#define CONTENT_STEP_BYTES (256u * 1024u)
#define KEEP_BYTES         (4 * LIMIT_MIB) /* of memory for one message, to the next */
#define BODY_BYTES_MAX     (SMTP_MESSAGE_BYTES_CEIL + 64 * LIMIT_MIB)

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
	struct pack_reader *reader;
	struct expected *expected; /* record_count of them; those of damaged groups are left out */
	size_t expected_count;
	uint8_t *skeletons;   /* blocks of them: 0 not read, 1 good, 2 bad */
	struct pack_place at; /* where the next message should begin */
	bool at_known;
	struct buf body;
	uint64_t checked, message_bytes, without_leaf, leaf_first, leaf_last;
	bool rows_whole;   /* every group was read */
	bool bodies_whole; /* every message so far was found */
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
		readable = os_file_read_exact(v->reader->cursor.file, at, step, len, &read_err);
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
leaf_count(struct verify *v, uint64_t leaf)
{
	if (leaf == PACK_LEAF_NONE) {
		v->without_leaf++;
		return;
	}
	if (v->leaf_first == PACK_LEAF_NONE || leaf < v->leaf_first)
		v->leaf_first = leaf;
	if (v->leaf_last == PACK_LEAF_NONE || leaf > v->leaf_last)
		v->leaf_last = leaf;
}

static void
group_check(struct verify *v, uint32_t group)
{
	const struct pack_group *g = &v->pack->directory.groups[group];
	struct pack_view view;
	struct err err;
	bool ok;

	pack_view_init(&view, v->pack, group);
	ok = pack_view_load(&v->reader->cursor, &view, PACK_COLUMNS_ALL, &err);
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
		leaf_count(v, row.leaf_index);
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
	if (v->rows_whole && (v->without_leaf != v->pack->footer.without_leaf ||
				 v->leaf_first != v->pack->footer.leaf_first ||
				 v->leaf_last != v->pack->footer.leaf_last))
		tell(v, "the leaves of its rows are not those of the footer");
	qsort(v->expected, v->expected_count, sizeof *v->expected, expected_compare);
	return true;
}

/* A block of skeletons to hand; a damaged one is told once. */
static bool
skeleton_load(struct verify *v, uint32_t number)
{
	struct pack_reader *r = v->reader;
	const struct pack_directory *d = &v->pack->directory;
	struct err err;

	if (v->skeletons[number] == 2)
		return false;
	if (r->skeleton_number == number)
		return true;
	r->skeleton_number = UINT32_MAX;
	buf_reset(&r->skeleton_block);
	if (!pack_cursor_block(
		&r->cursor, &d->blocks[d->skeletons[number]], number, &r->skeleton_block, &err)) {
		v->problem(v->ctx, err.msg);
		v->skeletons[number] = 2;
		return false;
	}
	v->skeletons[number] = 1;
	r->skeleton_number = number;
	return true;
}

/* What stands between the message before and this one belongs to none. */
static void
place_check(struct verify *v, const struct expected *e, const char *id)
{
	if (v->rows_whole && v->at_known &&
	    (e->place.block != v->at.block || e->place.offset != v->at.offset))
		tell(v, "message %s does not lie where the one before it ends", id);
}

/* Rebuilds a message. What is damaged below it was told by block, or is told as the message's. */
static void
message_check(struct verify *v, const struct expected *e)
{
	struct pack_message m = {e->place, e->size};
	char id[ID_RECORD_TEXT_SIZE];
	uint8_t digest[CRYPT_SHA256_BYTES];
	struct pack_place end = {UINT32_MAX, 0};
	struct err err;
	bool good;

	id_record_format(id, &v->pack->directory.ids[e->position]);
	buf_reset(&v->body);
	if (v->body.cap > KEEP_BYTES)
		buf_release(&v->body);
	if (e->size > 0) {
		place_check(v, e, id);
		v->at_known = false;
		if (e->place.block < v->pack->directory.skeleton_count &&
		    !skeleton_load(v, e->place.block)) {
			v->bodies_whole = false;
			return;
		}
		good = pack_reader_message(v->reader, &m, &v->body, &end, &err);
		v->at_known = end.block != UINT32_MAX;
		v->at = end;
		if (!good) {
			v->bodies_whole = false;
			tell(v, "message %s: %s", id, err.msg);
			return;
		}
	}
	crypt_sha256(digest, buf_view(&v->body));
	if (memcmp(digest, e->sha256, sizeof digest) != 0)
		tell(v, "message %s is not the one its row names", id);
	else
		v->checked++;
}

/* Blocks that no message led to: damage in them is damage all the same. */
static bool
blocks_check(struct verify *v, struct err *err)
{
	const struct pack_directory *d = &v->pack->directory;
	struct err bad;

	for (uint32_t i = 0; i < d->skeleton_count; i++) {
		if (is_cancelled(v, err))
			return false;
		if (v->skeletons[i] == 0)
			(void)skeleton_load(v, i);
	}
	for (uint32_t i = 0; i < d->part_block_count; i++) {
		if (is_cancelled(v, err))
			return false;
		if (v->reader->seen[i] == 0 && pack_reader_part_block(v->reader, i, &bad) == NULL)
			v->problem(v->ctx, bad.msg);
	}
	return true;
}

static bool
messages_check(struct verify *v, struct err *err)
{
	const struct pack_directory *d = &v->pack->directory;

	v->at_known = true;
	for (size_t i = 0; i < v->expected_count; i++) {
		if (is_cancelled(v, err))
			return false;
		message_check(v, &v->expected[i]);
	}
	if (v->rows_whole && v->bodies_whole) {
		if (v->at.block != d->skeleton_count || v->at.offset != 0)
			tell(v, "its last skeleton bytes belong to no message");
		for (uint32_t i = 0; i < d->part_count; i++)
			if (v->reader->parts_used[i] == 0) {
				tell(v, "part %u belongs to no message", i);
				break;
			}
	}
	return blocks_check(v, err);
}

struct tombstone_range {
	int64_t oldest_ms, newest_ms;
	uint64_t count;
};

static bool
tombstone_count(void *ctx, const struct pack_tombstone *t)
{
	struct tombstone_range *range = ctx;

	if (range->count++ == 0)
		range->oldest_ms = id_record_ms(&t->id);
	range->newest_ms = id_record_ms(&t->id);
	return true;
}

static void
tombstones_check(struct verify *v)
{
	const struct pack_footer *f = &v->pack->footer;
	struct tombstone_range range = {0};
	struct err err;

	if (!pack_tombstones(v->pack, tombstone_count, &range, &err))
		v->problem(v->ctx, err.msg);
	else if (range.count != f->tombstone_count ||
		 (f->record_count == 0 &&
		     (range.oldest_ms != f->oldest_ms || range.newest_ms != f->newest_ms)))
		tell(v, "its tombstones are not those of the footer");
}

bool
pack_verify(struct pack *p, const atomic_bool *cancel, pack_problem_fn problem, void *ctx,
    uint64_t *checked_out, struct err *err)
{
	const struct pack_directory *d = &p->directory;
	struct verify v = {.pack = p,
	    .cancel = cancel,
	    .problem = problem,
	    .ctx = ctx,
	    .rows_whole = true,
	    .bodies_whole = true,
	    .leaf_first = PACK_LEAF_NONE,
	    .leaf_last = PACK_LEAF_NONE};
	struct err open_err;
	bool ok = true;

	*checked_out = 0;
	v.expected = mem_calloc(d->record_count, sizeof *v.expected);
	v.skeletons = mem_calloc(d->skeleton_count, sizeof *v.skeletons);
	buf_init(&v.body, BODY_BYTES_MAX);
	if (pack_reader_new(p, &v.reader, &open_err)) {
		v.reader->seen = mem_calloc(d->part_block_count, sizeof *v.reader->seen);
		v.reader->parts_used = mem_calloc(d->part_count, sizeof *v.reader->parts_used);
		tombstones_check(&v);
		ok = content_check(&v, err) && rows_check(&v, err) && messages_check(&v, err);
	} else {
		problem(ctx, open_err.msg);
	}
	*checked_out = v.checked;
	pack_reader_free(&v.reader);
	buf_fini(&v.body);
	mem_free(v.skeletons);
	mem_free(v.expected);
	return ok;
}
