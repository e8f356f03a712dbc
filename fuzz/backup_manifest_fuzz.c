/* SPDX-License-Identifier: Apache-2.0 */
/* Manifests from a disk that lies: what parses prints back as it was; no path leaves the directory. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "backup_manifest.h"
#include "base_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
parse(struct bytes text)
{
	struct backup_manifest m;
	struct arena arena;
	struct buf again;
	struct err err;

	arena_init(&arena);
	if (backup_manifest_parse(text, &arena, &m, &err)) {
		for (size_t i = 0; i < m.count; i++)
			must(strstr(m.files[i].path, "..") == NULL ||
			     backup_manifest_path_ok(bytes_of_str(m.files[i].path)));
		buf_init(&again, BACKUP_MANIFEST_BYTES_MAX);
		backup_manifest_print(&m, &again);
		must(bytes_equal(buf_view(&again), text));
		buf_fini(&again);
	}
	arena_fini(&arena);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char hex[2 * CRYPT_SHA256_BYTES + 1];
	uint8_t digest[CRYPT_SHA256_BYTES];
	struct buf text;

	parse(bytes_of(data, size));
	/* with the digest that belongs to it, so that the lines themselves are reached */
	buf_init(&text, BACKUP_MANIFEST_BYTES_MAX);
	buf_append_mem(&text, data, size);
	crypt_sha256(digest, buf_view(&text));
	text_hex_format(hex, bytes_of(digest, sizeof digest));
	buf_printf(&text, "end %s\n", hex);
	parse(buf_view(&text));
	buf_fini(&text);
	return 0;
}
