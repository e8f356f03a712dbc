/* SPDX-License-Identifier: Apache-2.0 */
/* Ed25519 by libsodium; the expanded key lives in guarded memory as long as a call. */
#include "crypt_sign.h"

#include <string.h>

#include <sodium.h>

#include "crypt_digest.h"

static struct secret *
expand(const struct secret *seed, uint8_t public_key[CRYPT_SIGN_PUBLIC_BYTES])
{
	struct secret *pair = secret_new(crypto_sign_SECRETKEYBYTES);

	must(secret_view(seed).len == CRYPT_SIGN_SEED_BYTES);
	must(crypto_sign_seed_keypair(public_key, secret_data(pair), secret_view(seed).ptr) == 0);
	return pair;
}

void
crypt_sign_public(const struct secret *seed, uint8_t out[CRYPT_SIGN_PUBLIC_BYTES])
{
	struct secret *pair = expand(seed, out);

	secret_free(&pair);
}

void
crypt_sign(const struct secret *seed, struct bytes message, uint8_t out[CRYPT_SIGN_BYTES])
{
	uint8_t public_key[CRYPT_SIGN_PUBLIC_BYTES];
	struct secret *pair = expand(seed, public_key);

	must(crypto_sign_detached(out, NULL, message.ptr, message.len, secret_view(pair).ptr) == 0);
	secret_free(&pair);
}

bool
crypt_sign_verify(const uint8_t public_key[CRYPT_SIGN_PUBLIC_BYTES], struct bytes message,
    const uint8_t signature[CRYPT_SIGN_BYTES])
{
	must(sodium_init() >= 0);
	return crypto_sign_verify_detached(signature, message.ptr, message.len, public_key) == 0;
}

/* RFC 5869 §2: extract with a salt of zeros, then the first block of expand. */
struct secret *
crypt_sign_derive(const struct secret *key, const char *purpose)
{
	static const uint8_t no_salt[CRYPT_SHA256_BYTES];
	struct secret *out = secret_new(CRYPT_SHA256_BYTES);
	struct secret *prk = secret_new(CRYPT_SHA256_BYTES);
	uint8_t info[128];
	size_t len = strlen(purpose);

	must(len < sizeof info);
	memcpy(info, purpose, len);
	info[len] = 1;
	crypt_hmac_sha256(secret_data(prk), bytes_of(no_salt, sizeof no_salt), secret_view(key));
	crypt_hmac_sha256(secret_data(out), secret_view(prk), bytes_of(info, len + 1));
	secret_free(&prk);
	return out;
}
