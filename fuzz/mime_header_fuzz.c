/* SPDX-License-Identifier: Apache-2.0 */
/* Header blocks: fields inside the bytes, texts that are UTF-8 and show no controls. */
#include <stddef.h>
#include <stdint.h>

#include "mime_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	mime_check_fields(bytes_of(data, size));
	return 0;
}
