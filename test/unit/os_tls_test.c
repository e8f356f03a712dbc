/* SPDX-License-Identifier: Apache-2.0 */
/* TLS over a socket pair against an OpenSSL client: versions, bytes, ends, client certificates and revocation. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "os_loop.h"
#include "os_tls.h"

#define DAY 86400L

static struct err err;

/* A certificate with its key, and its PEM. */
struct identity {
	X509 *certificate;
	EVP_PKEY *key;
	struct buf pem;
};

struct identity_options {
	const char *name;
	long serial, from_days, to_days;
	const struct identity *issuer; /* NULL: self-signed CA */
	const char *alternatives;
};

static void
add_extension(X509 *certificate, int nid, const char *value)
{
	X509V3_CTX context;
	X509_EXTENSION *extension;

	X509V3_set_ctx_nodb(&context);
	X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	assert_non_null(extension);
	assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
	X509_EXTENSION_free(extension);
}

static void
append_pem(struct buf *out, BIO *bio)
{
	char *data;
	long len = BIO_get_mem_data(bio, &data);

	buf_append_mem(out, data, (size_t)len);
	BIO_free(bio);
}

static void
identity_new(struct identity *id, const struct identity_options *o)
{
	X509_NAME *name;
	BIO *bio = BIO_new(BIO_s_mem());

	id->key = EVP_EC_gen("P-256");
	id->certificate = X509_new();
	assert_int_equal(X509_set_version(id->certificate, X509_VERSION_3), 1);
	assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(id->certificate), o->serial), 1);
	assert_non_null(X509_gmtime_adj(X509_getm_notBefore(id->certificate), o->from_days * DAY));
	assert_non_null(X509_gmtime_adj(X509_getm_notAfter(id->certificate), o->to_days * DAY));
	name = X509_get_subject_name(id->certificate);
	assert_int_equal(X509_NAME_add_entry_by_txt(
			     name, "O", MBSTRING_UTF8, (const unsigned char *)"Example", -1, -1, 0),
	    1);
	assert_int_equal(X509_NAME_add_entry_by_txt(
			     name, "CN", MBSTRING_UTF8, (const unsigned char *)o->name, -1, -1, 0),
	    1);
	assert_int_equal(
	    X509_set_issuer_name(id->certificate,
		o->issuer != NULL ? X509_get_subject_name(o->issuer->certificate) : name),
	    1);
	assert_int_equal(X509_set_pubkey(id->certificate, id->key), 1);
	add_extension(id->certificate, NID_basic_constraints,
	    o->issuer != NULL ? "critical,CA:FALSE" : "critical,CA:TRUE");
	if (o->alternatives != NULL)
		add_extension(id->certificate, NID_subject_alt_name, o->alternatives);
	assert_true(X509_sign(id->certificate, o->issuer != NULL ? o->issuer->key : id->key,
			EVP_sha256()) > 0);
	buf_init(&id->pem, 1 << 16);
	assert_int_equal(PEM_write_bio_X509(bio, id->certificate), 1);
	append_pem(&id->pem, bio);
}

static void
identity_free(struct identity *id)
{
	X509_free(id->certificate);
	EVP_PKEY_free(id->key);
	buf_fini(&id->pem);
}

/* A list of ca that names serial as revoked. */
static void
append_crl(struct buf *out, const struct identity *ca, long serial, long to_days)
{
	X509_CRL *crl = X509_CRL_new();
	X509_REVOKED *revoked = X509_REVOKED_new();
	ASN1_INTEGER *number = ASN1_INTEGER_new();
	ASN1_TIME *time = ASN1_TIME_new();
	BIO *bio = BIO_new(BIO_s_mem());

	assert_int_equal(X509_CRL_set_version(crl, X509_CRL_VERSION_2), 1);
	assert_int_equal(X509_CRL_set_issuer_name(crl, X509_get_subject_name(ca->certificate)), 1);
	assert_non_null(X509_gmtime_adj(time, -2 * DAY));
	assert_int_equal(X509_CRL_set1_lastUpdate(crl, time), 1);
	assert_int_equal(ASN1_INTEGER_set(number, serial), 1);
	assert_int_equal(X509_REVOKED_set_serialNumber(revoked, number), 1);
	assert_int_equal(X509_REVOKED_set_revocationDate(revoked, time), 1);
	assert_non_null(X509_gmtime_adj(time, to_days * DAY));
	assert_int_equal(X509_CRL_set1_nextUpdate(crl, time), 1);
	assert_int_equal(X509_CRL_add0_revoked(crl, revoked), 1);
	assert_true(X509_CRL_sign(crl, ca->key, EVP_sha256()) > 0);
	assert_int_equal(PEM_write_bio_X509_CRL(bio, crl), 1);
	append_pem(out, bio);
	ASN1_INTEGER_free(number);
	ASN1_TIME_free(time);
	X509_CRL_free(crl);
}

