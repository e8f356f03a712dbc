/* SPDX-License-Identifier: Apache-2.0 */
/* Resources and jobs. */
#include <stdio.h>
#include <string.h>

#include "catalog_int.h"

#define COLUMNS "id, name, owner, state, created_ms, updated_ms, document"

static const char INSERT[] =
    "INSERT INTO resource(kind, " COLUMNS ") VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
static const char UPDATE[] =
    "UPDATE resource SET name = ?3, owner = ?4, state = ?5, created_ms = ?6, updated_ms = ?7,"
    " document = ?8 WHERE kind = ?1 AND id = ?2";
static const char DELETE[] = "DELETE FROM resource WHERE kind = ?1 AND id = ?2";
static const char BY_ID[] = "SELECT " COLUMNS " FROM resource WHERE kind = ?1 AND id = ?2";
static const char BY_NAME[] = "SELECT " COLUMNS " FROM resource WHERE kind = ?1 AND name = ?2";
static const char LIST[] =
    "SELECT " COLUMNS " FROM resource WHERE kind = ?1 AND (created_ms, id) < (?2, ?3)"
    " ORDER BY created_ms DESC, id DESC LIMIT ?4";
static const char LIST_OF[] =
    "SELECT " COLUMNS " FROM resource WHERE kind = ?1 AND owner = ?5"
    " AND (created_ms, id) < (?2, ?3) ORDER BY created_ms DESC, id DESC LIMIT ?4";
static const char COUNT[] =
    "SELECT count(*) FROM resource WHERE kind = ?1 AND (?2 IS NULL OR owner = ?2)"
    " AND (?3 IS NULL OR state = ?3)";

/* A row's document is bound to its kind and id. */
static void
kind_format(char out[16], enum catalog_kind kind)
{
	(void)snprintf(out, 16, "%d", (int)kind);
}

/* INSERT and UPDATE take the same bindings. */
static bool
row_write(struct catalog *c, const char *sql, const struct catalog_row *row, struct err *err)
{
	char kind[16];
	struct buf sealed;
	sqlite3_stmt *s;
	bool ok;

	if (row->document.len > CATALOG_DOCUMENT_MAX)
		return ERR(err, ERR_LIMIT, "a document of %zu bytes", row->document.len);
	kind_format(kind, row->kind);
	buf_init(&sealed, CATALOG_DOCUMENT_MAX + CRYPT_NONCE_BYTES + CRYPT_TAG_BYTES);
	s = catalog_statement(c, sql, err);
	ok = s != NULL && catalog_seal(c, kind, row->id, NULL, row->document, &sealed, err);
	if (ok) {
		catalog_bind_int(s, 1, row->kind);
		catalog_bind_text(s, 2, row->id);
		catalog_bind_text(s, 3, row->name);
		catalog_bind_text(s, 4, row->owner);
		catalog_bind_text(s, 5, row->state);
		catalog_bind_int(s, 6, row->created_ms);
		catalog_bind_int(s, 7, row->updated_ms);
		catalog_bind_bytes(s, 8, buf_view(&sealed));
		ok = catalog_run(c, s, err);
	}
	buf_fini(&sealed);
	return ok;
}

static bool
change_check(struct catalog *c, const char *id, struct err *err)
{
	return sqlite3_changes(c->db) == 1 || ERR(err, ERR_NOT_FOUND, "no row %s", id);
}

bool
catalog_insert(struct catalog *c, const struct catalog_row *row, struct err *err)
{
	return row_write(c, INSERT, row, err);
}

bool
catalog_update(struct catalog *c, const struct catalog_row *row, struct err *err)
{
	return row_write(c, UPDATE, row, err) && change_check(c, row->id, err);
}

bool
catalog_delete(struct catalog *c, enum catalog_kind kind, const char *id, struct err *err)
{
	sqlite3_stmt *s = catalog_statement(c, DELETE, err);

	if (s == NULL)
		return false;
	catalog_bind_int(s, 1, kind);
	catalog_bind_text(s, 2, id);
	return catalog_run(c, s, err) && change_check(c, id, err);
}

