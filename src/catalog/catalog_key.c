/* SPDX-License-Identifier: Apache-2.0 */
/* Access keys; their secrets are sealed. */
#include <string.h>

#include "catalog_int.h"

static const char PUT[] =
    "INSERT INTO access_key(id, secret, principal, status, created_ms)"
    " VALUES(?1, ?2, ?3, ?4, ?5) ON CONFLICT(id) DO UPDATE SET secret = excluded.secret,"
    " principal = excluded.principal, status = excluded.status, created_ms = excluded.created_ms";
static const char GET[] =
    "SELECT id, principal, status, created_ms, secret FROM access_key WHERE id = ?1";
static const char DELETE[] = "DELETE FROM access_key WHERE id = ?1";
static const char COUNT[] = "SELECT count(*) FROM access_key";
static const char LIST[] =
    "SELECT id, principal, status, created_ms FROM access_key ORDER BY created_ms, id";

bool
catalog_key_put(struct catalog *c, const struct catalog_access_key *key, struct err *err)
{
	sqlite3_stmt *s = catalog_statement(c, PUT, err);
	struct buf sealed;
	bool ok;

	buf_init(&sealed, CATALOG_DOCUMENT_MAX);
	ok = s != NULL && catalog_seal(c, "access-key", key->id, NULL, key->secret, &sealed, err);
	if (ok) {
		catalog_bind_text(s, 1, key->id);
		catalog_bind_bytes(s, 2, buf_view(&sealed));
		catalog_bind_text(s, 3, key->principal);
		catalog_bind_text(s, 4, key->status);
		catalog_bind_int(s, 5, key->created_ms);
		ok = catalog_run(c, s, err);
	}
	buf_fini(&sealed);
	return ok;
}

static void
key_read(sqlite3_stmt *s, struct arena *arena, struct catalog_access_key *out)
{
	memset(out, 0, sizeof *out);
	out->id = catalog_column_text(s, 0, arena);
	out->principal = catalog_column_text(s, 1, arena);
	out->status = catalog_column_text(s, 2, arena);
	out->created_ms = sqlite3_column_int64(s, 3);
}

bool
catalog_key_get(struct catalog *c, const char *id, struct arena *arena,
    struct catalog_access_key *out, struct err *err)
{
	sqlite3_stmt *s = catalog_statement(c, GET, err);
	bool ok = false;

	if (s == NULL)
		return false;
	catalog_bind_text(s, 1, id);
	switch (catalog_step(c, s, err)) {
	case CATALOG_STEP_ROW:
		key_read(s, arena, out);
		ok = catalog_unseal(c, "access-key", out->id, NULL, catalog_column_bytes(s, 4),
		    arena, &out->secret, err);
		break;
	case CATALOG_STEP_DONE:
		ERR(err, ERR_NOT_FOUND, "no access key %s", id);
		break;
	case CATALOG_STEP_FAIL:
		break;
	}
	catalog_done(s);
	return ok;
}

bool
catalog_key_delete(struct catalog *c, const char *id, struct err *err)
{
	sqlite3_stmt *s = catalog_statement(c, DELETE, err);

	if (s == NULL)
		return false;
	catalog_bind_text(s, 1, id);
	if (!catalog_run(c, s, err))
		return false;
	return sqlite3_changes(c->db) == 1 || ERR(err, ERR_NOT_FOUND, "no access key %s", id);
}

bool
catalog_key_list(struct catalog *c, struct arena *arena, struct catalog_access_key **out,
    size_t *count_out, struct err *err)
{
	sqlite3_stmt *s = catalog_statement(c, COUNT, err);
	struct catalog_access_key *keys;
	enum catalog_step step;
	size_t total, count = 0;

	if (s == NULL)
		return false;
	step = catalog_step(c, s, err);
	total = step == CATALOG_STEP_ROW ? (size_t)sqlite3_column_int64(s, 0) : 0;
	catalog_done(s);
	if (step != CATALOG_STEP_ROW || (s = catalog_statement(c, LIST, err)) == NULL)
		return false;
	keys = arena_calloc(arena, total + 1, sizeof *keys);
	while ((step = catalog_step(c, s, err)) == CATALOG_STEP_ROW) {
		must(count < total); /* the lock is ours: no row came in between */
		key_read(s, arena, &keys[count++]);
	}
	catalog_done(s);
	if (step == CATALOG_STEP_FAIL)
		return false;
	*out = keys;
	*count_out = count;
	return true;
}
