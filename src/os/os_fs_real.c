/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel's file system behind struct os_fs. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base_mem.h"
#include "os_fs.h"
#include "os_fs_int.h"

#define OS_REAL_ZERO_BYTES ((size_t)256 * 1024)
#define OS_REAL_IO_MAX     ((size_t)1 << 30) /* below what one pread or pwrite may move */

struct os_real_file {
	struct os_file base;
	int fd;
};

#define REAL_ERR(err, ...) ERR_SYS((err), os_fs_code_of(errno), __VA_ARGS__)

static struct os_real_file *
real_of(struct os_file *f)
{
	return (struct os_real_file *)(void *)f;
}

/* Offsets may come out of files: one the kernel cannot hold is refused, not cast. */
static bool
range_ok(uint64_t at, uint64_t len, struct err *err)
{
	if (at > (uint64_t)INT64_MAX || len > (uint64_t)INT64_MAX - at) {
		errno = EFBIG;
		return ERR_SYS(err, ERR_IO, "offset out of range");
	}
	return true;
}

static bool
real_read_at(
    struct os_file *f, uint64_t at, void *out, size_t len, size_t *got_out, struct err *err)
{
	size_t got = 0;

	if (!range_ok(at, len, err))
		return false;
	while (got < len) {
		size_t want = len - got < OS_REAL_IO_MAX ? len - got : OS_REAL_IO_MAX;
		ssize_t n = pread(real_of(f)->fd, (uint8_t *)out + got, want, (off_t)(at + got));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return REAL_ERR(err, "read");
		if (n == 0)
			break;
		got += (size_t)n;
	}
	*got_out = got;
	return true;
}

