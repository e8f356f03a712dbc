/* SPDX-License-Identifier: Apache-2.0 */
/* OpenSSL's bytes through this room's sockets: no SIGPIPE, and the end of the stream is remembered. */
#include <errno.h>
#include <openssl/bio.h>

#include "os_tls_int.h"

static int
fd_of(BIO *bio)
{
	return (int)(intptr_t)BIO_get_data(bio);
}

static int
on_write(BIO *bio, const char *data, size_t len, size_t *count_out)
{
	struct err err;

	BIO_clear_retry_flags(bio);
	switch (os_socket_write(fd_of(bio), bytes_of(data, len), count_out, &err)) {
	case OS_IO_DONE:
		return 1;
	case OS_IO_AGAIN:
		BIO_set_retry_write(bio);
		return 0;
	case OS_IO_EOF:
	case OS_IO_FAIL:
		break;
	}
	/* SSL_ERROR_SYSCALL: the session reads errno. */
	errno = err.sys_errno;
	return 0;
}

static int
on_read(BIO *bio, char *out, size_t len, size_t *count_out)
{
	struct err err;

	BIO_clear_retry_flags(bio);
	switch (os_socket_read(fd_of(bio), out, len, count_out, &err)) {
	case OS_IO_DONE:
		return 1;
	case OS_IO_AGAIN:
		BIO_set_retry_read(bio);
		return 0;
	case OS_IO_EOF:
		BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
		errno = 0;
		return 0;
	case OS_IO_FAIL:
		break;
	}
	errno = err.sys_errno;
	return 0;
}

static long
on_control(BIO *bio, int command, long number, void *ptr)
{
	(void)number;
	(void)ptr;
	switch (command) {
	case BIO_CTRL_FLUSH:
		return 1;
	case BIO_CTRL_EOF:
		return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0;
	default:
		return 0;
	}
}

BIO_METHOD *
os_tls_socket_method(void)
{
	BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "daybook socket");

	must(method != NULL);
	must(BIO_meth_set_write_ex(method, on_write) == 1);
	must(BIO_meth_set_read_ex(method, on_read) == 1);
	must(BIO_meth_set_ctrl(method, on_control) == 1);
	return method;
}