/* The server side under test and the client that talks to it. */
struct bench {
	struct buf certificate, key;
	struct os_tls_options options;
	struct os_tls_context *context;
	struct os_tls *server;
	SSL_CTX *client_context;
	SSL *client;
	int fds[2];
};

static void
set_up(struct bench *b)
{
	memset(b, 0, sizeof *b);
	buf_init(&b->certificate, 1 << 16);
	buf_init(&b->key, 1 << 16);
	assert_true(os_tls_self_signed("mail.example.com", &b->certificate, &b->key, &err));
	b->options.certificate_pem = buf_view(&b->certificate);
	b->options.key_pem = buf_view(&b->key);
	b->client_context = SSL_CTX_new(TLS_client_method());
	assert_non_null(b->client_context);
}

static void
connect_ends(struct bench *b)
{
	if (b->context == NULL)
		assert_true(os_tls_context_new(&b->options, &b->context, &err));
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, b->fds), 0);
	b->server = os_tls_new(b->context, b->fds[0]);
	b->client = SSL_new(b->client_context);
	assert_int_equal(SSL_set_fd(b->client, b->fds[1]), 1);
	SSL_set_connect_state(b->client);
}

static void
disconnect(struct bench *b)
{
	os_tls_free(&b->server);
	SSL_free(b->client);
	b->client = NULL;
	os_close(&b->fds[0]);
	os_close(&b->fds[1]);
}

static void
tear_down(struct bench *b)
{
	os_tls_context_free(&b->context);
	SSL_CTX_free(b->client_context);
	buf_fini(&b->certificate);
	buf_fini(&b->key);
}

/* Both sides in turn; what the server ends with. */
static enum os_io
shake(struct bench *b)
{
	enum os_io io = OS_IO_AGAIN;
	unsigned want;

	for (size_t round = 0; round < 20 && io == OS_IO_AGAIN; round++) {
		ERR_clear_error();
		(void)SSL_do_handshake(b->client);
		io = os_tls_handshake(b->server, &want, &err);
		assert_true((io == OS_IO_AGAIN) == (want != 0));
	}
	ERR_clear_error();
	(void)SSL_do_handshake(b->client);
	return io;
}

static void
bytes_go_both_ways_in_both_versions(void **state)
{
	static const struct {
		int version;
		bool restricted;
		const char *name;
	} rows[] = {
	    {TLS1_2_VERSION, false, "TLSv1.2"},
	    {TLS1_3_VERSION, false, "TLSv1.3"},
	    {TLS1_2_VERSION, true, "TLSv1.2"},
	    {TLS1_3_VERSION, true, "TLSv1.3"},
	};
	char out[64];
	size_t count;
	unsigned want;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct bench b;

		set_up(&b);
		b.options.restricted_ciphers = rows[i].restricted;
		assert_int_equal(
		    SSL_CTX_set_max_proto_version(b.client_context, rows[i].version), 1);
		connect_ends(&b);
		assert_int_equal(shake(&b), OS_IO_DONE);
		assert_string_equal(os_tls_protocol(b.server), rows[i].name);
		assert_string_equal(os_tls_cipher(b.server), SSL_get_cipher_name(b.client));
		assert_int_equal(
		    os_tls_read(b.server, out, sizeof out, &count, &want, &err), OS_IO_AGAIN);
		assert_int_equal(want, OS_READ);
		assert_int_equal(SSL_write(b.client, "hello there", 11), 11);
		assert_int_equal(os_tls_read(b.server, out, 5, &count, &want, &err), OS_IO_DONE);
		assert_int_equal(count, 5);
		assert_true(os_tls_pending(b.server));
		assert_int_equal(
		    os_tls_read(b.server, out, sizeof out, &count, &want, &err), OS_IO_DONE);
		assert_int_equal(count, 6);
		assert_false(os_tls_pending(b.server));
		assert_int_equal(
		    os_tls_write(b.server, BYTES_LIT("and back"), &count, &want, &err), OS_IO_DONE);
		assert_int_equal(SSL_read(b.client, out, sizeof out), 8);
		assert_memory_equal(out, "and back", 8);
		os_tls_close(b.server);
		assert_int_equal(SSL_read(b.client, out, sizeof out), 0);
		assert_int_equal(SSL_get_error(b.client, 0), SSL_ERROR_ZERO_RETURN);
		(void)SSL_shutdown(b.client);
		assert_int_equal(
		    os_tls_read(b.server, out, sizeof out, &count, &want, &err), OS_IO_EOF);
		disconnect(&b);
		tear_down(&b);
	}
}

