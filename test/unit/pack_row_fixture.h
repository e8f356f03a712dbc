/* SPDX-License-Identifier: Apache-2.0 */
/* Random rows for tests of the archive, the same for the same seed. */
#ifndef PACK_ROW_FIXTURE_H
#define PACK_ROW_FIXTURE_H

#include "pack_row.h"
#include "base_arena.h"
#include "base_rng.h"

/* row_fixture_random: everything filled or absent by chance, in arena; id made from received_ms; digest and size of an
 * empty message. */
void row_fixture_random(
    struct arena *arena, const struct rng *rng, int64_t received_ms, struct pack_row *out);
/* row_fixture_equal: every field. */
bool row_fixture_equal(const struct pack_row *a, const struct pack_row *b);

#endif
