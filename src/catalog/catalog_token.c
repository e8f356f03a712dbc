/* SPDX-License-Identifier: Apache-2.0 */
/* Idempotency tokens. */
#include "catalog_int.h"

static const char GET[] = "SELECT digest, id FROM token WHERE operation = ?1 AND token = ?2";
static const char PUT[] =
    "INSERT INTO token(operation, token, digest, id, created_ms) VALUES(?1, ?2, ?3, ?4, ?5)"
    " ON CONFLICT(operation, token) DO UPDATE SET digest = excluded.digest, id = excluded.id,"
    " created_ms = excluded.created_ms";
static const char PURGE[] = "DELETE FROM token WHERE created_ms < ?1";

bool
catalog_token_get(struct catalog *c, const char *operation, const char *token, struct arena *arena,
    struct bytes *digest_out, const char **id_out, struct err *err)
{
	sqlite3_stmt *s = catalog_statement(c, GET, err);
	bool ok = false;

	if (s == NULL)
		return false;
	catalog_bind_text(s, 1, operation);
	catalog_bind_text(s, 2, token);
	switch (catalog_step(c, s, err)) {
	case CATALOG_STEP_ROW:
		*digest_out = arena_bytes(arena, catalog_column_bytes(s, 0));
		*id_out = catalog_column_text(s, 1, arena);
		ok = true;
		break;
	case CATALOG_STEP_DONE:
		ERR(err, ERR_NOT_FOUND, "no such token");
		break;
	case CATALOG_STEP_FAIL:
		break;
	}
	catalog_done(s);
	return ok;
}

bool
catalog_token_put(struct catalog *c, const char *operation, const char *token, struct bytes digest,
    const char *id, int64_t now_ms, struct err *err)
{
	sqlite3_stmt *s = catalog_statement(c, PUT, err);

	if (s == NULL)
		return false;
	catalog_bind_text(s, 1, operation);
	catalog_bind_text(s, 2, token);
	catalog_bind_bytes(s, 3, digest);
	catalog_bind_text(s, 4, id);
	catalog_bind_int(s, 5, now_ms);
	return catalog_run(c, s, err);
}

bool
catalog_token_purge(struct catalog *c, int64_t before_ms, struct err *err)
{
	sqlite3_stmt *s = catalog_statement(c, PURGE, err);

	if (s == NULL)
		return false;
	catalog_bind_int(s, 1, before_ms);
	return catalog_run(c, s, err);
}
