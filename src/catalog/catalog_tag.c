/* SPDX-License-Identifier: Apache-2.0 */
/* Tags of resources; values are sealed, keys are not. */
#include <string.h>

#include "catalog_int.h"

static const char SET[] = "INSERT INTO tag(id, key, value) VALUES(?1, ?2, ?3)"
			  " ON CONFLICT(id, key) DO UPDATE SET value = excluded.value";
static const char UNSET[] = "DELETE FROM tag WHERE id = ?1 AND key = ?2";
static const char CLEAR[] = "DELETE FROM tag WHERE id = ?1";
static const char COUNT[] = "SELECT count(*) FROM tag WHERE id = ?1";
static const char LIST[] = "SELECT key, value FROM tag WHERE id = ?1 ORDER BY key";

bool
catalog_tag_set(
    struct catalog *c, const char *id, const char *key, const char *value, struct err *err)
{
	sqlite3_stmt *s = catalog_statement(c, SET, err);
	struct buf sealed;
	bool ok;

	buf_init(&sealed, CATALOG_DOCUMENT_MAX);
	ok = s != NULL && catalog_seal(c, "tag", id, key, bytes_of_str(value), &sealed, err);
	if (ok) {
		catalog_bind_text(s, 1, id);
		catalog_bind_text(s, 2, key);
		catalog_bind_bytes(s, 3, buf_view(&sealed));
		ok = catalog_run(c, s, err);
	}
	buf_fini(&sealed);
	return ok;
}

bool
catalog_tag_unset(struct catalog *c, const char *id, const char *key, struct err *err)
{
	sqlite3_stmt *s = catalog_statement(c, UNSET, err);

	if (s == NULL)
		return false;
	catalog_bind_text(s, 1, id);
	catalog_bind_text(s, 2, key);
	return catalog_run(c, s, err);
}

bool
catalog_tag_clear(struct catalog *c, const char *id, struct err *err)
{
	sqlite3_stmt *s = catalog_statement(c, CLEAR, err);

	if (s == NULL)
		return false;
	catalog_bind_text(s, 1, id);
	return catalog_run(c, s, err);
}

static bool
tag_count(struct catalog *c, const char *id, size_t *out, struct err *err)
{
	sqlite3_stmt *s = catalog_statement(c, COUNT, err);
	bool ok;

	if (s == NULL)
		return false;
	catalog_bind_text(s, 1, id);
	ok = catalog_step(c, s, err) == CATALOG_STEP_ROW;
	if (ok)
		*out = (size_t)sqlite3_column_int64(s, 0);
	catalog_done(s);
	return ok;
}

bool
catalog_tag_list(struct catalog *c, const char *id, struct arena *arena, struct catalog_tag **out,
    size_t *count_out, struct err *err)
{
	size_t total = 0, count = 0;
	enum catalog_step step = CATALOG_STEP_DONE;
	struct catalog_tag *tags;
	sqlite3_stmt *s;
	bool ok = true;

	if (!tag_count(c, id, &total, err))
		return false;
	s = catalog_statement(c, LIST, err);
	if (s == NULL)
		return false;
	tags = arena_calloc(arena, total + 1, sizeof *tags);
	catalog_bind_text(s, 1, id);
	while (ok && (step = catalog_step(c, s, err)) == CATALOG_STEP_ROW) {
		struct bytes value;

		must(count < total); /* the lock is ours: no row came in between */
		tags[count].key = catalog_column_text(s, 0, arena);
		ok = catalog_unseal(
		    c, "tag", id, tags[count].key, catalog_column_bytes(s, 1), arena, &value, err);
		if (ok)
			tags[count++].value = arena_text(arena, value);
	}
	catalog_done(s);
	if (!ok || step == CATALOG_STEP_FAIL)
		return false;
	*out = tags;
	*count_out = count;
	return true;
}
