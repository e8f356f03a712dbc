/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files behind a table of operations, so that tests can put an in-memory or a failing disk under the archive.
 *
 * Drivers: os_fs_real() (the kernel's), os_fs_memory (a disk in memory that can lose what was not synced),
 * os_fs_failing (wraps another driver and fails the n-th call). All paths are relative to nothing: callers pass whole
 * paths. A struct os_fs is a value; copy it freely.
 *
 * Every call fails with ERR_NOT_FOUND, ERR_EXISTS, ERR_NO_SPACE, ERR_DENIED, ERR_LIMIT (too many files) or ERR_IO.
 */
#ifndef OS_FS_H
#define OS_FS_H

#include <stdbool.h>
#include <stdint.h>

#include "base_bytes.h"
#include "base_err.h"

struct os_file; /* opened; one owner; not shared between threads without the owner's lock */

enum os_open_mode {
	OS_OPEN_READ,       /* must exist                                    */
	OS_OPEN_READ_WRITE, /* must exist                                    */
	OS_OPEN_CREATE      /* must not exist (O_EXCL); read and write; 0600 */
};

enum os_file_kind { OS_KIND_FILE, OS_KIND_DIR, OS_KIND_OTHER };

struct os_stat {
	enum os_file_kind kind;
	uint64_t size_bytes;
	int64_t modified_ms;
};

/* os_fs_list calls this once per entry (never "." or ".."), in no particular order; false stops the listing early,
 * which is not a failure. */
typedef bool (*os_list_fn)(void *ctx, const char *name);

struct os_fs_ops {
	bool (*open)(void *ctx, const char *path, enum os_open_mode mode, struct os_file **out,
	    struct err *err);
	bool (*rename)(void *ctx, const char *from, const char *to, struct err *err);
	bool (*unlink)(void *ctx, const char *path, struct err *err);
	bool (*mkdir)(void *ctx, const char *path, struct err *err);
	bool (*sync_dir)(void *ctx, const char *path, struct err *err);
	bool (*sync_all)(void *ctx, const char *path, struct err *err);
	bool (*list)(
	    void *ctx, const char *path, os_list_fn visit, void *visit_ctx, struct err *err);
	bool (*stat)(void *ctx, const char *path, struct os_stat *out, struct err *err);
	/* bytes free for us on the file system of path; 0 when it can hold no more files */
	bool (*space)(void *ctx, const char *path, uint64_t *free_out, struct err *err);
};

struct os_fs {
	const struct os_fs_ops *ops;
	void *ctx; /* lent by the driver; outlives every copy */
};

/* Every driver's file starts with this. */
struct os_file_ops {
	/* reads up to len bytes; *got_out < len only at the end of the file */
	bool (*read_at)(struct os_file *f, uint64_t at, void *out, size_t len, size_t *got_out,
	    struct err *err);
	/* all of data or failure; a failure may leave any part of it written */
	bool (*write_at)(struct os_file *f, uint64_t at, struct bytes data, struct err *err);
	/* fdatasync: on true, data and the length needed to read it survive power loss. On false the data must be taken
	 * as lost and the file must not be synced again (the kernel may have marked its pages clean). */
	bool (*sync)(struct os_file *f, struct err *err);
	/* reserve and zero up to size bytes, so that later writes within allocate nothing; never shrinks */
	bool (*allocate)(struct os_file *f, uint64_t size, struct err *err);
	bool (*truncate)(struct os_file *f, uint64_t size, struct err *err);
	bool (*size)(struct os_file *f, uint64_t *size_out, struct err *err);
	bool (*close)(struct os_file *f, struct err *err); /* frees f also on failure */
};

struct os_file {
	const struct os_file_ops *ops;
};

MUST_USE bool os_fs_open(struct os_fs fs, const char *path, enum os_open_mode mode,
    struct os_file **out, struct err *err);
MUST_USE bool os_fs_rename(struct os_fs fs, const char *from, const char *to, struct err *err);
MUST_USE bool os_fs_unlink(struct os_fs fs, const char *path, struct err *err);
/* os_fs_mkdir: 0700; ERR_EXISTS when there already. os_fs_mkdir_path: with parents, existing ones are fine, every new
 * entry's parent directory is synced, and so is an old one's where we may (it can be the rest of a failed call). */
MUST_USE bool os_fs_mkdir(struct os_fs fs, const char *path, struct err *err);
MUST_USE bool os_fs_mkdir_path(struct os_fs fs, const char *path, struct err *err);
MUST_USE bool os_fs_sync_dir(struct os_fs fs, const char *path, struct err *err);
/* os_fs_sync_all: whatever was written before on the file system that holds path survives power loss on true: data,
 * lengths, names. For many small files at once; it also waits for what others wrote. */
MUST_USE bool os_fs_sync_all(struct os_fs fs, const char *path, struct err *err);
MUST_USE bool os_fs_list(
    struct os_fs fs, const char *path, os_list_fn visit, void *ctx, struct err *err);
MUST_USE bool os_fs_stat(struct os_fs fs, const char *path, struct os_stat *out, struct err *err);
/* os_fs_exists: os_fs_stat finds something; whatever else is wrong is "no". */
bool os_fs_exists(struct os_fs fs, const char *path);
MUST_USE bool os_fs_space(struct os_fs fs, const char *path, uint64_t *free_out, struct err *err);

MUST_USE bool os_file_read_at(
    struct os_file *f, uint64_t at, void *out, size_t len, size_t *got_out, struct err *err);
/* os_file_read_exact: ERR_CORRUPT when the file ends first. */
MUST_USE bool os_file_read_exact(
    struct os_file *f, uint64_t at, void *out, size_t len, struct err *err);
MUST_USE bool os_file_write_at(struct os_file *f, uint64_t at, struct bytes data, struct err *err);
MUST_USE bool os_file_sync(struct os_file *f, struct err *err);
MUST_USE bool os_file_allocate(struct os_file *f, uint64_t size, struct err *err);
MUST_USE bool os_file_truncate(struct os_file *f, uint64_t size, struct err *err);
MUST_USE bool os_file_size(struct os_file *f, uint64_t *size_out, struct err *err);
/* os_file_close: frees and nulls also on failure; NULL is fine. */
MUST_USE bool os_file_close(struct os_file **f, struct err *err);
/* os_file_drop: close of a file nothing was written to, or after a failure already reported. */
void os_file_drop(struct os_file **f);

/* os_fs_read_file: the whole of a file, at most max bytes (ERR_LIMIT), appended to out. */
MUST_USE bool os_fs_read_file(
    struct os_fs fs, const char *path, size_t max, struct buf *out, struct err *err);
/*
 * os_fs_write_file: replace or create path as a whole: temporary neighbour, write, sync, close, rename, sync of the
 * directory. One caller per path at a time; the neighbour is path with ".tmp" behind it.
 * after: true = the new content survives power loss; false = the old content is still there, or, when only the last
 * step failed, the new content whole, without that promise.
 */
MUST_USE bool os_fs_write_file(
    struct os_fs fs, const char *path, struct bytes data, struct err *err);

/* os_fs_real: the kernel's file system. */
struct os_fs os_fs_real(void);

#endif
