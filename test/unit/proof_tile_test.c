/* SPDX-License-Identifier: Apache-2.0 */
/* Paths of tiles: one name for one tile, and nothing else is a name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base_rng.h"
#include "proof_tile.h"

static void
paths_have_one_form(void **state)
{
	static const struct {
		const char *path;
		struct proof_tile tile;
	} ROWS[] = {
	    {"tile/0/000", {false, 0, 0, 256}},
	    {"tile/0/999", {false, 0, 999, 256}},
	    {"tile/0/x001/000", {false, 0, 1000, 256}},
	    {"tile/0/x001/x234/067", {false, 0, 1234067, 256}},
	    {"tile/1/x001/x234/067.p/8", {false, 1, 1234067, 8}},
	    {"tile/entries/x001/x234/067.p/255", {true, 0, 1234067, 255}},
	    {"tile/7/000.p/1", {false, 7, 0, 1}},
	    {"tile/0/x072/x057/x594/x037/x927/935", {false, 0, ((uint64_t)1 << 56) - 1, 256}},
	};
	struct proof_tile got;
	struct err err;
	char path[PROOF_TILE_PATH_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
		proof_tile_format(path, &ROWS[i].tile);
		assert_string_equal(path, ROWS[i].path);
		assert_true(proof_tile_parse(bytes_of_str(ROWS[i].path), &got, &err));
		assert_int_equal(got.entries, ROWS[i].tile.entries);
		assert_int_equal(got.level, ROWS[i].tile.level);
		assert_int_equal(got.index, ROWS[i].tile.index);
		assert_int_equal(got.width, ROWS[i].tile.width);
	}
}

static void
other_paths_are_refused(void **state)
{
	static const char *const ROWS[] = {"", "tile", "tile/", "tile/0", "tile/0/", "tile/0/0",
	    "tile/0/00", "tile/0/0000", "tile/0/x000/000", "tile/0/x001", "tile/0/001/000",
	    "tile/00/000", "tile/8/000", "tile/-1/000", "tile/64/000", "tile/0/000.p",
	    "tile/0/000.p/", "tile/0/000.p/0", "tile/0/000.p/256", "tile/0/000.p/01",
	    "tile/0/000.p/1/", "tile/0/000/", "tile/0/000.p/1x", "tile/0/00a", "tile/0/+01",
	    "tile/entries/", "tile/entries/1", "tile/data/000", "tile/0/../000", "/tile/0/000",
	    "tile//000", "tile/0/x072/x057/x594/x037/x927/936",
	    "tile/0/x999/x999/x999/x999/x999/999", "tile/0/x001/x234/x067", "tile/0/X001/000"};
	struct proof_tile got;
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
		if (proof_tile_parse(bytes_of_str(ROWS[i]), &got, &err))
			fail_msg("taken for a tile: %s", ROWS[i]);
		assert_int_equal(err.code, ERR_SYNTAX);
	}
}

/* The example of C2SP tlog-tiles, "Partial Tiles". */
static void
widths_follow_from_the_size(void **state)
{
	static const struct {
		uint64_t size, index;
		unsigned level, width;
	} ROWS[] = {
	    {70000, 0, 0, 256},
	    {70000, 272, 0, 256},
	    {70000, 273, 0, 112},
	    {70000, 274, 0, 0},
	    {70000, 0, 1, 256},
	    {70000, 1, 1, 17},
	    {70000, 2, 1, 0},
	    {70000, 0, 2, 1},
	    {70000, 0, 3, 0},
	    {256, 0, 0, 256},
	    {256, 1, 0, 0},
	    {256, 0, 1, 1},
	    {0, 0, 0, 0},
	    {UINT64_MAX, 0, 7, 255},
	    {UINT64_MAX, UINT64_MAX, 7, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++)
		assert_int_equal(
		    proof_tile_width(ROWS[i].level, ROWS[i].index, ROWS[i].size), ROWS[i].width);
}

static void
random_tiles_come_back(void **state)
{
	struct rng_seeded seeded = {5};
	struct rng rng = rng_seeded(&seeded);
	char path[PROOF_TILE_PATH_SIZE];
	struct err err;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		struct proof_tile tile = {.entries = rng_below(&rng, 2) == 1,
				      .index = rng_u64(&rng) >> (8 + rng_below(&rng, 56)),
				      .width = 1 + (unsigned)rng_below(&rng, PROOF_TILE_WIDTH)},
				  got;

		tile.level = tile.entries ? 0 : (unsigned)rng_below(&rng, PROOF_TILE_LEVELS);
		proof_tile_format(path, &tile);
		assert_true(proof_tile_parse(bytes_of_str(path), &got, &err));
		assert_int_equal(got.index, tile.index);
		assert_int_equal(got.width, tile.width);
		assert_int_equal(got.level, tile.level);
		assert_int_equal(got.entries, tile.entries);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(paths_have_one_form),
	    cmocka_unit_test(other_paths_are_refused),
	    cmocka_unit_test(widths_follow_from_the_size),
	    cmocka_unit_test(random_tiles_come_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
