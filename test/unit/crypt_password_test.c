/* SPDX-License-Identifier: Apache-2.0 */
/* Stored passwords. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "crypt_password.h"

static void
password_matches_itself_only(void **state)
{
	char stored[CRYPT_PASSWORD_TEXT_SIZE], again[CRYPT_PASSWORD_TEXT_SIZE];
	struct err err;

	(void)state;
	assert_true(crypt_password_hash(stored, BYTES_LIT("correct horse"), &err));
	assert_true(crypt_password_hash(again, BYTES_LIT("correct horse"), &err));
	assert_string_not_equal(stored, again);
	assert_int_equal(strncmp(stored, "$argon2id$v=19$m=16384,t=2,p=1$", 31), 0);
	assert_true(crypt_password_match(stored, BYTES_LIT("correct horse")));
	assert_true(crypt_password_match(again, BYTES_LIT("correct horse")));
	assert_false(crypt_password_match(stored, BYTES_LIT("correct hors")));
	assert_false(crypt_password_match(stored, BYTES_LIT("correct horse\0")));
	assert_false(crypt_password_match(stored, BYTES_EMPTY));
}

static void
password_of_nobody_matches_nothing(void **state)
{
	(void)state;
	assert_false(crypt_password_match(NULL, BYTES_LIT("x")));
	assert_false(crypt_password_match(NULL, BYTES_EMPTY));
	assert_false(crypt_password_match("", BYTES_LIT("x")));
	assert_false(crypt_password_match("plain", BYTES_LIT("plain")));
}

static void
password_has_a_limit(void **state)
{
	static uint8_t long_one[1025];
	char stored[CRYPT_PASSWORD_TEXT_SIZE];
	struct err err;

	(void)state;
	assert_false(crypt_password_hash(stored, bytes_of(long_one, sizeof long_one), &err));
	assert_int_equal(err.code, ERR_LIMIT);
	assert_true(crypt_password_hash(stored, bytes_of(long_one, 1024), &err));
	assert_true(crypt_password_match(stored, bytes_of(long_one, 1024)));
	assert_false(crypt_password_match(stored, bytes_of(long_one, 1025)));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(password_matches_itself_only),
	    cmocka_unit_test(password_of_nobody_matches_nothing),
	    cmocka_unit_test(password_has_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
