/* SPDX-License-Identifier: Apache-2.0 */
/* The disk in memory as a file driver. */
#include "os_fs_memory.h"

#include <errno.h>
#include <string.h>

#include "base_mem.h"
#include "os_fs_int.h"
#include "os_fs_memory_int.h"

#define NAME_BYTES_MAX    255u
#define FILE_BYTES_MAX    ((uint64_t)1 << 40)
#define SPACE_WITHOUT_END ((uint64_t)1 << 40)

struct memory_file {
	struct os_file base;
	struct os_fs_memory *disk;
	struct memory_node *node;
	bool writable;
};

static struct memory_file *
file_of(struct os_file *f)
{
	return (struct memory_file *)(void *)f;
}

static bool
refuse(struct err *err, int sys_errno, const char *what, const char *path)
{
	errno = sys_errno;
	return ERR_SYS(err, os_fs_code_of(sys_errno), "%s %s", what, path);
}

static void
lock(struct os_fs_memory *m)
{
	must(pthread_mutex_lock(&m->lock) == 0);
}

static bool
unlock(struct os_fs_memory *m, bool result)
{
	must(pthread_mutex_unlock(&m->lock) == 0);
	return result;
}

/* Takes the lock, lets the hook see the disk as it is, and counts. */
static void
begin(struct os_fs_memory *m, const char *operation)
{
	lock(m);
	if (m->hook != NULL)
		m->hook(m->hook_ctx, m, m->operations, operation);
	m->operations++;
}

/* The next component of *path into name: 1 there is one, 0 the path is over, else errno negated. */
static int
next_name(const char **path, char name[NAME_BYTES_MAX + 1])
{
	for (;;) {
		size_t len;

		*path += strspn(*path, "/");
		len = strcspn(*path, "/");
		if (len == 0)
			return 0;
		if (len > NAME_BYTES_MAX)
			return -ENAMETOOLONG;
		memcpy(name, *path, len);
		name[len] = '\0';
		*path += len;
		if (strcmp(name, "..") == 0)
			return -ENOENT;
		if (strcmp(name, ".") != 0)
			return 1;
	}
}

/*
 * The directory that holds the last component of path, and that component. 0, or an errno. "" as last component means
 * the root itself. *node_out is what the whole path names, or NULL.
 */
static int
locate(struct os_fs_memory *m, const char *path, struct memory_node **dir_out,
    char last[NAME_BYTES_MAX + 1], struct memory_node **node_out)
{
	struct memory_node *at = m->root;
	char name[NAME_BYTES_MAX + 1];
	int more;

	*dir_out = NULL;
	last[0] = '\0';
	while ((more = next_name(&path, name)) == 1) {
		if (at == NULL)
			return ENOENT;
		if (at->kind != OS_KIND_DIR)
			return ENOTDIR;
		*dir_out = at;
		memcpy(last, name, sizeof name);
		at = os_fs_memory_names_find(&at->names_now, name);
	}
	*node_out = at;
	return -more;
}

static uint64_t
bytes_used(const struct os_fs_memory *m)
{
	uint64_t used = 0;

	for (const struct memory_node *node = m->nodes; node != NULL; node = node->next)
		if (node->links > 0)
			used += node->now.size;
	return used;
}

/* 0, or why the file may not grow to size. */
static int
may_grow(const struct memory_file *f, uint64_t at, uint64_t len)
{
	const struct os_fs_memory *m = f->disk;
	uint64_t now = f->node->now.size;

	if (at > FILE_BYTES_MAX || len > FILE_BYTES_MAX - at)
		return EFBIG;
	if (m->capacity == 0 || at + len <= now)
		return 0;
	return bytes_used(m) + (at + len - now) > m->capacity ? ENOSPC : 0;
}

static bool
memory_read_at(
    struct os_file *f, uint64_t at, void *out, size_t len, size_t *got_out, struct err *err)
{
	const struct memory_image *image = &file_of(f)->node->now;

	(void)err;
	lock(file_of(f)->disk);
	*got_out = 0;
	if (at < image->size && len > 0) {
		*got_out = len < image->size - at ? len : (size_t)(image->size - at);
		memcpy(out, image->data + at, *got_out);
	}
	return unlock(file_of(f)->disk, true);
}

