/* SPDX-License-Identifier: Apache-2.0 */
/*
 * archives/ID/proof/removals: what the removal leaves of a log commit to, so that it can be shown why a record is not
 * there. Fixed entries, appended; one that is not whole is the rest of an append that was cut off, and is passed over.
 */
#include <string.h>

#include "archive_proof_int.h"
#include "base_mem.h"
#include "crypt_digest.h"

#define ENTRY_BYTES                                                                                \
	77u /* leaf index 8, id 16, its leaf index 8, its leaf hash 32, time 8, reason 1, CRC-32C 4 */
#define READ_ENTRIES 1024u

static void
entry_encode(const struct archive_removal *r, struct buf *out)
{
	size_t at = out->len;

	buf_u64(out, r->leaf_index);
	buf_append_mem(out, r->what.id.raw, sizeof r->what.id.raw);
	buf_u64(out, r->what.leaf_index);
	buf_append_mem(out, r->what.leaf_hash.raw, sizeof r->what.leaf_hash.raw);
	buf_u64(out, (uint64_t)r->what.removed_ms);
	buf_u8(out, r->what.reason);
	buf_u32(out, crypt_crc32c(0, bytes_slice(buf_view(out), at, ENTRY_BYTES - 4)));
}

static bool
entry_decode(struct bytes entry, struct archive_removal *out)
{
	struct reader r;
	struct bytes id, hash;

	reader_init(&r, entry);
	out->leaf_index = reader_u64(&r);
	id = reader_take(&r, ID_RECORD_BYTES);
	out->what.leaf_index = reader_u64(&r);
	hash = reader_take(&r, PROOF_HASH_BYTES);
	out->what.removed_ms = (int64_t)reader_u64(&r);
	out->what.reason = reader_u8(&r);
	if (reader_u32(&r) != crypt_crc32c(0, bytes_slice(entry, 0, ENTRY_BYTES - 4)) ||
	    !reader_done(&r))
		return false;
	memcpy(out->what.id.raw, id.ptr, ID_RECORD_BYTES);
	memcpy(out->what.leaf_hash.raw, hash.ptr, PROOF_HASH_BYTES);
	return true;
}

bool
archive_removals_each(struct archive *a, const struct archive_volume *v, archive_removal_fn visit,
    void *ctx, struct err *err)
{
	char *path = archive_proof_path(a, v, "removals");
	struct archive_removal removal;
	struct os_file *f = NULL;
	uint8_t *chunk = NULL;
	size_t got = 0;
	bool ok = os_fs_open(a->options.fs, path, OS_OPEN_READ, &f, err), more = ok;

	if (!ok && err->code == ERR_NOT_FOUND)
		ok = true; /* nothing was removed yet */
	if (more)
		chunk = mem_alloc((size_t)READ_ENTRIES * ENTRY_BYTES);
	for (uint64_t at = 0; more; at += got) {
		ok = os_file_read_at(f, at, chunk, (size_t)READ_ENTRIES * ENTRY_BYTES, &got, err);
		more = ok && got == (size_t)READ_ENTRIES * ENTRY_BYTES;
		for (size_t i = 0; ok && (i + 1) * ENTRY_BYTES <= got; i++)
			if (entry_decode(
				bytes_of(chunk + i * ENTRY_BYTES, ENTRY_BYTES), &removal) &&
			    !visit(ctx, &removal))
				more = false;
	}
	os_file_drop(&f);
	mem_free(chunk);
	mem_free(path);
	return ok;
}

bool
archive_removals_append(struct archive *a, const struct archive_volume *v,
    const struct archive_removal *list, size_t count, struct err *err)
{
	char *path = archive_proof_path(a, v, "removals"), *dir = archive_proof_path(a, v, "");
	struct os_file *f = NULL;
	struct buf entries;
	uint64_t size = 0;
	bool ok;

	buf_init(&entries, count * ENTRY_BYTES);
	for (size_t i = 0; i < count; i++)
		entry_encode(&list[i], &entries);
	ok = os_fs_open(a->options.fs, path, OS_OPEN_READ_WRITE, &f, err);
	if (!ok && err->code == ERR_NOT_FOUND)
		ok = os_fs_open(a->options.fs, path, OS_OPEN_CREATE, &f, err) &&
		     os_fs_sync_dir(a->options.fs, dir, err);
	ok = ok && os_file_size(f, &size, err) &&
	     os_file_write_at(f, size - size % ENTRY_BYTES, buf_view(&entries), err) &&
	     os_file_sync(f, err) && os_file_close(&f, err);
	os_file_drop(&f);
	buf_fini(&entries);
	mem_free(path);
	mem_free(dir);
	return ok;
}

void
archive_removals_leaf(const struct archive_proof *proof, const struct archive_removal *removal,
    struct proof_leaf *out)
{
	uint8_t salt[PROOF_SALT_BYTES];

	proof_leaf_salt(salt, proof->leaf_key, PROOF_REMOVAL,
	    bytes_of(removal->what.id.raw, sizeof removal->what.id.raw));
	proof_leaf_of_removal(out, salt, &removal->what);
}
