/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a TLS context, shared by this room's TLS files. */
#ifndef OS_TLS_INT_H
#define OS_TLS_INT_H

#include <openssl/ssl.h>
#include <stdatomic.h>

#include "os_tls.h"

struct os_tls_context {
	SSL_CTX *ssl;
	BIO_METHOD *socket; /* bytes through os_socket_read and os_socket_write */
	X509_CRL **crls;    /* those in force, owned; to know which issuers have one */
	size_t crl_count;
	atomic_uint references;
};

/* os_tls_ssl: the session inside t, lent. */
SSL *os_tls_ssl(const struct os_tls *t);
/* os_tls_context_keep: one more owner. */
struct os_tls_context *os_tls_context_keep(struct os_tls_context *c);
/* os_tls_trust_load: client CA and CRL of the options into c. ERR_SYNTAX. */
MUST_USE bool os_tls_trust_load(
    struct os_tls_context *c, const struct os_tls_options *o, struct err *err);
void os_tls_trust_free(struct os_tls_context *c);
/* os_tls_reason: fill err with code, words and what OpenSSL says of its latest failure. Returns false. */
bool os_tls_reason(struct err *err, enum err_code code, const char *where, const char *words);
/* os_tls_no_pass_phrase: for every PEM reader, whose default asks the terminal; an encrypted block is refused. */
int os_tls_no_pass_phrase(char *out, int size, int writing, void *ctx);
/* os_tls_socket_method: a BIO over a lent descriptor that never raises SIGPIPE. */
BIO_METHOD *os_tls_socket_method(void);

#endif
