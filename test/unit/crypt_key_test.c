/* SPDX-License-Identifier: Apache-2.0 */
/* Key files (docs/formats/key-file.md) and wrapped keys (docs/formats/wrapped-key.md). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "crypt_key.h"
#include "crypt_seal.h"

#define FILE_BYTES 60

struct place {
	char folder[64];
	char data[80];
	char key[80];
	struct rng rng;
};

static int
place_make(void **state)
{
	static struct place place;

	(void)snprintf(place.folder, sizeof place.folder, "/tmp/daybook-key-XXXXXX");
	if (mkdtemp(place.folder) == NULL)
		return 1;
	(void)snprintf(place.data, sizeof place.data, "%s/data", place.folder);
	(void)snprintf(place.key, sizeof place.key, "%s/key", place.folder);
	place.rng = rng_system();
	*state = &place;
	return mkdir(place.data, 0700);
}

static int
place_clear(void **state)
{
	struct place *p = *state;
	char command[128];

	(void)snprintf(command, sizeof command, "rm -rf '%s'", p->folder);
	return system(command);
}

static enum err_code
open_code(const struct place *p, const char *path, bool create)
{
	struct crypt_keys *keys = NULL;
	struct err err = {.code = ERR_NONE};

	if (crypt_keys_open_file(path, p->data, create, &p->rng, &keys, &err))
		assert_non_null(keys);
	else
		assert_null(keys);
	crypt_keys_free(&keys);
	return err.code;
}

static void
file_put(const char *path, const void *data, size_t len, mode_t mode)
{
	FILE *f;

	(void)unlink(path);
	f = fopen(path, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static void
file_is_made_once(void **state)
{
	struct place *p = *state;
	struct crypt_keys *first = NULL, *second = NULL;
	struct stat st;
	struct err err;

	assert_int_equal(open_code(p, p->key, false), ERR_NOT_FOUND);
	assert_true(crypt_keys_open_file(p->key, p->data, true, &p->rng, &first, &err));
	assert_int_equal(stat(p->key, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0400);
	assert_int_equal(st.st_size, FILE_BYTES);
	assert_int_equal(st.st_nlink, 1); /* no draft is left */
	assert_true(crypt_keys_open_file(p->key, p->data, true, &p->rng, &second, &err));
	assert_string_equal(crypt_keys_id(first), crypt_keys_id(second));
	assert_int_equal(strlen(crypt_keys_id(first)), 16);
	crypt_keys_free(&first);
	crypt_keys_free(&second);
}

static void
file_of_others_is_refused(void **state)
{
	static const mode_t MODES[] = {0440, 0404, 0420, 0402, 0410, 0401, 0644, 0777};
	struct place *p = *state;

	assert_int_equal(open_code(p, p->key, true), ERR_NONE);
	for (size_t i = 0; i < sizeof MODES / sizeof *MODES; i++) {
		assert_int_equal(chmod(p->key, MODES[i]), 0);
		assert_int_equal(open_code(p, p->key, true), ERR_DENIED);
	}
	assert_int_equal(chmod(p->key, 0600), 0);
	assert_int_equal(open_code(p, p->key, false), ERR_NONE);
}

static void
file_in_the_data_directory_is_refused(void **state)
{
	struct place *p = *state;
	char inside[128], link_in[128], link_out[128];

	(void)snprintf(inside, sizeof inside, "%s/key", p->data);
	assert_int_equal(open_code(p, inside, true), ERR_DENIED);
	assert_int_not_equal(access(inside, F_OK), 0); /* and was not made */
	/* a link to a folder inside, and a link to a file inside */
	(void)snprintf(link_in, sizeof link_in, "%s/way", p->folder);
	assert_int_equal(symlink(p->data, link_in), 0);
	(void)snprintf(link_in, sizeof link_in, "%s/way/key", p->folder);
	assert_int_equal(open_code(p, link_in, true), ERR_DENIED);
	(void)snprintf(link_out, sizeof link_out, "%s/direct", p->folder);
	assert_int_equal(open_code(p, p->key, true), ERR_NONE);
	assert_int_equal(rename(p->key, inside), 0);
	assert_int_equal(symlink(inside, link_out), 0);
	assert_int_equal(open_code(p, link_out, false), ERR_DENIED);
	/* a neighbour whose name merely begins alike is fine */
	(void)snprintf(inside, sizeof inside, "%s-key", p->data);
	assert_int_equal(open_code(p, inside, true), ERR_NONE);
}

static void
file_that_is_no_key_is_refused(void **state)
{
	struct place *p = *state;
	struct secret *key = secret_random(CRYPT_KEY_BYTES, &p->rng), *file = crypt_key_format(key);
	uint8_t raw[FILE_BYTES + 1] = {0};

	assert_int_equal(secret_view(file).len, FILE_BYTES);
	memcpy(raw, secret_view(file).ptr, FILE_BYTES);
	for (size_t len = 0; len <= FILE_BYTES + 1; len++) {
		file_put(p->key, raw, len, 0400);
		assert_int_equal(
		    open_code(p, p->key, true), len == FILE_BYTES ? ERR_NONE : ERR_CORRUPT);
	}
	for (size_t i = 0; i < FILE_BYTES; i++) {
		raw[i] ^= 0x40;
		file_put(p->key, raw, FILE_BYTES, 0400);
		assert_int_equal(
		    open_code(p, p->key, true), i >= 8 && i < 12 ? ERR_UNSUPPORTED : ERR_CORRUPT);
		raw[i] ^= 0x40;
	}
	assert_int_equal(open_code(p, p->data, false), ERR_CORRUPT); /* a folder */
	assert_int_equal(open_code(p, p->folder, false), ERR_CORRUPT);
	secret_free(&key);
	secret_free(&file);
}

