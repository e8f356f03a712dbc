/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets, descriptors that travel, and sealed memory files. Every descriptor made here is close-on-exec. */
#ifndef OS_SOCKET_H
#define OS_SOCKET_H

#include <stdbool.h>
#include <stdint.h>

#include "base_bytes.h"
#include "base_err.h"

#define OS_ADDRESS_TEXT_SIZE 64 /* "[2001:db8::1]:65535" and NUL fits */

/* A peer or local address, printable and comparable. family: 4, 6, or 0 for a unix socket. */
struct os_address {
	int family;
	uint8_t ip
	    [16]; /* network order; first 4 bytes used for family 4; IPv4-mapped IPv6 is turned into family 4 */
	uint16_t port;
};

/* os_address_parse: "127.0.0.1:2525", "[::1]:2525". ERR_SYNTAX. Names are not resolved. */
MUST_USE bool os_address_parse(struct os_address *out, struct bytes text, struct err *err);
void os_address_format(char out[OS_ADDRESS_TEXT_SIZE], const struct os_address *a);
/* os_address_format_ip: without port and brackets. */
void os_address_format_ip(char out[OS_ADDRESS_TEXT_SIZE], const struct os_address *a);
bool os_address_equal(const struct os_address *a, const struct os_address *b);

/* os_socket_listen: bound, listening, non-blocking, SO_REUSEADDR; [::] takes IPv6 only, so that 0.0.0.0 can be bound
 * beside it. fails ERR_BUSY address in use, ERR_DENIED, ERR_IO. */
MUST_USE bool os_socket_listen(const struct os_address *at, int *fd_out, struct err *err);
/* os_socket_listen_unix: replaces a stale socket file (ERR_BUSY when somebody answers there, ERR_EXISTS when it is no
 * socket); mode is chmod'ed before listening. */
MUST_USE bool os_socket_listen_unix(const char *path, unsigned mode, int *fd_out, struct err *err);
/* os_socket_local: the address a socket is bound to (the port the kernel chose). */
MUST_USE bool os_socket_local(int fd, struct os_address *out, struct err *err);
/* os_socket_accept: one connection, non-blocking, TCP_NODELAY; *fd_out = -1 and true when none waits. ERR_LIMIT: no
 * descriptors left. */
MUST_USE bool os_socket_accept(
    int listen_fd, int *fd_out, struct os_address *peer_out, struct err *err);
/* os_socket_connect: starts a non-blocking connection, TCP_NODELAY; wait for OS_WRITE, then ask os_socket_connected
 * how it ended. fails ERR_IO, ERR_LIMIT. */
MUST_USE bool os_socket_connect(const struct os_address *to, int *fd_out, struct err *err);
MUST_USE bool os_socket_connected(int fd, struct err *err);
/* os_socket_connect_unix: connected, non-blocking. ERR_NOT_FOUND nobody listens there, ERR_DENIED. */
MUST_USE bool os_socket_connect_unix(const char *path, int *fd_out, struct err *err);
/* os_socket_peer_uid: of a connected unix socket. */
MUST_USE bool os_socket_peer_uid(int fd, uint32_t *uid_out, struct err *err);
/* os_socket_pair: two connected, non-blocking SOCK_SEQPACKET ends with large buffers. */
MUST_USE bool os_socket_pair(int fds_out[2], struct err *err);

/* An outcome of a non-blocking read or write. */
enum os_io { OS_IO_DONE, OS_IO_AGAIN, OS_IO_EOF, OS_IO_FAIL };

/* os_socket_read / os_socket_write: *count_out bytes moved when DONE; FAIL fills err. */
enum os_io os_socket_read(int fd, void *out, size_t len, size_t *count_out, struct err *err);
enum os_io os_socket_write(int fd, struct bytes data, size_t *count_out, struct err *err);

#define OS_PACKET_BYTES_MAX                                                                        \
	((size_t)96 * 1024) /* one packet of an os_socket_pair; larger goes by memory file */
#define OS_PACKET_FDS_MAX 4

/* os_packet_send: whole packet (1 .. OS_PACKET_BYTES_MAX bytes, else FAIL with ERR_LIMIT) and descriptors (lent; the
 * receiver gets duplicates) or AGAIN; EOF when nobody is left to receive. EOF and FAIL fill err. */
enum os_io os_packet_send(
    int fd, struct bytes data, const int *fds, size_t fd_count, struct err *err);
/* os_packet_receive: one packet into out (reset first; its max must be OS_PACKET_BYTES_MAX or more); descriptors
 * become the caller's; unused slots are -1. A packet or descriptor list that is too large fails with ERR_LIMIT. */
enum os_io os_packet_receive(
    int fd, struct buf *out, int fds_out[OS_PACKET_FDS_MAX], struct err *err);

/* os_memfile_new: an anonymous memory file to write to with os_memfile_append. */
MUST_USE bool os_memfile_new(int *fd_out, struct err *err);
MUST_USE bool os_memfile_append(int fd, struct bytes data, struct err *err);
/* os_memfile_seal: no more writes, by anybody, ever. */
MUST_USE bool os_memfile_seal(int fd, struct err *err);
/* os_memfile_map: view of a sealed memory file, read only; refuses one that is not sealed against write and shrink
 * (ERR_DENIED) or is larger than max (ERR_LIMIT). An empty file gives the empty view. */
MUST_USE bool os_memfile_map(int fd, size_t max, struct bytes *out, struct err *err);
void os_memfile_unmap(struct bytes *view);

/* os_duplicate: another descriptor for the same thing, close-on-exec. ERR_LIMIT. */
MUST_USE bool os_duplicate(int fd, int *fd_out, struct err *err);
/* os_close: closes if >= 0, sets -1. */
void os_close(int *fd);

#endif
