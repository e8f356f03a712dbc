/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures and derived keys against the vectors of RFC 8032 §7.1 and RFC 5869 §A.3, and every changed byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base_text.h"
#include "crypt_sign.h"

static const struct vector {
	const char *name, *seed, *public_key, *message, *signature;
} VECTORS[] = {
    {"RFC 8032 test 1", "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
	"d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
	"e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701c"
	"f9b46b"
	"d25bf5f0595bbe24655141438e7a100b"},
    {"RFC 8032 test 3", "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
	"fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
	"6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f76098"
	"4dc659"
	"4a7c15e9716ed28dc027beceea1ec40a"},
};

static void
signatures_fit_the_vectors(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof VECTORS / sizeof *VECTORS; i++) {
		const struct vector *v = &VECTORS[i];
		uint8_t message[8], want[CRYPT_SIGN_BYTES], got[CRYPT_SIGN_BYTES];
		uint8_t public_want[32], public_got[32];
		struct secret *seed = secret_new(CRYPT_SIGN_SEED_BYTES);
		size_t len = strlen(v->message) / 2;

		assert_true(text_hex_parse(secret_data(seed), 32, bytes_of_str(v->seed)));
		assert_true(text_hex_parse(public_want, 32, bytes_of_str(v->public_key)));
		assert_true(text_hex_parse(message, len, bytes_of_str(v->message)));
		assert_true(text_hex_parse(want, sizeof want, bytes_of_str(v->signature)));
		crypt_sign_public(seed, public_got);
		assert_memory_equal(public_got, public_want, 32);
		crypt_sign(seed, bytes_of(message, len), got);
		assert_memory_equal(got, want, sizeof want);
		assert_true(crypt_sign_verify(public_got, bytes_of(message, len), got));
		for (size_t at = 0; at < sizeof got; at++) {
			got[at] ^= 1;
			assert_false(crypt_sign_verify(public_got, bytes_of(message, len), got));
			got[at] ^= 1;
		}
		assert_false(crypt_sign_verify(public_got, BYTES_LIT("another"), got));
		secret_free(&seed);
	}
}

static void
weak_keys_are_refused(void **state)
{
	uint8_t zero[CRYPT_SIGN_BYTES] = {0}, point[32] = {1};

	(void)state;
	assert_false(crypt_sign_verify(point, BYTES_LIT("x"), zero));
	assert_false(crypt_sign_verify(zero, BYTES_LIT("x"), zero));
}

/* RFC 5869 §A.3 has an empty info; its first 32 bytes. */
static void
derived_keys_fit_the_vector(void **state)
{
	struct secret *key = secret_new(22), *empty, *one, *two;
	uint8_t want[32];

	(void)state;
	memset(secret_data(key), 0x0b, 22);
	assert_true(text_hex_parse(want, sizeof want,
	    BYTES_LIT("8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d")));
	empty = crypt_sign_derive(key, "");
	one = crypt_sign_derive(key, "one");
	two = crypt_sign_derive(key, "two");
	assert_memory_equal(secret_view(empty).ptr, want, sizeof want);
	assert_false(bytes_equal(secret_view(one), secret_view(two)));
	secret_free(&empty);
	secret_free(&one);
	secret_free(&two);
	secret_free(&key);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(signatures_fit_the_vectors),
	    cmocka_unit_test(weak_keys_are_refused),
	    cmocka_unit_test(derived_keys_fit_the_vector),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
