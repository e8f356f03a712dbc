/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Key services: they wrap and unwrap data keys under a key-encryption key that never lies in the data directory.
 * First form: `file`, a 32-byte key in a file of mode 0400.
 */
#ifndef CRYPT_KEY_H
#define CRYPT_KEY_H

#include "base_bytes.h"
#include "base_rng.h"
#include "crypt_secret.h"

#define CRYPT_WRAPPED_BYTES_MAX  256
#define CRYPT_DATA_KEY_BYTES_MAX 128 /* a data key to be wrapped: 1 .. this */

/* Thread-safe. */
struct crypt_keys;

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
void crypt_keys_free(struct crypt_keys **k);
/* crypt_keys_id: a name for the key that may be logged and stored (hex of a digest of the key, 16 characters). */
const char *crypt_keys_id(const struct crypt_keys *k);

/*
 * crypt_keys_wrap: seal a data key so that only the same context opens it; appends at most CRYPT_WRAPPED_BYTES_MAX.
 * context is not secret and is not stored in the result (archive id, pack id …).
 */
MUST_USE bool crypt_keys_wrap(struct crypt_keys *k, struct bytes context,
    const struct secret *data_key, struct buf *out, struct err *err);
/* crypt_keys_unwrap: ERR_SEALED wrong key or context; ERR_CORRUPT not a wrapped key; docs/formats/wrapped-key.md. */
MUST_USE bool crypt_keys_unwrap(struct crypt_keys *k, struct bytes context, struct bytes wrapped,
    struct secret **data_key_out, struct err *err);

/*
 * crypt_key_format / crypt_key_parse: the bytes of a key file, docs/formats/key-file.md; both sides secret.
 * fails  ERR_UNSUPPORTED a later version     ERR_CORRUPT anything else that is not a key file
 */
struct secret *crypt_key_format(const struct secret *key);
MUST_USE bool crypt_key_parse(struct bytes file, struct secret **key_out, struct err *err);

#endif
