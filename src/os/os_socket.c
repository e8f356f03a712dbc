/* SPDX-License-Identifier: Apache-2.0 */
/* Listening, accepting, connecting, and bytes through a non-blocking socket. */
#include "os_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os_socket_int.h"

#define OS_SOCKET_BACKLOG    1024
#define OS_SOCKET_PAIR_BYTES (1024 * 1024)

static enum err_code
code_of(int sys_errno)
{
	switch (sys_errno) {
	case EADDRINUSE:
		return ERR_BUSY;
	case EACCES:
	case EPERM:
	case EROFS:
		return ERR_DENIED;
	case ENOENT:
	case ENOTDIR:
	case ECONNREFUSED:
		return ERR_NOT_FOUND;
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
		return ERR_LIMIT;
	default:
		return ERR_IO;
	}
}

#define SOCKET_ERR(err, ...) ERR_SYS((err), code_of(errno), __VA_ARGS__)

void
os_close(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

static bool
set_flag(int fd, int level, int name)
{
	int on = 1;

	return setsockopt(fd, level, name, &on, sizeof on) == 0;
}

bool
os_socket_listen(const struct os_address *at, int *fd_out, struct err *err)
{
	union os_kernel_address address;
	socklen_t len = os_address_to_kernel(&address, at);
	char text[OS_ADDRESS_TEXT_SIZE];
	int fd;

	*fd_out = -1;
	os_address_format(text, at);
	fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return SOCKET_ERR(err, "socket for %s", text);
	if (!set_flag(fd, SOL_SOCKET, SO_REUSEADDR) ||
	    (at->family == 6 && !set_flag(fd, IPPROTO_IPV6, IPV6_V6ONLY)) ||
	    bind(fd, &address.any, len) != 0 || listen(fd, OS_SOCKET_BACKLOG) != 0) {
		(void)SOCKET_ERR(err, "listen on %s", text);
		os_close(&fd);
		return false;
	}
	*fd_out = fd;
	return true;
}

static bool
unix_address(union os_kernel_address *out, const char *path, struct err *err)
{
	size_t len = strlen(path);

	memset(out, 0, sizeof *out);
	if (len == 0 || len >= sizeof out->un.sun_path)
		return ERR(err, ERR_LIMIT, "a socket path has 1 to %zu bytes",
		    sizeof out->un.sun_path - 1);
	out->un.sun_family = AF_UNIX;
	memcpy(out->un.sun_path, path, len);
	return true;
}

bool
os_socket_connect_unix(const char *path, int *fd_out, struct err *err)
{
	union os_kernel_address address;
	int fd;

	*fd_out = -1;
	if (!unix_address(&address, path, err))
		return false;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return SOCKET_ERR(err, "socket");
	if (connect(fd, &address.any, sizeof address.un) != 0) {
		/* A unix socket connects at once or says that the backlog is full. */
		(void)ERR_SYS(
		    err, errno == EAGAIN ? ERR_BUSY : code_of(errno), "connect to %s", path);
		os_close(&fd);
		return false;
	}
	*fd_out = fd;
	return true;
}

/* Removes a socket file nobody answers on. */
static bool
remove_stale(const char *path, struct err *err)
{
	struct stat st;
	int fd;

	if (lstat(path, &st) != 0)
		return errno == ENOENT || SOCKET_ERR(err, "stat %s", path);
	if (!S_ISSOCK(st.st_mode))
		return ERR(err, ERR_EXISTS, "%s is there and is no socket", path);
	if (os_socket_connect_unix(path, &fd, err)) {
		os_close(&fd);
		return ERR(err, ERR_BUSY, "somebody listens on %s", path);
	}
	if (err->code != ERR_NOT_FOUND)
		return false;
	return unlink(path) == 0 || errno == ENOENT || SOCKET_ERR(err, "unlink %s", path);
}

bool
os_socket_listen_unix(const char *path, unsigned mode, int *fd_out, struct err *err)
{
	union os_kernel_address address;
	int fd;

	*fd_out = -1;
	if (!unix_address(&address, path, err) || !remove_stale(path, err))
		return false;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return SOCKET_ERR(err, "socket");
	/* Until listen, a connection is refused: the time between bind and chmod gives nobody access. */
	if (bind(fd, &address.any, sizeof address.un) != 0 || chmod(path, (mode_t)mode) != 0 ||
	    listen(fd, OS_SOCKET_BACKLOG) != 0) {
		(void)SOCKET_ERR(err, "listen on %s", path);
		os_close(&fd);
		return false;
	}
	*fd_out = fd;
	return true;
}

bool
os_socket_local(int fd, struct os_address *out, struct err *err)
{
	union os_kernel_address address;
	socklen_t len = sizeof address;

	memset(&address, 0, sizeof address);
	if (getsockname(fd, &address.any, &len) != 0)
		return SOCKET_ERR(err, "getsockname");
	os_address_from_kernel(out, &address);
	return true;
}

bool
os_socket_accept(int listen_fd, int *fd_out, struct os_address *peer_out, struct err *err)
{
	union os_kernel_address address;
	socklen_t len = sizeof address;
	int fd;

	*fd_out = -1;
	memset(&address, 0, sizeof address);
	fd = accept4(listen_fd, &address.any, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0) {
		switch (errno) {
		/* accept(2): errors that belong to the connection that was about to be, not to us */
		case EAGAIN:
		case EINTR:
		case ECONNABORTED:
		case EPROTO:
		case ENETDOWN:
		case ENOPROTOOPT:
		case EHOSTDOWN:
		case ENONET:
		case EHOSTUNREACH:
		case EOPNOTSUPP:
		case ENETUNREACH:
			return true;
		default:
			return SOCKET_ERR(err, "accept");
		}
	}
	os_address_from_kernel(peer_out, &address);
	/* Without it the connection only has more delay. */
	if (peer_out->family != 0)
		(void)set_flag(fd, IPPROTO_TCP, TCP_NODELAY);
	*fd_out = fd;
	return true;
}

bool
os_socket_connect(const struct os_address *to, int *fd_out, struct err *err)
{
	union os_kernel_address address;
	socklen_t len = os_address_to_kernel(&address, to);
	char text[OS_ADDRESS_TEXT_SIZE];
	int fd;

	*fd_out = -1;
	os_address_format(text, to);
	fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return SOCKET_ERR(err, "socket for %s", text);
	(void)set_flag(fd, IPPROTO_TCP, TCP_NODELAY);
	if (connect(fd, &address.any, len) != 0 && errno != EINPROGRESS) {
		(void)ERR_SYS(err, ERR_IO, "connect to %s", text);
		os_close(&fd);
		return false;
	}
	*fd_out = fd;
	return true;
}

bool
os_socket_connected(int fd, struct err *err)
{
	int reason = 0;
	socklen_t len = sizeof reason;

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &reason, &len) != 0)
		return SOCKET_ERR(err, "getsockopt");
	if (reason == 0)
		return true;
	errno = reason;
	return ERR_SYS(err, reason == ETIMEDOUT ? ERR_TIMEOUT : ERR_IO, "connect");
}