/* The row a statement stands on. */
static bool
row_read(struct catalog *c, enum catalog_kind kind, sqlite3_stmt *s, struct arena *arena,
    struct catalog_row *out, struct err *err)
{
	char kind_text[16];

	memset(out, 0, sizeof *out);
	kind_format(kind_text, kind);
	out->kind = kind;
	out->id = catalog_column_text(s, 0, arena);
	out->name = catalog_column_text(s, 1, arena);
	out->owner = catalog_column_text(s, 2, arena);
	out->state = catalog_column_text(s, 3, arena);
	out->created_ms = sqlite3_column_int64(s, 4);
	out->updated_ms = sqlite3_column_int64(s, 5);
	if (out->id == NULL)
		return ERR(err, ERR_CORRUPT, "the catalog is damaged: a row without id");
	return catalog_unseal(
	    c, kind_text, out->id, NULL, catalog_column_bytes(s, 6), arena, &out->document, err);
}

static bool
row_find(struct catalog *c, const char *sql, enum catalog_kind kind, const char *key,
    struct arena *arena, struct catalog_row *out, struct err *err)
{
	sqlite3_stmt *s = catalog_statement(c, sql, err);
	bool ok = false;

	if (s == NULL)
		return false;
	catalog_bind_int(s, 1, kind);
	catalog_bind_text(s, 2, key);
	switch (catalog_step(c, s, err)) {
	case CATALOG_STEP_ROW:
		ok = row_read(c, kind, s, arena, out, err);
		break;
	case CATALOG_STEP_DONE:
		ERR(err, ERR_NOT_FOUND, "no row %s", key);
		break;
	case CATALOG_STEP_FAIL:
		break;
	}
	catalog_done(s);
	return ok;
}

bool
catalog_get(struct catalog *c, enum catalog_kind kind, const char *id, struct arena *arena,
    struct catalog_row *out, struct err *err)
{
	return row_find(c, BY_ID, kind, id, arena, out, err);
}

bool
catalog_find(struct catalog *c, enum catalog_kind kind, const char *name, struct arena *arena,
    struct catalog_row *out, struct err *err)
{
	return row_find(c, BY_NAME, kind, name, arena, out, err);
}

bool
catalog_list(struct catalog *c, enum catalog_kind kind, const char *owner,
    const struct catalog_cursor *after, size_t limit, struct arena *arena,
    struct catalog_row *rows_out, size_t *count_out, struct err *err)
{
	bool from_top = after == NULL || after->id == NULL, ok = true;
	sqlite3_stmt *s = catalog_statement(c, owner == NULL ? LIST : LIST_OF, err);
	enum catalog_step step = CATALOG_STEP_DONE;
	size_t count = 0;

	if (s == NULL)
		return false;
	must(limit <= INT32_MAX);
	catalog_bind_int(s, 1, kind);
	catalog_bind_int(s, 2, from_top ? INT64_MAX : after->created_ms);
	catalog_bind_text(s, 3, from_top ? "" : after->id);
	catalog_bind_int(s, 4, (int64_t)limit);
	if (owner != NULL)
		catalog_bind_text(s, 5, owner);
	while (ok && (step = catalog_step(c, s, err)) == CATALOG_STEP_ROW)
		ok = row_read(c, kind, s, arena, &rows_out[count++], err);
	catalog_done(s);
	if (!ok || step == CATALOG_STEP_FAIL)
		return false;
	*count_out = count;
	return true;
}

bool
catalog_count(struct catalog *c, enum catalog_kind kind, const char *owner, const char *state,
    uint64_t *count_out, struct err *err)
{
	sqlite3_stmt *s = catalog_statement(c, COUNT, err);
	bool ok;

	if (s == NULL)
		return false;
	catalog_bind_int(s, 1, kind);
	catalog_bind_text(s, 2, owner);
	catalog_bind_text(s, 3, state);
	ok = catalog_step(c, s, err) == CATALOG_STEP_ROW;
	if (ok)
		*count_out = (uint64_t)sqlite3_column_int64(s, 0);
	catalog_done(s);
	return ok;
}
