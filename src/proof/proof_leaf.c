/* SPDX-License-Identifier: Apache-2.0 */
/* Commitments and their openings: docs/formats/proof.md §3. */
#include "proof_leaf.h"

#include <string.h>

#include "crypt_digest.h"
#include "crypt_sign.h"

#define LEAF_VERSION    1
#define OPENING_VERSION 1

struct secret *
proof_leaf_key(const struct secret *archive_key)
{
	return crypt_sign_derive(archive_key, "daybook leaf salt");
}

/* A record's subject is its bare id; other kinds begin with one byte, so that no two kinds share a salt. */
void
proof_leaf_salt(uint8_t out[PROOF_SALT_BYTES], const struct secret *leaf_key, enum proof_kind kind,
    struct bytes subject)
{
	uint8_t mac[CRYPT_SHA256_BYTES];
	struct buf named;

	buf_init(&named, subject.len + 1);
	if (kind != PROOF_RECORD)
		buf_u8(&named, (uint8_t)kind);
	buf_append(&named, subject);
	crypt_hmac_sha256(mac, secret_view(leaf_key), buf_view(&named));
	memcpy(out, mac, PROOF_SALT_BYTES);
	buf_fini(&named);
}

void
proof_leaf_of_bytes(struct proof_leaf *out, enum proof_kind kind,
    const uint8_t salt[PROOF_SALT_BYTES], struct bytes content)
{
	struct crypt_sha256_stream *stream = crypt_sha256_new();

	out->raw[0] = LEAF_VERSION;
	out->raw[1] = (uint8_t)kind;
	crypt_sha256_add(stream, bytes_of(salt, PROOF_SALT_BYTES));
	crypt_sha256_add(stream, content);
	crypt_sha256_done(&stream, out->raw + 2);
}

/* The envelope as commitment and opening both have it. */
static void
envelope_append(struct buf *out, const struct proof_record *r)
{
	buf_bytes32(out, r->sender);
	buf_u32(out, (uint32_t)r->recipient_count);
	for (size_t i = 0; i < r->recipient_count; i++)
		buf_bytes32(out, r->recipients[i]);
}

void
proof_leaf_of_record(
    struct proof_leaf *out, const uint8_t salt[PROOF_SALT_BYTES], const struct proof_record *r)
{
	struct buf content;

	buf_init(&content, PROOF_ENVELOPE_BYTES_MAX);
	buf_append_mem(&content, r->id.raw, sizeof r->id.raw);
	buf_u64(&content, (uint64_t)r->received_ms);
	buf_u64(&content, r->size_bytes);
	buf_append_mem(&content, r->sha256, sizeof r->sha256);
	envelope_append(&content, r);
	proof_leaf_of_bytes(out, PROOF_RECORD, salt, buf_view(&content));
	buf_fini(&content);
}

void
proof_leaf_of_removal(
    struct proof_leaf *out, const uint8_t salt[PROOF_SALT_BYTES], const struct proof_removal *r)
{
	struct buf content;

	buf_init(&content, 128);
	buf_append_mem(&content, r->id.raw, sizeof r->id.raw);
	buf_u64(&content, r->leaf_index);
	buf_append_mem(&content, r->leaf_hash.raw, sizeof r->leaf_hash.raw);
	buf_u64(&content, (uint64_t)r->removed_ms);
	buf_u8(&content, r->reason);
	proof_leaf_of_bytes(out, PROOF_REMOVAL, salt, buf_view(&content));
	buf_fini(&content);
}

void
proof_leaf_hash(struct proof_hash *out, const struct proof_leaf *leaf)
{
	proof_tree_leaf(out, bytes_of(leaf->raw, sizeof leaf->raw));
}

void
proof_opening_encode(
    struct buf *out, const uint8_t salt[PROOF_SALT_BYTES], const struct proof_record *r)
{
	buf_u8(out, OPENING_VERSION);
	buf_u8(out, PROOF_RECORD);
	buf_append_mem(out, salt, PROOF_SALT_BYTES);
	buf_append_mem(out, r->id.raw, sizeof r->id.raw);
	buf_u64(out, (uint64_t)r->received_ms);
	envelope_append(out, r);
}

bool
proof_opening_decode(struct bytes opening, struct arena *arena, uint8_t salt_out[PROOF_SALT_BYTES],
    struct proof_record *out, struct err *err)
{
	struct bytes salt, id, *recipients;
	struct reader r;
	uint32_t count;

	reader_init(&r, opening);
	*out = (struct proof_record){0};
	if (reader_u8(&r) != OPENING_VERSION || reader_u8(&r) != PROOF_RECORD)
		return ERR(err, ERR_SYNTAX, "not the opening of a record");
	salt = reader_take(&r, PROOF_SALT_BYTES);
	id = reader_take(&r, ID_RECORD_BYTES);
	out->received_ms = (int64_t)reader_u64(&r);
	out->sender = reader_bytes32(&r);
	count = reader_u32(&r);
	if (!reader_ok(&r) || count > r.left.len / 4)
		return ERR(err, ERR_SYNTAX, "the opening of a record is cut off");
	recipients = arena_calloc(arena, count, sizeof *recipients);
	for (uint32_t i = 0; i < count; i++)
		recipients[i] = reader_bytes32(&r);
	if (!reader_done(&r))
		return ERR(err, ERR_SYNTAX, "the opening of a record does not end where it should");
	memcpy(salt_out, salt.ptr, PROOF_SALT_BYTES);
	memcpy(out->id.raw, id.ptr, ID_RECORD_BYTES);
	out->recipients = recipients;
	out->recipient_count = count;
	return true;
}
