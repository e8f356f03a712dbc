/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The catalog: control-plane rows (resources, tags, jobs, tokens, access keys). Wraps SQLite; WAL, synchronous=FULL.
 * Thread-safe: one connection behind one lock; a transaction holds the lock from begin to commit or rollback.
 * Documents, tag values, settings and access-key secrets are sealed (AES-256-GCM) under the catalog's data key before
 * they reach SQLite, because policies and searches name people; ids, kinds, names of resources, states, times and tag
 * keys stay readable columns. docs/formats/catalog.md.
 *
 * Every failure of the machine is ERR_IO, ERR_NO_SPACE, ERR_BUSY (another process holds the file) or ERR_CORRUPT; below
 * only the others are named. After any failure but ERR_NOT_FOUND, ERR_EXISTS and ERR_LIMIT: roll back.
 * char * arguments are UTF-8; ids hold no '/'.
 */
#ifndef CATALOG_H
#define CATALOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base_arena.h"
#include "base_bytes.h"
#include "base_clock.h"
#include "base_rng.h"
#include "crypt_key.h"

struct catalog;

/*
 * catalog_open: creates (mode 0600) or upgrades the file. keys is kept; rng is copied, what it points to is kept.
 * cost   reads the whole file once (PRAGMA quick_check)
 * fails  ERR_UNSUPPORTED a newer schema     ERR_CORRUPT a damaged file, or another program's database
 *        ERR_SEALED      keys is not the key service that made it
 */
MUST_USE bool catalog_open(const char *path, struct crypt_keys *keys, const struct rng *rng,
    struct catalog **out, struct err *err);
void catalog_close(struct catalog **c);
/*
 * catalog_snapshot: the file at from as it is at one moment, in the new file to (0600); from may be open, here or in
 * another process.
 * fails  ERR_EXISTS to is there; ERR_NOT_FOUND no from; ERR_BUSY, ERR_NO_SPACE, ERR_IO; then to may be there in part
 */
MUST_USE bool catalog_snapshot(const char *from, const char *to, struct err *err);

/* Every function below needs an open transaction of the calling thread. Nothing is durable before commit is true. */
MUST_USE bool catalog_begin(struct catalog *c, struct err *err);
MUST_USE bool catalog_commit(
    struct catalog *c, struct err *err); /* on false everything is rolled back */
void catalog_rollback(struct catalog *c);

/* Kinds of rows: the resource kinds of the API and its jobs. */
enum catalog_kind {
	CATALOG_ARCHIVE = 1,
	CATALOG_RULE_SET,
	CATALOG_TRAFFIC_POLICY,
	CATALOG_INGRESS_POINT,
	CATALOG_RELAY,
	CATALOG_SEARCH,      /* owner = archive id */
	CATALOG_EXPORT,      /* owner = archive id */
	CATALOG_HOLD,        /* legal holds */
	CATALOG_DISPOSITION, /* owner = archive id */
	CATALOG_ERASURE      /* owner = archive id; name = the message's id */
};

/* A row is live from insert to delete whatever its state says, and holds its name that long. */
struct catalog_row {
	enum catalog_kind kind;
	const char *id;
	const char *name;  /* unique among live rows of its kind when not NULL */
	const char *owner; /* NULL or the id of the row it belongs to */
	const char *state; /* free text of the kind's state machine, NULL = none */
	int64_t created_ms, updated_ms;
	struct bytes
	    document; /* JSON text, as far as the catalog cares any bytes; at most CATALOG_DOCUMENT_MAX */
};
#define CATALOG_DOCUMENT_MAX ((size_t)16 * 1024 * 1024)

/* catalog_insert: ERR_EXISTS when id (of any kind) or (kind, name) is taken; ERR_LIMIT document too long. */
MUST_USE bool catalog_insert(struct catalog *c, const struct catalog_row *row, struct err *err);
/* catalog_update: every field but kind and id; ERR_NOT_FOUND, ERR_EXISTS (name). */
MUST_USE bool catalog_update(struct catalog *c, const struct catalog_row *row, struct err *err);
/* catalog_delete: the row and its tags; ERR_NOT_FOUND. */
MUST_USE bool catalog_delete(
    struct catalog *c, enum catalog_kind kind, const char *id, struct err *err);
/* catalog_get / catalog_find: memory from arena; ERR_NOT_FOUND. */
MUST_USE bool catalog_get(struct catalog *c, enum catalog_kind kind, const char *id,
    struct arena *arena, struct catalog_row *out, struct err *err);
