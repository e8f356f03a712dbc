/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Backups: a directory that holds the files of a data directory, each under its SHA-256, and a manifest that says
 * which belong to it. Nothing in it is opened or changed: what was sealed stays sealed, and the key-encryption key is
 * not in it. docs/formats/backup.md.
 *
 * Everything goes through struct os_fs, so that tests can crash it.
 */
#ifndef BACKUP_H
#define BACKUP_H

#include <stdatomic.h>

#include "backup_manifest.h"
#include "os_fs.h"

struct backup_progress {
	uint64_t files, bytes;               /* looked at so far */
	uint64_t copied_files, copied_bytes; /* of these, not there before */
	uint64_t removed_files;              /* no longer needed */
};
typedef void (*backup_progress_fn)(void *ctx, const struct backup_progress *progress);
/* A sentence that names a file of the backup. */
typedef void (*backup_problem_fn)(void *ctx, const char *what);

struct backup_options {
	struct os_fs fs;
	const char *backup;          /* the directory of the backup */
	const char *data;            /* the data directory */
	backup_progress_fn progress; /* may be NULL; called after each MiB or file */
	backup_problem_fn problem;   /* may be NULL */
	void *ctx;
	const atomic_bool *cancel; /* may be NULL */
	/* of create */
	const char *
	    catalog; /* a copy of the catalog, made after what is to be kept was accepted and before this call */
	const char *program, *key_id; /* for the manifest; key_id may be NULL */
	int64_t now_ms;
};

/*
 * backup_create: bring the backup up to date. Files that are there already are not copied again.
 *
 * in      the data directory may be in use: files appear, grow at their end, are replaced as a whole, or go
 * after   true: the backup is durable and complete. false: the one before is still there, whole; what was copied
 *         is used by the next try
 * fails   ERR_BUSY packs vanish faster than they are copied; ERR_NO_SPACE, ERR_IO, ERR_CANCELLED, ERR_LIMIT
 */
MUST_USE bool backup_create(
    const struct backup_options *o, struct backup_progress *out, struct err *err);
/*
 * backup_verify: read every file of the backup and compare. problem is told what is wrong.
 * fails  ERR_NOT_FOUND no manifest; ERR_CORRUPT something was wrong; ERR_IO, ERR_CANCELLED
 */
MUST_USE bool backup_verify(
    const struct backup_options *o, struct backup_progress *out, struct err *err);
/*
 * backup_restore: make the data directory, which must be absent or empty, from the backup.
 * after   true: it is there, durable, each file compared with its digest. false: it is not there; what was written
 *         stays beside it under the name ending in ".partial", and the next try goes on with it
 * fails   as backup_verify; ERR_EXISTS there is a data directory
 */
MUST_USE bool backup_restore(
    const struct backup_options *o, struct backup_progress *out, struct err *err);

#endif
