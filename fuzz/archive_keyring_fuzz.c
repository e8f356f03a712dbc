/* SPDX-License-Identifier: Apache-2.0 */
/* A keyring from anybody: its checksum is made to fit, so that what lies behind it is reached; what decodes encodes to
 * the same bytes. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "archive_keyring_int.h"
#include "base_mem.h"
#include "crypt_digest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *file = mem_alloc(size + CRYPT_SHA256_BYTES);
	struct archive_keyring r;
	struct buf again;
	struct err err;

	if (size > 0)
		memcpy(file, data, size);
	crypt_sha256(file + size, bytes_of(file, size));
	if (archive_keyring_decode(&r, bytes_of(file, size + CRYPT_SHA256_BYTES), "a-fuzz", &err)) {
		buf_init(&again, ARCHIVE_KEYRING_BYTES_MAX);
		archive_keyring_encode(&r, "a-fuzz", &again);
		must(bytes_equal(buf_view(&again), bytes_of(file, size + CRYPT_SHA256_BYTES)));
		buf_fini(&again);
		archive_keyring_fini(&r);
	}
	mem_free(file);
	return 0;
}
