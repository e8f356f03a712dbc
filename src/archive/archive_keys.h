/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of an archive's keys: who wraps them, whether they are there, rotation and destruction.
 * Formats: docs/formats/keyring.md, docs/formats/wrapped-key.md. Thread-safe.
 *
 *   state      append, search, read    rotate, rewrap    destroy
 *   present    yes                     yes               yes
 *   away       ERR_TIMEOUT             ERR_TIMEOUT       yes        the key service did not give the key in time;
 *                                                                   ERR_SEALED: it answers, and it is no key
 *   destroyed  ERR_SEALED              ERR_SEALED        yes        for good
 */
#ifndef ARCHIVE_KEYS_H
#define ARCHIVE_KEYS_H

#include "archive.h"

enum archive_key_state { ARCHIVE_KEY_PRESENT, ARCHIVE_KEY_AWAY, ARCHIVE_KEY_DESTROYED };

struct archive_key_info {
	enum archive_key_state state;
	char id
	    [CRYPT_KEY_ID_SIZE]; /* of the last generation of the archive's key; "" unless present */
	char wrapped_by[CRYPT_KEY_ID_SIZE]; /* of the key service's key; "" when destroyed */
	int64_t created_ms;                 /* the last generation; 0 = with the archive */
	int64_t destroyed_ms;               /* 0 unless destroyed */
	size_t generations;
	uint64_t packs, packs_left; /* in all; still wrapped by an earlier generation */
	char reason[128];           /* away: what the key service said last */
};
/* archive_key_info_get: ERR_NOT_FOUND. */
MUST_USE bool archive_key_info_get(
    struct archive *a, const char *archive_id, struct archive_key_info *out, struct err *err);

/*
 * archive_key_rewrap: the archive's keys, every generation, wrapped anew by keys (NULL = who wraps them now; a service
 * that rotated its key uses the new one). Durable on true; on false the old wrapping stands, or, when only the last
 * step failed, the new one, and both open.
 * cost   two calls of key services a generation; nothing is said to packs
 * fails  ERR_NOT_FOUND, ERR_TIMEOUT, ERR_SEALED, ERR_DENIED, ERR_IO, ERR_NO_SPACE
 */
MUST_USE bool archive_key_rewrap(
    struct archive *a, const char *archive_id, struct crypt_keys *keys, struct err *err);

/*
 * archive_key_rotate: a new generation of the archive's key, for every pack from now on, wrapped by keys (NULL = as
 * above). Durable on true. The packs there are re-wrapped by the sealer, a few hundred a round, while everything goes
 * on; after a restart it goes on by itself. Without threads: by archive_seal.
 * fails  as archive_key_rewrap; ERR_BUSY ARCHIVE_KEKS_MAX generations are in use
 */
MUST_USE bool archive_key_rotate(
    struct archive *a, const char *archive_id, struct crypt_keys *keys, struct err *err);

/*
 * archive_key_destroy: no key of the archive is left here: keyring, key file, memory; messages still in the intake log
 * are forgotten, and their log files are sealed and freed. Whether it may is the caller's to judge. Durable on true;
 * done again it changes nothing.
 * fails  ERR_NOT_FOUND, ERR_IO, ERR_NO_SPACE
 */
MUST_USE bool archive_key_destroy(struct archive *a, const char *archive_id, struct err *err);

/* archive_keys_refresh: one round of what the keys' thread does: asks key services again where half the time is over,
 * brings back archives whose service is back, takes away keys whose time is over. For tests; cost: calls. */
void archive_keys_refresh(struct archive *a);

#endif
