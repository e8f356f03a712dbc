/* SPDX-License-Identifier: Apache-2.0 */
/* A dictionary for the skeletons of a pack, made of the first of them. */
/* For one pass with given parameters: the stable call tries ten, in ten times the time. */
#define ZDICT_STATIC_LINKING_ONLY
#include <zdict.h>
#include <zstd.h>

#include "base_mem.h"
#include "pack_writer_int.h"

#define DICTIONARY_BYTES (110u * 1024u)
#define SAMPLES_MIN      64u
#define TRIAL_STEP       8u /* of so many blocks one is compressed with and without */

/* Would the samples be smaller by more than the dictionary takes? */
static bool
pays(struct bytes samples, struct bytes dictionary)
{
	size_t bound = ZSTD_compressBound(PACK_SKELETON_BYTES), with = 0, without = 0;
	ZSTD_CDict *cdict = ZSTD_createCDict(dictionary.ptr, dictionary.len, PACK_SKELETON_LEVEL);
	ZSTD_CCtx *context = ZSTD_createCCtx();
	uint8_t *out = mem_alloc(bound);
	size_t own;

	must(cdict != NULL && context != NULL);
	for (size_t at = 0; at < samples.len; at += TRIAL_STEP * PACK_SKELETON_BYTES) {
		struct bytes block = bytes_slice(samples, at, PACK_SKELETON_BYTES);

		with += ZSTD_compress_usingCDict(context, out, bound, block.ptr, block.len, cdict);
		without += ZSTD_compressCCtx(
		    context, out, bound, block.ptr, block.len, PACK_SKELETON_LEVEL);
	}
	mem_free(out);
	out = mem_alloc(ZSTD_compressBound(dictionary.len));
	own = ZSTD_compressCCtx(context, out, ZSTD_compressBound(dictionary.len), dictionary.ptr,
	    dictionary.len, PACK_SKELETON_LEVEL);
	mem_free(out);
	(void)ZSTD_freeCCtx(context);
	(void)ZSTD_freeCDict(cdict);
	must(!ZSTD_isError(with) && !ZSTD_isError(without) && !ZSTD_isError(own));
	return with < without && (without - with) * TRIAL_STEP > own;
}

void
pack_dictionary_train(
    struct bytes samples, const size_t *sample_lens, size_t sample_count, struct buf *out)
{
	/* Measured (bench/mix_bench.c): as small as what a search for parameters finds. */
	ZDICT_fastCover_params_t params = {.k = 2048,
	    .d = 8,
	    .f = 17,
	    .accel = 5,
	    .splitPoint = 1.0,
	    .zParams = {.compressionLevel = PACK_SKELETON_LEVEL}};
	uint8_t *place;
	size_t got;

	if (sample_count < SAMPLES_MIN)
		return;
	place = buf_reserve(out, DICTIONARY_BYTES);
	must(place != NULL);
	got = ZDICT_trainFromBuffer_fastCover(
	    place, DICTIONARY_BYTES, samples.ptr, sample_lens, (unsigned)sample_count, params);
	/* It is an error when the samples have nothing in common. */
	if (!ZDICT_isError(got) && pays(samples, bytes_of(place, got)))
		buf_grow(out, got);
}
