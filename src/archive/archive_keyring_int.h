/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keys of one archive, wrapped, as they lie in archives/ID/keyring (docs/formats/keyring.md); or, before the first
 * rotation, the one key of archives/ID/key.
 */
#ifndef ARCHIVE_KEYRING_INT_H
#define ARCHIVE_KEYRING_INT_H

#include "base_bytes.h"
#include "base_id.h"
#include "crypt_key.h"

#define ARCHIVE_KEKS_MAX          16u /* generations of an archive's key that may be in use at once */
#define ARCHIVE_KEYRING_PACKS_MAX 1000000u
#define ARCHIVE_KEYRING_BYTES_MAX ((size_t)320 * 1024 * 1024)

/* One generation of the archive's key. */
struct archive_kek {
	int64_t created_ms;
	struct bytes wrapped; /* by a key service; of the ring */
};

/* A pack's data key wrapped anew: counts instead of what stands in the pack's header. */
struct archive_rewrap {
	struct id_record pack;
	struct bytes wrapped; /* by a generation of the archive's key; of the ring */
};

struct archive_keyring {
	uint64_t generation;                       /* of the file: each writing is one more */
	int64_t destroyed_ms;                      /* 0 = the keys are there */
	struct archive_kek keks[ARCHIVE_KEKS_MAX]; /* oldest first; the last wraps what is new */
	size_t kek_count;
	struct bytes
	    proof; /* what wraps the proof log's secrets, wrapped by the last; empty: derived from the only one */
	struct archive_rewrap *packs; /* by pack id */
	size_t pack_count, pack_room;
};

void archive_keyring_init(struct archive_keyring *r);
void archive_keyring_fini(struct archive_keyring *r);
/* archive_keyring_copy: out is initialized by it. */
void archive_keyring_copy(struct archive_keyring *out, const struct archive_keyring *r);

/* archive_keyring_push: a new last generation; wrapped is copied. ERR_BUSY when there are ARCHIVE_KEKS_MAX. */
MUST_USE bool archive_keyring_push(
    struct archive_keyring *r, struct bytes wrapped, int64_t created_ms, struct err *err);
/* archive_keyring_replace: generation i, wrapped by another service or anew. */
void archive_keyring_replace(struct archive_keyring *r, size_t i, struct bytes wrapped);
/* archive_keyring_forget: all generations but the last. */
void archive_keyring_forget(struct archive_keyring *r);
/* archive_keyring_destroy: nothing is left but that and when. */
void archive_keyring_destroy(struct archive_keyring *r, int64_t now_ms);
void archive_keyring_set_proof(struct archive_keyring *r, struct bytes wrapped);

/* archive_keyring_pack: what counts for a pack; the empty view: its own header. set: copied. */
struct bytes archive_keyring_pack(const struct archive_keyring *r, const struct id_record *pack);
void archive_keyring_set_pack(
    struct archive_keyring *r, const struct id_record *pack, struct bytes wrapped);
/* archive_keyring_keep: only entries of packs for which keep says true stay. */
void archive_keyring_keep(
    struct archive_keyring *r, bool (*keep)(void *ctx, const struct id_record *pack), void *ctx);

/* archive_keyring_encode / decode: docs/formats/keyring.md.
 * fails ERR_CORRUPT damaged, or another archive's; ERR_UNSUPPORTED a later version */
void archive_keyring_encode(
    const struct archive_keyring *r, const char *archive_id, struct buf *out);
MUST_USE bool archive_keyring_decode(
    struct archive_keyring *r, struct bytes file, const char *archive_id, struct err *err);

#endif
