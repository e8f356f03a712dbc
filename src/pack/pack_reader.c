/* SPDX-License-Identifier: Apache-2.0 */
/* Messages made again from skeletons and parts (docs/formats/pack.md), one after another. */
#include <string.h>

#include "base_mem.h"
#include "pack_columns.h"
#include "pack_reader_int.h"
#include "pack_recipe_int.h"

#define KEEP_BYTES     (4 * LIMIT_MIB) /* of memory for one part, from one message to the next */
#define LOOK_AHEAD_MAX 64u             /* recipes looked at for blocks to be read together */

bool
pack_reader_new(struct pack *p, struct pack_reader **out, struct err *err)
{
	struct pack_reader *r = mem_calloc(1, sizeof *r);

	r->pack = pack_hold(p);
	r->base64 = pack_base64_new();
	r->skeleton_number = UINT32_MAX;
	buf_init(&r->skeleton_block, PACK_BLOCK_BYTES_MAX);
	buf_init(&r->skeleton, 2 + PACK_RECIPES_MAX * PACK_RECIPE_BYTES);
	buf_init(&r->part, UINT32_MAX);
	for (unsigned i = 0; i < PACK_CACHE_BLOCKS; i++)
		buf_init(&r->cache[i].plain, PACK_BLOCK_BYTES_MAX);
	*out = r;
	if (pack_cursor_open(&r->cursor, p, err))
		return true;
	pack_reader_free(out);
	return false;
}

void
pack_reader_free(struct pack_reader **reader)
{
	struct pack_reader *r = *reader;

	*reader = NULL;
	if (r == NULL)
		return;
	if (r->view_good)
		pack_view_fini(&r->view);
	pack_cursor_close(&r->cursor);
	pack_base64_free(&r->base64);
	buf_fini(&r->skeleton_block);
	buf_fini(&r->skeleton);
	buf_fini(&r->part);
	for (unsigned i = 0; i < PACK_CACHE_BLOCKS; i++)
		buf_fini(&r->cache[i].plain);
	mem_free(r->seen);
	mem_free(r->parts_used);
	pack_release(&r->pack);
	mem_free(r);
}

static struct pack_cached *
cached_find(struct pack_reader *r, uint32_t number)
{
	for (unsigned i = 0; i < PACK_CACHE_BLOCKS; i++)
		if (r->cache[i].used > 0 && r->cache[i].number == number)
			return &r->cache[i];
	return NULL;
}

/* The place that was not used for longest; others are emptied as long as there is too much memory in all of them. */
static struct pack_cached *
cached_place(struct pack_reader *r)
{
	struct pack_cached *oldest;
	size_t bytes;

	do {
		oldest = &r->cache[0];
		bytes = 0;
		for (unsigned i = 0; i < PACK_CACHE_BLOCKS; i++) {
			bytes += r->cache[i].plain.cap;
			if (r->cache[i].used < oldest->used ||
			    (r->cache[i].used == oldest->used &&
				r->cache[i].plain.cap > oldest->plain.cap))
				oldest = &r->cache[i];
		}
		oldest->used = 0;
		if (bytes > PACK_CACHE_BYTES)
			buf_release(&oldest->plain);
	} while (bytes > PACK_CACHE_BYTES);
	buf_reset(&oldest->plain);
	return oldest;
}

const struct buf *
pack_reader_part_block(struct pack_reader *r, uint32_t number, struct err *err)
{
	const struct pack_directory *d = &r->pack->directory;
	struct pack_cached *c = cached_find(r, number);
	bool ok;

	if (c == NULL) {
		c = cached_place(r);
		c->number = number;
		ok = pack_cursor_block(
		    &r->cursor, &d->blocks[d->parts[number]], number, &c->plain, err);
		if (r->seen != NULL)
			r->seen[number] = ok ? 1 : 2;
		if (!ok)
			return NULL;
	}
	c->used = ++r->clock;
	return &c->plain;
}

/* The block of parts that holds a byte. */
static uint32_t
part_block_of(const struct pack_directory *d, uint64_t at)
{
	uint32_t low = 0, high = d->part_block_count;

	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;

		if (d->blocks[d->parts[middle]].plain_at <= at)
			low = middle;
		else
			high = middle;
	}
	return low;
}

