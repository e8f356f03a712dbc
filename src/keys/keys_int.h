/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of the key services: what a backend is, and the small tools they share. */
#ifndef KEYS_INT_H
#define KEYS_INT_H

#include "keys_service.h"

/* A payload is the data key and the digest of its context: docs/formats/wrapped-key.md. */
#define KEYS_PAYLOAD_MAX (CRYPT_DATA_KEY_BYTES_MAX + 32)
#define KEYS_SEALED_MAX  (CRYPT_WRAPPED_ANY_BYTES_MAX - 1 - CRYPT_KEY_ID_BYTES)

/* seal appends what the service made of the payload; unseal gives the payload back. Errors as crypt_keys_wrap. */
struct keys_backend_ops {
	bool (*seal)(void *self, struct bytes context, struct bytes payload, struct buf *out,
	    struct err *err);
	bool (*unseal)(void *self, struct bytes context, struct bytes sealed,
	    struct secret **payload_out, struct err *err);
	void (*close)(void *self);
};
struct keys_backend {
	const struct keys_backend_ops *ops;
	void *self;
	const char *identity; /* which key this is, wherever it is asked for; of the backend */
};

bool keys_pkcs11_open(const struct keys_options *o, struct keys_backend *out, struct err *err);
bool keys_kms_open(const struct keys_options *o, struct keys_backend *out, struct err *err);
bool keys_vault_open(const struct keys_options *o, struct keys_backend *out, struct err *err);
bool keys_command_open(const struct keys_options *o, struct keys_backend *out, struct err *err);

/*
 * A buffer whose bytes lie in a secret, so that text around a key is built and read there: it never moves and its
 * ceiling is KEYS_REPLY_MAX. keys_text_fini instead of buf_fini.
 */
struct keys_text {
	struct secret *memory;
	struct buf buf;
};
void keys_text_init(struct keys_text *t);
void keys_text_fini(struct keys_text *t);

/*
 * keys_reply_find: the text at a path of object members in a JSON text, looked at where it lies, without a copy of
 * anything. Escapes are not undone: a text with any but \/ is not found.
 * out    the bytes between the quotation marks
 * fails  false: not there, not a text, or the JSON is not well-formed up to it
 */
bool keys_reply_find(struct bytes json, const char *const *path, struct bytes *out);
/* keys_reply_base64: the same, decoded. */
bool keys_reply_base64(struct bytes json, const char *const *path, struct buf *out);
/* keys_reply_payload: the same, as a secret of 1 to KEYS_PAYLOAD_MAX bytes. ERR_SEALED. */
MUST_USE bool keys_reply_payload(
    struct bytes json, const char *const *path, struct secret **payload_out, struct err *err);

/* keys_file_read: a small file with a secret, first line, without white space around it. */
bool keys_file_read(
    struct os_fs fs, const char *path, const char *what, struct secret **out, struct err *err);

#define KEYS_ACCESS_ID_SIZE 132
struct keys_credentials {
	char id[KEYS_ACCESS_ID_SIZE];
	struct secret *secret;
	struct secret *session; /* NULL = none */
};
/* keys_credentials_parse: section [default] of an AWS credentials file. ERR_SYNTAX, ERR_NOT_FOUND. */
bool keys_credentials_parse(struct bytes text, struct keys_credentials *out, struct err *err);
void keys_credentials_fini(struct keys_credentials *c);

#endif
