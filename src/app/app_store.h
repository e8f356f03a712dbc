/* SPDX-License-Identifier: Apache-2.0 */
/* The data directory, made on the first run and opened on every other: directories, key, catalog,
 * credentials. */
#ifndef APP_STORE_H
#define APP_STORE_H

#include <stdbool.h>

#include "app_config.h"
#include "audit.h"
#include "catalog.h"
#include "crypt_key.h"

struct app_store {
	struct crypt_keys *keys;
	struct catalog *catalog;
	bool key_made, credentials_made; /* on this run */
};

/*
 * app_store_open: everything that exists before the first message.
 *
 * after   the key file, DIR/{intake,archives,tls,tmp,run} and the export directories exist;
 * DIR/credentials holds a root key (0600), DIR/tls/smtp.{crt,key} a self-signed pair unless the
 * configuration names another fails   ERR_DENIED, ERR_SEALED, ERR_CORRUPT, ERR_UNSUPPORTED,
 * ERR_NO_SPACE, ERR_IO, with what to do in the message
 */
MUST_USE bool app_store_open(
    const struct app_config *config, struct app_store *out, struct err *err);
void app_store_close(struct app_store *store);

/* The certificate in use: the configured one, or the self-signed one of the data directory. Memory
 * from arena. */
void app_store_tls_paths(const struct app_config *config, struct arena *arena,
    const char **certificate_out, const char **key_out);

/* app_store_audit_options: of DATA/audit; the name lies in arena. */
struct audit_options app_store_audit_options(
    const struct app_config *config, const struct app_store *store, struct arena *arena);

/* app_store_data_dir: make DIR (0700) if it is not there; ERR_DENIED when others could read it. */
MUST_USE bool app_store_data_dir(const char *dir, struct err *err);

#endif