bool
os_socket_peer_uid(int fd, uint32_t *uid_out, struct err *err)
{
	struct ucred credentials;
	socklen_t len = sizeof credentials;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &len) != 0)
		return SOCKET_ERR(err, "peer credentials");
	*uid_out = credentials.uid;
	return true;
}

/* Root may go past the system's ceiling; for others the kernel clips to it, which still holds two packets. */
static bool
set_large_buffers(int fd)
{
	int size = OS_SOCKET_PAIR_BYTES;

	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size) == 0)
		return true;
	return setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size) == 0;
}

bool
os_socket_pair(int fds_out[2], struct err *err)
{
	fds_out[0] = fds_out[1] = -1;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds_out) != 0) {
		fds_out[0] = fds_out[1] = -1;
		return SOCKET_ERR(err, "socketpair");
	}
	if (!set_large_buffers(fds_out[0]) || !set_large_buffers(fds_out[1])) {
		(void)SOCKET_ERR(err, "socket buffers");
		os_close(&fds_out[0]);
		os_close(&fds_out[1]);
		return false;
	}
	return true;
}

enum os_io
os_socket_read(int fd, void *out, size_t len, size_t *count_out, struct err *err)
{
	ssize_t n;

	*count_out = 0;
	must(len > 0);
	do
		n = recv(fd, out, len, MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n > 0) {
		*count_out = (size_t)n;
		return OS_IO_DONE;
	}
	if (n == 0)
		return OS_IO_EOF;
	if (errno == EAGAIN)
		return OS_IO_AGAIN;
	(void)ERR_SYS(err, ERR_IO, "receive");
	return OS_IO_FAIL;
}

enum os_io
os_socket_write(int fd, struct bytes data, size_t *count_out, struct err *err)
{
	ssize_t n;

	*count_out = 0;
	if (data.len == 0)
		return OS_IO_DONE;
	do
		n = send(fd, data.ptr, data.len, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n >= 0) {
		*count_out = (size_t)n;
		return OS_IO_DONE;
	}
	if (errno == EAGAIN)
		return OS_IO_AGAIN;
	(void)ERR_SYS(err, ERR_IO, "send");
	return OS_IO_FAIL;
}

bool
os_duplicate(int fd, int *fd_out, struct err *err)
{
	*fd_out = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (*fd_out < 0)
		return ERR_SYS(
		    err, errno == EMFILE ? ERR_LIMIT : ERR_IO, "duplicating a descriptor");
	return true;
}
