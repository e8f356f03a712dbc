/* SPDX-License-Identifier: Apache-2.0 */
/* The machine and its users: names, ids, limits, and the lock that keeps two servers apart. */
#ifndef OS_HOST_H
#define OS_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "base_err.h"

#define OS_HOST_NAME_SIZE 256

/* os_host_name: fully qualified where the resolver's files say so, else as the kernel has it; never
 * empty. */
void os_host_name(char out[OS_HOST_NAME_SIZE]);

/* os_user_find: ERR_NOT_FOUND. os_user_self: the effective user of this process. */
MUST_USE bool os_user_find(const char *name, uint32_t *uid_out, uint32_t *gid_out, struct err *err);
uint32_t os_user_self(void);

/* os_files_raise: as many open files as the hard limit allows; returns the limit now. Inherited by
 * children. */
uint64_t os_files_raise(void);
/* os_signal_ignore: for the whole process (SIGPIPE in everything that writes to peers). */
void os_signal_ignore(int signo);
/* os_umask: of the whole process; every file made from now on lacks these bits. */
void os_umask(unsigned mask);

/* os_lock_take: an exclusive lock on a file (made 0600 when absent), held while *fd_out is open, in
 * this process and in no child. ERR_BUSY somebody holds it; ERR_DENIED, ERR_IO. */
MUST_USE bool os_lock_take(const char *path, int *fd_out, struct err *err);

/* os_is_terminal: a person may be reading what is written to this file. */
bool os_is_terminal(int fd);

/* os_path_readable: this process may open path for reading right now (an errno-free yes or no). */
bool os_path_readable(const char *path);
/* os_path_owner: numeric owner of path. ERR_NOT_FOUND, ERR_IO. */
MUST_USE bool os_path_owner(const char *path, uint32_t *uid_out, struct err *err);
/* os_path_absolute: path seen from the working directory, as a new string (mem_free). */
char *os_path_absolute(const char *path);

/* os_remove_tree: a directory with everything in it; symbolic links are removed, not followed. For
 * scratch directories of our own. */
MUST_USE bool os_remove_tree(const char *path, struct err *err);
/* os_temporary_dir: a fresh 0700 directory beneath $TMPDIR or /tmp, as a new string (mem_free). */
MUST_USE bool os_temporary_dir(const char *prefix, char **path_out, struct err *err);

#endif
