/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this room share: the connection, statements, and sealing of columns. */
#ifndef CATALOG_INT_H
#define CATALOG_INT_H

#include <pthread.h>

#include <sqlite3.h>

#include "catalog.h"
#include "crypt_seal.h"

#define CATALOG_STATEMENTS_MAX 64

struct catalog_cached {
	const char *sql; /* identity is the pointer */
	sqlite3_stmt *statement;
};

struct catalog {
	pthread_mutex_t lock;
	pthread_t holder; /* while open is true */
	bool open;        /* a transaction */
	sqlite3 *db;
	char *path; /* NULL until it is open: then closing it keeps its sum */
	struct crypt_keys *keys;
	struct rng rng;
	struct crypt_sealer *sealer;
	struct catalog_cached cache[CATALOG_STATEMENTS_MAX];
	size_t cached;
};

/* catalog_fail: err from what SQLite says about its last call. Returns false. */
bool catalog_fail(struct catalog *c, const char *where, struct err *err);

/* catalog_sum_check: before it is opened: ERR_CORRUPT when it changed since it was closed.
 * catalog_sum_drop: after it was opened. catalog_sum_write: after it was closed. */
MUST_USE bool catalog_sum_check(const char *path, struct err *err);
MUST_USE bool catalog_sum_drop(const char *path, struct err *err);
void catalog_sum_write(const char *path);

/* catalog_schema_prepare: brings an opened file to the current schema; in one transaction of its own. */
MUST_USE bool catalog_schema_prepare(struct catalog *c, struct err *err);

/*
 * catalog_statement: the statement of sql (a string that lives for ever), reset and without bindings; NULL on failure.
 * Needs an open transaction of the calling thread.
 */
sqlite3_stmt *catalog_statement(struct catalog *c, const char *sql, struct err *err);
/* Bindings are lent until the statement is prepared for its next use; NULL text binds NULL. */
void catalog_bind_text(sqlite3_stmt *s, int at, const char *text);
void catalog_bind_bytes(sqlite3_stmt *s, int at, struct bytes data);
void catalog_bind_int(sqlite3_stmt *s, int at, int64_t value);

enum catalog_step { CATALOG_STEP_ROW, CATALOG_STEP_DONE, CATALOG_STEP_FAIL };
enum catalog_step catalog_step(struct catalog *c, sqlite3_stmt *s, struct err *err);
/* catalog_run: step a statement that yields no row; false with err otherwise. Resets it. */
MUST_USE bool catalog_run(struct catalog *c, sqlite3_stmt *s, struct err *err);
/* catalog_done: reset after the last row, so that no read stays open. */
void catalog_done(sqlite3_stmt *s);

/* Columns, copied to arena; NULL columns give NULL and the empty view. */
const char *catalog_column_text(sqlite3_stmt *s, int at, struct arena *arena);
struct bytes catalog_column_bytes(sqlite3_stmt *s, int at); /* lent until the next step */

/*
 * catalog_seal / catalog_unseal: a column's bytes under the catalog's data key, bound to what they are and whose:
 * nonce, ciphertext, tag. docs/formats/catalog.md §3.
 */
MUST_USE bool catalog_seal(struct catalog *c, const char *what, const char *id, const char *part,
    struct bytes plain, struct buf *out, struct err *err);
MUST_USE bool catalog_unseal(struct catalog *c, const char *what, const char *id, const char *part,
    struct bytes sealed, struct arena *arena, struct bytes *plain_out, struct err *err);

#endif
