/* SPDX-License-Identifier: Apache-2.0 */
/* A certificate of our own making, so that STARTTLS works before the operator brings a real one. */
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "base_limits.h"
#include "os_tls_int.h"

#define OS_TLS_SELF_SIGNED_DAYS (10 * 365 + 3)
#define OS_TLS_SERIAL_BYTES     16 /* positive and at most 20 octets, RFC 5280 §4.1.2.2 */
#define OS_TLS_COMMON_NAME_MAX  64 /* ub-common-name, RFC 5280 appendix A.1 */

static bool
set_serial(X509 *certificate)
{
	unsigned char raw[OS_TLS_SERIAL_BYTES];
	BIGNUM *number = NULL;
	bool ok = false;

	if (RAND_bytes(raw, sizeof raw) == 1) {
		raw[0] = (raw[0] & 0x7f) | 0x40;
		number = BN_bin2bn(raw, sizeof raw, NULL);
		ok = number != NULL &&
		     BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != NULL;
	}
	BN_free(number);
	return ok;
}

static bool
set_names(X509 *certificate, const char *name)
{
	size_t len = strlen(name);
	X509_NAME *subject = X509_get_subject_name(certificate);
	GENERAL_NAMES *names = GENERAL_NAMES_new();
	GENERAL_NAME *dns = GENERAL_NAME_new();
	ASN1_IA5STRING *text = ASN1_IA5STRING_new();
	bool ok;

	must(names != NULL && dns != NULL && text != NULL);
	ok = ASN1_STRING_set(text, name, (int)len) == 1;
	GENERAL_NAME_set0_value(dns, GEN_DNS, text);
	must(sk_GENERAL_NAME_push(names, dns) > 0);
	ok = ok &&
	     X509_add1_ext_i2d(certificate, NID_subject_alt_name, names, 0, X509V3_ADD_APPEND) == 1;
	/* A longer name does not fit the subject and is then in the alternative name only. */
	if (ok && len <= OS_TLS_COMMON_NAME_MAX)
		ok = X509_NAME_add_entry_by_NID(subject, NID_commonName, MBSTRING_UTF8,
			 (const unsigned char *)name, (int)len, -1, 0) == 1;
	GENERAL_NAMES_free(names);
	return ok && X509_set_issuer_name(certificate, subject) == 1;
}

static bool
add_extension(X509 *certificate, int nid, const char *value)
{
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
	bool ok = extension != NULL && X509_add_ext(certificate, extension, -1) == 1;

	X509_EXTENSION_free(extension);
	return ok;
}

static bool
fill(X509 *certificate, EVP_PKEY *key, const char *name)
{
	return X509_set_version(certificate, X509_VERSION_3) == 1 && set_serial(certificate) &&
	       X509_gmtime_adj(X509_getm_notBefore(certificate), -3600) != NULL &&
	       X509_time_adj_ex(
		   X509_getm_notAfter(certificate), OS_TLS_SELF_SIGNED_DAYS, 0, NULL) != NULL &&
	       X509_set_pubkey(certificate, key) == 1 && set_names(certificate, name) &&
	       add_extension(certificate, NID_basic_constraints, "critical,CA:FALSE") &&
	       add_extension(certificate, NID_key_usage, "critical,digitalSignature") &&
	       add_extension(certificate, NID_ext_key_usage, "serverAuth") &&
	       X509_sign(certificate, key, EVP_sha256()) > 0;
}

static void
move_text(BIO *from, struct buf *to)
{
	char *data = NULL;
	long len = BIO_get_mem_data(from, &data);

	buf_append_mem(to, data, len > 0 ? (size_t)len : 0);
}

bool
os_tls_self_signed(
    const char *name, struct buf *certificate_pem, struct buf *key_pem, struct err *err)
{
	EVP_PKEY *key = NULL;
	X509 *certificate = X509_new();
	BIO *certificate_text = BIO_new(BIO_s_mem()), *key_text = BIO_new(BIO_s_secmem());
	bool ok = false;

	must(certificate != NULL && certificate_text != NULL && key_text != NULL);
	if (name[0] == '\0' || strlen(name) > SMTP_DOMAIN_BYTES_MAX) {
		(void)ERR(
		    err, ERR_USAGE, "a certificate name has 1 to %u bytes", SMTP_DOMAIN_BYTES_MAX);
		goto out;
	}
	key = EVP_EC_gen("P-256");
	if (key == NULL || !fill(certificate, key, name) ||
	    PEM_write_bio_X509(certificate_text, certificate) != 1 ||
	    PEM_write_bio_PKCS8PrivateKey(key_text, key, NULL, NULL, 0, NULL, NULL) != 1) {
		(void)os_tls_reason(err, ERR_IO, __func__, "self-signed certificate");
		goto out;
	}
	move_text(certificate_text, certificate_pem);
	move_text(key_text, key_pem);
	ok = buf_ok(certificate_pem, err) && buf_ok(key_pem, err);
out:
	BIO_free(certificate_text);
	BIO_free(key_text);
	X509_free(certificate);
	EVP_PKEY_free(key);
	return ok;
}
