/* SPDX-License-Identifier: Apache-2.0 */
/* The keyring of an archive: its wrapped keys in memory, and as a file. docs/formats/keyring.md. */
#include "archive_keyring_int.h"

#include <string.h>

#include "base_mem.h"
#include "crypt_digest.h"

#define MAGIC           BYTES_LIT("DBKRNG\r\n")
#define KEYRING_VERSION 1u
#define ID_BYTES        (sizeof((struct id_record *)0)->raw)

void
archive_keyring_init(struct archive_keyring *r)
{
	*r = (struct archive_keyring){.generation = 0};
}

static struct bytes
own(struct bytes b)
{
	uint8_t *copy;

	if (b.len == 0)
		return BYTES_EMPTY;
	copy = mem_alloc(b.len);
	memcpy(copy, b.ptr, b.len);
	return bytes_of(copy, b.len);
}

static void
drop(struct bytes *b)
{
	/* Ours, made by own: the view is const for everybody else. */
	mem_free((void *)(uintptr_t)b->ptr);
	*b = BYTES_EMPTY;
}

static void
packs_drop(struct archive_keyring *r)
{
	for (size_t i = 0; i < r->pack_count; i++)
		drop(&r->packs[i].wrapped);
	mem_free(r->packs);
	r->packs = NULL;
	r->pack_count = r->pack_room = 0;
}

void
archive_keyring_fini(struct archive_keyring *r)
{
	for (size_t i = 0; i < r->kek_count; i++)
		drop(&r->keks[i].wrapped);
	r->kek_count = 0;
	drop(&r->proof);
	packs_drop(r);
}

void
archive_keyring_copy(struct archive_keyring *out, const struct archive_keyring *r)
{
	archive_keyring_init(out);
	out->generation = r->generation;
	out->destroyed_ms = r->destroyed_ms;
	out->kek_count = r->kek_count;
	for (size_t i = 0; i < r->kek_count; i++)
		out->keks[i] = (struct archive_kek){r->keks[i].created_ms, own(r->keks[i].wrapped)};
	out->proof = own(r->proof);
	out->pack_count = out->pack_room = r->pack_count;
	if (r->pack_count > 0)
		out->packs = mem_calloc(r->pack_count, sizeof *out->packs);
	for (size_t i = 0; i < r->pack_count; i++)
		out->packs[i] = (struct archive_rewrap){r->packs[i].pack, own(r->packs[i].wrapped)};
}

bool
archive_keyring_push(
    struct archive_keyring *r, struct bytes wrapped, int64_t created_ms, struct err *err)
{
	if (r->kek_count == ARCHIVE_KEKS_MAX)
		return ERR(err, ERR_BUSY,
		    "%u generations of its key are in use: let the re-wrapping of packs finish "
		    "first",
		    ARCHIVE_KEKS_MAX);
	r->keks[r->kek_count++] = (struct archive_kek){created_ms, own(wrapped)};
	return true;
}

void
archive_keyring_replace(struct archive_keyring *r, size_t i, struct bytes wrapped)
{
	must(i < r->kek_count);
	drop(&r->keks[i].wrapped);
	r->keks[i].wrapped = own(wrapped);
}

void
archive_keyring_forget(struct archive_keyring *r)
{
	must(r->kek_count > 0);
	for (size_t i = 0; i + 1 < r->kek_count; i++)
		drop(&r->keks[i].wrapped);
	r->keks[0] = r->keks[r->kek_count - 1];
	r->kek_count = 1;
}

void
archive_keyring_destroy(struct archive_keyring *r, int64_t now_ms)
{
	archive_keyring_fini(r);
	r->destroyed_ms = now_ms > 0 ? now_ms : 1;
}

void
archive_keyring_set_proof(struct archive_keyring *r, struct bytes wrapped)
{
	drop(&r->proof);
	r->proof = own(wrapped);
}

