/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets over loopback and unix paths: listen, connect, accept, bytes, refusals. */
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "os_socket.h"

static struct err err;

/* Until fd is ready; the kernel needs a moment also on loopback. */
static void
await(int fd, short events)
{
	struct pollfd p = {.fd = fd, .events = events};

	assert_int_equal(poll(&p, 1, 5000), 1);
}

static void
connect_pair(const char *listen_at, int *listener, int ends[2])
{
	struct os_address at, peer, local;

	assert_true(os_address_parse(&at, bytes_of_str(listen_at), &err));
	assert_true(os_socket_listen(&at, listener, &err));
	assert_true(os_socket_local(*listener, &at, &err));
	assert_true(at.port != 0);
	assert_true(os_socket_accept(*listener, &ends[1], &peer, &err));
	assert_int_equal(ends[1], -1);
	assert_true(os_socket_connect(&at, &ends[0], &err));
	await(ends[0], POLLOUT);
	assert_true(os_socket_connected(ends[0], &err));
	await(*listener, POLLIN);
	assert_true(os_socket_accept(*listener, &ends[1], &peer, &err));
	assert_true(ends[1] >= 0);
	assert_true(os_socket_local(ends[0], &local, &err));
	assert_true(os_address_equal(&peer, &local));
}

static void
bytes_go_through(void **state)
{
	static const char *const addresses[] = {"127.0.0.1:0", "[::1]:0"};
	char out[16];
	size_t count;

	(void)state;
	for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
		int listener, ends[2];

		connect_pair(addresses[i], &listener, ends);
		assert_int_equal(
		    os_socket_read(ends[1], out, sizeof out, &count, &err), OS_IO_AGAIN);
		assert_int_equal(
		    os_socket_write(ends[0], BYTES_LIT("hello"), &count, &err), OS_IO_DONE);
		assert_int_equal(count, 5);
		await(ends[1], POLLIN);
		assert_int_equal(
		    os_socket_read(ends[1], out, sizeof out, &count, &err), OS_IO_DONE);
		assert_int_equal(count, 5);
		assert_memory_equal(out, "hello", 5);
		os_close(&ends[0]);
		assert_int_equal(ends[0], -1);
		await(ends[1], POLLIN);
		assert_int_equal(os_socket_read(ends[1], out, sizeof out, &count, &err), OS_IO_EOF);
		os_close(&ends[1]);
		os_close(&listener);
	}
}

/* A peer that is gone is a failure, not a signal; a full window says AGAIN. */
static void
write_fills_then_fails(void **state)
{
	static char block[65536];
	int listener, ends[2];
	enum os_io io;
	size_t count;

	(void)state;
	connect_pair("127.0.0.1:0", &listener, ends);
	do
		io = os_socket_write(ends[0], bytes_of(block, sizeof block), &count, &err);
	while (io == OS_IO_DONE);
	assert_int_equal(io, OS_IO_AGAIN);
	os_close(&ends[1]);
	await(ends[0], POLLIN | POLLHUP);
	do
		io = os_socket_write(ends[0], bytes_of(block, sizeof block), &count, &err);
	while (io == OS_IO_DONE);
	assert_int_equal(io, OS_IO_FAIL);
	assert_int_equal(err.code, ERR_IO);
	os_close(&ends[0]);
	os_close(&listener);
}

static void
address_in_use_is_busy(void **state)
{
	struct os_address at;
	int first, second;

	(void)state;
	assert_true(os_address_parse(&at, BYTES_LIT("127.0.0.1:0"), &err));
	assert_true(os_socket_listen(&at, &first, &err));
	assert_true(os_socket_local(first, &at, &err));
	assert_false(os_socket_listen(&at, &second, &err));
	assert_int_equal(err.code, ERR_BUSY);
	assert_int_equal(second, -1);
	assert_int_equal(fcntl(first, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	os_close(&first);
	/* nobody there: refused at once or after a moment */
	if (os_socket_connect(&at, &second, &err)) {
		await(second, POLLOUT);
		assert_false(os_socket_connected(second, &err));
		os_close(&second);
	}
	assert_int_equal(err.code, ERR_IO);
}

static void
unix_socket_replaces_only_the_stale(void **state)
{
	char dir[] = "/tmp/os_socket_test.XXXXXX", path[64], file[64], long_path[200];
	int listener, client, server, again;
	struct os_address peer;
	struct stat st;
	uint32_t uid;

	(void)state;
	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof path, "%s/s", dir);
	(void)snprintf(file, sizeof file, "%s/f", dir);
	assert_false(os_socket_connect_unix(path, &client, &err));
	assert_int_equal(err.code, ERR_NOT_FOUND);
	assert_true(os_socket_listen_unix(path, 0600, &listener, &err));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_true(os_socket_connect_unix(path, &client, &err));
	assert_true(os_socket_accept(listener, &server, &peer, &err));
	assert_int_equal(peer.family, 0);
	assert_true(os_socket_peer_uid(server, &uid, &err));
	assert_int_equal(uid, getuid());
	assert_false(os_socket_listen_unix(path, 0600, &again, &err));
	assert_int_equal(err.code, ERR_BUSY);
	os_close(&client);
	os_close(&server);
	os_close(&listener);
	assert_true(os_socket_listen_unix(path, 0660, &listener, &err));
	os_close(&listener);
	assert_int_equal(mkdir(file, 0700), 0);
	assert_false(os_socket_listen_unix(file, 0600, &listener, &err));
	assert_int_equal(err.code, ERR_EXISTS);
	memset(long_path, 'x', sizeof long_path - 1);
	long_path[sizeof long_path - 1] = '\0';
	assert_false(os_socket_listen_unix(long_path, 0600, &listener, &err));
	assert_int_equal(err.code, ERR_LIMIT);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(file), 0);
	assert_int_equal(rmdir(dir), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(bytes_go_through),
	    cmocka_unit_test(write_fills_then_fails),
	    cmocka_unit_test(address_in_use_is_busy),
	    cmocka_unit_test(unix_socket_replaces_only_the_stale),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
