/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log that recorded processes share: one file in memory, mapped by each, entries of all of them in one order.
 *
 * An entry takes its place when its call begins (one atomic addition: that is the order) and gets the place where the
 * log stood when the call returned. A sync therefore covers what had returned before it began, and is in force from its
 * end; an acknowledgement counts from before the call that sends it.
 */
#ifndef RECORD_LOG_H
#define RECORD_LOG_H

#include <stdatomic.h>
#include <stdint.h>

#define RECORD_LOG_BYTES ((uint64_t)512 * 1024 * 1024)
#define RECORD_MAGIC     0x44415942434f5231ULL
#define RECORD_PATH_MAX  1024u

/* Environment: the tree whose changes are recorded (absolute, without a slash at the end), and the log. */
#define RECORD_ROOT_NAME "DAYBOOK_RECORD_ROOT"
#define RECORD_LOG_NAME  "DAYBOOK_RECORD_LOG"

enum record_kind {
	RECORD_NONE, /* begun and never filled in */
	RECORD_OPEN, /* path; handle is what it is called from now on; flag: it was made or may have been */
	RECORD_OPEN_DIR, /* path, handle */
	RECORD_WRITE,    /* handle, at, length; data, or none when all of it is zero */
	RECORD_ALLOCATE, /* handle, at = new length at least */
	RECORD_TRUNCATE, /* handle, at */
	RECORD_SYNC,     /* handle; of a file or a directory */
	RECORD_SYNC_ALL, /* handle; of the whole file system */
	RECORD_RENAME,   /* path, data = new path */
	RECORD_LINK,     /* path, data = new path */
	RECORD_UNLINK,   /* path */
	RECORD_MKDIR,    /* path */
	RECORD_ACK,      /* path = id that the reply names */
	RECORD_UNKNOWN   /* path = a call that changed the tree in a way that cannot be replayed */
};

struct record_entry {
	uint32_t bytes; /* of the whole entry, a multiple of 8; 0: none was begun here */
	_Atomic uint32_t kind;
	_Atomic uint64_t end; /* of the log when the call returned; 0: it never did */
	int64_t result;       /* below zero: failed */
	uint64_t at, length;
	uint32_t handle, process;
	uint32_t path_bytes,
	    data_bytes; /* path, then data, behind this struct; the path ends with NUL */
};

struct record_header {
	uint64_t magic;
	_Atomic uint64_t head; /* where the next entry begins */
	_Atomic uint32_t handles;
	_Atomic uint32_t overflow;
	_Atomic uint32_t processes;
	uint32_t unused;
};

#endif
