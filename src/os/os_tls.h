/* SPDX-License-Identifier: Apache-2.0 */
/* TLS on a non-blocking descriptor, server side. Wraps OpenSSL's libssl; TLS 1.2 and 1.3 only, no renegotiation. */
#ifndef OS_TLS_H
#define OS_TLS_H

#include <stdbool.h>
#include <stdint.h>

#include "base_arena.h"
#include "base_bytes.h"
#include "base_err.h"
#include "os_socket.h"

struct
    os_tls_context; /* certificate, key, trust store; reference-counted: sessions keep the one they started with */
struct os_tls; /* one session */

struct os_tls_options {
	struct bytes certificate_pem; /* chain, leaf first */
	struct bytes key_pem;
	struct bytes client_ca_pem; /* empty: client certificates are not asked for */
	/* empty: no revocation check; a CA without a list is not checked. Expired CA certificates and CRLs are left
	 * out, and an expired CRL also takes out its CA (as Mail Manager's mTLS endpoints do). */
	struct bytes client_crl_pem;
	bool require_client_certificate;
	bool restricted_ciphers; /* the FIPS-like list */
};

/* os_tls_context_new: ERR_SYNTAX with the OpenSSL reason when PEM does not parse or key and certificate differ;
 * ERR_USAGE when client certificates are required without a CA. With a client CA no session is ever resumed. */
MUST_USE bool os_tls_context_new(
    const struct os_tls_options *o, struct os_tls_context **out, struct err *err);
void os_tls_context_free(struct os_tls_context **c);

/* os_tls_new: fd is lent and outlives the session. First call os_tls_handshake until DONE. */
struct os_tls *os_tls_new(struct os_tls_context *c, int fd);
void os_tls_free(struct os_tls **t);

/*
 * All three: AGAIN sets *want_out to OS_READ or OS_WRITE of os_loop.h; after AGAIN a write is repeated with the same
 * bytes in front (more may follow). EOF = close_notify or closed. FAIL: ERR_DENIED the client's certificate, ERR_SYNTAX
 * bytes that are no TLS we speak, ERR_IO the connection; the session is then good for os_tls_free only.
 * Reading and writing begin after the handshake is DONE.
 */
enum os_io os_tls_handshake(struct os_tls *t, unsigned *want_out, struct err *err);
enum os_io os_tls_read(struct os_tls *t, void *out, size_t len, size_t *count_out,
    unsigned *want_out, struct err *err);
enum os_io os_tls_write(
    struct os_tls *t, struct bytes data, size_t *count_out, unsigned *want_out, struct err *err);
/* os_tls_pending: bytes already decrypted that a readiness wait would not report. */
bool os_tls_pending(const struct os_tls *t);
/* os_tls_close: sends close_notify if it can do so without waiting. */
void os_tls_close(struct os_tls *t);

/* "TLSv1.3" / "TLS_AES_256_GCM_SHA384"; valid while t lives. */
const char *os_tls_protocol(const struct os_tls *t);
const char *os_tls_cipher(const struct os_tls *t);

/* A verified client certificate, as text; lists may be empty. Memory from the arena. */
struct os_tls_peer {
	const char *common_name; /* NULL when absent */
	const char *serial_hex;  /* upper-case hex, no prefix */
	const char **san_rfc822, **san_dns, **san_directory, **san_uri, **san_ip,
	    **san_rid; /* NULL-terminated */
	const char *issuer;
	int64_t not_before_ms, not_after_ms;
};
/* os_tls_peer: false when the peer showed no certificate. */
bool os_tls_peer(const struct os_tls *t, struct arena *arena, struct os_tls_peer *out);

/* os_tls_self_signed: until the operator brings a certificate, and for tests: a fresh ECDSA P-256 key and a certificate
 * for name (1 to 255 bytes, a DNS name), valid 10 years; PEM appended to the two buffers. ERR_USAGE, ERR_LIMIT. */
MUST_USE bool os_tls_self_signed(
    const char *name, struct buf *certificate_pem, struct buf *key_pem, struct err *err);

#endif
