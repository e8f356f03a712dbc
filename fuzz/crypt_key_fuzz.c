/* SPDX-License-Identifier: Apache-2.0 */
/* Key files and wrapped keys from a stranger: neither is ever taken for a key by accident, nor read past its end. */
#include <stddef.h>
#include <stdint.h>

#include "crypt_key.h"
#include "crypt_seal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rng_seeded seeded = {1};
	struct rng rng = rng_seeded(&seeded);
	struct secret *kek = secret_new(CRYPT_KEY_BYTES), *key = NULL;
	struct crypt_keys *keys = crypt_keys_new(kek, &rng);
	struct err err;

	if (crypt_key_parse(bytes_of(data, size), &key, &err))
		must(secret_view(key).len == CRYPT_KEY_BYTES);
	secret_free(&key);
	if (crypt_keys_unwrap(keys, BYTES_LIT("fuzz"), bytes_of(data, size), &key, &err))
		must(secret_view(key).len <= CRYPT_DATA_KEY_BYTES_MAX);
	secret_free(&key);
	crypt_keys_free(&keys);
	secret_free(&kek);
	return 0;
}