/* Where a part lies; the directory was checked: there is a block for every byte. */
struct span {
	uint64_t at, end;
	uint32_t first, last; /* blocks of parts */
};

static struct span
span_of(const struct pack_directory *d, uint32_t part)
{
	struct span s = {.at = pack_directory_part_at(d, part), .end = d->part_ends[part]};

	s.first = part_block_of(d, s.at);
	s.last = part_block_of(d, s.end - 1);
	return s;
}

/* Blocks of parts first to last in one read, or as many of them as stand together and are not too much; nothing when
 * the first one is at hand. */
static bool
blocks_ahead(struct pack_reader *r, uint32_t first, uint32_t last, struct err *err)
{
	const struct pack_directory *d = &r->pack->directory;
	const struct pack_block *from = &d->blocks[d->parts[first]], *to = from;

	if (cached_find(r, first) != NULL ||
	    pack_cursor_holds(&r->cursor, from->offset, from->extent.sealed_len))
		return true;
	while (first < last) {
		const struct pack_block *next = &d->blocks[d->parts[++first]];

		if (next != to + 1 ||
		    next->offset + next->extent.sealed_len - from->offset > PACK_READ_BYTES)
			break;
		to = next;
	}
	return pack_cursor_ahead(&r->cursor, from->offset,
	    (size_t)(to->offset + to->extent.sealed_len - from->offset), err);
}

static bool
part_load(struct pack_reader *r, uint32_t part, struct bytes *out, struct err *err)
{
	const struct pack_directory *d = &r->pack->directory;
	struct span s = span_of(d, part);

	if (r->parts_used != NULL)
		r->parts_used[part] = 1;
	if (r->part.cap > KEEP_BYTES)
		buf_release(&r->part);
	buf_reset(&r->part);
	for (uint32_t b = s.first; b <= s.last; b++) {
		const struct pack_block *block = &d->blocks[d->parts[b]];
		uint64_t from = s.at > block->plain_at ? s.at - block->plain_at : 0;
		const struct buf *plain;

		if (!blocks_ahead(r, b, s.last, err))
			return false;
		plain = pack_reader_part_block(r, b, err);
		if (plain == NULL)
			return false;
		*out = bytes_slice(
		    buf_view(plain), (size_t)from, (size_t)(s.end - block->plain_at - from));
		if (s.first < s.last)
			buf_append(&r->part, *out);
	}
	if (s.first < s.last)
		*out = buf_view(&r->part);
	must(out->len == s.end - s.at);
	return true;
}

/* Brings len bytes from place on, and moves it behind them. */
static bool
skeleton_take(
    struct pack_reader *r, struct pack_place *place, uint64_t len, struct buf *out, struct err *err)
{
	const struct pack_directory *d = &r->pack->directory;

	while (len > 0) {
		struct bytes piece;

		if (place->block >= d->skeleton_count)
			return ERR(err, ERR_CORRUPT,
			    "pack %s: a message lies past the last skeleton block", r->pack->path);
		if (r->skeleton_number != place->block) {
			r->skeleton_number = UINT32_MAX;
			buf_reset(&r->skeleton_block);
			if (!pack_cursor_block(&r->cursor, &d->blocks[d->skeletons[place->block]],
				place->block, &r->skeleton_block, err))
				return false;
			r->skeleton_number = place->block;
		}
		piece = bytes_slice(buf_view(&r->skeleton_block), place->offset,
		    len < SIZE_MAX ? (size_t)len : SIZE_MAX);
		if (piece.len == 0)
			return ERR(err, ERR_CORRUPT,
			    "pack %s: skeleton block %u ends before a message in it begins",
			    r->pack->path, place->block);
		buf_append(out, piece);
		len -= piece.len;
		place->offset += (uint32_t)piece.len;
		if (place->offset == r->skeleton_block.len)
			*place = (struct pack_place){place->block + 1, 0};
	}
	return buf_ok(out, err);
}

/* What is left of a message when its pieces are taken out. */
struct literals {
	uint64_t total, rest; /* rest: behind the last piece */
};

