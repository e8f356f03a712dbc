/* SPDX-License-Identifier: Apache-2.0 */
/* Header, frames and head of the audit log as bytes, and the walk over them (docs/formats/audit.md). Pure. */
#include <string.h>

#include "audit_int.h"

#define FORMAT_VERSION 1u

static const uint8_t MAGIC[8] = {'D', 'B', 'A', 'U', 'D', 'I', 'T', '\n'};
static const uint8_t HEAD_MAGIC[8] = {'D', 'B', 'A', 'H', 'E', 'A', 'D', '\n'};

static void
copy_out(uint8_t *out, struct buf *b, size_t len)
{
	must(!b->failed && b->len == len);
	memcpy(out, b->ptr, len);
	buf_fini(b);
}

static void
take(struct reader *r, uint8_t *out, size_t len)
{
	struct bytes got = reader_take(r, len);

	if (got.len == len)
		memcpy(out, got.ptr, len);
}

void
audit_header_encode(const struct audit_header *h, uint8_t out[AUDIT_HEADER_BYTES])
{
	struct buf b;

	buf_init(&b, AUDIT_HEADER_BYTES);
	buf_append_mem(&b, MAGIC, sizeof MAGIC);
	buf_u32(&b, FORMAT_VERSION);
	buf_u64(&b, h->number);
	buf_u64(&b, h->first_sequence);
	buf_u64(&b, (uint64_t)h->created_ms);
	buf_append_mem(&b, h->salt, sizeof h->salt);
	buf_append_mem(&b, h->previous, sizeof h->previous);
	buf_u32(&b, crypt_crc32c(0, buf_view(&b)));
	copy_out(out, &b, AUDIT_HEADER_BYTES);
}

bool
audit_header_decode(struct bytes data, struct audit_header *out, struct err *err)
{
	struct bytes head = bytes_slice(data, 0, AUDIT_HEADER_BYTES);
	struct reader r;
	uint32_t version;

	reader_init(&r, head);
	if (head.len < AUDIT_HEADER_BYTES ||
	    !bytes_equal(reader_take(&r, sizeof MAGIC), bytes_of(MAGIC, sizeof MAGIC)))
		return ERR(err, ERR_CORRUPT, "not a file of the audit log");
	version = reader_u32(&r);
	out->number = reader_u64(&r);
	out->first_sequence = reader_u64(&r);
	out->created_ms = (int64_t)reader_u64(&r);
	take(&r, out->salt, sizeof out->salt);
	take(&r, out->previous, sizeof out->previous);
	if (reader_u32(&r) != crypt_crc32c(0, bytes_slice(head, 0, AUDIT_HEADER_BYTES - 4)))
		return ERR(err, ERR_CORRUPT, "the header is damaged");
	if (version != FORMAT_VERSION)
		return ERR(err, ERR_UNSUPPORTED, "an audit log of version %u", version);
	return true;
}

void
audit_frame_encode(const struct audit_frame *f, const uint8_t salt[AUDIT_SALT_BYTES],
    uint8_t out[AUDIT_FRAME_BYTES])
{
	struct buf b;

	buf_init(&b, AUDIT_FRAME_BYTES);
	buf_append_mem(&b, salt, 4);
	buf_u32(&b, f->length);
	buf_u64(&b, f->sequence);
	buf_u64(&b, f->durable);
	buf_append_mem(&b, f->previous, sizeof f->previous);
	buf_append_mem(&b, f->nonce, sizeof f->nonce);
	buf_u32(&b, crypt_crc32c(0, buf_view(&b)));
	copy_out(out, &b, AUDIT_FRAME_BYTES);
}

bool
audit_frame_decode(struct bytes data, const uint8_t salt[AUDIT_SALT_BYTES], struct audit_frame *out)
{
	struct bytes head = bytes_slice(data, 0, AUDIT_FRAME_BYTES);
	struct reader r;

	reader_init(&r, head);
	if (!bytes_equal(reader_take(&r, 4), bytes_of(salt, 4)))
		return false;
	out->length = reader_u32(&r);
	out->sequence = reader_u64(&r);
	out->durable = reader_u64(&r);
	take(&r, out->previous, sizeof out->previous);
	take(&r, out->nonce, sizeof out->nonce);
	return reader_u32(&r) == crypt_crc32c(0, bytes_slice(head, 0, AUDIT_FRAME_BYTES - 4)) &&
	       reader_done(&r) && out->length >= CRYPT_TAG_BYTES &&
	       out->length <= AUDIT_PLAIN_MAX + CRYPT_TAG_BYTES;
}