static void
old_versions_and_no_tls_fail(void **state)
{
	static const char plain[] = "EHLO client.example.com\r\n";
	struct bench b;

	(void)state;
	set_up(&b);
	SSL_CTX_set_security_level(b.client_context, 0);
	assert_int_equal(SSL_CTX_set_min_proto_version(b.client_context, TLS1_VERSION), 1);
	assert_int_equal(SSL_CTX_set_max_proto_version(b.client_context, TLS1_1_VERSION), 1);
	connect_ends(&b);
	assert_int_equal(shake(&b), OS_IO_FAIL);
	assert_int_equal(err.code, ERR_SYNTAX);
	assert_int_equal(shake(&b), OS_IO_FAIL);
	os_tls_close(b.server);
	disconnect(&b);
	connect_ends(&b);
	assert_int_equal(send(b.fds[1], plain, sizeof plain - 1, 0), sizeof plain - 1);
	{
		unsigned want;

		assert_int_equal(os_tls_handshake(b.server, &want, &err), OS_IO_FAIL);
		assert_int_equal(err.code, ERR_SYNTAX);
	}
	disconnect(&b);
	tear_down(&b);
}

/* The peer leaves without a word: in the handshake, and later; writing then is a failure, not a signal. */
static void
lost_connection_is_the_end(void **state)
{
	char out[8];
	size_t count;
	unsigned want;
	enum os_io io = OS_IO_DONE;
	struct bench b;

	(void)state;
	set_up(&b);
	connect_ends(&b);
	os_close(&b.fds[1]);
	assert_int_equal(os_tls_handshake(b.server, &want, &err), OS_IO_EOF);
	disconnect(&b);
	connect_ends(&b);
	assert_int_equal(shake(&b), OS_IO_DONE);
	os_close(&b.fds[1]);
	for (size_t i = 0; i < 3 && io == OS_IO_DONE; i++)
		io = os_tls_write(b.server, BYTES_LIT("anybody?"), &count, &want, &err);
	assert_int_equal(io, OS_IO_FAIL);
	assert_int_equal(err.code, ERR_IO);
	disconnect(&b);
	connect_ends(&b);
	assert_int_equal(shake(&b), OS_IO_DONE);
	/* a socket closed with unread bytes (session tickets) is reset, not ended */
	assert_int_equal(SSL_read(b.client, out, sizeof out), -1);
	os_close(&b.fds[1]);
	assert_int_equal(os_tls_read(b.server, out, sizeof out, &count, &want, &err), OS_IO_EOF);
	disconnect(&b);
	tear_down(&b);
}

static void
session_keeps_its_context(void **state)
{
	struct bench b;

	(void)state;
	set_up(&b);
	connect_ends(&b);
	os_tls_context_free(&b.context);
	assert_int_equal(shake(&b), OS_IO_DONE);
	disconnect(&b);
	tear_down(&b);
}

