/* SPDX-License-Identifier: Apache-2.0 */
/* What all TLS sessions of a listener share: certificate, key, ciphers, versions. */
#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>

#include "base_mem.h"
#include "os_tls_int.h"

/* TLS 1.2: forward secrecy only; AEAD first, CBC last because mail servers live long. */
#define OS_TLS_CIPHERS            "ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES:!aNULL"
#define OS_TLS_CIPHERS_RESTRICTED "ECDHE+AESGCM:!aNULL"
#define OS_TLS_SUITES_RESTRICTED  "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256"

bool
os_tls_reason(struct err *err, enum err_code code, const char *where, const char *words)
{
	unsigned long last = ERR_peek_last_error();
	const char *reason = ERR_reason_error_string(last);

	(void)err_set(
	    err, code, where, "%s: %s", words, reason != NULL ? reason : "no reason given");
	ERR_clear_error();
	return false;
}

int
os_tls_no_pass_phrase(char *out, int size, int writing, void *ctx)
{
	(void)out;
	(void)size;
	(void)writing;
	(void)ctx;
	return -1;
}

static BIO *
reader_of(struct bytes pem)
{
	BIO *bio = BIO_new_mem_buf(
	    pem.len > 0 ? (const void *)pem.ptr : "", pem.len > INT32_MAX ? 0 : (int)pem.len);

	must(bio != NULL);
	return bio;
}

static bool
load_chain(SSL_CTX *ssl, struct bytes pem, struct err *err)
{
	BIO *bio = reader_of(pem);
	X509 *certificate = PEM_read_bio_X509(bio, NULL, os_tls_no_pass_phrase, NULL);
	bool ok = false;

	if (certificate == NULL || SSL_CTX_use_certificate(ssl, certificate) != 1) {
		(void)os_tls_reason(err, ERR_SYNTAX, __func__, "certificate");
		goto out;
	}
	X509_free(certificate);
	while ((certificate = PEM_read_bio_X509(bio, NULL, os_tls_no_pass_phrase, NULL)) != NULL) {
		if (SSL_CTX_add1_chain_cert(ssl, certificate) != 1) {
			(void)os_tls_reason(err, ERR_SYNTAX, __func__, "certificate chain");
			goto out;
		}
		X509_free(certificate);
	}
	if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE) {
		(void)os_tls_reason(err, ERR_SYNTAX, __func__, "certificate chain");
		goto out;
	}
	ERR_clear_error();
	ok = true;
out:
	X509_free(certificate);
	BIO_free(bio);
	return ok;
}

static bool
load_key(SSL_CTX *ssl, struct bytes pem, struct err *err)
{
	BIO *bio = reader_of(pem);
	EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, os_tls_no_pass_phrase, NULL);
	bool ok = true;

	if (key == NULL || SSL_CTX_use_PrivateKey(ssl, key) != 1)
		ok = os_tls_reason(err, ERR_SYNTAX, __func__, "private key");
	else if (SSL_CTX_check_private_key(ssl) != 1)
		ok = os_tls_reason(
		    err, ERR_SYNTAX, __func__, "private key does not fit the certificate");
	EVP_PKEY_free(key);
	BIO_free(bio);
	return ok;
}

static void
set_policy(SSL_CTX *ssl, bool restricted)
{
	int groups[] = {
	    NID_X9_62_prime256v1, NID_secp384r1, NID_secp521r1}; /* of the restricted list */

	must(SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION) == 1);
	SSL_CTX_set_security_level(ssl, 2);
	(void)SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
					   SSL_OP_CIPHER_SERVER_PREFERENCE |
					   SSL_OP_IGNORE_UNEXPECTED_EOF);
	(void)SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
					SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	must(SSL_CTX_set_cipher_list(
		 ssl, restricted ? OS_TLS_CIPHERS_RESTRICTED : OS_TLS_CIPHERS) == 1);
	if (restricted) {
		must(SSL_CTX_set_ciphersuites(ssl, OS_TLS_SUITES_RESTRICTED) == 1);
		must(SSL_CTX_set1_groups(ssl, groups, sizeof groups / sizeof groups[0]) == 1);
	}
}

/* A resumed session is not verified again; where certificates decide, every session is a full handshake. */
static void
forbid_resumption(SSL_CTX *ssl)
{
	(void)SSL_CTX_set_options(ssl, SSL_OP_NO_TICKET);
	(void)SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
	must(SSL_CTX_set_num_tickets(ssl, 0) == 1);
}

bool
os_tls_context_new(const struct os_tls_options *o, struct os_tls_context **out, struct err *err)
{
	static const unsigned char session_context[] = "daybook";
	struct os_tls_context *c = mem_calloc(1, sizeof *c);

	*out = NULL;
	ERR_clear_error();
	atomic_init(&c->references, 1);
	c->ssl = SSL_CTX_new(TLS_server_method());
	must(c->ssl != NULL);
	c->socket = os_tls_socket_method();
	set_policy(c->ssl, o->restricted_ciphers);
	must(SSL_CTX_set_session_id_context(c->ssl, session_context, sizeof session_context - 1) ==
	     1);
	if (!load_chain(c->ssl, o->certificate_pem, err) || !load_key(c->ssl, o->key_pem, err))
		goto out;
	if (o->require_client_certificate && o->client_ca_pem.len == 0) {
		(void)ERR(err, ERR_USAGE, "client certificates are required, but no CA is given");
		goto out;
	}
	if (o->client_ca_pem.len > 0) {
		if (!os_tls_trust_load(c, o, err))
			goto out;
		forbid_resumption(c->ssl);
	}
	*out = c;
	return true;
out:
	os_tls_context_free(&c);
	return false;
}

struct os_tls_context *
os_tls_context_keep(struct os_tls_context *c)
{
	must(atomic_fetch_add(&c->references, 1) > 0);
	return c;
}

void
os_tls_context_free(struct os_tls_context **c)
{
	struct os_tls_context *taken = *c;

	*c = NULL;
	if (taken == NULL || atomic_fetch_sub(&taken->references, 1) != 1)
		return;
	SSL_CTX_free(taken->ssl);
	BIO_meth_free(taken->socket);
	os_tls_trust_free(taken);
	mem_free(taken);
}
