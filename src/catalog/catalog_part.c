/* SPDX-License-Identifier: Apache-2.0 */
/* Numbered, sealed pieces that belong to a row. */
#include <stdio.h>

#include "catalog_int.h"

#define NUMBER_SIZE 16

static const char PUT[] = "INSERT INTO part(id, number, data) VALUES(?1, ?2, ?3)"
			  " ON CONFLICT(id, number) DO UPDATE SET data = excluded.data";
static const char GET[] = "SELECT data FROM part WHERE id = ?1 AND number = ?2";
static const char COUNT[] = "SELECT count(*) FROM part WHERE id = ?1";
static const char CLEAR[] = "DELETE FROM part WHERE id = ?1 AND number >= ?2 AND number < ?3";

static void
number_format(char out[NUMBER_SIZE], uint32_t number)
{
	(void)snprintf(out, NUMBER_SIZE, "%u", (unsigned)number);
}

bool
catalog_part_put(
    struct catalog *c, const char *id, uint32_t number, struct bytes data, struct err *err)
{
	sqlite3_stmt *s = catalog_statement(c, PUT, err);
	char text[NUMBER_SIZE];
	struct buf sealed;
	bool ok;

	if (data.len > CATALOG_PART_MAX)
		return ERR(err, ERR_LIMIT, "a part of %zu bytes", data.len);
	number_format(text, number);
	buf_init(&sealed, CATALOG_PART_MAX + CRYPT_NONCE_BYTES + CRYPT_TAG_BYTES);
	ok = s != NULL && catalog_seal(c, "part", id, text, data, &sealed, err);
	if (ok) {
		catalog_bind_text(s, 1, id);
		catalog_bind_int(s, 2, number);
		catalog_bind_bytes(s, 3, buf_view(&sealed));
		ok = catalog_run(c, s, err);
	}
	buf_fini(&sealed);
	return ok;
}

bool
catalog_part_get(struct catalog *c, const char *id, uint32_t number, struct arena *arena,
    struct bytes *out, struct err *err)
{
	sqlite3_stmt *s = catalog_statement(c, GET, err);
	char text[NUMBER_SIZE];
	bool ok = false;

	if (s == NULL)
		return false;
	number_format(text, number);
	catalog_bind_text(s, 1, id);
	catalog_bind_int(s, 2, number);
	switch (catalog_step(c, s, err)) {
	case CATALOG_STEP_ROW:
		ok = catalog_unseal(
		    c, "part", id, text, catalog_column_bytes(s, 0), arena, out, err);
		break;
	case CATALOG_STEP_DONE:
		ERR(err, ERR_NOT_FOUND, "no part %s of %s", text, id);
		break;
	case CATALOG_STEP_FAIL:
		break;
	}
	catalog_done(s);
	return ok;
}

bool
catalog_part_count(struct catalog *c, const char *id, uint32_t *count_out, struct err *err)
{
	sqlite3_stmt *s = catalog_statement(c, COUNT, err);
	bool ok;

	if (s == NULL)
		return false;
	catalog_bind_text(s, 1, id);
	ok = catalog_step(c, s, err) == CATALOG_STEP_ROW;
	if (ok)
		*count_out = (uint32_t)sqlite3_column_int64(s, 0);
	catalog_done(s);
	return ok;
}

bool
catalog_part_clear(struct catalog *c, const char *id, uint32_t from, uint32_t end, struct err *err)
{
	sqlite3_stmt *s = catalog_statement(c, CLEAR, err);

	if (s == NULL)
		return false;
	catalog_bind_text(s, 1, id);
	catalog_bind_int(s, 2, from);
	catalog_bind_int(s, 3, end);
	return catalog_run(c, s, err);
}
