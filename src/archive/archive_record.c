/* SPDX-License-Identifier: Apache-2.0 */
/* Encoders and decoders of the intake log, pure: bytes in, bytes out (docs/formats/intake.md). */
#include "archive_record_int.h"

#include <string.h>

#include "pack_columns.h"
#include "crypt_digest.h"

#define HEADER_MAGIC   BYTES_LIT("DBINTAK\n")
#define HEADER_VERSION 1u
#define RECORD_VERSION 1u
#define NONCE_DOMAIN   1u
#define AAD_BYTES      (ARCHIVE_FRAME_BYTES - 8u) /* all of a frame but its two checksums */
#define MARK_BYTES     4u

void
archive_record_header_encode(const struct archive_log_header *h, struct buf *out)
{
	static const uint8_t zeros[ARCHIVE_LOG_PAGE_BYTES];

	for (int copy = 0; copy < 2; copy++) {
		size_t start = out->len;

		buf_append(out, HEADER_MAGIC);
		buf_u32(out, HEADER_VERSION);
		buf_u32(out, (uint32_t)h->state);
		buf_u64(out, h->sequence);
		buf_append_mem(out, h->salt, sizeof h->salt);
		buf_bytes16(out, h->wrapped_key);
		buf_u32(out, crypt_crc32c(0, bytes_slice(buf_view(out), start, SIZE_MAX)));
		must(out->len - start <= 512); /* one sector: written whole or not at all */
		buf_append_mem(out, zeros, sizeof zeros - (out->len - start));
	}
}

static bool
copy_decode(struct bytes page, struct archive_log_header *out, struct err *err)
{
	struct reader r;
	struct bytes magic, salt;
	uint32_t version, state, sum;
	size_t len;

	reader_init(&r, page);
	magic = reader_take(&r, HEADER_MAGIC.len);
	version = reader_u32(&r);
	state = reader_u32(&r);
	out->sequence = reader_u64(&r);
	salt = reader_take(&r, ARCHIVE_LOG_SALT_BYTES);
	out->wrapped_key = reader_bytes16(&r);
	len = page.len - r.left.len;
	sum = reader_u32(&r);
	if (!reader_ok(&r) || !bytes_equal(magic, HEADER_MAGIC))
		return ERR(err, ERR_CORRUPT, "not an intake log");
	if (version > HEADER_VERSION)
		return ERR(err, ERR_UNSUPPORTED, "intake log version %u is later than this program",
		    version);
	if (sum != crypt_crc32c(0, bytes_slice(page, 0, len)) || version != HEADER_VERSION ||
	    (state != ARCHIVE_LOG_FREE && state != ARCHIVE_LOG_IN_USE) ||
	    out->wrapped_key.len > CRYPT_WRAPPED_BYTES_MAX)
		return ERR(err, ERR_CORRUPT, "the header of the intake log is damaged");
	out->state = state == ARCHIVE_LOG_FREE ? ARCHIVE_LOG_FREE : ARCHIVE_LOG_IN_USE;
	memcpy(out->salt, salt.ptr, sizeof out->salt);
	return true;
}

static bool
is_zero(struct bytes data)
{
	for (size_t i = 0; i < data.len; i++)
		if (data.ptr[i] != 0)
			return false;
	return true;
}

/* Freeing writes a header of the same sequence: then free is the newer one. */
static bool
is_newer(const struct archive_log_header *a, const struct archive_log_header *b)
{
	if (a->sequence != b->sequence)
		return a->sequence > b->sequence;
	return a->state == ARCHIVE_LOG_FREE && b->state != ARCHIVE_LOG_FREE;
}

bool
archive_record_header_decode(struct bytes data, struct archive_log_header *out, struct err *err)
{
	struct bytes first = bytes_slice(data, 0, ARCHIVE_LOG_PAGE_BYTES);
	struct bytes second = bytes_slice(data, ARCHIVE_LOG_PAGE_BYTES, ARCHIVE_LOG_PAGE_BYTES);
	struct archive_log_header other;
	struct err other_err;
	bool ok, other_ok;

	if (is_zero(first) && is_zero(second))
		return ERR(err, ERR_NOT_FOUND, "the intake log was never used");
	ok = copy_decode(first, out, err);
	other_ok = copy_decode(second, &other, &other_err);
	if (other_ok && (!ok || is_newer(&other, out)))
		*out = other;
	return ok || other_ok;
}

