/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file driver that passes every call on to another one, counts it, and fails the one it is told to: for tests of
 * what our code does when the disk misbehaves.
 *
 * After a sync that was made to fail, later syncs of that open file claim success and do nothing, as a kernel does
 * that has marked the lost pages clean: code that syncs again loses its data on the disk in memory.
 */
#ifndef OS_FS_FAILING_H
#define OS_FS_FAILING_H

#include <stdbool.h>
#include <stdint.h>

#include "os_fs.h"

enum os_call {
	OS_CALL_OPEN, /* also create */
	OS_CALL_READ,
	OS_CALL_WRITE,
	OS_CALL_SYNC,
	OS_CALL_RENAME,
	OS_CALL_UNLINK,
	OS_CALL_MKDIR,
	OS_CALL_SYNC_DIR,
	OS_CALL_SYNC_ALL,
	OS_CALL_LIST,
	OS_CALL_STAT, /* also size and space */
	OS_CALL_ALLOCATE,
	OS_CALL_TRUNCATE,
	OS_CALL_CLOSE, /* the file is closed all the same */
	OS_CALL_ANY    /* all of them, counted together */
};

enum os_fail_how {
	OS_FAIL_BEFORE, /* nothing is done                                                            */
	OS_FAIL_PARTLY, /* write and allocate: the first half is done, rounded down; others as BEFORE */
	OS_FAIL_AFTER /* all of it is done, and reported as failed                                  */
};

struct os_failure {
	enum os_call call;
	uint64_t nth;  /* which call of that class, counted from when it was armed; 1 is the next */
	int sys_errno; /* EIO, ENOSPC, EDQUOT, EMFILE, ENOMEM, EINTR, EFBIG, … */
	enum os_fail_how how;
	bool from_then_on; /* all later calls of that class, too */
};

struct os_fs_failing;

/* os_fs_failing_new: over under, whose driver outlives it. Free it after every file opened through it is closed. */
struct os_fs_failing *os_fs_failing_new(struct os_fs under);
void os_fs_failing_free(struct os_fs_failing **f);
struct os_fs os_fs_failing(struct os_fs_failing *f);

/* os_fs_failing_arm: copied; replaces what was armed. os_fs_failing_disarm: everything passes again. */
void os_fs_failing_arm(struct os_fs_failing *f, const struct os_failure *failure);
void os_fs_failing_disarm(struct os_fs_failing *f);

/* Calls seen since new (also failed ones), and calls made to fail. */
uint64_t os_fs_failing_count(struct os_fs_failing *f, enum os_call call);
uint64_t os_fs_failing_failed(struct os_fs_failing *f);

/* os_call_name: "sync_dir" and the like, for test messages. */
const char *os_call_name(enum os_call call);

#endif