static void
bad_material_is_refused(void **state)
{
	struct bench b, other;
	struct os_tls_context *c;

	(void)state;
	set_up(&b);
	set_up(&other);
	b.options.key_pem = buf_view(&other.key);
	assert_false(os_tls_context_new(&b.options, &c, &err));
	assert_int_equal(err.code, ERR_SYNTAX);
	assert_null(c);
	b.options.key_pem = BYTES_LIT("nonsense");
	assert_false(os_tls_context_new(&b.options, &c, &err));
	b.options.key_pem = buf_view(&b.key);
	b.options.certificate_pem = BYTES_EMPTY;
	assert_false(os_tls_context_new(&b.options, &c, &err));
	b.options.certificate_pem = buf_view(&b.certificate);
	b.options.client_ca_pem =
	    BYTES_LIT("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
	assert_false(os_tls_context_new(&b.options, &c, &err));
	assert_int_equal(err.code, ERR_SYNTAX);
	/* an encrypted block must not make anybody ask for a pass phrase */
	b.options.client_ca_pem =
	    BYTES_LIT("-----BEGIN CERTIFICATE-----\nProc-Type: 4,ENCRYPTED\n"
		      "DEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF\n\nAAAA\n"
		      "-----END CERTIFICATE-----\n");
	assert_false(os_tls_context_new(&b.options, &c, &err));
	assert_int_equal(err.code, ERR_SYNTAX);
	b.options.client_ca_pem = BYTES_EMPTY;
	b.options.require_client_certificate = true;
	assert_false(os_tls_context_new(&b.options, &c, &err));
	assert_int_equal(err.code, ERR_USAGE);
	tear_down(&other);
	tear_down(&b);
}

enum crl_kind { CRL_NONE, CRL_OTHER_SERIAL, CRL_REVOKES, CRL_EXPIRED, CRL_OF_OTHER_CA };

static const struct {
	const char *name;
	bool required, shown;
	long ca_to_days, client_to_days;
	bool strange_ca; /* the client's certificate comes from a CA not trusted */
	enum crl_kind crl;
	enum os_io io;
} CLIENTS[] = {
    {"good", true, true, 10, 10, false, CRL_NONE, OS_IO_DONE},
    {"good, not required", false, true, 10, 10, false, CRL_NONE, OS_IO_DONE},
    {"none, not required", false, false, 10, 10, false, CRL_NONE, OS_IO_DONE},
    {"none, required", true, false, 10, 10, false, CRL_NONE, OS_IO_FAIL},
    {"unknown CA", true, true, 10, 10, true, CRL_NONE, OS_IO_FAIL},
    {"unknown CA, not required", false, true, 10, 10, true, CRL_NONE, OS_IO_FAIL},
    {"expired", true, true, 10, -1, false, CRL_NONE, OS_IO_FAIL},
    {"CA expired", true, true, -1, 10, false, CRL_NONE, OS_IO_FAIL},
    {"list names another", true, true, 10, 10, false, CRL_OTHER_SERIAL, OS_IO_DONE},
    {"revoked", true, true, 10, 10, false, CRL_REVOKES, OS_IO_FAIL},
    {"expired list takes out its CA", true, true, 10, 10, false, CRL_EXPIRED, OS_IO_FAIL},
    {"list of another CA does not matter", true, true, 10, 10, false, CRL_OF_OTHER_CA, OS_IO_DONE},
};

static void
try_client(size_t row, const struct identity *other_ca)
{
	struct identity ca, client;
	struct arena arena;
	struct os_tls_peer peer;
	struct buf trust, crl;
	struct bench b;

	set_up(&b);
	arena_init(&arena);
	buf_init(&trust, 1 << 16);
	buf_init(&crl, 1 << 16);
	identity_new(
	    &ca, &(struct identity_options){"ca", 1, -20, CLIENTS[row].ca_to_days, NULL, NULL});
	identity_new(
	    &client, &(struct identity_options){"client", 0xab12, -5, CLIENTS[row].client_to_days,
			 CLIENTS[row].strange_ca ? other_ca : &ca, NULL});
	buf_append(&trust, buf_view(&ca.pem));
	if (CLIENTS[row].crl == CRL_OF_OTHER_CA) {
		buf_append(&trust, buf_view(&other_ca->pem));
		append_crl(&crl, other_ca, 0xab12, 10);
	} else if (CLIENTS[row].crl != CRL_NONE) {
		append_crl(&crl, &ca, CLIENTS[row].crl == CRL_REVOKES ? 0xab12 : 0xffff,
		    CLIENTS[row].crl == CRL_EXPIRED ? -1 : 10);
	}
	b.options.client_ca_pem = buf_view(&trust);
	b.options.client_crl_pem = buf_view(&crl);
	b.options.require_client_certificate = CLIENTS[row].required;
	if (CLIENTS[row].shown) {
		assert_int_equal(SSL_CTX_use_certificate(b.client_context, client.certificate), 1);
		assert_int_equal(SSL_CTX_use_PrivateKey(b.client_context, client.key), 1);
	}
	connect_ends(&b);
	assert_int_equal(shake(&b), CLIENTS[row].io);
	if (CLIENTS[row].io == OS_IO_DONE)
		assert_int_equal(os_tls_peer(b.server, &arena, &peer), CLIENTS[row].shown);
	else
		assert_int_equal(err.code, ERR_DENIED);
	disconnect(&b);
	identity_free(&ca);
	identity_free(&client);
	buf_fini(&trust);
	buf_fini(&crl);
	arena_fini(&arena);
	tear_down(&b);
}

static void
client_certificates_decide(void **state)
{
	struct identity other_ca;

	(void)state;
	identity_new(&other_ca, &(struct identity_options){"other ca", 1, -20, 10, NULL, NULL});
	for (size_t i = 0; i < sizeof CLIENTS / sizeof *CLIENTS; i++) {
		print_message("  %s\n", CLIENTS[i].name);
		try_client(i, &other_ca);
	}
	identity_free(&other_ca);
}

static void
peer_attributes_are_text(void **state)
{
	struct identity ca, client;
	struct os_tls_peer peer;
	struct arena arena;
	struct bench b;

	(void)state;
	set_up(&b);
	arena_init(&arena);
	identity_new(&ca, &(struct identity_options){"ca", 1, -20, 10, NULL, NULL});
	identity_new(&client, &(struct identity_options){"J\xc3\xb6rg", 0xab12, -5, 5, &ca,
				  "email:joerg@example.com,email:second@example.com,DNS:host."
				  "example.com,URI:urn:example:1,IP:192.0.2.7,"
				  "IP:2001:db8::7,RID:1.2.3.4"});
	b.options.client_ca_pem = buf_view(&ca.pem);
	b.options.require_client_certificate = true;
	assert_int_equal(SSL_CTX_use_certificate(b.client_context, client.certificate), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(b.client_context, client.key), 1);
	connect_ends(&b);
	assert_int_equal(shake(&b), OS_IO_DONE);
	assert_true(os_tls_peer(b.server, &arena, &peer));
	disconnect(&b);
	assert_string_equal(peer.common_name, "J\xc3\xb6rg");
	assert_string_equal(peer.serial_hex, "AB12");
	assert_string_equal(peer.issuer, "CN=ca,O=Example");
	assert_string_equal(peer.san_rfc822[0], "joerg@example.com");
	assert_string_equal(peer.san_rfc822[1], "second@example.com");
	assert_null(peer.san_rfc822[2]);
	assert_string_equal(peer.san_dns[0], "host.example.com");
	assert_string_equal(peer.san_uri[0], "urn:example:1");
	assert_string_equal(peer.san_ip[0], "192.0.2.7");
	assert_string_equal(peer.san_ip[1], "2001:db8::7");
	assert_string_equal(peer.san_rid[0], "1.2.3.4");
	assert_null(peer.san_directory[0]);
	assert_int_equal(peer.not_after_ms - peer.not_before_ms, 10 * DAY * 1000);
	identity_free(&ca);
	identity_free(&client);
	arena_fini(&arena);
	tear_down(&b);
}

static void
self_signed_names_the_host(void **state)
{
	struct buf certificate, key;
	X509 *parsed;
	BIO *bio;

	(void)state;
	buf_init(&certificate, 1 << 16);
	buf_init(&key, 1 << 16);
	assert_true(os_tls_self_signed("mail.example.com", &certificate, &key, &err));
	bio = BIO_new_mem_buf(certificate.ptr, (int)certificate.len);
	parsed = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	assert_non_null(parsed);
	assert_int_equal(X509_check_host(parsed, "mail.example.com", 0, 0, NULL), 1);
	assert_int_equal(X509_check_host(parsed, "example.com", 0, 0, NULL), 0);
	assert_int_equal(X509_check_ca(parsed), 0);
	X509_free(parsed);
	BIO_free(bio);
	buf_reset(&certificate);
	assert_false(os_tls_self_signed("", &certificate, &key, &err));
	assert_int_equal(err.code, ERR_USAGE);
	buf_fini(&certificate);
	buf_fini(&key);
	buf_init(&certificate, 10);
	buf_init(&key, 10);
	assert_false(os_tls_self_signed("x", &certificate, &key, &err));
	assert_int_equal(err.code, ERR_LIMIT);
	buf_fini(&certificate);
	buf_fini(&key);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(bytes_go_both_ways_in_both_versions),
	    cmocka_unit_test(old_versions_and_no_tls_fail),
	    cmocka_unit_test(lost_connection_is_the_end),
	    cmocka_unit_test(session_keeps_its_context),
	    cmocka_unit_test(bad_material_is_refused),
	    cmocka_unit_test(client_certificates_decide),
	    cmocka_unit_test(peer_attributes_are_text),
	    cmocka_unit_test(self_signed_names_the_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
