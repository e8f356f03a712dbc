/* SPDX-License-Identifier: Apache-2.0 */
/* Tier T4, the injector: a library to be preloaded into the real program; the call it is told to fails. */
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
#include <unistd.h>

#include "fault.h"

#define EXPORT  __attribute__((visibility("default")))
#define FDS_MAX 65536

static struct fault_block *block;
static const char *root;
static uint32_t role = FAULT_OTHER;
static _Atomic uint8_t tags[FDS_MAX]; /* by descriptor; 0: not a file of the tree */

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

/* "daybook --role NAME". */
static uint32_t
role_find(void)
{
	char words[512] = {0};
	int fd = (int)syscall(SYS_openat, AT_FDCWD, "/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
	ssize_t len = fd >= 0 ? (ssize_t)syscall(SYS_read, fd, words, sizeof words - 1) : 0;
	const char *at = words;

	if (fd >= 0)
		(void)syscall(SYS_close, fd);
	for (; at < words + len; at += strlen(at) + 1) {
		if (strcmp(at, "core") == 0)
			return FAULT_CORE;
		if (strcmp(at, "smtp") == 0)
			return FAULT_SMTP;
		if (strcmp(at, "http") == 0)
			return FAULT_HTTP;
	}
	return FAULT_OTHER;
}

__attribute__((constructor)) static void
begin(void)
{
	const char *path = getenv(FAULT_BLOCK_NAME);
	void *at;
	int fd;

	root = getenv(FAULT_ROOT_NAME);
	if (path == NULL || root == NULL)
		return;
	role = role_find();
	fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		abort();
	at = (void *)syscall(SYS_mmap, NULL, 4096L, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0L);
	(void)syscall(SYS_close, fd);
	if (at == MAP_FAILED || ((struct fault_block *)at)->magic != FAULT_MAGIC)
		abort();
	block = at;
}

static uint8_t
tag_of(const char *path)
{
	size_t len = root != NULL ? strlen(root) : 0;

	if (block == NULL || strncmp(path, root, len) != 0)
		return 0;
	if (strstr(path + len, "/intake") != NULL)
		return FAULT_INTAKE;
	if (strstr(path + len, "/catalog") != NULL)
		return FAULT_CATALOG;
	return strstr(path + len, "/packs") != NULL ? FAULT_PACKS : FAULT_ELSE;
}

static uint8_t
tag_at(int fd)
{
	return fd >= 0 && fd < FDS_MAX ? atomic_load(&tags[fd]) : 0;
}

/* 0: the call passes; else which of the failing calls in a row it is. errno is set. */
static uint32_t
meets(enum fault_call call, uint8_t tag)
{
	uint32_t n;

	if (block == NULL || atomic_load(&block->armed) == 0 || block->call != (uint32_t)call ||
	    (block->roles & role) == 0 || (block->tags != 0 && (block->tags & tag) == 0))
		return 0;
	n = atomic_fetch_add(&block->seen, 1) + 1;
	if (n < block->nth || n >= block->nth + block->times)
		return 0;
	(void)atomic_fetch_add(&block->hits, 1);
	errno = (int)block->sys_errno;
	return n - block->nth + 1;
}

/* Calls that return a number and have nothing to do by half. */
#define FAIL_OR(call_kind, tag, real)                                                              \
	do {                                                                                       \
		if (meets(call_kind, tag) == 0)                                                    \
			return real;                                                               \
		if (block->how == FAULT_AFTER) {                                                   \
			(void)!(real);                                                             \
			errno = (int)block->sys_errno;                                             \
		}                                                                                  \
		return -1;                                                                         \
	} while (0)

static mode_t
mode_of(int flags, va_list ap)
{
	return (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(ap, mode_t) : 0;
}

#define DEFINE_OPEN(name)                                                                          \
	EXPORT int name(const char *path, int flags, ...)                                          \
	{                                                                                          \
		NEXT(name);                                                                        \
		uint8_t tag = tag_of(path);                                                        \
		mode_t mode;                                                                       \
		va_list ap;                                                                        \
		int fd;                                                                            \
		va_start(ap, flags);                                                               \
		mode = mode_of(flags, ap);                                                         \
		va_end(ap);                                                                        \
		if (tag != 0 && meets(FAULT_OPEN, tag) != 0)                                       \
			return -1;                                                                 \
		fd = next(path, flags, mode);                                                      \
		if (fd >= 0 && fd < FDS_MAX)                                                       \
			atomic_store(&tags[fd], tag);                                              \
		return fd;                                                                         \
	}
DEFINE_OPEN(open)
DEFINE_OPEN(open64)

EXPORT int
close(int fd)
{
	NEXT(close);
	uint8_t tag = tag_at(fd);

	if (fd >= 0 && fd < FDS_MAX)
		atomic_store(&tags[fd], 0);
	if (tag == 0 || meets(FAULT_CLOSE, tag) == 0)
		return next(fd);
	(void)next(fd); /* the kernel closes in any case */
	errno = (int)block->sys_errno;
	return -1;
}

#define DEFINE_PWRITE(name, offset_type)                                                           \
	EXPORT ssize_t name(int fd, const void *data, size_t len, offset_type at)                  \
	{                                                                                          \
		NEXT(name);                                                                        \
		uint8_t tag = tag_at(fd);                                                          \
		uint32_t n = tag != 0 ? meets(FAULT_WRITE, tag) : 0;                               \
		if (n == 0)                                                                        \
			return next(fd, data, len, at);                                            \
		if (block->how == FAULT_SHORT && n == 1 && len > 1)                                \
			return next(fd, data, len / 2, at);                                        \
		if (block->how == FAULT_AFTER)                                                     \
			(void)!next(fd, data, len, at);                                            \
		errno = (int)block->sys_errno;                                                     \
		return -1;                                                                         \
	}
DEFINE_PWRITE(pwrite, off_t)
DEFINE_PWRITE(pwrite64, off64_t)

#define DEFINE_PREAD(name, offset_type)                                                            \
	EXPORT ssize_t name(int fd, void *out, size_t len, offset_type at)                         \
	{                                                                                          \
		NEXT(name);                                                                        \
		uint8_t tag = tag_at(fd);                                                          \
		uint32_t n = tag != 0 ? meets(FAULT_READ, tag) : 0;                                \
		if (n == 0)                                                                        \
			return next(fd, out, len, at);                                             \
		if (block->how == FAULT_SHORT && n == 1 && len > 1)                                \
			return next(fd, out, len / 2, at);                                         \
		errno = (int)block->sys_errno;                                                     \
		return -1;                                                                         \
	}
DEFINE_PREAD(pread, off_t)
DEFINE_PREAD(pread64, off64_t)

#define DEFINE_ON_FILE(type, name, call_kind, params, args, fd)                                    \
	EXPORT type name params                                                                    \
	{                                                                                          \
		NEXT(name);                                                                        \
		uint8_t tag = tag_at(fd);                                                          \
		if (tag == 0)                                                                      \
			return next args;                                                          \
		FAIL_OR(call_kind, tag, next args);                                                \
	}
DEFINE_ON_FILE(int, fsync, FAULT_SYNC, (int fd), (fd), fd)
DEFINE_ON_FILE(int, syncfs, FAULT_SYNC, (int fd), (fd), fd)
DEFINE_ON_FILE(int, fdatasync, FAULT_SYNC, (int fd), (fd), fd)
DEFINE_ON_FILE(int, ftruncate, FAULT_TRUNCATE, (int fd, off_t n), (fd, n), fd)
DEFINE_ON_FILE(int, ftruncate64, FAULT_TRUNCATE, (int fd, off64_t n), (fd, n), fd)
DEFINE_ON_FILE(
    int, fallocate, FAULT_ALLOCATE, (int fd, int mode, off_t at, off_t n), (fd, mode, at, n), fd)
DEFINE_ON_FILE(int, fallocate64, FAULT_ALLOCATE, (int fd, int mode, off64_t at, off64_t n),
    (fd, mode, at, n), fd)

#define DEFINE_ON_PATH(name, call_kind, params, args, path)                                        \
	EXPORT int name params                                                                     \
	{                                                                                          \
		NEXT(name);                                                                        \
		uint8_t tag = tag_of(path);                                                        \
		if (tag == 0)                                                                      \
			return next args;                                                          \
		FAIL_OR(call_kind, tag, next args);                                                \
	}
DEFINE_ON_PATH(rename, FAULT_RENAME, (const char *from, const char *to), (from, to), to)
DEFINE_ON_PATH(unlink, FAULT_UNLINK, (const char *path), (path), path)
DEFINE_ON_PATH(mkdir, FAULT_MKDIR, (const char *path, mode_t mode), (path, mode), path)

EXPORT int
accept4(int fd, __SOCKADDR_ARG address, socklen_t *restrict len, int flags)
{
	NEXT(accept4);
	FAIL_OR(FAULT_ACCEPT, 0, next(fd, address, len, flags));
}

EXPORT ssize_t
recv(int fd, void *out, size_t len, int flags)
{
	NEXT(recv);
	uint32_t n = meets(FAULT_RECEIVE, 0);

	if (n != 0 && block->how == FAULT_SHORT)
		return next(fd, out, len > 1 ? 1 : len, flags);
	return n != 0 ? -1 : next(fd, out, len, flags);
}

EXPORT ssize_t
recvmsg(int fd, struct msghdr *m, int flags)
{
	NEXT(recvmsg);
	return meets(FAULT_RECEIVE, 0) != 0 && block->how != FAULT_SHORT ? -1 : next(fd, m, flags);
}

EXPORT ssize_t
send(int fd, const void *data, size_t len, int flags)
{
	NEXT(send);
	uint32_t n = meets(FAULT_SEND, 0);

	if (n != 0 && block->how == FAULT_SHORT)
		return next(fd, data, len > 1 ? 1 : len, flags);
	return n != 0 ? -1 : next(fd, data, len, flags);
}

EXPORT ssize_t
sendmsg(int fd, const struct msghdr *m, int flags)
{
	NEXT(sendmsg);
	return meets(FAULT_SEND, 0) != 0 && block->how != FAULT_SHORT ? -1 : next(fd, m, flags);
}

/* Mappings of files only: without a file they are memory. */
#define DEFINE_MMAP(name, offset_type)                                                             \
	EXPORT void *name(void *at, size_t len, int prot, int flags, int fd, offset_type offset)   \
	{                                                                                          \
		NEXT(name);                                                                        \
		if (fd >= 0 && meets(FAULT_MAP, 0) != 0)                                           \
			return MAP_FAILED;                                                         \
		return next(at, len, prot, flags, fd, offset);                                     \
	}
DEFINE_MMAP(mmap, off_t)
DEFINE_MMAP(mmap64, off64_t)

EXPORT int
memfd_create(const char *name, unsigned flags)
{
	NEXT(memfd_create);
	FAIL_OR(FAULT_MEMFILE, 0, next(name, flags));
}

/* write goes to memory files and bells. */
EXPORT ssize_t
write(int fd, const void *data, size_t len)
{
	NEXT(write);
	uint32_t n = len > 8 ? meets(FAULT_MEMFILE, 0) : 0;

	if (n != 0 && block->how == FAULT_SHORT && n == 1)
		return next(fd, data, len / 2);
	return n != 0 ? -1 : next(fd, data, len);
}

/* Memory. Names of libc's own that cannot be looked up: looking up needs memory. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);

EXPORT void *
malloc(size_t size)
{
	return meets(FAULT_MEMORY, 0) != 0 ? NULL : __libc_malloc(size);
}

EXPORT void *
calloc(size_t count, size_t size)
{
	return meets(FAULT_MEMORY, 0) != 0 ? NULL : __libc_calloc(count, size);
}

EXPORT void *
realloc(void *old, size_t size)
{
	return meets(FAULT_MEMORY, 0) != 0 ? NULL : __libc_realloc(old, size);
}
