/* SPDX-License-Identifier: Apache-2.0 */
/* Opening, closing and transactions: one connection behind one lock. */
#include <errno.h>
#include <string.h>

#include "base_mem.h"
#include "catalog_int.h"
#include "os_fs.h"

#define BUSY_MS 5000

/* FULL: a commit that returned is on the disk. No temporary file ever holds a sorted column in the clear. */
static const char PRAGMAS[] = "PRAGMA synchronous=FULL;"
			      "PRAGMA foreign_keys=ON;"
			      "PRAGMA temp_store=MEMORY;"
			      "PRAGMA trusted_schema=OFF;"
			      "PRAGMA cell_size_check=ON;"
			      "PRAGMA secure_delete=ON;";

bool
catalog_fail(struct catalog *c, const char *where, struct err *err)
{
	int code = sqlite3_extended_errcode(c->db);
	const char *text = sqlite3_errmsg(c->db);

	must((code & 0xff) != SQLITE_NOMEM && (code & 0xff) != SQLITE_MISUSE &&
	     (code & 0xff) != SQLITE_RANGE);
	switch (code & 0xff) {
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return err_set(err, ERR_CORRUPT, where, "the catalog is damaged: %s", text);
	case SQLITE_FULL:
		return err_set(err, ERR_NO_SPACE, where, "no space left for the catalog");
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return err_set(err, ERR_BUSY, where, "another process holds the catalog");
	case SQLITE_CONSTRAINT:
		if (code == SQLITE_CONSTRAINT_FOREIGNKEY)
			return err_set(
			    err, ERR_NOT_FOUND, where, "what this belongs to does not exist");
		must(code == SQLITE_CONSTRAINT_UNIQUE || code == SQLITE_CONSTRAINT_PRIMARYKEY);
		return err_set(err, ERR_EXISTS, where, "the id or name is taken");
	case SQLITE_TOOBIG:
		return err_set(err, ERR_LIMIT, where, "too large for the catalog");
	case SQLITE_PERM:
	case SQLITE_READONLY:
		return err_set(err, ERR_DENIED, where, "the catalog may not be written: %s", text);
	default:
		errno = sqlite3_system_errno(c->db);
		if (errno != 0)
			return err_set_sys(err, ERR_IO, where, "catalog: %s", text);
		return err_set(err, ERR_IO, where, "catalog: %s (%d)", text, code);
	}
}

/* SQLite would make the file readable for others where the umask lets it. */
static bool
file_make(const char *path, struct err *err)
{
	struct os_file *file;
	struct err why;

	if (os_fs_open(os_fs_real(), path, OS_OPEN_CREATE, &file, &why))
		return os_file_close(&file, err);
	if (why.code == ERR_EXISTS)
		return true;
	*err = why;
	return err_prefix(err, "catalog");
}

/* Runs a pragma and compares its first answer. */
static bool
pragma_expect(struct catalog *c, const char *sql, const char *want, bool *same_out, struct err *err)
{
	sqlite3_stmt *s = NULL;
	int got;

	if (sqlite3_prepare_v2(c->db, sql, -1, &s, NULL) != SQLITE_OK)
		return catalog_fail(c, __func__, err);
	got = sqlite3_step(s);
	if (got == SQLITE_ROW)
		*same_out = strcmp((const char *)sqlite3_column_text(s, 0), want) == 0;
	(void)sqlite3_finalize(s);
	return got == SQLITE_ROW || catalog_fail(c, __func__, err);
}

