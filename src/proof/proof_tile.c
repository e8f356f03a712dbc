/* SPDX-License-Identifier: Apache-2.0 */
/* Paths of tiles and entry bundles. */
#include "proof_tile.h"

#include <stdio.h>

#include "base_text.h"

#define INDEX_END ((uint64_t)1 << 56)

void
proof_tile_format(char out[PROOF_TILE_PATH_SIZE], const struct proof_tile *tile)
{
	uint64_t divisor = 1;
	int at;

	must(tile->index < INDEX_END && tile->level < PROOF_TILE_LEVELS && tile->width >= 1 &&
	     tile->width <= PROOF_TILE_WIDTH);
	if (tile->entries)
		at = snprintf(out, PROOF_TILE_PATH_SIZE, "tile/entries");
	else
		at = snprintf(out, PROOF_TILE_PATH_SIZE, "tile/%u", tile->level);
	while (tile->index / divisor >= 1000)
		divisor *= 1000;
	for (; divisor > 0; divisor /= 1000)
		at += snprintf(out + at, (size_t)(PROOF_TILE_PATH_SIZE - at),
		    divisor > 1 ? "/x%03u" : "/%03u", (unsigned)(tile->index / divisor % 1000));
	if (tile->width < PROOF_TILE_WIDTH)
		at += snprintf(out + at, (size_t)(PROOF_TILE_PATH_SIZE - at), ".p/%u", tile->width);
	must(at < PROOF_TILE_PATH_SIZE);
}

/* Takes everything up to the next slash or the end; the slash, too. */
static struct bytes
part_take(struct bytes *left)
{
	size_t end = bytes_find_byte(*left, 0, '/');
	struct bytes part;

	if (end == SIZE_MAX)
		end = left->len;
	part = bytes_slice(*left, 0, end);
	*left = bytes_slice(*left, end + 1, left->len);
	return part;
}

/* Three digits. */
static bool
group_take(struct bytes part, uint64_t *index)
{
	uint64_t value;

	if (part.len != 3 || !text_u64_parse(&value, part) || *index > INDEX_END / 1000)
		return false;
	*index = *index * 1000 + value;
	return true;
}

static bool
index_take(struct bytes *left, struct proof_tile *out)
{
	struct bytes part = part_take(left);
	uint64_t width = PROOF_TILE_WIDTH;

	out->index = 0;
	for (; part.len == 4 && part.ptr[0] == 'x'; part = part_take(left))
		if (!group_take(bytes_slice(part, 1, 3), &out->index))
			return false;
	if (bytes_ends_with(part, BYTES_LIT(".p"))) {
		struct bytes text = part_take(left);

		part.len -= 2;
		if (!text_u64_parse(&width, text) || width == 0 || width >= PROOF_TILE_WIDTH ||
		    text.ptr[0] == '0')
			return false;
	}
	out->width = (unsigned)width;
	return group_take(part, &out->index) && out->index < INDEX_END;
}

bool
proof_tile_parse(struct bytes path, struct proof_tile *out, struct err *err)
{
	struct bytes left = path, level;
	char again[PROOF_TILE_PATH_SIZE];

	*out = (struct proof_tile){0};
	if (!bytes_starts_with(path, BYTES_LIT("tile/")) || path.len >= PROOF_TILE_PATH_SIZE)
		return ERR(err, ERR_SYNTAX, "not the path of a tile");
	left = bytes_slice(path, 5, path.len);
	level = part_take(&left);
	out->entries = bytes_equal(level, BYTES_LIT("entries"));
	if (!out->entries) {
		if (level.len != 1 || level.ptr[0] < '0' || level.ptr[0] >= '0' + PROOF_TILE_LEVELS)
			return ERR(err, ERR_SYNTAX, "no such level of tiles");
		out->level = (unsigned)(level.ptr[0] - '0');
	}
	if (!index_take(&left, out))
		return ERR(err, ERR_SYNTAX, "not the path of a tile");
	/* One name for one tile: what is left over shows here. */
	proof_tile_format(again, out);
	return bytes_equal(bytes_of_str(again), path) ||
	       ERR(err, ERR_SYNTAX, "not the path of a tile");
}

unsigned
proof_tile_width(unsigned level, uint64_t index, uint64_t size)
{
	uint64_t hashes;

	must(level < PROOF_TILE_LEVELS);
	hashes = size >> (8 * level);
	if (index >= INDEX_END || index > hashes / PROOF_TILE_WIDTH)
		return 0;
	if (index < hashes / PROOF_TILE_WIDTH)
		return PROOF_TILE_WIDTH;
	return (unsigned)(hashes % PROOF_TILE_WIDTH);
}
