/* SPDX-License-Identifier: Apache-2.0 */
/* Ed25519 signatures (RFC 8032), and keys derived from keys (HKDF-SHA-256, RFC 5869). */
#ifndef CRYPT_SIGN_H
#define CRYPT_SIGN_H

#include <stdint.h>

#include "base_bytes.h"
#include "crypt_secret.h"

#define CRYPT_SIGN_SEED_BYTES   32
#define CRYPT_SIGN_PUBLIC_BYTES 32
#define CRYPT_SIGN_BYTES        64

/* crypt_sign_public / crypt_sign: seed is CRYPT_SIGN_SEED_BYTES long, the private key of RFC 8032 §5.1.5. */
void crypt_sign_public(const struct secret *seed, uint8_t out[CRYPT_SIGN_PUBLIC_BYTES]);
void crypt_sign(const struct secret *seed, struct bytes message, uint8_t out[CRYPT_SIGN_BYTES]);
/* crypt_sign_verify: false for any doubt, points of small order and non-canonical encodings included. */
MUST_USE bool crypt_sign_verify(const uint8_t public_key[CRYPT_SIGN_PUBLIC_BYTES],
    struct bytes message, const uint8_t signature[CRYPT_SIGN_BYTES]);

/* crypt_sign_derive: 32 bytes from a key for one purpose: HKDF-SHA-256 without salt, info = purpose. */
struct secret *crypt_sign_derive(const struct secret *key, const char *purpose);

#endif
