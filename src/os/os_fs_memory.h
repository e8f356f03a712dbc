/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A disk in memory that can lose power: for tests of what survives.
 *
 * What a caller sees is always the newest state. Beneath it lies what is on stable storage: per file an image that
 * os_file_sync brings up to date (data and length, not the name), per directory its entries, which os_fs_sync_dir
 * brings up to date. Everything since is pending, and os_fs_memory_crash decides its fate.
 *
 * Model
 *  1. A sector of 512 bytes is written whole or not at all; sectors of one write survive independently, and of several
 *     writes to one sector any prefix may be the last that reached the disk.
 *  2. A length survives independently of the data; what lies beyond surviving data within it reads as zero.
 *  3. Creating, renaming, removing is atomic each. A rename is durable once either directory is synced.
 *  4. Operations on one name or one file keep their order; unrelated ones may be reordered (OS_CRASH_REORDERED only).
 *
 * Thread-safe as the kernel is: different files from different threads.
 */
#ifndef OS_FS_MEMORY_H
#define OS_FS_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

#include "os_fs.h"

#define OS_SECTOR_BYTES 512u

struct os_fs_memory;

/* os_fs_memory_new: an empty disk with a root directory; free it after every file on it is closed. */
struct os_fs_memory *os_fs_memory_new(void);
void os_fs_memory_free(struct os_fs_memory **m);
/* os_fs_memory: the disk as a driver; m outlives every copy. "a/b" is "/a/b"; ".." is not known. */
struct os_fs os_fs_memory(struct os_fs_memory *m);

/* os_fs_memory_set_capacity: growing past it fails with ENOSPC; 0 = no end (then space reports 1 TiB). */
void os_fs_memory_set_capacity(struct os_fs_memory *m, uint64_t bytes);
/* os_fs_memory_set_time: modified_ms of what changes from now on; starts at 0. */
void os_fs_memory_set_time(struct os_fs_memory *m, int64_t now_ms);

/*
 * An operation is whatever can change the disk: create, write, sync, allocate, truncate, rename, unlink, mkdir,
 * sync_dir, sync_all; also one that then fails. The hook is called before operation number index (from 0), with the
 * disk as it was; it may call os_fs_memory_crash, and nothing else of this disk.
 */
typedef void (*os_fs_memory_hook_fn)(
    void *ctx, struct os_fs_memory *m, uint64_t index, const char *operation);
void os_fs_memory_set_hook(struct os_fs_memory *m, os_fs_memory_hook_fn hook, void *ctx);
uint64_t os_fs_memory_operations(const struct os_fs_memory *m);
/*
 * os_fs_memory_sync_until: a sync that began when the count of operations was mark, and returns now: what was changed
 * since is not promised. Of one file; of a directory; of everything when both are NULL. Counts as an operation.
 */
MUST_USE bool os_fs_memory_sync_until(
    struct os_fs_memory *m, struct os_file *file, const char *dir, uint64_t mark, struct err *err);

enum os_crash {
	OS_CRASH_NOTHING, /* nothing pending survives                                                   */
	OS_CRASH_EVERYTHING, /* everything pending survives                                                */
	OS_CRASH_DATA, /* file data and lengths survive, names do not                                */
	OS_CRASH_METADATA, /* names survive, file data and lengths do not                                */
	OS_CRASH_TORN, /* some first names; of each file some length and any mix of sector versions  */
	OS_CRASH_REORDERED, /* any names that keep rule 4; of each file all or nothing                    */
	OS_CRASH_MODES
};

/*
 * os_fs_memory_crash: what a machine finds after power loss at this moment.
 *
 * in      seed   chooses among the legal states of TORN and REORDERED; the same seed gives the same state
 * out     a new disk, all of it durable, no hook, no capacity, count of operations 0; m is left untouched and goes on
 * cost    a copy of what is reachable
 */
struct os_fs_memory *os_fs_memory_crash(struct os_fs_memory *m, enum os_crash mode, uint64_t seed);

/* os_crash_name: "torn" and the like, for test messages. */
const char *os_crash_name(enum os_crash mode);

#endif
