/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bodies into blocks: base64 text is taken out of a message and kept as the bytes it stands for, each part once; what
 * is left, the skeleton, goes into blocks of its own.
 *
 * Parts come before the skeleton that names them. The parts that a message brings lie in one block or, when they are
 * longer than that, in blocks of their own that follow one another: they can be read at once.
 */
#include <string.h>

#include "base_mem.h"
#include "pack_writer_int.h"

void
pack_write_body_init(struct pack_writer *w)
{
	buf_init(&w->skeleton, PACK_SKELETON_BYTES);
	buf_init(&w->parts, PACK_PARTS_BYTES);
	buf_init(&w->training.plain, PACK_TRAIN_BYTES + 2 * PACK_SKELETON_BYTES);
	pack_splitter_init(&w->splitter);
	w->recipes = mem_calloc(PACK_RECIPES_MAX, sizeof *w->recipes);
}

static void
training_fini(struct pack_training *t)
{
	buf_release(&t->plain);
	mem_free(t->block_lens);
	mem_free(t->sample_lens);
	t->block_lens = t->sample_lens = NULL;
	t->over = true;
}

void
pack_write_body_fini(struct pack_writer *w)
{
	training_fini(&w->training);
	buf_fini(&w->skeleton);
	buf_fini(&w->parts);
	pack_splitter_fini(&w->splitter);
	mem_free(w->recipes);
	mem_free(w->table.slots);
	mem_free(w->table.digests);
}

/* The last ones may not have come yet, or not whole. */
static size_t
samples_whole(const struct pack_training *t)
{
	size_t bytes = 0, count = 0;

	while (count < t->sample_count && bytes + t->sample_lens[count] <= t->plain.len)
		bytes += t->sample_lens[count++];
	return count;
}

/* The dictionary, when it pays, and the blocks that waited for it. */
static bool
training_finish(struct pack_writer *w, struct err *err)
{
	struct pack_training *t = &w->training;
	struct bytes left = buf_view(&t->plain);
	struct buf dictionary;
	bool ok = true;

	buf_init(&dictionary, PACK_DICTIONARY_BYTES_MAX);
	if (left.len >= PACK_TRAIN_BYTES)
		pack_dictionary_train(left, t->sample_lens, samples_whole(t), &dictionary);
	if (dictionary.len > 0) {
		pack_codec_compress_with(w->codec, buf_view(&dictionary));
		ok = pack_writer_put_body(w, PACK_BLOCK_DICTIONARY, buf_view(&dictionary), err);
	}
	for (size_t i = 0; ok && i < t->block_count; i++) {
		ok = pack_writer_put_body(
		    w, PACK_BLOCK_SKELETON, bytes_slice(left, 0, t->block_lens[i]), err);
		left = bytes_slice(left, t->block_lens[i], SIZE_MAX);
	}
	buf_fini(&dictionary);
	training_fini(t);
	return ok;
}

static bool
skeleton_close(struct pack_writer *w, struct err *err)
{
	struct pack_training *t = &w->training;
	bool ok = true;

	if (w->skeleton.len == 0)
		return true;
	if (t->over) {
		ok = pack_writer_put_body(w, PACK_BLOCK_SKELETON, buf_view(&w->skeleton), err);
	} else {
		t->block_lens = pack_array_grow(
		    t->block_lens, t->block_count, &t->block_cap, sizeof *t->block_lens);
		t->block_lens[t->block_count++] = w->skeleton.len;
		buf_append(&t->plain, buf_view(&w->skeleton));
		if (t->plain.len >= PACK_TRAIN_BYTES)
			ok = training_finish(w, err);
	}
	w->skeleton_number++;
	buf_reset(&w->skeleton);
	return ok;
}

static bool
skeleton_put(struct pack_writer *w, struct bytes data, struct err *err)
{
	while (data.len > 0) {
		struct bytes piece = bytes_slice(data, 0, PACK_SKELETON_BYTES - w->skeleton.len);

		buf_append(&w->skeleton, piece);
		data = bytes_slice(data, piece.len, SIZE_MAX);
		if (w->skeleton.len == PACK_SKELETON_BYTES && !skeleton_close(w, err))
			return false;
	}
	return true;
}

static bool
parts_close(struct pack_writer *w, struct err *err)
{
	bool ok = w->parts.len == 0 ||
		  pack_writer_put_body(w, PACK_BLOCK_PARTS, buf_view(&w->parts), err);

	buf_reset(&w->parts);
	return ok;
}

static bool
part_put(struct pack_writer *w, struct bytes data, struct err *err)
{
	while (data.len > 0) {
		struct bytes piece = bytes_slice(data, 0, PACK_PARTS_BYTES - w->parts.len);

		buf_append(&w->parts, piece);
		data = bytes_slice(data, piece.len, SIZE_MAX);
		if (w->parts.len == PACK_PARTS_BYTES && !parts_close(w, err))
			return false;
	}
	return true;
}

