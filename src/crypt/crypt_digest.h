/* SPDX-License-Identifier: Apache-2.0 */
/* Digests and checksums. */
#ifndef CRYPT_DIGEST_H
#define CRYPT_DIGEST_H

#include <stdint.h>

#include "base_bytes.h"

#define CRYPT_SHA256_BYTES 32

void crypt_sha256(uint8_t out[CRYPT_SHA256_BYTES], struct bytes data);
/* Streaming form: init, add any number of times, done once (frees). */
struct crypt_sha256_stream;
struct crypt_sha256_stream *crypt_sha256_new(void);
void crypt_sha256_add(struct crypt_sha256_stream *s, struct bytes data);
void crypt_sha256_done(struct crypt_sha256_stream **s, uint8_t out[CRYPT_SHA256_BYTES]);
/* crypt_sha256_free: give up without a result; accepts NULL in *s. */
void crypt_sha256_free(struct crypt_sha256_stream **s);
void crypt_hmac_sha256(uint8_t out[CRYPT_SHA256_BYTES], struct bytes key, struct bytes data);
/* crypt_crc32c: Castagnoli, as in RFC 3720 §B.4; seed is a previous result or 0. Hardware where there is any. */
uint32_t crypt_crc32c(uint32_t seed, struct bytes data);

#endif
