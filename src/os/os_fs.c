/* SPDX-License-Identifier: Apache-2.0 */
/* Calls through a file driver's table, and the whole-file operations built from them. */
#include "os_fs.h"

#include <errno.h>
#include <string.h>

#include "base_mem.h"
#include "os_fs_int.h"

#define OS_FS_READ_CHUNK ((size_t)64 * 1024)
#define OS_FS_TEMPORARY  ".tmp"

enum err_code
os_fs_code_of(int sys_errno)
{
	switch (sys_errno) {
	case ENOENT:
	case ENOTDIR:
		return ERR_NOT_FOUND;
	case EEXIST:
	case ENOTEMPTY:
		return ERR_EXISTS;
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return ERR_NO_SPACE;
	case EACCES:
	case EPERM:
	case EROFS:
		return ERR_DENIED;
	case EMFILE:
	case ENFILE:
		return ERR_LIMIT;
	default:
		return ERR_IO;
	}
}

bool
os_fs_open(struct os_fs fs, const char *path, enum os_open_mode mode, struct os_file **out,
    struct err *err)
{
	*out = NULL;
	return fs.ops->open(fs.ctx, path, mode, out, err);
}

bool
os_fs_rename(struct os_fs fs, const char *from, const char *to, struct err *err)
{
	return fs.ops->rename(fs.ctx, from, to, err);
}

bool
os_fs_unlink(struct os_fs fs, const char *path, struct err *err)
{
	return fs.ops->unlink(fs.ctx, path, err);
}

bool
os_fs_mkdir(struct os_fs fs, const char *path, struct err *err)
{
	return fs.ops->mkdir(fs.ctx, path, err);
}

bool
os_fs_sync_dir(struct os_fs fs, const char *path, struct err *err)
{
	return fs.ops->sync_dir(fs.ctx, path, err);
}

bool
os_fs_sync_all(struct os_fs fs, const char *path, struct err *err)
{
	return fs.ops->sync_all(fs.ctx, path, err);
}

bool
os_fs_list(struct os_fs fs, const char *path, os_list_fn visit, void *ctx, struct err *err)
{
	return fs.ops->list(fs.ctx, path, visit, ctx, err);
}

bool
os_fs_stat(struct os_fs fs, const char *path, struct os_stat *out, struct err *err)
{
	return fs.ops->stat(fs.ctx, path, out, err);
}

bool
os_fs_exists(struct os_fs fs, const char *path)
{
	struct os_stat st;
	struct err ignored;

	return os_fs_stat(fs, path, &st, &ignored);
}

bool
os_fs_space(struct os_fs fs, const char *path, uint64_t *free_out, struct err *err)
{
	return fs.ops->space(fs.ctx, path, free_out, err);
}

bool
os_file_read_at(
    struct os_file *f, uint64_t at, void *out, size_t len, size_t *got_out, struct err *err)
{
	*got_out = 0;
	return f->ops->read_at(f, at, out, len, got_out, err);
}

bool
os_file_read_exact(struct os_file *f, uint64_t at, void *out, size_t len, struct err *err)
{
	size_t got = 0;

	if (!f->ops->read_at(f, at, out, len, &got, err))
		return false;
	if (got != len)
		return ERR(err, ERR_CORRUPT, "file ends %zu bytes early", len - got);
	return true;
}

bool
os_file_write_at(struct os_file *f, uint64_t at, struct bytes data, struct err *err)
{
	return f->ops->write_at(f, at, data, err);
}

bool
os_file_sync(struct os_file *f, struct err *err)
{
	return f->ops->sync(f, err);
}

bool
os_file_allocate(struct os_file *f, uint64_t size, struct err *err)
{
	return f->ops->allocate(f, size, err);
}

bool
os_file_truncate(struct os_file *f, uint64_t size, struct err *err)
{
	return f->ops->truncate(f, size, err);
}

bool
os_file_size(struct os_file *f, uint64_t *size_out, struct err *err)
{
	return f->ops->size(f, size_out, err);
}

bool
os_file_close(struct os_file **f, struct err *err)
{
	struct os_file *taken = *f;

	*f = NULL;
	return taken == NULL || taken->ops->close(taken, err);
}

void
os_file_drop(struct os_file **f)
{
	struct err ignored;

	/* Nothing depends on this close: nothing was written, or the failure is already on its way up. */
	if (!os_file_close(f, &ignored))
		return;
}

/* The directory part of path, in memory of the caller: "." and "/" where there is none. */
static char *
parent_of(const char *path)
{
	char *parent = mem_strdup(path);
	size_t len = strlen(parent);

	while (len > 1 && parent[len - 1] == '/')
		len--;
	while (len > 0 && parent[len - 1] != '/')
		len--;
	while (len > 1 && parent[len - 1] == '/')
		len--;
	if (len == 0) {
		mem_free(parent);
		return mem_strdup(".");
	}
	parent[len] = '\0';
	return parent;
}

