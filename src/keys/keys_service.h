/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Key services that talk to the outside: a PKCS #11 token, AWS KMS, Vault's transit engine, a program. Each becomes a
 * struct crypt_keys; the key-encryption key itself never comes here.
 * docs/formats/wrapped-key.md, docs/formats/key-command.md
 *
 * What every service keeps: plaintext keys lie in struct secret only, as far as this program holds them; a call
 * returns within call_ms (and KEYS_CALL_MS_MAX); a wrapped key opens for its own context only, also where the
 * service behind knows no context.
 */
#ifndef KEYS_SERVICE_H
#define KEYS_SERVICE_H

#include "base_clock.h"
#include "base_rng.h"
#include "crypt_key.h"
#include "os_fs.h"

#define KEYS_CALL_MS     5000u  /* unless configured */
#define KEYS_CALL_MS_MAX 60000u /* longest that may be configured */
#define KEYS_NAME_MAX    64u    /* bytes of a service's name */
#define KEYS_PIN_MAX     256u   /* bytes of a PIN or token */
#define KEYS_REPLY_MAX   4000u  /* bytes of an answer that holds a key; a longer one is refused */

enum keys_kind { KEYS_PKCS11, KEYS_AWS_KMS, KEYS_VAULT_TRANSIT, KEYS_COMMAND };
enum keys_mechanism { KEYS_AES_GCM, KEYS_AES_KEY_WRAP_PAD };

/* Everything is lent and copied; what a kind does not use is left out. */
struct keys_options {
	enum keys_kind kind;
	const char *name; /* in logs */
	const char *
	    key; /* label on the token; key id or ARN; name of the transit key; name for the program */
	unsigned call_ms; /* 0 = KEYS_CALL_MS */
	struct clock clock;
	struct rng rng; /* must be usable from several threads */
	struct os_fs fs;
	/* pkcs11 */
	const char *module; /* absolute path of the library */
	const char *token;  /* label */
	const char *pin_file;
	enum keys_mechanism mechanism;
	/* aws-kms, vault-transit: https://host[:port]; http:// to this machine only */
	const char *endpoint;
	const char *ca_file; /* NULL or "" = the system's */
	const char *region, *credentials_file;
	const char *mount, *token_file;
	/* command */
	const char *program; /* absolute path */
};

/*
 * keys_service_open: make the service ready. Files with secrets are read again for each use, so that what was replaced
 * is taken up; the PIN is read once.
 * cost   pkcs11 loads the module and logs in; the others talk to nobody yet
 * fails  ERR_USAGE      the options contradict themselves, names the one
 *        ERR_NOT_FOUND  no such module, token or key      ERR_DENIED  the token refuses the PIN
 *        ERR_UNSUPPORTED the token lacks the mechanism    ERR_TIMEOUT, ERR_IO
 */
MUST_USE bool keys_service_open(
    const struct keys_options *o, struct crypt_keys **out, struct err *err);

/* keys_kind_name: "pkcs11", "aws-kms", "vault-transit", "command"; keys_kind_find: the inverse; false when unknown. */
const char *keys_kind_name(enum keys_kind kind);
MUST_USE bool keys_kind_find(const char *name, enum keys_kind *out);
/* keys_endpoint_check: https, or http to this machine; nothing behind host and port. ERR_USAGE. */
MUST_USE bool keys_endpoint_check(const char *endpoint, struct err *err);

#endif
