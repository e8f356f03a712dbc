/* SPDX-License-Identifier: Apache-2.0 */
/* argon2id by libsodium, at one cost for right, wrong and unknown. */
#include "crypt_password.h"

#include <errno.h>

#include <sodium.h>

#include "crypt_secret.h"

#define OPERATIONS         2
#define MEMORY_BYTES       ((size_t)16 * 1024 * 1024)
#define PASSWORD_BYTES_MAX 1024

_Static_assert(CRYPT_PASSWORD_TEXT_SIZE == crypto_pwhash_argon2id_STRBYTES, "the stored text fits");

/* libsodium wants a pointer even for the empty password. */
static const char *
text_of(struct bytes password)
{
	return password.len == 0 ? "" : (const char *)password.ptr;
}

bool
crypt_password_hash(char out[CRYPT_PASSWORD_TEXT_SIZE], struct bytes password, struct err *err)
{
	must(sodium_init() >= 0);
	if (password.len > PASSWORD_BYTES_MAX)
		return ERR(err, ERR_LIMIT, "a password of %zu bytes", password.len);
	/* The only way to fail is memory, and memory that fails is not survived. */
	must(crypto_pwhash_argon2id_str(
		 out, text_of(password), password.len, OPERATIONS, MEMORY_BYTES) == 0);
	return true;
}

/* The work of a comparison, for nothing. */
static bool
work_in_vain(struct bytes password)
{
	static const uint8_t SALT[crypto_pwhash_argon2id_SALTBYTES];
	uint8_t hash[32];

	must(crypto_pwhash_argon2id(hash, sizeof hash, text_of(password), password.len, SALT,
		 OPERATIONS, MEMORY_BYTES, crypto_pwhash_argon2id_ALG_ARGON2ID13) == 0);
	secret_wipe(hash, sizeof hash);
	return false;
}

bool
crypt_password_match(const char *stored, struct bytes password)
{
	bool same;

	must(sodium_init() >= 0);
	if (stored == NULL || password.len > PASSWORD_BYTES_MAX)
		return work_in_vain(bytes_slice(password, 0, PASSWORD_BYTES_MAX));
	errno = 0;
	same = crypto_pwhash_argon2id_str_verify(stored, text_of(password), password.len) == 0;
	must(same || errno != ENOMEM); /* no memory is not a wrong password */
	return same;
}
