/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tier T1, the recorder: a library to be preloaded into the real program. It writes down every change of files beneath
 * one directory, and every reply that acknowledges a message, in one order over all processes.
 *
 * Blind to programs without the dynamic loader and to raw system calls; ways around it that it can see (io_uring, a
 * shared writable mapping, vectors, copies within the kernel) are recorded as RECORD_UNKNOWN, which fails the test.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "record_log.h"

#define EXPORT  __attribute__((visibility("default")))
#define FDS_MAX 65536
#define ACK     "250 2.0.0 Ok: "

static struct record_header *the_log;
static const char *the_root;
static size_t the_root_len;
static uint32_t the_process;
static _Atomic uint32_t handles[FDS_MAX]; /* by descriptor; 0: not ours */

/* NEXT(name): the function that would have been called without us. */
#define NEXT(name)                                                                                 \
	static __typeof__(&name) next;                                                             \
	if (next == NULL)                                                                          \
	next = (__typeof__(&name))find_next(#name)

static void (*find_next(const char *name))(void)
{
	union {
		void *object;
		void (*function)(void);
	} both = {.object = dlsym(RTLD_NEXT, name)};

	if (both.object == NULL)
		abort();
	return both.function;
}

__attribute__((constructor)) static void
begin(void)
{
	const char *path = getenv(RECORD_LOG_NAME);
	int fd;
	void *at;

	the_root = getenv(RECORD_ROOT_NAME);
	if (path == NULL || the_root == NULL)
		return;
	the_root_len = strlen(the_root);
	fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		abort();
	at = mmap(NULL, RECORD_LOG_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	(void)syscall(SYS_close, fd);
	if (at == MAP_FAILED || ((struct record_header *)at)->magic != RECORD_MAGIC)
		abort();
	the_log = at;
	the_process = atomic_fetch_add(&the_log->processes, 1) + 1;
}

/* Is it beneath the root? Files that SQLite makes anew after every crash are not looked at. */
static bool
is_ours(const char *path)
{
	size_t len;

	if (the_log == NULL || path == NULL || strncmp(path, the_root, the_root_len) != 0 ||
	    (path[the_root_len] != '/' && path[the_root_len] != '\0'))
		return false;
	len = strlen(path);
	return len < 4 || strcmp(path + len - 4, "-shm") != 0;
}

static uint32_t
handle_of(int fd)
{
	return the_log != NULL && fd >= 0 && fd < FDS_MAX ? atomic_load(&handles[fd]) : 0;
}

struct entry {
	enum record_kind kind;
	uint32_t handle;
	uint64_t at, length;
	const char *path;
	const void *data;
	size_t data_bytes;
};

/* Takes a place in the log; NULL: it is full, which the header remembers. */
static struct record_entry *
entry_begin(const struct entry *e)
{
	size_t path_bytes = e->path != NULL ? strlen(e->path) + 1 : 0;
	size_t bytes = (sizeof(struct record_entry) + path_bytes + e->data_bytes + 7) / 8 * 8;
	uint64_t place = atomic_fetch_add(&the_log->head, bytes);
	struct record_entry *out;
	char *behind;

	if (place + bytes > RECORD_LOG_BYTES) {
		atomic_store(&the_log->overflow, 1);
		return NULL;
	}
	out = (struct record_entry *)(void *)((char *)the_log + place);
	out->bytes = (uint32_t)bytes;
	out->handle = e->handle;
	out->process = the_process;
	out->at = e->at;
	out->length = e->length;
	out->path_bytes = (uint32_t)path_bytes;
	out->data_bytes = (uint32_t)e->data_bytes;
	behind = (char *)(out + 1);
	if (path_bytes > 0)
		memcpy(behind, e->path, path_bytes);
	if (e->data_bytes > 0)
		memcpy(behind + path_bytes, e->data, e->data_bytes);
	atomic_store(&out->kind, e->kind);
	return out;
}

static void
entry_end(struct record_entry *e, int64_t result)
{
	if (e == NULL)
		return;
	e->result = result;
	atomic_store(&e->end, atomic_load(&the_log->head));
}

static void
unknown(const char *what)
{
	entry_end(entry_begin(&(struct entry){.kind = RECORD_UNKNOWN, .path = what}), 0);
}

static bool
is_zero(const uint8_t *data, size_t len)
{
	return len > 0 && data[0] == 0 && memcmp(data, data + 1, len - 1) == 0;
}

static int
opened(int fd, const char *path, int flags, struct record_entry *e)
{
	uint32_t handle;
	int keep = errno;

	if (fd >= 0 && fd < FDS_MAX) {
		handle = e != NULL ? atomic_fetch_add(&the_log->handles, 1) + 1 : 0;
		if (e != NULL) {
			e->handle = handle;
			entry_end(e, 0);
		}
		atomic_store(&handles[fd], handle);
	} else if (e != NULL) {
		if (fd >= 0)
			unknown("a descriptor too large for the recorder");
		entry_end(e, -1);
	}
	if (the_log != NULL && fd >= 0 && (flags & (O_WRONLY | O_RDWR)) != 0 && path[0] != '/')
		unknown("a relative path opened for writing");
	errno = keep;
	return fd;
}

/* Only what can change the tree or sync it is of interest: a file opened for writing, a directory. */
static struct record_entry *
opening(const char *path, int flags)
{
	struct entry e = {.kind = RECORD_OPEN, .path = path};
	struct stat st;
	bool writes = (flags & (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC)) != 0;
	bool is_dir;

	if (!is_ours(path))
		return NULL;
	if ((flags & O_TMPFILE) == O_TMPFILE || (flags & O_APPEND) != 0)
		unknown("O_TMPFILE or O_APPEND");
	is_dir = !writes && stat(path, &st) == 0 && S_ISDIR(st.st_mode);
	if (!writes && !is_dir)
		return NULL;
	e.kind = is_dir ? RECORD_OPEN_DIR : RECORD_OPEN;
	e.at = (flags & O_TRUNC) != 0;
	e.length = (flags & O_CREAT) != 0;
	return entry_begin(&e);
}

static mode_t
mode_of(int flags, va_list ap)
{
	return (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(ap, mode_t) : 0;
}

#define DEFINE_OPEN(name)                                                                          \
	EXPORT int name(const char *path, int flags, ...)                                          \
	{                                                                                          \
		NEXT(name);                                                                        \
		struct record_entry *e;                                                            \
		mode_t mode;                                                                       \
		va_list ap;                                                                        \
		va_start(ap, flags);                                                               \
		mode = mode_of(flags, ap);                                                         \
		va_end(ap);                                                                        \
		e = opening(path, flags);                                                          \
		return opened(next(path, flags, mode), path, flags, e);                            \
	}
DEFINE_OPEN(open)
DEFINE_OPEN(open64)

#define DEFINE_OPENAT(name)                                                                        \
	EXPORT int name(int dir, const char *path, int flags, ...)                                 \
	{                                                                                          \
		NEXT(name);                                                                        \
		struct record_entry *e;                                                            \
		mode_t mode;                                                                       \
		va_list ap;                                                                        \
		va_start(ap, flags);                                                               \
		mode = mode_of(flags, ap);                                                         \
		va_end(ap);                                                                        \
		if (handle_of(dir) != 0 && path[0] != '/')                                         \
			unknown(#name " beneath a directory of the tree");                         \
		e = opening(path, flags);                                                          \
		return opened(next(dir, path, flags, mode), path, flags, e);                       \
	}
DEFINE_OPENAT(openat)
DEFINE_OPENAT(openat64)

EXPORT int
creat(const char *path, mode_t mode)
{
	return open(path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

EXPORT int
close(int fd)
{
	NEXT(close);
	if (fd >= 0 && fd < FDS_MAX)
		atomic_store(&handles[fd], 0);
	return next(fd);
}

static ssize_t
writing(int fd, const void *data, size_t len, uint64_t at, struct record_entry **out)
{
	struct entry e = {
	    .kind = RECORD_WRITE, .handle = handle_of(fd), .at = at, .length = len, .data = data};

	*out = NULL;
	if (e.handle != 0 && len > 0) {
		e.data_bytes = is_zero(data, len) ? 0 : len;
		*out = entry_begin(&e);
	}
	return 0;
}

static ssize_t
wrote(struct record_entry *e, ssize_t n)
{
	int keep = errno;

	entry_end(e, n);
	errno = keep;
	return n;
}

#define DEFINE_PWRITE(name, offset_type)                                                           \
	EXPORT ssize_t name(int fd, const void *data, size_t len, offset_type at)                  \
	{                                                                                          \
		NEXT(name);                                                                        \
		struct record_entry *e;                                                            \
		(void)writing(fd, data, len, (uint64_t)at, &e);                                    \
		return wrote(e, next(fd, data, len, at));                                          \
	}
DEFINE_PWRITE(pwrite, off_t)
DEFINE_PWRITE(pwrite64, off64_t)

/* Looks for replies that acknowledge a message in what goes to a socket. */
static void
acks_find(const char *data, size_t len)
{
	size_t at = 0;

	while (the_log != NULL && len - at > sizeof ACK) {
		const char *end = memchr(data + at, '\n', len - at);
		size_t line = end != NULL ? (size_t)(end - data) - at : len - at;
		char id[128];

		if (line > sizeof ACK && memcmp(data + at, ACK, sizeof ACK - 1) == 0) {
			size_t n = line - (sizeof ACK - 1);

			n = n < sizeof id ? n : sizeof id - 1;
			memcpy(id, data + at + sizeof ACK - 1, n);
			id[n] = '\0';
			id[strcspn(id, "\r\n ")] = '\0';
			entry_end(entry_begin(&(struct entry){.kind = RECORD_ACK, .path = id}), 0);
		}
		if (end == NULL)
			return;
		at += line + 1;
	}
}

EXPORT ssize_t
write(int fd, const void *data, size_t len)
{
	NEXT(write);
	struct record_entry *e = NULL;
	off_t at;

	if (handle_of(fd) != 0) {
		at = lseek(fd, 0, SEEK_CUR);
		(void)writing(fd, data, len, at > 0 ? (uint64_t)at : 0, &e);
	} else {
		acks_find(data, len);
	}
	return wrote(e, next(fd, data, len));
}

EXPORT ssize_t
send(int fd, const void *data, size_t len, int flags)
{
	NEXT(send);
	acks_find(data, len);
	return next(fd, data, len, flags);
}

EXPORT ssize_t
sendto(int fd, const void *data, size_t len, int flags, __CONST_SOCKADDR_ARG to, socklen_t to_len)
{
	NEXT(sendto);
	acks_find(data, len);
	return next(fd, data, len, flags, to, to_len);
}

EXPORT ssize_t
sendmsg(int fd, const struct msghdr *m, int flags)
{
	NEXT(sendmsg);
	for (size_t i = 0; i < m->msg_iovlen; i++)
		acks_find(m->msg_iov[i].iov_base, m->msg_iov[i].iov_len);
	return next(fd, m, flags);
}

/* Vectors to sockets are looked through; to files of the tree they are not ours to replay. */
EXPORT ssize_t
writev(int fd, const struct iovec *v, int count)
{
	NEXT(writev);
	if (handle_of(fd) != 0)
		unknown("writev");
	for (int i = 0; handle_of(fd) == 0 && i < count; i++)
		acks_find(v[i].iov_base, v[i].iov_len);
	return next(fd, v, count);
}

#define DEFINE_STRANGE(type, name, params, args, fd)                                               \
	EXPORT type name params                                                                    \
	{                                                                                          \
		NEXT(name);                                                                        \
		if (handle_of(fd) != 0)                                                            \
			unknown(#name);                                                            \
		return next args;                                                                  \
	}
DEFINE_STRANGE(
    ssize_t, pwritev, (int fd, const struct iovec *v, int n, off_t at), (fd, v, n, at), fd)
DEFINE_STRANGE(
    ssize_t, pwritev64, (int fd, const struct iovec *v, int n, off64_t at), (fd, v, n, at), fd)
DEFINE_STRANGE(ssize_t, pwritev2, (int fd, const struct iovec *v, int n, off_t at, int flags),
    (fd, v, n, at, flags), fd)
DEFINE_STRANGE(ssize_t, copy_file_range,
    (int in, off64_t *from, int out, off64_t *to, size_t n, unsigned flags),
    (in, from, out, to, n, flags), out)
DEFINE_STRANGE(int, dup, (int fd), (fd), fd)
DEFINE_STRANGE(int, dup2, (int fd, int to), (fd, to), fd)
DEFINE_STRANGE(int, dup3, (int fd, int to, int flags), (fd, to, flags), fd)

static int
changed(struct record_entry *e, int rc)
{
	int keep = errno;

	entry_end(e, rc);
	errno = keep;
	return rc;
}

static struct record_entry *
changing(enum record_kind kind, int fd, uint64_t at)
{
	struct entry e = {.kind = kind, .handle = handle_of(fd), .at = at};

	return e.handle != 0 ? entry_begin(&e) : NULL;
}

#define DEFINE_SYNC(name)                                                                          \
	EXPORT int name(int fd)                                                                    \
	{                                                                                          \
		NEXT(name);                                                                        \
		struct record_entry *e = changing(RECORD_SYNC, fd, 0);                             \
		return changed(e, next(fd));                                                       \
	}
DEFINE_SYNC(fsync)
DEFINE_SYNC(fdatasync)

EXPORT int
syncfs(int fd)
{
	NEXT(syncfs);
	struct record_entry *e = changing(RECORD_SYNC_ALL, fd, 0);
	return changed(e, next(fd));
}

#define DEFINE_TRUNCATE(name, offset_type)                                                         \
	EXPORT int name(int fd, offset_type size)                                                  \
	{                                                                                          \
		NEXT(name);                                                                        \
		struct record_entry *e = changing(RECORD_TRUNCATE, fd, (uint64_t)size);            \
		return changed(e, next(fd, size));                                                 \
	}
DEFINE_TRUNCATE(ftruncate, off_t)
DEFINE_TRUNCATE(ftruncate64, off64_t)

#define DEFINE_ALLOCATE(name, offset_type)                                                         \
	EXPORT int name(int fd, int mode, offset_type at, offset_type len)                         \
	{                                                                                          \
		NEXT(name);                                                                        \
		struct record_entry *e;                                                            \
		if (handle_of(fd) != 0 && mode != 0)                                               \
			unknown(#name " with a mode");                                             \
		e = changing(RECORD_ALLOCATE, fd, (uint64_t)(at + len));                           \
		return changed(e, next(fd, mode, at, len));                                        \
	}
DEFINE_ALLOCATE(fallocate, off_t)
DEFINE_ALLOCATE(fallocate64, off64_t)
DEFINE_STRANGE(int, posix_fallocate, (int fd, off_t at, off_t len), (fd, at, len), fd)
DEFINE_STRANGE(int, posix_fallocate64, (int fd, off64_t at, off64_t len), (fd, at, len), fd)

/* Names. A change that only touches files outside is none. */
static struct record_entry *
naming(enum record_kind kind, const char *from, const char *to)
{
	struct entry e = {.kind = kind, .path = from};

	if (!is_ours(from) && (to == NULL || !is_ours(to)))
		return NULL;
	if (to != NULL && (!is_ours(from) || !is_ours(to)))
		unknown("a name moved in or out of the tree");
	e.data = to;
	e.data_bytes = to != NULL ? strlen(to) + 1 : 0;
	return entry_begin(&e);
}

EXPORT int
rename(const char *from, const char *to)
{
	NEXT(rename);
	struct record_entry *e = naming(RECORD_RENAME, from, to);
	return changed(e, next(from, to));
}

EXPORT int
link(const char *from, const char *to)
{
	NEXT(link);
	struct record_entry *e = naming(RECORD_LINK, from, to);
	return changed(e, next(from, to));
}

EXPORT int
unlink(const char *path)
{
	NEXT(unlink);
	struct record_entry *e = naming(RECORD_UNLINK, path, NULL);
	return changed(e, next(path));
}

EXPORT int
mkdir(const char *path, mode_t mode)
{
	NEXT(mkdir);
	struct record_entry *e = naming(RECORD_MKDIR, path, NULL);
	return changed(e, next(path, mode));
}

#define DEFINE_STRANGE_PATH(name, params, args, path)                                              \
	EXPORT int name params                                                                     \
	{                                                                                          \
		NEXT(name);                                                                        \
		if (is_ours(path))                                                                 \
			unknown(#name);                                                            \
		return next args;                                                                  \
	}
DEFINE_STRANGE_PATH(rmdir, (const char *path), (path), path)
DEFINE_STRANGE_PATH(remove, (const char *path), (path), path)
DEFINE_STRANGE_PATH(truncate, (const char *path, off_t size), (path, size), path)
DEFINE_STRANGE_PATH(symlink, (const char *to, const char *path), (to, path), path)
DEFINE_STRANGE_PATH(renameat, (int from_dir, const char *from, int to_dir, const char *to),
    (from_dir, from, to_dir, to), to)
DEFINE_STRANGE_PATH(renameat2,
    (int from_dir, const char *from, int to_dir, const char *to, unsigned flags),
    (from_dir, from, to_dir, to, flags), to)
DEFINE_STRANGE_PATH(unlinkat, (int dir, const char *path, int flags), (dir, path, flags), path)
DEFINE_STRANGE_PATH(mkdirat, (int dir, const char *path, mode_t mode), (dir, path, mode), path)

#define DEFINE_MMAP(name, offset_type)                                                             \
	EXPORT void *name(void *at, size_t len, int prot, int flags, int fd, offset_type offset)   \
	{                                                                                          \
		NEXT(name);                                                                        \
		if (handle_of(fd) != 0 && (prot & PROT_WRITE) != 0 && (flags & MAP_SHARED) != 0)   \
			unknown("a shared writable mapping");                                      \
		return next(at, len, prot, flags, fd, offset);                                     \
	}
DEFINE_MMAP(mmap, off_t)
DEFINE_MMAP(mmap64, off64_t)

#define DEFINE_FOPEN(name)                                                                         \
	EXPORT FILE *name(const char *path, const char *mode)                                      \
	{                                                                                          \
		NEXT(name);                                                                        \
		if (is_ours(path) && strpbrk(mode, "wa+") != NULL)                                 \
			unknown(#name);                                                            \
		return next(path, mode);                                                           \
	}
DEFINE_FOPEN(fopen)
DEFINE_FOPEN(fopen64)

EXPORT long
syscall(long number, ...)
{
	NEXT(syscall);
	long a[6];
	va_list ap;

	va_start(ap, number);
	for (size_t i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	if (the_log != NULL && number == SYS_io_uring_setup)
		unknown("io_uring");
	return next(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