MUST_USE bool catalog_find(struct catalog *c, enum catalog_kind kind, const char *name,
    struct arena *arena, struct catalog_row *out, struct err *err);

/* catalog_list: newest first (created_ms, then id, both descending), strictly after the cursor; owner NULL = any.
 * *count_out <= limit rows into rows_out. A zeroed cursor starts at the top. */
struct catalog_cursor {
	int64_t created_ms;
	const char *id;
};
MUST_USE bool catalog_list(struct catalog *c, enum catalog_kind kind, const char *owner,
    const struct catalog_cursor *after, size_t limit, struct arena *arena,
    struct catalog_row *rows_out, size_t *count_out, struct err *err);
MUST_USE bool catalog_count(struct catalog *c, enum catalog_kind kind, const char *owner,
    const char *state, uint64_t *count_out, struct err *err); /* owner and state NULL = any */

/*
 * Parts of a row: numbered pieces too large or too many for its document (the ids of a hold, a certificate). They go
 * with their row. put replaces; get: ERR_NOT_FOUND; count: parts that are there; clear: from ≤ number < end.
 */
MUST_USE bool catalog_part_put(
    struct catalog *c, const char *id, uint32_t number, struct bytes data, struct err *err);
MUST_USE bool catalog_part_get(struct catalog *c, const char *id, uint32_t number,
    struct arena *arena, struct bytes *out, struct err *err);
MUST_USE bool catalog_part_count(
    struct catalog *c, const char *id, uint32_t *count_out, struct err *err);
MUST_USE bool catalog_part_clear(
    struct catalog *c, const char *id, uint32_t from, uint32_t end, struct err *err);
#define CATALOG_PART_MAX ((size_t)4 * 1024 * 1024) /* bytes of one; ERR_LIMIT */

/* Tags of a resource, by id; sorted by key. Set: ERR_NOT_FOUND when no row has the id, so insert the row first. */
struct catalog_tag {
	const char *key, *value;
};
MUST_USE bool catalog_tag_set(
    struct catalog *c, const char *id, const char *key, const char *value, struct err *err);
MUST_USE bool catalog_tag_unset(
    struct catalog *c, const char *id, const char *key, struct err *err); /* absent: true */
MUST_USE bool catalog_tag_clear(struct catalog *c, const char *id, struct err *err);
MUST_USE bool catalog_tag_list(struct catalog *c, const char *id, struct arena *arena,
    struct catalog_tag **out, size_t *count_out, struct err *err);

/* Idempotency tokens: (operation, token) → digest of the input and the id that was answered. */
MUST_USE bool catalog_token_get(struct catalog *c, const char *operation, const char *token,
    struct arena *arena, struct bytes *digest_out, const char **id_out,
    struct err *err); /* ERR_NOT_FOUND */
MUST_USE bool catalog_token_put(struct catalog *c, const char *operation, const char *token,
    struct bytes digest, const char *id, int64_t now_ms, struct err *err);
MUST_USE bool catalog_token_purge(struct catalog *c, int64_t before_ms, struct err *err);

/* Access keys. The secret is stored sealed (SigV4 needs it whole). */
struct catalog_access_key {
	const char *id;        /* "AKIA…", 20 characters */
	struct bytes secret;   /* from the arena; wipe after use */
	const char *principal; /* "root" */
	const char *status;    /* "Active" or "Inactive" */
	int64_t created_ms;
};
MUST_USE bool catalog_key_put(struct catalog *c, const struct catalog_access_key *key,
    struct err *err); /* insert or update */
MUST_USE bool catalog_key_get(struct catalog *c, const char *id, struct arena *arena,
    struct catalog_access_key *out, struct err *err);
MUST_USE bool catalog_key_delete(struct catalog *c, const char *id, struct err *err);
MUST_USE bool catalog_key_list(struct catalog *c, struct arena *arena,
    struct catalog_access_key **out, size_t *count_out, struct err *err); /* secrets left empty */

/* Small named values of the installation (account number, TLS choices, …). */
MUST_USE bool catalog_setting_get(
    struct catalog *c, const char *name, struct arena *arena, struct bytes *out, struct err *err);
MUST_USE bool catalog_setting_put(
    struct catalog *c, const char *name, struct bytes value, struct err *err);

#endif
