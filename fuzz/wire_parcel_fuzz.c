/* SPDX-License-Identifier: Apache-2.0 */
/* Parcels and their answers: refused, or the same bytes when encoded again. */
#include <stddef.h>
#include <stdint.h>

#include "wire_parcel.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wire_parcel_answer answer;
	struct wire_parcel parcel;
	struct arena arena;
	struct buf out;
	struct err err;

	arena_init(&arena);
	buf_init(&out, size + 64);
	if (wire_parcel_decode(bytes_of(data, size), &arena, &parcel, &err)) {
		wire_parcel_encode(&parcel, &out);
		must(bytes_equal(buf_view(&out), bytes_of(data, size)));
	}
	buf_reset(&out);
	if (wire_parcel_answer_decode(bytes_of(data, size), &arena, &answer, &err)) {
		wire_parcel_answer_encode(&answer, &out);
		must(bytes_equal(buf_view(&out), bytes_of(data, size)));
	}
	buf_fini(&out);
	arena_fini(&arena);
	return 0;
}
