/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of the disk in memory: files with pending changes, directories with pending name operations. */
#ifndef OS_FS_MEMORY_INT_H
#define OS_FS_MEMORY_INT_H

#include <pthread.h>

#include "os_fs_memory.h"

/* Invariant: bytes from size to room are zero. */
struct memory_image {
	uint8_t *data;
	uint64_t size, room;
};

/* One pending change of a file, in order of time. */
struct memory_change {
	uint64_t stamp; /* number of its operation, from 1 */
	bool truncate;  /* false: len bytes at at */
	uint8_t *data;  /* owned; NULL: zeros     */
	uint64_t at, len;
	uint64_t size_after; /* of the whole file      */
};

struct memory_entry {
	char *name; /* owned */
	struct memory_node *node;
};

struct memory_entries {
	struct memory_entry *list;
	size_t count;
};

struct memory_node {
	struct memory_node *next; /* all nodes of the disk, also removed ones */
	size_t id;                /* from 0, below node_count                 */
	enum os_file_kind kind;
	size_t links; /* names it has now                         */
	int64_t modified_ms;
	struct memory_image now, durable; /* files */
	struct memory_change *changes;    /* files: durable + changes = now   */
	size_t change_count;
	struct memory_entries names_now, names_durable; /* directories */
};

/* One pending name operation: node loses the name from (unless NULL) and gains the name to (unless NULL). */
struct memory_name_op {
	uint64_t stamp; /* number of its operation, from 1 */
	struct memory_node *node;
	struct memory_node *from_dir, *to_dir;
	char *from, *to; /* owned */
};

struct os_fs_memory {
	pthread_mutex_t lock; /* recursive: the hook may crash the disk */
	struct memory_node *root, *nodes;
	size_t node_count;
	struct memory_name_op *names; /* pending, in order of time */
	size_t name_count;
	uint64_t operations, capacity;
	int64_t now_ms;
	os_fs_memory_hook_fn hook;
	void *hook_ctx;
};

struct memory_node *os_fs_memory_node_new(struct os_fs_memory *m, enum os_file_kind kind);
void os_fs_memory_node_free(struct memory_node *node);
/* os_fs_memory_image_*: plain bytes; resize zeroes what is new, write grows as needed (data NULL: zeros). */
void os_fs_memory_image_resize(struct memory_image *image, uint64_t size);
void os_fs_memory_image_write(
    struct memory_image *image, uint64_t at, const uint8_t *data, uint64_t len);
/* os_fs_memory_node_write / _truncate: now and pending. */
void os_fs_memory_node_write(
    struct memory_node *node, uint64_t at, const uint8_t *data, uint64_t len, uint64_t stamp);
void os_fs_memory_node_truncate(struct memory_node *node, uint64_t size, uint64_t stamp);
/* os_fs_memory_node_sync: what is pending, up to a stamp, becomes durable. */
void os_fs_memory_node_sync(struct memory_node *node, uint64_t until);

struct memory_node *os_fs_memory_names_find(const struct memory_entries *entries, const char *name);
void os_fs_memory_names_set(
    struct memory_entries *entries, const char *name, struct memory_node *node);
/* os_fs_memory_names_drop: only while name means node. */
void os_fs_memory_names_drop(
    struct memory_entries *entries, const char *name, const struct memory_node *node);
/* os_fs_memory_names_change: apply now and keep pending; either side's dir and name may be NULL. */
void os_fs_memory_names_change(struct os_fs_memory *m, struct memory_node *node,
    struct memory_node *from_dir, const char *from, struct memory_node *to_dir, const char *to);
/* os_fs_memory_names_sync: pending operations up to a stamp that touch dir, and those they stand on, become durable. */
void os_fs_memory_names_sync(struct os_fs_memory *m, const struct memory_node *dir, uint64_t until);

#endif