void
audit_head_seal(
    const struct audit_head *h, struct crypt_sealer *sealer, const struct rng *rng, struct buf *out)
{
	uint8_t nonce[CRYPT_NONCE_BYTES];
	size_t from = out->len;

	buf_append_mem(out, HEAD_MAGIC, sizeof HEAD_MAGIC);
	buf_u32(out, FORMAT_VERSION);
	buf_u64(out, h->number);
	buf_u64(out, h->sequence);
	buf_append_mem(out, h->hash, sizeof h->hash);
	rng_fill(rng, nonce, sizeof nonce);
	buf_append_mem(out, nonce, sizeof nonce);
	buf_u64(out, 0);
	crypt_seal(
	    sealer, nonce, bytes_slice(buf_view(out), from, out->len - from), BYTES_EMPTY, out);
	must(!out->failed && out->len - from == AUDIT_HEAD_BYTES);
}

bool
audit_head_open(
    struct bytes data, struct crypt_sealer *sealer, struct audit_head *out, struct err *err)
{
	size_t plain = AUDIT_HEAD_BYTES - CRYPT_TAG_BYTES;
	uint8_t nonce[CRYPT_NONCE_BYTES] = {0};
	struct reader r;
	struct buf nothing;
	uint32_t version;
	bool ok;

	reader_init(&r, bytes_slice(data, 0, plain));
	if (data.len != AUDIT_HEAD_BYTES || !bytes_equal(reader_take(&r, sizeof HEAD_MAGIC),
						bytes_of(HEAD_MAGIC, sizeof HEAD_MAGIC)))
		return ERR(err, ERR_CORRUPT, "not the head of an audit log");
	version = reader_u32(&r);
	out->number = reader_u64(&r);
	out->sequence = reader_u64(&r);
	take(&r, out->hash, sizeof out->hash);
	take(&r, nonce, sizeof nonce);
	buf_init(&nothing, 1);
	ok = crypt_unseal(sealer, nonce, bytes_slice(data, 0, plain),
		 bytes_slice(data, plain, CRYPT_TAG_BYTES), &nothing, err) &&
	     nothing.len == 0;
	buf_fini(&nothing);
	if (!ok)
		return ERR(err, ERR_CORRUPT, "the head of the audit log is damaged");
	if (version != FORMAT_VERSION)
		return ERR(err, ERR_UNSUPPORTED, "an audit log of version %u", version);
	return true;
}

struct scan {
	struct bytes data;
	const uint8_t *salt;
	uint64_t least; /* sequence numbers below it are not of this place */
};

static bool
frame_at(const struct scan *s, uint64_t at, struct audit_frame *out)
{
	return audit_frame_decode(bytes_slice(s->data, at, AUDIT_FRAME_BYTES), s->salt, out) &&
	       out->sequence >= s->least && out->length <= s->data.len - at - AUDIT_FRAME_BYTES;
}

/* Where the next frame begins, or the end of the file. */
static uint64_t
frame_find(const struct scan *s, uint64_t from, struct audit_frame *out)
{
	size_t at = from;

	while ((at = bytes_find(s->data, at, bytes_of(s->salt, 4))) != SIZE_MAX) {
		if (frame_at(s, at, out))
			return at;
		at++;
	}
	return s->data.len;
}

void
audit_scan(struct bytes data, const uint8_t salt[AUDIT_SALT_BYTES], uint64_t first_sequence,
    audit_item_fn visit, void *ctx)
{
	struct scan s = {.data = data, .salt = salt, .least = first_sequence};
	uint64_t at = AUDIT_HEADER_BYTES;

	while (at < data.len) {
		struct audit_item item = {.offset = at};

		if (frame_at(&s, at, &item.frame)) {
			item.length = AUDIT_FRAME_BYTES + item.frame.length;
			s.least = item.frame.sequence + 1;
		} else {
			item.damaged = true;
			item.length = frame_find(&s, at, &item.frame) - at;
			item.frame = (struct audit_frame){0};
		}
		at += item.length;
		if (!visit(ctx, &item))
			return;
	}
}
