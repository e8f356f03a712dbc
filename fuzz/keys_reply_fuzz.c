/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of key services, and credentials files: whatever comes, what is found lies inside it. */
#include <stddef.h>
#include <stdint.h>

#include "keys_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const path[] = {"data", "plaintext", NULL};
	struct bytes in = bytes_of(data, size), found;
	struct keys_credentials credentials;
	struct buf decoded;
	struct err err;

	buf_init(&decoded, KEYS_PAYLOAD_MAX);
	if (keys_reply_find(in, path, &found))
		must(found.len == 0 || (found.ptr >= data && found.ptr + found.len < data + size));
	if (keys_reply_base64(in, path, &decoded))
		must(decoded.len <= KEYS_PAYLOAD_MAX);
	buf_fini(&decoded);
	if (keys_credentials_parse(in, &credentials, &err))
		must(credentials.id[0] != '\0' && credentials.secret != NULL);
	keys_credentials_fini(&credentials);
	return 0;
}
