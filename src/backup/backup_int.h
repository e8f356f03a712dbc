/* SPDX-License-Identifier: Apache-2.0 */
/* What create, verify and restore share: copying with a digest, walking a tree. */
#ifndef BACKUP_INT_H
#define BACKUP_INT_H

#include "backup.h"

#define BACKUP_HEX_SIZE (2 * CRYPT_SHA256_BYTES + 1)

/* One run. */
struct backup_run {
	const struct backup_options *o;
	struct backup_progress progress;
	uint64_t problems;
};
void backup_tell(struct backup_run *r);
void backup_problem(struct backup_run *r, const char *format, ...) PRINTF_LIKE(2, 3);
MUST_USE bool backup_not_cancelled(const struct backup_run *r, struct err *err);

/* backup_drop: remove what may be there; if it stays, the next run meets it. */
void backup_drop(struct os_fs fs, const char *path);

/* backup_path: "dir/name"; mem_free it. */
char *backup_path(const char *dir, const char *name);
/* backup_blob: where the file with that digest lies in the backup; mem_free it. */
char *backup_blob(const struct backup_options *o, const uint8_t sha256[CRYPT_SHA256_BYTES]);

/*
 * backup_copy: the first max bytes of a file (UINT64_MAX = all that is there when it is opened), hashed, and written
 * to the new file to, synced, unless to is NULL.
 */
MUST_USE bool backup_copy(struct backup_run *r, const char *from, const char *to, uint64_t max,
    uint64_t *size_out, uint8_t sha256[CRYPT_SHA256_BYTES], struct err *err);

/* A tree as a list: paths beneath dir, in the order a backup wants them. */
struct backup_tree {
	struct arena arena;
	struct backup_file *files; /* path and dir only */
	size_t count, room;
	bool moved; /* something went while it was read: the list may lack what came in its place */
};
MUST_USE bool backup_tree_list(
    const struct backup_options *o, struct backup_tree *out, struct err *err);
void backup_tree_free(struct backup_tree *t);
/* backup_tree_is_pack: packs are the last in the order. backup_tree_same_proofs: no proof log has grown between two
 * lists: growing, it gets other tiles. */
bool backup_tree_is_pack(const char *path);
bool backup_tree_same_proofs(const struct backup_tree *a, const struct backup_tree *b);
/* backup_tree_same_keys: no archive has got another file of wrapped keys. */
bool backup_tree_same_keys(const struct backup_tree *a, const struct backup_tree *b);

/* backup_manifest_read: ERR_NOT_FOUND when there is none. */
MUST_USE bool backup_manifest_read(const struct backup_options *o, struct arena *arena,
    struct backup_manifest *out, struct err *err);

#endif
