/* SPDX-License-Identifier: Apache-2.0 */
/* The machine and its users. */
#include "os_host.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <netdb.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base_mem.h"

#define TREE_OPEN_MAX 32

void
os_host_name(char out[OS_HOST_NAME_SIZE])
{
	const struct addrinfo hints = {
	    .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_CANONNAME};
	struct addrinfo *found = NULL;

	if (gethostname(out, OS_HOST_NAME_SIZE) != 0)
		out[0] = '\0';
	out[OS_HOST_NAME_SIZE - 1] = '\0';
	if (strchr(out, '.') == NULL && out[0] != '\0' &&
	    getaddrinfo(out, NULL, &hints, &found) == 0) {
		if (found->ai_canonname != NULL && strchr(found->ai_canonname, '.') != NULL &&
		    strlen(found->ai_canonname) < OS_HOST_NAME_SIZE)
			(void)snprintf(out, OS_HOST_NAME_SIZE, "%s", found->ai_canonname);
		freeaddrinfo(found);
	}
	if (out[0] == '\0')
		(void)snprintf(out, OS_HOST_NAME_SIZE, "localhost");
}

bool
os_user_find(const char *name, uint32_t *uid_out, uint32_t *gid_out, struct err *err)
{
	char buffer[4096];
	struct passwd entry, *found = NULL;
	int rc = getpwnam_r(name, &entry, buffer, sizeof buffer, &found);

	if (found == NULL) {
		errno = rc;
		return ERR(err, ERR_NOT_FOUND, "there is no user %.60s", name);
	}
	*uid_out = found->pw_uid;
	*gid_out = found->pw_gid;
	return true;
}

uint32_t
os_user_self(void)
{
	return geteuid();
}

uint64_t
os_files_raise(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return 0;
	if (limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(
		    RLIMIT_NOFILE, &limit); /* what was stays: the caller reads the result */
		if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
			return 0;
	}
	return limit.rlim_cur;
}

void
os_signal_ignore(int signo)
{
	(void)signal(signo, SIG_IGN);
}

bool
os_is_terminal(int fd)
{
	return isatty(fd) != 0;
}

void
os_umask(unsigned mask)
{
	(void)umask((mode_t)mask);
}

bool
os_lock_take(const char *path, int *fd_out, struct err *err)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	*fd_out = -1;
	if (fd < 0)
		return ERR_SYS(
		    err, errno == EACCES || errno == EPERM ? ERR_DENIED : ERR_IO, "open %s", path);
	if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		bool busy = errno == EWOULDBLOCK;

		(void)ERR_SYS(err, ERR_IO, "lock %s", path);
		(void)close(fd);
		return busy ? ERR(err, ERR_BUSY, "%s is locked: another server uses this directory",
				  path)
			    : false;
	}
	*fd_out = fd;
	return true;
}

bool
os_path_readable(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return false;
	(void)close(fd);
	return true;
}

bool
os_path_owner(const char *path, uint32_t *uid_out, struct err *err)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return ERR_SYS(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "stat %s", path);
	*uid_out = st.st_uid;
	return true;
}

char *
os_path_absolute(const char *path)
{
	char here[4096];
	size_t size;
	char *out;

	if (path[0] == '/' || getcwd(here, sizeof here) == NULL)
		return mem_strdup(path);
	size = strlen(here) + strlen(path) + 2;
	out = mem_alloc(size);
	(void)snprintf(out, size, "%s/%s", here, path);
	return out;
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

bool
os_remove_tree(const char *path, struct err *err)
{
	if (nftw(path, remove_one, TREE_OPEN_MAX, FTW_DEPTH | FTW_PHYS) != 0 && errno != ENOENT)
		return ERR_SYS(err, ERR_IO, "removing %s", path);
	return true;
}

bool
os_temporary_dir(const char *prefix, char **path_out, struct err *err)
{
	const char *base = getenv("TMPDIR");
	size_t size;
	char *path;

	if (base == NULL || base[0] != '/')
		base = "/tmp";
	size = strlen(base) + strlen(prefix) + sizeof "/XXXXXX";
	path = mem_alloc(size);
	(void)snprintf(path, size, "%s/%sXXXXXX", base, prefix);
	*path_out = NULL;
	if (mkdtemp(path) == NULL) {
		(void)ERR_SYS(err, ERR_IO, "making a directory in %s", base);
		mem_free(path);
		return false;
	}
	*path_out = path;
	return true;
}
