/* SPDX-License-Identifier: Apache-2.0 */
/* One block of a pack: a zstd frame, or the bytes as they are, sealed; bound to its pack, kind and number. */
#include <zstd.h>

#include "base_mem.h"
#include "pack_format_int.h"

#define PARTS_LEVEL  1
#define COLUMN_LEVEL 3
#define OTHER_LEVEL  1

#define AAD_BYTES    (4u + ID_RECORD_BYTES + 1u + 8u)

struct pack_codec {
	struct crypt_sealer *sealer;
	struct id_record pack_id;
	ZSTD_CCtx *compress;
	ZSTD_DCtx *decompress;
	ZSTD_CDict *compress_with;
	ZSTD_DDict *decompress_with;
	struct buf frame;
};

struct pack_codec *
pack_codec_new(const struct secret *data_key, const struct id_record *pack_id)
{
	struct pack_codec *c = mem_calloc(1, sizeof *c);

	c->sealer = crypt_sealer_new(data_key);
	c->pack_id = *pack_id;
	buf_init(&c->frame, ZSTD_COMPRESSBOUND(PACK_DIRECTORY_BYTES_MAX));
	return c;
}

void
pack_codec_free(struct pack_codec **codec)
{
	struct pack_codec *c = *codec;

	*codec = NULL;
	if (c == NULL)
		return;
	crypt_sealer_free(&c->sealer);
	(void)ZSTD_freeCCtx(c->compress);
	(void)ZSTD_freeDCtx(c->decompress);
	(void)ZSTD_freeCDict(c->compress_with);
	(void)ZSTD_freeDDict(c->decompress_with);
	buf_fini(&c->frame);
	mem_free(c);
}

bool
pack_codec_dictionary(struct pack_codec *c, struct bytes dictionary, struct err *err)
{
	must(c->decompress_with == NULL);
	c->decompress_with = ZSTD_createDDict(dictionary.ptr, dictionary.len);
	if (c->decompress_with == NULL || ZSTD_getDictID_fromDDict(c->decompress_with) == 0)
		return ERR(err, ERR_CORRUPT, "the dictionary is none");
	return true;
}

void
pack_codec_compress_with(struct pack_codec *c, struct bytes dictionary)
{
	must(c->compress_with == NULL);
	c->compress_with = ZSTD_createCDict(dictionary.ptr, dictionary.len, PACK_SKELETON_LEVEL);
	must(c->compress_with != NULL);
}

size_t
pack_block_sealed_max(size_t raw_len)
{
	return ZSTD_COMPRESSBOUND(raw_len) + CRYPT_TAG_BYTES;
}

static int
level_of(enum pack_block_kind kind)
{
	switch (kind) {
	case PACK_BLOCK_SKELETON:
		return PACK_SKELETON_LEVEL;
	case PACK_BLOCK_PARTS:
		return PARTS_LEVEL;
	case PACK_BLOCK_COLUMN:
	case PACK_BLOCK_DICTIONARY:
		return COLUMN_LEVEL;
	case PACK_BLOCK_TOMBSTONES:
	case PACK_BLOCK_DIRECTORY:
	case PACK_BLOCK_FOOTER:
		break;
	}
	return OTHER_LEVEL;
}

static struct bytes
aad_of(const struct pack_codec *c, enum pack_block_kind kind, uint64_t number, struct buf *out)
{
	buf_init(out, AAD_BYTES);
	buf_u32(out, PACK_VERSION);
	buf_append_mem(out, c->pack_id.raw, sizeof c->pack_id.raw);
	buf_u8(out, (uint8_t)kind);
	buf_u64(out, number);
	must(out->len == AAD_BYTES);
	return buf_view(out);
}

