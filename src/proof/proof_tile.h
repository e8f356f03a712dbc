/* SPDX-License-Identifier: Apache-2.0 */
/* Names of tiles: which piece of a log a path means (C2SP tlog-tiles). */
#ifndef PROOF_TILE_H
#define PROOF_TILE_H

#include <stdint.h>

#include "base_bytes.h"

#define PROOF_TILE_WIDTH     256u /* hashes or entries of a full tile */
#define PROOF_TILE_LEVELS    8u   /* enough for any 64-bit tree size  */
#define PROOF_TILE_PATH_SIZE 64   /* with NUL                         */

struct proof_tile {
	bool entries;   /* an entry bundle; level is 0 */
	unsigned level; /* < PROOF_TILE_LEVELS */
	uint64_t index; /* < 2^56 */
	unsigned width; /* 1 .. PROOF_TILE_WIDTH */
};

/* proof_tile_format: "tile/0/x001/x234/067", "tile/entries/000.p/12". */
void proof_tile_format(char out[PROOF_TILE_PATH_SIZE], const struct proof_tile *tile);
/* proof_tile_parse: exact inverse. fails ERR_SYNTAX. */
MUST_USE bool proof_tile_parse(struct bytes path, struct proof_tile *out, struct err *err);
/* proof_tile_width: how many hashes (entries) that tile has in a tree of size leaves; 0 = it is not there. */
unsigned proof_tile_width(unsigned level, uint64_t index, uint64_t size);

#endif
