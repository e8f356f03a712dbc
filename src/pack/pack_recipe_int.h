/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A message as skeleton and parts (docs/formats/pack.md): base64 text that can be made again from its bytes is taken
 * out, and a recipe says how; everything else stays as it is.
 */
#ifndef PACK_RECIPE_INT_H
#define PACK_RECIPE_INT_H

#include "pack_base64_int.h"

#define PACK_RECIPES_MAX    4096u /* of one message; more base64 text stays in the skeleton */
#define PACK_PART_BYTES_MIN 512u  /* smaller bodies stay in the skeleton                    */
#define PACK_RECIPE_BYTES   11u
#define PACK_RECIPE_LF      1u

/* Base64 text found in a message. */
struct pack_piece {
	size_t at, len;             /* the text */
	size_t plain_at, plain_len; /* its bytes, in the splitter's plain */
	struct pack_lines lines;
};

/* One message after another; memory is kept between them up to a limit. */
struct pack_splitter {
	struct pack_base64 *base64;
	struct pack_piece *pieces;
	size_t piece_count, piece_cap;
	struct buf plain;
	struct buf scratch; /* characters of a quad over a line end; a text made again */
	bool broken;        /* tests: the next text that is made again is wrong */
};
void pack_splitter_init(struct pack_splitter *s);
void pack_splitter_fini(struct pack_splitter *s);
/* pack_splitter_message: the pieces of a message, in order. cost: linear in its bytes. Any bytes will do. */
void pack_splitter_message(struct pack_splitter *s, struct bytes message);
/* pack_splitter_check: every piece, made again, is the text it stands for. */
MUST_USE bool pack_splitter_check(struct pack_splitter *s, struct bytes message);

/* What a skeleton holds of a piece. */
struct pack_recipe {
	uint32_t
	    literal_len; /* bytes of the skeleton that stand between the piece before and this one */
	uint32_t part;
	struct pack_lines lines;
};
/* pack_recipes_encode: appends a count and the recipes. */
void pack_recipes_encode(const struct pack_recipe *recipes, size_t count, struct buf *out);
/* pack_recipe_decode: one of them. ERR_CORRUPT. */
MUST_USE bool pack_recipe_decode(struct reader *r, struct pack_recipe *out, struct err *err);

#endif
