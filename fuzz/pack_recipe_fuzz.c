/* SPDX-License-Identifier: Apache-2.0 */
/* Messages from a stranger taken apart: every piece makes its text again, and what is left is in order. Then the
 * input as recipes: what decodes encodes to the same bytes. */
#include <stddef.h>
#include <stdint.h>

#include "base_mem.h"
#include "pack_recipe_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes message = bytes_of(data, size);
	struct pack_splitter s;
	struct reader r;
	size_t end = 0;

	pack_splitter_init(&s);
	pack_splitter_message(&s, message);
	must(pack_splitter_check(&s, message));
	for (size_t i = 0; i < s.piece_count; i++) {
		const struct pack_piece *p = &s.pieces[i];

		must(p->at >= end && p->plain_len >= PACK_PART_BYTES_MIN);
		must(pack_base64_length(p->plain_len, p->lines) == p->len);
		end = p->at + p->len;
	}
	must(end <= size);
	pack_splitter_fini(&s);
	reader_init(&r, message);
	while (r.left.len > 0) {
		struct bytes before = r.left;
		struct pack_recipe recipe;
		struct buf again;
		struct err err;

		if (!pack_recipe_decode(&r, &recipe, &err))
			break;
		buf_init(&again, 2 + PACK_RECIPE_BYTES);
		pack_recipes_encode(&recipe, 1, &again);
		must(bytes_equal(bytes_slice(buf_view(&again), 2, SIZE_MAX),
		    bytes_slice(before, 0, PACK_RECIPE_BYTES)));
		buf_fini(&again);
	}
	return 0;
}
