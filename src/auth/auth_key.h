/* SPDX-License-Identifier: Apache-2.0 */
/* Access keys: made, listed, switched off, deleted; and where a request's key is looked up. */
#ifndef AUTH_KEY_H
#define AUTH_KEY_H

#include "base_arena.h"
#include "base_rng.h"
#include "catalog.h"
#include "crypt_secret.h"

#define AUTH_KEY_ID_CHARS     20 /* "AKIA" and 16 of [A-Z2-7]: 80 bits    */
#define AUTH_KEY_SECRET_CHARS 40 /* of [A-Za-z0-9+/]: 240 bits            */
#define AUTH_PRINCIPAL_ROOT   "root"

/* A key to be shown once to its owner; wipe with auth_key_wipe. */
struct auth_key {
	char id[AUTH_KEY_ID_CHARS + 1];
	char secret[AUTH_KEY_SECRET_CHARS + 1];
};
void auth_key_wipe(struct auth_key *key);

/* The functions from here to auth_key_delete run inside the caller's open transaction of the catalog. */

/* auth_key_create: a new active key for principal; it counts when the caller has committed. */
MUST_USE bool auth_key_create(struct catalog *c, const char *principal, const struct rng *rng,
    int64_t now_ms, struct auth_key *out, struct err *err);
/*
 * auth_key_ensure_root: on the first run makes a key of root (*created_out true); later gives the oldest active one,
 * so that a lost credentials file can be written again. When root has keys and none is active, out->id is "".
 */
MUST_USE bool auth_key_ensure_root(struct catalog *c, const struct rng *rng, int64_t now_ms,
    struct auth_key *out, bool *created_out, struct err *err);
/* auth_key_list: oldest first, memory from arena, secrets left empty. */
MUST_USE bool auth_key_list(struct catalog *c, struct arena *arena, struct catalog_access_key **out,
    size_t *count_out, struct err *err);
/* auth_key_set_active / auth_key_delete: ERR_NOT_FOUND; ERR_BUSY it is the last active key of root. */
MUST_USE bool auth_key_set_active(struct catalog *c, const char *id, bool active, struct err *err);
MUST_USE bool auth_key_delete(struct catalog *c, const char *id, struct err *err);

/* What a lookup yields. */
struct auth_found {
	struct secret *secret; /* the receiver frees it */
	const char *principal; /* from the arena        */
	bool active;
};

/* Where keys are looked up. find fails with ERR_NOT_FOUND for an unknown id, otherwise as its store fails. */
struct auth_key_source {
	bool (*find)(void *ctx, const char *id, struct arena *arena, struct auth_found *out,
	    struct err *err);
	void *ctx;
};
/* auth_key_source_catalog: c is kept. Each find is a transaction of its own, so the caller must hold none. */
struct auth_key_source auth_key_source_catalog(struct catalog *c);

#endif
