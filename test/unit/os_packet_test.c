/* SPDX-License-Identifier: Apache-2.0 */
/* Packets between processes: boundaries, sizes, descriptors that travel. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base_mem.h"
#include "os_socket.h"

static struct err err;

struct ends {
	int fds[2];
	struct buf in;
	int got[OS_PACKET_FDS_MAX];
};

static void
set_up(struct ends *e)
{
	assert_true(os_socket_pair(e->fds, &err));
	buf_init(&e->in, OS_PACKET_BYTES_MAX);
}

static void
tear_down(struct ends *e)
{
	os_close(&e->fds[0]);
	os_close(&e->fds[1]);
	buf_fini(&e->in);
}

static void
packets_keep_their_boundaries(void **state)
{
	struct ends e;

	(void)state;
	set_up(&e);
	assert_int_equal(os_packet_receive(e.fds[1], &e.in, e.got, &err), OS_IO_AGAIN);
	assert_int_equal(os_packet_send(e.fds[0], BYTES_LIT("one"), NULL, 0, &err), OS_IO_DONE);
	assert_int_equal(os_packet_send(e.fds[0], BYTES_LIT("two!"), NULL, 0, &err), OS_IO_DONE);
	assert_int_equal(os_packet_receive(e.fds[1], &e.in, e.got, &err), OS_IO_DONE);
	assert_string_equal(buf_text(&e.in), "one");
	assert_int_equal(e.got[0], -1);
	assert_int_equal(os_packet_receive(e.fds[1], &e.in, e.got, &err), OS_IO_DONE);
	assert_string_equal(buf_text(&e.in), "two!");
	os_close(&e.fds[0]);
	assert_int_equal(os_packet_receive(e.fds[1], &e.in, e.got, &err), OS_IO_EOF);
	assert_int_equal(os_packet_send(e.fds[1], BYTES_LIT("x"), NULL, 0, &err), OS_IO_EOF);
	tear_down(&e);
}

static void
largest_packet_passes_larger_is_refused(void **state)
{
	uint8_t *data = mem_calloc(1, OS_PACKET_BYTES_MAX + 1);
	struct ends e;

	(void)state;
	set_up(&e);
	data[OS_PACKET_BYTES_MAX - 1] = 7;
	assert_int_equal(
	    os_packet_send(e.fds[0], bytes_of(data, OS_PACKET_BYTES_MAX), NULL, 0, &err),
	    OS_IO_DONE);
	assert_int_equal(
	    os_packet_send(e.fds[0], bytes_of(data, OS_PACKET_BYTES_MAX + 1), NULL, 0, &err),
	    OS_IO_FAIL);
	assert_int_equal(err.code, ERR_LIMIT);
	assert_int_equal(os_packet_send(e.fds[0], BYTES_EMPTY, NULL, 0, &err), OS_IO_FAIL);
	assert_int_equal(os_packet_receive(e.fds[1], &e.in, e.got, &err), OS_IO_DONE);
	assert_int_equal(e.in.len, OS_PACKET_BYTES_MAX);
	assert_int_equal(e.in.ptr[OS_PACKET_BYTES_MAX - 1], 7);
	/* one from a stranger that is too large */
	assert_int_equal(send(e.fds[0], data, OS_PACKET_BYTES_MAX + 1, 0), OS_PACKET_BYTES_MAX + 1);
	assert_int_equal(os_packet_receive(e.fds[1], &e.in, e.got, &err), OS_IO_FAIL);
	assert_int_equal(err.code, ERR_LIMIT);
	tear_down(&e);
	mem_free(data);
}

static void
full_pair_says_again(void **state)
{
	uint8_t *data = mem_calloc(1, OS_PACKET_BYTES_MAX);
	struct ends e;
	enum os_io io;
	size_t sent = 0;

	(void)state;
	set_up(&e);
	while ((io = os_packet_send(
		    e.fds[0], bytes_of(data, OS_PACKET_BYTES_MAX), NULL, 0, &err)) == OS_IO_DONE)
		sent++;
	assert_int_equal(io, OS_IO_AGAIN);
	assert_true(sent >= 2);
	tear_down(&e);
	mem_free(data);
}

static void
descriptors_travel(void **state)
{
	int fds[OS_PACKET_FDS_MAX], pipe_fds[2];
	struct ends e;
	char c = 0;

	(void)state;
	set_up(&e);
	assert_int_equal(pipe(pipe_fds), 0);
	for (size_t i = 0; i < OS_PACKET_FDS_MAX; i++)
		fds[i] = pipe_fds[1];
	assert_int_equal(
	    os_packet_send(e.fds[0], BYTES_LIT("f"), fds, OS_PACKET_FDS_MAX, &err), OS_IO_DONE);
	os_close(&pipe_fds[1]);
	assert_int_equal(os_packet_receive(e.fds[1], &e.in, e.got, &err), OS_IO_DONE);
	for (size_t i = 0; i < OS_PACKET_FDS_MAX; i++) {
		assert_int_equal(fcntl(e.got[i], F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
		assert_int_equal(write(e.got[i], "x", 1), 1);
		assert_int_equal(read(pipe_fds[0], &c, 1), 1);
		os_close(&e.got[i]);
	}
	assert_int_equal(read(pipe_fds[0], &c, 1), 0);
	os_close(&pipe_fds[0]);
	tear_down(&e);
}

/* A stranger sends more descriptors than there are places: none leaks in. */
static void
too_many_descriptors_are_refused(void **state)
{
	enum { COUNT = 2 * OS_PACKET_FDS_MAX };
	union {
		char space[CMSG_SPACE(sizeof(int) * COUNT)];
		struct cmsghdr align;
	} control = {{0}};
	char byte = 'x';
	struct iovec part = {.iov_base = &byte, .iov_len = 1};
	struct msghdr message = {.msg_iov = &part,
	    .msg_iovlen = 1,
	    .msg_control = &control,
	    .msg_controllen = sizeof control.space};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	int fds[COUNT], probe_before, probe_after;
	struct ends e;

	(void)state;
	set_up(&e);
	for (size_t i = 0; i < COUNT; i++)
		fds[i] = e.fds[0];
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof fds);
	memcpy(CMSG_DATA(header), fds, sizeof fds);
	assert_int_equal(sendmsg(e.fds[0], &message, 0), 1);
	probe_before = dup(0);
	(void)close(probe_before);
	assert_int_equal(os_packet_receive(e.fds[1], &e.in, e.got, &err), OS_IO_FAIL);
	assert_int_equal(err.code, ERR_LIMIT);
	probe_after = dup(0);
	(void)close(probe_after);
	assert_int_equal(probe_before, probe_after);
	for (size_t i = 0; i < OS_PACKET_FDS_MAX; i++)
		assert_int_equal(e.got[i], -1);
	tear_down(&e);
}

static void
nobody_left_to_receive_is_told(void **state)
{
	struct err told = {.code = ERR_NONE, .msg = ""};
	struct ends e;

	(void)state;
	set_up(&e);
	os_close(&e.fds[1]);
	assert_int_equal(os_packet_send(e.fds[0], BYTES_LIT("x"), NULL, 0, &told), OS_IO_EOF);
	assert_int_equal(told.code, ERR_IO);
	assert_true(told.msg[0] != '\0');
	tear_down(&e);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(packets_keep_their_boundaries),
	    cmocka_unit_test(largest_packet_passes_larger_is_refused),
	    cmocka_unit_test(full_pair_says_again),
	    cmocka_unit_test(descriptors_travel),
	    cmocka_unit_test(too_many_descriptors_are_refused),
	    cmocka_unit_test(nobody_left_to_receive_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
