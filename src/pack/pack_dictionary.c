/* SPDX-License-Identifier: Apache-2.0 */
/* A dictionary for the skeletons of a pack, made of the first of them. */
#include <zdict.h>

#include "base_mem.h"
#include "pack_writer_int.h"

#define DICTIONARY_BYTES (110u * 1024u)
#define SAMPLES_MIN      64u

void
pack_dictionary_train(
    struct bytes samples, const size_t *sample_lens, size_t sample_count, struct buf *out)
{
	uint8_t *place;
	size_t got;

	if (sample_count < SAMPLES_MIN)
		return;
	place = buf_reserve(out, DICTIONARY_BYTES);
	must(place != NULL);
	got = ZDICT_trainFromBuffer(
	    place, DICTIONARY_BYTES, samples.ptr, sample_lens, (unsigned)sample_count);
	if (!ZDICT_isError(got)) /* it is an error when the samples have nothing in common */
		buf_grow(out, got);
}
