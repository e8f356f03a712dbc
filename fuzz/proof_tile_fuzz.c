/* SPDX-License-Identifier: Apache-2.0 */
/* Paths of tiles from strangers: one name for one tile. */
#include <stddef.h>
#include <stdint.h>

#include "proof_tile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes path = bytes_of(data, size);
	char again[PROOF_TILE_PATH_SIZE];
	struct proof_tile tile;
	struct err err;

	if (proof_tile_parse(path, &tile, &err)) {
		proof_tile_format(again, &tile);
		must(bytes_equal(bytes_of_str(again), path));
	}
	return 0;
}