void
archive_record_key_context(const struct archive_log_header *h, struct buf *out)
{
	buf_append_str(out, "daybook intake");
	buf_u64(out, h->sequence);
	buf_append_mem(out, h->salt, sizeof h->salt);
}

static uint32_t
frame_sum(const uint8_t salt[ARCHIVE_LOG_SALT_BYTES], const uint8_t *frame)
{
	uint32_t sum = crypt_crc32c(0, bytes_of(salt, ARCHIVE_LOG_SALT_BYTES));

	return crypt_crc32c(sum, bytes_of(frame, ARCHIVE_FRAME_BYTES - 4));
}

static void
put_u32(uint8_t *out, uint32_t v)
{
	for (size_t i = 0; i < 4; i++)
		out[i] = (uint8_t)(v >> (8 * i));
}

void
archive_record_frame_encode(const struct archive_frame *f,
    const uint8_t salt[ARCHIVE_LOG_SALT_BYTES], uint8_t out[ARCHIVE_FRAME_BYTES])
{
	memcpy(out, salt, MARK_BYTES);
	put_u32(out + 4, (uint32_t)f->kind);
	put_u32(out + 8, f->length);
	put_u32(out + 12, (uint32_t)f->counter);
	put_u32(out + 16, (uint32_t)(f->counter >> 32));
	put_u32(out + 20, f->payload_crc);
	put_u32(out + 24, frame_sum(salt, out));
}

bool
archive_record_frame_decode(
    struct bytes data, const uint8_t salt[ARCHIVE_LOG_SALT_BYTES], struct archive_frame *out)
{
	struct bytes mark;
	struct reader r;
	uint32_t kind, sum;

	reader_init(&r, data);
	mark = reader_take(&r, MARK_BYTES);
	kind = reader_u32(&r);
	out->length = reader_u32(&r);
	out->counter = reader_u64(&r);
	out->payload_crc = reader_u32(&r);
	sum = reader_u32(&r);
	if (!reader_ok(&r) || !bytes_equal(mark, bytes_of(salt, MARK_BYTES)) ||
	    sum != frame_sum(salt, data.ptr))
		return false;
	if (kind < ARCHIVE_FRAME_RECORD || kind > ARCHIVE_FRAME_VOID || out->counter == 0)
		return false;
	out->kind = (enum archive_frame_kind)kind;
	return true;
}

void
archive_record_seal(struct crypt_sealer *sealer, const uint8_t salt[ARCHIVE_LOG_SALT_BYTES],
    uint64_t counter, struct bytes plain, struct buf *out)
{
	struct archive_frame frame = {.kind = ARCHIVE_FRAME_RECORD, .counter = counter};
	uint8_t nonce[CRYPT_NONCE_BYTES], head[ARCHIVE_FRAME_BYTES];
	size_t start = out->len;

	must(plain.len <= ARCHIVE_RECORD_BYTES_MAX);
	frame.length = (uint32_t)(plain.len + CRYPT_TAG_BYTES);
	archive_record_frame_encode(&frame, salt, head);
	crypt_nonce_of(nonce, NONCE_DOMAIN, counter);
	buf_append_mem(out, head, sizeof head);
	crypt_seal(sealer, nonce, bytes_of(head, AAD_BYTES), plain, out);
	must(!out->failed);
	frame.payload_crc =
	    crypt_crc32c(0, bytes_slice(buf_view(out), start + sizeof head, SIZE_MAX));
	archive_record_frame_encode(&frame, salt, out->ptr + start);
}

void
archive_record_end(const uint8_t salt[ARCHIVE_LOG_SALT_BYTES], uint64_t counter, struct buf *out)
{
	struct archive_frame frame = {.kind = ARCHIVE_FRAME_END, .counter = counter};
	uint8_t head[ARCHIVE_FRAME_BYTES];

	archive_record_frame_encode(&frame, salt, head);
	buf_append_mem(out, head, sizeof head);
}

