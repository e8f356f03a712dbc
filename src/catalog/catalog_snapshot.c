/* SPDX-License-Identifier: Apache-2.0 */
/* A copy of the catalog as it is at one moment, also while another process writes it. */
#include "base_mem.h"
#include "catalog_int.h"
#include "os_fs.h"

static bool
copy_pages(sqlite3 *from, sqlite3 *to, struct err *err)
{
	sqlite3_backup *b = sqlite3_backup_init(to, "main", from, "main");
	int code;

	if (b == NULL)
		return ERR(err, ERR_IO, "catalog: %.120s", sqlite3_errmsg(to));
	code = sqlite3_backup_step(b, -1); /* one read transaction: all pages of one moment */
	(void)sqlite3_backup_finish(b);
	if (code == SQLITE_DONE)
		return true;
	if ((code & 0xff) == SQLITE_FULL)
		return ERR(err, ERR_NO_SPACE, "no space left for a copy of the catalog");
	if ((code & 0xff) == SQLITE_BUSY || (code & 0xff) == SQLITE_LOCKED)
		return ERR(err, ERR_BUSY, "another process holds the catalog");
	return ERR(err, ERR_IO, "catalog: %.120s (%d)", sqlite3_errstr(code), code);
}

static bool
database_open(const char *path, bool writes, sqlite3 **out, struct err *err)
{
	int code = sqlite3_open_v2(path, out,
	    (writes ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READWRITE) |
		SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE,
	    NULL);

	if (code == SQLITE_OK) {
		(void)sqlite3_busy_timeout(*out, 5000);
		return true;
	}
	return ERR(err, code == SQLITE_CANTOPEN ? ERR_NOT_FOUND : ERR_IO, "%.100s: %.60s", path,
	    sqlite3_errstr(code));
}

bool
catalog_snapshot(const char *from, const char *to, struct err *err)
{
	sqlite3 *source = NULL, *target = NULL;
	struct os_file *file = NULL;
	bool ok;

	/* Made first, so that nobody else can read it. */
	ok = os_fs_open(os_fs_real(), to, OS_OPEN_CREATE, &file, err) &&
	     os_file_close(&file, err) && database_open(from, false, &source, err) &&
	     database_open(to, true, &target, err) && copy_pages(source, target, err);
	if (target != NULL && sqlite3_close(target) != SQLITE_OK && ok)
		ok = ERR(err, ERR_IO, "catalog: the copy does not close");
	(void)sqlite3_close(source);
	return ok;
}