static bool
memory_write_at(struct os_file *f, uint64_t at, struct bytes data, struct err *err)
{
	struct memory_file *file = file_of(f);
	int reason;

	begin(file->disk, "write");
	reason = !file->writable ? EBADF : may_grow(file, at, data.len);
	if (reason != 0)
		return unlock(file->disk, refuse(err, reason, "write", "in memory"));
	os_fs_memory_node_write(file->node, at, data.ptr, data.len, file->disk->operations);
	file->node->modified_ms = file->disk->now_ms;
	return unlock(file->disk, true);
}

static bool
memory_sync(struct os_file *f, struct err *err)
{
	(void)err;
	begin(file_of(f)->disk, "sync");
	os_fs_memory_node_sync(file_of(f)->node, UINT64_MAX);
	return unlock(file_of(f)->disk, true);
}

static bool
memory_allocate(struct os_file *f, uint64_t size, struct err *err)
{
	struct memory_file *file = file_of(f);
	uint64_t now;
	int reason;

	begin(file->disk, "allocate");
	now = file->node->now.size;
	reason = !file->writable ? EBADF : may_grow(file, 0, size);
	if (reason != 0)
		return unlock(file->disk, refuse(err, reason, "allocate", "in memory"));
	if (size > now)
		os_fs_memory_node_write(file->node, now, NULL, size - now, file->disk->operations);
	return unlock(file->disk, true);
}

static bool
memory_truncate(struct os_file *f, uint64_t size, struct err *err)
{
	struct memory_file *file = file_of(f);
	int reason;

	begin(file->disk, "truncate");
	reason = !file->writable ? EBADF : may_grow(file, 0, size);
	if (reason != 0)
		return unlock(file->disk, refuse(err, reason, "truncate", "in memory"));
	os_fs_memory_node_truncate(file->node, size, file->disk->operations);
	file->node->modified_ms = file->disk->now_ms;
	return unlock(file->disk, true);
}

static bool
memory_size(struct os_file *f, uint64_t *size_out, struct err *err)
{
	(void)err;
	lock(file_of(f)->disk);
	*size_out = file_of(f)->node->now.size;
	return unlock(file_of(f)->disk, true);
}

static bool
memory_close(struct os_file *f, struct err *err)
{
	(void)err;
	mem_free(f);
	return true;
}

static const struct os_file_ops memory_file_ops = {
    .read_at = memory_read_at,
    .write_at = memory_write_at,
    .sync = memory_sync,
    .allocate = memory_allocate,
    .truncate = memory_truncate,
    .size = memory_size,
    .close = memory_close,
};

/* The new node, or NULL and *reason_out. */
static struct memory_node *
create(struct os_fs_memory *m, const char *path, enum os_file_kind kind, int *reason_out)
{
	struct memory_node *dir, *node;
	char last[NAME_BYTES_MAX + 1];

	*reason_out = locate(m, path, &dir, last, &node);
	if (*reason_out == 0 && node != NULL)
		*reason_out = EEXIST;
	if (*reason_out != 0)
		return NULL;
	node = os_fs_memory_node_new(m, kind);
	os_fs_memory_names_change(m, node, NULL, NULL, dir, last);
	return node;
}

static struct memory_node *
find(struct os_fs_memory *m, const char *path, int *reason_out)
{
	struct memory_node *dir, *node;
	char last[NAME_BYTES_MAX + 1];

	*reason_out = locate(m, path, &dir, last, &node);
	if (*reason_out == 0 && node == NULL)
		*reason_out = ENOENT;
	return *reason_out == 0 ? node : NULL;
}

static bool
memory_open(
    void *ctx, const char *path, enum os_open_mode mode, struct os_file **out, struct err *err)
{
	struct os_fs_memory *m = ctx;
	struct memory_node *node;
	struct memory_file *file;
	int reason;

	if (mode == OS_OPEN_CREATE) {
		begin(m, "create");
		node = create(m, path, OS_KIND_FILE, &reason);
	} else {
		lock(m);
		node = find(m, path, &reason);
	}
	if (node != NULL && node->kind == OS_KIND_DIR) {
		node = NULL;
		reason = EISDIR;
	}
	if (node == NULL)
		return unlock(m, refuse(err, reason, "open", path));
	file = mem_calloc(1, sizeof *file);
	file->base.ops = &memory_file_ops;
	file->disk = m;
	file->node = node;
	file->writable = mode != OS_OPEN_READ;
	*out = &file->base;
	return unlock(m, true);
}

/* Is dir the node itself, or beneath it? */
static bool
is_beneath(const struct memory_node *dir, const struct memory_node *node)
{
	if (dir == node)
		return true;
	if (node->kind != OS_KIND_DIR)
		return false;
	for (size_t i = 0; i < node->names_now.count; i++)
		if (is_beneath(dir, node->names_now.list[i].node))
			return true;
	return false;
}