/* The frame, or, when that is no shorter, the bytes: the length tells the reader which. */
static struct bytes
frame_make(struct pack_codec *c, enum pack_block_kind kind, struct bytes plain)
{
	size_t bound = ZSTD_compressBound(plain.len), got;
	uint8_t *place;

	if (c->compress == NULL)
		c->compress = ZSTD_createCCtx();
	must(c->compress != NULL);
	buf_reset(&c->frame);
	place = buf_reserve(&c->frame, bound);
	must(place != NULL);
	if (kind == PACK_BLOCK_SKELETON && c->compress_with != NULL)
		got = ZSTD_compress_usingCDict(
		    c->compress, place, bound, plain.ptr, plain.len, c->compress_with);
	else
		got = ZSTD_compressCCtx(
		    c->compress, place, bound, plain.ptr, plain.len, level_of(kind));
	must(!ZSTD_isError(got));
	if (got >= plain.len)
		return plain;
	buf_grow(&c->frame, got);
	return buf_view(&c->frame);
}

/* The data key is this pack's alone, and a pack has each (kind, number) once: no nonce is used twice. */
void
pack_block_seal(struct pack_codec *c, enum pack_block_kind kind, uint64_t number,
    struct bytes plain, struct buf *out)
{
	uint8_t nonce[CRYPT_NONCE_BYTES];
	struct buf aad;

	must(plain.len <= PACK_DIRECTORY_BYTES_MAX);
	crypt_nonce_of(nonce, (uint32_t)kind, number);
	if (kind != PACK_BLOCK_FOOTER)
		plain = frame_make(c, kind, plain);
	crypt_seal(c->sealer, nonce, aad_of(c, kind, number, &aad), plain, out);
	buf_fini(&aad);
}

static bool
frame_open(struct pack_codec *c, enum pack_block_kind kind, size_t raw_len, struct buf *out,
    struct err *err)
{
	unsigned long long content = ZSTD_getFrameContentSize(c->frame.ptr, c->frame.len);
	uint8_t *place;
	size_t got;

	if (content != raw_len)
		return ERR(err, ERR_CORRUPT, "a block is not as long as the directory says");
	place = buf_reserve(out, raw_len);
	if (place == NULL)
		return ERR(err, ERR_LIMIT, "no room for a block of %zu bytes", raw_len);
	if (c->decompress == NULL)
		c->decompress = ZSTD_createDCtx();
	must(c->decompress != NULL);
	if (kind == PACK_BLOCK_SKELETON && c->decompress_with != NULL)
		got = ZSTD_decompress_usingDDict(
		    c->decompress, place, raw_len, c->frame.ptr, c->frame.len, c->decompress_with);
	else
		got =
		    ZSTD_decompressDCtx(c->decompress, place, raw_len, c->frame.ptr, c->frame.len);
	if (ZSTD_isError(got) || got != raw_len)
		return ERR(err, ERR_CORRUPT, "a block does not decompress");
	buf_grow(out, raw_len);
	return true;
}

bool
pack_block_unseal(struct pack_codec *c, enum pack_block_kind kind, uint64_t number,
    struct bytes sealed, size_t raw_len, struct buf *out, struct err *err)
{
	bool compressed = sealed.len != raw_len + CRYPT_TAG_BYTES, ok;
	uint8_t nonce[CRYPT_NONCE_BYTES];
	struct buf aad;

	if (sealed.len < CRYPT_TAG_BYTES || (compressed && kind == PACK_BLOCK_FOOTER))
		return ERR(err, ERR_CORRUPT, "a block has an impossible length");
	if (!compressed && out->max - out->len < raw_len)
		return ERR(err, ERR_LIMIT, "no room for a block of %zu bytes", raw_len);
	buf_reset(&c->frame);
	crypt_nonce_of(nonce, (uint32_t)kind, number);
	ok = crypt_unseal(c->sealer, nonce, aad_of(c, kind, number, &aad), sealed,
	    compressed ? &c->frame : out, err);
	buf_fini(&aad);
	return ok && (!compressed || frame_open(c, kind, raw_len, out, err));
}
