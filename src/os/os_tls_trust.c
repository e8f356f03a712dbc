/* SPDX-License-Identifier: Apache-2.0 */
/* Whose client certificates count: CA certificates and CRLs, without the expired ones. */
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base_mem.h"
#include "os_tls_int.h"

struct trust {
	X509 **cas;
	size_t ca_count;
	X509_CRL **crls;
	size_t crl_count;
};

static bool
at_end_of_pem(void)
{
	bool end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;

	if (end)
		ERR_clear_error();
	return end;
}

static bool
read_cas(struct trust *t, struct bytes pem, struct err *err)
{
	BIO *bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
	X509 *ca;

	must(bio != NULL);
	while ((ca = PEM_read_bio_X509(bio, NULL, os_tls_no_pass_phrase, NULL)) != NULL) {
		t->cas = mem_realloc_array(t->cas, t->ca_count + 1, sizeof *t->cas);
		t->cas[t->ca_count++] = ca;
	}
	BIO_free(bio);
	if (!at_end_of_pem() || t->ca_count == 0)
		return os_tls_reason(err, ERR_SYNTAX, __func__, "client CA certificates");
	return true;
}

static bool
read_crls(struct trust *t, struct bytes pem, struct err *err)
{
	BIO *bio;
	X509_CRL *crl;

	if (pem.len == 0)
		return true;
	bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
	must(bio != NULL);
	while ((crl = PEM_read_bio_X509_CRL(bio, NULL, os_tls_no_pass_phrase, NULL)) != NULL) {
		t->crls = mem_realloc_array(t->crls, t->crl_count + 1, sizeof *t->crls);
		t->crls[t->crl_count++] = crl;
	}
	BIO_free(bio);
	if (!at_end_of_pem() || t->crl_count == 0)
		return os_tls_reason(err, ERR_SYNTAX, __func__, "client CRLs");
	return true;
}

/* RFC 5280 §5.1.2.5 demands nextUpdate: a list without it is taken as expired. */
static bool
crl_expired(const X509_CRL *crl)
{
	const ASN1_TIME *next = X509_CRL_get0_nextUpdate(crl);

	return next == NULL || X509_cmp_current_time(next) <= 0;
}

static bool
ca_left_out(const X509 *ca, const struct trust *t)
{
	if (X509_cmp_current_time(X509_get0_notAfter(ca)) <= 0)
		return true;
	for (size_t i = 0; i < t->crl_count; i++)
		if (crl_expired(t->crls[i]) &&
		    X509_NAME_cmp(X509_CRL_get_issuer(t->crls[i]), X509_get_subject_name(ca)) == 0)
			return true;
	return false;
}

/*
 * OpenSSL wants a list for every issuer once it checks lists at all. Here an issuer without any list is simply not
 * checked, while one whose lists do not cover the certificate still fails.
 */
static int
on_verify(int ok, X509_STORE_CTX *store)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	const struct os_tls_context *c = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
	const X509 *certificate = X509_STORE_CTX_get_current_cert(store);

	if (ok == 1 || X509_STORE_CTX_get_error(store) != X509_V_ERR_UNABLE_TO_GET_CRL ||
	    certificate == NULL)
		return ok;
	for (size_t i = 0; i < c->crl_count; i++)
		if (X509_NAME_cmp(
			X509_CRL_get_issuer(c->crls[i]), X509_get_issuer_name(certificate)) == 0)
			return 0;
	X509_STORE_CTX_set_error(store, X509_V_OK);
	return 1;
}

/* What is in force goes to the store; crls in force also stay with c. */
static void
install(struct os_tls_context *c, struct trust *t)
{
	X509_STORE *store = SSL_CTX_get_cert_store(c->ssl);

	for (size_t i = 0; i < t->ca_count; i++) {
		if (ca_left_out(t->cas[i], t))
			continue;
		must(X509_STORE_add_cert(store, t->cas[i]) == 1);
		must(SSL_CTX_add_client_CA(c->ssl, t->cas[i]) == 1);
	}
	c->crls = mem_calloc(t->crl_count + 1, sizeof *c->crls);
	for (size_t i = 0; i < t->crl_count; i++) {
		if (crl_expired(t->crls[i]))
			continue;
		must(X509_STORE_add_crl(store, t->crls[i]) == 1);
		must(X509_CRL_up_ref(t->crls[i]) == 1);
		c->crls[c->crl_count++] = t->crls[i];
	}
	if (c->crl_count > 0)
		must(X509_STORE_set_flags(
			 store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL) == 1);
}

bool
os_tls_trust_load(struct os_tls_context *c, const struct os_tls_options *o, struct err *err)
{
	struct trust t = {0};
	bool ok = false;

	if (o->client_ca_pem.len > INT32_MAX || o->client_crl_pem.len > INT32_MAX)
		return ERR(err, ERR_LIMIT, "trust store too large");
	if (!read_cas(&t, o->client_ca_pem, err) || !read_crls(&t, o->client_crl_pem, err))
		goto out;
	install(c, &t);
	SSL_CTX_set_app_data(c->ssl, c);
	SSL_CTX_set_verify(c->ssl,
	    SSL_VERIFY_PEER | (o->require_client_certificate ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
	    on_verify);
	ok = true;
out:
	for (size_t i = 0; i < t.ca_count; i++)
		X509_free(t.cas[i]);
	for (size_t i = 0; i < t.crl_count; i++)
		X509_CRL_free(t.crls[i]);
	mem_free(t.cas);
	mem_free(t.crls);
	return ok;
}

void
os_tls_trust_free(struct os_tls_context *c)
{
	for (size_t i = 0; i < c->crl_count; i++)
		X509_CRL_free(c->crls[i]);
	mem_free(c->crls);
	c->crls = NULL;
	c->crl_count = 0;
}
