/* SPDX-License-Identifier: Apache-2.0 */
/* Sealing: vectors of the GCM specification, round trips, and every changed byte noticed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base_text.h"
#include "crypt_seal.h"

static const uint8_t ZERO_NONCE[CRYPT_NONCE_BYTES];

/* Test cases 13 and 14 of "The Galois/Counter Mode of Operation" (McGrew, Viega), 256-bit zero key. */
static void
seal_fits_vectors(void **state)
{
	struct secret *key = secret_new(CRYPT_KEY_BYTES);
	struct crypt_sealer *s = crypt_sealer_new(key);
	uint8_t zero[16] = {0};
	char text[65];
	struct buf out;

	(void)state;
	buf_init(&out, 64);
	crypt_seal(s, ZERO_NONCE, BYTES_EMPTY, BYTES_EMPTY, &out);
	text_hex_format(text, buf_view(&out));
	assert_string_equal(text, "530f8afbc74536b9a963b4f1c4cb738b");
	buf_reset(&out);
	crypt_seal(s, ZERO_NONCE, BYTES_EMPTY, bytes_of(zero, sizeof zero), &out);
	text_hex_format(text, buf_view(&out));
	assert_string_equal(
	    text, "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919");
	buf_fini(&out);
	crypt_sealer_free(&s);
	secret_free(&key);
}

static void
seal_round_trips_and_appends(void **state)
{
	static const size_t LENGTHS[] = {0, 1, 15, 16, 17, 1000, 70000};
	struct rng_seeded seeded = {2};
	struct rng rng = rng_seeded(&seeded);
	struct secret *key = secret_random(CRYPT_KEY_BYTES, &rng);
	struct crypt_sealer *s = crypt_sealer_new(key);
	struct buf plain, sealed, back;
	struct err err;

	(void)state;
	buf_init(&plain, 1 << 20);
	buf_init(&sealed, 1 << 20);
	buf_init(&back, 1 << 20);
	for (size_t i = 0; i < sizeof LENGTHS / sizeof *LENGTHS; i++) {
		uint8_t nonce[CRYPT_NONCE_BYTES];
		size_t was = back.len;

		crypt_nonce_of(nonce, 7, i);
		buf_reset(&plain);
		buf_reset(&sealed);
		if (LENGTHS[i] > 0) {
			rng_fill(&rng, buf_reserve(&plain, LENGTHS[i]), LENGTHS[i]);
			buf_grow(&plain, LENGTHS[i]);
		}
		crypt_seal(s, nonce, BYTES_LIT("about"), buf_view(&plain), &sealed);
		assert_int_equal(sealed.len, LENGTHS[i] + CRYPT_TAG_BYTES);
		assert_true(
		    crypt_unseal(s, nonce, BYTES_LIT("about"), buf_view(&sealed), &back, &err));
		assert_true(
		    bytes_equal(bytes_slice(buf_view(&back), was, SIZE_MAX), buf_view(&plain)));
	}
	buf_fini(&plain);
	buf_fini(&sealed);
	buf_fini(&back);
	crypt_sealer_free(&s);
	secret_free(&key);
}

static void
unseal_refuses_every_changed_byte(void **state)
{
	struct rng_seeded seeded = {3};
	struct rng rng = rng_seeded(&seeded);
	struct secret *key = secret_random(CRYPT_KEY_BYTES, &rng);
	struct crypt_sealer *s = crypt_sealer_new(key);
	struct buf sealed, back;
	struct err err;

	(void)state;
	buf_init(&sealed, 100);
	buf_init(&back, 100);
	crypt_seal(s, ZERO_NONCE, BYTES_LIT("aad"), BYTES_LIT("some plaintext"), &sealed);
	for (size_t i = 0; i < sealed.len; i++) {
		sealed.ptr[i] ^= 1;
		assert_false(
		    crypt_unseal(s, ZERO_NONCE, BYTES_LIT("aad"), buf_view(&sealed), &back, &err));
		assert_int_equal(err.code, ERR_CORRUPT);
		assert_int_equal(back.len, 0);
		sealed.ptr[i] ^= 1;
	}
	for (size_t len = 0; len < sealed.len; len++)
		assert_false(crypt_unseal(s, ZERO_NONCE, BYTES_LIT("aad"),
		    bytes_slice(buf_view(&sealed), 0, len), &back, &err));
	assert_false(crypt_unseal(s, ZERO_NONCE, BYTES_LIT("aae"), buf_view(&sealed), &back, &err));
	assert_false(crypt_unseal(s, ZERO_NONCE, BYTES_EMPTY, buf_view(&sealed), &back, &err));
	/* and a refusal leaves the sealer fit for use */
	assert_true(crypt_unseal(s, ZERO_NONCE, BYTES_LIT("aad"), buf_view(&sealed), &back, &err));
	assert_string_equal(buf_text(&back), "some plaintext");
	buf_fini(&sealed);
	buf_fini(&back);
	crypt_sealer_free(&s);
	secret_free(&key);
}

static void
seal_respects_the_buffers_limit(void **state)
{
	struct secret *key = secret_new(CRYPT_KEY_BYTES);
	struct crypt_sealer *s = crypt_sealer_new(key);
	struct buf small, sealed;
	struct err err;

	(void)state;
	buf_init(&small, 20);
	crypt_seal(s, ZERO_NONCE, BYTES_EMPTY, BYTES_LIT("12345"), &small);
	assert_true(small.failed);
	assert_int_equal(small.len, 0);
	buf_fini(&small);
	buf_init(&sealed, 100);
	crypt_seal(s, ZERO_NONCE, BYTES_EMPTY, BYTES_LIT("12345"), &sealed);
	buf_init(&small, 4);
	assert_false(crypt_unseal(s, ZERO_NONCE, BYTES_EMPTY, buf_view(&sealed), &small, &err));
	assert_int_equal(err.code, ERR_LIMIT);
	buf_fini(&small);
	buf_fini(&sealed);
	crypt_sealer_free(&s);
	secret_free(&key);
}

static void
nonce_is_domain_then_counter(void **state)
{
	uint8_t nonce[CRYPT_NONCE_BYTES];
	char text[2 * CRYPT_NONCE_BYTES + 1];

	(void)state;
	crypt_nonce_of(nonce, 0x01020304, UINT64_C(0x05060708090a0b0c));
	text_hex_format(text, bytes_of(nonce, sizeof nonce));
	assert_string_equal(text, "0102030405060708090a0b0c");
}

static void
secret_is_zero_when_new_and_gone_when_freed(void **state)
{
	struct secret *s = secret_new(4096);
	uint8_t zero[4096] = {0};

	(void)state;
	assert_int_equal(secret_view(s).len, 4096);
	assert_memory_equal(secret_view(s).ptr, zero, sizeof zero);
	secret_data(s)[4095] = 1;
	secret_free(&s);
	assert_null(s);
	secret_free(&s);
	s = secret_of(BYTES_LIT("k"));
	assert_true(bytes_equal(secret_view(s), BYTES_LIT("k")));
	secret_free(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(seal_fits_vectors),
	    cmocka_unit_test(seal_round_trips_and_appends),
	    cmocka_unit_test(unseal_refuses_every_changed_byte),
	    cmocka_unit_test(seal_respects_the_buffers_limit),
	    cmocka_unit_test(nonce_is_domain_then_counter),
	    cmocka_unit_test(secret_is_zero_when_new_and_gone_when_freed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
