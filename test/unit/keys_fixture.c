/* SPDX-License-Identifier: Apache-2.0 */
/* What every key service must do, whoever is behind it. */
#include "keys_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#define CONTEXT BYTES_LIT("daybook archive a-one")

struct keys_options
keys_fixture_options(enum keys_kind kind, const char *name)
{
	return (struct keys_options){.kind = kind,
	    .name = name,
	    .call_ms = 3000,
	    .clock = clock_system(),
	    .rng = rng_system(),
	    .fs = os_fs_real()};
}

const char *
keys_fixture_file(const char *dir, const char *name, const char *text, unsigned mode)
{
	static char paths[4][160];
	static unsigned turn;
	char *path = paths[turn++ % 4];
	FILE *f;

	(void)snprintf(path, sizeof paths[0], "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, mode), 0);
	return path;
}

static enum err_code
unwrap_code(struct crypt_keys *keys, struct bytes context, struct bytes wrapped)
{
	struct err err = {.code = ERR_NONE};
	struct secret *back = NULL;

	if (crypt_keys_unwrap(keys, context, wrapped, &back, &err)) {
		secret_free(&back);
		return ERR_NONE;
	}
	assert_null(back);
	if (err.code != ERR_SEALED && err.code != ERR_CORRUPT)
		print_message("          (%s)\n", err.msg);
	return err.code;
}

enum err_code
keys_fixture_wrap_code(struct crypt_keys *keys)
{
	struct rng rng = rng_system();
	struct secret *key = secret_random(32, &rng);
	struct err err = {.code = ERR_NONE};
	struct buf wrapped;

	buf_init(&wrapped, CRYPT_WRAPPED_ANY_BYTES_MAX);
	if (crypt_keys_wrap(keys, CONTEXT, key, &wrapped, &err))
		err.code = ERR_NONE;
	else
		print_message("          (%s)\n", err.msg);
	buf_fini(&wrapped);
	secret_free(&key);
	return err.code;
}

static void
damage(struct crypt_keys *keys, struct buf *wrapped)
{
	size_t step = wrapped->len / 24 + 1; /* each is a call to somebody */

	for (size_t at = 0; at < wrapped->len; at += step) {
		enum err_code code;

		wrapped->ptr[at] ^= 0x15;
		code = unwrap_code(keys, CONTEXT, buf_view(wrapped));
		if (code != ERR_SEALED && code != ERR_CORRUPT)
			fail_msg("damage at %zu gives %s", at, err_code_name(code));
		wrapped->ptr[at] ^= 0x15;
	}
	assert_int_not_equal(
	    unwrap_code(keys, CONTEXT, bytes_slice(buf_view(wrapped), 0, wrapped->len - 1)),
	    ERR_NONE);
	assert_int_equal(
	    unwrap_code(keys, CONTEXT, bytes_slice(buf_view(wrapped), 0, 9)), ERR_CORRUPT);
	assert_int_equal(unwrap_code(keys, CONTEXT, BYTES_EMPTY), ERR_CORRUPT);
}

void
keys_fixture_contract(struct crypt_keys *keys)
{
	static const size_t sizes[] = {1, 32, CRYPT_DATA_KEY_BYTES_MAX};
	struct rng rng = rng_system();
	struct err err;

	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		struct secret *key = secret_random(sizes[i], &rng), *back = NULL;
		char id[CRYPT_KEY_ID_SIZE];
		struct buf wrapped;

		buf_init(&wrapped, CRYPT_WRAPPED_ANY_BYTES_MAX);
		if (!crypt_keys_wrap(keys, CONTEXT, key, &wrapped, &err))
			fail_msg("wrap: %s", err.msg);
		assert_int_equal(wrapped.ptr[0], CRYPT_WRAPPED_VERSION_SERVICE);
		assert_true(crypt_keys_id_of(buf_view(&wrapped), id, &err));
		assert_string_equal(id, crypt_keys_id(keys));
		if (sizes[i] >= 32)
			assert_int_equal(
			    bytes_find(buf_view(&wrapped), 0, secret_view(key)), SIZE_MAX);
		if (!crypt_keys_unwrap(keys, CONTEXT, buf_view(&wrapped), &back, &err))
			fail_msg("unwrap: %s", err.msg);
		assert_true(bytes_equal(secret_view(key), secret_view(back)));
		assert_int_equal(
		    unwrap_code(keys, BYTES_LIT("daybook archive a-two"), buf_view(&wrapped)),
		    ERR_SEALED);
		assert_int_equal(unwrap_code(keys, BYTES_EMPTY, buf_view(&wrapped)), ERR_SEALED);
		if (sizes[i] == 32)
			damage(keys, &wrapped);
		buf_fini(&wrapped);
		secret_free(&back);
		secret_free(&key);
	}
}
