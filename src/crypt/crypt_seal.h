/* SPDX-License-Identifier: Apache-2.0 */
/* AES-256-GCM (NIST SP 800-38D) with 96-bit nonces and 128-bit tags. */
#ifndef CRYPT_SEAL_H
#define CRYPT_SEAL_H

#include "base_bytes.h"
#include "crypt_secret.h"

#define CRYPT_KEY_BYTES   32
#define CRYPT_NONCE_BYTES 12
#define CRYPT_TAG_BYTES   16

/* A key made ready; one thread at a time. */
struct crypt_sealer;
/* crypt_sealer_new: key is lent, CRYPT_KEY_BYTES long. */
struct crypt_sealer *crypt_sealer_new(const struct secret *key);
void crypt_sealer_free(struct crypt_sealer **s);

/* crypt_nonce_of: domain in the first four bytes, counter in the last eight, both big-endian. A (key, domain, counter)
 * triple is used once in the life of the key: that is the caller's duty and part of its format page. */
void crypt_nonce_of(uint8_t out[CRYPT_NONCE_BYTES], uint32_t domain, uint64_t counter);

/* crypt_seal: appends ciphertext (plain.len bytes) and tag to out. */
void crypt_seal(struct crypt_sealer *s, const uint8_t nonce[CRYPT_NONCE_BYTES], struct bytes aad,
    struct bytes plain, struct buf *out);
/* crypt_unseal: appends the plaintext to out; ERR_CORRUPT (and nothing appended) when the tag does not fit. */
MUST_USE bool crypt_unseal(struct crypt_sealer *s, const uint8_t nonce[CRYPT_NONCE_BYTES],
    struct bytes aad, struct bytes sealed, struct buf *out, struct err *err);

#endif
