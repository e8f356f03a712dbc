/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keys of a volume, inside. Locks: keys_lock (one change or call of a key service at a time; taken first, before
 * seal_lock and lock), seal_lock and lock together for what others read: ring and secrets.
 */
#ifndef ARCHIVE_KEYS_INT_H
#define ARCHIVE_KEYS_INT_H

#include "archive_int.h"
#include "archive_keys.h"

#define ARCHIVE_KEY_RETRY_MS     1000  /* after a key service failed once */
#define ARCHIVE_KEY_RETRY_MS_MAX 30000 /* after it failed often */

/* archive_keys_make: the first key of a new archive, in memory and durably in archives/ID/key. */
MUST_USE bool archive_keys_make(
    struct archive *a, struct archive_volume *v, struct crypt_keys *keys, struct err *err);
/* archive_keys_load: what lies on disk, wrapped; *found_out false: neither file is there. */
MUST_USE bool archive_keys_load(
    struct archive *a, struct archive_volume *v, bool *found_out, struct err *err);
/* archive_keys_unlock: asks the key service and fills the secrets, as long as nobody else sees v. A service that is
 * away, refuses or is not configured is no failure: v stays locked, v->away says why.
 * fails  ERR_SEALED the installation's own key is another, ERR_CORRUPT */
MUST_USE bool archive_keys_unlock(struct archive *a, struct archive_volume *v, struct err *err);
/* archive_keys_adopt: generations that none of the services wrapped, but the key file that options.keys takes the place
 * of (crypt_keys_pair), are wrapped by it. As unlock. A failure is logged; the next start tries again. */
void archive_keys_adopt(struct archive *a, struct archive_volume *v);
/* archive_keys_under_previous: whether that is still to be done. */
bool archive_keys_under_previous(struct archive *a, const struct archive_volume *v);
void archive_keys_fini(struct archive_volume *v);

/* archive_keys_check: lock held: may v's key be used now? ERR_TIMEOUT, ERR_SEALED. */
MUST_USE bool archive_keys_check(
    struct archive *a, const struct archive_volume *v, struct err *err);
/* archive_keys_open_pack: a pack of v, by whichever key wrapped it; seal_lock held, or nobody else sees v. */
MUST_USE bool archive_keys_open_pack(struct archive *a, const struct archive_volume *v,
    const char *path, struct pack **out, struct err *err);

/* archive_keys_write: ring as the keyring of v, durably; the key file goes. archive_keys_context: of the key. */
MUST_USE bool archive_keys_write(struct archive *a, const struct archive_volume *v,
    struct archive_keyring *ring, struct err *err);
void archive_keys_context(const struct archive_volume *v, struct buf *out);
void archive_keys_proof_context(const struct archive_volume *v, struct buf *out);
/* archive_keys_service: who has the key of that id; NULL nobody. */
struct crypt_keys *archive_keys_service(struct archive *a, const char *id);

/* archive_keys_run: the keys' thread. */
void *archive_keys_run(void *archive);

/* archive_rewrap_round: packs of v whose data key an earlier generation wraps, as many as a round has; seal_lock
 * held. */
void archive_rewrap_round(struct archive *a, struct archive_volume *v);
/* archive_rewrap_forget: a pack that was destroyed has no key in the keyring any more; seal_lock held. */
MUST_USE bool archive_rewrap_forget(
    struct archive *a, struct archive_volume *v, const struct id_record *pack, struct err *err);
/* archive_rewrap_left: how many there are; lock held. */
uint64_t archive_rewrap_left(const struct archive_volume *v);

#endif
