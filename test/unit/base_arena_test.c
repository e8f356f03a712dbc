/* SPDX-License-Identifier: Apache-2.0 */
/* An arena hands out zeroed, aligned memory that does not overlap, whatever the sizes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base_arena.h"
#include "base_rng.h"

#define PIECES 300

static void
pieces(void **state)
{
	struct rng_seeded seed = {5};
	struct rng rng = rng_seeded(&seed);
	struct arena a;
	uint8_t *piece[PIECES];
	size_t len[PIECES], total = 0;

	(void)state;
	arena_init(&a);
	for (size_t i = 0; i < PIECES; i++) {
		len[i] = (size_t)rng_below(&rng, i % 10 == 0 ? 9000 : 200);
		piece[i] = arena_alloc(&a, len[i]);
		assert_int_equal((uintptr_t)piece[i] % 16, 0);
		for (size_t j = 0; j < len[i]; j++)
			assert_int_equal(piece[i][j], 0);
		if (len[i] > 0)
			memset(piece[i], (int)(i & 0xff), len[i]);
		total += len[i];
		assert_true(a.used_bytes >= total);
	}
	for (size_t i = 0; i < PIECES; i++)
		for (size_t j = 0; j < len[i]; j++)
			if (piece[i][j] != (uint8_t)i)
				fail_msg("piece %zu was written over", i);
	arena_fini(&a);
	assert_int_equal(a.used_bytes, 0);
	assert_non_null(arena_calloc(&a, 3, 5)); /* usable again */
	arena_fini(&a);
}

static void
copies(void **state)
{
	struct arena a;
	struct bytes view;
	char big[5001];

	(void)state;
	arena_init(&a);
	assert_string_equal(arena_strdup(&a, "text"), "text");
	assert_string_equal(arena_text(&a, BYTES_EMPTY), "");
	assert_memory_equal(arena_text(&a, BYTES_LIT("a\0b")), "a\0b", 4);
	view = arena_bytes(&a, BYTES_LIT("x\0y"));
	assert_true(bytes_equal(view, BYTES_LIT("x\0y")));
	memset(big, 'z', sizeof big - 1);
	big[sizeof big - 1] = '\0';
	assert_string_equal(arena_printf(&a, "%s%d", big, 7) + 5000, "7");
	arena_fini(&a);
	arena_fini(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(pieces), cmocka_unit_test(copies)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
