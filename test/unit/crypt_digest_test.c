/* SPDX-License-Identifier: Apache-2.0 */
/* Published vectors: FIPS 180-4 examples, RFC 4231, RFC 3720 §B.4. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base_rng.h"
#include "base_text.h"
#include "crypt_crc32c_int.h"
#include "crypt_digest.h"

static void
expect_hex(const uint8_t digest[CRYPT_SHA256_BYTES], const char *hex)
{
	char text[2 * CRYPT_SHA256_BYTES + 1];

	text_hex_format(text, bytes_of(digest, CRYPT_SHA256_BYTES));
	assert_string_equal(text, hex);
}

static const struct {
	const char *name, *data, *hex;
} SHA256_ROWS[] = {
    {"empty", "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {"one block", "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {"two blocks", "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
	"248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
};

static void
sha256_fits_vectors(void **state)
{
	uint8_t digest[CRYPT_SHA256_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof SHA256_ROWS / sizeof *SHA256_ROWS; i++) {
		struct bytes data = bytes_of_str(SHA256_ROWS[i].data);
		struct crypt_sha256_stream *s = crypt_sha256_new();

		print_message("  %s\n", SHA256_ROWS[i].name);
		crypt_sha256(digest, data);
		expect_hex(digest, SHA256_ROWS[i].hex);
		for (size_t at = 0; at < data.len; at++)
			crypt_sha256_add(s, bytes_slice(data, at, 1));
		crypt_sha256_done(&s, digest);
		assert_null(s);
		expect_hex(digest, SHA256_ROWS[i].hex);
	}
}

static void
sha256_may_be_given_up(void **state)
{
	struct crypt_sha256_stream *s = crypt_sha256_new();

	(void)state;
	crypt_sha256_add(s, BYTES_LIT("half"));
	crypt_sha256_free(&s);
	assert_null(s);
	crypt_sha256_free(&s);
}

static void
hmac_fits_vectors(void **state)
{
	uint8_t key[131], digest[CRYPT_SHA256_BYTES];

	(void)state;
	memset(key, 0x0b, 20);
	crypt_hmac_sha256(digest, bytes_of(key, 20), BYTES_LIT("Hi There"));
	expect_hex(digest, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
	crypt_hmac_sha256(digest, BYTES_LIT("Jefe"), BYTES_LIT("what do ya want for nothing?"));
	expect_hex(digest, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	memset(key, 0xaa, sizeof key);
	crypt_hmac_sha256(digest, bytes_of(key, sizeof key),
	    BYTES_LIT("Test Using Larger Than Block-Size Key - Hash Key First"));
	expect_hex(digest, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

static void
crc32c_fits_vectors(void **state)
{
	uint8_t block[32];

	(void)state;
	assert_int_equal(crypt_crc32c(0, BYTES_EMPTY), 0);
	assert_int_equal(crypt_crc32c(0, BYTES_LIT("123456789")), 0xe3069283);
	memset(block, 0, sizeof block);
	assert_int_equal(crypt_crc32c(0, bytes_of(block, sizeof block)), 0x8a9136aa);
	memset(block, 0xff, sizeof block);
	assert_int_equal(crypt_crc32c(0, bytes_of(block, sizeof block)), 0x62a8ab43);
	for (size_t i = 0; i < sizeof block; i++)
		block[i] = (uint8_t)i;
	assert_int_equal(crypt_crc32c(0, bytes_of(block, sizeof block)), 0x46dd794e);
}

static void
crc32c_hardware_equals_table(void **state)
{
	struct rng_seeded seeded = {1};
	struct rng rng = rng_seeded(&seeded);
	uint8_t data[300];

	(void)state;
	rng_fill(&rng, data, sizeof data);
	for (size_t from = 0; from < 9; from++)
		for (size_t len = 0; len <= 280; len++) {
			struct bytes part = bytes_of(data + from, len);
			size_t cut = len / 3;
			uint32_t whole = crypt_crc32c(0, part);

			assert_int_equal(whole, crypt_crc32c_table(0, part));
			assert_int_equal(
			    whole, crypt_crc32c(crypt_crc32c(0, bytes_slice(part, 0, cut)),
				       bytes_slice(part, cut, len)));
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(sha256_fits_vectors),
	    cmocka_unit_test(sha256_may_be_given_up),
	    cmocka_unit_test(hmac_fits_vectors),
	    cmocka_unit_test(crc32c_fits_vectors),
	    cmocka_unit_test(crc32c_hardware_equals_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