static bool
real_write_at(struct os_file *f, uint64_t at, struct bytes data, struct err *err)
{
	size_t done = 0;

	if (!range_ok(at, data.len, err))
		return false;
	while (done < data.len) {
		size_t want = data.len - done < OS_REAL_IO_MAX ? data.len - done : OS_REAL_IO_MAX;
		ssize_t n = pwrite(real_of(f)->fd, data.ptr + done, want, (off_t)(at + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return REAL_ERR(err, "write");
		if (n == 0)
			return ERR(err, ERR_IO, "write: the kernel took nothing");
		done += (size_t)n;
	}
	return true;
}

/* No second try, not even after EINTR: the kernel may have dropped the dirty mark of the pages. */
static bool
real_sync(struct os_file *f, struct err *err)
{
	if (fdatasync(real_of(f)->fd) != 0)
		return REAL_ERR(err, "fdatasync");
	return true;
}

static bool
real_size(struct os_file *f, uint64_t *size_out, struct err *err)
{
	struct stat st;

	if (fstat(real_of(f)->fd, &st) != 0)
		return REAL_ERR(err, "fstat");
	*size_out = (uint64_t)st.st_size;
	return true;
}

static bool
real_truncate(struct os_file *f, uint64_t size, struct err *err)
{
	int rc;

	if (!range_ok(size, 0, err))
		return false;
	do
		rc = ftruncate(real_of(f)->fd, (off_t)size);
	while (rc != 0 && errno == EINTR);
	if (rc != 0)
		return REAL_ERR(err, "ftruncate");
	return true;
}

static bool
reserve(int fd, uint64_t size, struct err *err)
{
	int rc;

	do
		rc = fallocate(fd, 0, 0, (off_t)size);
	while (rc != 0 && errno == EINTR);
	/* Where the file system has no fallocate, writing the zeros reserves just as well. */
	if (rc != 0 && errno != EOPNOTSUPP && errno != ENOSYS)
		return REAL_ERR(err, "fallocate");
	return true;
}

/*
 * fallocate makes one extent of it, marked unwritten; the zeros turn the mark off now, so that a later fdatasync of
 * data written there has no extent to convert and thus no journal to wait for.
 */
static bool
real_allocate(struct os_file *f, uint64_t size, struct err *err)
{
	uint8_t *zeros = NULL;
	uint64_t before, at;
	struct err ignored;
	bool ok = false;

	if (!range_ok(size, 0, err) || !real_size(f, &before, err))
		return false;
	if (size <= before)
		return true;
	zeros = mem_calloc(1, OS_REAL_ZERO_BYTES);
	if (!reserve(real_of(f)->fd, size, err))
		goto out;
	for (at = before; at < size; at += OS_REAL_ZERO_BYTES) {
		size_t len =
		    size - at < OS_REAL_ZERO_BYTES ? (size_t)(size - at) : OS_REAL_ZERO_BYTES;

		if (!real_write_at(f, at, bytes_of(zeros, len), err))
			goto out;
	}
	ok = true;
out:
	mem_free(zeros);
	/* Give back what was reserved; if that fails too, the file is only longer than it was. */
	if (!ok && !real_truncate(f, before, &ignored))
		return false;
	return ok;
}

static bool
real_close(struct os_file *f, struct err *err)
{
	int rc = close(real_of(f)->fd);

	mem_free(f);
	/* Linux has closed the descriptor in any case; EINTR says nothing about the data, which sync answers for. */
	if (rc != 0 && errno != EINTR)
		return REAL_ERR(err, "close");
	return true;
}

static const struct os_file_ops real_file_ops = {
    .read_at = real_read_at,
    .write_at = real_write_at,
    .sync = real_sync,
    .allocate = real_allocate,
    .truncate = real_truncate,
    .size = real_size,
    .close = real_close,
};

static bool
real_open(
    void *ctx, const char *path, enum os_open_mode mode, struct os_file **out, struct err *err)
{
	static const int flags[] = {
	    [OS_OPEN_READ] = O_RDONLY,
	    [OS_OPEN_READ_WRITE] = O_RDWR,
	    [OS_OPEN_CREATE] = O_RDWR | O_CREAT | O_EXCL,
	};
	struct os_real_file *f;
	struct stat st;
	int fd;

	(void)ctx;
	do
		fd = open(path, flags[mode] | O_CLOEXEC | O_NOCTTY, 0600);
	while (fd < 0 && errno == EINTR);
	if (fd < 0)
		return REAL_ERR(err, "open %s", path);
	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
		(void)close(fd);
		errno = EISDIR;
		return REAL_ERR(err, "open %s", path);
	}
	f = mem_calloc(1, sizeof *f);
	f->base.ops = &real_file_ops;
	f->fd = fd;
	*out = &f->base;
	return true;
}

static bool
real_rename(void *ctx, const char *from, const char *to, struct err *err)
{
	(void)ctx;
	if (rename(from, to) != 0)
		return REAL_ERR(err, "rename %s", from);
	return true;
}

static bool
real_unlink(void *ctx, const char *path, struct err *err)
{
	(void)ctx;
	if (unlink(path) != 0)
		return REAL_ERR(err, "unlink %s", path);
	return true;
}

static bool
real_mkdir(void *ctx, const char *path, struct err *err)
{
	(void)ctx;
	if (mkdir(path, 0700) != 0)
		return REAL_ERR(err, "mkdir %s", path);
	return true;
}

static bool
real_sync_dir(void *ctx, const char *path, struct err *err)
{
	int fd;
	bool ok = true;

	(void)ctx;
#ifdef DAYBOOK_SABOTAGE_NO_DIRSYNC
	return true;
#endif
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return REAL_ERR(err, "open %s", path);
	if (fsync(fd) != 0)
		ok = REAL_ERR(err, "fsync %s", path);
	(void)close(fd);
	return ok;
}

/* syncfs reports write-back errors since Linux 5.8. */
static bool
real_sync_all(void *ctx, const char *path, struct err *err)
{
	int fd;
	bool ok = true;

	(void)ctx;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return REAL_ERR(err, "open %s", path);
	if (syncfs(fd) != 0)
		ok = REAL_ERR(err, "syncfs %s", path);
	(void)close(fd);
	return ok;
}

static bool
real_list(void *ctx, const char *path, os_list_fn visit, void *visit_ctx, struct err *err)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	bool ok = true, more = true;

	(void)ctx;
	if (dir == NULL)
		return REAL_ERR(err, "open %s", path);
	while (more) {
		errno = 0;
		entry = readdir(dir);
		if (entry == NULL) {
			if (errno != 0)
				ok = REAL_ERR(err, "list %s", path);
			break;
		}
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			more = visit(visit_ctx, entry->d_name);
	}
	(void)closedir(dir);
	return ok;
}

static bool
real_stat(void *ctx, const char *path, struct os_stat *out, struct err *err)
{
	struct stat st;

	(void)ctx;
	if (stat(path, &st) != 0)
		return REAL_ERR(err, "stat %s", path);
	out->kind = S_ISREG(st.st_mode)   ? OS_KIND_FILE
		    : S_ISDIR(st.st_mode) ? OS_KIND_DIR
					  : OS_KIND_OTHER;
	out->size_bytes = (uint64_t)st.st_size;
	out->modified_ms = (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000;
	return true;
}

static bool
real_space(void *ctx, const char *path, uint64_t *free_out, struct err *err)
{
	struct statvfs st;

	(void)ctx;
	if (statvfs(path, &st) != 0)
		return REAL_ERR(err, "statvfs %s", path);
	/* Bytes are of no use when no file can be made any more. */
	*free_out =
	    st.f_files > 0 && st.f_favail == 0 ? 0 : (uint64_t)st.f_bavail * (uint64_t)st.f_frsize;
	return true;
}

struct os_fs
os_fs_real(void)
{
	static const struct os_fs_ops ops = {
	    .open = real_open,
	    .rename = real_rename,
	    .unlink = real_unlink,
	    .mkdir = real_mkdir,
	    .sync_dir = real_sync_dir,
	    .sync_all = real_sync_all,
	    .list = real_list,
	    .stat = real_stat,
	    .space = real_space,
	};

	return (struct os_fs){.ops = &ops, .ctx = NULL};
}
