/* SPDX-License-Identifier: Apache-2.0 */
/* Small named values, sealed: some of them are private keys. */
#include "catalog_int.h"

static const char GET[] = "SELECT value FROM setting WHERE name = ?1";
static const char PUT[] = "INSERT INTO setting(name, value) VALUES(?1, ?2)"
			  " ON CONFLICT(name) DO UPDATE SET value = excluded.value";

bool
catalog_setting_get(
    struct catalog *c, const char *name, struct arena *arena, struct bytes *out, struct err *err)
{
	sqlite3_stmt *s = catalog_statement(c, GET, err);
	bool ok = false;

	if (s == NULL)
		return false;
	catalog_bind_text(s, 1, name);
	switch (catalog_step(c, s, err)) {
	case CATALOG_STEP_ROW:
		ok = catalog_unseal(
		    c, "setting", name, NULL, catalog_column_bytes(s, 0), arena, out, err);
		break;
	case CATALOG_STEP_DONE:
		ERR(err, ERR_NOT_FOUND, "no setting %s", name);
		break;
	case CATALOG_STEP_FAIL:
		break;
	}
	catalog_done(s);
	return ok;
}

bool
catalog_setting_put(struct catalog *c, const char *name, struct bytes value, struct err *err)
{
	sqlite3_stmt *s = catalog_statement(c, PUT, err);
	struct buf sealed;
	bool ok;

	buf_init(&sealed, CATALOG_DOCUMENT_MAX);
	ok = s != NULL && catalog_seal(c, "setting", name, NULL, value, &sealed, err);
	if (ok) {
		catalog_bind_text(s, 1, name);
		catalog_bind_bytes(s, 2, buf_view(&sealed));
		ok = catalog_run(c, s, err);
	}
	buf_fini(&sealed);
	return ok;
}