static bool
sync_parent(struct os_fs fs, const char *path, struct err *err)
{
	char *parent = parent_of(path);
	bool ok = os_fs_sync_dir(fs, parent, err);

	mem_free(parent);
	return ok;
}

/*
 * One directory of a path. Also an entry that was there already gets its parent synced: it may be the remains of an
 * earlier call that failed between the two steps. A parent that we may not open is then somebody else's business.
 */
static bool
make_one(struct os_fs fs, const char *path, struct err *err)
{
	struct os_stat st;

	if (os_fs_stat(fs, path, &st, err)) {
		if (st.kind != OS_KIND_DIR)
			return ERR(err, ERR_EXISTS, "%s is not a directory", path);
		return sync_parent(fs, path, err) || err->code == ERR_DENIED;
	}
	if (err->code != ERR_NOT_FOUND)
		return false;
	if (!os_fs_mkdir(fs, path, err) && err->code != ERR_EXISTS)
		return false;
	return sync_parent(fs, path, err);
}

bool
os_fs_mkdir_path(struct os_fs fs, const char *path, struct err *err)
{
	char *part = mem_strdup(path);
	size_t len = strlen(part);
	bool ok = true;

	for (size_t i = 1; ok && i <= len; i++) {
		char saved = part[i];

		if ((saved != '/' && saved != '\0') || part[i - 1] == '/')
			continue;
		part[i] = '\0';
		ok = make_one(fs, part, err);
		part[i] = saved;
	}
	mem_free(part);
	return ok;
}

/* The file must be over at from; one byte tells. */
static bool
expect_end(struct os_file *f, uint64_t from, struct err *err)
{
	uint8_t byte;
	size_t got;

	if (!os_file_read_at(f, from, &byte, 1, &got, err))
		return false;
	return got == 0 || ERR(err, ERR_LIMIT, "larger than %llu bytes", (unsigned long long)from);
}

static bool
read_all(struct os_file *f, size_t max, struct buf *out, struct err *err)
{
	size_t start = out->len, room = out->max - out->len, done = 0;

	if (max > room)
		max = room;
	while (done < max) {
		size_t want = max - done < OS_FS_READ_CHUNK ? max - done : OS_FS_READ_CHUNK, got;
		uint8_t *place = buf_reserve(out, want);

		if (place == NULL)
			return buf_ok(out, err);
		if (!os_file_read_at(f, done, place, want, &got, err))
			return false;
		buf_grow(out, got);
		done = out->len - start;
		if (got < want)
			return true;
	}
	return expect_end(f, done, err);
}

bool
os_fs_read_file(struct os_fs fs, const char *path, size_t max, struct buf *out, struct err *err)
{
	struct os_file *f = NULL;
	bool ok;

	ok = os_fs_open(fs, path, OS_OPEN_READ, &f, err) &&
	     (read_all(f, max, out, err) || err_prefix(err, "%s", path));
	os_file_drop(&f);
	return ok;
}

static bool
create_over_stale(struct os_fs fs, const char *path, struct os_file **out, struct err *err)
{
	if (os_fs_open(fs, path, OS_OPEN_CREATE, out, err))
		return true;
	if (err->code != ERR_EXISTS || !os_fs_unlink(fs, path, err))
		return false;
	return os_fs_open(fs, path, OS_OPEN_CREATE, out, err);
}

bool
os_fs_write_file(struct os_fs fs, const char *path, struct bytes data, struct err *err)
{
	size_t len = strlen(path);
	char *temporary = mem_alloc(len + sizeof OS_FS_TEMPORARY);
	struct os_file *f = NULL;
	struct err ignored;
	bool created = false, ok = false;

	memcpy(temporary, path, len);
	memcpy(temporary + len, OS_FS_TEMPORARY, sizeof OS_FS_TEMPORARY);
	if (!create_over_stale(fs, temporary, &f, err))
		goto out;
	created = true;
	if (!os_file_write_at(f, 0, data, err) || !os_file_sync(f, err) || !os_file_close(&f, err))
		goto out;
	if (!os_fs_rename(fs, temporary, path, err))
		goto out;
	created = false;
	ok = sync_parent(fs, path, err);
out:
	os_file_drop(&f);
	/* A temporary that cannot be removed is overwritten by the next call. */
	if (created && !os_fs_unlink(fs, temporary, &ignored))
		created = false;
	mem_free(temporary);
	return ok;
}