bool
archive_record_unseal(struct crypt_sealer *sealer, const uint8_t salt[ARCHIVE_LOG_SALT_BYTES],
    struct bytes data, struct buf *plain, struct err *err)
{
	struct bytes payload = bytes_slice(data, ARCHIVE_FRAME_BYTES, SIZE_MAX);
	uint8_t nonce[CRYPT_NONCE_BYTES];
	struct archive_frame frame;

	if (!archive_record_frame_decode(data, salt, &frame) ||
	    frame.kind != ARCHIVE_FRAME_RECORD || frame.length != payload.len)
		return ERR(err, ERR_CORRUPT, "the frame of the record is damaged");
	crypt_nonce_of(nonce, NONCE_DOMAIN, frame.counter);
	return crypt_unseal(sealer, nonce, bytes_slice(data, 0, AAD_BYTES), payload, plain, err);
}

void
archive_record_row(
    const struct archive_reception *s, const struct archive_delivery *d, struct pack_row *out)
{
	struct crypt_sha256_stream *stream = crypt_sha256_new();

	*out = (struct pack_row){
	    .id = d->id,
	    .received_ms = s->received_ms,
	    .size_bytes = d->added_headers.len + s->body.len,
	    .retention = d->retention,
	    .leaf_index = PACK_LEAF_NONE,
	    .recipients = d->recipients,
	    .recipient_count = d->recipient_count,
	    .columns = s->columns,
	};
	crypt_sha256_add(stream, d->added_headers);
	crypt_sha256_add(stream, s->body);
	crypt_sha256_done(&stream, out->sha256);
}

/* A row behind its length, which is known only afterwards. */
static void
row_append(const struct pack_row *row, struct buf *out)
{
	size_t start = out->len;

	buf_u32(out, 0);
	pack_row_encode(row, out);
	if (!out->failed)
		put_u32(out->ptr + start, (uint32_t)(out->len - start - 4));
}

bool
archive_record_encode(const struct archive_reception *s, struct buf *out, struct err *err)
{
	must(s->delivery_count >= 1 && out->len == 0);
	if (s->delivery_count > ARCHIVE_DELIVERIES_MAX)
		return ERR(err, ERR_LIMIT, "more than %u archives for one message",
		    ARCHIVE_DELIVERIES_MAX);
	buf_u8(out, RECORD_VERSION);
	buf_u16(out, (uint16_t)s->delivery_count);
	for (size_t i = 0; i < s->delivery_count; i++) {
		const struct archive_delivery *d = &s->deliveries[i];
		struct pack_row row;

		archive_record_row(s, d, &row);
		buf_bytes16(out, bytes_of_str(d->archive_id));
		row_append(&row, out);
		buf_bytes32(out, d->added_headers);
	}
	buf_append(out, s->body);
	return buf_ok(out, err);
}

bool
archive_record_decode(
    struct bytes plain, struct arena *arena, struct archive_record *out, struct err *err)
{
	struct archive_record_delivery *deliveries;
	struct reader r;
	uint8_t version;
	size_t count;

	reader_init(&r, plain);
	version = reader_u8(&r);
	count = reader_u16(&r);
	if (version != RECORD_VERSION || count < 1 || count > ARCHIVE_DELIVERIES_MAX)
		return ERR(err, ERR_CORRUPT, "not a record of the intake log");
	deliveries = arena_calloc(arena, count, sizeof *deliveries);
	for (size_t i = 0; i < count; i++) {
		deliveries[i].archive_id = reader_bytes16(&r);
		deliveries[i].row = reader_bytes32(&r);
		deliveries[i].added_headers = reader_bytes32(&r);
	}
	if (!reader_ok(&r))
		return ERR(err, ERR_CORRUPT, "a record of the intake log ends early");
	*out = (struct archive_record){
	    .deliveries = deliveries, .delivery_count = count, .body = r.left};
	return true;
}
