/* SPDX-License-Identifier: Apache-2.0 */
/* Access keys in a real catalog. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "auth_key.h"
#include "crypt_seal.h"

struct place {
	char folder[64], path[96];
	struct rng rng;
	struct crypt_keys *keys;
	struct catalog *c;
	struct arena arena;
};

static int
place_make(void **state)
{
	static struct place p;
	struct secret *key;
	struct err err;

	memset(&p, 0, sizeof p);
	(void)snprintf(p.folder, sizeof p.folder, "/tmp/daybook-auth-XXXXXX");
	if (mkdtemp(p.folder) == NULL)
		return 1;
	(void)snprintf(p.path, sizeof p.path, "%s/catalog.db", p.folder);
	p.rng = rng_system();
	key = secret_random(CRYPT_KEY_BYTES, &p.rng);
	p.keys = crypt_keys_new(key, &p.rng);
	secret_free(&key);
	arena_init(&p.arena);
	*state = &p;
	return catalog_open(p.path, p.keys, &p.rng, &p.c, &err) && catalog_begin(p.c, &err) ? 0 : 1;
}

/* Every test leaves its transaction committed. */
static int
place_clear(void **state)
{
	struct place *p = *state;
	char command[96];

	catalog_close(&p->c);
	crypt_keys_free(&p->keys);
	arena_fini(&p->arena);
	(void)snprintf(command, sizeof command, "rm -rf '%s'", p->folder);
	return system(command);
}

static void
keys_have_their_form(void **state)
{
	struct place *p = *state;
	struct auth_key a, b;
	struct err err;

	assert_true(auth_key_create(p->c, "root", &p->rng, 1, &a, &err));
	assert_true(auth_key_create(p->c, "root", &p->rng, 2, &b, &err));
	assert_true(catalog_commit(p->c, &err));
	assert_string_not_equal(a.id, b.id);
	assert_string_not_equal(a.secret, b.secret);
	assert_int_equal(strlen(a.id), 20);
	assert_int_equal(strncmp(a.id, "AKIA", 4), 0);
	assert_int_equal(strspn(a.id + 4, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"), 16);
	assert_int_equal(strlen(a.secret), 40);
	auth_key_wipe(&a);
	assert_int_equal(a.secret[0], '\0');
}

static void
root_is_made_once_and_found_again(void **state)
{
	struct place *p = *state;
	struct auth_key first, again;
	bool created;
	struct err err;

	assert_true(auth_key_ensure_root(p->c, &p->rng, 1, &first, &created, &err));
	assert_true(created);
	assert_true(auth_key_ensure_root(p->c, &p->rng, 2, &again, &created, &err));
	assert_false(created);
	assert_string_equal(first.id, again.id);
	assert_string_equal(first.secret, again.secret);
	assert_true(catalog_commit(p->c, &err));
}

static void
root_keeps_one_active_key(void **state)
{
	struct place *p = *state;
	struct auth_key a, b, other;
	struct catalog_access_key *list;
	size_t count;
	struct err err;

	assert_true(auth_key_create(p->c, "root", &p->rng, 1, &a, &err));
	assert_true(auth_key_create(p->c, "reader", &p->rng, 2, &other, &err));
	assert_false(auth_key_set_active(p->c, a.id, false, &err));
	assert_int_equal(err.code, ERR_BUSY);
	assert_false(auth_key_delete(p->c, a.id, &err));
	assert_int_equal(err.code, ERR_BUSY);
	assert_true(auth_key_create(p->c, "root", &p->rng, 3, &b, &err));
	assert_true(auth_key_set_active(p->c, a.id, false, &err));
	assert_false(auth_key_delete(p->c, b.id, &err));
	assert_int_equal(err.code, ERR_BUSY);
	assert_true(auth_key_delete(p->c, a.id, &err));
	assert_true(auth_key_set_active(p->c, other.id, false, &err));
	assert_true(auth_key_list(p->c, &p->arena, &list, &count, &err));
	assert_int_equal(count, 2);
	assert_string_equal(list[0].id, other.id);
	assert_string_equal(list[0].status, "Inactive");
	assert_string_equal(list[1].id, b.id);
	assert_string_equal(list[1].status, "Active");
	assert_true(auth_key_delete(p->c, other.id, &err));
	assert_false(auth_key_delete(p->c, other.id, &err));
	assert_int_equal(err.code, ERR_NOT_FOUND);
	assert_false(auth_key_set_active(p->c, "AKIANOBODY", true, &err));
	assert_int_equal(err.code, ERR_NOT_FOUND);
	assert_true(catalog_commit(p->c, &err));
}

static void
source_finds_what_is_there(void **state)
{
	struct place *p = *state;
	struct auth_key_source source = auth_key_source_catalog(p->c);
	struct auth_found found = {NULL, NULL, false};
	struct auth_key a, b;
	struct err err;

	assert_true(auth_key_create(p->c, "root", &p->rng, 1, &a, &err));
	assert_true(auth_key_create(p->c, "reader", &p->rng, 2, &b, &err));
	assert_true(auth_key_set_active(p->c, b.id, false, &err));
	assert_true(catalog_commit(p->c, &err));
	assert_true(source.find(source.ctx, a.id, &p->arena, &found, &err));
	assert_true(bytes_equal(secret_view(found.secret), bytes_of_str(a.secret)));
	assert_string_equal(found.principal, "root");
	assert_true(found.active);
	secret_free(&found.secret);
	assert_true(source.find(source.ctx, b.id, &p->arena, &found, &err));
	assert_string_equal(found.principal, "reader");
	assert_false(found.active);
	secret_free(&found.secret);
	assert_false(source.find(source.ctx, "AKIANOBODY", &p->arena, &found, &err));
	assert_int_equal(err.code, ERR_NOT_FOUND);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, place_make, place_clear)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(keys_have_their_form),
	    TEST(root_is_made_once_and_found_again),
	    TEST(root_keeps_one_active_key),
	    TEST(source_finds_what_is_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