/* Checks the recipes against the pack and the size of the message. */
static bool
recipes_check(struct pack_reader *r, const struct pack_message *m, size_t count,
    struct literals *out, struct err *err)
{
	const struct pack_directory *d = &r->pack->directory;
	struct pack_recipe recipe;
	struct reader reader;
	uint64_t total = 0;
	bool ok = true;

	out->total = 0;
	reader_init(&reader, buf_view(&r->skeleton));
	for (size_t i = 0; ok && i < count; i++) {
		ok = pack_recipe_decode(&reader, &recipe, err) && recipe.part < d->part_count;
		if (ok)
			total += recipe.literal_len +
				 pack_base64_length(d->part_ends[recipe.part] -
							pack_directory_part_at(d, recipe.part),
				     recipe.lines);
		ok = ok && total <= m->size_bytes;
		out->total += ok ? recipe.literal_len : 0;
	}
	out->rest = ok ? m->size_bytes - total : 0;
	out->total += out->rest;
	return ok ||
	       ERR(err, ERR_CORRUPT, "pack %s: a recipe does not fit its message", r->pack->path);
}

/* Before a part is asked for: its blocks, and those of the parts behind it that stand next to them. */
static bool
parts_ahead(struct pack_reader *r, struct reader reader, struct err *err)
{
	uint32_t first = UINT32_MAX, last = 0;

	for (unsigned i = 0; i < LOOK_AHEAD_MAX && reader.left.len > 0; i++) {
		struct pack_recipe recipe;
		struct span s;

		if (!pack_recipe_decode(&reader, &recipe, err))
			return false;
		s = span_of(&r->pack->directory, recipe.part);
		if (first == UINT32_MAX) {
			first = s.first;
			last = s.last;
		} else if (s.first >= first && s.first <= last + 1 && s.last > last) {
			last = s.last;
		}
	}
	return first == UINT32_MAX || blocks_ahead(r, first, last, err);
}

static bool
pieces_put(struct pack_reader *r, struct pack_place *place, struct buf *body, struct err *err)
{
	struct reader reader;
	bool ok = true;

	reader_init(&reader, buf_view(&r->skeleton));
	while (ok && reader.left.len > 0) {
		struct reader here = reader;
		struct pack_recipe recipe;
		struct bytes part;

		ok = pack_recipe_decode(&reader, &recipe, err) &&
		     skeleton_take(r, place, recipe.literal_len, body, err) &&
		     parts_ahead(r, here, err) && part_load(r, recipe.part, &part, err);
		if (ok)
			pack_base64_encode(r->base64, part, recipe.lines, body);
		ok = ok && buf_ok(body, err);
	}
	return ok;
}

/* So many bytes further; past the last block when there are no more. */
static struct pack_place
place_after(const struct pack_directory *d, struct pack_place place, uint64_t len)
{
	while (len > 0 && place.block < d->skeleton_count) {
		uint64_t left = d->blocks[d->skeletons[place.block]].extent.raw_len - place.offset;

		if (len < left) {
			place.offset += (uint32_t)len;
			break;
		}
		len -= left;
		place = (struct pack_place){place.block + 1, 0};
	}
	return place;
}

bool
pack_reader_message(struct pack_reader *r, const struct pack_message *m, struct buf *body,
    struct pack_place *end_out, struct err *err)
{
	struct pack_place place = m->place;
	struct literals literals;
	struct reader reader;
	size_t count;

	if (m->size_bytes == 0)
		return true;
	if (m->size_bytes > body->max - body->len)
		return ERR(err, ERR_LIMIT, "no room for a message of %llu bytes",
		    (unsigned long long)m->size_bytes);
	buf_reset(&r->skeleton);
	if (!skeleton_take(r, &place, 2, &r->skeleton, err))
		return false;
	reader_init(&reader, buf_view(&r->skeleton));
	count = reader_u16(&reader);
	if (count > PACK_RECIPES_MAX)
		return ERR(
		    err, ERR_CORRUPT, "pack %s: a message has too many recipes", r->pack->path);
	buf_reset(&r->skeleton);
	if (!skeleton_take(r, &place, count * PACK_RECIPE_BYTES, &r->skeleton, err) ||
	    !recipes_check(r, m, count, &literals, err))
		return false;
	*end_out = place_after(&r->pack->directory, place, literals.total);
	(void)buf_reserve(body, m->size_bytes < KEEP_BYTES ? (size_t)m->size_bytes : KEEP_BYTES);
	return pieces_put(r, &place, body, err) &&
	       skeleton_take(r, &place, literals.rest, body, err);
}