/* rename(2): what may be put over what; 0 or an errno. */
static int
may_replace(
    const struct memory_node *node, const struct memory_node *old, const struct memory_node *to_dir)
{
	if (is_beneath(to_dir, node))
		return EINVAL;
	if (old == NULL)
		return 0;
	if (old->kind == OS_KIND_DIR && node->kind != OS_KIND_DIR)
		return EISDIR;
	if (old->kind != OS_KIND_DIR && node->kind == OS_KIND_DIR)
		return ENOTDIR;
	return old->kind == OS_KIND_DIR && old->names_now.count > 0 ? ENOTEMPTY : 0;
}

static bool
memory_rename(void *ctx, const char *from, const char *to, struct err *err)
{
	struct os_fs_memory *m = ctx;
	struct memory_node *from_dir, *to_dir, *node, *old;
	char from_name[NAME_BYTES_MAX + 1], to_name[NAME_BYTES_MAX + 1];
	int reason;

	begin(m, "rename");
	reason = locate(m, from, &from_dir, from_name, &node);
	if (reason == 0 && node == NULL)
		reason = ENOENT;
	if (reason == 0)
		reason = locate(m, to, &to_dir, to_name, &old);
	if (reason == 0 && (from_dir == NULL || to_dir == NULL))
		reason = EBUSY;
	if (reason == 0 && node != old)
		reason = may_replace(node, old, to_dir);
	if (reason != 0)
		return unlock(m, refuse(err, reason, "rename", from));
	if (node != old)
		os_fs_memory_names_change(m, node, from_dir, from_name, to_dir, to_name);
	return unlock(m, true);
}

static bool
memory_unlink(void *ctx, const char *path, struct err *err)
{
	struct os_fs_memory *m = ctx;
	struct memory_node *dir, *node;
	char last[NAME_BYTES_MAX + 1];
	int reason;

	begin(m, "unlink");
	reason = locate(m, path, &dir, last, &node);
	if (reason == 0 && node == NULL)
		reason = ENOENT;
	if (reason == 0 && node->kind == OS_KIND_DIR)
		reason = EISDIR;
	if (reason != 0)
		return unlock(m, refuse(err, reason, "unlink", path));
	os_fs_memory_names_change(m, node, dir, last, NULL, NULL);
	return unlock(m, true);
}

static bool
memory_mkdir(void *ctx, const char *path, struct err *err)
{
	struct os_fs_memory *m = ctx;
	int reason;

	begin(m, "mkdir");
	if (create(m, path, OS_KIND_DIR, &reason) == NULL)
		return unlock(m, refuse(err, reason, "mkdir", path));
	return unlock(m, true);
}

static bool
memory_sync_dir(void *ctx, const char *path, struct err *err)
{
	struct os_fs_memory *m = ctx;
	struct memory_node *dir;
	int reason;

	begin(m, "sync_dir");
	dir = find(m, path, &reason);
	if (dir != NULL && dir->kind != OS_KIND_DIR)
		reason = ENOTDIR;
	if (reason != 0)
		return unlock(m, refuse(err, reason, "sync directory", path));
	os_fs_memory_names_sync(m, dir, UINT64_MAX);
	return unlock(m, true);
}

static void
everything_sync(struct os_fs_memory *m, uint64_t until)
{
	for (struct memory_node *node = m->nodes; node != NULL; node = node->next) {
		if (node->kind == OS_KIND_DIR)
			os_fs_memory_names_sync(m, node, until);
		else
			os_fs_memory_node_sync(node, until);
	}
}

static bool
memory_sync_all(void *ctx, const char *path, struct err *err)
{
	struct os_fs_memory *m = ctx;
	int reason;

	begin(m, "sync_all");
	if (find(m, path, &reason) == NULL)
		return unlock(m, refuse(err, reason, "sync all of", path));
	everything_sync(m, UINT64_MAX);
	return unlock(m, true);
}

bool
os_fs_memory_sync_until(
    struct os_fs_memory *m, struct os_file *file, const char *dir, uint64_t mark, struct err *err)
{
	struct memory_node *node = NULL;
	int reason = 0;

	begin(m, "sync");
	if (dir != NULL)
		node = find(m, dir, &reason);
	if (reason != 0)
		return unlock(m, refuse(err, reason, "sync directory", dir));
	if (file != NULL)
		os_fs_memory_node_sync(file_of(file)->node, mark);
	else if (node != NULL)
		os_fs_memory_names_sync(m, node, mark);
	else
		everything_sync(m, mark);
	return unlock(m, true);
}

