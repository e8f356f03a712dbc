/* SPDX-License-Identifier: Apache-2.0 */
/* AES-256-GCM over one reused context a direction: the key schedule is paid once per sealer, not per message. */
#include "crypt_seal.h"

#include <openssl/evp.h>

#include "base_mem.h"

/* libcrypto counts in int: larger inputs go in steps. */
#define STEP_BYTES ((size_t)1 << 30)

struct crypt_sealer {
	EVP_CIPHER_CTX *encrypt;
	EVP_CIPHER_CTX *decrypt;
};

static EVP_CIPHER_CTX *
context_new(const struct secret *key, int encrypt)
{
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();

	must(context != NULL);
	must(EVP_CipherInit_ex(
		 context, EVP_aes_256_gcm(), NULL, secret_view(key).ptr, NULL, encrypt) == 1);
	return context;
}

struct crypt_sealer *
crypt_sealer_new(const struct secret *key)
{
	struct crypt_sealer *s = mem_alloc(sizeof *s);

	must(secret_view(key).len == CRYPT_KEY_BYTES);
	s->encrypt = context_new(key, 1);
	s->decrypt = context_new(key, 0);
	return s;
}

void
crypt_sealer_free(struct crypt_sealer **s)
{
	if (*s == NULL)
		return;
	EVP_CIPHER_CTX_free((*s)->encrypt); /* wipes the key schedule */
	EVP_CIPHER_CTX_free((*s)->decrypt);
	mem_free(*s);
	*s = NULL;
}

void
crypt_nonce_of(uint8_t out[CRYPT_NONCE_BYTES], uint32_t domain, uint64_t counter)
{
	for (size_t i = 0; i < 4; i++)
		out[i] = (uint8_t)(domain >> (24 - 8 * i));
	for (size_t i = 0; i < 8; i++)
		out[4 + i] = (uint8_t)(counter >> (56 - 8 * i));
}

/* Feeds data; out == NULL means associated data. */
static void
context_update(EVP_CIPHER_CTX *context, uint8_t *out, struct bytes data)
{
	int done;

	for (size_t at = 0; at < data.len; at += STEP_BYTES) {
		size_t n = data.len - at < STEP_BYTES ? data.len - at : STEP_BYTES;

		must(EVP_CipherUpdate(context, out == NULL ? NULL : out + at, &done, data.ptr + at,
			 (int)n) == 1);
		must((size_t)done == n);
	}
}

void
crypt_seal(struct crypt_sealer *s, const uint8_t nonce[CRYPT_NONCE_BYTES], struct bytes aad,
    struct bytes plain, struct buf *out)
{
	uint8_t *place, last[16];
	int done;

	must(plain.len <= SIZE_MAX - CRYPT_TAG_BYTES);
	place = buf_reserve(out, plain.len + CRYPT_TAG_BYTES);
	if (place == NULL)
		return;
	must(EVP_CipherInit_ex(s->encrypt, NULL, NULL, NULL, nonce, -1) == 1);
	context_update(s->encrypt, NULL, aad);
	context_update(s->encrypt, place, plain);
	must(EVP_CipherFinal_ex(s->encrypt, last, &done) == 1 && done == 0);
	must(EVP_CIPHER_CTX_ctrl(
		 s->encrypt, EVP_CTRL_AEAD_GET_TAG, CRYPT_TAG_BYTES, place + plain.len) == 1);
	buf_grow(out, plain.len + CRYPT_TAG_BYTES);
}

bool
crypt_unseal(struct crypt_sealer *s, const uint8_t nonce[CRYPT_NONCE_BYTES], struct bytes aad,
    struct bytes sealed, struct buf *out, struct err *err)
{
	uint8_t *place, tag[CRYPT_TAG_BYTES], last[16];
	size_t plain_len;
	int done;

	if (sealed.len < CRYPT_TAG_BYTES)
		return ERR(err, ERR_CORRUPT, "sealed bytes are shorter than their tag");
	plain_len = sealed.len - CRYPT_TAG_BYTES;
	place = buf_reserve(out, plain_len);
	if (place == NULL)
		return ERR(err, ERR_LIMIT, "no room for %zu bytes of plaintext", plain_len);
	for (size_t i = 0; i < sizeof tag; i++)
		tag[i] = sealed.ptr[plain_len + i];
	must(EVP_CipherInit_ex(s->decrypt, NULL, NULL, NULL, nonce, -1) == 1);
	context_update(s->decrypt, NULL, aad);
	context_update(s->decrypt, place, bytes_slice(sealed, 0, plain_len));
	must(EVP_CIPHER_CTX_ctrl(s->decrypt, EVP_CTRL_AEAD_SET_TAG, sizeof tag, tag) == 1);
	if (EVP_CipherFinal_ex(s->decrypt, last, &done) != 1) {
		secret_wipe(place, plain_len); /* unauthenticated plaintext is nobody's business */
		*place = '\0';
		return ERR(err, ERR_CORRUPT, "the seal does not fit");
	}
	buf_grow(out, plain_len);
	return true;
}