static bool
connection_prepare(struct catalog *c, struct err *err)
{
	bool same = false;

	(void)sqlite3_busy_timeout(c->db, BUSY_MS);
	(void)sqlite3_db_config(c->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	if (!pragma_expect(c, "PRAGMA journal_mode=WAL", "wal", &same, err))
		return false;
	if (!same)
		return ERR(err, ERR_UNSUPPORTED, "the file system cannot hold a write-ahead log");
	if (sqlite3_exec(c->db, PRAGMAS, NULL, NULL, NULL) != SQLITE_OK)
		return catalog_fail(c, __func__, err);
	if (!pragma_expect(c, "PRAGMA quick_check(1)", "ok", &same, err))
		return false;
	return same ||
	       ERR(err, ERR_CORRUPT, "the catalog is damaged: its pages do not fit together");
}

static void
lock_init(struct catalog *c)
{
	pthread_mutexattr_t kind;

	must(pthread_mutexattr_init(&kind) == 0);
	must(pthread_mutexattr_settype(&kind, PTHREAD_MUTEX_ERRORCHECK) == 0);
	must(pthread_mutex_init(&c->lock, &kind) == 0);
	(void)pthread_mutexattr_destroy(&kind);
}

bool
catalog_open(const char *path, struct crypt_keys *keys, const struct rng *rng, struct catalog **out,
    struct err *err)
{
	struct catalog *c = mem_calloc(1, sizeof *c);
	bool ok;

	c->keys = keys;
	c->rng = *rng;
	lock_init(c);
	ok = catalog_sum_check(path, err) && file_make(path, err);
	if (ok && sqlite3_open_v2(path, &c->db,
		      SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE |
			  SQLITE_OPEN_EXRESCODE,
		      NULL) != SQLITE_OK)
		ok = catalog_fail(c, __func__, err);
	ok = ok && connection_prepare(c, err) && catalog_schema_prepare(c, err) &&
	     catalog_sum_drop(path, err);
	if (ok) {
		c->path = mem_strdup(path);
		*out = c;
	} else {
		catalog_close(&c);
		err_prefix(err, "%s: ", path);
	}
	return ok;
}

void
catalog_close(struct catalog **c)
{
	if (*c == NULL)
		return;
	must(!(*c)->open);
	for (size_t i = 0; i < (*c)->cached; i++)
		(void)sqlite3_finalize((*c)->cache[i].statement);
	if (sqlite3_close((*c)->db) == SQLITE_OK && (*c)->path != NULL)
		catalog_sum_write((*c)->path);
	mem_free((*c)->path);
	crypt_sealer_free(&(*c)->sealer);
	(void)pthread_mutex_destroy(&(*c)->lock);
	mem_free(*c);
	*c = NULL;
}

static void
transaction_end(struct catalog *c)
{
	c->open = false;
	must(pthread_mutex_unlock(&c->lock) == 0);
}

bool
catalog_begin(struct catalog *c, struct err *err)
{
	must(pthread_mutex_lock(&c->lock) == 0); /* a thread that holds it already is our bug */
	if (sqlite3_exec(c->db, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK) {
		catalog_fail(c, __func__, err);
		must(pthread_mutex_unlock(&c->lock) == 0);
		return false;
	}
	c->holder = pthread_self();
	c->open = true;
	return true;
}

/* Only memory can be missing for this; a transaction that stayed open would shut out every later one. */
static void
roll_back(struct catalog *c)
{
	if (sqlite3_get_autocommit(c->db) == 0)
		(void)sqlite3_exec(c->db, "ROLLBACK", NULL, NULL, NULL);
	must(sqlite3_get_autocommit(c->db) != 0);
}

bool
catalog_commit(struct catalog *c, struct err *err)
{
	bool ok;

	must(c->open && pthread_equal(c->holder, pthread_self()));
	/* SQLite rolls back by itself when the disk fails in the middle: then there is nothing left to commit. */
	if (sqlite3_get_autocommit(c->db) != 0)
		ok = ERR(err, ERR_IO, "the transaction was rolled back after an earlier failure");
	else
		ok = sqlite3_exec(c->db, "COMMIT", NULL, NULL, NULL) == SQLITE_OK ||
		     catalog_fail(c, __func__, err);
	if (!ok)
		roll_back(c);
	transaction_end(c);
	return ok;
}

void
catalog_rollback(struct catalog *c)
{
	must(c->open && pthread_equal(c->holder, pthread_self()));
	roll_back(c);
	transaction_end(c);
}
