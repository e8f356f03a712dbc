/* SPDX-License-Identifier: Apache-2.0 */
/* Packets with descriptors between our own processes (unix(7), SCM_RIGHTS). */
#include <errno.h>
#include <string.h>
#include <sys/uio.h>

#include "os_socket.h"
#include "os_socket_int.h"

union control {
	char space[CMSG_SPACE(sizeof(int) * OS_PACKET_FDS_MAX)];
	struct cmsghdr align;
};

static void
put_fds(struct msghdr *message, union control *control, const int *fds, size_t fd_count)
{
	struct cmsghdr *header;

	memset(control, 0, sizeof *control);
	message->msg_control = control->space;
	message->msg_controllen = CMSG_SPACE(sizeof(int) * fd_count);
	header = CMSG_FIRSTHDR(message);
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int) * fd_count);
	memcpy(CMSG_DATA(header), fds, sizeof(int) * fd_count);
}

enum os_io
os_packet_send(int fd, struct bytes data, const int *fds, size_t fd_count, struct err *err)
{
	struct iovec part;
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	union control control;
	ssize_t n;

	must(fd_count <= OS_PACKET_FDS_MAX);
	/* An empty packet would look like the end to the receiver. */
	if (data.len == 0 || data.len > OS_PACKET_BYTES_MAX) {
		(void)ERR(err, ERR_LIMIT, "a packet has 1 to %zu bytes", OS_PACKET_BYTES_MAX);
		return OS_IO_FAIL;
	}
	/* sendmsg does not write to it; iovec just has no const form. */
	part.iov_base = (void *)(uintptr_t)data.ptr;
	part.iov_len = data.len;
	if (fd_count > 0)
		put_fds(&message, &control, fds, fd_count);
	do
		n = sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n >= 0)
		return OS_IO_DONE;
	if (errno == EAGAIN)
		return OS_IO_AGAIN;
	(void)ERR_SYS(err, ERR_IO, "send packet");
	return errno == EPIPE || errno == ECONNRESET ? OS_IO_EOF : OS_IO_FAIL;
}

static void
take_fds(struct msghdr *message, int fds_out[OS_PACKET_FDS_MAX])
{
	size_t used = 0;

	for (struct cmsghdr *h = CMSG_FIRSTHDR(message); h != NULL; h = CMSG_NXTHDR(message, h)) {
		size_t count;

		if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS)
			continue;
		count = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < count; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(h) + i * sizeof fd, sizeof fd);
			if (used < OS_PACKET_FDS_MAX)
				fds_out[used++] = fd;
			else
				os_close(&fd);
		}
	}
}

static enum os_io
refuse(int fds[OS_PACKET_FDS_MAX], enum os_io outcome)
{
	for (size_t i = 0; i < OS_PACKET_FDS_MAX; i++)
		os_close(&fds[i]);
	return outcome;
}

enum os_io
os_packet_receive(int fd, struct buf *out, int fds_out[OS_PACKET_FDS_MAX], struct err *err)
{
	union control control;
	struct iovec part = {.iov_len = OS_PACKET_BYTES_MAX};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control.space};
	ssize_t n;

	message.msg_controllen = sizeof control.space;
	for (size_t i = 0; i < OS_PACKET_FDS_MAX; i++)
		fds_out[i] = -1;
	buf_reset(out);
	part.iov_base = buf_reserve(out, OS_PACKET_BYTES_MAX);
	must(part.iov_base != NULL);
	do
		n = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0) {
		if (errno == EAGAIN)
			return OS_IO_AGAIN;
		if (errno == ECONNRESET)
			return OS_IO_EOF;
		(void)ERR_SYS(err, ERR_IO, "receive packet");
		return OS_IO_FAIL;
	}
	take_fds(&message, fds_out);
	if (n == 0)
		return refuse(fds_out, OS_IO_EOF);
	if ((message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
		(void)ERR(err, ERR_LIMIT, "a packet or its list of descriptors is too large");
		return refuse(fds_out, OS_IO_FAIL);
	}
	buf_grow(out, (size_t)n);
	return OS_IO_DONE;
}
