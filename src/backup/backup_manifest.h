/* SPDX-License-Identifier: Apache-2.0 */
/* What a backup holds: one line of text a file, and a digest of the lines at the end. docs/formats/backup.md. */
#ifndef BACKUP_MANIFEST_H
#define BACKUP_MANIFEST_H

#include <stdbool.h>
#include <stdint.h>

#include "base_arena.h"
#include "base_bytes.h"
#include "crypt_digest.h"

#define BACKUP_MANIFEST_BYTES_MAX ((size_t)512 * 1024 * 1024)
#define BACKUP_FILES_MAX          1000000u
#define BACKUP_PATH_BYTES_MAX     512u
#define BACKUP_WORD_BYTES_MAX     64u

struct backup_file {
	const char *path; /* beneath the data directory, with '/' between names */
	bool dir;         /* an empty directory: no content */
	uint64_t size;
	uint8_t sha256[CRYPT_SHA256_BYTES];
};

struct backup_manifest {
	int64_t created_ms;
	const char *program;       /* version that wrote it; one word */
	const char *key_id;        /* of the key-encryption key; one word, "-" = not known */
	struct backup_file *files; /* by path, ascending, each once */
	size_t count;
};

/* backup_manifest_print: appends. backup_manifest_parse: memory from arena; its inverse.
 * fails  ERR_CORRUPT not whole, or not a manifest     ERR_UNSUPPORTED a later version     ERR_LIMIT */
void backup_manifest_print(const struct backup_manifest *m, struct buf *out);
MUST_USE bool backup_manifest_parse(
    struct bytes text, struct arena *arena, struct backup_manifest *out, struct err *err);
/* backup_manifest_path_ok: names that stay beneath the directory and fit a line. */
bool backup_manifest_path_ok(struct bytes path);

#endif
