/* SPDX-License-Identifier: Apache-2.0 */
/* Statements prepared once, their bindings and columns, and the sealing of columns. */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base_mem.h"
#include "catalog_int.h"

#define AAD_BYTES_MAX 4096

sqlite3_stmt *
catalog_statement(struct catalog *c, const char *sql, struct err *err)
{
	sqlite3_stmt *s = NULL;

	must(c->open && pthread_equal(c->holder, pthread_self()));
	for (size_t i = 0; i < c->cached; i++)
		if (c->cache[i].sql == sql) {
			s = c->cache[i].statement;
			(void)sqlite3_reset(s);
			(void)sqlite3_clear_bindings(s);
			return s;
		}
	must(c->cached < CATALOG_STATEMENTS_MAX);
	if (sqlite3_prepare_v3(c->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &s, NULL) != SQLITE_OK) {
		catalog_fail(c, __func__, err);
		return NULL;
	}
	c->cache[c->cached].sql = sql;
	c->cache[c->cached++].statement = s;
	return s;
}

void
catalog_bind_text(sqlite3_stmt *s, int at, const char *text)
{
	if (text == NULL)
		must(sqlite3_bind_null(s, at) == SQLITE_OK);
	else
		must(sqlite3_bind_text64(s, at, text, strlen(text), SQLITE_STATIC, SQLITE_UTF8) ==
		     SQLITE_OK);
}

void
catalog_bind_bytes(sqlite3_stmt *s, int at, struct bytes data)
{
	/* A NULL pointer would bind NULL, and the empty value is a value. */
	must(sqlite3_bind_blob64(s, at, data.len == 0 ? (const void *)"" : data.ptr, data.len,
		 SQLITE_STATIC) == SQLITE_OK);
}

void
catalog_bind_int(sqlite3_stmt *s, int at, int64_t value)
{
	must(sqlite3_bind_int64(s, at, value) == SQLITE_OK);
}

enum catalog_step
catalog_step(struct catalog *c, sqlite3_stmt *s, struct err *err)
{
	switch (sqlite3_step(s)) {
	case SQLITE_ROW:
		return CATALOG_STEP_ROW;
	case SQLITE_DONE:
		return CATALOG_STEP_DONE;
	default:
		catalog_fail(c, __func__, err);
		return CATALOG_STEP_FAIL;
	}
}

bool
catalog_run(struct catalog *c, sqlite3_stmt *s, struct err *err)
{
	enum catalog_step step = catalog_step(c, s, err);

	must(step != CATALOG_STEP_ROW);
	catalog_done(s);
	return step == CATALOG_STEP_DONE;
}

void
catalog_done(sqlite3_stmt *s)
{
	(void)sqlite3_reset(s); /* repeats the failure of the last step, which was reported there */
	(void)sqlite3_clear_bindings(s);
}

const char *
catalog_column_text(sqlite3_stmt *s, int at, struct arena *arena)
{
	const unsigned char *text = sqlite3_column_text(s, at);

	return text == NULL
		   ? NULL
		   : arena_text(arena, bytes_of(text, (size_t)sqlite3_column_bytes(s, at)));
}

struct bytes
catalog_column_bytes(sqlite3_stmt *s, int at)
{
	const void *data = sqlite3_column_blob(s, at);

	return data == NULL ? BYTES_EMPTY : bytes_of(data, (size_t)sqlite3_column_bytes(s, at));
}

/* "what/id" or "what/id/part": what and id hold no slash, so that no two columns share a name. */
static bool
aad_format(struct buf *aad, const char *what, const char *id, const char *part, struct err *err)
{
	buf_init(aad, AAD_BYTES_MAX);
	buf_append_str(aad, what);
	buf_append_byte(aad, '/');
	buf_append_str(aad, id);
	if (part != NULL) {
		buf_append_byte(aad, '/');
		buf_append_str(aad, part);
	}
	return buf_ok(aad, err);
}

bool
catalog_seal(struct catalog *c, const char *what, const char *id, const char *part,
    struct bytes plain, struct buf *out, struct err *err)
{
	uint8_t nonce[CRYPT_NONCE_BYTES];
	struct buf aad;
	bool ok;

	ok = aad_format(&aad, what, id, part, err);
	if (ok) {
		rng_fill(&c->rng, nonce, sizeof nonce);
		buf_append_mem(out, nonce, sizeof nonce);
		crypt_seal(c->sealer, nonce, buf_view(&aad), plain, out);
		ok = buf_ok(out, err);
	}
	buf_fini(&aad);
	return ok;
}

bool
catalog_unseal(struct catalog *c, const char *what, const char *id, const char *part,
    struct bytes sealed, struct arena *arena, struct bytes *plain_out, struct err *err)
{
	struct bytes nonce = bytes_slice(sealed, 0, CRYPT_NONCE_BYTES);
	struct bytes body = bytes_slice(sealed, CRYPT_NONCE_BYTES, sealed.len);
	struct buf aad, plain;
	bool ok;

	if (nonce.len != CRYPT_NONCE_BYTES || body.len > CATALOG_DOCUMENT_MAX + CRYPT_TAG_BYTES)
		return ERR(err, ERR_CORRUPT, "a sealed column of the catalog has another length");
	buf_init(&plain, CATALOG_DOCUMENT_MAX + CRYPT_TAG_BYTES);
	(void)buf_reserve(
	    &plain, body.len); /* once: growing would leave copies of a secret behind */
	ok = aad_format(&aad, what, id, part, err);
	if (ok && !crypt_unseal(c->sealer, nonce.ptr, buf_view(&aad), body, &plain, err))
		ok = ERR(err, ERR_CORRUPT, "the catalog is damaged: %s %s does not open", what, id);
	if (ok)
		*plain_out = arena_bytes(arena, buf_view(&plain));
	secret_wipe(plain.ptr, plain.len);
	buf_fini(&plain);
	buf_fini(&aad);
	return ok;
}
