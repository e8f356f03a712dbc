/* SPDX-License-Identifier: Apache-2.0 */
/* Keys that share pages stay apart, are zero when new, and go without a trace. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "crypt_secret.h"

#define MANY 1000u

static bool
is_filled(struct bytes b, uint8_t with)
{
	for (size_t i = 0; i < b.len; i++)
		if (b.ptr[i] != with)
			return false;
	return true;
}

/* Taken, freed and taken again in a wild order: each holds what was put into it. */
static void
many_secrets_stay_apart(void **state)
{
	static const size_t lengths[] = {1, 16, 32, 63, 64, 65, 128, 4096};
	struct secret *all[MANY] = {NULL};

	(void)state;
	for (unsigned step = 0; step < 4 * MANY; step++) {
		unsigned i = step * 7919 % MANY;

		if (all[i] != NULL && step % 3 == 0) {
			assert_true(is_filled(secret_view(all[i]), (uint8_t)i));
			secret_free(&all[i]);
			assert_null(all[i]);
		}
		if (all[i] == NULL) {
			size_t len = lengths[i % (sizeof lengths / sizeof *lengths)];

			all[i] = secret_new(len);
			assert_int_equal(secret_view(all[i]).len, len);
			assert_true(is_filled(secret_view(all[i]), 0));
			memset(secret_data(all[i]), (int)(i & 0xff), len);
		}
	}
	for (unsigned i = 0; i < MANY; i++) {
		assert_true(all[i] == NULL || is_filled(secret_view(all[i]), (uint8_t)i));
		secret_free(&all[i]);
	}
}

/* The place of a key that went is wiped before another one gets it, and while nobody has it. */
static void
what_was_freed_is_wiped(void **state)
{
	struct secret *neighbour = secret_new(32), *s = secret_new(32);
	const uint8_t *place = secret_data(s);

	(void)state;
	memset(secret_data(s), 0xa5, 32);
	secret_free(&s);
	assert_true(is_filled(bytes_of(place, 32), 0)); /* its page is the neighbour's, too */
	secret_free(&neighbour);
	secret_free(&neighbour);
}

static void
copies_are_copies(void **state)
{
	uint8_t raw[48];
	struct secret *s;

	(void)state;
	memset(raw, 7, sizeof raw);
	s = secret_of(bytes_of(raw, sizeof raw));
	memset(raw, 8, sizeof raw);
	assert_true(is_filled(secret_view(s), 7));
	secret_free(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(many_secrets_stay_apart),
	    cmocka_unit_test(what_was_freed_is_wiped),
	    cmocka_unit_test(copies_are_copies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