/* Where a pack is, or would be. */
static size_t
pack_place(const struct archive_keyring *r, const struct id_record *pack)
{
	size_t low = 0, high = r->pack_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (id_record_compare(&r->packs[middle].pack, pack) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool
is_at(const struct archive_keyring *r, size_t i, const struct id_record *pack)
{
	return i < r->pack_count && id_record_compare(&r->packs[i].pack, pack) == 0;
}

struct bytes
archive_keyring_pack(const struct archive_keyring *r, const struct id_record *pack)
{
	size_t i = pack_place(r, pack);

	return is_at(r, i, pack) ? r->packs[i].wrapped : BYTES_EMPTY;
}

void
archive_keyring_set_pack(
    struct archive_keyring *r, const struct id_record *pack, struct bytes wrapped)
{
	size_t i = pack_place(r, pack);

	if (is_at(r, i, pack)) {
		drop(&r->packs[i].wrapped);
		r->packs[i].wrapped = own(wrapped);
		return;
	}
	if (r->pack_count == r->pack_room) {
		r->pack_room = r->pack_room == 0 ? 16 : r->pack_room * 2;
		r->packs = mem_realloc_array(r->packs, r->pack_room, sizeof *r->packs);
	}
	memmove(&r->packs[i + 1], &r->packs[i], (r->pack_count - i) * sizeof *r->packs);
	r->packs[i] = (struct archive_rewrap){*pack, own(wrapped)};
	r->pack_count++;
}

void
archive_keyring_keep(
    struct archive_keyring *r, bool (*keep)(void *ctx, const struct id_record *pack), void *ctx)
{
	size_t kept = 0;

	for (size_t i = 0; i < r->pack_count; i++) {
		if (keep(ctx, &r->packs[i].pack))
			r->packs[kept++] = r->packs[i];
		else
			drop(&r->packs[i].wrapped);
	}
	r->pack_count = kept;
}

void
archive_keyring_encode(const struct archive_keyring *r, const char *archive_id, struct buf *out)
{
	uint8_t digest[CRYPT_SHA256_BYTES];
	size_t start = out->len;

	buf_append(out, MAGIC);
	buf_u32(out, KEYRING_VERSION);
	buf_u64(out, r->generation);
	buf_u64(out, (uint64_t)r->destroyed_ms);
	buf_bytes16(out, bytes_of_str(archive_id));
	buf_bytes16(out, r->proof);
	buf_u16(out, (uint16_t)r->kek_count);
	for (size_t i = 0; i < r->kek_count; i++) {
		buf_u64(out, (uint64_t)r->keks[i].created_ms);
		buf_bytes16(out, r->keks[i].wrapped);
	}
	buf_u32(out, (uint32_t)r->pack_count);
	for (size_t i = 0; i < r->pack_count; i++) {
		buf_append_mem(out, r->packs[i].pack.raw, ID_BYTES);
		buf_bytes16(out, r->packs[i].wrapped);
	}
	crypt_sha256(digest, bytes_slice(buf_view(out), start, SIZE_MAX));
	buf_append_mem(out, digest, sizeof digest);
}

static bool
keks_read(struct archive_keyring *r, struct reader *in)
{
	uint16_t count = reader_u16(in);

	if (count > ARCHIVE_KEKS_MAX || (count == 0) != (r->destroyed_ms != 0))
		return false;
	for (uint16_t i = 0; i < count; i++) {
		int64_t created_ms = (int64_t)reader_u64(in);
		struct bytes wrapped = reader_bytes16(in);

		if (!reader_ok(in) || wrapped.len == 0 || wrapped.len > CRYPT_WRAPPED_ANY_BYTES_MAX)
			return false;
		r->keks[r->kek_count++] = (struct archive_kek){created_ms, own(wrapped)};
	}
	return true;
}

static bool
packs_read(struct archive_keyring *r, struct reader *in)
{
	uint32_t count = reader_u32(in);

	/* Each takes room in the file: a count that lies cannot make us ask for memory. */
	if (!reader_ok(in) || count > ARCHIVE_KEYRING_PACKS_MAX ||
	    (size_t)count * (ID_BYTES + 2) > in->left.len || (count > 0 && r->destroyed_ms != 0))
		return false;
	r->packs = mem_calloc((size_t)count + 1, sizeof *r->packs);
	r->pack_room = (size_t)count + 1;
	for (uint32_t i = 0; i < count; i++) {
		struct bytes id = reader_take(in, ID_BYTES), wrapped = reader_bytes16(in);
		struct archive_rewrap *p = &r->packs[i];

		if (!reader_ok(in) || wrapped.len == 0 || wrapped.len > CRYPT_WRAPPED_BYTES_MAX)
			return false;
		memcpy(p->pack.raw, id.ptr, ID_BYTES);
		if (i > 0 && id_record_compare(&p[-1].pack, &p->pack) >= 0)
			return false;
		p->wrapped = own(wrapped);
		r->pack_count++;
	}
	return true;
}

static bool
content_read(struct archive_keyring *r, struct reader *in, const char *archive_id, struct err *err)
{
	struct bytes id, proof;

	r->generation = reader_u64(in);
	r->destroyed_ms = (int64_t)reader_u64(in);
	id = reader_bytes16(in);
	proof = reader_bytes16(in);
	if (!reader_ok(in) || proof.len > CRYPT_WRAPPED_BYTES_MAX || r->destroyed_ms < 0)
		return ERR(err, ERR_CORRUPT, "not a keyring");
	if (!bytes_equal(id, bytes_of_str(archive_id)))
		return ERR(err, ERR_CORRUPT, "it is the keyring of archive %.*s",
		    (int)(id.len < 66 ? id.len : 66), (const char *)id.ptr);
	r->proof = own(proof);
	if (!keks_read(r, in) || !packs_read(r, in) || !reader_done(in))
		return ERR(err, ERR_CORRUPT, "not a keyring");
	return true;
}

bool
archive_keyring_decode(
    struct archive_keyring *r, struct bytes file, const char *archive_id, struct err *err)
{
	uint8_t digest[CRYPT_SHA256_BYTES];
	struct bytes body, magic;
	struct reader in;
	uint32_t version;

	archive_keyring_init(r);
	if (file.len < MAGIC.len + 4 + sizeof digest)
		return ERR(err, ERR_CORRUPT, "not a keyring");
	body = bytes_slice(file, 0, file.len - sizeof digest);
	reader_init(&in, body);
	magic = reader_take(&in, MAGIC.len);
	version = reader_u32(&in);
	if (!bytes_equal(magic, MAGIC))
		return ERR(err, ERR_CORRUPT, "not a keyring");
	if (version > KEYRING_VERSION)
		return ERR(err, ERR_UNSUPPORTED,
		    "keyring version %u is later than this program's %u", version, KEYRING_VERSION);
	crypt_sha256(digest, body);
	if (version != KEYRING_VERSION ||
	    !bytes_equal(bytes_slice(file, body.len, SIZE_MAX), bytes_of(digest, sizeof digest)))
		return ERR(err, ERR_CORRUPT, "the keyring is damaged: its checksum does not fit");
	if (content_read(r, &in, archive_id, err))
		return true;
	archive_keyring_fini(r);
	return false;
}
