/* SPDX-License-Identifier: Apache-2.0 */
/* Access keys in the catalog. */
#include "auth_key.h"

#include <string.h>

#define ACTIVE   "Active"
#define INACTIVE "Inactive"

static void
chars_fill(char *out, size_t count, const char *alphabet, const struct rng *rng)
{
	size_t letters = strlen(alphabet);

	for (size_t i = 0; i < count; i++)
		out[i] = alphabet[rng_below(rng, letters)];
	out[count] = '\0';
}

void
auth_key_wipe(struct auth_key *key)
{
	secret_wipe(key, sizeof *key);
}

/* The catalog hands secrets out in an arena's memory, which is freed and not wiped: so we do. */
static void
arena_secret_wipe(struct bytes secret)
{
	secret_wipe(
	    (void *)(uintptr_t)secret.ptr, secret.len); /* ours to write, seen through a view */
}

bool
auth_key_create(struct catalog *c, const char *principal, const struct rng *rng, int64_t now_ms,
    struct auth_key *out, struct err *err)
{
	struct catalog_access_key row;

	memcpy(out->id, "AKIA", 4);
	chars_fill(out->id + 4, AUTH_KEY_ID_CHARS - 4, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", rng);
	chars_fill(out->secret, AUTH_KEY_SECRET_CHARS,
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", rng);
	row = (struct catalog_access_key){
	    out->id, bytes_of(out->secret, AUTH_KEY_SECRET_CHARS), principal, ACTIVE, now_ms};
	if (catalog_key_put(c, &row, err))
		return true;
	auth_key_wipe(out);
	return false;
}

static bool
is_active(const struct catalog_access_key *key)
{
	return strcmp(key->status, ACTIVE) == 0;
}

static bool
is_root(const struct catalog_access_key *key)
{
	return strcmp(key->principal, AUTH_PRINCIPAL_ROOT) == 0;
}

static bool
key_show(
    struct catalog *c, const char *id, struct arena *arena, struct auth_key *out, struct err *err)
{
	struct catalog_access_key key;
	bool ok;

	if (!catalog_key_get(c, id, arena, &key, err))
		return false;
	ok = strlen(id) == AUTH_KEY_ID_CHARS && key.secret.len == AUTH_KEY_SECRET_CHARS;
	if (ok) {
		memcpy(out->id, id, AUTH_KEY_ID_CHARS);
		memcpy(out->secret, key.secret.ptr, AUTH_KEY_SECRET_CHARS);
	} else {
		ERR(err, ERR_CORRUPT, "an access key of the catalog has another form");
	}
	arena_secret_wipe(key.secret);
	return ok;
}

bool
auth_key_ensure_root(struct catalog *c, const struct rng *rng, int64_t now_ms, struct auth_key *out,
    bool *created_out, struct err *err)
{
	struct catalog_access_key *keys;
	const char *active = NULL;
	size_t count, roots = 0;
	struct arena arena;
	bool ok;

	memset(out, 0, sizeof *out);
	*created_out = false;
	arena_init(&arena);
	ok = catalog_key_list(c, &arena, &keys, &count, err);
	for (size_t i = 0; ok && i < count; i++) {
		if (!is_root(&keys[i]))
			continue;
		roots++;
		if (active == NULL && is_active(&keys[i]))
			active = keys[i].id;
	}
	if (ok && roots == 0) {
		ok = auth_key_create(c, AUTH_PRINCIPAL_ROOT, rng, now_ms, out, err);
		*created_out = ok;
	} else if (ok && active != NULL) {
		ok = key_show(c, active, &arena, out, err);
	}
	arena_fini(&arena);
	return ok;
}

bool
auth_key_list(struct catalog *c, struct arena *arena, struct catalog_access_key **out,
    size_t *count_out, struct err *err)
{
	return catalog_key_list(c, arena, out, count_out, err);
}

/* Whether root could still get in if id were not active. */
static bool
root_check(struct catalog *c, const char *id, struct arena *arena, struct err *err)
{
	struct catalog_access_key *keys;
	size_t count, others = 0;
	bool concerned = false;

	if (!catalog_key_list(c, arena, &keys, &count, err))
		return false;
	for (size_t i = 0; i < count; i++) {
		if (!is_root(&keys[i]) || !is_active(&keys[i]))
			continue;
		if (strcmp(keys[i].id, id) == 0)
			concerned = true;
		else
			others++;
	}
	if (concerned && others == 0)
		return ERR(err, ERR_BUSY, "%s is the last active key of root", id);
	return true;
}

bool
auth_key_set_active(struct catalog *c, const char *id, bool active, struct err *err)
{
	struct catalog_access_key key;
	struct arena arena;
	bool ok;

	arena_init(&arena);
	ok =
	    (active || root_check(c, id, &arena, err)) && catalog_key_get(c, id, &arena, &key, err);
	if (ok) {
		key.status = active ? ACTIVE : INACTIVE;
		ok = catalog_key_put(c, &key, err);
		arena_secret_wipe(key.secret);
	}
	arena_fini(&arena);
	return ok;
}

bool
auth_key_delete(struct catalog *c, const char *id, struct err *err)
{
	struct arena arena;
	bool ok;

	arena_init(&arena);
	ok = root_check(c, id, &arena, err) && catalog_key_delete(c, id, err);
	arena_fini(&arena);
	return ok;
}

static bool
catalog_find_key(
    void *ctx, const char *id, struct arena *arena, struct auth_found *out, struct err *err)
{
	struct catalog *c = ctx;
	struct catalog_access_key key;
	bool ok;

	if (!catalog_begin(c, err))
		return false;
	ok = catalog_key_get(c, id, arena, &key, err);
	catalog_rollback(c); /* only read */
	if (!ok)
		return false;
	if (key.secret.len == 0 || key.secret.len > 256)
		return ERR(err, ERR_CORRUPT, "an access key of the catalog has another form");
	out->secret = secret_of(key.secret);
	arena_secret_wipe(key.secret);
	out->principal = key.principal;
	out->active = is_active(&key);
	return true;
}

struct auth_key_source
auth_key_source_catalog(struct catalog *c)
{
	return (struct auth_key_source){catalog_find_key, c};
}
