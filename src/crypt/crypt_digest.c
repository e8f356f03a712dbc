/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SHA-256 and HMAC-SHA-256 by libcrypto. One digest by the functions that OpenSSL 3 calls deprecated: those it
 * recommends look the algorithm up and allocate each time, which for the 65 bytes of a tree's node takes four times as
 * long as the digest.
 */
#define OPENSSL_SUPPRESS_DEPRECATED /* SHA256_*, as said above */
#include "crypt_digest.h"

#include <limits.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#include "base_mem.h"

struct crypt_sha256_stream {
	EVP_MD_CTX *context;
};

void
crypt_sha256(uint8_t out[CRYPT_SHA256_BYTES], struct bytes data)
{
	SHA256_CTX context;

	must(SHA256_Init(&context) == 1 && SHA256_Update(&context, data.ptr, data.len) == 1 &&
	     SHA256_Final(out, &context) == 1);
}

struct crypt_sha256_stream *
crypt_sha256_new(void)
{
	struct crypt_sha256_stream *s = mem_calloc(1, sizeof *s);

	s->context = EVP_MD_CTX_new();
	must(s->context != NULL);
	must(EVP_DigestInit_ex(s->context, EVP_sha256(), NULL) == 1);
	return s;
}

void
crypt_sha256_add(struct crypt_sha256_stream *s, struct bytes data)
{
	must(EVP_DigestUpdate(s->context, data.ptr, data.len) == 1);
}

void
crypt_sha256_done(struct crypt_sha256_stream **s, uint8_t out[CRYPT_SHA256_BYTES])
{
	must(EVP_DigestFinal_ex((*s)->context, out, NULL) == 1);
	crypt_sha256_free(s);
}

void
crypt_sha256_free(struct crypt_sha256_stream **s)
{
	if (*s == NULL)
		return;
	EVP_MD_CTX_free((*s)->context);
	mem_free(*s);
	*s = NULL;
}

void
crypt_hmac_sha256(uint8_t out[CRYPT_SHA256_BYTES], struct bytes key, struct bytes data)
{
	must(key.len <= INT_MAX);
	must(HMAC(EVP_sha256(), key.ptr, (int)key.len, data.ptr, data.len, out, NULL) != NULL);
}
