/* SPDX-License-Identifier: Apache-2.0 */
/* Proof files and openings from strangers: no crash, and what is taken comes back as the same bytes. */
#include <stddef.h>
#include <stdint.h>

#include "proof_leaf.h"
#include "proof_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
opening_try(struct bytes opening)
{
	uint8_t salt[PROOF_SALT_BYTES];
	struct proof_record record;
	struct arena arena;
	struct buf out;
	struct err err;

	arena_init(&arena);
	buf_init(&out, PROOF_TEXT_BYTES_MAX);
	if (proof_opening_decode(opening, &arena, salt, &record, &err)) {
		proof_opening_encode(&out, salt, &record);
		must(bytes_equal(buf_view(&out), opening));
	}
	buf_fini(&out);
	arena_fini(&arena);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes text = bytes_of(data, size);
	struct proof_text t;
	struct buf extra, out;
	struct err err;

	opening_try(text);
	buf_init(&extra, PROOF_TEXT_BYTES_MAX);
	buf_init(&out, 2 * PROOF_TEXT_BYTES_MAX);
	if (proof_text_parse(text, &t, &extra, &err)) {
		proof_text_format(&t, buf_view(&extra), &out);
		must(bytes_equal(buf_view(&out), text));
		opening_try(buf_view(&extra));
	}
	buf_fini(&extra);
	buf_fini(&out);
	return 0;
}