/* The row group of a position, with these columns. */
static bool
view_load(
    struct pack_reader *r, size_t position, unsigned columns, uint32_t *index_out, struct err *err)
{
	uint32_t group = pack_group_of(r->pack, position);

	if (r->view_good && r->view.group != group) {
		pack_view_fini(&r->view);
		r->view_good = false;
	}
	if (!r->view_good)
		pack_view_init(&r->view, r->pack, group);
	r->view_good = true;
	*index_out = (uint32_t)(position - r->pack->directory.groups[group].first_row);
	return pack_view_load(&r->cursor, &r->view, columns, err);
}

/* The row's views point into the group: a copy is the row encoded and decoded again. */
static bool
row_copy(const struct pack_row *row, struct arena *arena, struct pack_row *out, struct err *err)
{
	struct buf encoded;
	struct reader r;

	buf_init(&encoded, 2 * PACK_COLUMN_BYTES_MAX);
	pack_row_encode(row, &encoded);
	reader_init(&r, arena_bytes(arena, buf_view(&encoded)));
	buf_fini(&encoded);
	if (!pack_row_decode(&r, arena, out, err))
		return false;
	out->leaf_index = row->leaf_index;
	return true;
}

bool
pack_reader_row(struct pack_reader *r, size_t position, struct arena *arena, struct pack_row *out,
    struct err *err)
{
	struct pack_row row;
	uint32_t index;

	return view_load(r, position, PACK_COLUMNS_ALL, &index, err) &&
	       pack_view_row(r->pack, &r->view, position, PACK_COLUMNS_ALL, arena, &row, err) &&
	       row_copy(&row, arena, out, err);
}

bool
pack_reader_body(struct pack_reader *r, size_t position, struct buf *body, struct err *err)
{
	uint8_t digest[CRYPT_SHA256_BYTES], want[CRYPT_SHA256_BYTES];
	size_t start = body->len;
	struct pack_place end;
	struct pack_message m;
	uint32_t index;

	if (!view_load(r, position, PACK_COLUMN_BIT(PACK_COLUMN_KEYS), &index, err))
		return false;
	m.place = pack_rows_place(&r->view.rows, index);
	m.size_bytes = pack_rows_size_bytes(&r->view.rows, index);
	pack_rows_sha256(&r->view.rows, index, want);
	if (!pack_reader_message(r, &m, body, &end, err))
		return false;
	crypt_sha256(digest, bytes_slice(buf_view(body), start, SIZE_MAX));
	return memcmp(digest, want, sizeof digest) == 0 ||
	       ERR(err, ERR_CORRUPT, "pack %s: a message is not the one its row names",
		   r->pack->path);
}

bool
pack_row(
    struct pack *p, size_t position, struct arena *arena, struct pack_row *out, struct err *err)
{
	struct pack_reader *r = NULL;
	bool ok = pack_reader_new(p, &r, err) && pack_reader_row(r, position, arena, out, err);

	pack_reader_free(&r);
	return ok;
}

bool
pack_body(struct pack *p, size_t position, struct buf *body, struct err *err)
{
	struct pack_reader *r = NULL;
	bool ok = pack_reader_new(p, &r, err) && pack_reader_body(r, position, body, err);

	pack_reader_free(&r);
	return ok;
}

bool
pack_leaf_index(struct pack *p, size_t position, uint64_t *out, struct err *err)
{
	struct pack_reader *r = NULL;
	uint32_t index;
	bool ok = pack_reader_new(p, &r, err) &&
		  view_load(r, position, PACK_COLUMN_BIT(PACK_COLUMN_KEYS), &index, err);

	if (ok)
		*out = pack_rows_leaf_index(&r->view.rows, index);
	pack_reader_free(&r);
	return ok;
}