/* The names are copied first: visit may create and remove files, as it may in the kernel's driver. */
static bool
memory_list(void *ctx, const char *path, os_list_fn visit, void *visit_ctx, struct err *err)
{
	struct os_fs_memory *m = ctx;
	struct memory_node *dir;
	size_t count;
	char **names;
	bool more = true;
	int reason;

	lock(m);
	dir = find(m, path, &reason);
	if (dir != NULL && dir->kind != OS_KIND_DIR)
		reason = ENOTDIR;
	if (reason != 0)
		return unlock(m, refuse(err, reason, "list", path));
	count = dir->names_now.count;
	names = mem_calloc(count, sizeof *names);
	for (size_t i = 0; i < count; i++)
		names[i] = mem_strdup(dir->names_now.list[i].name);
	(void)unlock(m, true);
	for (size_t i = 0; i < count; i++) {
		if (more)
			more = visit(visit_ctx, names[i]);
		mem_free(names[i]);
	}
	mem_free(names);
	return true;
}

static bool
memory_stat(void *ctx, const char *path, struct os_stat *out, struct err *err)
{
	struct os_fs_memory *m = ctx;
	struct memory_node *node;
	int reason;

	lock(m);
	node = find(m, path, &reason);
	if (node == NULL)
		return unlock(m, refuse(err, reason, "stat", path));
	out->kind = node->kind;
	out->size_bytes = node->now.size;
	out->modified_ms = node->modified_ms;
	return unlock(m, true);
}

static bool
memory_space(void *ctx, const char *path, uint64_t *free_out, struct err *err)
{
	struct os_fs_memory *m = ctx;
	uint64_t used;
	int reason;

	lock(m);
	if (find(m, path, &reason) == NULL)
		return unlock(m, refuse(err, reason, "space", path));
	used = bytes_used(m);
	if (m->capacity == 0)
		*free_out = SPACE_WITHOUT_END;
	else
		*free_out = used < m->capacity ? m->capacity - used : 0;
	return unlock(m, true);
}

struct os_fs
os_fs_memory(struct os_fs_memory *m)
{
	static const struct os_fs_ops ops = {
	    .open = memory_open,
	    .rename = memory_rename,
	    .unlink = memory_unlink,
	    .mkdir = memory_mkdir,
	    .sync_dir = memory_sync_dir,
	    .sync_all = memory_sync_all,
	    .list = memory_list,
	    .stat = memory_stat,
	    .space = memory_space,
	};

	return (struct os_fs){.ops = &ops, .ctx = m};
}

struct os_fs_memory *
os_fs_memory_new(void)
{
	struct os_fs_memory *m = mem_calloc(1, sizeof *m);
	pthread_mutexattr_t attributes;

	must(pthread_mutexattr_init(&attributes) == 0);
	must(pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE) == 0);
	must(pthread_mutex_init(&m->lock, &attributes) == 0);
	(void)pthread_mutexattr_destroy(&attributes);
	m->root = os_fs_memory_node_new(m, OS_KIND_DIR);
	m->root->links = 1;
	return m;
}

void
os_fs_memory_free(struct os_fs_memory **m)
{
	struct os_fs_memory *taken = *m;
	struct memory_node *next;

	*m = NULL;
	if (taken == NULL)
		return;
	for (size_t i = 0; i < taken->name_count; i++) {
		mem_free(taken->names[i].from);
		mem_free(taken->names[i].to);
	}
	mem_free(taken->names);
	for (struct memory_node *node = taken->nodes; node != NULL; node = next) {
		next = node->next;
		os_fs_memory_node_free(node);
	}
	(void)pthread_mutex_destroy(&taken->lock);
	mem_free(taken);
}

void
os_fs_memory_set_capacity(struct os_fs_memory *m, uint64_t bytes)
{
	lock(m);
	m->capacity = bytes;
	(void)unlock(m, true);
}

void
os_fs_memory_set_time(struct os_fs_memory *m, int64_t now_ms)
{
	lock(m);
	m->now_ms = now_ms;
	(void)unlock(m, true);
}

void
os_fs_memory_set_hook(struct os_fs_memory *m, os_fs_memory_hook_fn hook, void *ctx)
{
	lock(m);
	m->hook = hook;
	m->hook_ctx = ctx;
	(void)unlock(m, true);
}

uint64_t
os_fs_memory_operations(const struct os_fs_memory *m)
{
	return m->operations;
}
