/* SPDX-License-Identifier: Apache-2.0 */
/* The attributes of a verified client certificate, as text for rules and logs. */
#include <arpa/inet.h>
#include <openssl/bn.h>
#include <openssl/objects.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "base_time.h"
#include "os_tls_int.h"

#define OS_TLS_OID_TEXT_SIZE 256

/* A name with a NUL inside would read shorter than it is: it counts as absent. */
static const char *
text_of(struct arena *arena, const ASN1_STRING *string)
{
	unsigned char *utf8 = NULL;
	int len = ASN1_STRING_to_UTF8(&utf8, string);
	char *text = NULL;

	if (len >= 0 && memchr(utf8, 0, (size_t)len) == NULL)
		text = arena_text(arena, bytes_of(utf8, (size_t)len));
	if (len >= 0)
		OPENSSL_free(utf8);
	return text;
}

/* RFC 2253 form. */
static const char *
name_of(struct arena *arena, const X509_NAME *name)
{
	BIO *bio = BIO_new(BIO_s_mem());
	const char *text = NULL;
	char *data = NULL;
	long len;

	must(bio != NULL);
	if (X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) >= 0) {
		len = BIO_get_mem_data(bio, &data);
		text = arena_text(arena, bytes_of(data, len > 0 ? (size_t)len : 0));
	}
	BIO_free(bio);
	return text;
}

static const char *
serial_of(struct arena *arena, X509 *certificate)
{
	BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), NULL);
	char *hex = number != NULL ? BN_bn2hex(number) : NULL;
	const char *text;

	text = arena_strdup(arena, hex != NULL ? hex : "");
	OPENSSL_free(hex);
	BN_free(number);
	return text;
}

static const char *
common_name_of(struct arena *arena, X509 *certificate)
{
	const X509_NAME *subject = X509_get_subject_name(certificate);
	int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);

	if (at < 0)
		return NULL;
	return text_of(arena, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
}

static int64_t
ms_of(const ASN1_TIME *time)
{
	struct tm tm;
	struct time_civil civil = {0};

	if (ASN1_TIME_to_tm(time, &tm) != 1)
		return 0;
	civil.year = tm.tm_year + 1900;
	civil.month = tm.tm_mon + 1;
	civil.day = tm.tm_mday;
	civil.hour = tm.tm_hour;
	civil.minute = tm.tm_min;
	civil.second = tm.tm_sec;
	return time_civil_ms(&civil);
}

static const char *
ip_of(struct arena *arena, const ASN1_OCTET_STRING *octets)
{
	int len = ASN1_STRING_length(octets);
	char text[INET6_ADDRSTRLEN];

	if (len != 4 && len != 16)
		return NULL;
	if (inet_ntop(len == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(octets), text,
		sizeof text) == NULL)
		return NULL;
	return arena_strdup(arena, text);
}

static const char *
oid_of(struct arena *arena, const ASN1_OBJECT *object)
{
	char text[OS_TLS_OID_TEXT_SIZE];
	int len = OBJ_obj2txt(text, sizeof text, object, 1);

	return len > 0 && (size_t)len < sizeof text ? arena_strdup(arena, text) : NULL;
}

static const char *
alternative_of(struct arena *arena, const GENERAL_NAME *name)
{
	switch (name->type) {
	case GEN_EMAIL:
	case GEN_DNS:
	case GEN_URI:
		return text_of(arena, name->d.ia5);
	case GEN_DIRNAME:
		return name_of(arena, name->d.directoryName);
	case GEN_IPADD:
		return ip_of(arena, name->d.iPAddress);
	case GEN_RID:
		return oid_of(arena, name->d.registeredID);
	default:
		return NULL;
	}
}

/* All alternative names of one type, NULL-terminated. */
static const char **
alternatives(struct arena *arena, const GENERAL_NAMES *names, int type)
{
	int count = names != NULL ? sk_GENERAL_NAME_num(names) : 0;
	const char **list = arena_calloc(arena, (size_t)count + 1, sizeof *list);
	size_t used = 0;

	for (int i = 0; i < count; i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
		const char *text = name->type == type ? alternative_of(arena, name) : NULL;

		if (text != NULL)
			list[used++] = text;
	}
	return list;
}

bool
os_tls_peer(const struct os_tls *t, struct arena *arena, struct os_tls_peer *out)
{
	SSL *ssl = os_tls_ssl(t);
	X509 *certificate = SSL_get0_peer_certificate(ssl);
	GENERAL_NAMES *names;

	memset(out, 0, sizeof *out);
	if (certificate == NULL || SSL_get_verify_result(ssl) != X509_V_OK)
		return false;
	names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
	out->common_name = common_name_of(arena, certificate);
	out->serial_hex = serial_of(arena, certificate);
	out->issuer = name_of(arena, X509_get_issuer_name(certificate));
	out->san_rfc822 = alternatives(arena, names, GEN_EMAIL);
	out->san_dns = alternatives(arena, names, GEN_DNS);
	out->san_directory = alternatives(arena, names, GEN_DIRNAME);
	out->san_uri = alternatives(arena, names, GEN_URI);
	out->san_ip = alternatives(arena, names, GEN_IPADD);
	out->san_rid = alternatives(arena, names, GEN_RID);
	out->not_before_ms = ms_of(X509_get0_notBefore(certificate));
	out->not_after_ms = ms_of(X509_get0_notAfter(certificate));
	GENERAL_NAMES_free(names);
	return true;
}
