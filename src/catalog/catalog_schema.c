/* SPDX-License-Identifier: Apache-2.0 */
/* The schema and its upgrades, and the data key that seals the columns. docs/formats/catalog.md. */
#include "base_mem.h"
#include "catalog_int.h"

#define APPLICATION_ID 0x44424b43 /* "DBKC" */
#define KEY_CONTEXT    BYTES_LIT("catalog")

/* Step i brings user_version i to i + 1. A step that was released is never edited: add another. */
static const char *const STEPS[] = {
    "CREATE TABLE data_key("
    " name TEXT NOT NULL PRIMARY KEY, wrapped BLOB NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE resource("
    " kind INTEGER NOT NULL, id TEXT NOT NULL UNIQUE, name TEXT, owner TEXT, state TEXT,"
    " created_ms INTEGER NOT NULL, updated_ms INTEGER NOT NULL, document BLOB NOT NULL) STRICT;"
    "CREATE UNIQUE INDEX resource_name ON resource(kind, name) WHERE name IS NOT NULL;"
    "CREATE INDEX resource_age ON resource(kind, created_ms, id);"
    "CREATE INDEX resource_owner ON resource(kind, owner, created_ms, id);"
    "CREATE TABLE tag("
    " id TEXT NOT NULL REFERENCES resource(id) ON DELETE CASCADE, key TEXT NOT NULL, value BLOB "
    "NOT NULL,"
    " PRIMARY KEY(id, key)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE token("
    " operation TEXT NOT NULL, token TEXT NOT NULL, digest BLOB NOT NULL, id TEXT NOT NULL,"
    " created_ms INTEGER NOT NULL, PRIMARY KEY(operation, token)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX token_age ON token(created_ms);"
    "CREATE TABLE access_key("
    " id TEXT NOT NULL PRIMARY KEY, secret BLOB NOT NULL, principal TEXT NOT NULL, status TEXT NOT "
    "NULL,"
    " created_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE setting("
    " name TEXT NOT NULL PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;"
    "PRAGMA application_id=1145195331;"
    "PRAGMA user_version=1;",
    "CREATE TABLE part("
    " id TEXT NOT NULL REFERENCES resource(id) ON DELETE CASCADE, number INTEGER NOT NULL,"
    " data BLOB NOT NULL, PRIMARY KEY(id, number)) STRICT, WITHOUT ROWID;"
    "PRAGMA user_version=2;",
};
#define SCHEMA_VERSION ((int64_t)(sizeof STEPS / sizeof *STEPS))

static bool
number_read(struct catalog *c, const char *sql, int64_t *out, struct err *err)
{
	sqlite3_stmt *s = NULL;
	int got;

	if (sqlite3_prepare_v2(c->db, sql, -1, &s, NULL) != SQLITE_OK)
		return catalog_fail(c, __func__, err);
	got = sqlite3_step(s);
	if (got == SQLITE_ROW)
		*out = sqlite3_column_int64(s, 0);
	(void)sqlite3_finalize(s);
	return got == SQLITE_ROW || catalog_fail(c, __func__, err);
}

static bool
version_check(struct catalog *c, int64_t *version_out, struct err *err)
{
	int64_t application, tables;

	if (!number_read(c, "PRAGMA application_id", &application, err) ||
	    !number_read(c, "PRAGMA user_version", version_out, err) ||
	    !number_read(c, "SELECT count(*) FROM sqlite_schema", &tables, err))
		return false;
	if (*version_out > SCHEMA_VERSION)
		return ERR(err, ERR_UNSUPPORTED,
		    "the catalog has schema %lld, later than this program's %lld",
		    (long long)*version_out, (long long)SCHEMA_VERSION);
	if (application == 0 && *version_out == 0 && tables == 0)
		return true; /* new */
	if (application != APPLICATION_ID || *version_out < 1)
		return ERR(err, ERR_CORRUPT, "this database is not a catalog");
	return true;
}

/* In place of what is there. */
static bool
data_key_store(struct catalog *c, const struct secret *key, struct err *err)
{
	struct buf wrapped;
	sqlite3_stmt *s;
	bool ok = false;

	buf_init(&wrapped, CRYPT_WRAPPED_BYTES_MAX);
	if (!crypt_keys_wrap(c->keys, KEY_CONTEXT, key, &wrapped, err))
		goto out;
	s = catalog_statement(
	    c, "INSERT OR REPLACE INTO data_key(name, wrapped) VALUES('catalog', ?1)", err);
	if (s == NULL)
		goto out;
	catalog_bind_bytes(s, 1, buf_view(&wrapped));
	ok = catalog_run(c, s, err);
out:
	buf_fini(&wrapped);
	return ok;
}

static bool
data_key_create(struct catalog *c, struct secret **key_out, struct err *err)
{
	*key_out = secret_random(CRYPT_KEY_BYTES, &c->rng);
	return data_key_store(c, *key_out, err);
}

static bool
data_key_load(struct catalog *c, bool is_new, struct err *err)
{
	struct secret *key = NULL;
	sqlite3_stmt *s;
	bool ok = false, own = true;

	if (is_new) {
		ok = data_key_create(c, &key, err);
	} else {
		s = catalog_statement(
		    c, "SELECT wrapped FROM data_key WHERE name = 'catalog'", err);
		if (s == NULL)
			return false;
		switch (catalog_step(c, s, err)) {
		case CATALOG_STEP_ROW:
			own = crypt_keys_is_own(c->keys, catalog_column_bytes(s, 0));
			ok = crypt_keys_unwrap(
			    c->keys, KEY_CONTEXT, catalog_column_bytes(s, 0), &key, err);
			break;
		case CATALOG_STEP_DONE:
			ERR(err, ERR_CORRUPT, "the catalog has no data key");
			break;
		case CATALOG_STEP_FAIL:
			break;
		}
		catalog_done(s);
	}
	if (ok && secret_view(key).len != CRYPT_KEY_BYTES)
		ok = ERR(err, ERR_CORRUPT, "the catalog's data key has another length");
	if (ok && !own)
		ok = data_key_store(c, key, err);
	if (ok)
		c->sealer = crypt_sealer_new(key);
	secret_free(&key);
	return ok;
}

bool
catalog_schema_prepare(struct catalog *c, struct err *err)
{
	int64_t version = 0, from;
	bool ok;

	if (!catalog_begin(c, err))
		return false;
	ok = version_check(c, &version, err);
	for (from = version; ok && version < SCHEMA_VERSION; version++)
		ok = sqlite3_exec(c->db, STEPS[version], NULL, NULL, NULL) == SQLITE_OK ||
		     catalog_fail(c, __func__, err);
	ok = ok && data_key_load(c, from == 0, err);
	if (!ok) {
		catalog_rollback(c);
		return false;
	}
	return catalog_commit(c, err);
}