static void
wrap_opens_for_the_same_context_only(void **state)
{
	struct place *p = *state;
	struct secret *kek = secret_random(CRYPT_KEY_BYTES, &p->rng),
		      *other = secret_random(CRYPT_KEY_BYTES, &p->rng);
	struct secret *data_key = secret_random(CRYPT_KEY_BYTES, &p->rng), *back = NULL;
	struct crypt_keys *keys = crypt_keys_new(kek, &p->rng),
			  *wrong = crypt_keys_new(other, &p->rng);
	struct buf a, b;
	struct err err;

	buf_init(&a, CRYPT_WRAPPED_BYTES_MAX);
	buf_init(&b, CRYPT_WRAPPED_BYTES_MAX);
	assert_true(crypt_keys_wrap(keys, BYTES_LIT("pack 1"), data_key, &a, &err));
	assert_true(crypt_keys_wrap(keys, BYTES_LIT("pack 1"), data_key, &b, &err));
	assert_false(bytes_equal(buf_view(&a), buf_view(&b)));
	assert_true(crypt_keys_unwrap(keys, BYTES_LIT("pack 1"), buf_view(&a), &back, &err));
	assert_true(bytes_equal(secret_view(back), secret_view(data_key)));
	secret_free(&back);
	assert_false(crypt_keys_unwrap(keys, BYTES_LIT("pack 2"), buf_view(&a), &back, &err));
	assert_int_equal(err.code, ERR_SEALED);
	assert_false(crypt_keys_unwrap(wrong, BYTES_LIT("pack 1"), buf_view(&a), &back, &err));
	assert_int_equal(err.code, ERR_SEALED);
	assert_non_null(strstr(err.msg, crypt_keys_id(keys)));
	for (size_t i = 0; i < a.len; i++) {
		a.ptr[i] ^= 4;
		assert_false(
		    crypt_keys_unwrap(keys, BYTES_LIT("pack 1"), buf_view(&a), &back, &err));
		assert_true(err.code == ERR_SEALED || err.code == ERR_CORRUPT);
		a.ptr[i] ^= 4;
	}
	for (size_t len = 0; len < a.len; len++)
		assert_false(crypt_keys_unwrap(
		    keys, BYTES_LIT("pack 1"), bytes_slice(buf_view(&a), 0, len), &back, &err));
	assert_null(back);
	buf_fini(&a);
	buf_fini(&b);
	crypt_keys_free(&keys);
	crypt_keys_free(&wrong);
	secret_free(&kek);
	secret_free(&other);
	secret_free(&data_key);
}

/* It wraps by the new key alone and opens what either wrapped. */
static void
pair_opens_what_either_wrapped(void **state)
{
	struct place *p = *state;
	struct secret *kek[3] = {secret_random(CRYPT_KEY_BYTES, &p->rng),
	    secret_random(CRYPT_KEY_BYTES, &p->rng), secret_random(CRYPT_KEY_BYTES, &p->rng)};
	struct crypt_keys *keys[3], *pair;
	struct secret *data_key = secret_random(CRYPT_KEY_BYTES, &p->rng);
	struct err err;

	for (size_t i = 0; i < 3; i++)
		keys[i] = crypt_keys_new(kek[i], &p->rng);
	pair = crypt_keys_pair(crypt_keys_new(kek[0], &p->rng), crypt_keys_new(kek[1], &p->rng));
	assert_string_equal(crypt_keys_id(pair), crypt_keys_id(keys[0]));
	for (size_t i = 0; i < 4; i++) {
		struct secret *back = NULL;
		struct buf wrapped;

		buf_init(&wrapped, CRYPT_WRAPPED_BYTES_MAX);
		assert_true(crypt_keys_wrap(
		    i == 3 ? pair : keys[i], BYTES_LIT("c"), data_key, &wrapped, &err));
		assert_int_equal(crypt_keys_is_own(pair, buf_view(&wrapped)), i == 0 || i == 3);
		if (i == 2) {
			assert_false(crypt_keys_unwrap(
			    pair, BYTES_LIT("c"), buf_view(&wrapped), &back, &err));
			assert_int_equal(err.code, ERR_SEALED);
		} else {
			assert_true(crypt_keys_unwrap(
			    pair, BYTES_LIT("c"), buf_view(&wrapped), &back, &err));
			assert_true(bytes_equal(secret_view(back), secret_view(data_key)));
			secret_free(&back);
			assert_false(crypt_keys_unwrap(
			    pair, BYTES_LIT("d"), buf_view(&wrapped), &back, &err));
		}
		buf_fini(&wrapped);
	}
	assert_false(crypt_keys_is_own(pair, BYTES_LIT("short")));
	for (size_t i = 0; i < 3; i++) {
		crypt_keys_free(&keys[i]);
		secret_free(&kek[i]);
	}
	crypt_keys_free(&pair);
	secret_free(&data_key);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(file_is_made_once, place_make, place_clear),
	    cmocka_unit_test_setup_teardown(file_of_others_is_refused, place_make, place_clear),
	    cmocka_unit_test_setup_teardown(
		file_in_the_data_directory_is_refused, place_make, place_clear),
	    cmocka_unit_test_setup_teardown(
		file_that_is_no_key_is_refused, place_make, place_clear),
	    cmocka_unit_test_setup_teardown(
		wrap_opens_for_the_same_context_only, place_make, place_clear),
	    cmocka_unit_test_setup_teardown(
		pair_opens_what_either_wrapped, place_make, place_clear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
