/* SPDX-License-Identifier: Apache-2.0 */
/* One TLS session: handshake, bytes, end. */
#include "os_tls.h"

#include <errno.h>
#include <openssl/err.h>

#include "base_mem.h"
#include "os_loop.h"
#include "os_tls_int.h"

struct os_tls {
	struct os_tls_context *context; /* one reference */
	SSL *ssl;
	BIO *bio;    /* owned by ssl */
	bool open;   /* handshake done */
	bool broken; /* failed: OpenSSL forbids every further call */
};

struct os_tls *
os_tls_new(struct os_tls_context *c, int fd)
{
	struct os_tls *t = mem_calloc(1, sizeof *t);

	t->context = os_tls_context_keep(c);
	t->ssl = SSL_new(c->ssl);
	must(t->ssl != NULL);
	t->bio = BIO_new(c->socket);
	must(t->bio != NULL);
	BIO_set_data(t->bio, (void *)(intptr_t)fd);
	BIO_set_init(t->bio, 1);
	SSL_set_bio(t->ssl, t->bio, t->bio);
	SSL_set_accept_state(t->ssl);
	return t;
}

SSL *
os_tls_ssl(const struct os_tls *t)
{
	return t->ssl;
}

void
os_tls_free(struct os_tls **t)
{
	if (*t == NULL)
		return;
	SSL_free((*t)->ssl);
	os_tls_context_free(&(*t)->context);
	mem_free(*t);
	*t = NULL;
}

/* A failed handshake is the peer's doing: a certificate we do not accept, or bytes that are no TLS we speak. */
static void
blame(const struct os_tls *t, struct err *err)
{
	long verdict = SSL_get_verify_result(t->ssl);
	int reason = ERR_GET_REASON(ERR_peek_last_error());

	if (verdict != X509_V_OK) {
		ERR_clear_error();
		(void)ERR(err, ERR_DENIED, "TLS: client certificate: %s",
		    X509_verify_cert_error_string(verdict));
		return;
	}
	(void)os_tls_reason(err,
	    reason == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE ? ERR_DENIED : ERR_SYNTAX, __func__,
	    "TLS");
}

static enum os_io
outcome(struct os_tls *t, int result, unsigned *want_out, struct err *err)
{
	*want_out = 0;
	if (result == 1)
		return OS_IO_DONE;
	switch (SSL_get_error(t->ssl, result)) {
	case SSL_ERROR_WANT_READ:
		*want_out = OS_READ;
		return OS_IO_AGAIN;
	case SSL_ERROR_WANT_WRITE:
		*want_out = OS_WRITE;
		return OS_IO_AGAIN;
	case SSL_ERROR_ZERO_RETURN:
		return OS_IO_EOF;
	case SSL_ERROR_SYSCALL:
		t->broken = true;
		if (BIO_test_flags(t->bio, BIO_FLAGS_IN_EOF) != 0)
			return OS_IO_EOF;
		(void)ERR_SYS(err, ERR_IO, "TLS connection");
		return OS_IO_FAIL;
	default:
		t->broken = true;
		blame(t, err);
		return OS_IO_FAIL;
	}
}

/* OpenSSL says of a session that has failed only «shutdown» or worse; the first report was the true one. */
static enum os_io
refuse_broken(unsigned *want_out, struct err *err)
{
	*want_out = 0;
	(void)ERR(err, ERR_IO, "TLS session has failed before");
	return OS_IO_FAIL;
}

enum os_io
os_tls_handshake(struct os_tls *t, unsigned *want_out, struct err *err)
{
	enum os_io io;

	if (t->broken)
		return refuse_broken(want_out, err);
	ERR_clear_error();
	errno = 0;
	io = outcome(t, SSL_do_handshake(t->ssl), want_out, err);
	if (io == OS_IO_DONE)
		t->open = true;
	return io;
}

enum os_io
os_tls_read(
    struct os_tls *t, void *out, size_t len, size_t *count_out, unsigned *want_out, struct err *err)
{
	*count_out = 0;
	must(t->open);
	if (t->broken)
		return refuse_broken(want_out, err);
	ERR_clear_error();
	errno = 0;
	return outcome(t, SSL_read_ex(t->ssl, out, len, count_out), want_out, err);
}

enum os_io
os_tls_write(
    struct os_tls *t, struct bytes data, size_t *count_out, unsigned *want_out, struct err *err)
{
	*count_out = 0;
	must(t->open);
	if (t->broken)
		return refuse_broken(want_out, err);
	*want_out = 0;
	if (data.len == 0)
		return OS_IO_DONE;
	ERR_clear_error();
	errno = 0;
	return outcome(t, SSL_write_ex(t->ssl, data.ptr, data.len, count_out), want_out, err);
}

bool
os_tls_pending(const struct os_tls *t)
{
	return SSL_pending(t->ssl) > 0;
}

void
os_tls_close(struct os_tls *t)
{
	if (!t->open || t->broken)
		return;
	ERR_clear_error();
	/* Best effort by contract: the peer may be gone or its window full. */
	(void)SSL_shutdown(t->ssl);
	ERR_clear_error();
}

const char *
os_tls_protocol(const struct os_tls *t)
{
	return SSL_get_version(t->ssl);
}

const char *
os_tls_cipher(const struct os_tls *t)
{
	return SSL_get_cipher_name(t->ssl);
}
