/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Key services: they wrap and unwrap data keys under a key-encryption key that never lies in the data directory.
 * The one that is always there is `file`, a 32-byte key in a file of mode 0400; services that talk to the outside are
 * made by the keys room.
 */
#ifndef CRYPT_KEY_H
#define CRYPT_KEY_H

#include "base_bytes.h"
#include "base_rng.h"
#include "crypt_secret.h"

#define CRYPT_WRAPPED_BYTES_MAX     256  /* by a key in memory */
#define CRYPT_WRAPPED_ANY_BYTES_MAX 4096 /* by any key service */
#define CRYPT_DATA_KEY_BYTES_MAX    128  /* a data key to be wrapped: 1 .. this */
#define CRYPT_CONTEXT_BYTES_MAX     1024
/* First byte of a wrapped key. docs/formats/wrapped-key.md */
#define CRYPT_WRAPPED_VERSION_LOCAL   1
#define CRYPT_WRAPPED_VERSION_SERVICE 2
#define CRYPT_KEY_ID_BYTES            8
#define CRYPT_KEY_ID_SIZE             (2 * CRYPT_KEY_ID_BYTES + 1) /* in hex, with NUL */

/* Thread-safe. */
struct crypt_keys;

/*
 * What a key service does. Every function may be called by any thread at any time and returns within a time that the
 * service names. wrap and unwrap are as crypt_keys_wrap and crypt_keys_unwrap below.
 */
struct crypt_keys_ops {
	bool (*wrap)(void *self, struct bytes context, const struct secret *data_key,
	    struct buf *out, struct err *err);
	bool (*unwrap)(void *self, struct bytes context, struct bytes wrapped,
	    struct secret **data_key_out, struct err *err);
	void (*close)(void *self);
};
/*
 * crypt_keys_of: a key service from its parts.
 * in     ops    kept      self  taken: crypt_keys_free ends it with ops->close
 *        id     what its wrapped keys carry at offset 1 (docs/formats/wrapped-key.md)
 *        name   for people and logs, copied
 */
struct crypt_keys *crypt_keys_of(const struct crypt_keys_ops *ops, void *self,
    const uint8_t id[CRYPT_KEY_ID_BYTES], const char *name);

/*
 * crypt_keys_open_file: a key service over the key file at path. create: make the file (0400, synced, with its
 * directory) if it is not there.
 * fails  ERR_DENIED    the file's mode lets others read it, or it lies beneath data_dir (after resolving links)
 *        ERR_NOT_FOUND absent and create is false      ERR_CORRUPT  not a key file      ERR_IO
 *        ERR_UNSUPPORTED a later version of the format
 * source docs/formats/key-file.md
 */
MUST_USE bool crypt_keys_open_file(const char *path, const char *data_dir, bool create,
    const struct rng *rng, struct crypt_keys **out, struct err *err);
/* crypt_keys_new: the same service over a key that is already in memory (lent, CRYPT_KEY_BYTES long); rng is copied,
 * what it points to is kept. For tests, and for key files that somebody else read. */
struct crypt_keys *crypt_keys_new(const struct secret *key, const struct rng *rng);
/* crypt_keys_pair: what now is, and it unwraps what before wrapped as well: while keys are wrapped anew. Both are
 * taken. */
struct crypt_keys *crypt_keys_pair(struct crypt_keys *now, struct crypt_keys *before);
void crypt_keys_free(struct crypt_keys **k);
/* crypt_keys_id: a name for the key that may be logged and stored (16 hex digits of a digest). */
const char *crypt_keys_id(const struct crypt_keys *k);
/* crypt_keys_name: the service's name, "file" unless it was made with another. */
const char *crypt_keys_name(const struct crypt_keys *k);
/* crypt_keys_id_of: the id of the key that wrapped these bytes. ERR_CORRUPT they are no wrapped key. */
MUST_USE bool crypt_keys_id_of(
    struct bytes wrapped, char id_out[CRYPT_KEY_ID_SIZE], struct err *err);
/* crypt_keys_is_own: k's own key wrapped these bytes, and no other that k may unwrap with. */
bool crypt_keys_is_own(const struct crypt_keys *k, struct bytes wrapped);

/*
 * crypt_keys_wrap: seal a data key so that only the same context opens it; appends at most CRYPT_WRAPPED_BYTES_MAX
 * (a key in memory) or CRYPT_WRAPPED_ANY_BYTES_MAX (any service).
 * in     context  not secret and not stored in the result (archive id, pack id …); at most CRYPT_CONTEXT_BYTES_MAX
 * fails  ERR_LIMIT   context too long, out full
 *        ERR_TIMEOUT the key service is away: it could not be reached, did not answer in time, or says it is busy
 *        ERR_DENIED  the key service refuses us        ERR_SEALED  it has no such key
 */
MUST_USE bool crypt_keys_wrap(struct crypt_keys *k, struct bytes context,
    const struct secret *data_key, struct buf *out, struct err *err);
/* crypt_keys_unwrap: ERR_SEALED wrong key or context; ERR_CORRUPT not a wrapped key; ERR_TIMEOUT, ERR_DENIED as above.
 * source docs/formats/wrapped-key.md */
MUST_USE bool crypt_keys_unwrap(struct crypt_keys *k, struct bytes context, struct bytes wrapped,
    struct secret **data_key_out, struct err *err);

/*
 * crypt_key_format / crypt_key_parse: the bytes of a key file, docs/formats/key-file.md; both sides secret.
 * fails  ERR_UNSUPPORTED a later version     ERR_CORRUPT anything else that is not a key file
 */
struct secret *crypt_key_format(const struct secret *key);
MUST_USE bool crypt_key_parse(struct bytes file, struct secret **key_out, struct err *err);

#endif