static struct bytes
piece_plain(const struct pack_writer *w, size_t i)
{
	const struct pack_piece *p = &w->splitter.pieces[i];

	return bytes_slice(buf_view(&w->splitter.plain), p->plain_at, p->plain_len);
}

/* Numbers for the parts of a message: old ones, and new ones from the next on. A piece that gets none (there are too
 * many) is UINT32_MAX, and those behind it. Returns how many bytes are new. */
static uint64_t
parts_number(struct pack_writer *w)
{
	struct pack_directory *d = &w->directory;
	uint64_t fresh = 0;

	for (size_t i = 0; i < w->splitter.piece_count; i++) {
		uint8_t digest[CRYPT_SHA256_BYTES];
		struct bytes plain = piece_plain(w, i);
		uint32_t number;

		crypt_sha256(digest, plain);
		number = pack_part_table_find(&w->table, digest);
		if (number != UINT32_MAX) {
			w->shared_parts++;
		} else if (d->part_count < PACK_PARTS_MAX) {
			number = d->part_count;
			pack_part_table_add(&w->table, number, digest);
			d->part_ends = pack_array_grow(
			    d->part_ends, number, &w->part_cap, sizeof *d->part_ends);
			d->part_ends[number] = pack_directory_part_at(d, number) + plain.len;
			d->part_count++;
			fresh += plain.len;
		}
		w->recipes[i].part = number;
	}
	return fresh;
}

/* The parts that are new, in the order of their numbers. */
static bool
parts_put(struct pack_writer *w, struct err *err)
{
	uint32_t next = w->directory.part_count;
	uint64_t fresh = parts_number(w);
	bool own = fresh > PACK_PARTS_BYTES;

	if (fresh > PACK_PARTS_BYTES - w->parts.len && !parts_close(w, err))
		return false;
	for (size_t i = 0; i < w->splitter.piece_count; i++) {
		if (w->recipes[i].part != next)
			continue;
		if (!part_put(w, piece_plain(w, i), err))
			return false;
		next++;
	}
	must(next == w->directory.part_count);
	return !own || parts_close(w, err);
}

/* Recipes of the pieces that have a part; returns how many. Where they end in the body stands in *rest_out. */
static size_t
recipes_make(struct pack_writer *w, size_t added_len, size_t *rest_out)
{
	size_t count = 0, from = 0;

	for (size_t i = 0; i < w->splitter.piece_count; i++) {
		const struct pack_piece *p = &w->splitter.pieces[i];
		uint32_t part = w->recipes[i].part;

		if (part == UINT32_MAX)
			continue;
		w->splitter.pieces[count] = *p; /* those without a part are left out */
		p = &w->splitter.pieces[count];
		w->recipes[count] = (struct pack_recipe){
		    .literal_len = (uint32_t)(p->at - from + (count == 0 ? added_len : 0)),
		    .part = part,
		    .lines = p->lines};
		from = p->at + p->len;
		count++;
	}
	*rest_out = from;
	return count;
}

/* One skeleton is one sample. */
static void
sample_add(struct pack_training *t, size_t len)
{
	t->sample_lens = pack_array_grow(
	    t->sample_lens, t->sample_count, &t->sample_cap, sizeof *t->sample_lens);
	t->sample_lens[t->sample_count++] = len;
}

bool
pack_write_body_message(struct pack_writer *w, struct bytes added, struct bytes body,
    struct pack_place *place, struct err *err)
{
	size_t count, rest, len, from = 0;

	*place = (struct pack_place){0};
	if (added.len + body.len == 0)
		return true;
	pack_splitter_message(&w->splitter, body);
	if (!pack_splitter_check(&w->splitter, body)) {
		w->splitter.piece_count = 0;
		w->raw_messages++;
	}
	if (!parts_put(w, err))
		return false;
	count = recipes_make(w, added.len, &rest);
	buf_reset(&w->plain);
	pack_recipes_encode(w->recipes, count, &w->plain);
	len = w->plain.len + added.len + body.len;
	for (size_t i = 0; i < count; i++)
		len -= w->splitter.pieces[i].len;
	if (len > PACK_SKELETON_BYTES - w->skeleton.len && !skeleton_close(w, err))
		return false;
	*place = (struct pack_place){w->skeleton_number, (uint32_t)w->skeleton.len};
	if (!w->training.over)
		sample_add(&w->training, len);
	if (!skeleton_put(w, buf_view(&w->plain), err) || !skeleton_put(w, added, err))
		return false;
	for (size_t i = 0; i < count; i++) {
		const struct pack_piece *p = &w->splitter.pieces[i];

		if (!skeleton_put(w, bytes_slice(body, from, p->at - from), err))
			return false;
		from = p->at + p->len;
	}
	return skeleton_put(w, bytes_slice(body, rest, SIZE_MAX), err) &&
	       (len <= PACK_SKELETON_BYTES || skeleton_close(w, err));
}

bool
pack_write_body_flush(struct pack_writer *w, struct err *err)
{
	return parts_close(w, err) && skeleton_close(w, err) &&
	       (w->training.over || training_finish(w, err));
}
