/* SPDX-License-Identifier: Apache-2.0 */
/* Whole messages: a tree that nests, contents and texts within their bounds. */
#include <stddef.h>
#include <stdint.h>

#include "mime_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mime_message m;
	struct arena arena;

	arena_init(&arena);
	mime_check_message(&arena, bytes_of(data, size), &m);
	arena_fini(&arena);
	return 0;
}
